"""The ledger: every write is on record before it leaves, and its outcome after.

States: `intended` (on record, nothing left), `sent` (a request may have left), then `done`, `failed` (provably not
carried out) or `unknown` (it may have been).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from server.errors import Refused
from server.guard.approval import Approval
from server.guard.masking import masked
from server.guard.plan import Plan
from server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

OUTCOMES = ("intended", "sent", "done", "failed", "unknown")


@dataclass(slots=True)
class WritePermit:
    """Leave to send one write, given out only with its intent on record. The client takes no write without one."""

    write_id: int
    operation_id: str
    _ledger: Ledger = field(repr=False)
    may_have_left: bool = False
    """Whether the client came so far that a request may have left."""

    async def sending(self) -> None:
        """Called by the client right before a request may leave."""
        await self._ledger.record(self.write_id, "sent")
        self.may_have_left = True


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One write of the history."""

    write_id: int
    at: float
    service: str
    operation: str
    target: str
    state: str
    summary: str
    record_id: int | None
    approval: str
    arguments: dict[str, Any]
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes intents and outcomes to the store, and burns each approval with the intent it allowed."""

    store: Store
    account: Callable[[str], str]
    sandbox: bool
    clock: Callable[[], float] = time.time

    async def intend(self, plan: Plan, approval: Approval) -> WritePermit:
        """Put the write on record and use up its approval, in one transaction.

        Raises:
            Refused: this approval was used before.
            StateError: nothing could be put on record; nothing may be sent.
        """
        now = self.clock()

        def work(connection: Connection) -> int:
            from server.state.tables import writes

            if approval.id:
                _burn(connection, approval.id, plan.operation.id, "yes", now)
            row = connection.execute(
                writes.insert().values(
                    account=self.account(plan.operation.service),
                    service=plan.operation.service,
                    operation=plan.operation.id,
                    target=plan.target,
                    arguments_digest=plan.digest(),
                    arguments=masked(plan.arguments),
                    state="intended",
                    approval=approval.way,
                    approval_id=approval.id,
                    sandbox=self.sandbox,
                    created_at=now,
                    updated_at=now,
                )
            )
            key = cast("tuple[int]", row.inserted_primary_key)
            return int(key[0])

        return WritePermit(await self.store.run(work), plan.operation.id, self)

    async def record(self, write_id: int, state: str, summary: str = "", record_id: int | None = None) -> None:
        """Put a write's state on record."""

        def work(connection: Connection) -> None:
            from server.state.tables import writes

            values: dict[str, Any] = {"state": state, "updated_at": self.clock()}
            if summary:
                values["summary"] = summary[:500]
            if record_id is not None:
                values["record_id"] = record_id
            connection.execute(writes.update().where(writes.c.id == write_id).values(**values))

        await self.store.run(work)

    async def burn_no(self, approval_id: str, operation_id: str) -> None:
        """A question that was answered with no cannot be answered again with yes."""

        def work(connection: Connection) -> None:
            _burn(connection, approval_id, operation_id, "no", self.clock())

        await self.store.run(work)

    async def history(self, *, state: str = "", since: float = 0.0, limit: int = 20) -> tuple[list[WriteRow], int]:
        """The newest writes, the unresolved first, and how many match in all."""

        def work(connection: Connection) -> tuple[list[WriteRow], int]:
            from sqlalchemy import case, func, select

            from server.state.tables import writes

            accounts = [self.account(service) for service in ("rooflink", "renovationfind")]
            where = [writes.c.account.in_(accounts), writes.c.created_at >= since]
            if state:
                where.append(writes.c.state == state)
            open_first = case((writes.c.state.in_(("intended", "sent", "unknown")), 0), else_=1)
            rows = connection.execute(
                select(writes).where(*where).order_by(open_first, writes.c.id.desc()).limit(limit)
            )
            total = connection.execute(select(func.count()).select_from(writes).where(*where)).scalar_one()
            return [
                WriteRow(
                    write_id=row.id,
                    at=row.created_at,
                    service=row.service,
                    operation=row.operation,
                    target=row.target,
                    state=row.state,
                    summary=row.summary,
                    record_id=row.record_id,
                    approval=row.approval,
                    arguments=row.arguments,
                    sandbox=row.sandbox,
                )
                for row in rows
            ], total

        return await self.store.run(work)


def _burn(connection: Connection, approval_id: str, operation: str, answer: str, now: float) -> None:
    from sqlalchemy.exc import IntegrityError

    from server.state.tables import approvals

    try:
        with connection.begin_nested():
            connection.execute(
                approvals.insert().values(approval_id=approval_id, operation=operation, answer=answer, at=now)
            )
    except IntegrityError:
        raise Refused(
            "approval_used",
            "Nothing was changed: this approval was used before, and each one counts once.",
            "Look at write_history for what it did; to do it again, ask the user again.",
        ) from None
