"""RoofLink jobs, of which each prospect is one: their general data, and who is assigned to them.

Source: https://developers.rooflink.com/reference/public-jobs-partial-update
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from leadbridge.server.catalog import load
from leadbridge.server.errors import Problem
from leadbridge.server.mcp.arguments import Email, FirstName, Id, LastName, Line, Text60, Text100, Text200, Town
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.services.rooflink.places import PLACES
from leadbridge.server.writes.model import Write
from leadbridge.tools.rooflink.job_changes import change_plan

JobId = Annotated[Id, Field(description="Job (prospect) id")]
Text12 = Annotated[Line, Field(min_length=1, max_length=12)]
JobType = Annotated[
    Literal["r", "c", "d", "m"], Field(description="residential, commercial, designer, maintenance and repair program")
]
BidType = Annotated[Literal["c", "i", "r", "f"], Field(description="cash, insurance, repair, finance")]


async def rooflink_update_job(
    ctx: Ctx,
    job_id: JobId,
    name: Text200 | Omitted = None,
    job_type: JobType | Omitted = None,
    bid_type: BidType | Omitted = None,
    lead_source_id: Id | Omitted = None,
    address: Text200 | Omitted = None,
    city: Town | Omitted = None,
    county: Text100 | Omitted = None,
    state: Annotated[Text60, Field(description="US state or Canadian province code")] | Omitted = None,
    postal_code: Text12 | Omitted = None,
    region_id: Id | Omitted = None,
    customer_first_name: FirstName | Omitted = None,
    customer_last_name: LastName | Omitted = None,
    customer_company_name: Text200 | Omitted = None,
    customer_email: Email | Omitted = None,
    customer_cell: Text60 | Omitted = None,
    customer_phone: Text60 | Omitted = None,
) -> Write:
    """Update a RoofLink job or its customer's data. Only the arguments given are sent; no field can be emptied.

    The receipt shows before and after, and warns of what RoofLink did not take. rooflink_assign_job sets employees.
    """
    given: dict[str, str | int | None] = {
        "name": name,
        "job_type": job_type,
        "bid_type": bid_type,
        "lead_source_id": lead_source_id,
        "address": address,
        "city": city,
        "county": county,
        "state": state.upper() if state else None,
        "postal_code": postal_code,
        "region_id": region_id,
        "customer_first_name": customer_first_name,
        "customer_last_name": customer_last_name,
        "customer_company_name": customer_company_name,
        "customer_email": customer_email,
        "customer_cell": customer_cell,
        "customer_phone": customer_phone,
    }
    _, odd = contact_problems({"customer_cell": customer_cell, "customer_phone": customer_phone}, {})
    return await change_plan(app_context(ctx), "rooflink.update_job", job_id, _only_given(given), warnings=odd)


async def rooflink_assign_job(
    ctx: Ctx,
    job_id: JobId,
    rep_id: Id | Omitted = None,
    rep_2_id: Id | Omitted = None,
    marketing_rep_id: Id | Omitted = None,
    project_manager_id: Id | Omitted = None,
) -> Write:
    """Assign employees to a RoofLink job. Roles left out stay; none can be emptied.

    rooflink_get_prospect shows user ids.
    """
    given: dict[str, str | int | None] = {
        "rep_id": rep_id,
        "rep_2_id": rep_2_id,
        "marketing_rep_id": marketing_rep_id,
        "project_manager_id": project_manager_id,
    }
    return await change_plan(app_context(ctx), "rooflink.assign_job", job_id, _only_given(given))


def update_rules(given: Mapping[str, Any]) -> list[Problem]:
    """At least one field; the state's code; phones and e-mail."""
    problems = _at_least_one("rooflink.update_job", given)
    if "state" in given and str(given["state"]).upper() not in PLACES:
        problems.append(Problem("state", f"must be one of the 51 US and 13 Canadian codes: {' '.join(PLACES)}"))
    phones = {name: given.get(name) for name in ("customer_cell", "customer_phone")}
    return problems + contact_problems(phones, {"customer_email": given.get("customer_email")})[0]


def assign_rules(given: Mapping[str, Any]) -> list[Problem]:
    """At least one role."""
    return _at_least_one("rooflink.assign_job", given)


def _at_least_one(operation_id: str, given: Mapping[str, Any]) -> list[Problem]:
    names = load()[operation_id].body
    return [] if names.keys() & given.keys() else [Problem(", ".join(names), "give at least one")]


def _only_given(given: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in given.items() if value is not None}


TOOLS = (
    write_tool(rooflink_update_job, "rooflink.update_job", title="Update job", rules=update_rules),
    write_tool(rooflink_assign_job, "rooflink.assign_job", title="Assign job", rules=assign_rules),
)
