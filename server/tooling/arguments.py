"""Argument types shared by tools. Strict: `true` is no integer, `"5"` is no number, a text has a length."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from server.untrusted import CLOSE, OPEN

Nothing = SkipJsonSchema[None]
"""An optional argument is left out; the schema shows neither `null` nor a default for it."""

LARGEST_OBJECT = 20_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> object:
    if isinstance(value, date) or value is None:
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        msg = "must be a date as YYYY-MM-DD"
        raise ValueError(msg)
    try:
        return date.fromisoformat(value)
    except ValueError:
        msg = f"{value} is not a day of the calendar"
        raise ValueError(msg) from None


def _amount(value: object) -> object:
    if not isinstance(value, bool) and isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    msg = "must be a number"
    raise ValueError(msg)


def _not_blank(value: str) -> str:
    if not value.strip():
        msg = "must not be blank (LeadBridge's own rule)"
        raise ValueError(msg)
    return value


def _sendable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What JSON and UTF-8 can carry: no NaN, no half of a surrogate pair, no endless number, no endless nesting."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (ValueError, RecursionError):
        msg = "must be an object that JSON can carry: no NaN, no broken Unicode, no number of thousands of digits"
        raise ValueError(msg) from None
    if size > LARGEST_OBJECT:
        msg = f"must have at most {LARGEST_OBJECT} bytes as JSON"
        raise ValueError(msg)
    return value


def _unmarked(value: object) -> object:
    """A model may copy a value with the marks around other people's text; they are ours and never part of it."""
    return value.replace(OPEN, "").replace(CLOSE, "") if isinstance(value, str) else value


Id = Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
OptionalId = Id | Nothing
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "description": "YYYY-MM-DD"})]
OptionalDay = Day | Nothing
Amount = Annotated[float, Field(ge=0.01, le=1e12), BeforeValidator(_amount)]
Latitude = Annotated[float, Field(ge=-90, le=90), BeforeValidator(_amount)]
Longitude = Annotated[float, Field(ge=-180, le=180), BeforeValidator(_amount)]
Flag = Annotated[bool, Field(strict=True)]


Text60 = Annotated[
    str, BeforeValidator(_unmarked), Field(min_length=1, max_length=60, strict=True), AfterValidator(_not_blank)
]
Text100 = Annotated[
    str, BeforeValidator(_unmarked), Field(min_length=1, max_length=100, strict=True), AfterValidator(_not_blank)
]
Text200 = Annotated[
    str, BeforeValidator(_unmarked), Field(min_length=1, max_length=200, strict=True), AfterValidator(_not_blank)
]
Text500 = Annotated[
    str, BeforeValidator(_unmarked), Field(min_length=1, max_length=500, strict=True), AfterValidator(_not_blank)
]
Email = Annotated[str, BeforeValidator(_unmarked), Field(min_length=3, max_length=254, strict=True)]
FreeObject = Annotated[dict[str, JsonValue], Field(max_length=50), AfterValidator(_sendable)]
