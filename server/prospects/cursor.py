"""How far RoofLink's list is read, and which part of it is due next.

The list is read in two parts. The newest: from the top until a prospect that was read before and has not changed. The
rest: page by page to the end, and then again from the top, on a rolling schedule. Both positions are in the state
store, so any process goes on where another one stopped. They count rows, not pages, because the service may change the
size of its pages. New prospects push the others down, so that some are read twice and none is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from leadbridge.server import state
from leadbridge.server.matching.profile import RULES
from leadbridge.server.prospects.index import ProspectIndex, ProspectRow, put_rows
from leadbridge.server.services.rooflink.models import Page

if TYPE_CHECKING:
    from sqlalchemy import Connection

PAGE_SIZE = 100
WHILE_INCOMPLETE = 300.0
"""Seconds after which the newest are looked at again while the list is being read for the first time."""
FASTEST_PAGE = 0.2
"""Seconds; RoofLink allows five requests a second."""

Part = Literal["newest", "rest"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """After how many seconds the newest, and the whole list, are read again."""

    newest: float = 5.0
    whole: float = math.inf


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of RoofLink's list the index holds, and how old that is."""

    checked: int = 0
    total: int | None = None
    complete: bool = False
    newest_at: float = 0.0
    """When the newest were last read."""
    oldest_at: float | None = None
    """When the row was read that was read longest ago."""
    read_on: bool = False
    """Whether a server reads on in the background, in this process or another."""
    seconds_left: float = math.inf
    """How long the rest takes to be read, at the pace of the pages before."""

    @property
    def unreadable(self) -> int:
        """Prospects that the list counts but did not bring, read to its end: rows that cannot be used."""
        return max(0, self.total - self.checked) if self.complete and self.total is not None else 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Both positions, in rows from the top; times in seconds since 1970."""

    rules: int
    total: int | None = None
    page_rows: int = PAGE_SIZE
    page_seconds: float = 0.0
    newest_position: int = 0
    newest_at: float = 0.0
    rest_position: int = 0
    rest_started_at: float = 0.0
    complete_since: float = 0.0
    """When the last reading of the whole list began; 0 before the first one has reached the end."""
    reader: str = ""
    """The process that reads in the background."""
    reader_until: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether the whole list was read."""
        return self.complete_since > 0

    def due(self, schedule: Schedule, now: float) -> Part | None:
        """Which part is to be read now."""

        def old(moment: float, seconds: float) -> bool:
            return not 0 <= now - moment < seconds

        newest = schedule.newest if self.complete else max(schedule.newest, WHILE_INCOMPLETE)
        rest = not self.complete or (
            not math.isinf(schedule.whole) and (self.rest_position > 0 or old(self.complete_since, schedule.whole))
        )
        if self.newest_position > 0 or (old(self.newest_at, newest) and not (rest and self.rest_position == 0)):
            return "newest"
        return "rest" if rest else None  # it begins with the newest

    def page(self, part: Part) -> int:
        """The page that comes next."""
        position = self.newest_position if part == "newest" else self.rest_position
        return position // self.page_rows + 1

    @property
    def seconds_left(self) -> float:
        """How long the rest takes at the pace of the pages before."""
        if self.total is None or not self.page_seconds:
            return math.inf
        pages = math.ceil(max(0, self.total - self.rest_position) / self.page_rows)
        return pages * max(self.page_seconds, FASTEST_PAGE)


async def cursor_of(index: ProspectIndex) -> Cursor:
    """How far the list is read. An index of other rules of comparing begins anew."""
    return await index.store.run(lambda connection: _load(connection, index))


async def coverage_of(index: ProspectIndex) -> Coverage:
    """How much is in the index."""

    def work(connection: Connection) -> Coverage:
        cursor = _load(connection, index)
        checked, oldest_at = state.prospects.count(connection, index.key)
        return Coverage(
            checked=checked if cursor.total is None else min(checked, cursor.total),
            total=cursor.total,
            complete=cursor.complete,
            newest_at=cursor.newest_at,
            oldest_at=oldest_at,
            read_on=cursor.reader_until > index.clock(),
            seconds_left=cursor.seconds_left,
        )

    return await index.store.run(work)


async def page_missing(index: ProspectIndex, before: Cursor, part: Part) -> None:
    """The service has no such page: its pages have grown, or the list has become shorter."""

    def work(connection: Connection) -> None:
        if (now := _load(connection, index)) == before:
            name = f"{part}_position"
            shorter = max(0, getattr(now, name) - PAGE_SIZE)
            position = getattr(now, name) if now.page_rows != PAGE_SIZE else shorter
            changes: dict[str, Any] = {"page_rows": PAGE_SIZE, name: position}
            _save(connection, index, replace(now, **changes))

    await index.store.run(work)


