"""Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, or the system's settings."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from leadbridge.server.config.loopback import is_loopback
from leadbridge.server.errors import NetworkSettingError

PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_ALLOWED = "allowed is http://, https://, socks5:// or socks5h:// with host and port, such as http://proxy.example:3128"
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, where its address comes from, and the user and password it wants, which are never shown."""

    url: str
    """Scheme, host and port, without user and password."""
    source: str
    """The variable that names it, as it is written in the environment."""
    auth: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"the proxy {self.url} ({self.source})"


def proxy_for(url: str) -> Proxy | None:
    """The proxy for a URL, if it goes through one. This machine itself is always reached directly.

    Raises:
        NetworkSettingError: the address of the proxy cannot be read; names the variable, never its value.
    """
    parts = urlsplit(url)
    host, proxies = parts.hostname or "", getproxies()
    scheme = next((name for name in (parts.scheme, "all") if proxies.get(name, "").strip()), "")
    if not scheme or is_loopback(host):
        return None
    exceptions = getproxies_environment().get("no")
    port = parts.port or PORTS.get(parts.scheme, 0)
    if proxy_bypass(host) if exceptions is None else _excepted(host, port, exceptions):
        return None
    return _parsed(proxies[scheme], _source(f"{scheme}_proxy"))


def _source(name: str) -> str:
    """The variable as it is written; lower case wins where both are set, as everywhere."""
    for spelling in (name, name.upper(), *os.environ):
        if spelling.lower() == name and os.environ.get(spelling, "").strip():
            return spelling
    return "the system's proxy settings"


def _parsed(value: str, source: str) -> Proxy:
    """The parts of an address as people write it: without scheme, with blanks, with any characters in the password."""

    def refuse(why: str) -> NoReturn:
        raise NetworkSettingError(source, f"{why}; {_ALLOWED}")

    text = value.strip().strip("\"'").strip()
    scheme, _, rest = text.partition("://") if "://" in text else ("http", "", text)
    scheme = scheme.lower()
    if scheme == "socks":  # what GNOME writes; it means the current version
        scheme = "socks5"
    if scheme not in PORTS:
        refuse("the address does not begin with a scheme that LeadBridge supports")
    login, at, place = rest.rpartition("@")
    try:
        parts = urlsplit(f"//{re.split('[/?#]', place, maxsplit=1)[0]}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        refuse("the host or the port cannot be read (an IPv6 address needs brackets)")
    if ":" in host:
        host = f"[{host}]"
    elif not _HOST.fullmatch(host) or (host.replace(".", "").isdecimal() and not _is_address(host)):
        refuse("the host cannot be read")
    if port == 0:
        refuse("the port is 0")
    user, _, password = login.partition(":")
    auth = (unquote(user), unquote(password)) if at and login else None
    return Proxy(f"{scheme}://{host}:{port or PORTS[scheme]}", source, auth)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `NO_PROXY` names a host: `*`, names with all below them, addresses, networks, each also with a port."""
    host = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for name, only_port in _entries(exceptions):
        if only_port not in {"", str(port)}:
            continue
        if name == "*":
            return True
        if address is None:
            if name and (host == name or host.endswith(f".{name}")):
                return True
            continue
        try:
            if address in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def _entries(exceptions: str) -> Iterator[tuple[str, str]]:
    """Name and port (or an empty text) of each entry, between commas or blanks."""
    for written in re.split(r"[\s,;]+", exceptions.lower()):
        entry = written.strip("\"'").rpartition("://")[2]
        found = re.fullmatch(
            r"\[(?P<six>[^]]*)\](?::(?P<port6>\d+))?(?P<length>/\d+)?|(?P<name>[^:]*):(?P<port>\d+)", entry
        )
        if found is None:
            name, port = entry, ""
        elif found["six"] is not None:
            name, port = found["six"] + (found["length"] or ""), found["port6"] or ""
        else:
            name, port = found["name"], found["port"]
        yield name if name == "*" else name.removeprefix("*").lstrip(".").rstrip("."), port
