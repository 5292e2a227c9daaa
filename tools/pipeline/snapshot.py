"""Across the pipeline: how many prospects stand where, who has them, how old they are, and which ones wait."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.mcp.arguments import WHOLE, OptionalId
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Omitted, Reply
from leadbridge.tools.pipeline.snapshot_views import Snapshot, snapshot_lines, snapshot_remarks, snapshot_view

Days = Annotated[int, Field(ge=1, le=365, strict=True, description="Days without an edit"), WHOLE]

Stage = Annotated[
    Literal["unverified", "verified", "inspected", "submitted"],
    Field(description="Signed ones count as inspected"),
]

Offset = Annotated[int, Field(ge=0, le=1_000_000, strict=True, description="Stale ones to skip"), WHOLE]


async def pipeline_snapshot(
    ctx: Ctx,
    stale_after_days: Days = 14,
    rep_id: OptionalId = None,
    region_id: OptionalId = None,
    stage: Stage | Omitted = None,
    stale_offset: Offset = 0,
) -> MakeReply[Snapshot]:
    """Count RoofLink prospects by stage, rep and age, and list the stale ones, oldest first, some at a time.

    The newest are read first, as many as time allows, and the answer says how many; another call continues.
    rooflink_get_prospect shows one prospect.
    """
    # The index needs SQLAlchemy and the rules of matching: not at start.
    from leadbridge.server.prospects.pipeline import pipeline_of
    from leadbridge.server.prospects.survey import Scope

    app = app_context(ctx)

    async def progress(read: int, total: int | None) -> None:
        of = "" if total is None else f" of {total:,}"
        await ctx.report_progress(read, total, f"read {read:,}{of} prospects")

    await app.company.confirm("rooflink")
    scope = Scope(stale_after_days, rep_id, region_id, stage, stale_offset)
    pipeline = await pipeline_of(app, scope, app.settings.call_deadline, progress)
    remarks = snapshot_remarks(pipeline, scope, app.ledger.clock())
    return lambda: Reply(snapshot_view(pipeline, scope), snapshot_lines, remarks)


TOOLS = (
    read_tool(
        pipeline_snapshot,
        "rooflink.list_prospects",
        "rooflink.prospect_stats",
        title="Pipeline snapshot",
        toolset="pipeline",
    ),
)
