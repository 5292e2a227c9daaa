"""Reads the catalog's TOML files and the user's contract overrides."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue, ValidationError

from server.catalog.operation import Operation, Service
from server.errors import CatalogError

SERVICES = ("rooflink", "renovationfind")


@dataclass(frozen=True, slots=True)
class Catalog:
    """All services and operations, overrides applied."""

    services: Mapping[str, Service]
    operations: Mapping[str, Operation]

    def __getitem__(self, operation_id: str) -> Operation:
        return self.operations[operation_id]

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations.values())


def load(contract_file: Path | None = None) -> Catalog:
    """Load the catalog; `contract_file` may correct paths, methods and wire names.

    Raises:
        CatalogError: a file that cannot be read, an unknown operation or key, or a value that is not allowed.
    """
    services: dict[str, Service] = {}
    rows: dict[str, dict[str, Any]] = {}
    for service_id in SERVICES:
        document = tomllib.loads(files("server.catalog").joinpath(f"{service_id}.toml").read_text("utf-8"))
        services[service_id] = Service(id=service_id, **document["service"])
        for name, row in document["operations"].items():
            rows[f"{service_id}.{name}"] = {"id": f"{service_id}.{name}", "service": service_id, **row}
    if contract_file is not None:
        _override(rows, contract_file)
    operations = {key: _parse(f"operation {key}", row) for key, row in rows.items()}
    return Catalog(services, operations)


def _parse(where: str, row: dict[str, Any]) -> Operation:
    try:
        return Operation.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        msg = f"{where}{': ' + key if key else ''}: {first['msg'].removeprefix('Value error, ')}"
        raise CatalogError(msg) from None


def _override(rows: dict[str, dict[str, Any]], contract_file: Path) -> None:
    """Apply `[operations."rooflink.create_lead"]` tables with `method`, `path`, and `query` or `body` wire names."""
    try:
        document = tomllib.loads(contract_file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        msg = f"LEADBRIDGE_CONTRACT_FILE {contract_file}: {error}"
        raise CatalogError(msg) from None
    unknown = sorted(set(document) - {"operations"})
    if unknown:
        msg = f"{contract_file}: unknown key {unknown[0]!r}; allowed: operations"
        raise CatalogError(msg)
    operations = document.get("operations", {})
    if not isinstance(operations, dict):
        msg = f"{contract_file}: operations must be a table of tables, such as [operations.'rooflink.create_lead']"
        raise CatalogError(msg)
    for operation_id, change in cast("dict[str, JsonValue]", operations).items():
        if operation_id not in rows:
            msg = f"{contract_file}: unknown operation {operation_id!r}; `leadbridge tools` lists them"
            raise CatalogError(msg)
        where = f"{contract_file}: operation {operation_id}"
        before = _parse(where, rows[operation_id])
        rows[operation_id] = _changed(rows[operation_id], change, where)
        _check(before, _parse(where, rows[operation_id]), where)


def _check(before: Operation, after: Operation, where: str) -> None:
    """A changed path must have the variables that the tool fills in, all of them and no others."""
    if before.path and before.variables != after.variables:
        named = ", ".join(f"{{{name}}}" for name in sorted(before.variables)) or "no variables"
        got = ", ".join(f"{{{name}}}" for name in sorted(after.variables)) or "none"
        msg = f"{where}: path must have {named}, not {got}"
        raise CatalogError(msg)


def _changed(row: dict[str, Any], change: JsonValue, where: str) -> dict[str, Any]:
    if not isinstance(change, dict):
        msg = f"{where}: must be a table"
        raise CatalogError(msg)
    merged = dict(row)
    for key, value in change.items():
        if key in {"method", "path"} and isinstance(value, str) and value:
            merged[key] = value.upper() if key == "method" else value
            merged["provenance"] = {**row["provenance"], "path": "override"}
        elif key in {"query", "body"} and isinstance(value, dict):
            merged[key] = _renamed(row.get(key, {}), value, f"{where}: {key}")
        else:
            msg = f"{where}: {key!r} is not allowed; allowed: method, path (text), query, body (tables of wire names)"
            raise CatalogError(msg)
    return merged


def _renamed(fields: dict[str, Any], names: dict[str, JsonValue], where: str) -> dict[str, Any]:
    renamed = dict(fields)
    for argument, wire in names.items():
        if argument not in fields:
            msg = f"{where}: unknown argument {argument!r}; allowed: {', '.join(fields) or 'none'}"
            raise CatalogError(msg)
        if not isinstance(wire, str) or not wire:
            msg = f"{where}: {argument} must be the name on the wire, a text"
            raise CatalogError(msg)
        renamed[argument] = {**fields[argument], "wire": wire, "provenance": "override"}
    return renamed
