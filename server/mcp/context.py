"""What a tool can reach: the clients, the guards and the settings of this server, and what its call reports."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from mcp.server.mcpserver import Context

from leadbridge.server.catalog import Catalog
from leadbridge.server.company.company import Company
from leadbridge.server.config.settings import Settings
from leadbridge.server.contract.observations import Observations
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.services.client import on_wait
from leadbridge.server.services.renovationfind.answered import LeadPaths
from leadbridge.server.services.renovationfind.api import RenovationFind
from leadbridge.server.services.renovationfind.known_leads import KnownLeads
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.services import Services
from leadbridge.server.state import Store
from leadbridge.server.writes.ledger import Ledger
from leadbridge.server.writes.pipeline import Pipeline
from leadbridge.server.writes.write_rows import History

if TYPE_CHECKING:
    from leadbridge.server.mcp.toolsets import SwitchedOff
    from leadbridge.server.prospects.background import BackgroundReader

_TOOL_NAME = re.compile(r"⟦[^⟧]*⟧|\b[a-z]+(?:_[a-z]+)+\b(?! \(switched off)")
"""What may be a tool's name, but not in what other people wrote."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """Everything that lives as long as the server, made once in its lifespan."""

    settings: Settings
    catalog: Catalog
    services: Services
    store: Store
    company: Company
    ledger: Ledger
    pipeline: Pipeline
    leads: KnownLeads
    time: OfficeTime
    observations: Observations
    background: BackgroundReader
    lead_paths: LeadPaths
    hidden: dict[str, SwitchedOff]
    """Tools that are not offered, and why."""
    offered: set[str]
    """Operations that an offered tool uses."""

    def reachable(self, text: str) -> str:
        """A text that says of each tool which it names, and which is not offered, what switches it off."""
        explained: set[str] = set()

        def name(match: re.Match[str]) -> str:
            tool, off = match[0], self.hidden.get(match[0])
            if off is None or tool in explained:
                return tool
            explained.add(tool)
            return f"{tool} (switched off: {off})"

        return _TOOL_NAME.sub(name, text)

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's typed reads."""
        return RoofLink(self.services.client("rooflink"), self.catalog)

    @property
    def renovationfind(self) -> RenovationFind:
        """RenovationFind's typed reads."""
        return RenovationFind(self.services.client("renovationfind"), self.catalog)

    @property
    def history(self) -> History:
        """What the company has written."""
        return History(self.ledger)

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since 1970."""
        return self.ledger.clock


Ctx: TypeAlias = Context[AppContext]


def app_context(ctx: Ctx) -> AppContext:
    """The app of the server that handles this call."""
    return ctx.request_context.lifespan_context


class Progress:
    """Reports of one call, counted in whole numbers, up to the total where it is known.

    The protocol wants the value to grow with each report: a wait between two steps counts as a step of its own.
    """

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._reports = 0
        self._total = 0

    async def __call__(self, seconds: float) -> None:
        """Report that the rate limit is waited for."""
        await self.wait(f"waiting {seconds:.0f} s for the service's rate limit")

    async def wait(self, why: str) -> None:
        """Report that the call waits, which is not a step of it."""
        self._total += 1 if self._total else 0
        await self._report(why)

    async def step(self, of: int, doing: str) -> None:
        """Report one step of so many."""
        self._total = self._total or self._reports + of
        await self._report(doing)

    async def _report(self, doing: str) -> None:
        self._reports += 1
        await self._context.report_progress(self._reports, self._total or None, doing)


def progress_of_call() -> Progress | None:
    """The reports of the call that runs now."""
    progress = on_wait.get()
    return progress if isinstance(progress, Progress) else None
