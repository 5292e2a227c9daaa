"""The way of every write, from top to bottom: what is decided, what begins, what is sent, how it finishes.

It knows no protocol and no sentence: it is given what a call brought, and returns what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import anyio

from leadbridge.server.writes.approval import Approval, Approvals, DryRun, TokenNeeded
from leadbridge.server.writes.ledger import Ledger, OnRecord
from leadbridge.server.writes.model import HttpWrite, LocalWrite, MultiStepWrite, Write
from leadbridge.server.writes.outcomes import Applied, MaybeApplied, NotApplied, Outcome
from leadbridge.server.writes.repeats import EarlierWrite
from leadbridge.server.writes.sending import Sender, outlasting
from leadbridge.server.writes.steps import Report, run_multi_step

Decision: TypeAlias = Approval | TokenNeeded | DryRun | EarlierWrite

SEND_SHARE = 0.55
"""Of the call's deadline, where a record is looked for before (0.25, see `rooflink/duplicate_check.py`) and after."""
READING = 10.0
"""Seconds that somebody reads a question; a wait that is shorter is over by the time of their yes."""
LAST_WORD = 0.5
"""Seconds kept back for putting the outcome on record before the whole call's deadline."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call brought beside its write."""

    can_ask: bool
    """Whether a person can be asked in a form."""
    token: str = ""
    dry_run: bool = False
    approval_id: str = ""
    """Of the question that this call answers."""
    answered: bool = False


STEP = Call(can_ask=True, answered=True)
"""What a step of a write brings: it is approved with the whole."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Decides about writes and carries them out; made once for each server."""

    ledger: Ledger
    approvals: Approvals
    sender: Sender

    async def look(self, write: Write, call: Call = STEP) -> OnRecord:
        """What is on record about a write; the same one, if it is unresolved, is first looked for on the service.

        Raises:
            Refused: the token that came back is not good for this write; or as of `Ledger.look`; or the same stays
                unresolved.
            StateError: as of `Ledger.look`.
        """
        if call.dry_run:
            return await self.ledger.look(write, only_open=True) if write.needs_approval else OnRecord()
        by_token = call.token and write.needs_approval and not call.can_ask
        token = await self.approvals.opened(write, call.token) if by_token else None
        asks = self.approvals.without_asking(write) is None and write.blocked is None and not call.answered
        found = await self.ledger.look(write, token.id if token else call.approval_id, writable=asks)
        if (same := found.unresolved) is None:
            return replace(found, token=token)
        done = await self.sender.look_for(write.action, same.at)
        if done is None:
            raise same.refusal()
        await self.ledger.record(same.write_id, "done", done.summary, done.record_id)
        return OnRecord(EarlierWrite(same.write_id, same.at, done.summary, done.record_id))

    async def decide(self, write: Write, call: Call, found: OnRecord) -> Decision | None:
        """What is to be done about a write of which this was found; nothing: a person is asked in a form.

        Raises:
            Refused: this is not sent, whatever a person would say.
            ServiceError: the service is left alone for longer than somebody needs to read a question.
        """
        if found.earlier is not None:
            return found.earlier
        if write.blocked is not None:
            raise write.blocked
        if call.dry_run:
            return DryRun()
        if (approval := self.approvals.without_asking(write)) is not None:
            return approval
        if not call.can_ask:
            self.approvals.refuse_without_tokens()
        sends = not isinstance(write.action, LocalWrite)
        if sends and not call.answered:  # nobody is asked, nor a yes used up, in vain
            for service in sorted({one.operation.service for one in write.requests}):
                await self.sender.services.clients[service].rate_limiter.check(min(READING, self.sender.call_deadline))
        if call.can_ask:
            return None
        return await (
            self.approvals.by_token(write, found.token) if found.token else self.approvals.token_needed(write)
        )

    async def carry_out(self, write: Write, decided: Decision, seconds: float, report: Report | None = None) -> Outcome:
        """Do what was decided about a write, within `seconds`.

        Raises:
            Refused: the approval was used before, or the same write is under way or unresolved.
            StateError: nothing could be put on record, and nothing was sent.
        """
        if not isinstance(decided, Approval):
            return decided
        match write.action:
            case HttpWrite():
                return await self.apply(write, decided, seconds)
            case LocalWrite():
                await self.ledger.use_up(decided.id, write.operation.id)
                return await write.action.run()
            case MultiStepWrite():
                await self.ledger.use_up(decided.id, write.operation.id)
                seconds = self.sender.call_deadline
                return await run_multi_step(self, write.action, decided, report, seconds)  # pyright: ignore[reportArgumentType]  # the same class, by the link in src/

    async def apply(
        self, write: Write, approval: Approval, seconds: float
    ) -> Applied | NotApplied | MaybeApplied | EarlierWrite:
        """Put one request on record and send it, unless the same was done meanwhile; errors as of `carry_out`."""
        action = write.action
        if not isinstance(action, HttpWrite):
            raise TypeError(f"{write.operation.id} is not one request")
        permit = await self.ledger.begin(write, approval)
        if isinstance(permit, EarlierWrite):
            return permit
        left = anyio.current_effective_deadline() - anyio.current_time() - LAST_WORD
        patience = max(0.0, min(self.sender.call_deadline * SEND_SHARE if action.look_for else seconds, left))
        return await outlasting(lambda: self.sender.send(action, permit, patience), lambda: permit.may_have_left)
