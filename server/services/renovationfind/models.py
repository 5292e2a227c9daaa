"""RenovationFind's answers and the documented rules of a job status.

Source: https://docs.renovationfind.com/api-reference/general-leads/update-job-status. Requests and answers differ in
names (`meetingScheduledDate` in, `meetupScheduledDate` out) and in dates (days in, date-times out).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field

from leadbridge.server.errors import Problem
from leadbridge.server.services.values import (
    Answer,
    Flag,
    Integer,
    Moment,
    Number,
    ObjectOnly,
    RecordId,
    Text,
    integer_of,
    objects,
)

ChangeableStatus = Literal[
    "HOMEOWNER_CONTACTED",
    "MEETUP_SCHEDULED",
    "QUOTE_SENT",
    "JOB_PENDING_DECISION",
    "JOB_LOST",
    "JOB_POSTPONED_OR_CANCELLED",
    "NO_RESPONSE_FROM_HOMEOWNER",
    "OTHER",
    "REACHED_OUT_TO_HOMEOWNER",
    "MULTIPLE_ATTEMPTS_NO_RESPONSE",
    "CONTACT_MADE",
    "ESTIMATE_PROVIDED",
    "LEAD_LOST",
]
WonStatus = Literal["JOB_WON", "LEAD_WON"]
ContactMethod = Literal["PHONE_CALL", "TEXT", "EMAIL", "IN_PERSON_MEETING"]
EstimateType = Literal[
    "IN_PERSON_ESTIMATE", "EMAILED_ESTIMATE", "VERBAL_ESTIMATE", "PORTAL_ATTACHMENT_ESTIMATE", "OTHER"
]
LostReason = Literal["PRICE", "TIMING", "OTHER"]

REASON_LIMIT = 500
WON: frozenset[str] = frozenset({"JOB_WON", "LEAD_WON"})


@dataclass(frozen=True, slots=True)
class StatusRule:
    """What a status needs and what else it has a documented use for; `reason` is allowed with every status."""

    status: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    final: bool = False
    note: str = ""


STATUS_RULES: dict[str, StatusRule] = {
    rule.status: rule
    for rule in (
        StatusRule("HOMEOWNER_CONTACTED"),
        StatusRule("MEETUP_SCHEDULED", required=("meeting_scheduled_date",)),
        StatusRule("QUOTE_SENT"),
        StatusRule("JOB_PENDING_DECISION"),
        StatusRule("JOB_WON", required=("job_amount",), final=True),
        StatusRule("JOB_LOST", required=("reason",)),
        StatusRule("JOB_POSTPONED_OR_CANCELLED", required=("reason",)),
        StatusRule("NO_RESPONSE_FROM_HOMEOWNER"),
        StatusRule("OTHER", required=("reason",)),
        StatusRule("REACHED_OUT_TO_HOMEOWNER", optional=("contact_method",)),
        StatusRule("MULTIPLE_ATTEMPTS_NO_RESPONSE"),
        StatusRule("CONTACT_MADE", optional=("contact_method",)),
        StatusRule("ESTIMATE_PROVIDED", optional=("estimate_type",)),
        StatusRule(
            "LEAD_WON",
            required=("job_amount",),
            optional=(
                "estimated_project_start_date",
                "start_date_tbd",
                "estimated_completion_date",
                "completion_date_tbd",
            ),
            final=True,
            note="needs a start date or start_date_tbd, and a completion date or completion_date_tbd; "
            "an attachment is soft-required",
        ),
        StatusRule("LEAD_LOST", required=("lost_reason",), note="needs reason when lost_reason is OTHER"),
    )
}


class PostLeadStatus(Answer):
    """`postLeadStatusData`: the status as the service keeps it."""

    status: Text = None
    statusActionDate: Moment = None
    reason: Text = None
    meetupScheduledDate: Moment = None
    jobAmount: Number = None
    contactMethod: Text = None
    estimateType: Text = None
    lostReason: Text = None
    estimatedProjectStartDate: Moment = None
    estimatedCompletionDate: Moment = None
    startDateTbd: Flag = None
    completionDateTbd: Flag = None


class Attachment(Answer):
    """A file on a lead; the documentation shows neither a URL nor a size."""

    id: Integer = None
    displayFilename: Text = None


class Lead(Answer):
    """`LeadDetail`. Contact details are presumably empty until the lead is accepted."""

    id: RecordId
    dateCreated: Moment = None
    dateModified: Moment = None
    category: Text = None
    customerName: Text = None
    customerEmail: Text = None
    customerPhone: Text = None
    customerAddress: Text = None
    projectDetailsHtml: Text = None
    customerInformationHtml: Text = None
    originalJobDescription: Text = None
    vendorLeadAction: Text = None
    postLeadStatus: Text = None
    postLeadRequiresAction: Flag = None
    postLeadStatusData: Annotated[PostLeadStatus | None, ObjectOnly] = None
    attachments: Annotated[list[Attachment], BeforeValidator(objects)] = Field(default_factory=list[Attachment])

    @property
    def status(self) -> str | None:
        """The job status under whichever of its two names it came; `NO_RESPONSE` means that none was set."""
        data = self.postLeadStatusData
        return self.postLeadStatus or (data.status if data else None)


class Envelope(Answer):
    """`{success, data, message, error}`."""

    data: object = None
    message: Text = None
    error: Text = None

    @property
    def record_id(self) -> int | None:
        """The id of the record in it."""
        record = cast("dict[str, object]", self.data).get("id") if isinstance(self.data, dict) else None
        return integer_of(record)


_CONDITIONAL = (
    "meeting_scheduled_date",
    "job_amount",
    "contact_method",
    "estimate_type",
    "lost_reason",
    "estimated_project_start_date",
    "estimated_completion_date",
    "start_date_tbd",
    "completion_date_tbd",
)
_WON_DATES = (
    ("estimated_project_start_date", "start_date_tbd"),
    ("estimated_completion_date", "completion_date_tbd"),
)


def status_problems(given: Mapping[str, Any]) -> list[Problem]:
    """Every violation of the status rules among the given arguments, which are parsed: no text of them is blank."""
    rule = STATUS_RULES.get(str(given.get("status")))
    if rule is None:
        return []
    problems = [Problem(name, f"is required for {rule.status}") for name in rule.required if not given.get(name)]
    if rule.status == "LEAD_LOST" and given.get("lost_reason") == "OTHER" and not given.get("reason"):
        problems.append(Problem("reason", "is required for LEAD_LOST when lost_reason is OTHER"))
    if rule.status == "LEAD_WON":
        problems += [
            Problem(day, f"is required for LEAD_WON, or {flag}=true")
            for day, flag in _WON_DATES
            if not given.get(day) and not given.get(flag)
        ]
    return problems + _policy(rule, given)


def _policy(rule: StatusRule, given: Mapping[str, Any]) -> list[Problem]:
    """What the services do not forbid as far as documented, and LeadBridge does."""
    problems = [
        Problem(name, f"does not apply to {rule.status}; leave it out (LeadBridge's rule)")
        for name in _CONDITIONAL
        if given.get(name) and name not in (*rule.required, *rule.optional)
    ]
    for day, flag in _WON_DATES:
        if rule.status == "LEAD_WON" and given.get(day) and given.get(flag):
            problems.append(Problem(flag, f"cannot be true when {day} is given (LeadBridge's rule)"))
    start, end = (given.get(day) for day, _ in _WON_DATES)
    if start and end and end < start:
        problems.append(Problem("estimated_completion_date", f"{end} is before the start, {start} (LeadBridge's rule)"))
    return problems