async def keep_page(
    index: ProspectIndex, before: Cursor, part: Part, page: Page, rows: list[ProspectRow], seconds: float
) -> int:
    """Keep a page that took so many seconds, and move on, unless another process has done so meanwhile.

    Returns 0, or how many prospects this reading of the list brought before the service repeated itself.
    """

    def work(connection: Connection) -> int:
        now = index.clock()
        cursor = _load(connection, index)
        known, _ = state.prospects.count(connection, index.key, cursor.rest_started_at)
        unchanged = put_rows(connection, index.key, rows, listed=True, now=now)
        read, _ = state.prospects.count(connection, index.key, cursor.rest_started_at)
        cursor = replace(cursor, page_seconds=_smoothed(cursor.page_seconds, seconds))
        number, size, sent = cursor.page(part), len(rows) + page.unreadable, page
        # Newcomers may push a whole page of known rows down, but those come on top of what was read.
        nothing_new = bool(rows) and read == known <= (number - 1) * size
        repeats = part == "rest" and number > 1 and page.next_page is not None and nothing_new
        if repeats and read == page.count:
            repeats, sent = False, page.model_copy(update={"next_page": None})
        if number == before.page(part) and not repeats:
            met = bool(rows) and rows[-1].prospect_id in unchanged
            cursor = _moved(connection, index, cursor, part, sent, size, met=met)
        _save(connection, index, replace(cursor, total=cursor.total if page.count is None else page.count))
        return read if repeats else 0

    return await index.store.run(work)


async def newest_are_read(index: ProspectIndex, at: float) -> None:
    """Whatever was made or changed before that moment is in the index."""
    await index.store.run(
        lambda connection: _save(connection, index, replace(_load(connection, index), newest_at=at, newest_position=0))
    )


async def claim_reader(index: ProspectIndex, process: str, seconds: float) -> bool:
    """Become, or stay, the one process that reads in the background, for so many seconds; 0 gives it up."""

    def work(connection: Connection) -> bool:
        cursor, now = _load(connection, index), index.clock()
        # A claim by a clock that was ahead would never end.
        taken = cursor.reader != process and now < cursor.reader_until <= now + 3_600
        if not taken:
            _save(connection, index, replace(cursor, reader=process, reader_until=now + seconds if seconds else 0.0))
        return not taken

    return await index.store.run(work)


def _smoothed(before: float, seconds: float) -> float:
    return seconds if not before else 0.7 * before + 0.3 * seconds


def _moved(
    connection: Connection, index: ProspectIndex, cursor: Cursor, part: Part, page: Page, size: int, *, met: bool
) -> Cursor:
    """The cursor behind a page of so many rows; `met`: its last row was read before and has not changed."""
    number, now = cursor.page(part), index.clock()
    last = page.next_page is None or page.next_page <= number or not size
    start = (number - 1) * cursor.page_rows
    if page.from_index:
        start = page.from_index - 1
    elif not last:
        start = (number - 1) * size
    if not last:
        cursor = replace(cursor, page_rows=size)
    elif number > 1 and start % (number - 1) == 0 and start:
        cursor = replace(cursor, page_rows=start // (number - 1))
    if part == "newest" and not (last and number == 1):
        if number == 1:
            cursor = replace(cursor, newest_at=now)
        if last or met:
            return replace(cursor, newest_position=0)
        return cursor if start > cursor.newest_position else replace(cursor, newest_position=start + size)
    if part == "newest" or cursor.rest_position == 0:
        newest_at = now if met or last or not cursor.complete else cursor.newest_at
        cursor = replace(cursor, rest_position=0, rest_started_at=now, newest_at=newest_at)
    if start > cursor.rest_position:
        return cursor  # its pages have grown
    if cursor.rest_position and page.count is not None and cursor.total is not None and page.count < cursor.total:
        # Rows that were not read have moved up onto pages that were.
        return replace(cursor, rest_position=max(0, min(start, cursor.rest_position) - (cursor.total - page.count)))
    if not last:
        return replace(cursor, rest_position=start + size)
    _drop_what_is_gone(connection, index, cursor, page)
    return replace(cursor, rest_position=0, complete_since=cursor.rest_started_at)


def _drop_what_is_gone(connection: Connection, index: ProspectIndex, cursor: Cursor, page: Page) -> None:
    """The list was read to its end: what it did not bring is gone.

    Where it brought fewer than it counts, a row may have moved while it was read. Then only that goes which the reading
    before did not bring either.
    """
    count, _ = state.prospects.count(connection, index.key, cursor.rest_started_at)
    whole = page.count is None or count + page.unreadable >= page.count
    state.prospects.drop(connection, index.key, cursor.rest_started_at if whole else cursor.complete_since)


def _load(connection: Connection, index: ProspectIndex) -> Cursor:
    row = state.prospects.cursor(connection, index.key, _values(Cursor(RULES)))
    cursor = Cursor(**{name: row[name] for name in Cursor.__slots__})
    if cursor.rules != RULES:
        state.prospects.drop(connection, index.key)
        cursor = Cursor(RULES, reader=cursor.reader, reader_until=cursor.reader_until)
        _save(connection, index, cursor)
    return cursor


def _save(connection: Connection, index: ProspectIndex, cursor: Cursor) -> None:
    state.prospects.set_cursor(connection, index.key, _values(cursor))


def _values(cursor: Cursor) -> dict[str, Any]:
    return {name: getattr(cursor, name) for name in Cursor.__slots__}
