"""Why a host was not reached, in words for the person who can mend it. Until a request has left, nothing was sent."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.server.services.network.proxies import Proxy
from leadbridge.server.services.network.trust import FILE, trust_source
from leadbridge.server.text import label

Leave = Callable[[], Awaitable[None]]

_EXPIRED, _TOO_EARLY, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
_UNKNOWN_ISSUER = {18, 19, 20, 21}
"""Codes of OpenSSL's verification, see `man x509_verify_cert_error_string`."""


@dataclass(slots=True)
class Progress:
    """How far a request came, from the events that httpcore's `trace` extension reports."""

    stage: str = ""
    left: bool = False
    """Whether the request began to leave, so that the service may have it; a proxy's CONNECT is not the request."""
    connected: Callable[[str], None] | None = None
    """Looks at the address that a connection was made to, a proxy's or the host's, and may refuse it by raising."""
    leave: Leave | None = None
    """Asked right before the request begins to leave, when the connection is there; refuses by raising."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of an event such as `connection.connect_tcp.started`."""
        if event.endswith(".started"):
            self.stage = event.removesuffix(".started")
            if self.stage == "http11.send_request_headers" and info["request"].method != b"CONNECT":
                await self.leaves()
        elif event == "connection.connect_tcp.complete" and self.connected is not None:
            stream = info["return_value"]
            try:
                self.connected(str(stream.get_extra_info("server_addr")[0]))
            except BaseException:
                await stream.aclose()
                raise

    async def leaves(self) -> None:
        """The request begins to leave now, unless it may not."""
        if self.leave is not None:
            await self.leave()
        self.left = True


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a connection could not be made, and what to do; `lasting` where another try cannot help."""

    why: str
    next_step: str
    lasting: bool = False


def explain(error: BaseException, host: str, proxy: Proxy | None, stage: str = "") -> Failure:
    """Words for an error that came before the request left; `host` is the service's."""
    at_proxy = proxy is not None and stage.startswith("connection.")
    place = str(proxy) if at_proxy else host
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate(cause, place)
    if proxy is not None and not at_proxy and not stage.endswith(".start_tls"):
        return _tunnel(error, host, proxy)
    if stage.endswith(".start_tls") or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Failure(
            f"no TLS handshake with {place} was possible",
            "Check the base URL and its port, and whether a proxy or a firewall is in between.",
        )
    step = f"Check {proxy.source} and the network, then try again." if proxy is not None and at_proxy else ""
    step = step or "Check the network and the base URL, then try again."
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure(f"the host name of {place} could not be resolved", step)
    if any(isinstance(cause, TimeoutError) for cause in causes) or "Timeout" in type(error).__name__:
        return Failure(f"the connection to {place} took too long", step)
    return Failure(f"the connection to {place} was refused or could not be made", step)


def _certificate(error: ssl.SSLCertVerificationError, place: str) -> Failure:
    if error.verify_code in {_EXPIRED, _TOO_EARLY}:
        state = "has expired" if error.verify_code == _EXPIRED else "is not valid yet"
        return Failure(
            f"the certificate of {place} {state}",
            "Check the date and time of this computer. If they are right, whoever runs the host must renew it.",
            lasting=True,
        )
    if error.verify_code in {_OTHER_NAME, _OTHER_ADDRESS}:
        return Failure(
            f"the certificate that {place} showed is for another host name",
            "Check the base URL, and whether a proxy or a sign-in page of the network answers in its place.",
            lasting=True,
        )
    if error.verify_code in _UNKNOWN_ISSUER:
        issuers = [repr(label(name, limit=80)) for name in getattr(error, "__notes__", ())]
        issuer = issuers[0] if issuers else "an authority"
        why = f"the certificate of {place} was issued by {issuer}, which {trust_source()} does not trust"
    else:
        why = f"the certificate of {place} is not accepted ({label(error.verify_message, limit=120)})"
    return Failure(
        why,
        f"If your office's proxy or virus scanner opens TLS connections, set {FILE} to a file with its certificate in "
        "PEM form (ask whoever runs the network).",
        lasting=True,
    )


def _tunnel(error: BaseException, host: str, proxy: Proxy) -> Failure:
    """A proxy that did not connect to the host. Its own words are not repeated, only its status."""
    message = str(error) if type(error).__name__ == "ProxyError" else ""
    status = found.group() if (found := re.match(r"[1-5]\d\d\b", message)) else ""
    code = f" ({status})" if status else ""
    if status == "407" or re.search(r"username|requested", message, re.IGNORECASE):
        wants = "did not accept the user and password given" if proxy.auth else "asks for a user and a password"
        return Failure(
            f"{proxy} {wants}{code}",
            f"Give them in {proxy.source} as SCHEME://USER:PASSWORD@HOST:PORT.",
            lasting=True,
        )
    if status.startswith("4") or "ruleset" in message:
        return Failure(
            f"{proxy} refused to connect to {host}{code}",
            f"Ask whoever runs the proxy to allow {host}; if it can be reached directly, add it to NO_PROXY.",
            lasting=True,
        )
    if message:
        return Failure(f"{proxy} could not connect to {host}{code}", "Try again later.")
    if "Timeout" in type(error).__name__:
        return Failure(f"{proxy} did not connect to {host} in time", "Try again later.")
    return Failure(f"{proxy} broke the connection, or is not a proxy", f"Check {proxy.source}, then try again.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made from; httpcore carries that as its argument."""
    for _ in range(10):
        yield error
        inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        following = error.__cause__ or inner or error.__context__
        if following is None:
            return
        error = following
