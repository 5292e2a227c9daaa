"""Looks for a customer by phone and e-mail where the list is not yet read to its end.

No page names a text search of RoofLink's list of prospects. Sibling lists have one under the name that is used here, so
what it brings is compared like any other row, and nothing is concluded from an empty answer: the search may know
neither phones nor e-mail addresses, or not in this notation.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import anyio

from leadbridge.server.errors import Rejected, ServiceError, StateError
from leadbridge.server.prospects.cursor import coverage_of
from leadbridge.server.prospects.filtered import IGNORED, Filtered, filter_state, remember, remember_honoured
from leadbridge.server.prospects.index import ProspectIndex, rows_of
from leadbridge.server.prospects.sources import Sources, index_of

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails, Profile

MOST_SEARCHES, ROWS = 2, 20
"""Requests for one person; and how many prospects with a contact are read, for more of them distinguish nobody."""

LOOKS, BETWEEN = 10, 0.1
"""How often it is looked whether the first page has come, and the seconds in between."""


async def read_contacts(app: Sources, query: ContactDetails, profile: Profile, quick: float) -> None:
    """Read the prospects with these contacts, unless RoofLink ignores the search or the list is known in `quick` s."""
    index = index_of(app)
    try:
        if not (profile.phones or profile.emails) or await _is_soon_known(index, quick):
            return
        if await filter_state(app, "search") == IGNORED:
            return
        shown = await index.phone_as_shown()
    except StateError:
        return  # the list cannot be read then either, and says so
    phones = [_written(phone.number, shown) or str(phone) for _, phone in profile.phones]
    raw = query.email.strip()
    emails = [raw if re.fullmatch(r"[^\s<>,;:\"]+", raw) else email for email in profile.emails]
    texts = dict.fromkeys([*phones[:1], *emails[:1], *phones[1:]])
    async with anyio.create_task_group() as group:
        for text in islice(texts, MOST_SEARCHES):
            group.start_soon(_search, app, text, profile)


async def _is_soon_known(index: ProspectIndex, quick: float) -> bool:
    """Whether the whole list is known, or in a moment; its first page, which is under way, says how long it is."""
    coverage = await coverage_of(index)
    for _ in range(LOOKS):
        if coverage.total is not None:
            break
        await anyio.sleep(BETWEEN)
        coverage = await coverage_of(index)
    return coverage.complete or coverage.seconds_left <= quick


async def _search(app: Sources, text: str, profile: Profile) -> None:
    """One page. It is ignored where most rows of a full page have none of the contacts."""
    numbers = {phone.number for _, phone in profile.phones}
    before = await filter_state(app, "search")
    try:
        page, prospects = await app.rooflink.list_prospects({"search": text, "page": 1, "page_size": ROWS})
        rows = await rows_of(prospects)
        await index_of(app).put(rows)
        fitting = sum(
            bool(
                numbers & {phone.number for _, phone in row.profile.phones} or {*profile.emails} & {*row.profile.emails}
            )
            for row in rows
        )
        if fitting == len(rows):
            await remember_honoured(app, "search", Filtered(count=page.count or 0 if rows else 0))
        elif page.next_page is not None and fitting * 2 < len(rows):
            await remember(app, "search", before, IGNORED)
    except Rejected:
        await remember(app, "search", before, IGNORED)
    except (ServiceError, StateError):
        return  # the list cannot be read then either, and says so


def _written(number: str, shown: str) -> str:
    """A North American number in the notation of another one; empty where that one's notation is not its."""
    national, length = number.removeprefix("+1"), len(re.findall(r"\d", shown))
    if not number.startswith("+1") or length not in {len(national), len(national) + 1}:
        return ""
    digits = iter(f"1{national}"[-length:])
    return re.sub(r"\d", lambda _: next(digits), shown)
