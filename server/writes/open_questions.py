"""Which writes a person is being asked about in this process, and what they were shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from leadbridge.server.errors import Refused
from leadbridge.server.writes.model import HttpWrite, Write, digest_of

FRESH = 60.0
"""Seconds after the question in which a yes sends what was shown, without a record being read once more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A write as a person is shown it."""

    write: Write
    seen: int
    """The newest write about its subject when they were asked."""
    at: float
    question: str = field(init=False)
    shown: str = field(init=False)
    """A digest of the write and of the question, which no other write and no other question has."""

    def __post_init__(self) -> None:
        """The question is made once."""
        object.__setattr__(self, "question", self.write.question)
        object.__setattr__(self, "shown", digest_of(self.write.digest(), self.question))

    def is_fresh(self, now: float) -> bool:
        """Whether the record that it was made from need not be read again."""
        return 0 <= now - self.at <= FRESH


class OpenQuestions:
    """What people are being asked, by its digest, so that a call that is dispatched twice asks once."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._kept: dict[str, Asked] = {}

    def begin(self, asked: Asked, seconds: float) -> None:
        """A question goes out, and is open for so many seconds at most.

        Raises:
            Refused: another call asks exactly this.
        """
        self._until = {shown: until for shown, until in self._until.items() if until > asked.at}
        if asked.shown in self._until:
            raise Refused(
                "being_asked",
                "another call of the same is asking the user about exactly this already.",
                "Wait for the answer to that call.",
            )
        self._until[asked.shown] = asked.at + seconds

    def keep(self, asked: Asked) -> None:
        """The answer comes with a call of its own, which sends what was shown. A secret is not kept."""
        self._kept = {shown: one for shown, one in self._kept.items() if one.is_fresh(asked.at)}
        if not (isinstance(asked.write.action, HttpWrite) and asked.write.action.secrets):
            self._kept[asked.shown] = asked

    def get(self, shown: str, now: float) -> Asked | None:
        """What was shown with a question that this process asked, while it is fresh."""
        asked = self._kept.get(shown)
        return asked if asked is not None and asked.is_fresh(now) else None

    def end(self, asked: Asked) -> None:
        """The question is answered, or nobody waits for its answer any more."""
        self._until.pop(asked.shown, None)
        self._kept.pop(asked.shown, None)
