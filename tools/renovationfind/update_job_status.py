"""RenovationFind job statuses that can be changed again, and what every change of a status has in common.

Source: https://docs.renovationfind.com/api-reference/general-leads/update-job-status
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from leadbridge.server.mcp.arguments import OptionalDay, Remark
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.renovationfind.known_leads import KnownLead, won_refusal
from leadbridge.server.services.renovationfind.models import (
    WON,
    ChangeableStatus,
    ContactMethod,
    EstimateType,
    Lead,
    LostReason,
    status_problems,
)
from leadbridge.server.services.values import day
from leadbridge.server.text import label
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import PreviewLine, in_line, rendered, titled
from leadbridge.tools.renovationfind.lead_answers import (
    FINAL,
    MUST_BE_ACCEPTED,
    customer_lines,
    in_vain,
    known_line,
    lead_record,
    lesson_in,
    lesson_of,
    receive_lead,
    refusal_line,
)
from leadbridge.tools.renovationfind.leads import LeadId

_NO_ATTACHMENT = "LEAD_WON should have an attachment, and none is known on this lead; add it in the portal."


def _not_won(value: object) -> object:
    if isinstance(value, str) and "WON" in value.upper():
        final = " and ".join(sorted(WON))
        raise ValueError(f"{final} can never be changed again and have a tool of their own: renovationfind_mark_won")
    return value


async def renovationfind_update_job_status(
    ctx: Ctx,
    lead_id: LeadId,
    status: Annotated[ChangeableStatus, BeforeValidator(_not_won), Field(description="Where the job stands now")],
    reason: Annotated[
        Remark | Omitted, Field(description="Notes; required for JOB_LOST, JOB_POSTPONED_OR_CANCELLED, OTHER")
    ] = None,
    meeting_scheduled_date: Annotated[OptionalDay, Field(description="YYYY-MM-DD, for MEETUP_SCHEDULED")] = None,
    contact_method: Annotated[
        ContactMethod | Omitted, Field(description="For REACHED_OUT_TO_HOMEOWNER, CONTACT_MADE")
    ] = None,
    estimate_type: Annotated[EstimateType | Omitted, Field(description="For ESTIMATE_PROVIDED")] = None,
    lost_reason: Annotated[LostReason | Omitted, Field(description="For LEAD_LOST; OTHER needs reason too")] = None,
) -> Write:
    """Set the job status of an accepted RenovationFind lead to one that can be changed again.

    MEETUP_SCHEDULED needs meeting_scheduled_date; JOB_LOST, JOB_POSTPONED_OR_CANCELLED and OTHER need reason; LEAD_LOST
    needs lost_reason; no other difference of LEAD_LOST and JOB_LOST is documented. renovationfind_mark_won sets a won
    job. A lead that is won cannot be changed.
    """
    return await status_write(
        app_context(ctx),
        "renovationfind.update_job_status",
        lead_id,
        {
            "status": status,
            "reason": reason,
            "meeting_scheduled_date": meeting_scheduled_date,
            "contact_method": contact_method,
            "estimate_type": estimate_type,
            "lost_reason": lost_reason,
        },
    )


def _after_refusal(known: KnownLead | None, status: str, said: str) -> str:
    """What follows from RenovationFind's words about a status that it did not take."""
    final = status in WON
    if lesson_in(said) is FINAL:
        support = "Only RenovationFind's support can change it."
        if not final:
            return support
        return (
            f"{support} If they have, set the status that the lead has now with renovationfind_update_job_status, "
            "which needs no approval; if RenovationFind takes it, call this again."
        )
    if known and known.accepted and lesson_of(known) is not MUST_BE_ACCEPTED:
        return ""
    ways = [
        "accept it (renovationfind_accept_lead)",
        "accept it and hand it off to RoofLink (hand_off_lead)",
        "decline it (renovationfind_decline_lead)",
    ]
    meanwhile = "call this again" + (" with already_accepted=true" if final else "")
    return (
        f"If the lead must be accepted first, ask the user what they want: {', '.join(ways)}. Do not ask for this "
        f"status again before that. If it was accepted in RenovationFind's portal meanwhile, {meanwhile}."
    )


