"""What RenovationFind asks of a new job status.

From https://docs.renovationfind.com/api-reference/general-leads/update-job-status: 15 statuses, what each requires,
and that JOB_WON and LEAD_WON are never changed again (which the caller checks: it concerns the lead, not the body).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from datetime import date, datetime

from leadbridge.server.sandbox.records import JobStatus
from leadbridge.server.sandbox.wire import JsonObject

STATUSES = (
    "HOMEOWNER_CONTACTED",
    "MEETUP_SCHEDULED",
    "QUOTE_SENT",
    "JOB_PENDING_DECISION",
    "JOB_WON",
    "JOB_LOST",
    "JOB_POSTPONED_OR_CANCELLED",
    "NO_RESPONSE_FROM_HOMEOWNER",
    "OTHER",
    "REACHED_OUT_TO_HOMEOWNER",
    "MULTIPLE_ATTEMPTS_NO_RESPONSE",
    "CONTACT_MADE",
    "ESTIMATE_PROVIDED",
    "LEAD_WON",
    "LEAD_LOST",
)
CONTACT_METHODS = ("PHONE_CALL", "TEXT", "EMAIL", "IN_PERSON_MEETING")
ESTIMATE_TYPES = (
    "IN_PERSON_ESTIMATE",
    "EMAILED_ESTIMATE",
    "VERBAL_ESTIMATE",
    "PORTAL_ATTACHMENT_ESTIMATE",
    "OTHER",
)
LOST_REASONS = ("PRICE", "TIMING", "OTHER")
REASON_LIMIT = 500

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LARGEST = sys.float_info.max
_NEEDS_REASON = frozenset({"JOB_LOST", "JOB_POSTPONED_OR_CANCELLED", "OTHER"})
_WON = frozenset({"JOB_WON", "LEAD_WON"})
_CONTACTED = frozenset({"REACHED_OUT_TO_HOMEOWNER", "CONTACT_MADE"})


class Refused(ValueError):
    """A body that the service does not take; the message is for its `error`."""


def text_of(body: Mapping[str, object], name: str, limit: int | None = None) -> str | None:
    """A text, or none when it is left out or null.

    Raises:
        Refused: another type, or more characters than the limit.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(f"{name} must be a string")
    if value is not None and limit is not None and len(value) > limit:
        raise Refused(f"{name} must not exceed {limit} characters")
    return value


def flag_of(body: Mapping[str, object], name: str) -> bool | None:
    """True or false, or none when it is left out or null.

    Raises:
        Refused: another type.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(f"{name} must be a boolean")
    return value


def new_status(body: JsonObject, at: datetime) -> JobStatus:
    """The status that this body sets at this moment.

    Raises:
        Refused: with the first thing that is wrong: types and values first, then what the status requires.
    """
    # assumption first-error-only
    status = _one_of(body, "status", STATUSES)
    if status is None:
        raise Refused("status is required")
    reason = text_of(body, "reason", REASON_LIMIT)
    meeting_date = _date(body, "meetingScheduledDate")
    job_amount = _number(body, "jobAmount")
    contact_method = _one_of(body, "contactMethod", CONTACT_METHODS)
    estimate_type = _one_of(body, "estimateType", ESTIMATE_TYPES)
    lost_reason = _one_of(body, "lostReason", LOST_REASONS)
    start_date = _date(body, "estimatedProjectStartDate")
    completion_date = _date(body, "estimatedCompletionDate")
    start_date_tbd = flag_of(body, "startDateTbd")
    completion_date_tbd = flag_of(body, "completionDateTbd")
    # assumption blank-is-missing
    if not (reason or "").strip() and (status in _NEEDS_REASON or (status == "LEAD_LOST" and lost_reason == "OTHER")):
        raise Refused(f"reason is required for status {status}")
    if status == "MEETUP_SCHEDULED" and meeting_date is None:
        raise Refused("meetingScheduledDate is required for status MEETUP_SCHEDULED")
    if status in _WON and job_amount is None:
        raise Refused(f"jobAmount is required for status {status}")
    if status == "LEAD_LOST" and lost_reason is None:
        raise Refused("lostReason is required for status LEAD_LOST")
    if status == "LEAD_WON" and start_date is None and not start_date_tbd:
        raise Refused("estimatedProjectStartDate is required for status LEAD_WON unless startDateTbd is true")
    if status == "LEAD_WON" and completion_date is None and not completion_date_tbd:
        raise Refused("estimatedCompletionDate is required for status LEAD_WON unless completionDateTbd is true")
    # assumption superfluous-ignored
    won = status == "LEAD_WON"
    return JobStatus(
        status=status,
        at=at,
        reason=reason,
        meeting_date=meeting_date if status == "MEETUP_SCHEDULED" else None,
        job_amount=job_amount if status in _WON else None,
        contact_method=contact_method if status in _CONTACTED else None,
        estimate_type=estimate_type if status == "ESTIMATE_PROVIDED" else None,
        lost_reason=lost_reason if status == "LEAD_LOST" else None,
        start_date=start_date if won else None,
        completion_date=completion_date if won else None,
        start_date_tbd=start_date_tbd if won else None,
        completion_date_tbd=completion_date_tbd if won else None,
    )


def _one_of(body: Mapping[str, object], name: str, values: Collection[str]) -> str | None:
    value = text_of(body, name)
    if value is not None and value not in values:
        raise Refused(f"{name} must be one of: {', '.join(values)}")
    return value


def _date(body: Mapping[str, object], name: str) -> date | None:
    value = text_of(body, name)
    if value is None:
        return None
    try:
        if not _DATE.fullmatch(value):
            raise ValueError  # noqa: TRY301  # the same answer to a wrong form as to a day that does not exist
        return date.fromisoformat(value)
    except ValueError:
        raise Refused(f"{name} must be a date in the format YYYY-MM-DD") from None


def _number(body: Mapping[str, object], name: str) -> float | None:
    # assumption any-amount
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        raise Refused(f"{name} must be a number")
    return value
