"""The contract as a reader sees it: each operation with method, path, names on the wire, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product

from pydantic import JsonValue

from leadbridge.server.catalog import Catalog, Field, Operation

_UNVERIFIED = {"inferred", "unknown"}
_FILE = "LEADBRIDGE_CONTRACT_FILE"


def _entries(catalog: Catalog, *, unverified: bool) -> Iterator[tuple[Operation, list[tuple[str, str, Field]]]]:
    """Every operation, with part, argument and field of each of its names.

    `unverified`: only what no page documents and nobody was seen to use.
    """
    for operation in catalog:
        names = [
            (part, argument, field)
            for part, fields in (("query", operation.query), ("body", operation.body))
            for argument, field in fields.items()
            if not unverified or field.provenance in _UNVERIFIED
        ]
        if not unverified or names or operation.provenance.path in _UNVERIFIED:
            yield operation, names


def as_json(catalog: Catalog, *, unverified: bool = False) -> str:
    """The entries as JSON."""
    entries: list[JsonValue] = [
        {
            "operation": operation.id,
            "tool": operation.tool,
            "effect": operation.effect.value,
            "method": operation.method,
            "path": operation.path,
            "operation_provenance": operation.provenance.operation,
            "path_provenance": operation.provenance.path,
            "source": operation.source,
            "notes": operation.notes,
            "max_page_size": operation.max_page_size,
            "names": [
                {"argument": argument, "part": part, **field.model_dump(include={"wire", "provenance", "values"})}
                for part, argument, field in names
            ],
            "changed": [*_changed(catalog, operation)],
        }
        for operation, names in _entries(catalog, unverified=unverified)
    ]
    return json.dumps(entries, indent=2)


def as_text(catalog: Catalog, *, unverified: bool = False) -> str:
    """The entries as lines of text; also what `leadbridge://contract` holds."""
    lines: list[str] = []
    for operation, names in _entries(catalog, unverified=unverified):
        route = f"{operation.method} {operation.path}" if operation.path else "no path known"
        known = operation.provenance
        lines += [
            f"{operation.id}: {route} [{operation.effect.value}]",
            f"  tool {operation.tool or 'none'}; operation {known.operation}, path {known.path}",
            f"  source: {operation.source}",
        ]
        for kind in product(("query", "body"), ("documented", "observed", "override", "inferred")):
            shown = [_shown(argument, field) for part, argument, field in names if (part, field.provenance) == kind]
            lines += [f"  {', '.join(kind)}: {', '.join(shown)}"] if shown else []
        lines += [f"  pages of at most {operation.max_page_size}"] if operation.max_page_size else []
        lines += [f"  changed by {_FILE}: {change}" for change in _changed(catalog, operation)]
    lines.append(
        "documented: a page says it. observed: public code was seen to use it. inferred: our reading, may be wrong. "
        f"unknown: no page says it. override: from {_FILE}."
    )
    return "\n".join(lines)


def _shown(argument: str, field: Field) -> str:
    shown = argument if argument == field.wire else f"{argument} as {field.wire}"
    values = ", ".join(f"{ours}={theirs}" for ours, theirs in field.values.items())
    return f"{shown} ({values})" if values else shown


def _changed(catalog: Catalog, operation: Operation) -> Iterator[str]:
    """What the user's file changed, and what it was."""
    if before := catalog.before.get(operation.id):
        yield from changes(before, operation)
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
