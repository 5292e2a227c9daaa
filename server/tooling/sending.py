"""The only place that writes: approval used up, intent on record, request sent, outcome on record and told."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
from mcp.server.mcpserver import AcceptedElicitation, ElicitationResult
from pydantic import BaseModel, Field, JsonValue

from server.errors import OutcomeUnknown, Refused, ServiceError, StateError, Unavailable
from server.guard.approval import Approval, DryRun, TokenNeeded, asked_id
from server.guard.ledger import WritePermit
from server.guard.plan import Done, Plan
from server.guard.repeats import EarlierWrite, UnresolvedWrite
from server.models.receipts import Change, OutgoingRequest, WriteReceipt
from server.tooling.context import Deck
from server.tooling.questions import answered_question
from server.untrusted import with_legend

LOOK_SECONDS = 10.0
SEND_SHARE, LOOK_SHARE = 0.55, 0.2
"""Of the call's deadline, where a record is looked for before (0.25, see `tools.duplicate_check`) and after."""
FOUND_AGAIN = "The record was found on the service afterwards."
MARK = "leadbridge_write"
_SECRET_ARGUMENTS = frozenset({"password"})


class Confirm(BaseModel):
    """The form a person fills in."""

    confirm: bool = Field(description="Yes, do exactly this.")


def says_yes(decision: ElicitationResult[Any]) -> bool:
    """Whether a person accepted the form."""
    return isinstance(decision, AcceptedElicitation) and isinstance(decision.data, Confirm) and decision.data.confirm


def unchanged(shown: Plan, now: Plan) -> Plan:
    """The plan as it is now, if it is what the person was shown; they may have thought for minutes.

    Raises:
        Refused: it is something else by now.
    """
    if now.refusal is not None:
        raise now.refusal
    if now.question != shown.question:
        raise Refused(
            "changed_since_asked",
            "Nothing was changed: what the user was shown has changed since.",
            "Call again, so that the user is asked again.",
        )
    return now


async def carry_out(deck: Deck, plan: Plan, decision: ElicitationResult[Any]) -> WriteReceipt:
    """Do what was decided about a plan, and tell what came of it."""
    decided = decision.data if isinstance(decision, AcceptedElicitation) else None
    if isinstance(decided, Confirm):
        decided = (
            Approval("asked", asked_id(answered_question()) or asked_id(secrets.token_hex(16)))
            if decided.confirm
            else None
        )
    if decided is None:
        if question := answered_question():
            await deck.ledger.burn_no(asked_id(question), plan.operation.id)
        return _receipt(
            deck,
            plan,
            outcome="not_approved",
            summary=f"{plan.operation.title}: not approved. Nothing was changed.",
            next_steps=["Do not try again by yourself; ask the user what they want."],
        )
    if isinstance(decided, DryRun):
        return _dry_run(deck, plan)
    if isinstance(decided, TokenNeeded):
        return _receipt(
            deck,
            plan,
            outcome="approval_required",
            summary="The user has not been asked. Nothing was changed.",
            preview=[*plan.preview, *plan.warnings],
            next_steps=[
                "Only after the user says yes to exactly this, call again with the same arguments and the token."
            ],
            approval_token=decided.token,
        )
    if isinstance(decided, EarlierWrite):
        return _already_done(deck, plan, decided)
    if plan.carry_out_here is not None:
        await deck.ledger.use_up(decided, plan.operation.id)
        return _told(deck, plan, await plan.carry_out_here())
    permit = await deck.ledger.intend(plan, decided)
    if isinstance(permit, EarlierWrite):
        return _already_done(deck, plan, permit)
    return await _send(deck, plan, permit)


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


async def _look_for(deck: Deck, plan: Plan, since: float) -> Done | None:
    """The record of a write whose outcome is unknown, if the service shows it; a failure to look settles nothing."""
    if plan.look_for is None:
        return None
    try:
        with anyio.fail_after(min(LOOK_SECONDS, deck.settings.call_deadline * LOOK_SHARE)):
            return await plan.look_for(since)
    except (ServiceError, TimeoutError):
        return None


async def _send(deck: Deck, plan: Plan, permit: WritePermit) -> WriteReceipt:
    """Send a write whose intent is on record, and put its outcome on record, whatever happens."""
    client = deck.client(plan.operation.service)
    started = deck.ledger.clock()
    mark = f"{deck.services.account(plan.operation.service)[:8]}-{permit.write_id}"
    try:
        with anyio.fail_after(deck.settings.call_deadline * (SEND_SHARE if plan.look_for else 1.0)):
            answer = await client.request(
                plan.operation, path=plan.path, query=plan.query, body=_marked(plan, mark), permit=permit
            )
        done = plan.receive(answer)
    except ServiceError as error:
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


def _out_of_time(plan: Plan, permit: WritePermit) -> ServiceError:
    what = "LEADBRIDGE_CALL_DEADLINE was over before the service answered."
    told = "The write may or may not have taken effect." if permit.may_have_left else "Nothing was sent."
    return Unavailable(
        what=f"{what} {told}",
        next_step="Look at the record on the service before trying again." if permit.may_have_left else "Try again.",
        service=plan.operation.service,
        operation=plan.operation.id,
        may_have_taken_effect=permit.may_have_left,
    )


