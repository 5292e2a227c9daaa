"""The tools: what an assistant sees. One module for each resource; each tool is a typed function.

A read tool returns a `Reply`; a write tool returns a `Plan`, and `server.tooling.writes` does the rest.
"""

from __future__ import annotations

from server.tooling.definition import ToolSpec
from tools import (
    calendar,
    create_lead,
    customers,
    events,
    hand_off,
    jobs,
    lead_reads,
    lead_status,
    leads,
    manager,
    matching,
    notes,
    operations,
    photos,
    prospects,
    referrals,
    regions,
    reports,
    snapshot,
    without_path,
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
