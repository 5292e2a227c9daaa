"""A write, complete and checked, before anything of it is sent: what a tool makes, and everything else works with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pydantic import JsonValue, SecretStr

from leadbridge.server.catalog import Operation
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.text import OPEN, QUOTED, as_meant, clean, label, one_line
from leadbridge.server.writes.preview import SECRET, PreviewLine, rendered, titled

SHORTEST_PART = 4
"""Characters of a secret's beginning that are struck out where a text is cut off."""

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails
    from leadbridge.server.writes.steps import StepRunner


@dataclass(frozen=True, slots=True)
class Done:
    """What a service's answer to a write came to."""

    summary: str
    unconfirmed: tuple[str, ...] = ()
    """Of what was sent, by our names, what the answer must show and does not: the write is not done for certain."""
    record_id: int | None = None
    after: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    record: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    details: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    remember: Callable[[], Awaitable[None]] | None = None
    """Keeps what the answer showed; if it fails, the write is done all the same."""


@dataclass(frozen=True, slots=True)
class LocalOperation:
    """What no single request of a service does: several in a row, or a change of this server's own state."""

    id: str
    service: str
    task: str
    """What it does, e.g. `hand off {target}`, of which the target is the write's subject."""
    effect: Effect

    def doing(self, values: Mapping[str, object]) -> str:
        """What a call with these values does, as a phrase after "to"."""
        return self.task.format_map(values)


@dataclass(frozen=True, slots=True)
class HttpWrite:
    """One request. `receive` words an answer that agrees with it, as `leadbridge.server.writes.agreement` found."""

    operation: Operation
    receive: Callable[[JsonValue], Done]
    path: Mapping[str, int] = field(default_factory=dict[str, int])
    query: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    body: Mapping[str, JsonValue] | None = None
    secrets: Mapping[str, SecretStr] = field(default_factory=dict[str, SecretStr])
    """Fields of the body, by the service's names, that go out and appear nowhere else: a password."""
    marked_field: str = ""
    """An object in the body that may carry the write's number, to find the record again."""
    look_for: Callable[[float], Awaitable[Done | None]] | None = None
    """Looks on the service for the record of a write whose outcome is unknown, sent at that time or later."""
    approximate: frozenset[str] = frozenset()
    """Names of values that are estimates: an answer may show others."""
    creates: ContactDetails | None = None
    """What is created or who is reached, to be compared with other writes about the same in another notation."""
    allow_duplicate: bool = False
    """What other writes create is told and stops nothing."""
    learn: Callable[[ServiceError], Awaitable[None]] | None = None
    """Keeps what a refusal of the service showed about the record."""
    record_before: JsonValue = None
    """The record as it was read right before: an answer that shows it like that took nothing."""
    record_ids: frozenset[int] = frozenset()
    """Ids of the record that the answer may be about, where its row in the catalog does not say it."""

    def without_secrets(self, text: str) -> str:
        """A text of a service, which may repeat a secret that it was sent, whole or cut off."""
        for secret in self.secrets.values():
            value = secret.get_secret_value()
            for form in {value, clean(value, limit=len(value) + 1)} - {""}:
                text = text.replace(form, "***")
                for length in range(len(form) - 1, SHORTEST_PART - 1, -1):
                    text = text.replace(f"{form[:length]}…", "***…")
        return text


@dataclass(frozen=True, slots=True)
class MultiStepWrite:
    """Several writes under one approval, each with a row of its own in the ledger."""

    operation: LocalOperation
    run: Callable[[StepRunner], Awaitable[Done]]
    count: int
    """How many steps it reports, if none stops it."""
    foreseen: tuple[Write, ...] = ()
    """Of the steps, those that are known in advance, for a dry run to show."""


@dataclass(frozen=True, slots=True)
class LocalWrite:
    """A change of this server's own state; nothing is sent."""

    operation: LocalOperation
    run: Callable[[], Awaitable[Done]]


Action: TypeAlias = HttpWrite | MultiStepWrite | LocalWrite


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """The same again is a repeat, that is not sent; with `whole_subject` also with other arguments."""

    whole_subject: bool = False
    after: int = 0
    """The number of a write up to which none counts any more, because what it made is deleted."""


class SameWithinADay(DoneBefore):
    """It is a repeat within 24 hours."""


class OnceForGood(DoneBefore):
    """It is a repeat however late."""


@dataclass(frozen=True, slots=True)
class UntilChanged:
    """The same again within 24 hours is a repeat until the same thing was set to something else in between."""

    sets: frozenset[str] = frozenset()
    """Names of the arguments that set something of the subject; empty where the write is about all of it."""
    changed: bool = False
    """The service shows other values now, so that the same write before does not count any more."""


@dataclass(frozen=True, slots=True)
class RepeatAllowed:
    """The person asked for it although the same was written before."""


Repeats: TypeAlias = SameWithinADay | OnceForGood | UntilChanged | RepeatAllowed

