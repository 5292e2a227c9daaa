"""What is known of how the services really behave: filters that they ignore, paths that are not there.

Learnt by `leadbridge doctor --live` and while tools run, kept in the state store for each account. Nothing here may
stop a read: a store that cannot be used only means that nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from leadbridge.server import state
from leadbridge.server.catalog import Operation
from leadbridge.server.errors import StateError
from leadbridge.server.services.client import Observed
from leadbridge.server.state import Store
from leadbridge.server.text import label

FRESH = 300.0
"""Seconds for which what was read from the store is believed without looking again."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen: a filter that is `ignored` or `honoured`, or a path that is `missing` or `honoured`."""

    operation: str
    kind: str
    name: str
    state: str
    seen_at: float = 0.0
    """When it was read or seen; what is to be kept gets the time of that."""

    def counts_against(self, operation: Operation | None) -> bool:
        """Whether it speaks against the contract as it is now: not if that was corrected since, or it is no fault."""
        if operation is None or self.state == "honoured":
            return False
        if self.kind == "path":
            return self.name == operation.path and not operation.path_is_certain
        return any(field.wire == self.name for field in operation.query.values())

    def __str__(self) -> str:
        seen = datetime.fromtimestamp(self.seen_at, UTC).strftime("%Y-%m-%d")
        if self.kind == "filter":
            return f"{self.operation}: filter {label(self.name, limit=60)} is {self.state} ({seen})"
        return (
            f"{self.operation}: nothing found at {label(self.name, limit=60)} ({seen}); correct it in "
            "LEADBRIDGE_CONTRACT_FILE, `leadbridge contract check` looks for the documented one"
        )


@dataclass(slots=True)
class Observations:
    """Reads and keeps observations; what was read stays in memory for a while."""

    store: Store
    accounts: Mapping[str, str]
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
            rows = await self.store.run(lambda connection: state.observations.read(connection, self.accounts[service]))
            self._known[service] = [Observation(*row) for row in rows]
        except StateError:
            self._known.setdefault(service, [])
        self._read_at[service] = now
        return self._known[service]

    async def remember(self, service: str, found: Sequence[Observation]) -> bool:
        """Keep what was found. Whether that was possible."""
        if not found:
            return True
        rows = {(row.operation, row.kind, row.name): row.state for row in found}
        try:
            await self.store.run(
                lambda connection: state.observations.write(connection, self.accounts[service], rows, self.clock())
            )
        except StateError:
            return False
        self._read_at.pop(service, None)
        return True

    async def against(self, service: str, observed: Observed, operations: Mapping[str, Operation]) -> list[Observation]:
        """What speaks against the contract, after what a client has seen was kept."""
        unsaved = await self.save(service, observed)
        found = [*await self.of_service(service), *unsaved]
        return [row for row in found if row.counts_against(operations.get(row.operation))]

    async def save(self, service: str, observed: Observed) -> list[Observation]:
        """Keep what a client has seen; what could not be kept is given back.

        A path that has worked once is right: a 404 there, before or after, was a record that does not exist.
        """
        paths = {(row.operation, row.name): row for row in await self.of_service(service) if row.kind == "path"}
        right = [
            replace(row, state="honoured")
            for row in paths.values()
            if row.operation in observed.worked and row.state != "honoured"
        ]
        missing = [
            Observation(operation, "path", path, "missing", self.clock())
            for operation, path in observed.missing.items()
            if operation not in observed.worked and (operation, path) not in paths
        ]
        return [] if await self.remember(service, [*right, *missing]) else missing
