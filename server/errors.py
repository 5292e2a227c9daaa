"""The errors of LeadBridge: facts about what happened, and what to do next.

The texts are LeadBridge's. What a service wrote is quoted short, cleaned, and only where a field message helps. What an
error means for the call, such as that nothing was sent, follows from its facts (`server/mcp/wording.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


class LeadBridgeError(Exception):
    """Base of every error that a caller is meant to read."""


class SettingsError(LeadBridgeError):
    """The environment or the command line does not describe a server that can run."""


class CatalogError(LeadBridgeError):
    """A catalog file or a contract override is malformed; names the file, the key and what is allowed."""


class NetworkSettingError(LeadBridgeError):
    """A variable that decides how hosts are reached holds what cannot be used; names it, never its value."""

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        super().__init__(f"{source}: {why}")


class StateError(LeadBridgeError):
    """The state store cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one argument."""

    argument: str
    message: str

    def __str__(self) -> str:
        return f"{self.argument}: {self.message}"


class ArgumentsRefused(LeadBridgeError):
    """Arguments that cannot be sent: every problem at once, each with its argument's name."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


class Refused(LeadBridgeError):
    """A guard said no.

    `reason` is a stable code (`already_won`, `token_expired`, ...), `why` the same in a sentence that goes on after a
    colon, `next_steps` what to do instead. `sent` is true only where a part of it had left before.
    """

    def __init__(self, reason: str, why: str, *next_steps: str, sent: bool = False) -> None:
        self.reason = reason
        self.why = why
        self.next_steps = list(next_steps)
        self.sent = sent
        super().__init__(" ".join([f"{why[:1].upper()}{why[1:]}", *next_steps]))


class KeyInDoubt(Refused):
    """A key is not known to be this company's."""


@dataclass
class ServiceError(LeadBridgeError):
    """Something went wrong between LeadBridge and a service.

    `what` is one sentence that says what happened, and `said` what the service wrote about it. `sent` is false only
    where provably no request left, `may_have_taken_effect` only where the service provably did not carry it out.
    """

    what: str
    next_step: str = ""
    said: str = ""
    status: int | None = None
    sent: bool = True
    may_have_taken_effect: bool = False
    hints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join([self.happened, *self.next_steps])

    @property
    def happened(self) -> str:
        """What happened, with the service's own words."""
        return f"{self.what} It says: {self.said}" if self.said else self.what

    @property
    def next_steps(self) -> list[str]:
        """What to do next, and what else may be the cause."""
        return [step for step in (self.next_step, *self.hints) if step]

    @property
    def kind(self) -> str:
        """A stable code: the name of its class in lower case."""
        name = type(self).__name__
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class AuthError(ServiceError):
    """401: the key is missing, wrong or disabled."""


class PermissionDenied(ServiceError):
    """403: the key's user may not do this."""


@dataclass
class NotFound(ServiceError):
    """404: no such record for this key, or no such path; `missing` are the ids that were asked for, by argument."""

    missing: tuple[str, ...] = ()


@dataclass
class Rejected(ServiceError):
    """The service understood the request and refused it (400, 409, 422, other 4xx, or `success: false`)."""

    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class RateLimited(ServiceError):
    """429, or the budget of calls is spent; `retry_after` in seconds, `asked` for by the service or our own."""

    retry_after: float = 0.0
    asked: bool = False


@dataclass
class Unavailable(ServiceError):
    """5xx, no connection, a timeout, or the service-wide limit; `retry_after` in seconds where known."""

    retry_after: float = 0.0


@dataclass
class NotReached(Unavailable):
    """No connection to the service could be made; `lasting` where only a person can mend it."""

    sent: bool = False
    lasting: bool = False


class UnexpectedResponse(ServiceError):
    """An answer that is none: HTML, an empty body, broken JSON, too large, a redirect, a missing id."""


class WrongService(ServiceError):
    """LeadBridge's sandbox answers where the service should, or the other way round."""


@dataclass
class OutcomeUnknown(ServiceError):
    """A write left, and its answer did not arrive whole or contradicts what was asked: it may have taken effect.

    `record_id` is the record that the answer names.
    """

    may_have_taken_effect: bool = True
    record_id: int | None = None
