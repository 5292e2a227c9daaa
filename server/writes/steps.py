"""Writes of several steps: one approval, a row of the ledger for each step, and a way on after a failure.

The ledger is the journal: the same call again finds what is done under each step's subject and sends only the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import anyio

from leadbridge.server.errors import LeadBridgeError
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.model import MultiStepWrite, Write
from leadbridge.server.writes.outcomes import Applied, InSteps, Step
from leadbridge.server.writes.repeats import EarlierWrite

if TYPE_CHECKING:
    from leadbridge.server.writes.pipeline import Pipeline

Report: TypeAlias = Callable[[int, str], Awaitable[None]]
"""Gets how many steps there are, and what is being done now."""


class _StoppedError(Exception):
    """A step failed, and no other may follow."""


class StepRunner:
    """What a plan of several writes is carried out with."""

    def __init__(
        self, pipeline: Pipeline, approval: Approval, report: Report | None, seconds: float, count: int
    ) -> None:
        self.steps: list[Step] = []
        self._doing = ""
        self._pipeline = pipeline
        self._seconds = seconds
        self._approval = replace(approval, used=True)
        self._report = report
        self._count = count

    async def report_progress(self, doing: str) -> None:
        """Report something that is not a write as progress; a failure before the next step is a failure of this."""
        self._doing = doing
        if self._report is not None:
            await self._report(self._count, doing)

    def passed(self, doing: str, state: str = "done") -> None:
        """Count a step that is not a separate write, or that an earlier call carried out."""
        self.steps.append(Step(doing, state))

    async def write(self, write: Write, doing: str, *, optional: bool = False) -> Applied | EarlierWrite | None:
        """Carry one step out, or find that it was done before; `doing` says what, e.g. `create the RoofLink lead`.

        `None` if an `optional` step failed; any other failure ends the whole there. What was done before a failure
        stays done.
        """
        await self.report_progress(doing)
        try:
            result = (await self._pipeline.look(write)).earlier
            if result is None and write.blocked is not None:
                raise write.blocked
            result = result or await self._pipeline.apply(write, self._approval, self._seconds)
        except LeadBridgeError as error:
            result = error
        self.steps.append(Step(doing, result, write, optional))
        if isinstance(result, (Applied, EarlierWrite)):
            return result
        if optional:
            return None
        raise _StoppedError

    def failed(self, error: LeadBridgeError | TimeoutError) -> None:
        """What was being done failed without a write."""
        self.steps.append(Step(self._doing, error))


async def run_multi_step(
    pipeline: Pipeline, action: MultiStepWrite, approval: Approval, report: Report | None, seconds: float
) -> InSteps:
    """Carry out one step after the other, under an approval that is used up; the first that fails ends it."""
    runner, done = StepRunner(pipeline, approval, report, seconds, action.count), None
    try:
        with anyio.fail_after(seconds):
            done = await action.run(runner)  # pyright: ignore[reportArgumentType]  # the same class, by the link in src/
    except _StoppedError:
        pass
    except (LeadBridgeError, TimeoutError) as error:
        runner.failed(error)
    return InSteps(tuple(runner.steps), done)