_REPEATS: Mapping[str, Repeats] = {"day": SameWithinADay(), "once": OnceForGood(), "until_next": UntilChanged()}
"""What the catalog says of an operation."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is changed.

    `label` is for people, e.g. `lead 812`; two writes of one `key`, e.g. `lead 812 status`, are about the same thing.
    """

    label: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person is asked, and what is shown beside it.

    `lines` begin with what will be done, to which record, for which amount, who is notified and whether it can be
    undone; they contain no time and no random value, because they are compared with what was shown before. What others
    wrote is in them as a label and its value, never within a sentence. Every argument that is not `said` in them
    follows automatically.
    """

    lines: tuple[PreviewLine, ...]
    said: frozenset[str] = frozenset()
    """Names of the arguments that the lines show, beside those in the path."""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is reported with the outcome but not asked about: it may differ from one moment to the next."""
    figures: tuple[str, ...] = ()
    """What is shown with the question and not compared with what was shown before: it changes while somebody reads."""
    before: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    def __post_init__(self) -> None:
        """A warning cannot be given more lines by a value in it."""
        object.__setattr__(self, "warnings", tuple(one_line(line) for line in self.warnings))


@dataclass(frozen=True, slots=True)
class Write:
    """One write.

    `arguments` are the canonical arguments by our names, without `dry_run` and `approval_token`; approvals and the
    ledger are bound to them.
    """

    action: Action
    subject: Subject
    arguments: Mapping[str, JsonValue]
    preview: Preview
    repeat: Repeats | None = None
    """As the catalog says of the operation, if nothing is given."""
    needs_approval: bool | None = None
    """As the operation's effect demands, if nothing is given."""
    blocked: Refused | None = None
    """Why this is not sent, unless it turns out to be a repeat of what is done already."""
    if_rejected: Callable[[str], str] = lambda _said: ""
    """What to do next if the service refuses it with these words."""
    known: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What is known of the record, reported when the write turns out to be done already."""
    operation: Operation | LocalOperation = field(init=False)
    """What is done."""
    digests: tuple[str, str] = field(init=False)
    """What the same write again has too, knowingly or not: of what is meant, and letter by letter. Until schema 9 only
    the second one was kept."""
    subject_keys: tuple[str, str] = field(init=False)
    """Keys under which writes about the same thing are on record, of earlier versions too."""

    def __post_init__(self) -> None:
        """What follows from the operation and the arguments is set once."""
        operation = self.action.operation
        meant, exact = _digests(operation, self.arguments)
        subject = Subject(self.subject.label, self.subject.key or f"{operation.id} {meant}")
        follows: dict[str, object] = {"operation": operation, "digests": (meant, exact), "subject": subject}
        follows["subject_keys"] = subject.key, f"{operation.id} {exact}"
        if self.needs_approval is None:
            follows["needs_approval"] = operation.effect.always_needs_approval
        if self.repeat is None and isinstance(operation, Operation):
            follows["repeat"] = _REPEATS[operation.repeat]
        for name, value in follows.items():
            object.__setattr__(self, name, value)

    @property
    def doing(self) -> str:
        """What it does, as a phrase after "to", e.g. `accept lead 812`."""
        path: Mapping[str, object] = self.action.path if isinstance(self.action, HttpWrite) else {}
        return self.operation.doing({**path, "target": label(self.subject.label)})

    @property
    def requests(self) -> tuple[Write, ...]:
        """It and the steps of it that are known in advance."""
        return (self, *self.action.foreseen) if isinstance(self.action, MultiStepWrite) else (self,)

    @property
    def lines(self) -> list[str]:
        """The preview, and every argument that it does not say."""
        path: Mapping[str, int] = {}
        secrets: set[str] = set()
        if isinstance(self.action, HttpWrite):
            path, body = self.action.path, self.action.operation.body
            secrets = {name for name, sent in body.items() if sent.wire in self.action.secrets}
        said = self.preview.said | path.keys()
        rest: list[PreviewLine] = [
            f"{titled(name)}: {SECRET}" if name in secrets else (titled(name), value)
            for name, value in self.arguments.items()
            if name not in said and value is not None
        ]
        return rendered([*self.preview.lines, *rest])

    @property
    def question(self) -> str:
        """All that a person is asked, and what the marks in it mean."""
        text = "\n".join([*self.lines, *(f"Note: {warning}" for warning in self.preview.warnings)])
        return f"{text}\n{QUOTED}" if OPEN in text else text

    @property
    def none_before(self) -> int:
        """The number of a write up to which none of the same counts any more, because what it made is deleted."""
        return self.repeat.after if isinstance(self.repeat, DoneBefore) else 0


def _digests(operation: Operation | LocalOperation, arguments: Mapping[str, JsonValue]) -> tuple[str, str]:
    """Digests of what is meant, and letter by letter. Where a value is set, its letter case is meant."""
    given = {name: value for name, value in arguments.items() if name != "allow_duplicate"}
    exact = digest_of(operation.id, given)
    if not isinstance(operation, Operation) or operation.repeat == "until_next":
        return exact, exact
    meant = {name: _meant(value, phone=operation.means(name) == "phone") for name, value in given.items()}
    return digest_of(operation.id, meant), exact


def _meant(value: JsonValue, *, phone: bool) -> JsonValue:
    """A value as people mean it."""
    if isinstance(value, str):
        digits = "".join(filter(str.isdecimal, value)) if phone else ""
        return digits[-10:] or as_meant(value)
    return [_meant(each, phone=phone) for each in value] if isinstance(value, list) else value


def digest_of(*parts: object) -> str:
    """SHA-256 over canonical JSON, as hexadecimal."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
