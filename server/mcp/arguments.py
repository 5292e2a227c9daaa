"""Argument types shared by tools: how each is read, cleaned and bounded. What can mean two things is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated, TypeVar, cast

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from leadbridge.server.mcp import scalars
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.scalars import (
    FIRST_NAMES,
    LAST_NAMES,
    REMARKS,
    TOWNS,
    many_lines,
    one_line,
    reads_as_nothing,
)
from leadbridge.server.writes.recovery import LARGEST_ID

LARGEST_OBJECT = 20_000
LONGER_THAN_ANY = 100_000
"""Characters of a text that is not even looked at: every type has a smaller bound."""
V = TypeVar("V")


def _text(clean: Callable[[str], str], value: object, *, said: frozenset[str] = frozenset()) -> object:
    """A text as it goes out; `said` are words for nothing that mean something here."""
    if not isinstance(value, str) or len(value) > LONGER_THAN_ANY:
        return value
    text = clean(value)
    if value and not text:
        raise ValueError("must not be blank (LeadBridge's rule)")
    if text not in said and reads_as_nothing(text):
        msg = f"reads {text!r}, as programs write it where there is no value; give the value, or leave it out"
        raise ValueError(msg)
    return text


def _sendable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What JSON and UTF-8 can carry: no NaN, no half of a surrogate pair, no endless number, no endless nesting."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (ValueError, RecursionError):
        msg = "must be an object that JSON can carry: no NaN, no broken Unicode, no number of thousands of digits"
        raise ValueError(msg) from None
    if size > LARGEST_OBJECT:
        raise ValueError(f"must have at most {LARGEST_OBJECT} bytes as JSON")
    return {one_line(name): _within(inner) for name, inner in _distinct(value).items()}


def _within(value: JsonValue) -> JsonValue:
    """A value of a free object, its texts cleaned and its whole numbers exact."""
    if isinstance(value, str):
        return many_lines(value)
    if isinstance(value, list):
        return [_within(inner) for inner in value]
    if isinstance(value, dict):
        return {one_line(name): _within(inner) for name, inner in _distinct(value).items()}
    return cast("JsonValue", scalars.exact(value))


def _distinct(value: dict[str, V]) -> dict[str, V]:
    if len({one_line(name) for name in value}) < len(value):
        raise ValueError("has two names that look the same")
    return value


def _filters(value: object) -> object:
    """Query parameters are texts; a number or a flag has one notation there."""
    if not isinstance(value, dict):
        return value
    given = cast("dict[str, object]", value)
    return {one_line(name): _query(inner) for name, inner in _distinct(given).items() if inner is not None}


def _query(value: object) -> object:
    if isinstance(value, (bool, int)):
        return json.dumps(scalars.exact(value))
    return one_line(value) if isinstance(value, str) else value


WHOLE = BeforeValidator(scalars.integer)
"""Last in the annotation of a number that is not an id: a page, a number of days."""
_ONE_LINE = BeforeValidator(partial(_text, one_line))
_SHORT_REMARK = BeforeValidator(partial(_text, one_line, said=REMARKS))

Id = Annotated[int, Field(ge=1, le=LARGEST_ID, strict=True), WHOLE]
OptionalId = Id | Omitted
Day = Annotated[date, BeforeValidator(scalars.day), WithJsonSchema({"type": "string", "description": "YYYY-MM-DD"})]
OptionalDay = Day | Omitted
Amount = Annotated[float, Field(ge=0.01, le=1e12), BeforeValidator(scalars.amount)]
Latitude = Annotated[float, Field(ge=-90, le=90), BeforeValidator(scalars.number)]
Longitude = Annotated[float, Field(ge=-180, le=180), BeforeValidator(scalars.number)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(scalars.flag)]

Text60 = Annotated[str, Field(min_length=1, max_length=60, strict=True), _ONE_LINE]
Text100 = Annotated[str, Field(min_length=1, max_length=100, strict=True), _ONE_LINE]
Text200 = Annotated[str, Field(min_length=1, max_length=200, strict=True), _ONE_LINE]
Line = Annotated[str, Field(strict=True), _ONE_LINE]
"""A text of one line to which the argument adds its bounds."""
Tag = Annotated[str, Field(min_length=1, max_length=60, strict=True), _SHORT_REMARK]
FirstName = Annotated[
    str, Field(min_length=1, max_length=100, strict=True), BeforeValidator(partial(_text, one_line, said=FIRST_NAMES))
]
LastName = Annotated[
    str, Field(min_length=1, max_length=100, strict=True), BeforeValidator(partial(_text, one_line, said=LAST_NAMES))
]
Town = Annotated[
    str, Field(min_length=1, max_length=100, strict=True), BeforeValidator(partial(_text, one_line, said=TOWNS))
]
Remark = Annotated[
    str, Field(min_length=1, max_length=500, strict=True), BeforeValidator(partial(_text, many_lines, said=REMARKS))
]
"""A reason, a caption: it may have several lines."""
LongText = Annotated[str, Field(strict=True), BeforeValidator(partial(_text, many_lines, said=REMARKS))]
"""A text of many lines to which the argument adds its bounds: a note, a description."""
Email = Annotated[str, Field(min_length=3, max_length=254, strict=True), _ONE_LINE]
FreeObject = Annotated[dict[str, JsonValue], Field(max_length=50), AfterValidator(_sendable)]
ExtraFilters = Annotated[
    dict[str, str],
    Field(max_length=20, description="Query parameters by the service's own names, sent as they are"),
    BeforeValidator(_filters),
]
