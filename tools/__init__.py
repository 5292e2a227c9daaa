"""The tools: what an assistant sees. One module for each resource; each tool is a typed function.

A read tool returns a `Reply`; a write tool returns a `Write`, and `leadbridge.server.mcp.writes` does the rest.
"""

from __future__ import annotations

from leadbridge.server.mcp.definition import ToolSpec
from leadbridge.tools import without_path
from leadbridge.tools.pipeline import hand_off, matching, snapshot
from leadbridge.tools.records import operations
from leadbridge.tools.renovationfind import lead_reads, lead_status, leads, manager, referrals
from leadbridge.tools.rooflink import (
    calendar,
    create_lead,
    customers,
    events,
    jobs,
    notes,
    photos,
    prospects,
    regions,
    reports,
)

ALL_TOOLS: tuple[ToolSpec, ...] = (
    *prospects.TOOLS,
    *create_lead.TOOLS,
    *jobs.TOOLS,
    *notes.TOOLS,
    *customers.TOOLS,
    *without_path.TOOLS,
    *leads.TOOLS,
    *lead_status.TOOLS,
    *referrals.TOOLS,
    *lead_reads.TOOLS,
    *manager.TOOLS,
    *hand_off.TOOLS,
    *photos.TOOLS,
    *calendar.TOOLS,
    *events.TOOLS,
    *regions.TOOLS,
    *reports.TOOLS,
    *matching.TOOLS,
    *snapshot.TOOLS,
    *operations.TOOLS,
)
