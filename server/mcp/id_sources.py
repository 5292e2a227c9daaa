"""Where ids come from: what an error says next when a service does not know one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadbridge.server.errors import LeadBridgeError, NotFound, Rejected
from leadbridge.server.mcp.context import AppContext

_JOB = "A job's id is its prospect's id, which is in an answer of {}."
_SOURCES: dict[str, tuple[str, Sequence[str]]] = {
    "prospect_id": ("A prospect's id is in an answer of {}.", ("rooflink_list_prospects", "find_matching_prospects")),
    "job_id": (_JOB, ("rooflink_list_prospects", "find_matching_prospects")),
    "customer_id": ("A customer's id is in an answer of {}.", ("rooflink_list_customers", "rooflink_get_prospect")),
    "note_id": ("A note's id is in an answer of {}.", ("rooflink_list_notes",)),
    "event_id": ("An event's id is in an answer of {}.", ("rooflink_list_events",)),
    "region_id": ("A region's id is in an answer of {}.", ("rooflink_list_regions",)),
    "rep_id": ("A rep's id is in an answer of {}.", ("rooflink_get_prospect", "pipeline_snapshot")),
    "lead_id": (
        "A lead's id is in RenovationFind's mail and portal, and in an answer of {}.",
        ("renovationfind_list_leads",),
    ),
    "vendor_id": ("A vendor's id is in RenovationFind's Manager Portal.", ()),
}
_UNKNOWN = re.compile(r"does not exist|invalid pk|not found", re.IGNORECASE)
"""How a refusal says that a field holds an id of nothing."""


def where_ids_come_from(app: AppContext, error: LeadBridgeError) -> list[str]:
    """A next step for each id in the error that the service does not know.

    It names the tools that are offered; if none is, all.
    """
    names: Sequence[str] = error.missing if isinstance(error, NotFound) else ()
    if isinstance(error, Rejected):
        unknown = [name.removesuffix("_id") for name, text in error.fields.items() if _UNKNOWN.search(text)]
        names = [f"{name}_id" for name in unknown]
    steps: list[str] = []
    for name in names:
        sentence, tools = _SOURCES.get(name, ("", ()))
        offered = [tool for tool in tools if tool not in app.hidden] or tools
        steps += [sentence.format(" or ".join(offered))] if sentence else []
    return steps
