"""Lists as tables: a header, one line a row, no column that is empty throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadbridge.server.services.values import is_moment
from leadbridge.server.text import label


def table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Lines of a table with `|` between the cells; columns without any value are left out."""
    shown = [name for name in columns if any(row.get(name) not in (None, "", []) for row in rows)]
    return [" | ".join(shown), *(" | ".join(_cell(row.get(name)) for name in shown) for row in rows)]


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 event`, `2 events`, `2 matches`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def moment(value: str | None) -> str | None:
    """A date as it was read; what is no date is somebody's text."""
    return value if is_moment(value) else label_or_none(value)


def label_or_none(value: str | None) -> str | None:
    """A short text of others; nothing for an empty one, so that the field is left out."""
    return label(value) or None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value).replace("|", "/").replace("\n", " ")
