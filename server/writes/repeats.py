"""Is this the same write again? If so, it is not sent: it is told what became of the first one.

How long the same is a repeat stands in the catalog: `day` (24 hours, for what creates a record), `until_next` (24
hours, or until the same thing was set to something else in between, for what sets a value), `once` (for good).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadbridge.server.errors import Refused
from leadbridge.server.writes.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection

WINDOW = 24 * 3600.0


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

    def refusal(self) -> Refused:
        """What is told while it is unresolved."""
        return Refused(
            "earlier_unknown",
            f"Nothing was sent: write {self.write_id} of the same is unresolved, it may or may not have taken effect.",
            f"Look at the record on the service, then settle it with resolve_write (write_id={self.write_id}).",
        )


def earlier(connection: Connection, plan: Plan, account: str, now: float) -> EarlierWrite | UnresolvedWrite | None:
    """The same write if it was tried before and this one counts as its repeat.

    Raises:
        Refused: the same is being written right now.
    """
    from leadbridge.server.state import statements

    about = {"of_account": account, "of_subject": plan.subject}
    same = plan.repeat_digest()
    for row in connection.execute(statements.OPEN_ABOUT, about).all():
        if not (plan.one_for_subject or row.repeat_digest == same or plan.effect.always_needs_approval):
            continue
        if row.state == "unknown":
            return UnresolvedWrite(row.id, row.created_at)
        raise Refused(
            "in_progress",
            f"Nothing was sent: the same is being written right now (write {row.id}).",
            "Wait for it and look at write_history.",
        )
    if plan.overwritten:
        return None
    row = _last_done(connection, plan, about, same)
    if row is None or (plan.repeat != "once" and row.created_at <= now - WINDOW):
        return None
    return EarlierWrite(row.id, row.created_at, row.summary, row.record_id)


def _last_done(connection: Connection, plan: Plan, about: dict[str, str], same: str) -> Any:
    """The newest write that this one would repeat, if it was done."""
    from leadbridge.server.state import statements

    if plan.repeat != "until_next":
        if plan.one_for_subject:
            return connection.execute(statements.DONE_ABOUT, about).first()
        return connection.execute(statements.DONE_SAME, {**about, "of_digest": same}).first()
    # Whatever came last, also what nobody knows of, may have set something else.
    with connection.execute(statements.NOT_FAILED_ABOUT, about) as rows:
        last = next((row for row in rows if plan.touches(row.arguments)), None)
    repeats = last is not None and last.state == "done" and (plan.one_for_subject or last.repeat_digest == same)
    return last if repeats else None
