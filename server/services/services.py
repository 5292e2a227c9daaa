"""Both services' clients, made together and closed together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from leadbridge.server.catalog import Catalog
from leadbridge.server.config.loopback import is_loopback
from leadbridge.server.config.settings import Settings
from leadbridge.server.errors import Refused
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.governor import Governor
from leadbridge.server.services.uploads import Uploads

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Services:
    """The clients of the services that have a key, by service id, and the company that works with them."""

    clients: Mapping[str, ServiceClient]
    company: str
    uploads: Uploads
    """The way to the hosts that take RoofLink's files."""

    def account(self, service: str) -> str:
        """The company's account at a service, as the state store names it; which key opens it does not matter."""
        return account_of(service, self.company)

    def client(self, service: str) -> ServiceClient:
        """The client of a service that has a key."""
        try:
            return self.clients[service]
        except KeyError:
            raise Refused("no_key", f"Nothing was sent: there is no key for {service}.") from None

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            await client.aclose()


def account_of(service: str, company: str) -> str:
    """A company's account at a service, as the state store names it; at most 64 characters."""
    return f"{service}/{company}"


def company_of(settings: Settings) -> str:
    """The company as the state store names it: the case of its name does not matter, a simulated one is another."""
    company = settings.company.casefold()
    return f"sandbox/{company}" if settings.sandbox else company


def connect(
    catalog: Catalog,
    settings: Settings,
    *,
    secrets: Mapping[str, SecretStr],
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    governor: Callable[..., Governor],
) -> Services:
    """Clients for every service that has a key in `secrets`; nothing is connected before the first request.

    `governor` makes the governor of one account on one service. It is the company's and not the key's: a new key does
    not bring a new limit, as far as anybody knows.
    """
    clients: dict[str, ServiceClient] = {}
    company = company_of(settings)
    for service_id, secret in secrets.items():
        service = catalog.services[service_id]
        base_url = ("" if settings.sandbox else settings.base_url(service_id)) or service.base_url
        clients[service_id] = ServiceClient(
            service,
            base_url=base_url,
            secret=secret,
            governor=governor(
                service=service.title,
                requests=service.requests,
                seconds=service.seconds,
                account=account_of(service_id, company),
            ),
            transport=transport,
        )
    base_url = clients["rooflink"].base_url if "rooflink" in clients else ""
    host = urlsplit(base_url).hostname or ""
    return Services(clients, company, Uploads("rooflink", is_loopback(host), transport))
