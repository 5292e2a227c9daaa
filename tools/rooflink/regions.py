"""RoofLink's regions.

Source: https://developers.rooflink.com/reference/regions, which describes their fields in prose.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from leadbridge.server.mcp.arguments import Id, Text100
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, View
from leadbridge.server.services.rooflink.reports import Region
from leadbridge.server.text import label
from leadbridge.tools.lists import (
    FlatRecord,
    ListPage,
    Page,
    PageSize,
    flat_fields,
    numbers_of,
    page_reply,
    record_lines,
)

RegionId = Annotated[Id, Field(description="From rooflink_list_regions")]


class RegionRow(View):
    """A region in a list."""

    id: Identity
    name: str | Omitted = None
    active: bool | Omitted = None


class RegionPage(ListPage):
    """One page of regions."""

    rows: list[RegionRow]


class RegionView(FlatRecord):
    """A region in full."""


async def rooflink_list_regions(
    ctx: Ctx,
    page: Page = 1,
    page_size: PageSize = 10,
    search: Annotated[Text100 | Omitted, Field(description="Text in the name")] = None,
) -> MakeReply[RegionPage]:
    """List RoofLink's regions, by whose id other tools filter.

    next_page is the page that follows. rooflink_get_region has contact, office manager and suppliers.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.list_regions"]
    query = {"page": page, "page_size": page_size, "search": search}
    envelope, regions = await app.rooflink.page(operation.id, Region, query)
    # The name of the parameter is inferred; a region whose name lacks the text shows that it was ignored.
    missed = search is not None and any(
        region.name is not None and search.casefold() not in region.name.casefold() for region in regions
    )
    return lambda: page_reply(
        "Regions",
        RegionPage(
            **numbers_of(envelope),
            filters_ignored=["search"] if missed else [],
            rows=[RegionRow(id=row.id, name=label(row.name) or None, active=row.is_active) for row in regions],
        ),
        ("id", "name", "active"),
        asked=(page, page_size),
    )


async def rooflink_get_region(ctx: Ctx, region_id: RegionId) -> MakeReply[RegionView]:
    """Show one RoofLink region in full: contact, DBA, office manager, suppliers.

    Fields have the service's own names. It changes nothing.
    """
    region = await app_context(ctx).rooflink.one("rooflink.get_region", Region, {"region_id": region_id})
    return lambda: Reply(RegionView(id=region.id, fields=flat_fields(region)), partial(record_lines, "Region"))


TOOLS = (
    read_tool(rooflink_list_regions, "rooflink.list_regions", title="List regions"),
    read_tool(rooflink_get_region, "rooflink.get_region", title="Get region"),
)
