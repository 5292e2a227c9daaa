"""The contract as a reader sees it: each operation with method, path, names on the wire, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from leadbridge.server.catalog import Catalog, Field, Operation

_UNVERIFIED = {"inferred", "unknown"}
_FILE = "LEADBRIDGE_CONTRACT_FILE"


@dataclass(frozen=True, slots=True)
class Name:
    """How one argument or filter goes out."""

    argument: str
    part: str
    """`query` or `body`."""
    wire: str
    provenance: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as it is called."""

    operation: str
    tool: str
    effect: str
    method: str
    path: str
    operation_provenance: str
    path_provenance: str
    source: str
    notes: str
    max_page_size: int
    names: tuple[Name, ...]
    changed: tuple[str, ...]
    """What the user's file changed, and what it was."""


def entries(catalog: Catalog, *, unverified: bool = False) -> list[Entry]:
    """Every operation; with `unverified` only what no page documents and nobody was seen to use."""
    found = [_entry(catalog, operation, unverified=unverified) for operation in catalog]
    return [entry for entry in found if not unverified or entry.names or entry.path_provenance in _UNVERIFIED]


def as_json(catalog: Catalog, *, unverified: bool = False) -> str:
    """The entries as JSON."""
    return json.dumps([asdict(entry) for entry in entries(catalog, unverified=unverified)], indent=2)


def as_text(catalog: Catalog, *, unverified: bool = False) -> str:
    """The entries as lines of text; also what `leadbridge://contract` holds."""
    lines: list[str] = []
    for entry in entries(catalog, unverified=unverified):
        route = f"{entry.method} {entry.path}" if entry.path else "no path known"
        lines.append(f"{entry.operation}: {route} [{entry.effect}]")
        lines += [f"  {line}" for line in _details(entry)]
    lines.append(
        "documented: a page says it. observed: public code was seen to use it. inferred: our reading, may be wrong. "
        f"unknown: no page says it. override: from {_FILE}."
    )
    return "\n".join(lines)


def _details(entry: Entry) -> Iterator[str]:
    yield f"tool {entry.tool or 'none'}; operation {entry.operation_provenance}, path {entry.path_provenance}"
    yield f"source: {entry.source}"
    for part in ("query", "body"):
        for provenance in ("documented", "observed", "override", "inferred"):
            names = [name for name in entry.names if (name.part, name.provenance) == (part, provenance)]
            if names:
                yield f"{part}, {provenance}: {', '.join(_shown(name) for name in names)}"
    if entry.max_page_size:
        yield f"pages of at most {entry.max_page_size}"
    for change in entry.changed:
        yield f"changed by {_FILE}: {change}"


def _shown(name: Name) -> str:
    shown = name.argument if name.argument == name.wire else f"{name.argument} as {name.wire}"
    values = ", ".join(f"{ours}={theirs}" for ours, theirs in name.values.items())
    return f"{shown} ({values})" if values else shown


def _entry(catalog: Catalog, operation: Operation, *, unverified: bool) -> Entry:
    names = [
        Name(argument, part, field.wire, field.provenance, field.values)
        for part, fields in (("query", operation.query), ("body", operation.body))
        for argument, field in fields.items()
    ]
    before = catalog.before.get(operation.id)
    return Entry(
        operation=operation.id,
        tool=operation.tool,
        effect=operation.effect.value,
        method=operation.method,
        path=operation.path,
        operation_provenance=operation.provenance.operation,
        path_provenance=operation.provenance.path,
        source=operation.source,
        notes=operation.notes,
        max_page_size=operation.max_page_size,
        names=tuple(name for name in names if not unverified or name.provenance in _UNVERIFIED),
        changed=(*changes(before, operation), *_undocumented(operation)) if before else (),
    )


def _undocumented(operation: Operation) -> Iterator[str]:
    if operation.undocumented:
        yield f"not in the documentation that was checked: {', '.join(operation.undocumented)}"


def changes(before: Operation, after: Operation) -> Iterator[str]:
    """What a correction changed, each with what it was."""
    if before.method != after.method:
        yield f"method {after.method}, was {before.method or 'not known'}"
    if before.path != after.path:
        yield f"path {after.path}, was {before.path or 'not known'} ({before.provenance.path})"
    if before.max_page_size != after.max_page_size:
        yield f"max_page_size {after.max_page_size}, was {before.max_page_size or 'not limited'}"
    for part in ("query", "body"):
        old: Mapping[str, Field] = getattr(before, part)
        new: Mapping[str, Field] = getattr(after, part)
        for argument, field in new.items():
            was = old[argument]
            if was.wire != field.wire:
                yield f"{part} {argument} as {field.wire}, was {was.wire} ({was.provenance})"
            for ours, theirs in field.values.items():
                if was.values.get(ours) != theirs:
                    yield f"value {argument}={ours} as {theirs}, was {was.values.get(ours)}"
