"""What is known of how the services really behave: filters that they ignore, paths that are not there, new names.

Learnt by `leadbridge doctor --live` and while tools run, kept in the state store for each account. Nothing here may
stop a read: a store that cannot be used only means that nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from leadbridge.server.catalog import Operation
from leadbridge.server.errors import StateError
from leadbridge.server.services.observed import Observed
from leadbridge.server.state import Store
from leadbridge.server.text import label

if TYPE_CHECKING:
    from sqlalchemy import Connection

FRESH = 300.0
"""Seconds for which what was read from the store is believed without looking again."""
MOST_KEPT = 500
"""Rows of one account; the oldest go."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen. `kind` is filter, path, field, value or shape."""

    operation: str
    kind: str
    name: str
    state: str
    count: int = 1
    seen_at: float = 0.0

    @property
    def seen(self) -> str:
        """The day when it was last seen, in UTC."""
        return datetime.fromtimestamp(self.seen_at, UTC).strftime("%Y-%m-%d")

    def counts_against(self, operation: Operation | None) -> bool:
        """Whether it speaks against the contract as it is now: not if that was corrected since, or it is no fault."""
        if operation is None or self.kind == "shape" or self.state == "honoured":
            return False
        if self.kind == "path":
            return self.name == operation.path and not operation.path_is_certain
        return self.kind != "filter" or any(field.wire == self.name for field in operation.query.values())

    @property
    def told(self) -> str:
        """The observation in words; names that a service made up are marked."""
        operation, name = self.operation, label(self.name, limit=60)
        if self.kind == "filter":
            return f"{operation}: filter {name} is {self.state} ({self.seen})"
        if self.kind == "path":
            return (
                f"{operation}: nothing found at {name} ({self.count} x, last {self.seen}); correct it in "
                "LEADBRIDGE_CONTRACT_FILE, `leadbridge contract check` looks for the documented one"
            )
        if self.kind == "shape":
            return f"{operation}: answers as {label(self.state, limit=60)} ({self.seen})"
        return f"{operation}: unknown {self.kind} {name} ({self.count} x, last {self.seen})"


def summarize_observations(rows: Sequence[Observation], most: int = MOST_KEPT) -> list[str]:
    """Observations in words: one line for all unknown fields and one for all unknown values of an operation.

    `most`: how many names a line holds.
    """
    groups: dict[tuple[str, str], list[Observation]] = {}
    for row in rows:
        groups.setdefault((row.operation, row.kind if row.kind in {"field", "value"} else row.told), []).append(row)
    return [group[0].told if len(group) == 1 else _names(group, most) for group in groups.values()]


def _names(rows: Sequence[Observation], most: int) -> str:
    often = sorted(rows, key=lambda row: -row.count)
    names = [f"{label(row.name, limit=60)} ({row.count} x)" for row in often[:most]]
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return (
        f"{rows[0].operation}: unknown {rows[0].kind}s {', '.join(names)}{more}, last {max(row.seen for row in rows)}"
    )


