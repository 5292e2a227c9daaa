"""Which writes a person is being asked about in this process, and what they were shown."""

from __future__ import annotations

from dataclasses import dataclass

from leadbridge.server.errors import Refused
from leadbridge.server.writes.model import HttpWrite, Write, digest_of

FRESH = 60.0
"""Seconds after the question in which a yes sends what was shown, without a record being read once more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A write as a person was shown it."""

    write: Write
    seen: int
    """The newest write about its subject when they were asked."""
    at: float

    @property
    def key(self) -> str:
        """What tells it from every other write and question."""
        return question_key(self.write.digest(), digest_of(self.write.question))

    def is_fresh(self, now: float) -> bool:
        """Whether the record that it was made from need not be read again."""
        return 0 <= now - self.at <= FRESH


def question_key(write: str, shown: str) -> str:
    """The key of a question from the digests of its write and of what was shown."""
    return f"{write} {shown}"


class OpenQuestions:
    """Which writes a person is being asked about, so that one that is dispatched twice asks once."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._asked: dict[str, Asked] = {}

    def begin(self, write: Write, now: float, seconds: float) -> None:
        """A question about this very write goes out, and is open for so many seconds at most.

        Raises:
            Refused: another call asks exactly this.
        """
        self._until = {digest: until for digest, until in self._until.items() if until > now}
        if write.digest() in self._until:
            raise Refused(
                "being_asked",
                "another call of the same is asking the user about exactly this already.",
                "Wait for the answer to that call.",
            )
        self._until[write.digest()] = now + seconds

    def end(self, asked: Asked) -> None:
        """The question is answered, or nobody waits for its answer any more."""
        self._until.pop(asked.write.digest(), None)
        self._asked.pop(asked.key, None)

    def keep(self, asked: Asked) -> None:
        """The answer comes with a call of its own, which sends what was shown. A secret is not kept."""
        self._asked = {key: one for key, one in self._asked.items() if one.is_fresh(asked.at)}
        if not (isinstance(asked.write.action, HttpWrite) and asked.write.action.secrets):
            self._asked[asked.key] = asked

    def asked(self, key: str, now: float) -> Asked | None:
        """What was shown with a question that this process asked, while it is fresh."""
        asked = self._asked.get(key)
        return asked if asked is not None and asked.is_fresh(now) else None
