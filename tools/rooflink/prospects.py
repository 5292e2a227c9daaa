"""RoofLink prospects: list, detail, statistics and checklist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import ExtraFilters, Flag, Id, Latitude, Longitude, OptionalDay, OptionalId, Text60
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Omitted, Reply
from leadbridge.server.services.rooflink.location import written_postal_code
from leadbridge.server.text import clean
from leadbridge.tools.lists import Page, PageSize, columns_for, numbers_of, page_reply
from leadbridge.tools.rooflink.filters import PROSPECT_CHECKS, days_in_order, doubts_of
from leadbridge.tools.rooflink.prospect_views import (
    STAT_NAMES,
    USUAL,
    Checklist,
    ProspectPage,
    ProspectView,
    Stats,
    cells_of,
    checklist_lines,
    next_step_of,
    prospect_lines,
    row_of,
    stats_reply,
    step_of,
    view_of,
)

ProspectId = Annotated[Id, Field(description="Prospect (job) id")]
Stage = Literal["unverified", "verified", "inspected", "signed", "submitted"]
ProspectField = Literal[
    "customer", "address", "phone", "stage", "rep", "region", "created", "edited", "next_step", "deleted", "email",
    "lead_source", "project_manager", "job_number",
]  # fmt: skip


async def rooflink_list_prospects(
    ctx: Ctx,
    page: Page = 1,
    page_size: PageSize = 10,
    include_deleted: Flag = False,
    stage: Stage | Omitted = None,
    rep_id: OptionalId = None,
    rep_2_id: OptionalId = None,
    project_manager_id: OptionalId = None,
    employee_id: Annotated[OptionalId, Field(description="Assigned in any role")] = None,
    region_id: OptionalId = None,
    created_from: OptionalDay = None,
    created_to: OptionalDay = None,
    modified_from: OptionalDay = None,
    modified_to: OptionalDay = None,
    city: Text60 | Omitted = None,
    state: Text60 | Omitted = None,
    postal_code: Text60 | Omitted = None,
    latitude: Latitude | Omitted = None,
    longitude: Longitude | Omitted = None,
    extra_filters: ExtraFilters | Omitted = None,
    fields: Annotated[list[ProspectField] | Omitted, Field(description="Columns")] = None,
) -> MakeReply[ProspectPage]:
    """List RoofLink prospects (unapproved jobs), newest first, one page at a time.

    Finds prospects by stage, employee, region, date or place. next_page is the page that follows. Most filter names are
    inferred: filters_ignored names those that RoofLink did not apply. rooflink_prospect_stats counts;
    find_matching_prospects looks for a name, phone or address.
    """
    from leadbridge.server.matching.regions import state_of  # the words of addresses: not at start

    days_in_order(
        ("created_from", created_from, "created_to", created_to),
        ("modified_from", modified_from, "modified_to", modified_to),
    )
    app = app_context(ctx)
    operation = app.catalog["rooflink.list_prospects"]
    filters: dict[str, Scalar | None] = {
        "stage": stage,
        "rep_id": rep_id,
        "rep_2_id": rep_2_id,
        "project_manager_id": project_manager_id,
        "employee_id": employee_id,
        "region_id": region_id,
        "created_from": created_from.isoformat() if created_from else None,
        "created_to": created_to.isoformat() if created_to else None,
        "modified_from": modified_from.isoformat() if modified_from else None,
        "modified_to": modified_to.isoformat() if modified_to else None,
        "city": city,
        "state": (state_of(state) or state) if state else None,
        "postal_code": written_postal_code(postal_code) if postal_code else None,
        "latitude": latitude,
        "longitude": longitude,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    paging: dict[str, Scalar | None] = {"page": page, "page_size": page_size}
    paging["deleted_is_null"] = None if include_deleted else True
    envelope, prospects = await app.rooflink.list_prospects({**paging, **given}, extra_filters)
    checked = {**given} if include_deleted else {**given, "include_deleted": False}
    doubts = await doubts_of(app, operation, checked, prospects, PROSPECT_CHECKS)
    doubts["filters_unverified"] += [f"extra_filters.{clean(name, limit=60)}" for name in extra_filters or {}]
    deleted = include_deleted or any(prospect.deleted for prospect in prospects)
    columns = columns_for(fields, (*USUAL, "deleted") if deleted else USUAL)
    return lambda: page_reply(
        "Prospects",
        ProspectPage(**numbers_of(envelope), **doubts, rows=[row_of(prospect, columns) for prospect in prospects]),
        columns,
        asked=(page, page_size),
        fields=fields,
        cells=cells_of,
    )


async def rooflink_get_prospect(ctx: Ctx, prospect_id: ProspectId) -> MakeReply[ProspectView]:
    """Show one RoofLink prospect in full: customer, assignments, pipeline steps, coordinates, photos, timestamps.

    rooflink_list_prospects has the ids. rooflink_prospect_checklist says which step is next.
    """
    prospect = await app_context(ctx).rooflink.get_prospect(prospect_id)
    return lambda: Reply(view_of(prospect), prospect_lines)


async def rooflink_prospect_stats(ctx: Ctx) -> MakeReply[Stats]:
    """Count RoofLink prospects for each predefined and custom filter.

    Answers how many are unverified, verified, inspected, signed, submitted. It lists no prospects.
    """
    counts = await app_context(ctx).rooflink.prospect_stats()
    return lambda: stats_reply([(STAT_NAMES.get(name, name), count) for name, count in counts])


async def rooflink_prospect_checklist(ctx: Ctx, prospect_id: ProspectId) -> MakeReply[Checklist]:
    """Show a RoofLink prospect's checklist: verify lead, schedule adjuster meeting, submit, delete.

    Each step is done or open, with date, person and permissions; the next open step comes first. Steps are completed in
    RoofLink itself.
    """
    checklist, unreadable = await app_context(ctx).rooflink.prospect_checklist(prospect_id)
    return lambda: Reply(
        Checklist(
            prospect_id=prospect_id,
            next_step=next_step_of(checklist),
            steps=[step_of(step) for step in checklist],
            unreadable_rows=unreadable or None,
        ),
        checklist_lines,
    )


TOOLS = (
    read_tool(rooflink_list_prospects, "rooflink.list_prospects", title="List prospects"),
    read_tool(rooflink_get_prospect, "rooflink.get_prospect", title="Get prospect"),
    read_tool(rooflink_prospect_stats, "rooflink.prospect_stats", title="Prospect statistics"),
    read_tool(rooflink_prospect_checklist, "rooflink.prospect_checklist", title="Prospect checklist"),
)
