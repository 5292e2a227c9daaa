"""Is there a prospect like this already? The index is brought up to date as far as the time allows, then searched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.to_thread

from server.api.rooflink import RoofLink
from server.api.services import Services
from server.errors import NotFound, RateLimited, Unavailable, UnexpectedResponse
from server.guard.ledger import Ledger
from server.guard.matching.index import Coverage, Found, SeenProspects, SeenRow, row_of
from server.guard.matching.profile import Sought, profile_of
from server.guard.matching.runs import Reading, begin
from server.models.rooflink import Prospect
from server.state import Store

PAGE_SIZE = 100
STILL_FRESH = 5.0
"""Seconds after a look at the newest prospects in which none is taken again."""
NEARLY_FRESH = 60.0
"""Seconds after which the reading goes on with older prospects; before, it only looks for new ones."""
_LEAST = 0.05
_STEPS_BACK = 3
_PAUSE = 0.2

Progress = Callable[[int, int | None], Awaitable[None]]
"""Told how many prospects were checked, of how many."""


class Sources(Protocol):
    """What the check reaches; the deck of a server is one."""

    @property
    def store(self) -> Store:
        """The state store."""
        ...

    @property
    def services(self) -> Services:
        """The clients, which tell the account."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The ledger, whose clock counts."""
        ...

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's reads."""
        ...


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What resembles the one sought, and how much of RoofLink was compared."""

    matches: tuple[Found, ...]
    coverage: Coverage
    stopped: str = ""
    """Why not everything was checked, in words; empty when the list was read to its end."""

    @property
    def likely(self) -> tuple[Found, ...]:
        """The likely duplicates; what was deleted in RoofLink is none."""
        return tuple(found for found in self.matches if found.match.likely and not found.deleted)

    @property
    def checked(self) -> str:
        """How much was checked, in words: `checked 1,240 of 7,376 prospects`."""
        total = "an unknown number of" if self.coverage.total is None else f"{self.coverage.total:,}"
        return f"checked {self.coverage.checked:,} of {total} prospects"


def index_of(deck: Sources) -> SeenProspects:
    """The index of the deck's RoofLink account."""
    return SeenProspects(deck.store, deck.services.account, deck.ledger.clock)


async def likely_duplicates(
    deck: Sources, sought: Sought, seconds: float, progress: Progress | None = None
) -> DuplicateReport:
    """Prospects like the one sought, after at most `seconds` of reading RoofLink's list, newest first.

    A second call goes on where the first stopped. Right after another look at the list nothing is fetched, within a
    minute only what is new.

    Raises:
        ServiceError: RoofLink cannot be read, and nothing is known from before; or the key is refused.
        StateError: the state store cannot be used.
    """
    seen = index_of(deck)
    profile = await anyio.to_thread.run_sync(profile_of, sought)
    before = await seen.coverage()
    age = seen.clock() - before.checked_at
    stopped = ""
    if not 0 <= age < STILL_FRESH:
        try:
            stopped = await refresh(
                seen, deck.rooflink, seconds, newest_only=0 <= age < NEARLY_FRESH, progress=progress
            )
        except (RateLimited, Unavailable, UnexpectedResponse) as error:
            if not (await seen.coverage()).checked:
                raise
            stopped = error.what
    coverage = await seen.coverage()
    found = await seen.find(profile)
    if not stopped and not coverage.complete:
        stopped = "the rest was left for the next call"
    return DuplicateReport(tuple(found), coverage, "" if coverage.complete and not stopped else stopped)


async def remember_created(deck: Sources, prospect_id: int, told: Sought) -> None:
    """Put a prospect that was just made into the index, so that the next check finds it without reading the list."""
    await index_of(deck).remember(await anyio.to_thread.run_sync(row_of, prospect_id, told))


async def refresh(
    seen: SeenProspects,
    rooflink: RoofLink,
    seconds: float,
    *,
    newest_only: bool = False,
    progress: Progress | None = None,
) -> str:
    """Read RoofLink's list, newest first, until its end or for so many seconds; why it stopped, or an empty text.

    Raises:
        ServiceError: a page could not be read; the pages before it are kept.
    """
    end = anyio.current_time() + seconds
    reading = await begin(seen, seconds)
    while reading is None:
        if anyio.current_time() + _PAUSE >= end:
            return "another LeadBridge process is reading the list"
        await anyio.sleep(_PAUSE)
        reading = await begin(seen, max(end - anyio.current_time(), _LEAST))
    try:
        return await _read(reading, rooflink, end, newest_only=newest_only, progress=progress)
    finally:
        with anyio.CancelScope(shield=True):
            await reading.release()


async def _read(
    reading: Reading, rooflink: RoofLink, end: float, *, newest_only: bool, progress: Progress | None
) -> str:
    way, total = _Way(), None
    while (left := end - anyio.current_time()) > _LEAST:
        try:
            with anyio.fail_after(left):
                envelope, prospects = await rooflink.list_prospects({"page": way.page, "page_size": PAGE_SIZE})
        except TimeoutError:
            break
        except NotFound:
            if not way.jumped:
                raise
            way.back()  # the list became shorter than the page that was jumped to
            continue
        if total is not None and (envelope.count or total) < total and not way.jumped and way.page > 1:
            total = envelope.count
            way.again()
            continue
        total = total if envelope.count is None else envelope.count
        upcoming = envelope.next_page if (envelope.next_page or 0) > way.page else None
        rows = await anyio.to_thread.run_sync(_rows, prospects)
        written = await reading.write(
            rows, total=envelope.count, first=way.page == 1, last=upcoming is None, joining=way.jumped
        )
        if written.lost:
            return "another LeadBridge process took over the reading"
        if not written.joined:
            way.back()
            continue
        if progress is not None:
            await progress(written.count, total)
        if written.ended or upcoming is None or (written.met and newest_only):
            return ""
        way.on(upcoming, (written.count - 1) // len(rows) + 1 if written.met and rows else 0)
    return "the time was up"


@dataclass(slots=True)
class _Way:
    """Which page comes next. After a jump the page must touch what was read; if it does not, the way leads back."""

    page: int = 1
    walked: int = 0
    jumped: bool = False
    steps: int = 0

    def on(self, upcoming: int, known_until: int) -> None:
        """The page was kept: on to the next one, or to the last that is known."""
        self.walked, self.steps = max(self.walked, self.page), 0
        self.page = max(upcoming, known_until)
        self.jumped = self.page > upcoming

    def back(self) -> None:
        """The page does not touch what was read: a page back, or after a few to where the reading left off."""
        self.steps += 1
        self.page = self.page - 1 if self.steps <= _STEPS_BACK else self.walked + 1
        self.page = max(self.page, self.walked, 1)
        self.jumped = self.page > self.walked + 1

    def again(self) -> None:
        """The list became shorter: rows that were not read have moved up onto pages that were."""
        self.page -= 1


def _rows(prospects: list[Prospect]) -> list[SeenRow]:
    return [row_of(prospect.id, Sought.of(prospect), deleted=prospect.deleted) for prospect in prospects]
