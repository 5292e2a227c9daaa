"""Which writes a person is being asked about in this process."""

from __future__ import annotations

from leadbridge.server.errors import Refused
from leadbridge.server.writes.plan import Plan


class OpenQuestions:
    """Which writes a person is being asked about, so that one that is dispatched twice asks once."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def begin(self, plan: Plan, now: float, seconds: float) -> None:
        """A question about this very write goes out, and is open for so many seconds at most.

        Raises:
            Refused: another call asks exactly this.
        """
        self._until = {digest: until for digest, until in self._until.items() if until > now}
        if plan.digest() in self._until:
            raise Refused(
                "being_asked",
                "Nothing was changed: another call of the same is asking the user about exactly this already.",
                "Wait for the answer to that call.",
            )
        self._until[plan.digest()] = now + seconds

    def end(self, plan: Plan) -> None:
        """The question is answered, or nobody waits for its answer any more."""
        self._until.pop(plan.digest(), None)
