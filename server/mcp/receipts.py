"""Receipts: what came of a write, told from its plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from leadbridge.server.errors import ArgumentsRefused, LeadBridgeError, Refused
from leadbridge.server.mcp.context import Deck
from leadbridge.server.mcp.receipt import MARK, Change, OutgoingRequest, WriteReceipt
from leadbridge.server.mcp.reply import shown
from leadbridge.server.text import quoted
from leadbridge.server.writes.plan import Done, Plan
from leadbridge.server.writes.repeats import EarlierWrite


def receipt(deck: Deck, plan: Plan, **fields: Any) -> WriteReceipt:
    """A receipt about a plan."""
    return WriteReceipt(operation=plan.operation.id, sandbox=deck.settings.sandbox, **fields)


def told(deck: Deck, plan: Plan, done: Done, warnings: Sequence[str] = (), write_id: int | None = None) -> WriteReceipt:
    """A write that is done."""
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
        warnings=[*plan.warnings, *done.warnings, *warnings],
        next_steps=done.next_steps,
    )


def already_done(deck: Deck, plan: Plan, earlier: EarlierWrite) -> WriteReceipt:
    """A write that was done before."""
    when = datetime.fromtimestamp(earlier.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
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
        summary=f"{earlier.summary} That was on {when}; nothing was sent now.",
        write_id=earlier.write_id,
        record_id=earlier.record_id,
        record=dict(plan.already),
        details=[f"{name}: {value}" for name, value in plan.already.items()],
        next_steps=[rule],
    )


def dry_run(deck: Deck, plan: Plan) -> WriteReceipt:
    """What would be sent."""
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
    client = deck.client(plan.operation.service)
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
    url = deck.client(operation.service).url(operation, step.path)
    body = f" with {quoted(json.dumps(dict(step.body), ensure_ascii=False), limit=4000)}" if step.body else ""
    mark = f"; the number of the write is added to {step.marked_field}, as {MARK}" if step.marked_field else ""
    return f"Request {number} would be: {operation.method} {url}{body}{mark}"


def refusal(deck: Deck, plan: Plan, error: LeadBridgeError) -> WriteReceipt:
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
    return receipt(deck, plan, outcome="refused", summary=str(error))
