"""The way of every write, from top to bottom: what is decided, what begins, what is sent, how it finishes.

It knows no protocol and no sentence: it is given what a call brought, and returns what came of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import anyio.to_thread
from pydantic import JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.errors import ServiceError, StateError, Unavailable
from leadbridge.server.services.rooflink.models import MARK
from leadbridge.server.services.services import Services
from leadbridge.server.writes.alike import refuse_alike_before_asking
from leadbridge.server.writes.approval import Approval, Approvals, AskPerson, DryRun, TokenNeeded
from leadbridge.server.writes.in_flight import outlasting
from leadbridge.server.writes.ledger import Ledger, WritePermit
from leadbridge.server.writes.model import Action, Done, HttpWrite, LocalWrite, MultiStepWrite, Write, digest_of
from leadbridge.server.writes.outcomes import Applied, MaybeApplied, NotApplied, Outcome
from leadbridge.server.writes.repeats import EarlierWrite, UnresolvedWrite
from leadbridge.server.writes.steps import Report, in_steps

Decision: TypeAlias = Approval | TokenNeeded | DryRun | EarlierWrite

LOOK_SECONDS = 10.0
SEND_SHARE, LOOK_SHARE = 0.55, 0.2
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


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Decides about writes and carries them out; made once for each server."""

    ledger: Ledger
    approvals: Approvals
    services: Services
    call_deadline: float

    async def decide(self, write: Write, call: Call) -> Decision | AskPerson:
        """What is to be done about a write.

        Raises:
            Refused: this is not sent, whatever a person would say.
            ServiceError: the service is left alone for longer than somebody needs to read a question.
            StateError: nothing could be put on record.
        """
        if call.dry_run:
            if write.blocked is not None:
                raise write.blocked
            return DryRun()
        by_token = call.token and write.needs_approval and not call.can_ask
        opened = await self.approvals.opened(write, call.token) if by_token else None
        await self.approvals.refuse_used(call.approval_id)
        if (found := await self.done_before(write)) is not None:
            return found
        if write.blocked is not None:
            raise write.blocked
        if (approval := self.approvals.without_asking(write)) is not None:
            return approval
        if not call.can_ask:
            self.approvals.refuse_without_tokens()
        if not call.answered:
            await self._refuse_unsendable(write)
        if call.can_ask:
            newest = await self.ledger.about(write.operation.service, write.subject.key)
            return AskPerson(newest.write_id if newest else 0)
        return self.approvals.by_token(write, opened) if opened else await self.approvals.token_needed(write)

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
                await self.ledger.use_up(decided, write.operation.id)
                return await write.action.run()
            case MultiStepWrite():
                await self.ledger.use_up(decided, write.operation.id)
                return await in_steps(self, write.action.run, decided, report)

    async def apply(
        self, write: Write, approval: Approval, seconds: float
    ) -> Applied | NotApplied | MaybeApplied | EarlierWrite:
        """Put one request on record and send it, unless the same was done meanwhile; errors as of `carry_out`."""
        action = write.action
        if not isinstance(action, HttpWrite):
            msg = f"{write.operation.id} is not one request"
            raise TypeError(msg)
        permit = await self.ledger.begin(write, approval)
        if isinstance(permit, EarlierWrite):
            return permit
        left = anyio.current_effective_deadline() - anyio.current_time() - LAST_WORD
        patience = max(0.0, min(self.call_deadline * SEND_SHARE if action.look_for else seconds, left))
        return await outlasting(lambda: self._send(action, permit, patience), lambda: permit.may_have_left)

    async def _send(
        self, action: HttpWrite, permit: WritePermit, patience: float
    ) -> Applied | NotApplied | MaybeApplied:
        """Send a request whose intent is on record, and put its outcome on record, whatever happens."""
        operation, started = action.operation, self.ledger.clock()
        try:
            with anyio.fail_after(patience):
                answer = await self.services.client(operation.service).request(
                    operation,
                    path=action.path,
                    query=action.query,
                    body=await self._body(action, permit.write_id),
                    permit=permit,
                )
            done = action.receive(answer)
        except ServiceError as error:
            error.what, error.said = action.without_secrets(error.what), action.without_secrets(error.said)
            return await self._failed(action, permit, error, started)
        except StateError:
            await self.ledger.finish(permit, "failed", "The state store failed before anything was sent.")
            raise
        except TimeoutError:
            return await self._failed(action, permit, _out_of_time(operation, permit), started)
        except BaseException:
            with anyio.CancelScope(shield=True):
                state = "unknown" if permit.may_have_left else "failed"
                await self.ledger.finish(permit, state, "The call was interrupted.")
            raise
        return await self._applied(permit, done)

    async def _applied(self, permit: WritePermit, done: Done, found_after: ServiceError | None = None) -> Applied:
        not_kept: StateError | None = None
        not_recorded: StateError | None = None
        with anyio.CancelScope(shield=True):
            # What it showed is kept first: who finds the write done, here or in another process, finds that too.
            if done.remember is not None:
                try:
                    await done.remember()
                except StateError as error:
                    not_kept = error
            not_recorded = await self.ledger.finish(permit, "done", done.summary, done.record_id)
        return Applied(permit.write_id, done, found_after, not_kept, not_recorded)

    async def _failed(
        self, action: HttpWrite, permit: WritePermit, error: ServiceError, started: float
    ) -> Applied | NotApplied | MaybeApplied:
        if not error.may_have_taken_effect:
            not_recorded = await self.ledger.finish(permit, "failed", error.happened)
            return NotApplied(permit.write_id, error, not_recorded)
        not_recorded = await self.ledger.finish(permit, "unknown", error.happened)
        if (done := await self._look_for(action, started)) is not None:
            return await self._applied(permit, done, found_after=error)
        return MaybeApplied(permit.write_id, error, not_recorded)

    async def done_before(self, write: Write) -> EarlierWrite | None:
        """The same write if it was done before; an unresolved one is first looked for on the service.

        Raises:
            Refused: it is being written right now, or it stays unresolved.
        """
        if isinstance(write.action, LocalWrite):
            return None
        found = await self.ledger.earlier(write)
        if not isinstance(found, UnresolvedWrite):
            return found
        done = await self._look_for(write.action, found.at)
        if done is None:
            raise found.refusal()
        await self.ledger.record(found.write_id, "done", done.summary, done.record_id)
        return EarlierWrite(found.write_id, found.at, done.summary, done.record_id)

    async def _refuse_unsendable(self, write: Write) -> None:
        """Find out before a person is asked, and before a yes is used up, whether anything could be sent."""
        action = write.action
        requests = (write, *action.foreseen) if isinstance(action, MultiStepWrite) else (write,)
        if not isinstance(action, LocalWrite):
            for service in sorted({one.operation.service for one in requests}):
                await self.services.client(service).governor.check(min(READING, self.call_deadline))
        await self.ledger.store.check_writable()
        for one in requests:
            account = self.ledger.account(one.operation.service)
            await refuse_alike_before_asking(self.ledger.store, one, account, self.ledger.clock())

    async def _look_for(self, action: Action, since: float) -> Done | None:
        """The record of a write whose outcome is unknown, if the service shows it; failing to look settles nothing."""
        if not isinstance(action, HttpWrite) or action.look_for is None:
            return None
        try:
            with anyio.fail_after(min(LOOK_SECONDS, self.call_deadline * LOOK_SHARE)):
                return await action.look_for(since)
        except (ServiceError, TimeoutError):
            return None

    async def _body(self, action: HttpWrite, write_id: int) -> Mapping[str, JsonValue] | None:
        """The body as it goes out: with its secrets, and the write's number where the service keeps free data.

        The number is one of this store and company, which the digest before it stands for.
        """
        body, marked = action.body, action.marked_field
        if action.secrets:
            return {**(body or {}), **{name: secret.get_secret_value() for name, secret in action.secrets.items()}}
        if not marked or body is None:
            return body
        given = body.get(marked)
        secret = await anyio.to_thread.run_sync(self.ledger.store.secret)
        whose = digest_of(secret.hex(), self.services.account(action.operation.service))[:8]
        return {**body, marked: {**(given if isinstance(given, dict) else {}), MARK: f"{whose}-{write_id}"}}


def _out_of_time(operation: Operation, permit: WritePermit) -> ServiceError:
    return Unavailable(
        what="LEADBRIDGE_CALL_DEADLINE was over before the service answered.",
        next_step="Try again.",
        sent=permit.may_have_left,
        service=operation.service,
        operation=operation.id,
        may_have_taken_effect=permit.may_have_left,
    )
