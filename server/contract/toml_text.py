"""Corrections as the TOML file that `LEADBRIDGE_CONTRACT_FILE` names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from leadbridge.server.catalog import Catalog, Field, Operation

_HEAD = """\
# Corrections of LeadBridge's contract, from `leadbridge contract check`. Name this file in LEADBRIDGE_CONTRACT_FILE.
# `leadbridge contract show` tells what each one changes, and what it was.
"""


def contract_text(catalog: Catalog, operations: Iterable[Operation]) -> str:
    """The file that makes of the catalog's operations the given ones; earlier corrections of the user stay in it."""
    given = {**catalog.operations, **{operation.id: operation for operation in operations}}
    blocks: list[str] = []
    for operation in given.values():
        original = catalog.before.get(operation.id, catalog[operation.id])
        if lines := _lines(original, operation):
            blocks.append("\n".join(lines))
    return "\n\n".join([_HEAD.rstrip(), *blocks]) + "\n"


def _lines(before: Operation, after: Operation) -> list[str]:
    head = f'[operations."{after.id}"]'
    lines: list[str] = []
    if (before.method, before.path) != (after.method, after.path):
        lines += [f"method = {_quoted(after.method)}", f"path = {_quoted(after.path)}"]
    if before.max_page_size != after.max_page_size:
        lines.append(f"max_page_size = {after.max_page_size}")
    if after.undocumented:
        lines.append(f"undocumented = [{', '.join(map(_quoted, after.undocumented))}]")
    if lines:
        lines.insert(0, head)
    for part in ("query", "body"):
        old: Mapping[str, Field] = getattr(before, part)
        new: Mapping[str, Field] = getattr(after, part)
        names = [f"{name} = {_quoted(one.wire)}" for name, one in new.items() if one.wire != old[name].wire]
        if names:
            lines += [*([""] if lines else []), f"{head[:-1]}.{part}]", *names]
        for name, one in new.items():
            values = [
                f"{ours} = {_quoted(value)}" for ours, value in one.values.items() if old[name].values[ours] != value
            ]
            if values:
                lines += [*([""] if lines else []), f"{head[:-1]}.values.{name}]", *values]
    return lines


def _quoted(text: str) -> str:
    """A TOML text; JSON's notation is one, but for a character that TOML wants escaped."""
    return json.dumps(text).replace("\x7f", "\\u007f")
