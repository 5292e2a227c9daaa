"""Is this the same write again? If so, it is not sent: the answer is what became of the first one.

The catalog says how long the same write is a repeat: `day` (24 hours, for what creates a record), `until_next` (24
hours, or until the same thing was set to something else in between, for what sets a value), `once` (for good).

A lead may also be created twice in two notations. Two processes that look at RoofLink's list at the same moment both
find nothing. So what a write is to create is kept beside it, normalised, and whoever puts the next one on record
compares with it, in the transaction of the intent: with what is under way or unresolved, and with what was created
within 24 hours, which the list may not show yet. It is forgotten when the write has failed or that time is over.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from leadbridge.server import state
from leadbridge.server.errors import Refused
from leadbridge.server.writes.model import DoneBefore, HttpWrite, OnceForGood, RepeatAllowed, UntilChanged, Write
from leadbridge.server.writes.write_rows import WriteRow, effect_in_words, row_of, then_resolve, to_check

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.matching.compare import Match
    from leadbridge.server.matching.profile import ContactDetails, Profile

WINDOW = 24 * 3600.0
"""Seconds for which the same again is a repeat."""
PAST = "If it is another one, call again with allow_duplicate=true; the user is then asked."


@dataclass(frozen=True, slots=True)
class EarlierWrite:
    """The same write, done before."""

    write_id: int
    at: float
    summary: str
    record_id: int | None
    confirmed: bool = True
    """Whether the service's answer showed all that was sent, or a person confirmed it."""


@dataclass(frozen=True, slots=True)
class UnresolvedWrite:
    """The same write, of which nobody knows whether it took effect."""

    write_id: int
    at: float
    service: str
    effect: str
    """What the service shows if it did."""

    def refusal(self) -> Refused:
        """What is reported while it is unresolved."""
        return Refused(
            "earlier_unknown",
            f"an earlier attempt, write {self.write_id}, is unresolved, and nobody knows whether {self.effect}.",
            f"{to_check(self.service, self.effect)} {then_resolve(self.write_id)}",
        )


def earlier(connection: Connection, write: Write, account: str, now: float) -> EarlierWrite | UnresolvedWrite | None:
    """The same write if it was tried before and this one counts as its repeat.

    Raises:
        Refused: the same is being written right now.
    """
    same, repeat = write.digests, write.repeat
    about: dict[str, Any] = {"of_account": account, "of_subjects": write.subject_keys}
    whole_subject = isinstance(repeat, DoneBefore) and repeat.whole_subject
    for row in connection.execute(state.statements.OPEN_ABOUT, about).all():
        if not (whole_subject or row.repeat_digest in same or write.needs_approval):
            continue
        if row.state == "unknown":
            effect = effect_in_words(row.operation, row.target, row.arguments)
            return UnresolvedWrite(row.id, row.created_at, row.service, effect)
        raise Refused(
            "in_progress",
            f"the same is being written right now (write {row.id}).",
            "Wait for it and look at write_history.",
        )
    match repeat:
        case UntilChanged(changed=True) | RepeatAllowed() | None:
            return None
        case UntilChanged():
            row = _last_set(connection, repeat, about, same)
        case _ if whole_subject:
            row = connection.execute(state.statements.DONE_ABOUT, about).first()
        case _:
            row = connection.execute(state.statements.DONE_SAME, {**about, "of_digests": same}).first()
    if row is None or (not isinstance(repeat, OnceForGood) and row.created_at <= now - WINDOW):
        return None
    if row.id <= write.none_before:
        return None
    return EarlierWrite(row.id, row.created_at, row.summary, row.record_id, row.state == "done")


def _last_set(connection: Connection, repeat: UntilChanged, about: dict[str, Any], same: tuple[str, ...]) -> Any:
    """The newest write that set one of the same arguments, if it was this one; what nobody knows of may have too."""
    with connection.execute(state.statements.NOT_FAILED_ABOUT, about) as rows:
        last = next((row for row in rows if not repeat.sets or not repeat.sets.isdisjoint(row.arguments)), None)
    return last if last is not None and last.state in state.statements.APPLIED and last.repeat_digest in same else None


