"""What a server without a sign-in needs: it listens on this machine only, and answers no web page from elsewhere."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_AUTHORITY = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s\[\]:/@?#\\]+))(?::[0-9]{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://(?P<authority>.+)", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its address or as `localhost`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plain_url(url: str) -> SplitResult | None:
    """The parts of a URL; `None` for one without a host, with a user or a password, or with what cannot be seen."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    plain = host and url.isascii() and url.isprintable() and "@" not in parts.netloc
    return parts if plain else None


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a loopback address; port 0 takes a free one.

    Raises:
        ValueError: a host that other machines can reach.
        OSError: the address cannot be had, or the port is taken.
    """
    if not is_loopback(host):
        raise ValueError(f"{host!r} is not an address of this machine alone; it listens on loopback only")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family)
    # Accepted connections inherit it; without it, each answer on a kept-alive connection waits 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def origin_of(listening: socket.socket) -> str:
    """The URL at which a socket listens, without a path."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class LoopbackOnly:
    """An ASGI app that refuses what a web page from elsewhere could send.

    A page reaches a loopback port under a name of its own that it lets point here (DNS rebinding): then `Host` is that
    name. Or it sends a request that it cannot read the answer of: then the browser names the page in `Origin`.
    Programs that are not browsers send no `Origin`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 or 403, or hand on."""
        if scope["type"] == "http" and (refusal := _refusal(scope)):
            from starlette.responses import PlainTextResponse

            status, text = refusal
            await PlainTextResponse(text, status)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _is_here(hosts[0]):
        return 421, "Invalid Host header: this server answers under a loopback address or localhost only"
    for name, value in headers:
        if name == b"origin":
            found = _ORIGIN.fullmatch(value.decode("latin-1"))
            if found is None or not _is_here(found["authority"]):
                return 403, "Invalid Origin header: this server answers no web page from elsewhere"
    return None


def _is_here(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    return found is not None and is_loopback(found["v6"] or found["name"])
