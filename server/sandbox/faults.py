"""What can go wrong between a client and the services, put in on purpose, request by request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Literal, TypeAlias, get_args

from leadbridge.server.sandbox.wire import as_object
from leadbridge.server.spelling import meant

UNREACHABLE: frozenset[str] = frozenset({
    "connection_refused", "dns_failure", "tls_failure", "connect_timeout", "pool_timeout", "write_timeout",
})  # fmt: skip
"""The request never arrives. In the same process only: a server cannot refuse what it has already taken."""

MEANINGS: Mapping[str, str] = {
    "rate_limited": "429",
    "server_error": "500 in the service's own manner",
    "bad_gateway": "502 with a proxy's HTML",
    "unavailable": "503",
    "status": "any `status`, with `body`",
    "html_200": "a proxy's login page, with status 200",
    "empty_200": "status 200 without a body",
    "truncated_json": "the right answer, its second half missing, its length consistent",
    "cut_body": "the right answer, the connection ending in the middle",
    "success_false_200": "RenovationFind's refusal with status 200",
    "huge": "the right answer followed by `size` bytes of white space",
    "redirect": "to `location`, else to the same address",
    "wrong_content_type": "the right answer, called text/html",
    "slow": "`seconds` pass, then the request is carried out, if the caller still waits",
    "slow_after_commit": "the request is carried out, then `seconds` pass before the answer",
    "read_timeout": "no answer ever",
    "drop_before": "the connection ends, nothing was carried out",
    "drop_after": "the connection ends, the request was carried out",
    **dict.fromkeys(sorted(UNREACHABLE), "the request never arrives"),
}
"""Each kind of fault, and what happens."""
KINDS: frozenset[str] = frozenset(MEANINGS)
Kind: TypeAlias = str
_COMMITTING = frozenset({
    "truncated_json", "cut_body", "empty_200", "huge", "wrong_content_type", "slow", "slow_after_commit", "drop_after",
})  # fmt: skip
_NEVER_COMMITTING = UNREACHABLE | {"drop_before"}
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "*"})
_ALWAYS_COMMITTING = frozenset({"slow", "slow_after_commit", "drop_after"})

RetryAfter: TypeAlias = Literal["seconds", "date", "none"]
DropError: TypeAlias = Literal["", "ReadError", "RemoteProtocolError", "WriteError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing going wrong with the requests that it matches."""

    kind: Kind
    match: str | None = None
    """`METHOD regular-expression`, found anywhere in the path; METHOD may be `*`. Without it, all requests match."""
    times: int | None = 1
    """How many requests it befalls; none means all."""
    after: int = 0
    """How many matching requests pass before."""
    seconds: float = 0.0
    """A slow answer's delay; the wait in `Retry-After`."""
    retry_after: RetryAfter = "seconds"
    """How 429 and 503 name `seconds`; no header when `seconds` is 0."""
    status: int = 0
    """For `status`; for others, in place of their usual code."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    location: str = ""
    size: int = 30_000_000
    content_length: bool = True
    """Whether a huge answer says its length beforehand."""
    commits: bool | None = None
    """Whether the request is carried out nevertheless. By default it is for those kinds that spoil a right answer."""
    exception: DropError = ""
    """In the same process: which httpx error a dropped connection becomes."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            hint = meant(self.kind, KINDS) or f"; known: {', '.join(sorted(KINDS))}"
            raise ValueError(f"unknown kind of fault {self.kind!r}{hint}")
        if self.retry_after not in get_args(RetryAfter) or self.exception not in get_args(DropError):
            raise ValueError("retry_after or exception has an unknown value")
        if self.commits and self.kind in _NEVER_COMMITTING:
            raise ValueError(f"{self.kind} means that the request is not carried out")
        if self.commits is False and self.kind in _ALWAYS_COMMITTING:
            raise ValueError(f"{self.kind} means that the request is carried out")
        method, _, pattern = (self.match or "* ").partition(" ")
        if method.upper() not in _METHODS or (self.match and not pattern):
            one_of = ", ".join(sorted(_METHODS))
            raise ValueError(f"match must be a method ({one_of}) and a regular expression, not {self.match!r}")
        if self.after < 0 or (self.times is not None and self.times < 1) or self.seconds < 0:
            raise ValueError("times must be 1 or more, or null for all; after and seconds 0 or more")
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"match {self.match!r}: {error}") from None

    @property
    def takes_effect(self) -> bool:
        """Whether the request is carried out."""
        return self.kind in _COMMITTING if self.commits is None else self.commits

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        if self.match is None:
            return True
        wanted, _, pattern = self.match.partition(" ")
        return wanted.upper() in {"*", method} and re.search(pattern, path) is not None

    @classmethod
    def from_options(cls, options: object) -> Fault:
        """A fault from plain data, as it comes in JSON.

        Raises:
            ValueError: no object, an unknown name, a wrong kind or pattern.
        """
        given = as_object(options)
        if given is None or "kind" not in given:
            raise ValueError("a fault is an object with a kind")
        for name, value in given.items():
            if name not in _TYPES:
                raise ValueError(f"unknown option of a fault: {name!r}{meant(name, _TYPES)}")
            if type(value) not in _TYPES[name]:
                raise ValueError(f"{name} of a fault is of the wrong type")
        return cls(**given)  # pyright: ignore[reportArgumentType]  # checked above and on use


_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "match": (str, NoneType),
    "times": (int, NoneType),
    "after": (int,),
    "seconds": (int, float),
    "retry_after": (str,),
    "status": (int,),
    "headers": (dict,),
    "body": (str,),
    "location": (str,),
    "size": (int,),
    "content_length": (bool,),
    "commits": (bool, NoneType),
    "exception": (str,),
}


@dataclass(slots=True)
class _Pending:
    fault: Fault
    passed: int = 0
    befallen: int = 0


class Faults:
    """The faults to come, in the order in which they were added; the first that matches a request befalls it."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Fault]:
        return iter([pending.fault for pending in self._pending])

    def pending(self) -> list[dict[str, object]]:
        """Each with the requests that it still befalls (none: all), and how many pass before."""
        return [
            {
                "kind": one.fault.kind,
                "match": one.fault.match,
                "times": None if one.fault.times is None else one.fault.times - one.befallen,
                "after": one.fault.after - one.passed,
            }
            for one in self._pending
        ]

    def add(self, fault: Fault) -> None:
        """Let this happen too."""
        self._pending.append(_Pending(fault))

    def clear(self) -> None:
        """Let nothing more happen."""
        self._pending.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that befalls this request; it counts as used."""
        for pending in self._pending:
            if not pending.fault.matches(method, path):
                continue
            if pending.passed < pending.fault.after:
                pending.passed += 1
                continue
            pending.befallen += 1
            if pending.fault.times is not None and pending.befallen >= pending.fault.times:
                self._pending.remove(pending)
            return pending.fault
        return None
