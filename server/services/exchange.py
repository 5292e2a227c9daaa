"""One HTTP exchange with a service: over which connection it goes, how long it may take, what broke it, and its body:
at most `MAX_BYTES`, unpacked in bounded steps, from one layer of packing.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode, urlsplit

import anyio
import anyio.to_thread
from pydantic import SecretStr

from leadbridge.server.call_scope import LARGE
from leadbridge.server.catalog import Operation, Service
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.config.token_claims import NO_CLAIMS, read_claims
from leadbridge.server.errors import NetworkSettingError, NotReached, Refused, ServiceError, StateError, Unavailable
from leadbridge.server.redaction import Redactor
from leadbridge.server.services.answers import MAX_BYTES, HttpAnswer, unreadable
from leadbridge.server.services.network.failures import Leave, Progress, explain
from leadbridge.server.services.network.proxies import proxy_for
from leadbridge.server.services.simulated import refuse_other

if TYPE_CHECKING:
    import httpx

    from leadbridge.server.services.connections import MakeTransport

CONNECT_TIMEOUT = 10.0
STEP = 256 * 1024
_EITHER, _BARE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
"""gzip or zlib, as its first bytes say; or deflate without a header, which some servers send."""


class _BodyUnreadable(Exception):
    """Why a body cannot be unpacked."""


class _BodyTooLarge(Exception):
    """More than `MAX_BYTES`, packed or unpacked; the rest was not read."""


class Exchanges:
    """Sends requests with the key, one connection after another; knows nothing of limits and repeats.

    Reads share connections. A write gets a new one: of a connection that was idle nobody can say whether the other side
    still has it (a computer that slept, a server that closes it at that instant), and a write that is lost on it could
    not be told apart from one that did. On a new connection everything before the request provably sends nothing.
    """

    def __init__(
        self,
        service: Service,
        secret: SecretStr,
        base_url: str = "",
        transport: MakeTransport | None = None,
        *,
        simulated: bool | None = None,
    ) -> None:
        """`simulated`: whether what answers must be the sandbox, or must not; nothing for that of this process."""
        self.service = service
        self.base_url = (base_url or service.base_url).rstrip("/")
        self.simulated = simulated
        self.key_claims = read_claims(secret.get_secret_value()) or NO_CLAIMS
        self._secret = secret
        self._redactor = Redactor([secret.get_secret_value()])
        self._transport = transport
        self._connections: dict[tuple[str, str, bool], httpx.AsyncBaseTransport] = {}

    def connections(self, operation: Operation, url: str) -> httpx.AsyncBaseTransport:
        """The connections to an operation's origin. The first call imports httpx, which can take a second.

        Raises:
            NotReached: a variable for proxies or certificates cannot be used.
        """
        parts, writes = urlsplit(url), operation.effect.writes
        key = parts.scheme, parts.netloc, writes
        if key not in self._connections:
            from leadbridge.server.services.connections import open_connections

            try:
                self._connections[key] = open_connections(url, self._transport, keep_alive=not writes)
            except NetworkSettingError as error:
                raise self._not_reached(str(error), f"Correct {error.source}.", lasting=True) from None
        return self._connections[key]

    async def send(
        self,
        operation: Operation,
        url: str,
        query: Mapping[str, Scalar],
        content: bytes | None,
        seconds: float,
        leave: Leave | None = None,
    ) -> HttpAnswer:
        """One exchange within `seconds`. `leave` is asked once the connection is there, right before a request leaves.

        Raises:
            Refused, StateError: by `leave`; nothing was sent.
            NotReached: no connection could be made; nothing was sent.
            Unavailable: the answer did not come, or not whole.
            ServiceError: a body that cannot be unpacked, or an answer from where the settings do not say.
        """
        import httpx

        connections = self.connections(operation, url)
        progress = Progress(leave=leave)
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()}
        # The key is made into a header only here, where a request to the configured origin is built.
        scheme = f"{self.service.auth_scheme} " if self.service.auth_scheme else ""
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "LeadBridge",
            self.service.auth_header: scheme + self._secret.get_secret_value(),
        }
        request = httpx.Request(
            operation.method,
            f"{url}?{urlencode(texts)}" if texts else url,
            content=content,
            headers=headers if content is None else {**headers, "Content-Type": "application/json"},
            extensions={
                "timeout": httpx.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds)).as_dict(),
                "trace": progress.trace,
            },
        )
        try:
            with anyio.fail_after(seconds):
                if self._transport is not None:  # it reports no progress, so that only its errors say that nothing left
                    await progress.leaves()
                answer = await self._answer(connections, request)
        except (Refused, StateError):
            raise
        except Exception as error:
            if (failure := self._failure(error, operation, url, seconds, progress)) is None:
                raise
            raise failure from None
        if self.simulated is not None:
            refuse_other(answer, operation, self.service, self.base_url, simulated=self.simulated)
        return answer

    async def _answer(self, connections: httpx.AsyncBaseTransport, request: httpx.Request) -> HttpAnswer:
        response = await connections.handle_async_request(request)
        try:
            return HttpAnswer(response.status_code, response.headers, await _body_of(response), redactor=self._redactor)
        except _BodyTooLarge:
            return HttpAnswer(response.status_code, response.headers, b"", too_large=True)
        finally:
            with anyio.move_on_after(1, shield=True):
                await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        while self._connections:
            await self._connections.popitem()[1].aclose()

    def _failure(
        self, error: Exception, operation: Operation, url: str, seconds: float, progress: Progress
    ) -> ServiceError | None:
        """What broke an exchange; nothing for what is not the network's."""
        import httpx

        if isinstance(error, _BodyUnreadable):
            return unreadable(str(error), operation, self.service)
        before = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
        if isinstance(error, before) or not progress.left:  # a proxy may break the connection in many ways
            proxy = None if self._transport else proxy_for(url)
            failure = explain(error, urlsplit(url).netloc, proxy, progress.stage)
            return self._not_reached(failure.why, failure.next_step, lasting=failure.lasting)
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            why = f"did not answer within {seconds:.0f} s"
        elif isinstance(error, httpx.HTTPError):
            why = "broke the connection before its answer was complete"
        else:
            return None
        what, writes = f"{self.service.title} {why}.", operation.effect.writes
        return Unavailable(what, "Try again later.", may_have_taken_effect=writes)

    def _not_reached(self, why: str, next_step: str, *, lasting: bool) -> NotReached:
        return NotReached(f"{self.service.title} was not reached: {why}.", next_step, lasting=lasting)