async def status_write(
    app: AppContext,
    operation_id: str,
    lead_id: int,
    arguments: Mapping[str, JsonValue | date],
    *,
    already_accepted: bool = False,
) -> Write:
    """A change of a lead's status, with the arguments that are given.

    A final one is not asked for again after RenovationFind said that the lead must be accepted first, unless it was
    `already_accepted` in the portal.
    """
    operation = app.catalog[operation_id]
    known = await app.leads.get(lead_id)
    given: dict[str, JsonValue] = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in arguments.items()
        if value is not None
    }
    days = {what: when for name, what in _DATES.items() if isinstance(when := arguments.get(name), date)}
    advice = partial(_after_refusal, known, str(given["status"]))
    blocked = won_refusal(lead_id, known)
    if not (blocked or (already_accepted and lesson_of(known) is MUST_BE_ACCEPTED)):
        blocked = in_vain(app, known, operation_id, advice)
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive_lead(app, lead_id, partial(_done, lead_id, known, given)),
            path={"lead_id": lead_id},
            body=operation.encode_body(given),
            learn=partial(app.leads.remember_refusal, lead_id),
        ),
        subject=Subject(f"lead {lead_id}", f"lead {lead_id} status"),
        arguments={"lead_id": lead_id, **given},
        preview=_preview(lead_id, known, given, app.time.odd_dates(days), already_accepted=already_accepted),
        blocked=blocked,
        if_rejected=advice,
        known=lead_record(known.lead) if known else {},
    )


_OURS = (
    "meeting_scheduled_date",
    "contact_method",
    "estimate_type",
    "lost_reason",
    "estimated_project_start_date",
    "estimated_completion_date",
)
"""Arguments that are dates or one of a few words."""


_DATES = {
    "meeting_scheduled_date": "meeting date",
    "estimated_project_start_date": "start date",
    "estimated_completion_date": "completion date",
}


def _preview(
    lead_id: int,
    known: KnownLead | None,
    given: Mapping[str, JsonValue],
    warnings: list[str],
    *,
    already_accepted: bool,
) -> Preview:
    status = str(given["status"])
    lines: list[PreviewLine] = [f"Set lead {lead_id} to {status}{_amount(given)} on RenovationFind."]
    if status in WON:
        accepted = "The call says that it was accepted in RenovationFind's portal."
        lines += ["This cannot be undone: only RenovationFind's support can change it."]
        said_otherwise = lesson_of(known) is MUST_BE_ACCEPTED or not (known and known.accepted)
        lines += [accepted if already_accepted and said_otherwise else known_line(known)]
    lines += [f"{titled(name)}: {given[name]}" for name in _OURS if name in given]
    for name, what in (("start_date_tbd", "Project start"), ("completion_date_tbd", "Completion")):
        lines += [f"{what}: to be decided"] if given.get(name) else []
    if status == "LEAD_WON" and not (known and known.lead.attachments):
        warnings.append(_NO_ATTACHMENT)
    doubt: list[str] = []  # shown before it is sent; once RenovationFind took the status, nothing is in doubt
    if status not in WON and not (known and known.accepted):
        said = f" RenovationFind said so ({known.refused})." if known and lesson_of(known) is MUST_BE_ACCEPTED else ""
        doubt = [f"Note: The lead is not known to be accepted; RenovationFind takes a status only after that.{said}"]
    return Preview(
        lines=(*lines, *customer_lines(known), *refusal_line(known)),
        said=frozenset(given) - {"reason"},
        warnings=tuple(warnings),
        figures=tuple(doubt),
        before=_state_of(known, known.lead) if known else {},
    )


def _done(lead_id: int, known: KnownLead | None, given: Mapping[str, JsonValue], lead: Lead) -> Done:
    return Done(
        summary=f"Lead {lead_id} is now {given['status']}{_amount(given)}{_why(given)}.",
        after=_state_of(known, lead),
        details=rendered(customer_lines(known)),
    )


def _state_of(known: KnownLead | None, lead: Lead) -> dict[str, JsonValue]:
    """What a receipt compares; of a lead that was seen before, also that it had no amount."""
    data = lead.postLeadStatusData
    amount = data.jobAmount if data else None
    state: dict[str, JsonValue] = {"job_amount": "none"} if known and not known.unseen else {}
    state["status"] = label(lead.status) or None
    if amount is not None:
        state["job_amount"] = _amount_text(amount)
    if data is not None and data.meetupScheduledDate:
        state["meeting_date"] = day(data.meetupScheduledDate)
    return state


def _why(given: Mapping[str, JsonValue]) -> str:
    """What was set beside the status and the amount, as the history says it too."""
    said = [f"{_DATES.get(name, titled(name).lower())} {given[name]}" for name in _OURS if name in given]
    said += [f'notes "{in_line(given["reason"])}"'] if "reason" in given else []
    return f" ({', '.join(said)})" if said else ""


def _amount(given: Mapping[str, JsonValue]) -> str:
    """The amount to the last digit that is sent, with two decimals at least."""
    text = _amount_text(given.get("job_amount"))
    return text and f" for {text}"


def _amount_text(amount: JsonValue) -> str:
    if not isinstance(amount, (int, float)):
        return ""
    exact = Decimal(repr(float(amount))).normalize()
    return f"{exact:,.2f}" if exact == round(exact, 2) else f"{exact:,f}"


TOOLS = (
    write_tool(
        renovationfind_update_job_status,
        "renovationfind.update_job_status",
        title="Update job status",
        rules=status_problems,
    ),
)
