"""What a tool can reach: the clients, the guards and the settings of this server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mcp.server.mcpserver import Context

from server.api.client import ServiceClient
from server.api.renovationfind import RenovationFind
from server.api.rooflink import RoofLink
from server.api.services import Services
from server.catalog import Catalog, Operation
from server.errors import Refused
from server.guard.approval import Approvals
from server.guard.company import Company
from server.guard.leads import KnownLeads
from server.guard.ledger import Ledger
from server.guard.observations import Observations
from server.guard.open_questions import OpenQuestions
from server.settings import Settings
from server.state import Store


@dataclass(frozen=True, slots=True)
class Deck:
    """Everything that lives as long as the server, made once in its lifespan."""

    settings: Settings
    catalog: Catalog
    services: Services
    store: Store
    company: Company
    approvals: Approvals
    questions: OpenQuestions
    ledger: Ledger
    leads: KnownLeads
    observations: Observations
    hidden: dict[str, str]
    """Tools that are not offered, and why."""
    offered: frozenset[str]
    """Operations that an offered tool uses."""

    def client(self, service: str) -> ServiceClient:
        """The client of a service that has a key."""
        try:
            return self.services.clients[service]
        except KeyError:
            raise Refused("no_key", f"Nothing was sent: there is no key for {service}.") from None

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's typed reads."""
        return RoofLink(self.client("rooflink"), self.catalog)

    @property
    def renovationfind(self) -> RenovationFind:
        """RenovationFind's typed reads."""
        return RenovationFind(self.client("renovationfind"), self.catalog)

    def operation(self, operation_id: str) -> Operation:
        """A row of the catalog, overrides applied."""
        return self.catalog[operation_id]


Ctx: TypeAlias = Context[Deck]


def deck_of(ctx: Ctx) -> Deck:
    """The deck of the server that handles this call."""
    return ctx.request_context.lifespan_context
