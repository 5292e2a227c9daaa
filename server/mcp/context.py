"""What a tool can reach: the clients, the guards and the settings of this server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mcp.server.mcpserver import Context

from leadbridge.server.catalog import Catalog, Operation
from leadbridge.server.company.company import Company
from leadbridge.server.config.settings import Settings
from leadbridge.server.contract.observations import Observations
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.services.renovationfind.api import RenovationFind
from leadbridge.server.services.renovationfind.known_leads import KnownLeads
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.services import Services
from leadbridge.server.state import Store
from leadbridge.server.writes.approval import Approvals
from leadbridge.server.writes.ledger import Ledger
from leadbridge.server.writes.open_questions import OpenQuestions
from leadbridge.server.writes.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class AppContext:
    """Everything that lives as long as the server, made once in its lifespan."""

    settings: Settings
    catalog: Catalog
    services: Services
    store: Store
    company: Company
    approvals: Approvals
    questions: OpenQuestions
    ledger: Ledger
    pipeline: Pipeline
    leads: KnownLeads
    time: OfficeTime
    observations: Observations
    hidden: dict[str, str]
    """Tools that are not offered, and why."""
    offered: frozenset[str]
    """Operations that an offered tool uses."""

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's typed reads."""
        return RoofLink(self.services.client("rooflink"), self.catalog)

    @property
    def renovationfind(self) -> RenovationFind:
        """RenovationFind's typed reads."""
        return RenovationFind(self.services.client("renovationfind"), self.catalog)

    def operation(self, operation_id: str) -> Operation:
        """A row of the catalog, overrides applied."""
        return self.catalog[operation_id]


Ctx: TypeAlias = Context[AppContext]


def app_context(ctx: Ctx) -> AppContext:
    """The app of the server that handles this call."""
    return ctx.request_context.lifespan_context
