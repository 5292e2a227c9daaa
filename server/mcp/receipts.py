"""Receipts: every sentence about what became of a write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from leadbridge.server.errors import ArgumentsRefused, LeadBridgeError, Refused, ServiceError
from leadbridge.server.mcp.context import Deck
from leadbridge.server.mcp.receipt import Change, OutgoingRequest, WriteReceipt
from leadbridge.server.mcp.reply import shown
from leadbridge.server.mcp.wording import in_words, next_steps, outcome_of
from leadbridge.server.services.rooflink.models import MARK
from leadbridge.server.text import quoted
from leadbridge.server.writes.approval import DryRun, TokenNeeded
from leadbridge.server.writes.outcomes import Applied, InSteps, MaybeApplied, NotApplied, Outcome
from leadbridge.server.writes.plan import Done, Plan
from leadbridge.server.writes.repeats import EarlierWrite

FOUND_AFTER = "The record was found on the service afterwards."
UNSEEN = frozenset({"nobody_asked", "perhaps_not_shown", "not_filled_in"})
"""Answers that a client may have given without a person."""
WITHOUT_FORMS = (
    "If the user saw no form: whoever runs this server can set LEADBRIDGE_APPROVALS=token. It then answers with a "
    "preview and a token instead of a form. Or use a client that shows forms."
)
GO_ON = "The next call goes on from there; what is done is not repeated."


def receipt(deck: Deck, plan: Plan, **fields: Any) -> WriteReceipt:
    """A receipt about a plan."""
    return WriteReceipt(
        operation=plan.operation.id, sandbox=deck.services.is_simulated(plan.operation.service), **fields
    )


def receipt_of(
    deck: Deck, plan: Plan, outcome: Outcome | LeadBridgeError | TimeoutError, *, step: bool = False
) -> WriteReceipt:
    """What became of a plan, or of a `step` of one."""
    match outcome:
        case Applied():
            found = outcome.found_after
            warnings = [f"{found.happened} {FOUND_AFTER}"] if found else []
            if outcome.not_kept:
                warnings.append(f"What the service answered could not be kept: {outcome.not_kept}")
            return _done(deck, plan, outcome.done, [*warnings, *_unrecorded(outcome)], outcome.write_id)
        case NotApplied() | MaybeApplied():
            error = outcome.error
            return receipt(
                deck,
                plan,
                outcome="unknown" if isinstance(outcome, MaybeApplied) else "refused",
                summary=outcome_of(error, step=step),
                write_id=outcome.write_id,
                warnings=_unrecorded(outcome),
                next_steps=next_steps(error),
                reason=error.kind,
            )
        case Done():
            return _done(deck, plan, outcome)
        case InSteps():
            return _in_steps(deck, plan, outcome)
        case EarlierWrite():
            return _already_done(deck, plan, outcome)
        case TokenNeeded():
            return receipt(
                deck,
                plan,
                outcome="approval_required",
                summary="The user has not been asked. Nothing was changed.",
                preview=plan.question_lines,
                next_steps=[
                    "Only after the user says yes to exactly this, call again with the same arguments and the token."
                ],
                approval_token=outcome.token,
            )
        case DryRun():
            return _dry_run(deck, plan)
        case _:
            return _refusal(deck, plan, outcome)


def not_approved(deck: Deck, plan: Plan, reason: str, told: str) -> WriteReceipt:
    """A form that came back as anything but a yes; `told` says as what."""
    nobody = reason == "nobody_asked"
    summary = "Nobody was asked, and nothing was changed." if nobody else "not approved. Nothing was changed."
    steps = [] if nobody else ["Ask the user what they want before this is tried another time."]
    return receipt(
        deck,
        plan,
        outcome="not_approved",
        summary=f"{plan.operation.title}: {summary} {told}",
        next_steps=[*steps, WITHOUT_FORMS] if reason in UNSEEN else steps,
        reason=reason,
    )


def _unrecorded(outcome: Applied | NotApplied | MaybeApplied) -> list[str]:
    error = outcome.not_recorded
    return [f"The outcome could not be put on record: {error}"] if error else []


def _done(
    deck: Deck, plan: Plan, done: Done, warnings: Sequence[str] = (), write_id: int | None = None
) -> WriteReceipt:
    names = [*plan.before, *(name for name in done.after if name not in plan.before)]
    changed = [
        Change(field=name, before=shown(plan.before.get(name)), after=shown(done.after.get(name)))
        for name in names
        if plan.before.get(name) != done.after.get(name)
    ]
    return receipt(
        deck,
        plan,
        outcome="done",
        summary=done.summary,
        write_id=write_id,
        record_id=done.record_id,
        record=dict(done.record),
        details=[*done.details, *plan.notes],
        changed=changed,
        warnings=_once([*plan.warnings, *done.warnings, *warnings]),
        next_steps=done.next_steps,
    )


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _already_done(deck: Deck, plan: Plan, earlier: EarlierWrite) -> WriteReceipt:
    if plan.repeat == "day":
        rule = "The same within 24 hours is not sent again."
    elif plan.repeat == "once":
        rule = "It can only be done once."
    else:
        rule = "If it was changed on the service since, set it to something else first, or set it there."
    return receipt(
        deck,
        plan,
        outcome="already_done",
        summary=earlier_line(earlier),
        write_id=earlier.write_id,
        record_id=earlier.record_id,
        record=dict(plan.already),
        details=[f"{name}: {value}" for name, value in plan.already.items()],
        next_steps=[rule],
    )


def earlier_line(earlier: EarlierWrite) -> str:
    """What an earlier write came to, and when."""
    when = datetime.fromtimestamp(earlier.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{earlier.summary} That was on {when}; nothing was sent now."


def _dry_run(deck: Deck, plan: Plan) -> WriteReceipt:
    if plan.carry_out_here is not None or plan.steps is not None:
        needs = "a person's" if plan.needs_approval or plan.carry_out_here is not None else "no"
        summary = f"{plan.operation.title}: nothing was changed. It would need {needs} approval."
        foreseen = [_request_line(deck, number, step) for number, step in enumerate(plan.foreseen, 1)]
        return receipt(
            deck,
            plan,
            outcome="dry_run",
            summary=summary,
            details=[*plan.lines, *foreseen],
            warnings=list(plan.warnings),
        )
    client = deck.services.client(plan.operation.service)
    body: dict[str, JsonValue] = {**(plan.body or {}), **dict.fromkeys(plan.secrets, "***")}
    mark = [f"The number of the write is added to {plan.marked_field}, as {MARK}."] if plan.marked_field else []
    needs = "It would need a person's approval." if plan.needs_approval else "It would need no approval."
    return receipt(
        deck,
        plan,
        outcome="dry_run",
        summary=f"{plan.operation.title}: nothing was sent. {needs}",
        details=[*plan.lines, *mark, *plan.notes],
        warnings=list(plan.warnings),
        request=OutgoingRequest(
            method=plan.operation.method,
            url=client.url(plan.operation, plan.path),
            query=dict(plan.query),
            body=body,
        ),
    )


def _request_line(deck: Deck, number: int, step: Plan) -> str:
    operation = step.operation
    url = deck.services.client(operation.service).url(operation, step.path)
    body = f" with {quoted(json.dumps(dict(step.body), ensure_ascii=False), limit=4000)}" if step.body else ""
    mark = f"; the number of the write is added to {step.marked_field}, as {MARK}" if step.marked_field else ""
    return f"Request {number} would be: {operation.method} {url}{body}{mark}"


def _refusal(deck: Deck, plan: Plan, error: LeadBridgeError | TimeoutError) -> WriteReceipt:
    """An error of a step, as its receipt."""
    if isinstance(error, Refused):
        return receipt(
            deck, plan, outcome="refused", summary=error.summary, next_steps=error.next_steps, reason=error.reason
        )
    if isinstance(error, ArgumentsRefused):
        wrong = "; ".join(str(problem) for problem in error.problems)
        step = "Ask the user for what is missing; never guess it."
        return receipt(
            deck, plan, outcome="refused", summary=f"It needs: {wrong}.", next_steps=[step], reason="arguments_needed"
        )
    if isinstance(error, TimeoutError):
        summary = "LEADBRIDGE_CALL_DEADLINE was over before this step was sent."
        return receipt(deck, plan, outcome="refused", summary=summary, reason="deadline")
    if isinstance(error, ServiceError):
        summary = outcome_of(error, step=True)
        return receipt(deck, plan, outcome="refused", summary=summary, next_steps=next_steps(error), reason=error.kind)
    return receipt(deck, plan, outcome="refused", summary=in_words(error))


def _in_steps(deck: Deck, plan: Plan, outcome: InSteps) -> WriteReceipt:
    """What was done before a failure is said, and found again by the next call."""
    finished: list[str] = []
    details: list[str] = []
    warnings: list[str] = []
    write_id: int | None = None
    for step in outcome.steps:
        number = len(finished) + 1
        if isinstance(step.result, str):
            finished.append(f"Step {number}, {step.doing}: {step.result}.")
            continue
        one = receipt_of(deck, step.plan or plan, step.result, step=True)
        if step.is_done:
            write_id, state = one.write_id, "done before" if one.outcome == "already_done" else "done"
            finished.append(f"Step {number}, {step.doing}: {state} (write {write_id}).")
            details += one.details
            warnings += one.warnings
        elif step.optional:
            warnings.append(f"Step {number}, {step.doing}, is not done: {' '.join([one.summary, *one.next_steps])}")
        else:
            advice = [step.advice] if step.advice and one.reason == "rejected" else []
            before = " The steps before it are done." if finished else ""
            return receipt(
                deck,
                plan,
                outcome=one.outcome,
                summary=f"{plan.operation.title} stopped at step {number}, {step.doing}.{before} {one.summary}",
                write_id=one.write_id,
                details=[*finished, *details, *one.details],
                warnings=_once([*warnings, *one.warnings]),
                next_steps=[*one.next_steps, *advice, GO_ON],
                reason=one.reason,
            )
    assert outcome.done is not None  # noqa: S101  # without it, the last step failed
    whole = _done(deck, plan, outcome.done, warnings, write_id)
    return whole.model_copy(update={"details": [*finished, *whole.details]})
