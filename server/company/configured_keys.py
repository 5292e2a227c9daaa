"""The configured keys, as they are remembered: never the key itself, and its address in one spelling."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from leadbridge.server.config.settings import Settings, is_loopback
from leadbridge.server.services.services import Services


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A configured key: what it is remembered by, the usual spelling of its address first, and whom it names."""

    identities: tuple[str, ...]
    subject: str


def keys_of(settings: Settings, services: Services) -> Mapping[str, ServiceKey]:
    """The configured keys by service, but for the sandbox's: it is one for all."""
    keys: dict[str, ServiceKey] = {}
    for service, client in services.clients.items():
        secret = settings.secret(service)
        if service in services.simulated or secret is None:
            continue
        addresses = dict.fromkeys((usual_address(client.base_url), client.base_url))
        named = client.key_claims.subject
        keys[service] = ServiceKey(
            tuple(_identity(address, secret.get_secret_value()) for address in addresses),
            f"{service}\n{named}" if named else "",
        )
    return keys


def _identity(address: str, key: str) -> str:
    """A key at an address, as it was digested until schema 4; it never goes into the store as it is."""
    return hashlib.sha256(f"live\n{address}\n{key}".encode()).hexdigest()[:16]


def usual_address(url: str) -> str:
    """An address in its usual spelling: `HTTP://LocalHost:80/api/` is `http://127.0.0.1/api`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    host = "127.0.0.1" if is_loopback(host) else f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, {"https": 443, "http": 80}.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def is_nobodys(account: str) -> bool:
    """Whether it is an account of an earlier version that no company has taken over."""
    return "/" not in account


def company_in(account: str) -> str:
    """The company whose account it is."""
    return account.partition("/")[2]
