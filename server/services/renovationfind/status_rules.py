"""The status matrix: what each job status needs, and what it has no use for. All violations at once.

Documented: https://docs.renovationfind.com/api-reference/general-leads/update-job-status.
What is LeadBridge's policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadbridge.server.errors import Problem
from leadbridge.server.services.renovationfind.models import STATUS_RULES, StatusRule

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
        Problem(name, f"has no use with {rule.status}; leave it out (LeadBridge's own rule)")
        for name in _CONDITIONAL
        if given.get(name) and name not in (*rule.required, *rule.optional)
    ]
    for day, flag in _WON_DATES:
        if rule.status == "LEAD_WON" and given.get(day) and given.get(flag):
            problems.append(Problem(flag, f"cannot be true when {day} is given (LeadBridge's own rule)"))
    start, end = (given.get(day) for day, _ in _WON_DATES)
    if start and end and end < start:
        problems.append(
            Problem("estimated_completion_date", f"{end} is before the start, {start} (LeadBridge's own rule)")
        )
    return problems
