"""What was decided about a plan, by a person or for want of one, and carried out accordingly."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from leadbridge.server.errors import Refused
from leadbridge.server.mcp.context import Deck
from leadbridge.server.mcp.elicitation import Answer
from leadbridge.server.mcp.questions import answered_question
from leadbridge.server.mcp.receipt import WriteReceipt
from leadbridge.server.mcp.receipts import already_done, dry_run, receipt, told
from leadbridge.server.mcp.sending import write_once
from leadbridge.server.mcp.steps import Report, in_steps
from leadbridge.server.writes.approval import Approval, DryRun, TokenNeeded, asked_id
from leadbridge.server.writes.plan import Plan
from leadbridge.server.writes.repeats import EarlierWrite

Decision: TypeAlias = Approval | TokenNeeded | DryRun | EarlierWrite

UNSEEN = frozenset({"nobody_asked", "perhaps_not_shown", "not_filled_in"})
"""Answers that a client may have given without a person."""
WITHOUT_FORMS = (
    "If the user saw no form: whoever runs this server can set LEADBRIDGE_APPROVALS=token. It then answers with a "
    "preview and a token instead of a form. Or use a client that shows forms."
)


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
    return replace(now, took=shown.took + now.took)


async def not_approved(deck: Deck, plan: Plan, answer: Answer) -> WriteReceipt:
    """Use up the question, so that it cannot be answered with yes later, and tell what the form came back as."""
    if question := answered_question():
        await deck.ledger.burn_no(asked_id(question), plan.operation.id)
    nobody = answer.reason == "nobody_asked"
    summary = "Nobody was asked, and nothing was changed." if nobody else "not approved. Nothing was changed."
    steps = [] if nobody else ["Ask the user what they want before this is tried another time."]
    return receipt(
        deck,
        plan,
        outcome="not_approved",
        summary=f"{plan.operation.title}: {summary} {answer.told}",
        next_steps=[*steps, WITHOUT_FORMS] if answer.reason in UNSEEN else steps,
        reason=answer.reason,
    )


async def carry_out(deck: Deck, plan: Plan, decided: Decision, report: Report | None = None) -> WriteReceipt:
    """Do what was decided about a plan, and tell what came of it."""
    if isinstance(decided, DryRun):
        return dry_run(deck, plan)
    if isinstance(decided, TokenNeeded):
        return receipt(
            deck,
            plan,
            outcome="approval_required",
            summary="The user has not been asked. Nothing was changed.",
            preview=plan.question_lines,
            next_steps=[
                "Only after the user says yes to exactly this, call again with the same arguments and the token."
            ],
            approval_token=decided.token,
        )
    if isinstance(decided, EarlierWrite):
        return already_done(deck, plan, decided)
    if plan.carry_out_here is not None:
        await deck.ledger.use_up(decided, plan.operation.id)
        return told(deck, plan, await plan.carry_out_here())
    if plan.steps is not None:
        return await in_steps(deck, plan, decided, report)
    return await write_once(deck, plan, decided)
