"""Reads RoofLink's list into the index: what is due, for as long as there is time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio

from leadbridge.server.errors import NotFound, UnexpectedResponse
from leadbridge.server.prospects.cursor import (
    PAGE_SIZE,
    Cursor,
    Part,
    Schedule,
    coverage_of,
    cursor_of,
    keep_page,
    newest_are_read,
    page_missing,
)
from leadbridge.server.prospects.filtered import HONOURED, filter_state, read_filtered
from leadbridge.server.prospects.index import ProspectIndex, ProspectRow, rows_of
from leadbridge.server.prospects.sources import Sources, index_of

Progress = Callable[[int, int | None], Awaitable[None]]
"""Receives how many prospects were read, of how many."""

TIME_WAS_UP = "the time was up"
LEAST = 0.05


async def read_list(
    app: Sources,
    schedule: Schedule,
    seconds: float,
    *,
    rest: bool = True,
    grace: float = 0.0,
    progress: Progress | None = None,
) -> str:
    """Read what is due for at most so many seconds; why it stopped, or an empty text.

    Without `rest` only the newest; the answer to the last page may take `grace` seconds more.

    Raises:
        ServiceError: a page could not be read; the pages before it are kept.
    """
    index, until = index_of(app), anyio.current_time() + seconds
    while (part := (cursor := await cursor_of(index)).due(schedule, index.clock())) is not None:
        if part == "rest" and not rest and cursor.rest_position > 0:
            return ""
        left = until - anyio.current_time()
        if left <= LEAST:
            return TIME_WAS_UP
        try:
            with anyio.fail_after(left + grace):
                await read_due(app, schedule)
        except TimeoutError:
            return TIME_WAS_UP
        if progress is not None and not cursor.complete:
            coverage = await coverage_of(index)
            await progress(coverage.checked, coverage.total)
    return ""


async def read_due(app: Sources, schedule: Schedule) -> Part | None:
    """Read the page that is due, and say of which part it is.

    The rest is read one page at a time in this process: who comes second takes the page after it.

    Raises:
        ServiceError: it could not be read.
    """
    index = index_of(app)
    cursor = await cursor_of(index)
    part = cursor.due(schedule, index.clock())
    if part == "newest":
        if not (cursor.complete and cursor.newest_position == 0 and await _read_modified(app, index, cursor)):
            await _read_page(app, index, cursor, part)
    elif part == "rest":
        async with app.background.one_at_a_time:
            cursor = await cursor_of(index)
            if cursor.due(schedule, index.clock()) == "rest":
                await _read_page(app, index, cursor, part)
    return part


async def _read_page(app: Sources, index: ProspectIndex, cursor: Cursor, part: Part) -> None:
    number, began = cursor.page(part), anyio.current_time()
    try:
        page, prospects = await app.rooflink.list_prospects({"page": number, "page_size": PAGE_SIZE})
    except NotFound:
        if number == 1:
            raise
        await page_missing(index, cursor, part)
        return
    if read := await keep_page(index, cursor, part, page, await rows_of(prospects), anyio.current_time() - began):
        what = f"RoofLink sent the same page again; read {read:,} prospects"
        raise UnexpectedResponse(what)


async def _read_modified(app: Sources, index: ProspectIndex, cursor: Cursor) -> bool:
    """Read what was made or changed since the newest were read, where RoofLink honours that filter."""
    if await filter_state(app, "modified_from") != HONOURED:
        return False
    began = index.clock()
    found = await modified_since(app, cursor.newest_at)
    if found:
        await newest_are_read(index, began)
    return found


async def modified_since(app: Sources, moment: float) -> bool:
    """Read what was changed since a moment, by RoofLink's filter; whether that is all of it.

    RoofLink's dates name no time zone, so a day more is asked for, and one more is granted.
    """
    day = datetime.fromtimestamp(moment, UTC).date() - timedelta(days=1)

    def fits(row: ProspectRow) -> bool | None:
        edited = row.progress.edited
        return edited[:10] >= (day - timedelta(days=1)).isoformat() if edited else None

    return (await read_filtered(app, "modified_from", day.isoformat(), fits)).whole
