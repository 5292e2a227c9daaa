"""Whether a service's host is there: its name, its port, and its certificate. Nothing is asked of it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

from leadbridge.server.doctor.findings import Finding
from leadbridge.server.errors import NetworkSettingError
from leadbridge.server.services.network.failures import explain
from leadbridge.server.services.network.proxies import PORTS, proxy_for
from leadbridge.server.services.network.trust import tls_context, trust_source

SECONDS = 5.0
EXPIRES_SOON = 14
"""Days."""


def way_findings(addresses: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """The variables that decide how services (title and base URL) are reached; no host is called."""
    for title, url in addresses:
        try:
            proxy = proxy_for(url)
        except NetworkSettingError as error:
            yield Finding("failure", f"{title} proxy", str(error), f"Correct {error.source}.")
        else:
            yield Finding("ok", f"{title} proxy", f"reached through {proxy}" if proxy else "none: reached directly")
    try:
        tls_context("https:")
    except NetworkSettingError as error:
        yield Finding("failure", "certificates", str(error), f"Correct {error.source}.")
    else:
        yield Finding("ok", "certificates", f"those of {trust_source()} are trusted")
    if os.environ.get("SSLKEYLOGFILE"):
        yield Finding("ok", "SSLKEYLOGFILE", "not used: LeadBridge never writes the keys of its connections to a file")


def host_findings(title: str, base_url: str) -> Iterator[Finding]:
    """DNS, connection and TLS of the host of a base URL, or of its proxy, within `SECONDS` each; it blocks."""
    try:
        proxy = proxy_for(base_url)
        context = tls_context(base_url)
    except NetworkSettingError as error:
        yield Finding("failure", f"{title} connection", f"not tried, because {error.source} cannot be used")
        return
    parts = urlsplit(proxy.url if proxy else base_url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    name = f"{proxy}" if proxy else host
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        do = f"Check the network, and {proxy.source if proxy else 'the base URL'}."
        yield Finding("failure", f"{title} DNS", f"{name} could not be resolved: {_reason(error)}", do)
        return
    if host != addresses[0][4][0]:
        yield Finding("ok", f"{title} DNS", f"{name} is {addresses[0][4][0]}")
    try:
        with socket.create_connection((host, port), SECONDS) as connection:
            if proxy is None and parts.scheme == "https":
                yield _tls(title, host, connection, context)
    except OSError as error:
        where = f"{name}" if proxy else f"{host}:{port}"
        do = f"Check the network, a firewall, and {proxy.source if proxy else 'the base URL'}."
        yield Finding("failure", f"{title} connection", f"{where} was not reached: {_reason(error)}", do)


def _tls(title: str, host: str, connection: socket.socket, context: ssl.SSLContext) -> Finding:
    try:
        with context.wrap_socket(connection, server_hostname=host) as secure:
            certificate = cast("dict[str, object]", secure.getpeercert() or {})
            version = secure.version() or "TLS"
    except ssl.SSLCertVerificationError as error:
        failure = explain(error, host, None)
        return Finding("failure", f"{title} TLS", failure.why, failure.next_step)
    except ssl.SSLError as error:
        reason = (error.reason or "no reason given").replace("_", " ").lower()
        return Finding(
            "failure", f"{title} TLS", f"no handshake with {host}: {reason}", "Check the base URL and its port."
        )
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate.get("notAfter"))), UTC)
    days = (expires - datetime.now(UTC)).days
    return Finding(
        "warning" if days < EXPIRES_SOON else "ok", f"{title} TLS", f"{version}, certificate good for {days} more days"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    if not isinstance(error, OSError):
        return "it is not a host name"
    return error.strerror or (os.strerror(error.errno) if error.errno else type(error).__name__)
