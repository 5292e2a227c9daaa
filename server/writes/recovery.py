"""States of writes, and what a killed process left behind, as the next one reports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from leadbridge.server import state as kept
from leadbridge.server.state import Store
from leadbridge.server.writes.owners import lives, this_process

LARGEST_ID = 2**63 - 1
"""The largest id that fits the column; a larger one is reported but not stored."""

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

LEASE = 900.0
"""Seconds after which a write is given up whose process cannot be looked at; longer than any deadline."""
_OPEN = ("intended", "sent")


def allow_attempt(connection: Connection, now: float, write_id: int) -> bool:
    """Whether this process may send a write at this instant, for the first time or again."""
    if set_state(connection, now, write_id, "sent") == "intended":
        return True
    # Its lease begins anew, for those who cannot see whether this process lives.
    again = {"of_id": write_id, "of_owner": this_process(), "lease_until": now + LEASE}
    return bool(connection.execute(kept.statements.SEND_AGAIN, again).rowcount)


def set_state(
    connection: Connection,
    now: float,
    write_id: int,
    state: str,
    summary: str = "",
    record_id: int | None = None,
    *,
    by: str = "server",
) -> str:
    """Put a write's state on record, and on the audit trail, in one transaction; which state it had before.

    A write that was resolved meanwhile, by another process or a person, gets the outcome that its own process knows for
    certain (`done`, `failed`) all the same: that is what it is. Nothing else changes a resolved one.
    """
    before = kept.writes.state_of(connection, write_id) or "forgotten"
    if before not in {"sent": ("intended",), "unknown": _OPEN}.get(state, (*_OPEN, "unknown", "done", "failed")):
        return before
    values: dict[str, Any] = {"state": state, "updated_at": now}
    if summary:
        values["summary"] = summary[:1000]
    if record_id is not None and 0 <= record_id <= LARGEST_ID:
        values["record_id"] = record_id
    kept.writes.change(connection, write_id, values)
    late = {} if before in _OPEN or by != "server" else {"was": before}
    kept.audit.append(connection, now, {"write": write_id, "state": state, "record_id": record_id, "by": by, **late})
    return before


def resolve_orphans(connection: Connection, now: float) -> None:
    """What a dead process left: never sent is `failed`, perhaps sent is `unknown`."""
    for row in kept.writes.unfinished(connection):
        alive = lives(row.owner)
        if alive or (alive is None and row.lease_until > now):  # whoever is seen to live is at it, however long
            continue
        if row.state == "intended":
            summary = "The server ended before anything was sent."
            set_state(connection, now, row.id, "failed", summary, by="recovery")
        else:
            summary = "The server ended while this was being sent; it may or may not have taken effect."
            set_state(connection, now, row.id, "unknown", summary, by="recovery")


class LateOutcomes:
    """Outcomes that could not be put on record when they came: a full disk, a database that was away.

    They are kept by the process that saw them, and go on record with its next look at the ledger. If the process ends
    before that, the next one finds the write as `sent`, and reports it as unknown.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, tuple[str, str, int | None]] = {}

    def add(self, write_id: int, state: str, summary: str, record_id: int | None) -> None:
        """Keep an outcome until the store can be written again."""
        self._waiting[write_id] = (state, summary, record_id)

    async def run(self, work: Callable[[Connection], T], now: float) -> T:
        """Put on record what waits, then run `work`, in one transaction.

        Raises:
            StateError: the store cannot be used; what waits goes on waiting.
        """
        waiting = dict(self._waiting)

        def both(connection: Connection) -> T:
            for write_id, outcome in waiting.items():
                set_state(connection, now, write_id, *outcome)
            return work(connection)

        answer = await self._store.run(both)
        for write_id, outcome in waiting.items():
            if self._waiting.get(write_id) == outcome:
                del self._waiting[write_id]
        return answer
