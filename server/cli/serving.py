"""`leadbridge serve`: the server on stdin and stdout, or over HTTP on this machine, and the line that says which."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING

import anyio
from mcp.server.transport_security import TransportSecuritySettings

from leadbridge.server import __version__, logs
from leadbridge.server.config.loopback import LoopbackOnly, listen, origin_of
from leadbridge.server.mcp.server import LeadBridgeServer
from leadbridge.server.writes.sending import all_recorded

if TYPE_CHECKING:
    from leadbridge.server.config.settings import Settings

LARGEST_MESSAGE = 256 * 1024
"""Bytes of a request over HTTP. The longest arguments of a tool have some 20,000 characters."""
_STDIN, _STDOUT, _STDERR = range(3)
_BYTE_ORDER_MARK = "\ufeff"
_ESCAPE = re.compile(r"(\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\(?!u[dD][89a-fA-F]).)|\\u[dD]\w{3}")
"""An escape of JSON; the first group is empty for half of a surrogate pair."""
_LOST = r"\ufffd"


class Messages(TextIOWrapper):
    """The lines of a client that writes one message on each, without what programs on Windows put around them.

    Half of a character, which no JSON parser here takes, becomes a lost one: arguments refuse it with their name.
    """

    def readline(self, size: int = -1, /) -> str:
        """The next line that is not blank, without a byte order mark; empty at the end."""
        while line := super().readline(size):
            line = line.lstrip(_BYTE_ORDER_MARK)
            if line.strip():
                return _ESCAPE.sub(lambda found: found[1] or _LOST, line) if "\\ud" in line.lower() else line
        return ""


class Replies(anyio.AsyncFile[str]):
    """The lines to a client, each in one step of a worker thread: the file below sends a line as it is written."""

    async def flush(self) -> None:
        """Nothing is left to be sent."""


def over_stdio(server: LeadBridgeServer, settings: Settings) -> None:
    """Serve until stdin is closed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would end it with a traceback
    stdin = os.fdopen(os.dup(_STDIN), "rb", closefd=False)
    messages = anyio.wrap_file(Messages(stdin, encoding="utf-8", errors="replace"))
    stdout = os.fdopen(os.dup(_STDOUT), "wb", closefd=False)
    with suppress(OSError):  # a host may have closed stderr
        os.dup2(_STDERR, _STDOUT)  # what a library prints is not a reply
    replies = Replies(TextIOWrapper(stdout, encoding="utf-8", newline="\n", line_buffering=True))
    logs.say(f"LeadBridge {__version__} on stdio ({_what(server, settings)}). Waiting for an MCP client; Ctrl-C stops.")
    anyio.run(_serve, partial(server.run_stdio_async, messages, replies))


async def _serve(serve: Callable[[], Awaitable[None]]) -> None:
    """Serve until the session ends, or a signal ends the process; on Windows a signal ends it at once."""
    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":
            tasks.start_soon(_end_by_signal, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        await serve()
        tasks.cancel_scope.cancel()


async def _end_by_signal(*numbers: signal.Signals) -> None:
    """Die of the first of these signals, once the writes that are under way are on record.

    An orderly end would wait for the thread that reads stdin, until the client closes it.
    """
    with anyio.open_signal_receiver(*numbers) as signals:
        async for number in signals:
            await all_recorded()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


def over_http(server: LeadBridgeServer, settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        ValueError: a host that other machines can reach.
        OSError: the address cannot be had, or the port is taken.
    """
    import uvicorn

    with listen(host, port) as sock:
        app = server.streamable_http_app(
            host=host,
            max_request_body_size=LARGEST_MESSAGE,
            # The SDK's own check is off for every address but three, and takes no Host without a port.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        config = uvicorn.Config(LoopbackOnly(app), log_config=None, access_log=False)
        logs.say(f"LeadBridge {__version__} at {origin_of(sock)}/mcp ({_what(server, settings)}). Ctrl-C stops it.")
        anyio.run(uvicorn.Server(config).serve, [sock])


def _what(server: LeadBridgeServer, settings: Settings) -> str:
    titles = {"rooflink": "RoofLink", "renovationfind": "RenovationFind"}
    simulated = {name: settings.simulates(name) for name in titles if settings.sandbox or settings.secret(name)}
    services = " and ".join(f"{titles[name]}{' (sandbox)' * one}" for name, one in simulated.items())
    return f"{'sandbox' if all(simulated.values()) else services}, {server.tool_count} tools"
