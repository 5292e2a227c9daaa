"""One request and its answer, whichever way it came: over a socket or in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole request, its body read."""

    method: str
    path: str
    """Percent-decoded."""
    query: bytes
    headers: list[tuple[bytes, bytes]]
    """Names in lower case."""
    body: bytes
    scheme: str = "http"

    def header(self, name: bytes) -> str:
        """The header's first value, or nothing."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), "")


@dataclass(slots=True)
class Answer:
    """A whole answer, but for a streamed one, whose pieces come from `pieces`."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    body: bytes = b""
    pieces: Iterator[bytes] | None = None
    cut: bool = False
    """Whether the connection ends after half of what `content-length` promised."""

    def with_header(self, name: str, value: str) -> Answer:
        """The same answer with this header set, or taken out if the value is empty."""
        kept = [(key, old) for key, old in self.headers if key.decode("latin-1") != name.lower()]
        if value:
            kept.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        self.headers = kept
        return self


class Broken(Exception):
    """The connection fails in this way instead of carrying an answer; `how`: a fault's kind or an exception's name."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Connection(Protocol):
    """What a fault needs of the way to the caller."""

    async def wait(self, seconds: float) -> bool:
        """Let time pass; false as soon as the caller has gone away, or would have."""
        ...


async def call(app: ASGIApp, incoming: Incoming) -> Answer:
    """Ask an ASGI app, in this task, without a server."""
    host, _, port = incoming.header(b"host").partition(":")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": incoming.method,
        "scheme": incoming.scheme,
        "path": incoming.path,
        "raw_path": incoming.path.encode(),
        "query_string": incoming.query,
        "root_path": "",
        "headers": incoming.headers,
        "client": ("127.0.0.1", 0),
        "server": (host or "sandbox", int(port) if port.isdigit() else None),
    }
    answer = Answer(500)

    async def receive() -> Message:
        return {"type": "http.request", "body": incoming.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer
