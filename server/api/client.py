"""The one way to a service: every request of LeadBridge leaves through `ServiceClient.request`."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit

import anyio
from pydantic import JsonValue, SecretStr

from server.api.answers import MAX_BYTES, HttpAnswer, parse, unreadable
from server.api.governor import Governor
from server.api.observed import Observed
from server.api.retry import Again, decide
from server.catalog import Operation, Service
from server.catalog.operation import Scalar
from server.errors import NotFound, OutcomeUnknown, RateLimited, ServiceError, Unavailable
from server.token_claims import NO_CLAIMS, read_claims

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""For one attempt at a read; pages have been seen to take 20 s. A write gets all the time there is."""
DEADLINE = 50.0
SHORTEST_KEY = 8
"""A shorter one is no secret, and may stand in any text."""

logger = logging.getLogger("leadbridge")

OnWait = Callable[[float], Awaitable[None]]
on_wait: ContextVar[OnWait | None] = ContextVar("on_wait", default=None)
"""Told before a wait of a second or more, with its seconds; a tool call sets it to report progress."""


class Permit(Protocol):
    """Leave to send one write of one operation; given out by the ledger only."""

    @property
    def operation_id(self) -> str:
        """The operation the permit is for."""
        ...

    async def sending(self) -> None:
        """Put on record that a request may leave now."""
        ...


