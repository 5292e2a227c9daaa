"""Numbers, flags and days as hosts write them: JSON's own, or a text that can mean only one thing.

What can mean two things is refused: `18.500` is a price in Berlin and a weight in Boston, `007` may be another
system's id, and a JSON number beyond 2^53-1 may be what a JavaScript host made of a neighbouring one.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from leadbridge.server.services.view import LARGEST_EXACT
from leadbridge.server.writes.recovery import LARGEST_ID

V = TypeVar("V")

_INTEGER = re.compile(r"(-?(?:0|[1-9][0-9]{0,29}))(?:\.0)?")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,20})?")
_AMOUNT = re.compile(r"(?:\$ ?)?((?:0|[1-9][0-9]{0,14})|[1-9][0-9]{0,2}(?:,[0-9]{3}){1,4})(\.[0-9]{1,2})?")
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_DAY = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){_MIDNIGHT}", re.IGNORECASE)
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2})(?::00(?:\.0{1,9})?)?")
_CENTS = -2


def integer(value: object) -> object:
    """`7`, `7.0` and `"7"`; what is neither is left for the check that follows.

    Raises:
        ValueError: a number that may have been rounded on its way.
    """
    if isinstance(value, str) and (found := _INTEGER.fullmatch(value.strip())):
        return int(found[1])
    known = exact(value)
    return int(known) if isinstance(known, float) and known.is_integer() else known


def record_id(text: str) -> int:
    """An id in a prompt's argument or an address.

    Raises:
        ValueError: not one.
    """
    found = integer(text)
    if not isinstance(found, int) or not 1 <= found <= LARGEST_ID:
        msg = "must be a positive integer, digits only"
        raise ValueError(msg)
    return found


def exact(value: V) -> V:
    """The value, unless it is a number that a host may have rounded.

    Raises:
        ValueError: it is beyond 2^53-1.
    """
    if isinstance(value, (int, float)) and LARGEST_EXACT < abs(value) < math.inf:
        msg = f"is beyond {LARGEST_EXACT}, where hosts round numbers; send it as a text"
        raise ValueError(msg)
    return value


def number(value: object) -> float:
    """A number, or a text in plain decimal notation.

    Raises:
        ValueError: anything else, and what is not finite.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            given = float(value)
        except OverflowError:
            given = math.inf
        if math.isfinite(given):
            return given
    msg = "must be a number"
    raise ValueError(msg)


def amount(value: object) -> float:
    """An amount of money, in dollars: a number, or a text such as `$18,500.00`.

    Raises:
        ValueError: not an amount, or one with more than two decimals.
    """
    given = float(amount_digits(value)) if isinstance(value, str) else number(value)
    exponent = Decimal(repr(given)).normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < _CENTS:
        msg = f"must have at most two decimals, not {given!r}"
        raise ValueError(msg)
    return given


def amount_digits(text: str) -> str:
    """The digits and the decimal point of an amount as people write it.

    Raises:
        ValueError: not an amount, or a text that can mean two.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        msg = "must be an amount such as 18500 or 18,500.00: at most two decimals, commas only between thousands"
        raise ValueError(msg)
    return f"{found[1].replace(',', '')}{found[2] or ''}"


def flag(value: object) -> object:
    """A text `true` or `false` is that; `1` and `yes` are left for the check that follows."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def day(value: object) -> date:
    """A day as `YYYY-MM-DD`, or a date-time of which the clock says midnight: the day that is written in it.

    Raises:
        ValueError: not a day of the calendar, or a time of the day.
    """
    if isinstance(value, date):
        return value
    return date.fromisoformat(_written(value, _DAY, "a date as YYYY-MM-DD", "a day"))


def moment(value: object) -> datetime:
    """A day and a time by the clock on the wall, in whole minutes. With a zone it would be another time elsewhere.

    Raises:
        ValueError: not a time of the calendar, or one with a zone.
    """
    if isinstance(value, datetime):
        return value
    form = "a time as YYYY-MM-DDTHH:MM, without a zone: the clock on the company's wall"
    return datetime.fromisoformat(_written(value, _MOMENT, form, "a time"))


def _written(value: object, pattern: re.Pattern[str], form: str, what: str) -> str:
    """The part of a text that has the form and is in the calendar."""
    found = pattern.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        msg = f"must be {form}"
        raise ValueError(msg)
    try:
        datetime.fromisoformat(found[1])
    except ValueError:
        msg = f"{found[1]} is not {what} of the calendar"
        raise ValueError(msg) from None
    return found[1]
