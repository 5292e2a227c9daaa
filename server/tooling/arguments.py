"""Argument types shared by tools. Strict: `true` is no integer, `"5"` is no number, a text has a length."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from server.untrusted import CLOSE, OPEN

Nothing = SkipJsonSchema[None]
"""An optional argument is left out; the schema shows neither `null` nor a default for it."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


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


def _unmarked(value: object) -> object:
    """A model may copy a value with the marks around other people's text; they are ours and never part of it."""
    return value.replace(OPEN, "").replace(CLOSE, "") if isinstance(value, str) else value


Id = Annotated[int, Field(gt=0, le=2**63 - 1, strict=True)]
OptionalId = Annotated[int, Field(gt=0, le=2**63 - 1, strict=True)] | Nothing
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
OptionalDay = Day | Nothing
Amount = Annotated[float, BeforeValidator(_amount), Field(ge=-1e12, le=1e12)]
Latitude = Annotated[float, BeforeValidator(_amount), Field(ge=-90, le=90)]
Longitude = Annotated[float, BeforeValidator(_amount), Field(ge=-180, le=180)]
Flag = Annotated[bool, Field(strict=True)]


Text60 = Annotated[str, BeforeValidator(_unmarked), Field(min_length=1, max_length=60, strict=True)]
Text100 = Annotated[str, BeforeValidator(_unmarked), Field(min_length=1, max_length=100, strict=True)]
Text200 = Annotated[str, BeforeValidator(_unmarked), Field(min_length=1, max_length=200, strict=True)]
Text500 = Annotated[str, BeforeValidator(_unmarked), Field(min_length=1, max_length=500, strict=True)]
Email = Annotated[str, BeforeValidator(_unmarked), Field(min_length=3, max_length=254, strict=True)]
