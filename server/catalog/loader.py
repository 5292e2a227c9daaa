"""Reads the catalog's TOML files and the user's contract overrides."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from leadbridge.server.catalog.operation import Operation, Service

SERVICES = ("rooflink", "renovationfind")


@dataclass(frozen=True, slots=True)
class Catalog:
    """All services and operations, overrides applied."""

    services: Mapping[str, Service]
    operations: Mapping[str, Operation]
    before: Mapping[str, Operation] = field(default_factory=dict[str, Operation])
    """The operations that the user's file changed, as they stand in the catalog."""

    def __getitem__(self, operation_id: str) -> Operation:
        return self.operations[operation_id]

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations.values())


def load(contract_file: Path | None = None) -> Catalog:
    """Load the catalog; `contract_file` may correct methods, paths, names on the wire and values.

    Raises:
        CatalogError: a file that cannot be read, an unknown operation or key, or a value that is not allowed.
    """
    services, operations = _documented()
    if contract_file is None:
        return Catalog(services, operations)
    from leadbridge.server.catalog.overrides import overridden  # a file of the user's: most starts have none

    changed = overridden(operations, contract_file)
    return Catalog(services, {**operations, **changed}, {key: operations[key] for key in changed})


@cache
def _documented() -> tuple[Mapping[str, Service], Mapping[str, Operation]]:
    """What the package's own files say."""
    services: dict[str, Service] = {}
    operations: dict[str, Operation] = {}
    for service_id in SERVICES:
        document = tomllib.loads(Path(__file__).with_name(f"{service_id}.toml").read_text("utf-8"))
        services[service_id] = Service(id=service_id, **document["service"])
        for name, row in document["operations"].items():
            operation = Operation(id=f"{service_id}.{name}", service=service_id, **row)
            operations[operation.id] = operation
    return MappingProxyType(services), MappingProxyType(operations)
