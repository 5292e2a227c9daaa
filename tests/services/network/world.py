"""A service, and proxies before it, on loopback: real sockets, and TLS with certificates made for the test."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp.client.session import ElicitationFnT

from leadbridge.server.app import build_server
from tests.support import Version, make_settings

HOST = "rooflink.invalid"
KEYS = {"rooflink_api_key": "rl-key-123456", "renovationfind_token": "aaaaaa.bbbbbb.cccccc"}
_MODES = {"modern": "auto", "legacy": "legacy"}
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port on which a handler is served until the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        await _closed(writer)
        tasks.discard(task)

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError, asyncio.CancelledError):
        await asyncio.wait_for(writer.wait_closed(), 2)


@dataclass
class Service:
    """Answers every request with one record, and remembers over which connection it came."""

    answer: dict[str, Any] = field(default_factory=lambda: {"id": 7, "name": "Ann Example"})
    headers: str = ""
    body: bytes = b""
    connections: int = 0
    requests: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
            )
            await reader.readexactly(length)
            self.requests.append((head.split(" ")[0], number))
            body = self.body or json.dumps(self.answer).encode()
            writer.write(f"HTTP/1.1 200 OK\r\n{self.headers}content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()


@dataclass
class HttpProxy:
    """Answers CONNECT with a status (0: cuts the connection), and with 200 leads to `port`, whatever was asked for."""

    status: int = 200
    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self.status == 0:
            return
        writer.write(f"HTTP/1.1 {self.status} Word of the proxy\r\ncontent-length: 0\r\n\r\n".encode())
        if self.status == 200:
            await _joined(reader, writer, self.port)


@dataclass
class NoProxyAtAll:
    """Answers everything with an HTTP error, as a web server would."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()


@dataclass
class SocksProxy:
    """SOCKS 5 with or without a login; `reply` other than 0 refuses."""

    reply: int = 0
    login: tuple[str, str] | None = None
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        offered = await reader.readexactly((await reader.readexactly(2))[1])
        wanted = 2 if self.login else 0
        writer.write(bytes([5, wanted if wanted in offered else 255]))
        if self.login:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            right = (user.decode(), password.decode()) == self.login
            writer.write(bytes([1, 0 if right else 1]))
        kind = (await reader.readexactly(4))[3]
        assert kind == 3, "the name goes to the proxy, which looks it up"
        name = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        self.asked.append((name, int.from_bytes(await reader.readexactly(2), "big")))
        writer.write(bytes([5, self.reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if not self.reply:
            await _joined(reader, writer, self.port)


async def _joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()

    try:
        await asyncio.gather(copy(reader, back), copy(there, writer))
    finally:
        await _closed(back)


@asynccontextmanager
async def connected(
    base_url: str, *, version: Version = "modern", person: ElicitationFnT | None = None, **settings: Any
) -> AsyncIterator[Client]:
    """A client of a server whose services are at this address."""
    values = {"rooflink_base_url": base_url, "renovationfind_base_url": base_url, **KEYS, **settings}
    server = build_server(make_settings(sandbox=False, **values))
    async with Client(server, mode=_MODES[version], elicitation_callback=person) as client:
        yield client
