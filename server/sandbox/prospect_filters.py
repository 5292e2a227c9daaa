"""The filters of RoofLink's prospect list, as django-filter would read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from leadbridge.server.sandbox.prospect_rows import COMPANY_TIME, PREDEFINED
from leadbridge.server.sandbox.records import Prospect, User

Test: TypeAlias = Callable[[Prospect], bool]

_REST_OF_DAY = timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)
_NEAR = 0.05
"""Degrees, about 5 km."""
_TRUTHS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


class BadFilter(ValueError):
    """A value that a filter cannot read; the message is Django's."""


def _id(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise BadFilter("Enter a number.") from None


def _degrees(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadFilter("Enter a number.") from None


def _moment(value: str, *, end: bool) -> datetime:
    """`YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`; with a T in between it is refused, as the live service was seen to do."""
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
        try:
            moment = datetime.strptime(value, form).replace(tzinfo=COMPANY_TIME)
        except ValueError:
            continue
        # assumption date-filter-day
        return moment + _REST_OF_DAY if end and form == "%Y-%m-%d" else moment
    raise BadFilter("Enter a valid date/time.")


def _is(user: User | None, wanted: int) -> bool:
    return user is not None and user.id == wanted


def _employee(value: str) -> Test:
    wanted = _id(value)

    def assigned(prospect: Prospect) -> bool:
        customer = prospect.customer
        everyone = (customer.rep, customer.rep_2, customer.marketing_rep, customer.project_manager)
        return any(_is(user, wanted) for user in everyone)

    return assigned


def _status(value: str) -> Test:
    if value not in PREDEFINED:
        raise BadFilter(f"Select a valid choice. {value} is not one of the available choices.")
    return PREDEFINED[value][1]


def _rep(value: str) -> Test:
    wanted = _id(value)
    return lambda prospect: _is(prospect.customer.rep, wanted)


def _rep_2(value: str) -> Test:
    wanted = _id(value)
    return lambda prospect: _is(prospect.customer.rep_2, wanted)


def _project_manager(value: str) -> Test:
    wanted = _id(value)
    return lambda prospect: _is(prospect.customer.project_manager, wanted)


def _region(value: str) -> Test:
    wanted = _id(value)
    return lambda prospect: prospect.customer.region.id == wanted


def _created_from(value: str) -> Test:
    moment = _moment(value, end=False)
    return lambda prospect: prospect.created >= moment


def _created_to(value: str) -> Test:
    moment = _moment(value, end=True)
    return lambda prospect: prospect.created <= moment


def _edited_from(value: str) -> Test:
    moment = _moment(value, end=False)
    return lambda prospect: prospect.edited >= moment


def _edited_to(value: str) -> Test:
    moment = _moment(value, end=True)
    return lambda prospect: prospect.edited <= moment


def _latitude(value: str) -> Test:
    degrees = _degrees(value)
    return lambda prospect: abs(prospect.latitude - degrees) <= _NEAR


def _longitude(value: str) -> Test:
    degrees = _degrees(value)
    return lambda prospect: abs(prospect.longitude - degrees) <= _NEAR


def _search(value: str) -> Test:
    def found(prospect: Prospect) -> bool:
        customer = prospect.customer
        texts = (customer.name, customer.cell, customer.phone, customer.email, prospect.address, prospect.city)
        return all(any(word in text.casefold() for text in texts) for word in value.casefold().split())

    return found


# assumption filter-names
_FILTERS: Mapping[str, Callable[[str], Test]] = {
    "status": _status,
    "rep": _rep,
    "rep_2": _rep_2,
    "project_manager": _project_manager,
    "employee": _employee,
    "region": _region,
    "date_created__gte": _created_from,
    "date_created__lte": _created_to,
    "date_last_edited__gte": _edited_from,
    "date_last_edited__lte": _edited_to,
    "city": lambda value: lambda prospect: prospect.city.casefold() == value.casefold(),
    "state": lambda value: lambda prospect: prospect.state == value,
    "zipcode": lambda value: lambda prospect: prospect.zipcode == value,
    "search": _search,
    "latitude": _latitude,
    "longitude": _longitude,
}


def tests_for(query: Mapping[str, str], honoured: frozenset[str]) -> tuple[list[Test], dict[str, list[str]]]:
    """What a prospect must pass to be listed, and what is wrong with the query, by parameter.

    Parameters outside `honoured` are silently ignored, and so are empty ones.
    """
    tests: list[Test] = []
    errors: dict[str, list[str]] = {}
    gone = _TRUTHS.get(query.get("date_deleted__isnull", "").lower())
    if gone is not None:
        tests.append(lambda prospect: (prospect.deleted is None) == gone)
    for name, make in _FILTERS.items():
        value = query.get(name, "")
        if not value or name not in honoured:
            continue
        try:
            tests.append(make(value))
        except BadFilter as error:
            errors[name] = [str(error)]
    return tests, errors
