"""The sandbox's door on the network: reads a request, answers it, or really breaks the connection."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import anyio
from starlette.types import Message, Receive, Scope, Send

from leadbridge.server.sandbox.exchange import Answer, Broken, Connection, Incoming

CONNECTION = "sandbox.connection"
"""Where the server puts the asyncio transport of a connection, among the scope's extensions."""


class Exchanging(Protocol):
    """What answers."""

    async def exchange(self, incoming: Incoming, connection: Connection) -> Answer:
        """Answer a request, or raise Broken."""
        ...


class _OverNetwork:
    """Waits until the time is up or the caller hangs up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def wait(self, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            while (await self._receive())["type"] != "http.disconnect":
                pass
            return False
        return True


class Front:
    """An ASGI app around an exchange."""

    def __init__(self, sandbox: Exchanging) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        incoming = Incoming(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=list(scope["headers"]),
            body=await _body(receive),
            scheme=scope["scheme"],
        )
        try:
            answer = await self._sandbox.exchange(incoming, _OverNetwork(receive))
        except Broken:
            await _break(scope)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if answer.cut:
            await send(_piece(answer.body[: len(answer.body) // 2], more=True))
            await _break(scope, flush=True)
            return
        for piece in answer.pieces or ():
            await send(_piece(piece, more=True))
        await send(_piece(b"" if answer.pieces else answer.body, more=False))


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _break(scope: Scope, *, flush: bool = False) -> None:
    """End the TCP connection below the server, which needs a moment to notice."""
    transport = cast("asyncio.Transport | None", scope.get("extensions", {}).get(CONNECTION))
    if transport is None:
        raise RuntimeError("only leadbridge.server.sandbox.serve can break a connection")
    if flush:
        transport.close()
    else:
        transport.abort()
    await anyio.sleep(0.01)
