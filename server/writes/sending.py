"""One request whose intent is on record: sent, its answer read, its outcome recorded, whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread
from pydantic import JsonValue

from leadbridge.server.call_scope import off_loop
from leadbridge.server.errors import NotFound, OutcomeUnknown, Refused, Rejected, ServiceError, StateError, Unavailable
from leadbridge.server.services.rooflink.models import MARK
from leadbridge.server.services.services import Services
from leadbridge.server.writes.agreement import received
from leadbridge.server.writes.ledger import Ledger
from leadbridge.server.writes.model import Action, Done, HttpWrite, digest_of
from leadbridge.server.writes.outcomes import Applied, MaybeApplied, NotApplied
from leadbridge.server.writes.recovery import Recorded, WritePermit

LOOK_SECONDS, LOOK_SHARE = 10.0, 0.2
"""For looking for a record whose write was not answered: seconds at most, and a share of the call's deadline."""
GRACE = 4.0
"""Seconds more for an answer when the call ends. Hosts that end a server wait about as long before they kill it."""
_LOOK = 0.05

T = TypeVar("T")
_under_way = 0
"""Writes of this process that outlast their call if need be."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends requests that the ledger has permitted."""

    ledger: Ledger
    services: Services
    call_deadline: float

    async def send(
        self, action: HttpWrite, permit: WritePermit, patience: float
    ) -> Applied | NotApplied | MaybeApplied:
        """Send a request whose intent is on record, and put its outcome on record, whatever happens."""
        operation, started = action.operation, self.ledger.clock()
        client = self.services.clients[operation.service]
        try:
            with anyio.fail_after(patience):
                answer = await client.request(
                    operation,
                    path=action.path,
                    query=action.query,
                    body=await self._body(action, permit.write_id),
                    permit=permit,
                )
            done = await off_loop(received, action, answer, client.service)
        except ServiceError as error:
            error.what, error.said = action.without_secrets(error.what), action.without_secrets(error.said)
            return await self._failed(action, permit, error, started)
        except Refused as refused:  # by the ledger: every attempt before this one was provably not carried out
            await self.ledger.finish(permit, "failed", str(refused))
            raise
        except StateError:
            await self.ledger.finish(permit, "failed", "The state store failed before anything was sent.")
            raise
        except TimeoutError:
            what, left = "LEADBRIDGE_CALL_DEADLINE was over before the service answered.", permit.may_have_left
            error = Unavailable(what, "Try again.", sent=left, may_have_taken_effect=left)
            return await self._failed(action, permit, error, started)
        except BaseException:
            with anyio.CancelScope(shield=True):
                state = "unknown" if permit.may_have_left else "failed"
                await self.ledger.finish(permit, state, "The call was interrupted.")
            raise
        return await self._applied(permit, done)

    async def _applied(self, permit: WritePermit, done: Done, found_after: ServiceError | None = None) -> Applied:
        not_kept: StateError | None = None
        recorded = Recorded()
        with anyio.CancelScope(shield=True):
            # What it showed is kept first: who finds the write done, here or in another process, finds that too.
            if done.remember is not None:
                try:
                    await done.remember()
                except StateError as error:
                    not_kept = error
            state = "unconfirmed" if done.unconfirmed else "done"
            recorded = await self.ledger.finish(permit, state, done.summary, done.record_id)
        return Applied(permit.write_id, done, recorded, found_after, not_kept)

    async def _failed(
        self, action: HttpWrite, permit: WritePermit, error: ServiceError, started: float
    ) -> Applied | NotApplied | MaybeApplied:
        if not error.may_have_taken_effect:
            if action.learn is not None and isinstance(error, (Rejected, NotFound)):
                with contextlib.suppress(StateError):
                    await action.learn(error)
            return NotApplied(permit.write_id, error, await self.ledger.finish(permit, "failed", error.happened))
        record_id = error.record_id if isinstance(error, OutcomeUnknown) else None
        recorded = await self.ledger.finish(permit, "unknown", error.happened, record_id)
        if (done := await self.look_for(action, started)) is not None:
            return await self._applied(permit, done, found_after=error)
        return MaybeApplied(permit.write_id, error, recorded)

    async def look_for(self, action: Action, since: float) -> Done | None:
        """The record of a write whose outcome is unknown, if the service shows it; failing to look resolves nothing."""
        if not isinstance(action, HttpWrite) or action.look_for is None:
            return None
        try:
            with anyio.fail_after(min(LOOK_SECONDS, self.call_deadline * LOOK_SHARE)):
                return await action.look_for(since)
        except (ServiceError, TimeoutError):
            return None

    async def _body(self, action: HttpWrite, write_id: int) -> Mapping[str, JsonValue] | None:
        """The body as it goes out: with its secrets, and the write's number where the service keeps free data.

        The number is one of this store and company, which the digest before it represents.
        """
        body, marked = action.body, action.marked_field
        if action.secrets:
            return {**(body or {}), **{name: secret.get_secret_value() for name, secret in action.secrets.items()}}
        if not marked or body is None:
            return body
        given = body.get(marked)
        secret = await anyio.to_thread.run_sync(self.ledger.store.secret)
        whose = digest_of(secret.hex(), self.ledger.accounts[action.operation.service])[:8]
        return {**body, marked: {**(given if isinstance(given, dict) else {}), MARK: f"{whose}-{write_id}"}}


async def outlasting(work: Callable[[], Awaitable[T]], may_have_left: Callable[[], bool]) -> T:
    """What `work` comes to. If the caller is cancelled, it goes on for `GRACE` seconds if a request may have left.

    A host that cancels a call, closes the session or ends the process takes nothing back from the service. `work` is
    cancelled after that, or at once if nothing left; it puts on record what it knows then.
    """
    global _under_way  # noqa: PLW0603  # a signal ends the process, with all that its servers do
    came: list[T] = []
    failed: list[Exception] = []
    scope = anyio.CancelScope(shield=True)
    over = anyio.Event()

    async def run() -> None:
        try:
            with scope:
                came.append(await work())
        except Exception as error:  # noqa: BLE001  # raised by the caller, not in a group of one
            failed.append(error)
        finally:
            over.set()

    _under_way += 1
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                await over.wait()
            except anyio.get_cancelled_exc_class():
                scope.deadline = anyio.current_time() + (GRACE if may_have_left() else 0.0)
                raise
    finally:
        _under_way -= 1
    if failed:
        raise failed[0]
    return came[0]


async def all_recorded() -> None:
    """Wait until no write is under way, `GRACE` seconds at most."""
    with anyio.move_on_after(GRACE):
        while _under_way:  # noqa: ASYNC110  # writes of several servers, and an event belongs to one loop
            await anyio.sleep(_LOOK)