async def _done(deck: Deck, plan: Plan, permit: WritePermit, done: Done) -> WriteReceipt:
    warnings = await _record(deck, permit, "done", done.summary, done.record_id)
    if done.remember is not None:
        try:
            await done.remember()
        except StateError as error:
            warnings.append(f"What the service answered could not be kept: {error}".replace(" Nothing was sent.", ""))
    return _told(deck, plan, done, warnings, permit.write_id)


def _told(
    deck: Deck, plan: Plan, done: Done, warnings: Sequence[str] = (), write_id: int | None = None
) -> WriteReceipt:
    names = [*plan.before, *(name for name in done.after if name not in plan.before)]
    changed = [
        Change(field=name, before=plan.before.get(name), after=done.after.get(name))
        for name in names
        if plan.before.get(name) != done.after.get(name)
    ]
    return _receipt(
        deck,
        plan,
        outcome="done",
        summary=done.summary,
        write_id=write_id,
        record_id=done.record_id,
        record=dict(done.record),
        details=[*done.details, *plan.notes],
        changed=changed,
        warnings=[*plan.warnings, *done.warnings, *warnings],
        next_steps=done.next_steps,
    )


def _already_done(deck: Deck, plan: Plan, earlier: EarlierWrite) -> WriteReceipt:
    when = datetime.fromtimestamp(earlier.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if plan.operation.repeat == "day":
        told = "The same within 24 hours is not sent again."
    elif plan.operation.repeat == "once":
        told = "It can only be done once."
    else:
        told = "If it was changed on the service since, set it to something else first, or set it there."
    return _receipt(
        deck,
        plan,
        outcome="already_done",
        summary=f"{earlier.summary} That was on {when}; nothing was sent now.",
        write_id=earlier.write_id,
        record_id=earlier.record_id,
        record=dict(plan.already),
        details=with_legend([f"{name}: {value}" for name, value in plan.already.items()]),
        next_steps=[told],
    )


def _marked(plan: Plan, mark: str) -> Mapping[str, JsonValue] | None:
    """The body, with the write's number where the service keeps free data: so that its record can be told again."""
    if not plan.marked_field or plan.body is None:
        return plan.body
    given = plan.body.get(plan.marked_field)
    kept = given if isinstance(given, dict) else {}
    return {**plan.body, plan.marked_field: {**kept, MARK: mark}}


async def _failed(deck: Deck, plan: Plan, permit: WritePermit, error: ServiceError, started: float) -> WriteReceipt:
    unknown = isinstance(error, OutcomeUnknown) or error.may_have_taken_effect
    if unknown:
        await _record(deck, permit, "unknown", error.what)
        if (done := await _look_for(deck, plan, started)) is not None:
            found = replace(done, warnings=[*done.warnings, f"{error.what} {FOUND_AGAIN}"])
            return await _done(deck, plan, permit, found)
    warnings = await _record(deck, permit, "unknown" if unknown else "failed", error.what)
    return _receipt(
        deck,
        plan,
        outcome="unknown" if unknown else "refused",
        summary=error.what,
        write_id=permit.write_id,
        warnings=warnings,
        next_steps=[step for step in (error.next_step, *error.hints) if step],
        reason=_reason(error),
    )


async def _record(deck: Deck, permit: WritePermit, state: str, summary: str, record_id: int | None = None) -> list[str]:
    """Put an outcome on record; if that fails, the outcome is still told, with a warning."""
    try:
        await deck.ledger.record(permit.write_id, state, summary, record_id)
    except StateError as error:
        return [f"The outcome could not be put on record: {error}".replace(" Nothing was sent.", "")]
    return []


def _dry_run(deck: Deck, plan: Plan) -> WriteReceipt:
    if plan.carry_out_here is not None:
        summary = f"{plan.operation.title}: nothing was changed. It would need a person's approval."
        return _receipt(deck, plan, outcome="dry_run", summary=summary, details=list(plan.preview))
    client = deck.client(plan.operation.service)
    body: dict[str, JsonValue] = {
        name: "***" if name in _SECRET_ARGUMENTS else value for name, value in (plan.body or {}).items()
    }
    mark = [f"The number of the write is added to {plan.marked_field}, as {MARK}."] if plan.marked_field else []
    needs = "It would need a person's approval." if plan.needs_approval else "It would need no approval."
    return _receipt(
        deck,
        plan,
        outcome="dry_run",
        summary=f"{plan.operation.title}: nothing was sent. {needs}",
        details=[*plan.preview, *mark, *plan.notes],
        warnings=list(plan.warnings),
        request=OutgoingRequest(
            method=plan.operation.method,
            url=client.url(plan.operation, plan.path),
            query=dict(plan.query),
            body=body,
        ),
    )


def _receipt(deck: Deck, plan: Plan, **fields: Any) -> WriteReceipt:
    return WriteReceipt(operation=plan.operation.id, sandbox=deck.settings.sandbox, **fields)


def _reason(error: ServiceError) -> str:
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
