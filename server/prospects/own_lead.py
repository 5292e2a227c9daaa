"""Finds the prospect that a lost create request made.

RoofLink's list shows no key for it, so a prospect counts as found if it is the same in address and contacts except
for notation, was created around the time of the write, was not there before, is not the record of another write, and
has LeadBridge's mark where the record itself shows its free data.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio.to_thread

from leadbridge.server.matching.compare import compare
from leadbridge.server.matching.profile import ContactDetails, Profile, profile_of
from leadbridge.server.prospects.index import details_of
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.rooflink.models import MARK, Prospect

NEWEST = 20
MOST = 3
"""Candidates whose records are read; more could not be distinguished anyway."""
ANY_ZONE = timedelta(hours=15)
"""RoofLink's lists name no time zone: a creation counts as around a time within every zone's difference."""


async def find_own_lead(
    rooflink: RoofLink, details: ContactDetails, since: float, known: frozenset[int]
) -> Prospect | None:
    """The one new prospect that has these details; `None` where there is none, or more than one.

    `known` are ids that are something else. Errors are those of `RoofLink.list_prospects` and `RoofLink.get_prospect`.
    """
    _, prospects = await rooflink.list_prospects({"page": 1, "page_size": NEWEST})
    ours = await anyio.to_thread.run_sync(profile_of, details)
    candidates = [
        prospect
        for prospect in prospects
        if prospect.id not in known
        and not prospect.deleted
        and created_around(prospect, since)
        and _same(ours, prospect)
    ]
    ours_alone = [one for one in candidates[:MOST] if _may_be_ours(await rooflink.get_prospect(one.id))]
    return ours_alone[0] if len(ours_alone) == 1 else None


def _may_be_ours(prospect: Prospect) -> bool:
    """Whether it bears the mark of a write, if its record shows free data at all."""
    shown = prospect.model_extra or {}
    return "extra_info" not in shown or MARK in str(shown["extra_info"])


def _same(ours: Profile, prospect: Prospect) -> bool:
    match = compare(ours, profile_of(details_of(prospect)))
    return match.likely and match.level == "exact"


def created_around(prospect: Prospect, since: float) -> bool | None:
    """Whether it was made when a write was sent, or later on that day; `None` where it does not say when."""
    try:
        created = datetime.fromisoformat(prospect.date_created or "")
    except ValueError:
        return None
    if created.tzinfo is not None:
        return created.timestamp() >= since - 120
    written = datetime.fromtimestamp(since, UTC).replace(tzinfo=None)
    return written - ANY_ZONE <= created <= written + ANY_ZONE + timedelta(days=1)
