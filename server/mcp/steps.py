"""Plans of several writes: one approval, a row of the ledger for each step, and a way on after a failure.

The ledger is the journal: the same call again finds what is done under each step's subject and sends only the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

import anyio

from leadbridge.server.errors import LeadBridgeError, Refused, ServiceError
from leadbridge.server.mcp.context import Deck
from leadbridge.server.mcp.receipt import WriteReceipt
from leadbridge.server.mcp.receipts import already_done, receipt, refusal, told
from leadbridge.server.mcp.sending import done_before, write_once
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.plan import Plan

Report: TypeAlias = Callable[[str], Awaitable[None]]
GO_ON = "The next call goes on from there; what is done is not repeated."


class _StepFailedError(Exception):
    def __init__(self, outcome: WriteReceipt) -> None:
        super().__init__(outcome.summary)
        self.outcome = outcome


class _Journey:
    """The steps of one call: what is being done, and what is finished."""

    def __init__(self, deck: Deck, approval: Approval, report: Report | None) -> None:
        self.doing = ""
        self.advice = ""
        self.finished: list[str] = []
        self.told: list[str] = []
        self.warnings: list[str] = []
        self.write_id: int | None = None
        self._deck = deck
        self._approval = replace(approval, used=True)
        self._report = report

    async def tell(self, doing: str) -> None:
        """Report what is being done."""
        self.doing, self.advice = doing, ""
        if self._report is not None:
            await self._report(f"step {len(self.finished) + 1}: {doing}")

    def passed(self, doing: str, state: str = "done") -> None:
        """Count a step that is no write of its own, or that an earlier call carried out."""
        self.finished.append(f"Step {len(self.finished) + 1}, {doing}: {state}.")

    async def write(self, plan: Plan, doing: str, *, optional: bool = False, advice: str = "") -> WriteReceipt:
        """Carry one step out, or find that it was done before."""
        await self.tell(doing)
        self.advice = advice
        try:
            outcome = await self._carried_out(plan)
        except (Refused, ServiceError) as error:
            if not optional:
                raise
            outcome = refusal(self._deck, plan, error)
        number = len(self.finished) + 1
        if outcome.outcome in {"done", "already_done"}:
            self.write_id = outcome.write_id
            state = "done before" if outcome.outcome == "already_done" else "done"
            self.finished.append(f"Step {number}, {doing}: {state} (write {outcome.write_id}).")
            self.told += outcome.details
            self.warnings += outcome.warnings
        elif optional:
            advice = " ".join(outcome.next_steps)
            self.warnings.append(f"Step {number}, {doing}, is not done: {outcome.summary} {advice}".rstrip())
        else:
            raise _StepFailedError(outcome)
        return outcome

    async def _carried_out(self, plan: Plan) -> WriteReceipt:
        found = await done_before(self._deck, plan)
        if found is None and plan.refusal is not None:
            raise plan.refusal
        if found is not None:
            return already_done(self._deck, plan, found)
        return await write_once(self._deck, plan, self._approval)


async def in_steps(deck: Deck, plan: Plan, approval: Approval, report: Report | None) -> WriteReceipt:
    """Use the approval up, then carry out one step after the other; the first that fails ends it.

    What was done before a failure is told, and found again by the next call.
    """
    assert plan.steps is not None  # noqa: S101  # narrows the type
    await deck.ledger.use_up(approval, plan.operation.id)
    journey = _Journey(deck, approval, report)
    try:
        with anyio.fail_after(deck.settings.call_deadline):
            done = await plan.steps(journey)
    except _StepFailedError as failed:
        return _stopped(deck, plan, journey, failed.outcome)
    except LeadBridgeError as error:
        return _stopped(deck, plan, journey, refusal(deck, plan, error))
    except TimeoutError:
        summary = "LEADBRIDGE_CALL_DEADLINE was over before this step was sent."
        return _stopped(deck, plan, journey, receipt(deck, plan, outcome="refused", summary=summary, reason="deadline"))
    outcome = told(deck, plan, done, journey.warnings, journey.write_id)
    more = {"details": [*journey.finished, *outcome.details], "warnings": list(dict.fromkeys(outcome.warnings))}
    return outcome.model_copy(update=more)


def _stopped(deck: Deck, plan: Plan, journey: _Journey, failed: WriteReceipt) -> WriteReceipt:
    number = len(journey.finished) + 1
    before = " The steps before it are done." if number > 1 else ""
    advice = [journey.advice] if journey.advice and failed.reason == "rejected" else []
    return receipt(
        deck,
        plan,
        outcome=failed.outcome,
        summary=f"{plan.operation.title} stopped at step {number}, {journey.doing}.{before} {failed.summary}",
        write_id=failed.write_id,
        details=[*journey.finished, *journey.told, *failed.details],
        warnings=list(dict.fromkeys([*journey.warnings, *failed.warnings])),
        next_steps=[*failed.next_steps, *advice, GO_ON],
        reason=failed.reason,
    )