async def _body_of(response: httpx.Response) -> bytearray:
    """The whole body; a large one is unpacked in a worker thread, so that other calls go on.

    Raises:
        _BodyTooLarge: it is longer than allowed.
        _BodyUnreadable: it is packed in a way that was not asked for, more than once, or is damaged.
    """
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise _BodyUnreadable("a body that is packed twice, or in a way that LeadBridge did not ask for")
    declared = response.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BYTES:
        raise _BodyTooLarge
    body = bytearray()
    async for chunk in cast("AsyncIterator[bytes]", response.stream):
        body += chunk
        if len(body) > MAX_BYTES:
            raise _BodyTooLarge
    if coding in {"", "identity"} or not body:
        return body
    if len(body) <= LARGE:
        with contextlib.suppress(_BodyTooLarge):
            return _unpacked(body, STEP)
    return await anyio.to_thread.run_sync(_unpacked, body, MAX_BYTES)


def _unpacked(packed: bytearray, most: int) -> bytearray:
    """What a body holds, at most so many bytes; what follows its end is left unread. Errors as of `_body_of`."""
    body, inner, bare = bytearray(), zlib.decompressobj(_EITHER), False
    for at in range(0, len(packed), STEP):
        part: bytes | bytearray = packed[at : at + STEP]
        while part and not inner.eof:
            try:
                body += inner.decompress(part, STEP)
            except zlib.error:
                if body or bare:
                    raise _BodyUnreadable("a body that cannot be unpacked") from None
                inner, bare = zlib.decompressobj(_BARE), True
                continue
            if len(body) > most:
                raise _BodyTooLarge
            part = inner.unconsumed_tail
    body += inner.flush(STEP)
    if not inner.eof:
        raise _BodyUnreadable("a body that is cut off")
    return body
