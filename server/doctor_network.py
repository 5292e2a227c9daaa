"""Whether a service's host is there: its name, its port, and its certificate. Nothing is asked of it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from server.findings import Finding
from server.loopback import is_loopback

SECONDS = 5.0
EXPIRES_SOON = 14
"""Days."""


def host_findings(title: str, base_url: str) -> Iterator[Finding]:
    """DNS, connection and TLS of the host of a base URL, within `SECONDS` each; it blocks."""
    parts = urlsplit(base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if not is_loopback(host) and parts.scheme in getproxies() and not proxy_bypass(host):
        yield Finding("ok", f"{title} host", f"{host} is reached through the proxy of the environment")
        return
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield Finding(
            "failure",
            f"{title} DNS",
            f"{host} could not be resolved: {_reason(error)}",
            "Check the network, the base URL.",
        )
        return
    yield Finding("ok", f"{title} DNS", f"{host} is {addresses[0][4][0]}")
    try:
        with socket.create_connection((host, port), SECONDS) as connection:
            if parts.scheme != "https":
                return
            yield _tls(title, host, connection)
    except OSError as error:
        yield Finding(
            "failure",
            f"{title} connection",
            f"{host}:{port} was not reached: {_reason(error)}",
            "Check the network, a firewall, the base URL.",
        )


def _tls(title: str, host: str, connection: socket.socket) -> Finding:
    try:
        with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secure:
            certificate = cast("dict[str, object]", secure.getpeercert() or {})
            version = secure.version() or "TLS"
    except ssl.SSLCertVerificationError as error:
        return Finding(
            "failure",
            f"{title} TLS",
            f"the certificate of {host} is not accepted: {error.verify_message}",
            "Check the clock, and whether a proxy reads along.",
        )
    except ssl.SSLError as error:
        told = (error.reason or "no reason given").replace("_", " ").lower()
        return Finding(
            "failure", f"{title} TLS", f"no handshake with {host}: {told}", "Check the base URL and its port."
        )
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate.get("notAfter"))), UTC)
    days = (expires - datetime.now(UTC)).days
    return Finding(
        "warning" if days < EXPIRES_SOON else "ok", f"{title} TLS", f"{version}, certificate good for {days} more days"
    )


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    return error.strerror or (os.strerror(error.errno) if error.errno else type(error).__name__)
