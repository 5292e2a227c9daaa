"""Reads what a filter of RoofLink's list brings, and finds out whether RoofLink applied it.

The names of the filters are inferred, and RoofLink ignores an unknown one without a word. So the rows that come back
are compared with the filter. What is found out is remembered in the state store for the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leadbridge.server.contract.observations import Observation
from leadbridge.server.errors import Rejected
from leadbridge.server.prospects.cursor import PAGE_SIZE, coverage_of
from leadbridge.server.prospects.index import ProspectRow, rows_of
from leadbridge.server.prospects.sources import Sources, index_of, read_again

if TYPE_CHECKING:
    from leadbridge.server.matching.addresses import Address

HONOURED, IGNORED = "honoured", "ignored"
LIST = "rooflink.list_prospects"
MOST_PAGES, ONCE_COMPLETE = 20, 2
"""Of one filter; and once the whole list is known, which a filter then only brings up to date."""
MOST_ELSEWHERE = 5
"""Known prospects of a place that a filter did not bring and that are read again, to see whether they have moved."""

Fits = Callable[[ProspectRow], bool | None]
"""Whether a row fits the filter; `None` where the row does not say."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter brought; `whole` when it is everything that RoofLink has of it."""

    ids: frozenset[int] = frozenset()
    whole: bool = False
    count: int = 0
    """How many RoofLink says there are, where the rows fit; else 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a house would be found: a filter of the list, and the words for it."""

    filter: str
    value: str
    key: str
    what: str


async def filter_state(app: Sources, name: str) -> str:
    """`honoured`, `ignored`, or empty while it is not known."""
    wire = app.catalog[LIST].query[name].wire
    rows = await app.observations.of_service("rooflink")
    return next((row.state for row in rows if (row.operation, row.kind, row.name) == (LIST, "filter", wire)), "")


async def read_filtered(app: Sources, name: str, value: str, fits: Fits) -> Filtered:
    """Read what one filter brings, to its end, into the index.

    A filter counts as ignored where most rows do not fit it, for single rows may contradict themselves, and as honoured
    where they fit and are fewer than all. An empty answer proves neither.

    Raises:
        ServiceError: a page could not be read; the pages before it are kept.
    """
    index, before = index_of(app), await filter_state(app, name)
    ids, fitting, judged, unreadable, number = set[int](), 0, 0, 0, 1
    while before != IGNORED:
        try:
            page, prospects = await app.rooflink.list_prospects({name: value, "page": number, "page_size": PAGE_SIZE})
        except Rejected:
            await remember(app, name, before, IGNORED)
            return Filtered()
        rows = await rows_of(prospects)
        await index.put(rows)
        verdicts = [verdict for row in rows if (verdict := fits(row)) is not None]
        fitting, judged = fitting + sum(verdicts), judged + len(verdicts)
        if fitting * 2 < judged:
            await remember(app, name, before, IGNORED)
            return Filtered()
        known, ids = ids, ids | {row.prospect_id for row in rows}
        unreadable += page.unreadable
        repeated = bool(rows) and ids == known
        if repeated and page.count is None:
            break
        if repeated or page.next_page is None or page.next_page <= number:
            count = len(ids) + unreadable if page.count is None else page.count
            # Read to its end, an answer with rows is whole even where it is the whole list.
            whole = (before == HONOURED or bool(ids)) and len(ids) + unreadable >= count
            found = Filtered(frozenset(ids), whole, count if fitting else 0)
            await remember_honoured(app, name, found)
            return found
        coverage = await coverage_of(index)
        narrows = before == HONOURED or page.count is None or coverage.total is None or page.count < coverage.total
        if not narrows or number >= (ONCE_COMPLETE if coverage.complete and name != "modified_from" else MOST_PAGES):
            break
        number = page.next_page
    return Filtered(frozenset(ids))


async def remember_honoured(app: Sources, name: str, found: Filtered) -> None:
    """A filter works that brought rows that fit it, and fewer than all; how many all are may be known only later."""
    everything = (await coverage_of(index_of(app))).total
    if found.count and everything is not None and found.count < everything:
        await remember(app, name, await filter_state(app, name), HONOURED)


def place_of(address: Address) -> Place | None:
    """Where to look for a house: by its postal code, or by its town where it has none."""
    if address.postal:
        canadian = not address.postal.isdigit()
        written = f"{address.postal[:3]} {address.postal[3:]}" if canadian else address.postal
        return Place("postal_code", written, address.postal, f"postal code {written}")
    if address.city:
        town = address.city.title()
        return Place("city", town, address.city.replace(" ", ""), town)
    return None


async def read_place(app: Sources, place: Place) -> Filtered:
    """Read the prospects of a place.

    That there are none counts only of a filter that is known to be honoured.

    Raises:
        ServiceError: as of `read_filtered`.
    """
    index = index_of(app)
    found = await read_filtered(app, place.filter, place.value, _in_place(place))
    if not found.whole:
        return found
    elsewhere = await index.ids_at(place.key) - found.ids
    if 0 < len(elsewhere) <= MOST_ELSEWHERE:
        await read_again(app, sorted(elsewhere), 10.0)
        elsewhere = await index.ids_at(place.key) - found.ids
    return replace(found, whole=not elsewhere)


async def try_filter(app: Sources, name: str) -> bool:
    """Find out whether a filter by place works, by a place where a prospect is known; whether it does.

    Raises:
        ServiceError: as of `read_filtered`.
    """
    if state := await filter_state(app, name):
        return state == HONOURED
    newest = await index_of(app).newest()
    known = place_of(newest[1].address) if newest is not None else None
    if known is None or known.filter != name:
        return False
    await read_filtered(app, name, known.value, _in_place(known))
    return await filter_state(app, name) == HONOURED


def _in_place(place: Place) -> Fits:
    def fits(row: ProspectRow) -> bool | None:
        address = row.profile.address
        if place.filter == "postal_code":
            return address.postal == place.key if address.postal else None
        return place.key in address.towns() if address.towns() else None

    return fits


async def remember(app: Sources, name: str, before: str, state: str) -> None:
    """Keep whether a filter works, where that is news."""
    if state != before:
        wire = app.catalog[LIST].query[name].wire
        await app.observations.remember("rooflink", [Observation(LIST, "filter", wire, state)])