class ServiceClient:
    """Requests to one service: authenticated, paced, repeated where that is safe, and read with care."""

    def __init__(
        self,
        service: Service,
        *,
        base_url: str,
        secret: SecretStr,
        governor: Governor,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self.base_url = (base_url or service.base_url).rstrip("/")
        self.governor = governor
        self.observed = Observed()
        self.key_claims = read_claims(secret.get_secret_value()) or NO_CLAIMS
        self._secret = secret
        self._transport = transport
        self._sleep = sleep
        self._clock = clock
        self._http: httpx.AsyncClient | None = None

    def url(self, operation: Operation, path: Mapping[str, int]) -> str:
        """The full URL of an operation; path parameters are positive integers."""
        base = self.base_url
        if operation.api == "manager":
            base = self._manager_base_url()
        url = base + operation.path.format(**path)
        if urlsplit(url)[:2] != urlsplit(base)[:2]:
            msg = f"{operation.id}: the path leaves the service"
            raise ValueError(msg)
        return url

    def _manager_base_url(self) -> str:
        """The Manager API lies beside the vendor API; with a configured base URL, on that origin."""
        documented = self.service.manager_base_url
        if self.base_url == self.service.base_url:
            return documented
        configured = urlsplit(self.base_url)
        return f"{configured.scheme}://{configured.netloc}{urlsplit(documented).path}"

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
            msg = f"{operation.id} is a write and has no permit of its own"
            raise PermissionError(msg)
        url = self.url(operation, path or {})
        content = _encoded(body)
        self._client()  # before a place is taken: importing httpx can take a second on a busy machine
        remaining = min(anyio.current_effective_deadline() - anyio.current_time(), DEADLINE)
        deadline = self._clock() + (DEADLINE if math.isinf(remaining) else remaining) * 0.96
        attempt = 0
        while True:
            attempt += 1
            await self.governor.acquire(deadline - self._clock(), on_wait.get())
            if permit is not None and attempt == 1:
                await permit.sending()
            patience = deadline - self._clock()
            if patience <= 0:
                raise self._too_late(operation)
            if not operation.effect.writes:
                patience = min(patience, READ_TIMEOUT)
            logger.debug("%s: attempt %d", operation.id, attempt)
            try:
                answer = await self._send(operation, url, query or {}, content, patience)
                logger.debug("%s: answered %d", operation.id, answer.status)
                await self.governor.answered()
                self.observed.last_date = answer.headers.get("date", "")
                value = parse(answer, operation, self.service, self.key_claims)
                self.observed.worked.add(operation.id)
                return value
            except ServiceError as error:
                logger.debug("%s: %s", operation.id, type(error).__name__)
                if isinstance(error, NotFound):
                    self.observed.not_found(operation, query or {})
                again = decide(error, operation, self.service, attempt)
                if again is not None and self._clock() + again.delay >= deadline:
                    again = None
                self._cool_off(error, again)
                if again is None:
                    raise _final(error, operation, self.service) from None
                if not again.everyone:
                    await self._sleep(again.delay)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _cool_off(self, error: ServiceError, again: Again | None) -> None:
        if isinstance(error, RateLimited) and error.status is not None:
            self.governor.cool_off(again.delay if again else error.retry_after)
        elif isinstance(error, Unavailable) and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.governor.cool_off(error.retry_after)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx

            self._http = httpx.AsyncClient(
                transport=self._transport() if self._transport else None,
                follow_redirects=False,
                trust_env=self._transport is None,
            )
        return self._http

    def _headers(self, *, has_body: bool) -> dict[str, str]:
        """The key is made into a header only here, where a request to the configured origin is built."""
        scheme = f"{self.service.auth_scheme} " if self.service.auth_scheme else ""
        return {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "LeadBridge",
            **({"Content-Type": "application/json"} if has_body else {}),
            self.service.auth_header: scheme + self._secret.get_secret_value(),
        }

    async def _send(
        self,
        operation: Operation,
        url: str,
        query: Mapping[str, Scalar],
        content: bytes | None,
        seconds: float,
    ) -> HttpAnswer:
        """One HTTP exchange within `seconds`; transport failures come out as `ServiceError`s of our own words."""
        import httpx

        client = self._client()
        request = httpx.Request(
            operation.method,
            f"{url}?{urlencode({name: _query_text(value) for name, value in query.items()})}" if query else url,
            content=content,
            headers=self._headers(has_body=content is not None),
            extensions={"timeout": httpx.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds)).as_dict()},
        )
        try:
            with anyio.fail_after(seconds):
                return self._without_key(await _exchange(client, request))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise self._never_reached(operation, error) from None
        except (httpx.TimeoutException, TimeoutError):
            raise self._broken(operation, f"did not answer within {seconds:.0f} s") from None
        except httpx.DecodingError:
            raise unreadable("a body that cannot be decoded", operation, self.service, None) from None
        except httpx.HTTPError:
            raise self._broken(operation, "broke the connection before its answer was complete") from None

    def _without_key(self, answer: HttpAnswer) -> HttpAnswer:
        """A key that the service sends back is struck out before anything of the answer is read, shown or kept."""
        key = self._secret.get_secret_value().encode()
        if len(key) < SHORTEST_KEY or key not in answer.body:
            return answer
        return replace(answer, body=answer.body.replace(key, b"***"))

    def _too_late(self, operation: Operation) -> Unavailable:
        return Unavailable(
            what="LEADBRIDGE_CALL_DEADLINE was over before the request could leave. Nothing was sent.",
            next_step="Try again.",
            service=self.service.id,
            operation=operation.id,
        )

    def _never_reached(self, operation: Operation, error: Exception) -> Unavailable:
        text = str(error).lower()
        why = "the connection was refused or could not be made"
        if "certificate" in text or "ssl" in text or "tls" in text:
            why = "its TLS certificate or handshake was not accepted"
        elif "name or service" in text or "getaddrinfo" in text or "resolve" in text or "nodename" in text:
            why = "its host name could not be resolved"
        elif "timeout" in type(error).__name__.lower():
            why = "the connection took too long"
        return Unavailable(
            what=f"{self.service.title} was not reached: {why}. Nothing was sent.",
            next_step="Check the network and the base URL, then try again.",
            service=self.service.id,
            operation=operation.id,
        )

    def _broken(self, operation: Operation, why: str) -> Unavailable:
        return Unavailable(
            what=f"{self.service.title} {why}.",
            next_step="Try again later.",
            service=self.service.id,
            operation=operation.id,
            may_have_taken_effect=operation.effect.writes,
        )


async def _exchange(client: httpx.AsyncClient, request: httpx.Request) -> HttpAnswer:
    response = await client.send(request, stream=True)
    try:
        headers = {name.lower(): value for name, value in response.headers.items()}
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > MAX_BYTES:
            return HttpAnswer(response.status_code, headers, b"", too_large=True)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                return HttpAnswer(response.status_code, headers, b"", too_large=True)
        return HttpAnswer(response.status_code, headers, bytes(body))
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            await response.aclose()


def _final(error: ServiceError, operation: Operation, service: Service) -> ServiceError:
    """A write that may have taken effect is reported as such, whatever broke."""
    if not (operation.effect.writes and error.may_have_taken_effect) or isinstance(error, OutcomeUnknown):
        return error
    return OutcomeUnknown(
        what=f"{error.what} The {operation.title!r} request may or may not have taken effect.",
        next_step="Look at the record on the service before trying again.",
        service=service.id,
        operation=operation.id,
        status=error.status,
        may_have_taken_effect=True,
    )


def _encoded(body: Mapping[str, JsonValue] | None) -> bytes | None:
    """The body as JSON. What JSON or UTF-8 cannot carry is a ValueError before anything is on record as sent."""
    return (
        None
        if body is None
        else json.dumps(dict(body), allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    )


def _query_text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
