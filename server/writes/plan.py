"""A write that has been thought through but not sent: what would go out, what a person would be shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue, SecretStr

from leadbridge.server.catalog import Operation
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Repeat, Scalar
from leadbridge.server.errors import Refused
from leadbridge.server.text import OPEN, QUOTED, clean, one_line
from leadbridge.server.writes.preview import PreviewLine, argument_lines, rendered

SHORTEST_PART = 4
"""Characters of a secret's beginning that are struck out where a text is cut off."""

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import Sought
    from leadbridge.server.writes.steps import StepRunner


@dataclass(frozen=True, slots=True)
class Done:
    """What a service's answer to a write came to."""

    summary: str
    record_id: int | None = None
    after: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    record: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    details: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    remember: Callable[[], Awaitable[None]] | None = None
    """Keeps what the answer showed; if it fails, the write is done all the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One write, complete and checked.

    `arguments` are the canonical arguments by our names, without `dry_run` and `approval_token`; approvals and the
    ledger are bound to them. `preview` begins with what will be done, to which record, for which amount, who is told of
    it and whether it can be undone; it holds no clock and no random value, because it is compared with what was shown
    before. What others wrote stands in it as a label and its value, never within a sentence. Every argument that is not
    `said` in it follows by itself. `receive` reads the service's answer, raising `OutcomeUnknown` where it is none.
    """

    operation: Operation
    target: str
    arguments: Mapping[str, JsonValue]
    preview: tuple[PreviewLine, ...]
    receive: Callable[[JsonValue], Done]
    path: Mapping[str, int] = field(default_factory=dict[str, int])
    query: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    body: Mapping[str, JsonValue] | None = None
    before: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    said: frozenset[str] = frozenset()
    """Names of the arguments that the preview shows, beside those in the path."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is told with the outcome but not asked about: it may differ from one moment to the next."""
    subject: str = ""
    """What is changed, e.g. `lead 812 status`; two writes of one subject are about the same thing."""
    sets: frozenset[str] = frozenset()
    """Names of the arguments that set something of the subject; empty where the write is about all of it."""
    overwritten: bool = False
    """The service shows other values now, so that the same write before does not count any more."""
    effect_now: Effect | None = None
    """The effect of this very write, where an argument changes it: a note that is mailed to a customer."""
    asks_anyway: bool = False
    """Ask for approval although the operation's effect alone would not."""
    refusal: Refused | None = None
    """Why this is not sent, unless it turns out to be a repeat of what is done already."""
    look_for: Callable[[float], Awaitable[Done | None]] | None = None
    """Looks on the service for the record of a write whose outcome is unknown, sent at that time or later."""
    carry_out_here: Callable[[], Awaitable[Done]] | None = None
    """Changes this server's own state instead of a service's; nothing is sent."""
    steps: Callable[[StepRunner], Awaitable[Done]] | None = None
    """Carries this plan out as several writes under its one approval, each with a row of its own in the ledger."""
    foreseen: tuple[Plan, ...] = ()
    """Of the steps, those that are known in advance, for a dry run to show."""
    repeat_rule: Repeat = ""
    """When the same again is a repeat, where that is not what the catalog says of the operation."""
    one_for_subject: bool = False
    """Whatever was written about the subject counts as the same write, also with other arguments."""
    sought: Sought | None = None
    """What is created, to be compared with what other writes create at the same time in another notation."""
    alike_is_fine: bool = False
    """The person asked for it although there may be the same already."""
    repeats_knowingly: bool = False
    """The person asked for it although the same was written before."""
    marked_field: str = ""
    """An object in the body that may carry the write's number, to find the record again."""
    secrets: Mapping[str, SecretStr] = field(default_factory=dict[str, SecretStr])
    """Fields of the body, by the service's names, that go out and appear nowhere else: a password."""
    took: float = 0.0
    """Seconds that making the plan took, of those that the whole call has."""
    already: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What is known of the record, told when the write turns out to be done already."""

    def __post_init__(self) -> None:
        """A warning cannot be given more lines by a value in it."""
        object.__setattr__(self, "subject", self.subject or f"{self.operation.id} {self.repeat_digest()}")
        object.__setattr__(self, "warnings", tuple(one_line(line) for line in self.warnings))

    def without_secrets(self, text: str) -> str:
        """A text of a service, which may repeat a secret that it was sent, whole or cut off."""
        for secret in self.secrets.values():
            value = secret.get_secret_value()
            for form in {value, clean(value, limit=len(value) + 1)} - {""}:
                text = text.replace(form, "***")
                for length in range(len(form) - 1, SHORTEST_PART - 1, -1):
                    text = text.replace(f"{form[:length]}…", "***…")
        return text

    @property
    def effect(self) -> Effect:
        """The effect class of this very write."""
        return self.effect_now or self.operation.effect

    @property
    def repeat(self) -> Repeat:
        """When the same write again is a repeat that is not sent."""
        return self.repeat_rule or self.operation.repeat

    @property
    def needs_approval(self) -> bool:
        """Whether a person must say yes before this is sent."""
        return self.effect.always_needs_approval or self.asks_anyway

    @property
    def lines(self) -> list[str]:
        """The preview, and every argument that it does not say."""
        rest = {k: v for k, v in self.arguments.items() if k not in self.said and k not in self.path and v is not None}
        secrets = {name for name, sent in self.operation.body.items() if sent.wire in self.secrets}
        return [*rendered(self.preview), *argument_lines(rest, secrets)]

    @property
    def question_lines(self) -> list[str]:
        """All that a person is asked, and what the marks in it mean."""
        lines = [*self.lines, *(f"Note: {warning}" for warning in self.warnings)]
        return [*lines, QUOTED] if any(OPEN in line for line in lines) else lines

    @property
    def question(self) -> str:
        """All that a person is asked, as one text."""
        return "\n".join(self.question_lines)

    def touches(self, names: Iterable[str]) -> bool:
        """Whether a write of the same subject with arguments of these names set something that this one sets."""
        return not self.sets or not self.sets.isdisjoint(names)

    def repeat_digest(self) -> str:
        """A digest that the same write again has too, knowingly or not."""
        return digest_of(self.operation.id, {k: v for k, v in self.arguments.items() if k != "allow_duplicate"})

    def digest(self) -> str:
        """A digest of operation and canonical arguments."""
        return digest_of(self.operation.id, dict(self.arguments))


def digest_of(*parts: object) -> str:
    """SHA-256 over canonical JSON, as hexadecimal."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
