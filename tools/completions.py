"""What can be completed while a person types: fixed lists of codes, and ids that LeadBridge has seen."""

from __future__ import annotations

import re
from typing import get_args

from leadbridge.server import state
from leadbridge.server.errors import StateError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.renovationfind.models import STATUS_RULES, WON
from leadbridge.server.services.rooflink.places import LEAD_STATUSES, PLACES
from leadbridge.tools.pipeline.snapshot import Stage

_DIGITS = re.compile(r"[0-9]{0,19}")
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
    "stages": get_args(get_args(Stage)[0]),
}
"""Fixed lists, each under the name by which a prompt's front matter speaks of it."""
MEANINGS = {
    "states": {code: name for code, (name, _) in PLACES.items()},
    "lead_status_codes": LEAD_STATUSES,
}
"""What codes stand for."""
GROWING = ("lead_ids", "prospect_ids")
"""Lists that grow: ids in the store."""


async def seen_ids(app: AppContext, source: str, typed: str, most: int) -> list[str]:
    """Ids that begin with these digits, newest first. A store that does not exist is not made for it."""
    if not _DIGITS.fullmatch(typed) or not app.store.exists:
        return []

    service, table = ("renovationfind", "leads") if source == "lead_ids" else ("rooflink", "prospects")
    account = app.services.accounts[service]
    try:
        found = await app.store.run(
            lambda connection: getattr(state, table).ids_beginning_with(connection, account, typed, most)
        )
    except StateError:
        return []
    return [str(one) for one in found]