def unresolved_about(connection: Connection, write: Write, new: Sequence[ToCreate], account: str) -> list[WriteRow]:
    """Writes with an open outcome about the same subject or record, or what seems the same lead; newest first."""
    keys, label = write.subject_keys, _letters(write.subject.label)
    found: list[WriteRow] = []
    for row in connection.execute(state.statements.OPEN_OF_ACCOUNT, {"of_account": account}).all():
        same = row.subject in keys or _letters(row.target) == label
        if not same and new and (stored := state.writes.being_created_by(connection, row.id)) is not None:
            same = any(each.is_about(stored) for each in new)
        found += [row_of(row)] if same else []
    return found


def _digits(details: ContactDetails) -> set[str]:
    """Its phones, those that cannot be anybody's among them."""
    return {"".join(filter(str.isdecimal, phone))[-10:] for _, phone in details.phones}


def _letters(text: str) -> str:
    """The letters and digits of a text, without accents."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold()))


@dataclass(frozen=True, slots=True)
class ToCreate:
    """What a write is to create, normalised before the transaction in which it is compared."""

    details: ContactDetails
    profile: Profile
    allow_duplicate: bool

    def compared_with(self, other: ContactDetails) -> Match:
        """What it has in common with what another write creates."""
        from leadbridge.server.matching.compare import compare
        from leadbridge.server.matching.profile import profile_of

        return compare(self.profile, profile_of(other, like=self.profile))

    def is_about(self, other: Any) -> bool:
        """Whether a phone, an e-mail address or the whole name is the same, or it seems the same lead."""
        from leadbridge.server.matching.profile import details_from_json

        details, own = details_from_json(other.told), self.profile.keys()
        person = {key for key in own if key.startswith(("p|", "e|", "n|"))}
        same = not person.isdisjoint(other.found_by) or not _digits(self.details).isdisjoint(_digits(details))
        return same or self.compared_with(details).likely


async def to_create(write: Write) -> ToCreate | None:
    """What the plan creates or whom it reaches, where that can be compared."""
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
    from leadbridge.server.matching.profile import details_from_json

    rows = state.writes.being_created_beside(connection, account, write.subject.key, now - WINDOW)
    keys = new.profile.lookup_keys()
    for row in rows:
        if keys.isdisjoint(row.found_by):
            continue
        match = new.compared_with(details_from_json(row.told))
        if match.likely:
            raise _refusal(row, ", ".join(match.evidence))


def keep(connection: Connection, write_id: int, new: ToCreate, account: str, now: float) -> None:
    """Keep what a write is to create, for as long as another one may be the same."""
    from leadbridge.server.matching.profile import details_to_json

    found_by, stored = sorted(new.profile.keys()), details_to_json(new.details)
    state.writes.forget_created(connection, now - WINDOW)
    state.writes.add_being_created(connection, write_id, account, found_by, stored)


def creation_of(connection: Connection, write_id: int) -> ContactDetails | None:
    """What a write was to create, while it is kept."""
    from leadbridge.server.matching.profile import details_from_json

    stored = state.writes.being_created_by(connection, write_id)
    return None if stored is None else details_from_json(stored.told)


def _refusal(row: Any, evidence: str) -> Refused:
    seems = f"what seems the same lead, written otherwise ({evidence})"
    if row.state == "done":
        prospect = "" if row.record_id is None else f", prospect {row.record_id}"
        message = f"{seems}, was created within 24 hours (write {row.id}{prospect})."
        return Refused("likely_duplicate", message, "Look at it in RoofLink, or with rooflink_get_prospect.", PAST)
    if row.state == "unknown":
        message = f"write {row.id} of {seems}, is unresolved, and nobody knows whether RoofLink has it."
        advice = f"Look for it in RoofLink. {then_resolve(row.id)}"
        return Refused("earlier_unknown", message, advice, PAST)
    message = f"{seems}, is being created right now (write {row.id})."
    return Refused("in_progress", message, "Wait for it and look at write_history.", PAST)
