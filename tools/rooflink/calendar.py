"""RoofLink's calendar, read: the list of events, the calendar view, the next five days.

Source: https://developers.rooflink.com/reference/light-events-list
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import Id, OptionalDay, OptionalId
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Omitted, Reply
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.services.values import day_of
from leadbridge.server.text import label
from leadbridge.tools.lists import Page, SmallPageSize, numbers_of, page_reply
from leadbridge.tools.rooflink.event_views import (
    CHECKS,
    COLUMNS,
    Calendar,
    Days,
    EventPage,
    calendar_lines,
    cells_of,
    days_lines,
    row_of,
)
from leadbridge.tools.rooflink.filters import days_in_order, doubts_of

UserIds = Annotated[list[Id], Field(min_length=1, max_length=50, description="Whose events")]


async def rooflink_list_events(
    ctx: Ctx,
    page: Page = 1,
    page_size: SmallPageSize = 10,
    start_from: OptionalDay = None,
    start_to: OptionalDay = None,
    user_ids: UserIds | Omitted = None,
    job_id: OptionalId = None,
) -> MakeReply[EventPage]:
    """List one-time events of RoofLink, ten at most on a page.

    next_page is the page that follows. rooflink_calendar_view has recurring ones. filters_ignored names filters that
    RoofLink did not apply.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.list_events"]
    filters = _filters(start_from, start_to, user_ids, job_id)
    envelope, events = await app.rooflink.page(operation.id, Event, {"page": page, "page_size": page_size, **filters})
    doubts = await doubts_of(app, operation, filters, events, CHECKS)
    return lambda: page_reply(
        "Events",
        EventPage(**numbers_of(envelope), **doubts, rows=[*map(row_of, events)]),
        COLUMNS,
        asked=(page, page_size),
        cells=cells_of,
    )


async def rooflink_calendar_view(
    ctx: Ctx,
    start_from: OptionalDay = None,
    start_to: OptionalDay = None,
    user_ids: UserIds | Omitted = None,
    job_id: OptionalId = None,
) -> MakeReply[Calendar]:
    """Show RoofLink's calendar with recurring events: by default today, and only what concerns the key's own user.

    user_ids shows other people's. filters_ignored names filters that RoofLink did not apply.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.calendar_view"]
    filters = _filters(start_from, start_to, user_ids, job_id)
    events, unreadable = await app.rooflink.rows(operation.id, Event, filters)
    doubts = await doubts_of(app, operation, filters, events, CHECKS)

    def reply() -> Reply[Calendar]:
        data = Calendar(**doubts, rows=[*map(row_of, events)], unreadable_rows=unreadable or None)
        return Reply(data, calendar_lines, data.doubts)

    return reply


async def rooflink_next_five_days_events(
    ctx: Ctx,
    scope: Annotated[Literal["self", "all"], Field(description="self: the key's own user; all: the company")] = "self",
) -> MakeReply[Days]:
    """Show RoofLink's events of today and the next five days, day by day.

    rooflink_calendar_view shows other days.
    """
    found, unreadable = await app_context(ctx).rooflink.by_day(
        "rooflink.next_five_days_events", Event, {"scope": scope}
    )

    def reply() -> Reply[Days]:
        days = {day if day_of(day) else label(day, limit=40): [*map(row_of, rows)] for day, rows in found.items()}
        return Reply(Days(days=days, unreadable_rows=unreadable or None), days_lines)

    return reply


def _filters(
    start_from: date | None, start_to: date | None, user_ids: Sequence[int] | None, job_id: int | None
) -> dict[str, Scalar]:
    days_in_order(("start_from", start_from, "start_to", start_to))
    filters: dict[str, Scalar | None] = {
        "start_from": start_from.isoformat() if start_from else None,
        "start_to": start_to.isoformat() if start_to else None,
        "user_ids": ",".join(map(str, user_ids)) if user_ids else None,
        "job_id": job_id,
    }
    return {name: value for name, value in filters.items() if value is not None}


TOOLS = (
    read_tool(rooflink_list_events, "rooflink.list_events", title="List events"),
    read_tool(rooflink_calendar_view, "rooflink.calendar_view", title="Calendar view"),
    read_tool(rooflink_next_five_days_events, "rooflink.next_five_days_events", title="Next five days' events"),
)