@dataclass(slots=True)
class Observations:
    """Reads and keeps observations; what was read stays in memory for a while."""

    store: Store
    account: Callable[[str], str]
    clock: Callable[[], float] = time.time
    _known: dict[str, list[Observation]] = field(default_factory=dict[str, list[Observation]])
    _read_at: dict[str, float] = field(default_factory=dict[str, float])

    async def of_service(self, service: str) -> list[Observation]:
        """Everything known of a service; nothing if the store cannot be used."""
        now = self.clock()
        if now - self._read_at.get(service, -FRESH) < FRESH:
            return self._known.get(service, [])
        if not self.store.exists:
            return []
        try:
            self._known[service] = await self.store.run(lambda connection: self._read(connection, service))
        except StateError:
            self._known.setdefault(service, [])
        self._read_at[service] = now
        return self._known[service]

    async def filters(self, operation: Operation) -> dict[str, str]:
        """By name on the wire: `ignored` or `honoured`."""
        known = await self.of_service(operation.service)
        return {row.name: row.state for row in known if (row.operation, row.kind) == (operation.id, "filter")}

    async def remember(self, service: str, found: Sequence[Observation]) -> bool:
        """Keep what was found; counts add up. Whether that was possible."""
        if not found:
            return True
        try:
            await self.store.run(lambda connection: self._write(connection, service, found))
        except StateError:
            return False
        self._read_at.pop(service, None)
        return True

    async def save(self, service: str, observed: Observed) -> list[Observation]:
        """Keep what a client has seen since the last time; what could not be kept is given back.

        A path that has worked once is right: a 404 there, before or after, was a record that does not exist.
        """
        counts = observed.unsaved()
        known = {(row.operation, row.name): row for row in await self.of_service(service) if row.kind == "path"}
        right = [
            Observation(row.operation, "path", row.name, "honoured", 0)
            for row in known.values()
            if row.operation in observed.worked and row.state != "honoured"
        ]
        new = [
            Observation(operation, kind, name, "seen", count, self.clock())
            for (operation, kind, name), count in counts.items()
            if kind != "path" or (row := known.get((operation, name))) is None or row.state != "honoured"
        ]
        if not await self.remember(service, [*right, *new]):
            return new
        observed.saved(counts)
        return []

    def _read(self, connection: Connection, service: str) -> list[Observation]:
        from sqlalchemy import select

        from leadbridge.server.state.tables import observations as table

        columns = (table.c.operation, table.c.kind, table.c.name, table.c.state, table.c["count"], table.c.seen_at)
        rows = connection.execute(select(*columns).where(table.c.account == self.account(service)))
        found = [Observation(*row) for row in rows]
        return sorted(found, key=lambda row: (row.operation, row.kind, row.name))

    def _write(self, connection: Connection, service: str, found: Iterable[Observation]) -> None:
        from sqlalchemy import func, select

        from leadbridge.server.state.tables import observations as table

        account, now = self.account(service), self.clock()
        for row in found:
            key = [
                table.c.account == account,
                table.c.operation == row.operation,
                table.c.kind == row.kind,
                table.c.name == row.name[:120],
            ]
            values = {"state": row.state[:40], "seen_at": now, "count": table.c["count"] + row.count}
            if not connection.execute(table.update().where(*key).values(**values)).rowcount:
                new = {"account": account, "operation": row.operation, "kind": row.kind, "name": row.name[:120]}
                connection.execute(table.insert().values(**new, state=row.state[:40], seen_at=now, count=row.count))
        mine = table.c.account == account
        kept = connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
        if kept > MOST_KEPT:
            oldest = select(table.c.seen_at).where(mine).order_by(table.c.seen_at).offset(kept - MOST_KEPT).limit(1)
            connection.execute(table.delete().where(mine, table.c.seen_at < oldest.scalar_subquery()))


async def check_filters(
    observations: Observations, operation: Operation, given: Iterable[str], ignored: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Which of the given filters are ignored, and of which nothing is known.

    `ignored` are those that the rows contradict. A filter known to be ignored is told even where the rows fit it by
    chance; one that the rows contradict is remembered. Without a filter of an inferred name the store is not asked.
    """
    names = {name: operation.query[name].wire for name in operation.inferred_names(dict.fromkeys(given))}
    if not names:
        return [*ignored], []
    known = await observations.filters(operation)
    new = [wire for name, wire in names.items() if name in ignored and known.get(wire) != "ignored"]
    await observations.remember(
        operation.service, [Observation(operation.id, "filter", wire, "ignored") for wire in new]
    )
    told = [name for name, wire in names.items() if name not in ignored and known.get(wire) == "ignored"]
    doubtful = [name for name, wire in names.items() if name not in ignored and wire not in known]
    return [*ignored, *told], doubtful
