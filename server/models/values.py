"""Tolerant readers of what the services send: two date formats, numeric texts, empty texts for null."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

_DISPLAY_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?:\s+(\d{1,2}):(\d{2})\s*([AaPp])[Mm])?")


class Answer(BaseModel):
    """Base of what comes from a service: unknown fields are kept, only `id` is ever required."""

    model_config = ConfigDict(extra="allow", defer_build=True)  # built at the first answer, not at start


def iso_date(value: object) -> str | None:
    """A service's date as ISO 8601, or its own text where it is no date we know.

    RoofLink's lists send `MM/DD/YYYY h:mmAM` without a zone (kept without one), other answers ISO with an offset.
    """
    text = str(value).strip() if value is not None else ""
    if not text:
        return None
    match = _DISPLAY_DATE.fullmatch(text)
    try:
        if match is None:
            datetime.fromisoformat(text)
            return text
        month, day, year, hour, minute, half = match.groups()
        if hour is None:
            return date(int(year), int(month), int(day)).isoformat()
        clock = int(hour) % 12 + (12 if half in "Pp" else 0)
        moment = datetime(int(year), int(month), int(day), clock, int(minute))  # noqa: DTZ001  # the service names no zone
        return moment.isoformat(timespec="minutes")
    except ValueError:
        return text


def is_moment(value: str | None) -> bool:
    """Whether a text is a date or a date-time in ISO 8601, whole."""
    try:
        datetime.fromisoformat(value or "")
    except ValueError:
        return False
    return True


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


def _integer(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, (bool, int)) else None


def _object(value: object) -> object:
    return cast("object", value) if isinstance(value, (dict, BaseModel)) else None


def objects(value: JsonValue) -> JsonValue:
    """The objects of a list; anything else in it, or instead of it, is dropped."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


Text = Annotated[str | None, BeforeValidator(_text)]
Number = Annotated[float | None, BeforeValidator(_number)]
Integer = Annotated[int | None, BeforeValidator(_integer)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Moment = Annotated[str | None, BeforeValidator(iso_date)]
ObjectOnly = BeforeValidator(_object)
"""An object, or nothing: a list or a plain value where an object is expected is dropped, never a crash."""
