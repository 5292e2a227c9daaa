"""RenovationFind leads: accept and decline.

Sources: https://docs.renovationfind.com/api-reference/general-leads/accept-a-lead and .../decline-a-lead
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field, JsonValue

from leadbridge.server.errors import Refused
from leadbridge.server.mcp.arguments import Id, Remark
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.renovationfind.known_leads import KnownLead, won_refusal
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.tools.renovationfind.lead_answers import (
    ALREADY_ACCEPTED,
    ALREADY_DECLINED,
    customer_lines,
    in_vain,
    known_line,
    lead_lines,
    lead_record,
    lesson_in,
    receive_lead,
    refusal_line,
)

LeadId = Annotated[Id, Field(description="RenovationFind lead id")]


async def renovationfind_accept_lead(ctx: Ctx, lead_id: LeadId) -> Write:
    """Accept a RenovationFind lead, which reveals its contact details. It cannot be undone and needs the user's
    approval.

    It sets no job status and puts nothing into RoofLink; hand_off_lead does that afterwards, or rooflink_create_lead
    with what this answers.
    """
    app = app_context(ctx)
    operation = app.catalog["renovationfind.accept_lead"]
    known = await app.leads.get(lead_id)
    advice = partial(_instead_of_accepting, lead_id)

    def done_of(lead: Lead) -> Done:
        return Done(
            summary=f"Lead {lead_id} is accepted.",
            after={"accepted": True},
            details=lead_lines(lead_record(lead), app.time),
            next_steps=[
                *_into_rooflink(lead_id, app),
                "Keep RenovationFind informed with renovationfind_update_job_status.",
            ],
        )

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive_lead(app, lead_id, done_of, accepted=True),
            path={"lead_id": lead_id},
            learn=partial(app.leads.remember_refusal, lead_id),
        ),
        subject=Subject(f"lead {lead_id}", f"lead {lead_id} decision"),
        if_rejected=advice,
        arguments={"lead_id": lead_id},
        preview=Preview(
            lines=(
                f"Accept lead {lead_id} on RenovationFind.",
                "The homeowner's contact details are then revealed. This cannot be undone.",
                *customer_lines(known),
                *refusal_line(known),
            ),
            before={"accepted": known.accepted if known else None},
        ),
        blocked=_refusal(lead_id, known) or in_vain(app, known, operation.id, advice),
        known=lead_record(known.lead) if known else {},
    )


async def renovationfind_decline_lead(
    ctx: Ctx, lead_id: LeadId, reason: Annotated[Remark, Field(description="Sent to RenovationFind")]
) -> Write:
    """Decline a RenovationFind lead with a reason. It cannot be undone and needs the user's approval.

    It is for a lead that has not been accepted. For one lost after acceptance, renovationfind_update_job_status has
    LEAD_LOST and JOB_LOST.
    """
    app = app_context(ctx)
    operation = app.catalog["renovationfind.decline_lead"]
    known = await app.leads.get(lead_id)
    lead = known.lead if known else Lead(id=lead_id)

    def receive(_answer: JsonValue) -> Done:
        return Done(
            summary=f"Lead {lead_id} is declined.",
            record_id=lead_id,
            after={"declined": True},
            remember=partial(app.leads.remember, lead, declined_here=True),
        )

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive,
            path={"lead_id": lead_id},
            learn=partial(app.leads.remember_refusal, lead_id),
            body=operation.encode_body({"reason": reason}),
        ),
        subject=Subject(f"lead {lead_id}", f"lead {lead_id} decision"),
        arguments={"lead_id": lead_id, "reason": reason},
        preview=Preview(
            lines=(
                f"Decline lead {lead_id} on RenovationFind.",
                "This cannot be undone.",
                *customer_lines(known),
                *refusal_line(known),
            ),
            warnings=(known_line(known),) if known and known.accepted else (),
            before={"declined": known.declined_here if known else None},
        ),
        blocked=_refusal(lead_id, known) or in_vain(app, known, operation.id, _instead_of_declining),
        if_rejected=_instead_of_declining,
    )


def _instead_of_accepting(lead_id: int, said: str) -> str:
    """How a lead goes on that RenovationFind does not let anybody accept."""
    if lesson_in(said) is ALREADY_DECLINED:
        return "Look in RenovationFind's portal who declined it; no operation takes that back."
    return (
        f"If it was accepted in RenovationFind's portal, hand_off_lead with lead_id={lead_id}, already_accepted=true "
        "and what the portal shows hands it off to RoofLink, and renovationfind_update_job_status sets its status."
    )


def _instead_of_declining(said: str) -> str:
    """How a lead goes on that RenovationFind does not let anybody decline."""
    if lesson_in(said) is ALREADY_ACCEPTED:
        return "For a lead lost after it was accepted, renovationfind_update_job_status has LEAD_LOST and JOB_LOST."
    return ""


def _into_rooflink(lead_id: int, app: AppContext) -> list[str]:
    """The tool that goes on with an accepted lead, if one is offered."""
    if "hand_off_lead" not in app.hidden:
        return [f"hand_off_lead with lead_id={lead_id} hands it off to RoofLink."]
    if "rooflink_create_lead" not in app.hidden:
        return ["rooflink_create_lead creates the prospect in RoofLink; do not fill in what is not given here."]
    return []


def _refusal(lead_id: int, known: KnownLead | None) -> Refused | None:
    """A lead that is won or declined cannot be decided upon again."""
    if known is not None and known.declined_here:
        return Refused("already_declined", f"lead {lead_id} was declined (seen {known.seen}).")
    return won_refusal(lead_id, known)


TOOLS = (
    write_tool(renovationfind_accept_lead, "renovationfind.accept_lead", title="Accept lead"),
    write_tool(renovationfind_decline_lead, "renovationfind.decline_lead", title="Decline lead"),
)
