"""Is the same lead being created right now, written otherwise?

Two processes that look at RoofLink's list at the same moment both find nothing. So what a write is to create is kept
beside it, normalised, and whoever puts the next one on record compares with it, in the transaction of the intent: with
what is under way or unresolved, and with what was created within 24 hours, which the list may not show yet. It is
forgotten when the write has failed or that time is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from leadbridge.server import state
from leadbridge.server.errors import Refused
from leadbridge.server.writes.model import HttpWrite, Write

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.matching.profile import ContactDetails, Profile

WINDOW = 24 * 3600.0
"""Seconds for which the same again is a repeat."""
PAST = "If it is another one, call again with allow_duplicate=true; the user is then asked."


@dataclass(frozen=True, slots=True)
class ToCreate:
    """What a write is to create, normalised before the transaction in which it is compared."""

    details: ContactDetails
    profile: Profile
    allow_duplicate: bool


async def to_create(write: Write) -> ToCreate | None:
    """What the plan creates, where it is something that can be compared."""
    if not isinstance(write.action, HttpWrite) or (creates := write.action.creates) is None:
        return None
    from leadbridge.server.matching.profile import profile_of

    profile = await anyio.to_thread.run_sync(profile_of, creates)
    return ToCreate(creates, profile, write.action.allow_duplicate)


def refuse_concurrent_duplicate(connection: Connection, write: Write, new: ToCreate, account: str, now: float) -> None:
    """Compare with what other writes create; the same write again is not looked at here.

    Raises:
        Refused: it is likely the same as one that is under way, unresolved or done.
    """
    from leadbridge.server.matching.compare import compare
    from leadbridge.server.matching.profile import details_from_json, profile_of

    rows = state.writes.being_created_beside(connection, account, write.subject.key, now - WINDOW)
    keys = new.profile.lookup_keys()
    for row in rows:
        if keys.isdisjoint(row.found_by):
            continue
        match = compare(new.profile, profile_of(details_from_json(row.told), like=new.profile))
        if match.likely:
            raise _refusal(row, ", ".join(match.evidence))


def keep(connection: Connection, write_id: int, new: ToCreate, account: str) -> None:
    """Keep what a write is to create, for as long as another one may be the same."""
    from leadbridge.server.matching.profile import details_to_json

    found_by, stored = sorted(new.profile.keys()), details_to_json(new.details)
    state.writes.add_being_created(connection, write_id, account, found_by, stored)


def details_of(connection: Connection, write_id: int) -> ContactDetails | None:
    """What a write was to create, while it is kept."""
    from leadbridge.server.matching.profile import details_from_json

    stored = state.writes.being_created_by(connection, write_id)
    return None if stored is None else details_from_json(stored)


def _refusal(row: Any, evidence: str) -> Refused:
    seems = f"what seems the same lead, written otherwise ({evidence})"
    if row.state == "done":
        job = "" if row.record_id is None else f", job {row.record_id}"
        message = f"{seems}, was created within 24 hours (write {row.id}{job})."
        return Refused("likely_duplicate", message, "Look at it with rooflink_get_prospect.", PAST)
    if row.state == "unknown":
        message = f"write {row.id} of {seems}, is unresolved, it may or may not have taken effect."
        advice = f"Look for it on the service, then settle it with resolve_write (write_id={row.id})."
        return Refused("earlier_unknown", message, advice, PAST)
    message = f"{seems}, is being created right now (write {row.id})."
    return Refused("in_progress", message, "Wait for it and look at write_history.", PAST)
