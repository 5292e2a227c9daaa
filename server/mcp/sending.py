"""The only place that writes: intent on record, request sent, outcome on record and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import anyio
import anyio.to_thread
from pydantic import JsonValue

from leadbridge.server.errors import OutcomeUnknown, RateLimited, Refused, ServiceError, StateError, Unavailable
from leadbridge.server.mcp.context import Deck
from leadbridge.server.mcp.lasting import outlasting
from leadbridge.server.mcp.receipt import MARK, WriteReceipt
from leadbridge.server.mcp.receipts import already_done, receipt, told
from leadbridge.server.writes.alike import refuse_alike_before_asking
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import WritePermit
from leadbridge.server.writes.plan import Done, Plan, digest_of
from leadbridge.server.writes.repeats import EarlierWrite, UnresolvedWrite

LOOK_SECONDS = 10.0
SEND_SHARE, LOOK_SHARE = 0.55, 0.2
"""Of the call's deadline, where a record is looked for before (0.25, see `rooflink/duplicate_check.py`) and after."""
READING = 10.0
"""Seconds that somebody reads a question; a wait that is shorter is over by the time of their yes."""
LAST_WORD = 0.5
"""Seconds kept back for putting the outcome on record before the whole call's deadline."""
FOUND_AGAIN = "The record was found on the service afterwards."


async def done_before(deck: Deck, plan: Plan) -> EarlierWrite | None:
    """The same write if it was done before; an unresolved one is first looked for on the service.

    Raises:
        Refused: it is being written right now, or it stays unresolved.
    """
    if plan.carry_out_here is not None:
        return None
    found = await deck.ledger.earlier(plan)
    if not isinstance(found, UnresolvedWrite):
        return found
    done = await _look_for(deck, plan, found.at)
    if done is None:
        raise found.refusal()
    await deck.ledger.record(found.write_id, "done", f"{done.summary} {FOUND_AGAIN}", done.record_id)
    return EarlierWrite(found.write_id, found.at, done.summary, done.record_id)


async def refuse_unsendable(deck: Deck, plan: Plan) -> None:
    """Find out before a person is asked, and before a yes is used up, whether anything could be sent.

    Raises:
        Refused: a service is left alone for longer than somebody needs to read a question, or what is to be created is
            likely the same as what another write creates.
        StateError: nothing could be put on record.
    """
    if plan.carry_out_here is None:
        for service in sorted({step.operation.service for step in (plan, *plan.foreseen)}):
            try:
                await deck.client(service).governor.check(min(READING, deck.settings.call_deadline))
            except RateLimited as error:
                what = f"Nothing was sent, and no approval was asked for or used: {error.what}"
                raise Refused(reason_of(error), what, error.next_step) from None
    await deck.store.check_writable()
    for step in (plan, *plan.foreseen):
        if not step.alike_is_fine:
            account = deck.ledger.account(step.operation.service)
            await refuse_alike_before_asking(deck.store, step, account, deck.ledger.clock())


async def _look_for(deck: Deck, plan: Plan, since: float) -> Done | None:
    """The record of a write whose outcome is unknown, if the service shows it; a failure to look settles nothing."""
    if plan.look_for is None:
        return None
    try:
        with anyio.fail_after(min(LOOK_SECONDS, deck.settings.call_deadline * LOOK_SHARE)):
            return await plan.look_for(since)
    except (ServiceError, TimeoutError):
        return None


async def write_once(deck: Deck, plan: Plan, approval: Approval) -> WriteReceipt:
    """Put a write on record and send it, unless the same was done meanwhile.

    Raises:
        Refused: the approval was used before, or the same write is under way or unresolved.
        StateError: nothing could be put on record, and nothing was sent.
    """
    permit = await deck.ledger.intend(plan, approval)
    if isinstance(permit, EarlierWrite):
        return already_done(deck, plan, permit)
    patience = _patience(deck, plan)
    return await outlasting(lambda: _send(deck, plan, permit, patience), lambda: permit.may_have_left)


