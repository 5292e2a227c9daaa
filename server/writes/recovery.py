"""States of writes, and the truth about what a killed process left behind, told by the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadbridge.server.state import audit
from leadbridge.server.writes.owners import is_gone, this_process

LARGEST_ID = 2**63 - 1
"""What a column holds; an id beyond it is told, but not kept."""

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BEFORE = {
    "sent": ("intended",),
    "done": ("intended", "sent", "unknown"),
    "failed": ("intended", "sent", "unknown"),
    "unknown": ("intended", "sent"),
}


def set_state(
    connection: Connection,
    now: float,
    write_id: int,
    state: str,
    summary: str = "",
    record_id: int | None = None,
    *,
    by: str = "server",
) -> bool:
    """Put a write's state on record, and on the audit trail, in one transaction; whether it could still go there.

    A write that was settled meanwhile, by another process or a person, stays as they found it.
    """
    from leadbridge.server.state.statements import SET_WRITE

    values: dict[str, Any] = {"state": state, "updated_at": now}
    if summary:
        values["summary"] = summary[:1000]
    if record_id is not None and 0 <= record_id <= LARGEST_ID:
        values["record_id"] = record_id
    which = {"of_id": write_id, "of_states": _BEFORE[state]}
    if not connection.execute(SET_WRITE, {**values, **which}).rowcount:
        return False
    audit.append(connection, now, {"write": write_id, "state": state, "record_id": record_id, "by": by})
    return True


def settle_orphans(connection: Connection, now: float) -> None:
    """What a dead process left: never sent is `failed`, perhaps sent is `unknown`."""
    from leadbridge.server.state.statements import UNFINISHED

    rows = connection.execute(UNFINISHED).all()
    for row in rows:
        if row.owner == this_process() and row.lease_until > now:
            continue
        if row.lease_until > now and not is_gone(row.owner):
            continue
        if row.state == "intended":
            told = "The server ended before anything was sent."
            set_state(connection, now, row.id, "failed", told, by="recovery")
        else:
            told = "The server ended while this was being sent; it may or may not have taken effect."
            set_state(connection, now, row.id, "unknown", told, by="recovery")
