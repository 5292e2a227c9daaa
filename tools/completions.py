"""What can be completed while a person types: fixed lists of codes, and ids that LeadBridge has seen."""

from __future__ import annotations

from typing import get_args

from server.models.places import LEAD_STATUSES, PLACES
from server.models.renovationfind import STATUS_RULES, WON
from tools.prospects import Stage

_LOST = (
    "LEAD_LOST",
    "JOB_LOST",
    "JOB_POSTPONED_OR_CANCELLED",
    "NO_RESPONSE_FROM_HOMEOWNER",
    "MULTIPLE_ATTEMPTS_NO_RESPONSE",
)

CHOICES: dict[str, tuple[str, ...]] = {
    "statuses": tuple(STATUS_RULES),
    "won_statuses": tuple(status for status in STATUS_RULES if status in WON),
    "lost_statuses": _LOST,
    "states": tuple(PLACES),
    "lead_status_codes": tuple(LEAD_STATUSES),
    "stages": get_args(Stage),
}
"""Fixed lists, each under the name by which a prompt's front matter speaks of it."""
