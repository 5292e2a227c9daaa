"""Is this the same write again? If so, it is not sent: it is told what became of the first one.

How long the same is a repeat stands in the catalog: `day` (24 hours, for what creates a record), `until_next` (24
hours, or until the same thing was set to something else in between, for what sets a value), `once` (for good).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import Refused
from server.guard.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection

WINDOW = 24 * 3600.0
_OPEN = ("intended", "sent", "unknown")


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
    from sqlalchemy import select

    from server.state.tables import writes

    rows = connection.execute(
        select(writes)
        .where(writes.c.account == account, writes.c.subject == plan.subject, writes.c.state != "failed")
        .order_by(writes.c.id.desc())
        .limit(200)
    ).all()
    same = plan.repeat_digest()
    for row in rows:
        same_thing = plan.one_for_subject or row.repeat_digest == same or plan.effect.always_needs_approval
        if row.state not in _OPEN or not same_thing:
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
    if plan.repeat == "until_next":
        # Whatever came last, also what nobody knows of, may have set something else.
        rows = [row for row in rows if plan.touches(row.arguments)][:1]
    done = [row for row in rows if row.state == "done"]
    for row in done:
        recent = plan.repeat == "once" or row.created_at > now - WINDOW
        if (plan.one_for_subject or row.repeat_digest == same) and recent:
            return EarlierWrite(row.id, row.created_at, row.summary, row.record_id)
    return None
