"""Both services' clients, made together and closed together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from server.api.client import ServiceClient
from server.api.governor import Governor
from server.api.uploads import Uploads
from server.catalog import Catalog
from server.settings import Settings, is_loopback

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Services:
    """The clients of the services that have a key, by service id, and the account each key stands for."""

    clients: Mapping[str, ServiceClient]
    accounts: Mapping[str, str]
    uploads: Uploads
    """The way to the hosts that take RoofLink's files."""

    def account(self, service: str) -> str:
        """A fingerprint of a service's key and base URL: the same key on the same service is the same account."""
        return self.accounts.get(service, "")

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            await client.aclose()


def connect(
    catalog: Catalog,
    settings: Settings,
    *,
    secrets: Mapping[str, SecretStr],
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    governor: Callable[..., Governor],
) -> Services:
    """Clients for every service that has a key in `secrets`; nothing is connected before the first request.

    `governor` makes the governor of one account on one service.
    """
    clients: dict[str, ServiceClient] = {}
    accounts: dict[str, str] = {}
    for service_id, secret in secrets.items():
        service = catalog.services[service_id]
        base_url = ("" if settings.sandbox else settings.base_url(service_id)) or service.base_url
        kind = "sandbox" if settings.sandbox else "live"
        identity = f"{kind}\n{base_url.rstrip('/')}\n{secret.get_secret_value()}"
        account = accounts[service_id] = hashlib.sha256(identity.encode()).hexdigest()[:16]
        clients[service_id] = ServiceClient(
            service,
            base_url=base_url,
            secret=secret,
            governor=governor(
                service=service.title, requests=service.requests, seconds=service.seconds, account=account
            ),
            transport=transport,
        )
    base_url = clients["rooflink"].base_url if "rooflink" in clients else ""
    host = urlsplit(base_url).hostname or ""
    return Services(clients, accounts, Uploads("rooflink", is_loopback(host), transport))
