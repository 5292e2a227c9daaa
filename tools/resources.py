"""What a person can attach to a conversation: rules and codes, and single prospects and leads by their address."""

from __future__ import annotations

import json
from typing import Any

from leadbridge.server.call_scope import off_loop
from leadbridge.server.contract.show import as_text
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import MakeReply
from leadbridge.server.mcp.resources import JSON, PLAIN, Resource, Template, unknown_record
from leadbridge.server.services.renovationfind.models import REASON_LIMIT, STATUS_RULES, StatusRule
from leadbridge.server.services.rooflink.places import LEAD_STATUSES, PROVINCES, US_STATES
from leadbridge.server.services.rooflink.progress import age
from leadbridge.server.text import legend_for
from leadbridge.tools.records.write_history import write_history
from leadbridge.tools.renovationfind.lead_answers import known_line, lead_lines, lead_record
from leadbridge.tools.rooflink.prospects import rooflink_get_prospect, rooflink_prospect_checklist

_SOURCE = "https://docs.renovationfind.com/api-reference/general-leads/update-job-status"
_OWN_RULES = (
    "LeadBridge's rules: job_amount is at least 0.01; completion is not before start; a date and its TBD flag are "
    "not both given; an argument that a status has no use for is left out."
)


async def _status_rules(ctx: Ctx) -> str:
    lines = [
        "# Job statuses of a RenovationFind lead",
        "",
        f"Documented: {_SOURCE}. `reason` may go with every status, at most {REASON_LIMIT} characters.",
        "",
        "| status | needs | may have | can be changed again | tool |",
        "|---|---|---|---|---|",
        *(app_context(ctx).reachable(_status_row(rule)) for rule in STATUS_RULES.values()),
        "",
        _OWN_RULES,
    ]
    return "\n".join(lines)


def _status_row(rule: StatusRule) -> str:
    needs = ", ".join(rule.required) + ("; " if rule.required and rule.note else "") + rule.note
    tool = "renovationfind_mark_won" if rule.final else "renovationfind_update_job_status"
    changed = "NO, never" if rule.final else "yes"
    return f"| {rule.status} | {needs or 'nothing'} | {', '.join(rule.optional) or '-'} | {changed} | {tool} |"


async def _lead_status_codes(_ctx: Ctx) -> str:
    return json.dumps(LEAD_STATUSES, indent=1)


async def _states(_ctx: Ctx) -> str:
    named = {"us": US_STATES, "canada": PROVINCES}
    return json.dumps(
        {country: {code: name for code, (name, _) in places.items()} for country, places in named.items()}, indent=1
    )


async def _contract(ctx: Ctx) -> str:
    return as_text(app_context(ctx).catalog)


async def _history(ctx: Ctx) -> str:
    return await _text_of(await write_history(ctx, limit=50))


async def _prospect(ctx: Ctx, prospect_id: int) -> str:
    return await _text_of(await rooflink_get_prospect(ctx, prospect_id))


async def _checklist(ctx: Ctx, prospect_id: int) -> str:
    return await _text_of(await rooflink_prospect_checklist(ctx, prospect_id))


async def _text_of(make: MakeReply[Any]) -> str:
    _, text = await off_loop(lambda: make().complete())
    return text


async def _lead(ctx: Ctx, lead_id: int) -> str:
    app = app_context(ctx)
    known = await app.leads.get(lead_id)
    if known is None or known.unseen:
        raise unknown_record(
            f"LeadBridge has seen no answer about lead {lead_id} yet, and RenovationFind was not asked."
        )
    seen = age(app.time.clock() - known.seen_at)
    lines = [f"Lead {lead_id}, as last seen {seen}; it may have changed since.", known_line(known)]
    lines += lead_lines(lead_record(known.lead), app.time)
    return "\n".join([*lines, *legend_for(*lines)])


RESOURCES = (
    Resource(
        "leadbridge://status-rules",
        "Status rules",
        "What each RenovationFind job status needs, and which can never be changed again.",
        _status_rules,
    ),
    Resource(
        "leadbridge://lead-status-codes",
        "Lead status codes",
        "RoofLink's documented lead status codes with their meaning.",
        _lead_status_codes,
        mime_type=JSON,
    ),
    Resource(
        "leadbridge://states",
        "States and provinces",
        "The state and province codes RoofLink accepts.",
        _states,
        mime_type=JSON,
    ),
    Resource(
        "leadbridge://contract",
        "Contract",
        "How each operation of both services is called, and how certain that is.",
        _contract,
        mime_type=PLAIN,
    ),
    Resource(
        "leadbridge://history",
        "Write history",
        "The newest 50 writes and what came of them, the unresolved first.",
        _history,
        toolset="pipeline",
    ),
)

TEMPLATES = (
    Template(
        "rooflink://prospects/{prospect_id}",
        "RoofLink prospect",
        "One prospect in full, read live.",
        _prospect,
        service="rooflink",
        toolsets=frozenset({"prospects"}),
        completed_by="prospect_ids",
    ),
    Template(
        "rooflink://prospects/{prospect_id}/checklist",
        "RoofLink checklist",
        "A prospect's steps, done and open, read live.",
        _checklist,
        service="rooflink",
        toolsets=frozenset({"prospects"}),
        completed_by="prospect_ids",
    ),
    Template(
        "renovationfind://leads/{lead_id}",
        "RenovationFind lead",
        "What LeadBridge last saw of a lead, with its age; nothing is read live.",
        _lead,
        service="renovationfind",
        toolsets=frozenset({"leads", "leads-read"}),
        completed_by="lead_ids",
    ),
)
