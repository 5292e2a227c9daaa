"""The ledger: every write is on record before it leaves, and its outcome after.

States: `intended` (on record, nothing left), `sent` (a request may have left), then `done`, `unconfirmed` (taken, but
the answer does not show all of it), `failed` (provably not carried out) or `unknown` (it may have been). Each change of
state is also a row of the audit trail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from leadbridge.server import state as kept
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import StateError
from leadbridge.server.state import Store
from leadbridge.server.writes.approval import Approval, OpenedToken, changed_since_asked
from leadbridge.server.writes.model import LocalWrite, RepeatAllowed, Write
from leadbridge.server.writes.recovery import (
    LEASE,
    LateOutcomes,
    Recorded,
    WritePermit,
    resolve_orphans,
    set_state,
    this_process,
)
from leadbridge.server.writes.repeats import (
    EarlierWrite,
    UnresolvedWrite,
    earlier,
    keep,
    refuse_concurrent_duplicate,
    to_create,
    unresolved_about,
)
from leadbridge.server.writes.write_rows import WriteRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Ledger", "WritePermit", "WriteRow"]


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is on record about a write: the same one, done or unresolved, and else the newest about its subject."""

    earlier: EarlierWrite | None = None
    unresolved: UnresolvedWrite | None = None
    newest: int = 0
    open_about: Sequence[WriteRow] = ()
    """Writes about the same target, the same in other words among them, of which nobody knows what became."""
    token: OpenedToken | None = None
    """What came back with the call to prove a person's yes."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes intents and outcomes to the store, and burns each approval with the intent it allowed."""

    store: Store
    accounts: Mapping[str, str]
    """The company's, by service."""
    simulated: Container[str]
    """Services that are the sandbox."""
    clock: Callable[[], float] = time.time
    late: LateOutcomes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "late", LateOutcomes(self.store))

    async def look(
        self, write: Write, approval_id: str = "", *, writable: bool = False, only_open: bool = False
    ) -> OnRecord:
        """What is on record about a write before it is decided upon, in one transaction.

        `writable`: find out as well whether its intent could be put on record, so that nobody says yes in vain.
        `only_open`: find out only what a person is warned of, writes of which nobody knows what became.

        Raises:
            Refused: this approval was used before; the same is being written right now; or, if `writable`, it creates
                what another write creates in another notation.
            StateError: the store cannot be read, or, if `writable`, cannot be written.
        """
        now, account = self.clock(), self.accounts[write.operation.service]
        new = [(one, made) for one in write.requests if write.needs_approval and (made := await to_create(one))]

        def work(connection: Connection) -> OnRecord:
            if approval_id:
                kept.writes.refuse_used(connection, approval_id)
            resolve_orphans(connection, now)
            made = [each for _, each in new]
            tells = write.needs_approval or write.operation.effect is Effect.ADDITIVE
            open_about = unresolved_about(connection, write, made, account) if tells else []
            if only_open:
                return OnRecord(open_about=open_about)
            if not isinstance(write.action, LocalWrite) and not isinstance(write.repeat, RepeatAllowed):
                found = earlier(connection, write, account, now)
                if isinstance(found, UnresolvedWrite):
                    return OnRecord(unresolved=found)
                if found is not None:
                    return OnRecord(found)
            if writable:
                for one, each in new:
                    if not each.allow_duplicate:
                        refuse_concurrent_duplicate(connection, one, each, self.accounts[one.operation.service], now)
                kept.database.write_anything(connection)
            newest = kept.writes.newest_about(connection, account, write.subject.key)
            return OnRecord(newest=newest.id if newest else 0, open_about=open_about)

        return await self.late.run(work, now)

    async def begin(self, write: Write, approval: Approval) -> WritePermit | EarlierWrite:
        """Put the write on record and use up its approval, in one transaction; or find that it was done before.

        Raises:
            Refused: this approval was used before, or the same write is under way or unresolved, or one that creates
                the same in another notation.
            StateError: nothing could be put on record; nothing may be sent.
        """
        now, account = self.clock(), self.accounts[write.operation.service]
        new = await to_create(write)

        def work(connection: Connection) -> int | EarlierWrite:
            kept.audit.hold(connection)  # so that of two processes one goes first
            if approval.id and not approval.used:
                kept.writes.use_up(connection, approval.id, write.operation.id, "yes", now)
            if not isinstance(write.repeat, RepeatAllowed):
                found = earlier(connection, write, account, now)
                if isinstance(found, UnresolvedWrite):
                    raise found.refusal()
                if found is not None:
                    return found
            if approval.seen is not None:
                newest = kept.writes.newest_about(connection, account, write.subject.key)
                if newest is not None and newest.id > max(approval.seen, write.none_before):
                    raise changed_since_asked()
            if new is not None and not new.allow_duplicate:
                refuse_concurrent_duplicate(connection, write, new, account, now)
            values = self._intent(write, approval, now)
            write_id = kept.writes.add(connection, values)
            columns = ("operation", "account", "arguments", "state", "approval", "approval_id", "sandbox")
            kept.audit.append(connection, now, {"write": write_id, **{name: values[name] for name in columns}})
            if new is not None:
                keep(connection, write_id, new, account, now)
            return write_id

        found = await self.late.run(work, now)
        if isinstance(found, EarlierWrite):
            return found
        return WritePermit(found, write.operation.id, self.late, self.clock)

    def _intent(self, write: Write, approval: Approval, now: float) -> dict[str, Any]:
        return {
            "account": self.accounts[write.operation.service],
            "service": write.operation.service,
            "operation": write.operation.id,
            "target": write.subject.label,
            "subject": write.subject.key,
            "repeat_digest": write.digests[0],
            "arguments": masked(write.arguments),
            "state": "intended",
            "approval": approval.way,
            "approval_id": approval.id,
            "sandbox": write.operation.service in self.simulated,
            "owner": this_process(),
            "lease_until": now + LEASE,
            "created_at": now,
            "updated_at": now,
        }

    async def use_up(self, approval_id: str, operation_id: str, answer: str = "yes") -> None:
        """Use up the approval of what is not sent to a service, or a no, which cannot become a yes.

        Raises:
            Refused: it was used before.
        """
        now = self.clock()
        if approval_id:
            await self.store.run(
                lambda connection: kept.writes.use_up(connection, approval_id, operation_id, answer, now)
            )

    async def record(self, write_id: int, state: str, summary: str = "", record_id: int | None = None) -> str:
        """Record a write's outcome; returns the state it had before.

        Raises:
            StateError: it could not be written. It is then recorded as soon as the store can be written again; if
                this process ends before, the next one finds the write as `sent`, and reports it as unknown.
        """
        now = self.clock()
        try:
            return await self.late.run(
                lambda connection: set_state(connection, now, write_id, state, summary, record_id), now
            )
        except StateError:
            self.late.add(write_id, state, summary, record_id)
            raise

    async def finish(self, permit: WritePermit, state: str, summary: str, record_id: int | None = None) -> Recorded:
        """Put the outcome of a write that this process sends on record, and say whether somebody had resolved it."""
        try:
            before = await self.record(permit.write_id, state, summary, record_id)
        except StateError as error:
            return Recorded(error=error)
        if before == "forgotten":
            return Recorded(error=StateError(f"Write {permit.write_id} is not in the history any more."))
        own, permit.recorded = permit.recorded, state
        return Recorded() if before in {"intended", "sent", own} else Recorded(resolved_as=before)


_PLAIN = frozenset(
    {
        "lead_id", "prospect_id", "job_id", "customer_id", "event_id", "status", "job_amount", "state",
        "meeting_scheduled_date", "estimated_project_start_date", "estimated_completion_date", "start_date_tbd",
        "completion_date_tbd", "contact_method", "estimate_type", "lost_reason", "send_gift", "renewal",
        "skip_duplicates", "allow_duplicate", "job_type", "bid_type", "region_id", "rep_id", "rep_2_id",
        "project_manager_id", "marketing_rep_id", "lead_source_id", "notify_rep", "notify_customer",
        "photo_id",
        "note_id",
        "vendor_id", "city_id",
    }
)  # fmt: skip


def masked(arguments: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Arguments for the history: ids, codes, money and dates as they are, everything else as its length only."""
    return {name: value if name in _PLAIN else _mask(value) for name, value in arguments.items() if value is not None}


def _mask(value: JsonValue) -> str:
    return f"<{len(value)} fields>" if isinstance(value, dict) else f"<{len(str(value))} characters>"
