"""Receipts: every sentence about what became of a write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from leadbridge.server.errors import ArgumentsRefused, LeadBridgeError, Refused, Rejected, ServiceError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.receipt import Change, OutgoingRequest, WriteReceipt, shown
from leadbridge.server.mcp.wording import next_steps, outcome_of, where_ids_come_from
from leadbridge.server.services.rooflink.models import MARK
from leadbridge.server.text import quoted
from leadbridge.server.writes.approval import DryRun, TokenNeeded
from leadbridge.server.writes.model import (
    Done,
    HttpWrite,
    LocalWrite,
    MultiStepWrite,
    OnceForGood,
    SameWithinADay,
    Write,
)
from leadbridge.server.writes.outcomes import Applied, InSteps, MaybeApplied, NotApplied, Outcome
from leadbridge.server.writes.preview import titled
from leadbridge.server.writes.repeats import EarlierWrite
from leadbridge.server.writes.write_rows import effect_in_words, then_resolve, to_check

FOUND_AFTER = "LeadBridge then looked, and the service shows it: it was done once, and there is nothing more to do."
UNSEEN = frozenset({"nobody_asked", "perhaps_not_shown", "not_filled_in"})
"""Answers that a client may have given without a person."""
WITHOUT_FORMS = (
    "If the user saw no form: whoever runs this server can set LEADBRIDGE_APPROVALS=token. It then answers with a "
    "preview and a token instead of a form. Or use a client that shows forms."
)
GO_ON = "The next call continues from there; what is done is not repeated."


def receipt(app: AppContext, write: Write, **fields: Any) -> WriteReceipt:
    """A receipt about a write."""
    return WriteReceipt(
        operation=write.operation.id, sandbox=write.operation.service in app.services.simulated, **fields
    )


def receipt_of(
    app: AppContext, write: Write, outcome: Outcome | LeadBridgeError | TimeoutError, *, step: bool = False
) -> WriteReceipt:
    """What became of a write, or of a `step` of one."""
    match outcome:
        case Applied():
            found = outcome.found_after
            warnings = [f"{found.happened} {FOUND_AFTER}"] if found else []
            if outcome.not_kept:
                warnings.append(f"What the service answered could not be stored: {outcome.not_kept}")
            return _done(app, write, outcome.done, [*warnings, *_unrecorded(outcome)], outcome.write_id)
        case NotApplied() | MaybeApplied():
            return _not_done(app, write, outcome, step=step)
        case Done():
            return _done(app, write, outcome)
        case InSteps():
            return _in_steps(app, write, outcome)
        case EarlierWrite():
            return _already_done(app, write, outcome)
        case TokenNeeded():
            return receipt(
                app,
                write,
                outcome="approval_required",
                summary="The user has not been asked. Nothing was changed.",
                preview=[*write.question.splitlines(), *write.preview.figures],
                next_steps=[
                    "Only after the user says yes to exactly this, call again with the same arguments and the token."
                ],
                approval_token=outcome.token,
            )
        case DryRun():
            return _dry_run(app, write)
        case _:
            return _refusal(app, write, outcome)


def not_approved(app: AppContext, write: Write, reason: str, message: str) -> WriteReceipt:
    """A form that came back as anything but a yes; `message` says as what."""
    nobody = reason == "nobody_asked"
    steps = [] if nobody else ["Ask the user what they want before this is tried another time."]
    return receipt(
        app,
        write,
        outcome="not_approved",
        summary=f"LeadBridge did not {write.doing}{', and nobody was asked' * nobody}. Nothing was changed. {message}",
        next_steps=[*steps, WITHOUT_FORMS] if reason in UNSEEN else steps,
        reason=reason,
    )


def _unrecorded(outcome: Applied | NotApplied | MaybeApplied) -> list[str]:
    recorded, outcome_name = outcome.recorded, "done" if isinstance(outcome, Applied) else "failed"
    if recorded.error:
        return [f"The outcome could not be recorded: {recorded.error}"]
    if not recorded.resolved_as:
        return []
    resolved = f"Write {outcome.write_id} had been resolved as {recorded.resolved_as} before its outcome came"
    if isinstance(outcome, MaybeApplied):
        return [f"{resolved}, and stays so."]
    again = " The same may have been written again meanwhile: look at write_history." if outcome_name == "done" else ""
    return [f"{resolved}; the history has it as {outcome_name} now.{again}"]


def _done(
    app: AppContext, write: Write, done: Done, warnings: Sequence[str] = (), write_id: int | None = None
) -> WriteReceipt:
    names = [*write.preview.before, *(name for name in done.after if name not in write.preview.before)]
    changed = [
        Change(field=name, before=shown(write.preview.before.get(name)), after=shown(done.after.get(name)))
        for name in names
        if name not in done.unconfirmed and write.preview.before.get(name) != done.after.get(name)
    ]
    return receipt(
        app,
        write,
        outcome="unconfirmed" if done.unconfirmed else "done",
        summary=done.summary,
        write_id=write_id,
        record_id=done.record_id,
        record=dict(done.record),
        details=[*done.details, *write.preview.notes],
        changed=changed,
        warnings=list(dict.fromkeys([*write.preview.warnings, *done.warnings, *warnings])),
        next_steps=[*([_check(write, write_id, done.unconfirmed)] if done.unconfirmed else []), *done.next_steps],
    )


def _not_done(app: AppContext, write: Write, outcome: NotApplied | MaybeApplied, *, step: bool) -> WriteReceipt:
    error, unknown = outcome.error, isinstance(outcome, MaybeApplied)
    help_ = write.if_rejected(error.said) if isinstance(error, Rejected) else ""
    effect = effect_in_words(write.operation.id, write.subject.label, write.arguments)
    return receipt(
        app,
        write,
        outcome="unknown" if unknown else "refused",
        summary=f"{error.happened} Nobody knows whether {effect}." if unknown else outcome_of(error, step=step),
        write_id=outcome.write_id,
        warnings=_unrecorded(outcome),
        next_steps=[_check(write, outcome.write_id), *error.hints]
        if unknown
        else [*where_ids_come_from(app.hidden, error), *next_steps(error), *filter(None, [help_])],
        reason=error.kind,
    )


def _check(write: Write, write_id: int | None, unconfirmed: Sequence[str] = ()) -> str:
    """What the user looks for on the service while the outcome is not certain, and how it is then recorded."""
    effect = effect_in_words(write.operation.id, write.subject.label, write.arguments)
    names = ", ".join(titled(name).lower() for name in unconfirmed)
    above_all = f" Look above all for: {names}." if names else ""
    look = f"{to_check(write.operation.service, effect)}{above_all}"
    record = "" if write_id is None else f" {then_resolve(write_id)}"
    return f"{look} Until the user has looked, do not try again.{record}"


def _already_done(app: AppContext, write: Write, earlier: EarlierWrite) -> WriteReceipt:
    if isinstance(write.repeat, SameWithinADay):
        rule = "LeadBridge does not send the same twice within 24 hours."
        if "allow_duplicate" in write.arguments:
            rule += " To create a second one on purpose, set allow_duplicate; the user is then asked."
    elif isinstance(write.repeat, OnceForGood):
        rule = f"You can {write.doing} only once."
    else:
        rule = "If somebody has changed it on the service since, set it there, or set it to something else first."
    return receipt(
        app,
        write,
        outcome="already_done" if earlier.confirmed else "unconfirmed",
        summary=earlier_line(app, earlier),
        write_id=earlier.write_id,
        record_id=earlier.record_id,
        record=dict(write.known),
        details=[f"{name}: {app.time.local_text(value)}" for name, value in write.known.items()],
        next_steps=[rule] if earlier.confirmed else [_check(write, earlier.write_id)],
    )


def earlier_line(app: AppContext, earlier: EarlierWrite) -> str:
    """What an earlier write came to, and when."""
    return f"{earlier.summary} That was {app.time.shown(earlier.at)}. Nothing was sent now."


def _dry_run(app: AppContext, write: Write) -> WriteReceipt:
    details = [*write.lines, *write.preview.figures]
    action = write.action
    needs = "It would need a person's approval." if write.needs_approval else "It would need no approval."
    request: OutgoingRequest | None = None
    match action:
        case HttpWrite():
            summary = f"This would {write.doing}. Nothing was sent. {needs}"
            mark = f"The number of the write is added to {action.marked_field}, as {MARK}."
            details += [*([mark] if action.marked_field else []), *write.preview.notes]
            request = OutgoingRequest(
                method=action.operation.method,
                url=app.services.client(action.operation.service).url(action.operation, action.path),
                query=dict(action.query),
                body={**(action.body or {}), **dict.fromkeys(action.secrets, "***")},
            )
        case MultiStepWrite():
            summary = f"This would {write.doing}. Nothing was changed. {needs}"
            steps = [step.action for step in action.foreseen if isinstance(step.action, HttpWrite)]
            details += [_request_line(app, number, step) for number, step in enumerate(steps, 1)]
        case LocalWrite():
            summary = f"This would {write.doing}. Nothing was changed. {needs}"
    return receipt(
        app,
        write,
        outcome="dry_run",
        summary=summary,
        details=details,
        warnings=list(write.preview.warnings),
        request=request,
    )


def _request_line(app: AppContext, number: int, step: HttpWrite) -> str:
    operation = step.operation
    url = app.services.client(operation.service).url(operation, step.path)
    body = f" with {quoted(json.dumps(dict(step.body), ensure_ascii=False), limit=4000)}" if step.body else ""
    mark = f"; the number of the write is added to {step.marked_field}, as {MARK}" if step.marked_field else ""
    return f"Request {number} would be: {operation.method} {url}{body}{mark}"


def _refusal(app: AppContext, write: Write, error: LeadBridgeError | TimeoutError) -> WriteReceipt:
    """An error of a step, as its receipt."""
    if isinstance(error, ArgumentsRefused):
        wrong = "; ".join(str(problem) for problem in error.problems)
        step = "Ask the user for what is missing; never guess it."
        return receipt(
            app, write, outcome="refused", summary=f"It needs: {wrong}.", next_steps=[step], reason="arguments_needed"
        )
    if isinstance(error, TimeoutError):
        summary = "LEADBRIDGE_CALL_DEADLINE was over before this step was sent."
        return receipt(app, write, outcome="refused", summary=summary, reason="deadline")
    reason = error.kind if isinstance(error, ServiceError) else error.reason if isinstance(error, Refused) else None
    summary = outcome_of(error, step=True)
    return receipt(
        app,
        write,
        outcome="refused",
        summary=summary,
        next_steps=[*where_ids_come_from(app.hidden, error), *next_steps(error)],
        reason=reason,
    )


def _in_steps(app: AppContext, write: Write, outcome: InSteps) -> WriteReceipt:
    """What was done before a failure is said, and found again by the next call."""
    finished: list[str] = []
    took_effect: list[str] = []
    details: list[str] = []
    warnings: list[str] = []
    write_id: int | None = None
    for step in outcome.steps:
        number = len(finished) + 1
        if isinstance(step.result, str):
            finished.append(f"Step {number}, {step.doing}: {step.result}.")
            took_effect.append(f"{step.doing[:1].upper()}{step.doing[1:]}: {step.result}.")
            continue
        one = receipt_of(app, step.write or write, step.result, step=True)
        if isinstance(step.result, (Applied, EarlierWrite)):
            write_id, state = one.write_id, "done before" if one.outcome == "already_done" else "done"
            finished.append(f"Step {number}, {step.doing}: {state} (write {write_id}).")
            took_effect.append(step.result.summary if isinstance(step.result, EarlierWrite) else one.summary)
            details += one.details
            warnings += one.warnings
        elif step.optional:
            warnings.append(f"Step {number}, {step.doing}, is not done: {' '.join([one.summary, *one.next_steps])}")
        else:
            stopped = [] if one.outcome == "unknown" else [f"LeadBridge could not {step.doing}."]
            return receipt(
                app,
                write,
                outcome="partly_done" if took_effect and one.outcome == "refused" else one.outcome,
                summary=" ".join([*took_effect, *stopped, one.summary]),
                write_id=one.write_id,
                details=[*finished, *details, *one.details],
                warnings=list(dict.fromkeys([*warnings, *one.warnings])),
                next_steps=[*one.next_steps, *([GO_ON] if took_effect or one.outcome == "unknown" else [])],
                reason=one.reason,
            )
    assert outcome.done is not None  # noqa: S101  # without it, the last step failed
    whole = _done(app, write, outcome.done, warnings, write_id)
    return whole.model_copy(update={"details": [*finished, *whole.details]})
