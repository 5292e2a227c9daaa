"""`LEADBRIDGE_CONTRACT_FILE`: what a user corrects of the catalog, checked strictly before the server starts.

A correction changes how an operation is called, never what it does: its effect, and with it hints, approval and
repeats, stays the catalog's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, cast

from pydantic import JsonValue

from leadbridge.server.catalog.operation import Field, Operation
from leadbridge.server.catalog.routes import NotAllowed, method_of, path_of, refuse_taken_route, short
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.errors import CatalogError

LARGEST = 200_000
"""Bytes of a contract file; one that corrects every name of the catalog has a tenth of that."""
KEYS = ("method", "path", "max_page_size", "query", "body", "values", "undocumented")
_WIRE = re.compile(r"[!-~]{1,100}", re.ASCII)
_LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    text: str

    def refuse(self, why: str, *where: str) -> NoReturn:
        """Raise an error that names the file, the line, the operation, and what is wrong."""
        line = line_of(self.text, where)
        place = f"{self.path}, line {line}" if line else str(self.path)
        named = f"operation {where[1]}: " if len(where) > 1 else ""
        raise CatalogError(f"{place}: {named}{why}")


def overridden(operations: Mapping[str, Operation], contract_file: Path) -> dict[str, Operation]:
    """The operations that the file changes, as they then are.

    Raises:
        CatalogError: a file that cannot be read, an unknown operation or key, or a value that is not allowed; with the
            file, the line, and what is allowed.
    """
    try:
        text = read_text(contract_file, LARGEST)
    except UnreadableFileError as error:
        raise CatalogError(f"LEADBRIDGE_CONTRACT_FILE {contract_file}: {error}") from None
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error).replace("at end of document", f"at line {len(text.splitlines())}, its end")
        why = "it is nested too deeply" if isinstance(error, RecursionError) else why
        raise CatalogError(f"LEADBRIDGE_CONTRACT_FILE {contract_file}: {why}") from None
    file = _File(contract_file, text)
    if unknown := sorted(set(document) - {"operations"}):
        file.refuse(f"unknown key {short(unknown[0])}; allowed: operations", unknown[0])
    tables = document.get("operations", {})
    if not isinstance(tables, dict):
        file.refuse("operations must be a table of tables, such as [operations.'rooflink.create_lead']", "operations")
    changed: dict[str, Operation] = {}
    for operation_id, change in cast("dict[str, JsonValue]", tables).items():
        if operation_id not in operations:
            file.refuse(
                f"unknown operation {short(operation_id)}; `leadbridge contract show` lists them",
                "operations",
                operation_id,
            )
        try:
            changed[operation_id] = corrected(operations[operation_id], change)
            refuse_taken_route(changed[operation_id], operations, changed)
        except NotAllowed as error:
            file.refuse(error.why, "operations", operation_id, *error.where)
    return changed


def corrected(operation: Operation, change: JsonValue) -> Operation:
    """The operation with a correction: a table of `KEYS`.

    Raises:
        NotAllowed: what is wrong and what is allowed.
    """
    if not isinstance(change, dict):
        raise NotAllowed("must be a table")
    for key in change:
        if key not in KEYS:
            raise NotAllowed(
                f"{short(key)} is not allowed; allowed: method, path (text), max_page_size (a number), query, body "
                "(tables of wire names), values (a table of tables), undocumented (a list of arguments)",
                key,
            )
    new: dict[str, object] = {}
    if "method" in change or "path" in change:
        method, path = method_of(operation, change), path_of(operation, change)
        if (method, path) != (operation.method, operation.path):
            new |= {"method": method, "path": path}
            new["provenance"] = operation.provenance.model_copy(update={"path": "override"})
    if "max_page_size" in change:
        new["max_page_size"] = _page_size(operation, change["max_page_size"])
    if "undocumented" in change:
        new["undocumented"] = _arguments(operation, change["undocumented"])
    fields = {part: dict(getattr(operation, part)) for part in ("query", "body")}
    for part, known in fields.items():
        if part in change:
            known.update(_renamed(part, known, change[part]))
            _refuse_collisions(part, known, getattr(operation, part))
    if "values" in change:
        _revalue(fields, change["values"])
    return operation.model_copy(update=new | fields)


def _page_size(operation: Operation, given: JsonValue) -> int:
    if "page_size" not in operation.query:
        raise NotAllowed("max_page_size: this operation has no page_size", "max_page_size")
    most = operation.max_page_size or 100
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise NotAllowed(f"max_page_size must be a number from 1 to {most}", "max_page_size")
    return given


def _arguments(operation: Operation, given: JsonValue) -> tuple[str, ...]:
    known = [*operation.query, *operation.body]
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    if not isinstance(given, list) or len(names) < len(given) or not {*names} <= {*known}:
        raise NotAllowed(f"undocumented must be a list of arguments; allowed: {', '.join(known)}", "undocumented")
    return tuple(names)


def _renamed(part: str, known: Mapping[str, Field], names: JsonValue) -> dict[str, Field]:
    if not isinstance(names, dict):
        raise NotAllowed(f"{part} must be a table of wire names", part)
    renamed: dict[str, Field] = {}
    for argument, wire in names.items():
        if argument not in known:
            raise NotAllowed(
                f"{part}: unknown argument {short(argument)}; allowed: {', '.join(known) or 'none'}", part, argument
            )
        if not isinstance(wire, str) or not _WIRE.fullmatch(wire) or not all(wire.split(".")):
            raise NotAllowed(
                f"{part}: {argument} must be the name on the wire, a text of 1 to 100 visible ASCII characters without "
                f"spaces, not {short(wire)}",
                part,
                argument,
            )
        if wire != known[argument].wire:
            renamed[argument] = known[argument].model_copy(update={"wire": wire, "provenance": "override"})
    return renamed


def _refuse_collisions(part: str, fields: Mapping[str, Field], before: Mapping[str, Field]) -> None:
    """One name for one argument, and the name of what decides the effect for nothing else."""
    taken: dict[str, str] = {}
    for argument, field in fields.items():
        if field.wire in taken:
            raise NotAllowed(
                f"{part}: {taken[field.wire]} and {argument} have the same name {field.wire!r}; allowed: one name for "
                "each argument",
                *_changed_of(part, fields, before, (argument, taken[field.wire])),
            )
        taken[field.wire] = argument
    deciding = {field.wire: name for name, field in before.items() if field.decides_effect}
    for argument, field in fields.items():
        if deciding.get(field.wire, argument) != argument:
            raise NotAllowed(
                f"{part}: {argument} cannot take the name {field.wire!r}: it is that of {deciding[field.wire]}, which "
                "decides what the operation does; allowed: any other name",
                part,
                argument,
            )
    for argument, field in fields.items() if part == "body" else ():
        inside = next((name for wire, name in taken.items() if wire.startswith(f"{field.wire}.")), None)
        if inside is not None:
            raise NotAllowed(
                f"body: {argument} is called {field.wire!r}, which must be an object, because {inside} lies in it",
                *_changed_of(part, fields, before, (argument, inside)),
            )


def _changed_of(
    part: str, fields: Mapping[str, Field], before: Mapping[str, Field], arguments: Sequence[str]
) -> tuple[str, str]:
    """Where the file says it: the first of the arguments that it changed."""
    found = next((name for name in arguments if fields[name] != before[name]), arguments[0])
    return part, found


def _revalue(fields: dict[str, dict[str, Field]], tables: JsonValue) -> None:
    if not isinstance(tables, dict):
        raise NotAllowed("values must be a table of tables, such as [operations.'...'.values.stage]", "values")
    able = [name for known in fields.values() for name, field in known.items() if field.values]
    for argument, table in tables.items():
        part = next((part for part, known in fields.items() if argument in known), "")
        if argument not in able:
            raise NotAllowed(
                f"values: {short(argument)} has no values to correct; allowed: {', '.join(able) or 'none'}",
                "values",
                argument,
            )
        field = fields[part][argument]
        if not isinstance(table, dict):
            raise NotAllowed(f"values: {argument} must be a table of the service's values by ours", "values", argument)
        for ours, theirs in table.items():
            if ours not in field.values:
                raise NotAllowed(
                    f"values: {short(ours)} is no value of {argument}; allowed: {', '.join(field.values)}",
                    "values",
                    argument,
                    ours,
                )
            if (
                not isinstance(theirs, str)
                or not theirs.isprintable()
                or not 1 <= len(theirs.strip()) <= _LONGEST_VALUE
            ):
                raise NotAllowed(
                    f"values: {argument}.{ours} must be the service's value, a text", "values", argument, ours
                )
        values = {**field.values, **cast("dict[str, str]", table)}
        if len(set(values.values())) < len(values):
            raise NotAllowed(f"values: two values of {argument} would be the same to the service", "values", argument)
        fields[part][argument] = field.model_copy(update={"values": values})


def line_of(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, on which the statement begins that first gives `keys`; 0 if nothing gives them.

    `text` is valid TOML. It is cut after ever fewer lines: what the reader finds in the first lines is there. A
    cut inside a value of several lines is no TOML; then the last one before it counts.
    """
    lines = text.split("\n")
    if not _has(_parsed(lines, len(lines))[0], keys):
        return 0
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if _has(_parsed(lines, middle)[0], keys):
            high = middle
        else:
            low = middle
    return _parsed(lines, high - 1)[1] + 1


def _parsed(lines: Sequence[str], count: int) -> tuple[object, int]:
    """What the first `count` lines say, or as many of them as are whole statements, and how many those are."""
    for kept in range(count, 0, -1):
        try:
            return tomllib.loads("\n".join(lines[:kept]) + "\n"), kept
        except ValueError:
            continue
    return {}, 0


def _has(value: object, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = cast("dict[str, object]", value)[key]
    return True
