"""Tolerant readers of what the services send: two date formats, numeric texts, empty texts for null."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, JsonValue, ValidationError
from pydantic_core import CoreSchema, core_schema

from leadbridge.server.call_scope import tell_cut
from leadbridge.server.text import label

_DISPLAY_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d{2})\s*([AaPp])[Mm])?")

_HOURS = range(1, 13)
"""Of a half day; 13 PM is not a time."""
MOST_WITHIN = 200
"""Entries of a list within a record that are read, such as attachments or steps."""
_WHOLE = re.compile(r"-?[0-9]{1,19}")
LARGEST = 2**63 - 1
"""The largest integer that the state store keeps."""


class Answer(BaseModel):
    """Base of what comes from a service: unknown fields are kept, only `id` is ever required."""

    model_config = ConfigDict(extra="allow", defer_build=True)  # built at the first answer, not at start


A = TypeVar("A", bound=Answer)

_LONGEST_MOMENT = 40
"""Characters; a longer text is not a date, and is not kept in a cache."""


@lru_cache(maxsize=8192)
def _iso(text: str) -> str:
    match = _DISPLAY_DATE.fullmatch(text)
    try:
        if match is None:
            datetime.fromisoformat(text)
            return text
        month, day, year, hour, minute, half = match.groups()
        days = date(int(year), int(month), int(day)).isoformat()
        if hour is None:
            return days
        if int(hour) not in _HOURS:
            return text
        clock = time(int(hour) % 12 + (12 if half in "Pp" else 0), int(minute))
        return f"{days}T{clock.isoformat('minutes')}"
    except ValueError:
        return text


def iso_date(value: object) -> str | None:
    """A service's date as ISO 8601, or its own text where it is no date we know.

    RoofLink's lists send `MM/DD/YYYY h:mmAM` without a zone (kept without one), other answers ISO with an offset.
    """
    text = _text(value)
    return _iso(text) if text and len(text) <= _LONGEST_MOMENT else text


def is_moment(value: str | None) -> bool:
    """Whether a text is a date or a date-time in ISO 8601, whole."""
    try:
        return bool(value) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def moment(value: str | None) -> str | None:
    """A date as it is shown; what is no date is somebody's text."""
    return value if is_moment(value) else label(value) or None


def day(value: str | None) -> str | None:
    """The day of a date-time as it is shown."""
    return value[:10] if value and is_moment(value) else moment(value)


def day_of(value: str | None) -> date | None:
    """The calendar day of an ISO text, if it is one."""
    try:
        return date.fromisoformat(value[:10]) if value else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, (dict, list)):
        return None
    text = str(value).strip()
    return text or None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def integer_of(value: object) -> int | None:
    """A whole number that the store can keep, from a number or its text."""
    if isinstance(value, int) and not isinstance(value, bool):
        whole = value  # by way of a float it would be rounded beyond 2**53
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        whole = int(value)
    elif (number := _number(value)) is not None and number.is_integer():
        whole = int(number)
    else:
        return None
    return whole if -LARGEST - 1 <= whole <= LARGEST else None


def _count(value: object) -> int | None:
    number = integer_of(value)
    return None if number is None or number < 0 else number


def _identity(value: object) -> int:
    number = integer_of(value)
    if number is None or number < 1:
        raise ValueError("no id")
    return number


def flag_of(value: object) -> bool | None:
    """A truth value from one, from 0 and 1, or from its text."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, (bool, int)) else None


def objects(value: JsonValue) -> JsonValue:
    """The first objects of a list within a record; anything else in it, or instead of it, is dropped."""
    found = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    if len(found) > MOST_WITHIN:
        tell_cut(f"Of a list within a record, which has {len(found):,} entries, the first {MOST_WITHIN} are read.")
    return [*found[:MOST_WITHIN]]


def readable_rows(model: type[A], rows: Iterable[JsonValue]) -> list[A]:
    """The rows that are records; null, a text or an object without an id is none."""
    records: list[A] = []
    for row in rows:
        with suppress(ValidationError):
            records.append(model.model_validate(row))
    return records


@dataclass(frozen=True, slots=True)
class _Tolerant:
    """Validates the usual case in pydantic's core, and calls `otherwise` only for what does not fit it."""

    usual: CoreSchema | None
    otherwise: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        usual = handler(source) if self.usual is None else self.usual
        fallback = core_schema.no_info_plain_validator_function(self.otherwise)
        return core_schema.union_schema([usual, fallback], mode="left_to_right")


def _nothing(_value: object) -> None:
    return None


def _usual(schema: CoreSchema) -> CoreSchema:
    return core_schema.nullable_schema(schema)


Text = Annotated[
    str | None, _Tolerant(_usual(core_schema.str_schema(strict=True, strip_whitespace=True, min_length=1)), _text)
]
Number = Annotated[float | None, _Tolerant(_usual(core_schema.float_schema(strict=True, allow_inf_nan=False)), _number)]
Integer = Annotated[
    int | None, _Tolerant(_usual(core_schema.int_schema(strict=True, ge=-LARGEST - 1, le=LARGEST)), integer_of)
]
Count = Annotated[int | None, _Tolerant(_usual(core_schema.int_schema(strict=True, ge=0, le=LARGEST)), _count)]
Flag = Annotated[bool | None, _Tolerant(_usual(core_schema.bool_schema(strict=True)), flag_of)]
RecordId = Annotated[int, _Tolerant(core_schema.int_schema(strict=True, ge=1, le=LARGEST), _identity)]
"""A record's own id, the one field that must be there."""
Moment = Annotated[str | None, BeforeValidator(iso_date)]
ObjectOnly = _Tolerant(None, _nothing)
"""An object, or nothing: a list or a plain value where an object is expected is dropped, never a crash."""
