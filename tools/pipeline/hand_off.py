"""From RenovationFind to RoofLink in one go: accept the lead, create the prospect, note the link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leadbridge.server.errors import Problem
from leadbridge.server.mcp.arguments import (
    Email,
    FirstName,
    Flag,
    LastName,
    Latitude,
    Line,
    Longitude,
    Text60,
    Text200,
    Town,
)
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.toolsets import chosen_toolsets
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.writes.model import Write
from leadbridge.tools.pipeline.hand_off_plan import HandOff
from leadbridge.tools.renovationfind.leads import LeadId
from leadbridge.tools.rooflink.create_lead import PostalCode, StateCode, create_lead_rules
from leadbridge.tools.rooflink.prospects import ProspectId

Status = Annotated[Line, Field(min_length=1, max_length=50, description="As in rooflink_create_lead")]
Source = Annotated[Line, Field(min_length=1, max_length=50, description="As in rooflink_create_lead")]


async def hand_off_lead(
    ctx: Ctx,
    lead_id: LeadId,
    address: Text200 | Omitted = None,
    city: Town | Omitted = None,
    state: StateCode | Omitted = None,
    postal_code: PostalCode | Omitted = None,
    latitude: Latitude | Omitted = None,
    longitude: Longitude | Omitted = None,
    first_name: FirstName | Omitted = None,
    last_name: LastName | Omitted = None,
    cell_phone: Text60 | Omitted = None,
    home_phone: Text60 | Omitted = None,
    email: Email | Omitted = None,
    lead_status: Status = "u",
    lead_source: Source | Omitted = None,
    existing_prospect_id: Annotated[
        ProspectId | Omitted, Field(description="Tie the lead to this prospect; none is created")
    ] = None,
    already_accepted: Annotated[Flag, Field(description="Accepted in the portal already; not accepted again")] = False,
    allow_duplicate: Annotated[Flag, Field(description="Create it although RoofLink may already have it")] = False,
) -> Write:
    """Hand off a RenovationFind lead to RoofLink: accept it if not yet, look for duplicates, create the prospect, note
    the link. One approval for all of it.

    Most values come from RenovationFind; the answer names those that are missing, and the arguments are for them. With
    existing_prospect_id the lead is tied to a prospect that is there already. After a failure the same call continues:
    finished steps are not repeated.
    """
    app = app_context(ctx)
    known = await app.leads.get(lead_id)
    given: dict[str, Any] = {
        "address": address,
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "latitude": latitude,
        "longitude": longitude,
        "first_name": first_name,
        "last_name": last_name,
        "cell_phone": cell_phone,
        "home_phone": home_phone,
        "email": email,
        "lead_source": lead_source,
    }
    hand_off = HandOff(
        ctx,
        app,
        lead_id,
        {name: value for name, value in given.items() if value is not None},
        lead_status=lead_status,
        allow_duplicate=allow_duplicate,
        existing=existing_prospect_id,
        noting="notes" in chosen_toolsets(app.settings.toolsets),
    )
    return await hand_off.plan(known, already_accepted=already_accepted)


_OF_A_NEW_PROSPECT = (
    *("address", "city", "state", "postal_code", "latitude", "longitude", "first_name", "last_name"),
    *("cell_phone", "home_phone", "email", "lead_source", "allow_duplicate"),
)


def hand_off_rules(given: Mapping[str, Any]) -> list[Problem]:
    """The rules of a RoofLink lead, as far as its parts are given here."""
    if given.get("existing_prospect_id") is not None:
        others = [name for name in _OF_A_NEW_PROSPECT if given.get(name)]
        return [Problem(name, "is for a new prospect; leave it out with existing_prospect_id") for name in others]
    problems = create_lead_rules(given)
    if not problems and ("latitude" in given) != ("longitude" in given):
        missing = "longitude" if "latitude" in given else "latitude"
        problems.append(Problem(missing, "is required when the other coordinate is given; or leave both out"))
    return problems


TOOLS = (
    write_tool(
        hand_off_lead,
        "renovationfind.accept_lead",
        "rooflink.create_lead",
        "rooflink.add_note",
        "rooflink.list_prospects",
        title="Hand off lead to RoofLink",
        toolset="pipeline",
        rules=hand_off_rules,
    ),
)
