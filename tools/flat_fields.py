"""A record whose fields no page lists, as it came: names and values on one level, other people's text marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import JsonValue

from server.models.view import EXACTLY
from server.untrusted import fence, label

Plain = Annotated[str | int | float | bool, EXACTLY]

MOST_FIELDS = 80
_SHORT = 60
"""Characters of a text that is shown as a label; longer ones are fenced."""


def flat_fields(record: Mapping[str, JsonValue]) -> dict[str, Plain]:
    """Fields with a value, those of objects in it under `object.field`; at most `MOST_FIELDS`."""
    rows: list[tuple[str, Plain]] = []
    for key, value in record.items():
        name = label(key, limit=_SHORT)
        if isinstance(value, dict):
            rows += [(f"{name}.{label(part, limit=_SHORT)}", shown) for part, inner in value.items()
                     if (shown := _plain(inner)) is not None]  # fmt: skip
        elif (shown := _plain(value)) is not None:
            rows.append((name, shown))
    return dict(rows[:MOST_FIELDS])


def _plain(value: JsonValue) -> Plain | None:
    if isinstance(value, list):
        names = [label(part) for part in value[:20] if isinstance(part, (str, int, float))]
        return ", ".join(names) or None
    if isinstance(value, str):
        return (label(value) if len(value) <= _SHORT else fence(value)) or None
    return value if isinstance(value, (bool, int, float)) else None
