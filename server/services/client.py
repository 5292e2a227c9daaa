"""The one way to a service: every request of LeadBridge leaves through `ServiceClient.request`."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

import anyio
from pydantic import JsonValue

from leadbridge.server.call_scope import off_loop, saw_answer
from leadbridge.server.catalog import Operation
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.errors import NotFound, OutcomeUnknown, RateLimited, ServiceError, Unavailable
from leadbridge.server.services.answers import HttpAnswer, parse
from leadbridge.server.services.exchange import Exchanges
from leadbridge.server.services.rate_limiter import OnWait, RateLimiter
from leadbridge.server.services.retry import decide
from leadbridge.server.services.simulated import home_of

READ_TIMEOUT = 30.0
"""For one attempt at a read; pages have been seen to take 20 s. A write gets all the time there is."""
DEADLINE = 50.0

_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))

logger = logging.getLogger("leadbridge")

on_wait: ContextVar[OnWait | None] = ContextVar("on_wait", default=None)
"""Set by a tool call, to report progress."""

in_background: ContextVar[bool] = ContextVar("in_background", default=False)
"""Set by what reads while nobody calls: its requests leave only where nobody else wants to, and are not repeated."""
RESERVED, BUSY = 2, 10.0
"""Places in the window that the background leaves free for so many seconds after a call's request."""


class Permit(Protocol):
    """Leave to send one write of one operation; given out by the ledger only."""

    @property
    def operation_id(self) -> str:
        """The operation the permit is for."""
        ...

    async def sending(self) -> None:
        """Put on record that a request may leave now."""
        ...


@dataclass(slots=True)
class Observed:
    """What this process has seen of a service: which paths work, and which inferred ones answered 404."""

    missing: dict[str, str] = field(default_factory=dict[str, str])
    """By operation: its inferred path, which answered 404."""
    worked: set[str] = field(default_factory=set[str])
    """Operations that were answered well: their path is right."""
    last_date: str = ""
    """The `Date` header of the last answer."""

    def not_found(self, operation: Operation, query: Mapping[str, Scalar]) -> None:
        """Keep an answer of 404 where the path is inferred. After the first page it may be the end of the list."""
        page = str(query.get("page", ""))
        later = page.isdecimal() and int(page) > 1
        if not operation.path_is_certain and not later:
            self.missing[operation.id] = operation.path


class ServiceClient:
    """Requests to one service: authenticated, paced, repeated where that is safe, and read with care."""

    def __init__(
        self,
        exchanges: Exchanges,
        rate_limiter: RateLimiter,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service, self.base_url, self.key_claims = exchanges.service, exchanges.base_url, exchanges.key_claims
        self.rate_limiter = rate_limiter
        documented, configured = urlsplit(self.service.manager_base_url), urlsplit(self.base_url)
        if self.base_url != self.service.base_url:  # the Manager API is on the configured origin then
            documented = documented._replace(scheme=configured.scheme, netloc=configured.netloc)
        self._bases = {"": self.base_url, "manager": documented.geturl()}
        self.observed = Observed()
        self._exchanges = exchanges
        self._called_at = -math.inf
        self._sleep = sleep
        self._clock = clock

    def url(self, operation: Operation, path: Mapping[str, int]) -> str:
        """The full URL of an operation; path parameters are positive integers."""
        base = self._bases[operation.api]
        url = base + operation.path.format(**path)
        if urlsplit(url)[:2] != urlsplit(base)[:2]:
            raise ValueError(f"{operation.id}: the path leaves the service")
        return url

    async def request(
        self,
        operation: Operation,
        *,
        path: Mapping[str, int] | None = None,
        query: Mapping[str, Scalar] | None = None,
        body: Mapping[str, JsonValue] | None = None,
        permit: Permit | None = None,
    ) -> JsonValue:
        """Send one operation and return the JSON of its answer (`None` for 204).

        Ends within the caller's deadline (`anyio.fail_after`), at most `DEADLINE` seconds. A write needs the permit
        that was given for it; without one nothing is sent.

        Raises:
            ServiceError: one of its kinds; `OutcomeUnknown` for a write that may have taken effect.
        """
        if operation.effect.writes and (permit is None or permit.operation_id != operation.id):
            raise PermissionError(f"{operation.id} is a write and has no permit of its own")
        url = self.url(operation, path or {})
        asked = {**operation.ids_in({**(query or {}), **(body or {})}), **(path or {})}
        # What JSON or UTF-8 cannot carry is a ValueError before anything is on record as sent.
        content = None if body is None else _JSON.encode(dict(body)).encode()
        self._exchanges.connections(operation, url)  # before a place is taken: it may take a second, or be refused
        remaining = min(anyio.current_effective_deadline() - anyio.current_time(), DEADLINE)
        deadline = self._clock() + (DEADLINE if math.isinf(remaining) else remaining) * 0.96
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._attempt(operation, url, query or {}, content, deadline, permit)
                logger.debug("%s: answered %d", operation.id, answer.status)
                self.observed.last_date = answer.headers.get("date", "")
                saw_answer(len(answer.body))
                value = await off_loop(parse, answer, operation, self.service, asked, self.key_claims)
                self.observed.worked.add(operation.id)
                return value
            except ServiceError as error:
                logger.debug("%s: attempt %d: %s", operation.id, attempt, type(error).__name__)
                if not await self._repeats(error, operation, attempt, deadline):
                    if isinstance(error, NotFound):
                        self.observed.not_found(operation, query or {})
                    if error.may_have_taken_effect and not isinstance(error, OutcomeUnknown):  # whatever broke
                        raise OutcomeUnknown(error.what, status=error.status) from None
                    raise

    async def _attempt(
        self,
        operation: Operation,
        url: str,
        query: Mapping[str, Scalar],
        content: bytes | None,
        deadline: float,
        permit: Permit | None,
    ) -> HttpAnswer:
        """One exchange, in a place of the rate limit; for the background in one that nobody else wants."""
        idle = None
        if not in_background.get():
            self._called_at = self._clock()
        else:
            idle = RESERVED if self._clock() - self._called_at < BUSY else 0
        async with self.rate_limiter.slot(deadline - self._clock(), on_wait.get(), idle=idle):
            patience = deadline - self._clock()
            if patience <= 0:
                what = "LEADBRIDGE_CALL_DEADLINE was over before the request could leave."
                raise Unavailable(what, "Try again.", sent=False)
            if permit is None:
                patience = min(patience, READ_TIMEOUT)
            leave = None if permit is None else permit.sending
            return await self._exchanges.send(operation, url, query, content, patience, leave)

    async def _repeats(self, error: ServiceError, operation: Operation, attempt: int, deadline: float) -> bool:
        """Whether a request that failed is sent again, which is due when this returns. The service has its rest."""
        again = None if in_background.get() else decide(error, operation, self.service, attempt)
        if again is not None and self._clock() + again.delay >= deadline:
            again = None
        if isinstance(error, RateLimited) and error.status is not None:
            await self.rate_limiter.back_off(again.delay if again else error.retry_after)
        elif isinstance(error, Unavailable) and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            await self.rate_limiter.back_off(error.retry_after)
        if again is not None and not again.everyone:
            await self._sleep(again.delay)
        return again is not None

    async def meet_sandbox(self) -> None:
        """Make sure that the sandbox is there where the settings say so; without the rate limiter and the ledger.

        Raises:
            WrongService: something else is there.
            Unavailable: nothing answers.
        """
        if self._exchanges.simulated:
            operation, url = home_of(self.service, self.base_url)
            await self._exchanges.send(operation, url, {}, None, READ_TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._exchanges.aclose()
