"""Outcomes of writes that could not be put on record when they came: a full disk, a database that was away.

They are kept by the process that saw them, and go on record with its next look at the ledger. If the process ends
before that, the next one finds the write as `sent`, and tells it as unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from leadbridge.server.state import Store
from leadbridge.server.writes.recovery import set_state

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class LateOutcomes:
    """What one process still has to put on record in one store."""

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
