"""The sandbox as an httpx transport of the same process: no socket, and every way in which a connection can fail."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

import anyio
import anyio.lowlevel
import httpx

from leadbridge.server.sandbox.exchange import Answer, Broken, Connection, Incoming

Exchange: TypeAlias = Callable[[Incoming, Connection], Awaitable[Answer]]

_ERRORS: Mapping[str, tuple[type[httpx.TransportError], str]] = {
    "connection_refused": (httpx.ConnectError, "All connection attempts failed"),
    "dns_failure": (httpx.ConnectError, "[Errno -2] Name or service not known"),
    "tls_failure": (httpx.ConnectError, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"),
    "connect_timeout": (httpx.ConnectTimeout, ""),
    "pool_timeout": (httpx.PoolTimeout, ""),
    "write_timeout": (httpx.WriteTimeout, ""),
    "read_timeout": (httpx.ReadTimeout, ""),
    "drop_before": (httpx.ReadError, ""),
    "drop_after": (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    "ReadError": (httpx.ReadError, ""),
    "RemoteProtocolError": (httpx.RemoteProtocolError, "Server disconnected without sending a response."),
    "WriteError": (httpx.WriteError, ""),
}
_CAUSES: Mapping[str, Exception] = {
    "dns_failure": socket.gaierror(-2, "Name or service not known"),
    "tls_failure": ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"),
}
_CUT = "peer closed connection without sending complete message body"


@dataclass(frozen=True, slots=True)
class _InProcess:
    """Waits as long as a caller with this read timeout would; a wait that is longer fails at once."""

    read_timeout: float

    async def wait(self, seconds: float) -> bool:
        if seconds >= self.read_timeout:
            return False
        await anyio.sleep(seconds)
        return True


class _Body(httpx.AsyncByteStream):
    """Gives the body piece by piece, so that a reader can stop early."""

    def __init__(self, pieces: Iterator[bytes], *, cut: bool) -> None:
        self._pieces = pieces
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            await anyio.lowlevel.checkpoint()
            yield piece
        if self._cut:
            raise httpx.RemoteProtocolError(_CUT)


class SandboxTransport(httpx.AsyncBaseTransport):
    """Routes on the path alone: any origin leads to the sandbox."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the services would, or raise what httpx would raise."""
        body = await request.aread()
        incoming = Incoming(
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=[(name.lower(), value) for name, value in request.headers.raw],
            body=body,
            scheme=request.url.scheme,
        )
        timeouts = cast("Mapping[str, float | None]", request.extensions.get("timeout", {}))
        read_timeout = timeouts.get("read")
        connection = _InProcess(math.inf if read_timeout is None else read_timeout)
        try:
            answer = await self._exchange(incoming, connection)
        except Broken as broken:
            error, text = _ERRORS[broken.how]
            raise error(text, request=request) from _CAUSES.get(broken.how)
        pieces = answer.pieces or iter([answer.body[: len(answer.body) // 2] if answer.cut else answer.body])
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(pieces, cut=answer.cut))
