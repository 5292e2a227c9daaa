"""The connections that carry a key or a customer's file: direct or through a proxy, over TLS that is checked."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from leadbridge.server.services.network.proxies import proxy_for
from leadbridge.server.services.network.trust import tls_context

MakeTransport = Callable[[], httpx.AsyncBaseTransport]


def open_connections(
    url: str, transport: MakeTransport | None = None, *, keep_alive: bool = True
) -> httpx.AsyncBaseTransport:
    """What carries requests to the origin of `url`; `transport` takes the network's place.

    Not httpx's client, which would go on to redirects, and keep cookies. Without `keep_alive` each request gets a new
    connection, which is closed after it.

    Raises:
        NetworkSettingError: a variable for proxies or certificates cannot be used.
    """
    if transport is not None:
        return transport()
    proxy = proxy_for(url)
    over_tls = proxy is not None and proxy.url.startswith("https:")
    return httpx.AsyncHTTPTransport(
        verify=tls_context(url),
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=20 if keep_alive else 0, max_connections=100, keepalive_expiry=5),
        proxy=proxy
        and httpx.Proxy(proxy.url, auth=proxy.auth, ssl_context=tls_context(proxy.url) if over_tls else None),
    )
