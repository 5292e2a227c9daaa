"""Both services' clients, made together and closed together."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from leadbridge.server import state
from leadbridge.server.catalog import SERVICES, Catalog
from leadbridge.server.config.loopback import is_loopback
from leadbridge.server.config.settings import Settings
from leadbridge.server.errors import Refused
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.exchange import Exchanges
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.services.uploads import Uploads
from leadbridge.server.state import Store
from leadbridge.server.state.rate_limit import RateLimitFile

if TYPE_CHECKING:
    import httpx


OURS = "leadbridge"
"""What is changed here, and at no service."""


@dataclass(frozen=True, slots=True)
class Services:
    """The clients of the services that have a key, by service id, and the company that works with them."""

    clients: Mapping[str, ServiceClient]
    company: str
    """As the state store names it: the case of its name does not matter."""
    simulated: frozenset[str]
    """Services that are the sandbox. One without a client counts as the others do, and so does LeadBridge itself."""
    uploads: Uploads
    """The way to the hosts that take RoofLink's files."""
    accounts: Mapping[str, str] = field(init=False)
    """The company's account at each service, as the state store names it; which key opens it does not matter."""
    all_simulated: bool = field(init=False)
    """Whether nothing here is real."""
    mixed: bool = field(init=False)
    """Whether one service is the sandbox and the other is not."""

    def __post_init__(self) -> None:
        """What follows from which are simulated."""
        accounts = {service: account_of(service, self.company, self.simulated) for service in (*SERVICES, OURS)}
        object.__setattr__(self, "accounts", accounts)
        object.__setattr__(self, "all_simulated", OURS in self.simulated)
        object.__setattr__(self, "mixed", bool(self.simulated) and not self.all_simulated)

    def shown_accounts(self, services: Iterable[str]) -> list[str]:
        """The company's accounts; without any key both the live and the simulated ones."""
        if self.clients:
            return [self.accounts[service] for service in services]
        return [f"{service}/{kind}{self.company}" for service in services for kind in ("", "sandbox/")]

    def lacks_sandbox_key(self, service: str) -> bool:
        """Whether it is called on this machine beside the sandbox, with a key that is not the sandbox's."""
        host = urlsplit(self.clients[service].base_url).hostname or ""
        return self.mixed and service not in self.simulated and is_loopback(host)

    def client(self, service: str) -> ServiceClient:
        """The client of a service that has a key."""
        try:
            return self.clients[service]
        except KeyError:
            raise Refused("no_key", f"there is no key for {service}.") from None

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            await client.aclose()


def account_of(service: str, company: str, simulated: Container[str]) -> str:
    """A company's account at a service; at the sandbox it is another one, whatever way leads there.

    At most 64 characters.
    """
    return f"{service}/{'sandbox/' if service in simulated else ''}{company}"


def rate_limiter_for(store: Store, *, service: str, requests: int, seconds: float, account: str) -> RateLimiter:
    """The rate limiter of an account on a service, shared by all processes with the same state store."""
    if store.in_memory:
        return RateLimiter(service, requests, seconds)
    if store.file is not None:
        return RateLimiter(service, requests, seconds, RateLimitFile(Path(f"{store.file}.rates"), account))
    return RateLimiter(service, requests, seconds, state.rate_limit_table.RateLimitTable(store, account))


def connect(
    catalog: Catalog,
    settings: Settings,
    *,
    secrets: Mapping[str, SecretStr],
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    rate_limiter: Callable[..., RateLimiter],
) -> Services:
    """Clients for every service that has a key in `secrets`; nothing is connected before the first request.

    `rate_limiter` makes the limiter of one account on one service. It is the company's and not the key's: a new key
    does not bring a new limit, as far as anybody knows.
    """
    clients: dict[str, ServiceClient] = {}
    company = settings.company.casefold()
    simulated = frozenset(service_id for service_id in secrets if settings.simulates(service_id))
    if secrets and simulated.issuperset(secrets):
        simulated = frozenset((*SERVICES, OURS))
    for service_id, secret in secrets.items():
        service = catalog.services[service_id]
        base_url = "" if settings.sandbox else settings.base_url(service_id)
        limiter = rate_limiter(
            service=service.title,
            requests=service.requests,
            seconds=service.seconds,
            account=account_of(service_id, company, simulated),
        )
        told = None if settings.sandbox else service_id in simulated
        clients[service_id] = ServiceClient(Exchanges(service, secret, base_url, transport, simulated=told), limiter)
    base_url = clients["rooflink"].base_url if "rooflink" in clients else ""
    host = urlsplit(base_url).hostname or ""
    return Services(clients, company, simulated, Uploads(is_loopback(host), transport))
