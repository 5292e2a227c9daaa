"""A record whose fields no page lists, as it came: names and values on one level, other people's text marked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from leadbridge.server.mcp.reply import EXACTLY, Identity, Result
from leadbridge.server.services.values import Answer
from leadbridge.server.text import fence, label

Plain = Annotated[str | int | float | bool, EXACTLY]

_MOST_ENTRIES = 20
_SHORT = 60
"""Characters of a text that is shown as a label; longer ones are fenced."""


class FlatRecord(Result):
    """A record in full."""

    id: Identity
    fields: dict[str, Plain] = Field(description="What the service answered, under its own names")


def record_lines(noun: str, data: FlatRecord) -> list[str]:
    """A record in full, as text."""
    return [f"{noun} {data.id}", *(f"{name}: {value}" for name, value in data.fields.items())]


def flat_fields(record: Answer) -> dict[str, Plain]:
    """Its fields with a value, without the id; those of objects in it under `object.field`."""
    fields: dict[str, JsonValue] = record.model_dump(mode="json", exclude={"id"})
    rows: list[tuple[str, Plain]] = []
    for key, value in fields.items():
        name = label(key, limit=_SHORT)
        if isinstance(value, dict):
            rows += [(f"{name}.{label(part, limit=_SHORT)}", shown) for part, inner in value.items()
                     if (shown := _plain(inner)) is not None]  # fmt: skip
        elif (shown := _plain(value)) is not None:
            rows.append((name, shown))
    return dict(rows)


def _plain(value: JsonValue) -> Plain | None:
    if isinstance(value, list):
        names = [label(part) for part in value if isinstance(part, (str, int, float))]
        more = [f"and {len(names) - _MOST_ENTRIES} more"] if len(names) > _MOST_ENTRIES else []
        return ", ".join([*names[:_MOST_ENTRIES], *more]) or None
    if isinstance(value, str):
        return (label(value) if len(value) <= _SHORT else fence(value)) or None
    return value if isinstance(value, (bool, int, float)) else None
