"""The sandbox as a real HTTP server on loopback, whose connections really break when a fault says so."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from leadbridge.server.config.loopback import LoopbackOnly, listen, origin_of
from leadbridge.server.sandbox.faults import UNREACHABLE
from leadbridge.server.sandbox.front import CONNECTION
from leadbridge.server.sandbox.options import RENOVATIONFIND_ROOT, ROOFLINK_ROOT
from leadbridge.server.sandbox.simulator import Sandbox
from leadbridge.server.sandbox_keys import (
    SANDBOX_HEADER,
    SANDBOX_HOME,
    SANDBOX_RENOVATIONFIND_TOKEN,
    SANDBOX_ROOFLINK_KEY,
)


class BreakableProtocol(H11Protocol):
    """Hands its TCP connection to the app, among the scope's extensions."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection for the requests that come over it."""
        super().connection_made(transport)
        app = cast("ASGIApp", self.app)

        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = transport
            await app(scope, receive, send)

        self.app = with_connection


def naming_itself(app: ASGIApp) -> ASGIApp:
    """The same app, with the sandbox's header in whatever it answers."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (SANDBOX_HEADER.encode(), b"simulated")
                message = {**message, "headers": [*message.get("headers", []), header]}
            await send(message)

        await app(scope, receive, send_named)

    return named


def bind(sandbox: Sandbox, host: str, port: int) -> tuple[uvicorn.Server, socket.socket]:
    """A server that is not yet running, and its socket, which already listens. Port 0 takes a free one.

    `server.run(sockets=[sock])` blocks until a signal comes or `server.should_exit` is set.

    Raises:
        ValueError: a host that other machines can reach, or a fault that a server cannot simulate.
        OSError: the port is taken.
    """
    wrong = [fault.kind for fault in sandbox.faults if fault.kind in UNREACHABLE]
    if wrong:
        raise ValueError(f"{wrong[0]} can be simulated in the same process only")
    config = uvicorn.Config(
        naming_itself(LoopbackOnly(sandbox.app)),
        http=BreakableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config), listen(host, port)


def addresses(sock: socket.socket) -> dict[str, str]:
    """The settings with which LeadBridge uses the server on this socket."""
    origin = origin_of(sock)
    return {
        "LEADBRIDGE_ROOFLINK_BASE_URL": origin + ROOFLINK_ROOT,
        "LEADBRIDGE_ROOFLINK_API_KEY": SANDBOX_ROOFLINK_KEY,
        "LEADBRIDGE_RENOVATIONFIND_BASE_URL": origin + RENOVATIONFIND_ROOT,
        "LEADBRIDGE_RENOVATIONFIND_TOKEN": SANDBOX_RENOVATIONFIND_TOKEN,
    }


def run(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until interrupted. Writes one line to stdout, the settings of `addresses` as `NAME=value`.

    Raises:
        ValueError, OSError: see `bind`.
    """
    server, sock = bind(sandbox, host, port)
    with sock:
        sys.stdout.write(" ".join(f"{name}={value}" for name, value in addresses(sock).items()) + "\n")
        sys.stdout.flush()
        sys.stderr.write(f"What happens, and how to steer it: {origin_of(sock)}{SANDBOX_HOME} Ctrl-C stops it.\n")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[sock])
