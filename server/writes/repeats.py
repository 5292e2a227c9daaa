"""Is this the same write again? If so, it is not sent: the answer is what became of the first one.

The catalog says how long the same write is a repeat: `day` (24 hours, for what creates a record), `until_next` (24
hours, or until the same thing was set to something else in between, for what sets a value), `once` (for good).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadbridge.server import state
from leadbridge.server.errors import Refused
from leadbridge.server.text import as_meant
from leadbridge.server.writes.concurrent_duplicates import WINDOW, ToCreate, details_of
from leadbridge.server.writes.model import OnceForGood, RepeatAllowed, SameWithinADay, UntilChanged, Write
from leadbridge.server.writes.write_rows import WriteRow, effect_in_words, row_of, to_check

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class EarlierWrite:
    """The same write, done before."""

    write_id: int
    at: float
    summary: str
    record_id: int | None


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
            f"an earlier attempt, write {self.write_id}, is unresolved: nobody knows whether {self.effect}.",
            f"{to_check(self.service, self.effect)} Then settle it with resolve_write (write_id={self.write_id}).",
        )


def earlier(connection: Connection, write: Write, account: str, now: float) -> EarlierWrite | UnresolvedWrite | None:
    """The same write if it was tried before and this one counts as its repeat.

    Raises:
        Refused: the same is being written right now.
    """
    same, repeat = write.repeat_digests(), write.repeat
    about: dict[str, Any] = {"of_account": account, "of_subjects": write.subject_keys()}
    whole_subject = isinstance(repeat, (SameWithinADay, OnceForGood)) and repeat.whole_subject
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
    return EarlierWrite(row.id, row.created_at, row.summary, row.record_id)


def _last_set(connection: Connection, repeat: UntilChanged, about: dict[str, Any], same: tuple[str, ...]) -> Any:
    """The newest write that set one of the same arguments, if it was this one; what nobody knows of may have too."""
    with connection.execute(state.statements.NOT_FAILED_ABOUT, about) as rows:
        last = next((row for row in rows if not repeat.sets or not repeat.sets.isdisjoint(row.arguments)), None)
    return last if last is not None and last.state == "done" and last.repeat_digest in same else None


def unresolved_about(connection: Connection, write: Write, new: ToCreate | None, account: str) -> list[WriteRow]:
    """Writes with an open outcome about the same subject or record, or what seems the same lead; newest first."""
    from leadbridge.server.matching.compare import compare
    from leadbridge.server.matching.profile import profile_of

    keys, label = write.subject_keys(), as_meant(write.subject.label)
    found: list[WriteRow] = []
    for row in state.writes.unresolved(connection, account):
        same = row.subject in keys or as_meant(row.target) == label
        if not same and new is not None and (stored := details_of(connection, row.id)) is not None:
            same = compare(new.profile, profile_of(stored, like=new.profile)).likely
        found += [row_of(row)] if same else []
    return found
