"""The e-mail address of a RoofLink job's customer.

Source: https://developers.rooflink.com/reference/customers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leadbridge.server.errors import Problem, Refused
from leadbridge.server.mcp.arguments import Email
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.writes.model import Write
from leadbridge.tools.rooflink.job_changes import Change, read_job_before_change
from leadbridge.tools.rooflink.jobs import JobId


async def rooflink_update_customer_email(
    ctx: Ctx, job_id: JobId, email: Annotated[Email, Field(description="The customer's new address")]
) -> Write:
    """Set the e-mail address of a RoofLink job's customer.

    The receipt shows before and after. rooflink_update_job changes other contact data.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.update_customer_email"]
    record, unknown = await read_job_before_change(app, job_id)
    shown = record.shows("customer.id") if record else None
    customer = shown.value if shown and isinstance(shown.value, int) and shown.value > 0 else None
    ids = {"job_id": job_id}
    if "customer_id" in operation.variables:
        if customer is None:
            raise Refused(
                "customer_unknown",
                f"the path of this operation needs the customer's id. {unknown}".strip(),
                f"Set it in RoofLink, on job {job_id}.",
            )
        ids["customer_id"] = customer
    path, body = operation.placed(ids)
    return Change(app, operation, job_id, {"email": email}, record, unknown).plan(
        f"Set the e-mail address of job {job_id}'s customer in RoofLink.",
        path,
        {**body, "email": email},
        record_ids=frozenset({job_id, customer}) if customer is not None else frozenset(),
    )


def email_rules(given: Mapping[str, Any]) -> list[Problem]:
    """An address that can be one."""
    return contact_problems({}, {"email": given.get("email")})[0]


TOOLS = (
    write_tool(
        rooflink_update_customer_email,
        "rooflink.update_customer_email",
        title="Update customer e-mail",
        rules=email_rules,
    ),
)
