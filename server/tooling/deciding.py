"""What was decided about a plan, by a person or for want of one, and carried out accordingly."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from mcp.server.mcpserver import AcceptedElicitation, ElicitationResult
from pydantic import BaseModel, Field

from server.errors import Refused
from server.guard.approval import Approval, DryRun, TokenNeeded, asked_id
from server.guard.plan import Plan
from server.guard.repeats import EarlierWrite
from server.models.receipts import WriteReceipt
from server.tooling.context import Deck
from server.tooling.questions import answered_question
from server.tooling.receipts import already_done, dry_run, receipt, told
from server.tooling.sending import write_once
from server.tooling.steps import Report, in_steps


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
    return replace(now, took=shown.took + now.took)


async def carry_out(
    deck: Deck, plan: Plan, decision: ElicitationResult[Any], report: Report | None = None
) -> WriteReceipt:
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
        return receipt(
            deck,
            plan,
            outcome="not_approved",
            summary=f"{plan.operation.title}: not approved. Nothing was changed.",
            next_steps=["Do not try again by yourself; ask the user what they want."],
        )
    if isinstance(decided, DryRun):
        return dry_run(deck, plan)
    if isinstance(decided, TokenNeeded):
        return receipt(
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
        return already_done(deck, plan, decided)
    if plan.carry_out_here is not None:
        await deck.ledger.use_up(decided, plan.operation.id)
        return told(deck, plan, await plan.carry_out_here())
    if plan.steps is not None:
        return await in_steps(deck, plan, decided, report)
    return await write_once(deck, plan, decided)
