"""Did the service apply a filter? Its names are mostly inferred, and an unknown one is ignored without a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypedDict, TypeVar

from leadbridge.server.catalog.operation import Operation, Scalar
from leadbridge.server.contract.observations import Observation
from leadbridge.server.errors import ArgumentsRefused, Problem
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.services.values import Answer, day_of

R = TypeVar("R")
Check = Callable[[Prospect, Scalar], bool | None]
"""Whether a row fits the filter; `None` where the row does not say."""


def days_in_order(*periods: tuple[str, date | None, str, date | None]) -> None:
    """Refuse a period that ends before it begins: its empty answer would read as "there are none".

    Raises:
        ArgumentsRefused: names the later argument.
    """
    problems = [
        Problem(last, f"must not be before {first}, which is {begin.isoformat()} (LeadBridge's rule)")
        for first, begin, last, end in periods
        if begin is not None and end is not None and end < begin
    ]
    if problems:
        raise ArgumentsRefused(problems)


def contradicted(
    filters: Mapping[str, Scalar], rows: Sequence[R], checks: Mapping[str, Callable[[R, Scalar], bool | None]]
) -> list[str]:
    """Names of the filters that at least one returned row contradicts. No rows prove nothing."""
    return [
        name
        for name, value in filters.items()
        if (check := checks.get(name)) and any(check(row, value) is False for row in rows)
    ]


class Doubts(TypedDict):
    """What a page says of its filters, as fields of `FilteredRows`."""

    filters_ignored: list[str]
    filters_unverified: list[str]


async def doubts_of(
    app: AppContext,
    operation: Operation,
    filters: Mapping[str, Scalar],
    rows: Sequence[R],
    checks: Mapping[str, Callable[[R, Scalar], bool | None]],
) -> Doubts:
    """Which filters the rows contradict or the service is known to ignore, and of which nothing is known.

    A filter known to be ignored is reported even where the rows fit it by chance; one that the rows contradict is
    remembered. Without a filter of an inferred name the store is not asked.
    """
    ignored = contradicted(filters, rows, checks)
    names = {name: operation.query[name].wire for name in operation.inferred_names(filters)}
    if not names:
        return {"filters_ignored": ignored, "filters_unverified": []}
    seen = await app.observations.of_service(operation.service)
    known = {row.name: row.state for row in seen if (row.operation, row.kind) == (operation.id, "filter")}
    now = app.observations.clock()
    new = [
        Observation(operation.id, "filter", wire, "ignored", now)
        for name, wire in names.items()
        if name in ignored and known.get(wire) != "ignored"
    ]
    await app.observations.remember(operation.service, new)
    others = {name: known.get(wire) for name, wire in names.items() if name not in ignored}
    return {
        "filters_ignored": [*ignored, *(name for name, state in others.items() if state == "ignored")],
        "filters_unverified": [name for name, state in others.items() if state is None],
    }


def linked(name: str) -> Callable[[Answer, Scalar], bool | None]:
    """Whether a row is tied to the person, region or job of an id; one that shows nobody there is not."""

    def check(row: Answer, value: Scalar) -> bool | None:
        found = getattr(row, name)
        if found is None:
            return False if name in row.model_fields_set else None
        return None if found.id is None else found.id == value

    return check


def day_fits(day: date | None, bound: Scalar, *, lower: bool) -> bool | None:
    """Whether a row's day is not before a bound, or not after it. One day of grace: rows carry no time zone."""
    if day is None:
        return None
    distance = (day - date.fromisoformat(str(bound))).days
    return distance >= -1 if lower else distance <= 1


def _person(role: str) -> Check:
    check = linked(role)
    return lambda prospect, value: None if prospect.customer is None else check(prospect.customer, value)


def _any_person(prospect: Prospect, value: Scalar) -> bool | None:
    customer = prospect.customer
    if customer is None:
        return None
    people = [customer.rep, customer.rep_2, customer.marketing_rep, customer.project_manager]
    known = [person.id for person in people if person is not None and person.id is not None]
    return (value in known) if known else None


def _region(prospect: Prospect, value: Scalar) -> bool | None:
    region = prospect.customer.region if prospect.customer else None
    return None if region is None or region.id is None else region.id == value


def _day(field: str, *, lower: bool) -> Check:
    return lambda prospect, value: day_fits(day_of(getattr(prospect, field)), value, lower=lower)


def _address_has(pattern: str) -> Check:
    def check(prospect: Prospect, value: Scalar) -> bool | None:
        if not prospect.full_address:
            return None
        found = re.compile(pattern.format(re.escape(str(value).strip())), re.IGNORECASE)
        return bool(found.search(" ".join(prospect.full_address.split())))

    return check


def _stage(prospect: Prospect, value: Scalar) -> bool | None:
    """Only what the steps prove: a verified stage needs the step done, an unverified one needs it open."""
    verified, submitted = prospect.step("verify_lead"), prospect.step("submit")
    if value == "unverified":
        return None if verified is None or verified.complete is None else not verified.complete
    if value == "submitted":
        return None if submitted is None or submitted.complete is None else submitted.complete
    return None if verified is None or verified.complete is None else verified.complete


PROSPECT_CHECKS: dict[str, Check] = {
    "include_deleted": lambda prospect, _: not prospect.deleted,
    "stage": _stage,
    "rep_id": _person("rep"),
    "rep_2_id": _person("rep_2"),
    "project_manager_id": _person("project_manager"),
    "employee_id": _any_person,
    "region_id": _region,
    "created_from": _day("date_created", lower=True),
    "created_to": _day("date_created", lower=False),
    "modified_from": _day("date_last_edited", lower=True),
    "modified_to": _day("date_last_edited", lower=False),
    "city": _address_has(r"(?<!\w){}(?!\w)"),
    "state": _address_has(r"(?<!\w){}(?!\w)"),
    "postal_code": _address_has(r"(?<!\w){}"),
}
