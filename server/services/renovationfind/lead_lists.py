"""A list of RenovationFind leads in whatever envelope it comes: no page documents one, so each usual one is read."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

_ROWS = ("data", "items", "content", "results", "leads", "rows")
_TOTALS = ("total", "totalCount", "totalElements", "count")
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class LeadRows:
    """The rows as they came, and what the envelope said of the whole."""

    rows: list[JsonValue]
    total: int | None = None
    goes_on: bool | None = None
    """Whether there is a next page; `None` where the envelope does not say."""


def lead_rows_of(answer: JsonValue) -> LeadRows | None:
    """Rows of an array, of `{data: [...]}`, of `{data: {items|content|results: [...]}}`, or of pages like RoofLink's.

    Nothing where no list of objects can be recognised.
    """
    envelope: dict[str, JsonValue] = {}
    value: JsonValue = answer
    for _ in range(_DEEPEST):
        if isinstance(value, list):
            usable = not value or any(isinstance(row, dict) for row in value)
            return LeadRows(value, _total(envelope), _goes_on(envelope)) if usable else None
        if not isinstance(value, dict):
            return None
        envelope |= value
        value = _inner(value)
    return None


def _inner(envelope: dict[str, JsonValue]) -> JsonValue:
    found = (envelope.get(name) for name in _ROWS)
    return next((inner for inner in found if isinstance(inner, (list, dict))), None)


def _total(envelope: dict[str, JsonValue]) -> int | None:
    found = (envelope.get(name) for name in _TOTALS)
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None)


def _goes_on(envelope: dict[str, JsonValue]) -> bool | None:
    if isinstance(last := envelope.get("last"), bool):
        return not last
    for name in ("hasNext", "hasMore"):
        if isinstance(more := envelope.get(name), bool):
            return more
    return bool(envelope["next"]) if "next" in envelope else None