async def _send(deck: Deck, plan: Plan, permit: WritePermit, patience: float) -> WriteReceipt:
    """Send a write whose intent is on record, and put its outcome on record, whatever happens."""
    client = deck.client(plan.operation.service)
    started = deck.ledger.clock()
    try:
        with anyio.fail_after(patience):
            answer = await client.request(
                plan.operation,
                path=plan.path,
                query=plan.query,
                body=await _marked(deck, plan, permit.write_id),
                permit=permit,
            )
        done = plan.receive(answer)
    except ServiceError as error:
        error.what = plan.without_secrets(error.what)
        return await _failed(deck, plan, permit, error, started)
    except StateError:
        await _record(deck, permit, "failed", "The state store failed before anything was sent.")
        raise
    except TimeoutError:
        return await _failed(deck, plan, permit, _out_of_time(plan, permit), started)
    except BaseException:
        with anyio.CancelScope(shield=True):
            state = "unknown" if permit.may_have_left else "failed"
            await _record(deck, permit, state, "The call was interrupted.")
        raise
    return await _done(deck, plan, permit, done)


def _patience(deck: Deck, plan: Plan) -> float:
    """Seconds for the request: a share of the call's deadline, and never more than is left of it."""
    left = anyio.current_effective_deadline() - anyio.current_time() - LAST_WORD
    whole = deck.settings.call_deadline
    return max(0.0, min(whole * SEND_SHARE if plan.look_for else whole - plan.took, left))


def _out_of_time(plan: Plan, permit: WritePermit) -> ServiceError:
    what = "LEADBRIDGE_CALL_DEADLINE was over before the service answered."
    outcome = "The write may or may not have taken effect." if permit.may_have_left else "Nothing was sent."
    return Unavailable(
        what=f"{what} {outcome}",
        next_step="Look at the record on the service before trying again." if permit.may_have_left else "Try again.",
        service=plan.operation.service,
        operation=plan.operation.id,
        may_have_taken_effect=permit.may_have_left,
    )


async def _done(deck: Deck, plan: Plan, permit: WritePermit, done: Done) -> WriteReceipt:
    warnings: list[str] = []
    with anyio.CancelScope(shield=True):
        # What it showed is kept first: who finds the write done, here or in another process, finds that too.
        if done.remember is not None:
            try:
                await done.remember()
            except StateError as error:
                told_once = f"What the service answered could not be kept: {error}"
                warnings.append(told_once.replace(" Nothing was sent.", ""))
        warnings += await _record(deck, permit, "done", done.summary, done.record_id)
    return told(deck, plan, done, warnings, permit.write_id)


async def _marked(deck: Deck, plan: Plan, write_id: int) -> Mapping[str, JsonValue] | None:
    """The body as it goes out: with its secrets, and the write's number where the service keeps free data.

    The number is one of this store and company, which the digest before it stands for.
    """
    if plan.secrets:
        revealed = {name: secret.get_secret_value() for name, secret in plan.secrets.items()}
        return {**(plan.body or {}), **revealed}
    if not plan.marked_field or plan.body is None:
        return plan.body
    given = plan.body.get(plan.marked_field)
    kept = given if isinstance(given, dict) else {}
    secret = await anyio.to_thread.run_sync(deck.store.secret)
    whose = digest_of(secret.hex(), deck.services.account(plan.operation.service))[:8]
    return {**plan.body, plan.marked_field: {**kept, MARK: f"{whose}-{write_id}"}}


async def _failed(deck: Deck, plan: Plan, permit: WritePermit, error: ServiceError, started: float) -> WriteReceipt:
    unknown = isinstance(error, OutcomeUnknown) or error.may_have_taken_effect
    if unknown:
        await _record(deck, permit, "unknown", error.what)
        if (done := await _look_for(deck, plan, started)) is not None:
            found = replace(done, warnings=[*done.warnings, f"{error.what} {FOUND_AGAIN}"])
            return await _done(deck, plan, permit, found)
    warnings = await _record(deck, permit, "unknown" if unknown else "failed", error.what)
    return receipt(
        deck,
        plan,
        outcome="unknown" if unknown else "refused",
        summary=error.what,
        write_id=permit.write_id,
        warnings=warnings,
        next_steps=[step for step in (error.next_step, *error.hints) if step],
        reason=reason_of(error),
    )


async def _record(deck: Deck, permit: WritePermit, state: str, summary: str, record_id: int | None = None) -> list[str]:
    """Put an outcome on record; if that fails, the outcome is still told, with a warning."""
    try:
        await deck.ledger.record(permit.write_id, state, summary, record_id)
    except StateError as error:
        return [f"The outcome could not be put on record: {error}".replace(" Nothing was sent.", "")]
    return []


def reason_of(error: ServiceError) -> str:
    """The stable code of an error: its kind's name in lower case."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
