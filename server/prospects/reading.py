"""Reads RoofLink's list into the index, newest first; once it is complete, the parts that were read longest ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from leadbridge.server.errors import NotFound
from leadbridge.server.prospects.details import details_of
from leadbridge.server.prospects.index import SeenProspects, SeenRow, row_of
from leadbridge.server.prospects.runs import Reading, begin
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.services.rooflink.progress import ProspectProgress

PAGE_SIZE = 100
_LEAST = 0.05
_STEPS_BACK = 3
_PAUSE = 0.2

Progress = Callable[[int, int | None], Awaitable[None]]
"""Receives how many prospects were checked, of how many."""


@dataclass(frozen=True, slots=True)
class _Times:
    """When a reading ends, by anyio's clock."""

    last_request: float
    grace: float
    """Seconds that an answer may take beyond it."""

    @property
    def left(self) -> float:
        return self.last_request - anyio.current_time()

    @property
    def over(self) -> bool:
        return self.left <= _LEAST


async def refresh(
    seen: SeenProspects,
    rooflink: RoofLink,
    seconds: float,
    *,
    newest_only: bool = False,
    grace: float = 0.0,
    renew_after: float | None = None,
    progress: Progress | None = None,
) -> str:
    """Read RoofLink's list, newest first, until its end or for so many seconds; why it stopped, or an empty text.

    The answer to the last page may take `grace` seconds more. With `renew_after`, the time that is left when the index
    is complete goes to pages that were read more seconds ago than that, the oldest first.

    Raises:
        ServiceError: a page could not be read; the pages before it are kept.
    """
    times = _Times(anyio.current_time() + seconds, grace)
    reading = await begin(seen, seconds + grace)
    while reading is None:
        if times.left <= _PAUSE:
            return "another LeadBridge process is reading the list"
        await anyio.sleep(_PAUSE)
        reading = await begin(seen, max(times.left, _LEAST) + grace)
    try:
        stopped = await _read(reading, rooflink, times, newest_only=newest_only, progress=progress)
        if not stopped and renew_after is not None:
            await _renew(reading, rooflink, times, renew_after, progress)
        return stopped
    finally:
        with anyio.CancelScope(shield=True):
            await reading.release()


async def _read(
    reading: Reading, rooflink: RoofLink, times: _Times, *, newest_only: bool, progress: Progress | None
) -> str:
    way, total = _Way(), None
    while not times.over:
        try:
            with anyio.fail_after(times.left + times.grace):
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


async def _renew(
    reading: Reading, rooflink: RoofLink, times: _Times, renew_after: float, progress: Progress | None
) -> None:
    """Read pages of a complete index again; a page may have moved a little since, which does no harm."""
    pages = await reading.old_pages(renew_after)
    for done, page in enumerate(pages.numbers, start=1):
        if times.over:
            return
        try:
            with anyio.fail_after(times.left + times.grace):
                envelope, prospects = await rooflink.list_prospects({"page": page, "page_size": PAGE_SIZE})
        except TimeoutError:
            return
        except NotFound:
            continue  # the list became shorter
        rows = await anyio.to_thread.run_sync(_rows, prospects)
        written = await reading.write(rows, total=envelope.count, first=False, last=False, joining=False)
        if written.lost:
            return
        if progress is not None:
            again = pages.size * len(pages.numbers)
            await progress(written.count + done * pages.size, written.count + again)


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
    return [
        row_of(prospect.id, details_of(prospect), deleted=prospect.deleted, standing=ProspectProgress.of(prospect))
        for prospect in prospects
    ]
