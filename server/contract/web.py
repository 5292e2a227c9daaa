"""Reads documentation over the network: without a key, from one origin, within bounds of time, size and number.

The product's own client is not used here: it carries keys. Nothing here knows one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio
import httpx2

from leadbridge.server.config.loopback import is_loopback, plain_url
from leadbridge.server.errors import LeadBridgeError, NetworkSettingError
from leadbridge.server.services.network.failures import Progress, explain
from leadbridge.server.services.network.proxies import Proxy, proxy_for
from leadbridge.server.services.network.trust import tls_context

LARGEST_ANSWER = 5_000_000
"""Bytes of one answer. The whole of a large service's OpenAPI is about two million."""
LARGEST_SUM = 40_000_000
MOST_REQUESTS = 200
SECONDS = 90.0
"""For everything that is read from one source."""
ANSWER_SECONDS = 30.0
_REDIRECTS = 3
_OK, _REDIRECT, _ERROR = 200, 300, 400


class DocumentationError(LeadBridgeError):
    """A source of documentation cannot be read; in words of ours."""


@dataclass(slots=True)
class _Counted(httpx2.AsyncByteStream):
    """An answer's body, which ends with an error where it grows too large."""

    inner: httpx2.AsyncByteStream
    origin: Origin

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self.inner:
            size += len(piece)
            self.origin.received += len(piece)
            if size > LARGEST_ANSWER or self.origin.received > LARGEST_SUM:
                raise self.origin.stop(f"{self.origin.name} answered with more than {LARGEST_ANSWER // 1_000_000} MB")
            yield piece

    async def aclose(self) -> None:
        await self.inner.aclose()


class Origin(httpx2.AsyncBaseTransport):
    """One origin: a request to another one never leaves, and neither do too many."""

    def __init__(self, url: str) -> None:
        self._parts = checked(url)
        self.name = self._parts.netloc
        self.requests = 0
        self.received = 0
        self.reason = ""
        """Why reading was stopped, if it was."""
        try:
            self._proxy = proxy_for(url)
            self._inner = httpx2.AsyncHTTPTransport(
                verify=tls_context(url), proxy=self._proxy and _proxy(self._proxy), trust_env=False
            )
        except NetworkSettingError as error:
            raise DocumentationError(f"{self.name} was not reached: {error}") from None

    def stop(self, why: str) -> httpx2.TransportError:
        """The error that ends the reading; what made it stays known, whoever catches it."""
        self.reason = self.reason or why
        return httpx2.TransportError(why)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request if it stays on the origin and within the bounds."""
        url = urlsplit(str(request.url))
        if (url.scheme, url.netloc) != (self._parts.scheme, self._parts.netloc):
            raise self.stop(f"{self.name} leads to another origin, which is not followed")
        if request.method == "GET" and "text/event-stream" in request.headers.get("accept", ""):
            return httpx2.Response(405)  # a stream of the server's own messages: nothing in it is of use
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise self.stop(f"{self.name} needed more than {MOST_REQUESTS} requests")
        request.headers["accept-encoding"] = "identity"
        progress = Progress()
        request.extensions["trace"] = progress.trace
        try:
            answer = await self._inner.handle_async_request(request)
        except Exception as error:
            if progress.left and not isinstance(error, httpx2.HTTPError):
                raise
            raise self.stop(f"{self.name} {self._why(error, progress)}") from None
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise self.stop(f"{self.name} answered compressed, although asked not to")
        if not isinstance(answer.stream, httpx2.AsyncByteStream):
            raise self.stop(f"{self.name} answered with nothing to read")
        answer.stream = _Counted(answer.stream, self)
        return answer

    def _why(self, error: Exception, progress: Progress) -> str:
        if progress.left:
            return _why(error)
        # A proxy may break the connection in many ways.
        failure = explain(error, self.name, self._proxy, progress.stage)
        return f"was not reached: {failure.why}. {failure.next_step}"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def checked(url: str) -> SplitResult:
    """The parts of a URL from which documentation may be read.

    Raises:
        DocumentationError: no https, and not on loopback either; or a user, a password or no host in it.
    """
    parts = plain_url(url)
    if parts is None:
        raise DocumentationError("a documentation URL must be plain, such as https://host/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise DocumentationError(f"{parts.netloc}: documentation is read over https, or over http on loopback")
    return parts


def same_origin(url: str, other: str) -> bool:
    """Whether two URLs are of one origin."""
    return urlsplit(url)[:2] == urlsplit(other)[:2]


@asynccontextmanager
async def reading(url: str) -> AsyncGenerator[tuple[Origin, httpx2.AsyncClient]]:
    """A client of one origin, for all that is read from one source.

    Raises:
        DocumentationError: instead of everything that goes wrong with the network or the bounds.
    """
    origin = Origin(url)
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=10.0)
    try:
        with anyio.fail_after(SECONDS):
            async with httpx2.AsyncClient(transport=origin, timeout=timeout, trust_env=False) as client:
                yield origin, client
    except TimeoutError:
        raise DocumentationError(f"{origin.name} did not come to an end within {SECONDS:.0f} s") from None
    except httpx2.HTTPError as error:
        raise DocumentationError(origin.reason or f"{origin.name} {_why(error)}") from None


def _proxy(proxy: Proxy) -> httpx2.Proxy:
    over_tls = proxy.url.startswith("https:")
    return httpx2.Proxy(proxy.url, auth=proxy.auth, ssl_context=tls_context(proxy.url) if over_tls else None)


def _why(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"did not answer within {ANSWER_SECONDS:.0f} s"
    return "broke the connection off"


async def text_of(client: httpx2.AsyncClient, url: str) -> str:
    """The text at a URL. Redirects are followed on its own origin only.

    Raises:
        DocumentationError: an answer that is none.
    """
    for _ in range(_REDIRECTS):
        async with client.stream("GET", url, headers={"accept": "*/*"}) as answer:
            if _REDIRECT <= answer.status_code < _ERROR:
                following = urljoin(url, answer.headers.get("location", ""))
                if not same_origin(following, url):
                    raise DocumentationError(f"{urlsplit(url).netloc} leads to another origin, which is not followed")
                url = following
                continue
            if answer.status_code != _OK:
                raise DocumentationError(f"{urlsplit(url).netloc} answered {answer.status_code}")
            body = await answer.aread()
        return body.decode("utf-8", "replace")
    raise DocumentationError(f"{urlsplit(url).netloc} redirects without end")
