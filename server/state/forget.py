"""Forgets every write that is resolved, and what is known of leads and prospects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from leadbridge.server.errors import StateError
from leadbridge.server.state import audit, tables
from leadbridge.server.state.tables import approvals, being_created, writes

USED_YES = 24 * 3600.0
"""Seconds for which a yes that was used up is remembered: longer than any lives."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten, and which writes stay because nobody knows what became of them."""

    writes: int
    records: int
    """Leads and prospects."""
    unresolved: tuple[int, ...]


def forget_resolved(connection: Connection, now: float) -> Forgotten:
    """Forget; what a dead process left must be resolved before.

    Raises:
        StateError: something is being written right now.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # or what was deleted stays in the file
    busy = connection.execute(select(writes.c.id).where(writes.c.state.in_(("intended", "sent")))).scalars().all()
    if busy:
        msg = f"Nothing was forgotten: write {busy[0]} is being sent right now. Try again when that is over."
        raise StateError(msg)
    kept = connection.execute(select(writes).where(writes.c.state == "unknown").order_by(writes.c.id)).all()
    ids = [row.id for row in kept]
    newest = connection.execute(select(func.max(writes.c.id))).scalar()
    connection.execute(being_created.delete().where(being_created.c.write_id.not_in(ids)))
    # The newest stays as an empty row, so that no number is given twice.
    gone = connection.execute(writes.delete().where(writes.c.id.not_in([*ids, newest or 0]))).rowcount
    if newest is not None and newest not in ids:
        gone += 1
        empty: dict[str, Any] = dict.fromkeys(("target", "subject", "repeat_digest", "approval_id"), "")
        empty |= {"operation": "leadbridge.history_forget", "state": "done", "arguments": {}, "record_id": None}
        summary = f"{gone} writes up to this one were forgotten."
        values = {**empty, "approval": "asked", "summary": summary, "updated_at": now}
        connection.execute(writes.update().where(writes.c.id == newest).values(**values))
    connection.execute(approvals.delete().where(approvals.c.at <= now - USED_YES))
    records = sum(connection.execute(table.delete()).rowcount for table in (tables.leads, tables.seen_prospects))
    for table in (tables.seen_keys, tables.seen_coverage, tables.observations):
        connection.execute(table.delete())
    audit.begin_anew(connection)
    audit.append(connection, now, {"forgot": gone, "by": "person"})
    audit.seal_what_is_there(connection, now, "kept")
    return Forgotten(gone, records, tuple(ids))
