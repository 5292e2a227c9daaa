"""Puts a server together: catalog, clients, guards, tools. The only module that imports the tools."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from pydantic import SecretStr

from leadbridge.server import __version__
from leadbridge.server.catalog import SERVICES, load
from leadbridge.server.company.company import Company
from leadbridge.server.config.paths import own_folder
from leadbridge.server.config.settings import Settings
from leadbridge.server.config.state_address import IN_MEMORY
from leadbridge.server.contract.observations import Observations
from leadbridge.server.errors import SettingsError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.definition import GuardedTool, ToolSpec
from leadbridge.server.mcp.elicitation import SealedQuestions, explain_refused_answers
from leadbridge.server.mcp.instructions import instructions
from leadbridge.server.mcp.server import LeadBridgeServer
from leadbridge.server.mcp.toolsets import LEADS_READ, hidden_tools, switched_off, switched_on
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.sandbox_keys import SANDBOX_SECRETS
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.services.renovationfind.answered import LeadPaths
from leadbridge.server.services.renovationfind.known_leads import KnownLeads
from leadbridge.server.services.services import connect, rate_limiter_for
from leadbridge.server.state import Store
from leadbridge.server.writes.approval import Approvals
from leadbridge.server.writes.ledger import Ledger
from leadbridge.server.writes.pipeline import Pipeline
from leadbridge.server.writes.sending import Sender
from leadbridge.tools import ALL_TOOLS
from leadbridge.tools.offers import register_prompts_and_resources

if TYPE_CHECKING:
    import httpx

    from leadbridge.server.sandbox import Sandbox

NAME = "leadbridge"
LIST_CACHE_MS = 300_000
LOOKING_UP = frozenset({"find_matching_prospects", "pipeline_snapshot", "rooflink_create_lead", "hand_off_lead"})
"""Tools that look in the index of prospects."""


def build_server(
    settings: Settings,
    *,
    sandbox: Sandbox | None = None,
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    rate_limiter: Callable[..., RateLimiter] | None = None,
    clock: Callable[[], float] = time.time,
) -> LeadBridgeServer:
    """A server for these settings. Nothing is connected or opened before it is needed.

    `sandbox`, `transport`, `rate_limiter` and `clock` are for tests: another simulator, another network, another time.

    Raises:
        CatalogError: the contract file is malformed.
        SettingsError: a toolset that does not exist, or no tool is left.
    """
    app = build_app_context(settings, sandbox=sandbox, transport=transport, rate_limiter=rate_limiter, clock=clock)
    open_sessions = 0

    @asynccontextmanager
    async def lifespan(_: MCPServer[AppContext]) -> AsyncGenerator[AppContext]:
        nonlocal open_sessions
        open_sessions += 1
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as group:
                if reads_in_background(app):
                    group.start_soon(app.background.run, app)
                if settings.background_reading:
                    group.start_soon(_ask_for_leads, app)
                try:
                    yield app
                except Exception as error:  # noqa: BLE001  # raised below: a task group would wrap it
                    failure = error
                group.cancel_scope.cancel()
            if failure is not None:
                raise failure
        finally:
            open_sessions -= 1
            if not open_sessions:
                await _keep_what_was_seen(app)
                await app.services.aclose()
                app.store.close()

    if not app.hidden.keys() < {spec.name for spec in ALL_TOOLS}:
        reasons = "; ".join(switched_off(app.hidden))
        raise SettingsError(f"these settings leave no tool: {reasons}")
    hint = CacheHint(ttl_ms=LIST_CACHE_MS)
    server = LeadBridgeServer(
        NAME,
        title="LeadBridge",
        version=__version__,
        instructions=instructions(settings, app.hidden, app.services, switched_on(app.hidden, app.lead_paths)),
        tools=[_built(spec, app) for spec in ALL_TOOLS if spec.name not in app.hidden or spec.toolset == LEADS_READ],
        lifespan=lifespan,
        log_level=settings.log_level,
        subscriptions=False,  # of what is offered, only the reads of leads change, once
        request_state_security=RequestStateSecurity(codec=SealedQuestions(app.store, app.services.accounts[NAME])),
        cache_hints={
            "tools/list": hint,
            "prompts/list": hint,
            "resources/list": hint,
            "resources/templates/list": hint,
        },
    )
    server.hidden = app.hidden
    # Not the SDK's spans: LeadBridge sends no telemetry, and a read without them takes a fiftieth less.
    seal = [one for one in server.middleware if isinstance(one, RequestStateBoundary)]
    server.middleware[:] = [explain_refused_answers, *seal]
    register_prompts_and_resources(server, app, frozenset(spec.name for spec in ALL_TOOLS) - app.hidden.keys())
    return server


def _built(spec: ToolSpec, app: AppContext) -> GuardedTool:
    """A tool whose description says which of the tools that it names are switched off."""
    tool = spec.build()
    tool.description = app.reachable(tool.description)
    for argument in tool.parameters["properties"].values():
        if "description" in argument:
            argument["description"] = app.reachable(argument["description"])
    return tool


def reads_in_background(app: AppContext) -> bool:
    """Whether a tool is offered that looks prospects up, and the settings do not forbid to read them ahead."""
    return app.settings.background_reading and not app.hidden.keys() >= LOOKING_UP


async def _keep_what_was_seen(app: AppContext) -> None:
    """Save unexpected names at the end, if the store is in use anyway: a session of reads opens none for it."""
    if not app.store.is_open:
        return
    with anyio.move_on_after(2, shield=True):
        for service, client in app.services.clients.items():
            await app.observations.save(service, client.observed)


def build_app_context(
    settings: Settings,
    *,
    sandbox: Sandbox | None = None,
    transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
    rate_limiter: Callable[..., RateLimiter] | None = None,
    clock: Callable[[], float] = time.time,
    needs_key: bool = True,
) -> AppContext:
    """Everything the tools reach; see `build_server`. Its store can be read without a key."""
    from leadbridge.server.prospects.background import BackgroundReader

    catalog = load(settings.contract_file)
    secrets = _secrets(settings)
    if needs_key and not secrets:
        raise SettingsError("no key, and not the sandbox")
    if settings.sandbox and transport is None:
        transport = _sandbox_transport(sandbox)
    store = Store(_state_url(settings))
    shared = rate_limiter or partial(rate_limiter_for, store)
    services = connect(catalog, settings, secrets=secrets, transport=transport, rate_limiter=shared)
    ledger = Ledger(store, services.accounts, services.simulated, clock)
    office = OfficeTime(settings.zone, clock)
    approvals = Approvals(store, services.accounts, settings.approvals, clock)
    app = AppContext(
        settings=settings,
        catalog=catalog,
        services=services,
        store=store,
        company=Company(settings, catalog, services, store, clock),
        ledger=ledger,
        pipeline=Pipeline(ledger, approvals, Sender(ledger, services, settings.call_deadline)),
        time=office,
        leads=KnownLeads(store, services.accounts["renovationfind"], office),
        observations=Observations(store, services.accounts, clock),
        background=BackgroundReader(),
        lead_paths=LeadPaths(
            services, catalog, "toolsets" not in settings.model_fields_set, _lead_paths_file(store), clock
        ),
        hidden={},
        offered=set(),
    )
    _decide_what_is_offered(app)
    return app


def _decide_what_is_offered(app: AppContext) -> None:
    hidden = hidden_tools(app.settings, app.catalog, ALL_TOOLS, set(app.services.clients), app.lead_paths)
    app.hidden.clear()
    app.hidden.update(hidden)
    app.offered.clear()
    app.offered.update(row for spec in ALL_TOOLS if spec.name not in hidden for row in spec.operations)


async def _ask_for_leads(app: AppContext) -> None:
    """Offer the reads of RenovationFind's leads from then on, if it answers them."""
    await app.lead_paths.run()
    _decide_what_is_offered(app)


def tool_specs() -> tuple[ToolSpec, ...]:
    """Every tool there is, offered or not."""
    return ALL_TOOLS


def _secrets(settings: Settings) -> Mapping[str, SecretStr]:
    if settings.sandbox:
        return {service: SecretStr(secret) for service, secret in SANDBOX_SECRETS.items()}
    found = {service: settings.secret(service) for service in SERVICES}
    return {service: secret for service, secret in found.items() if secret is not None}


def _sandbox_transport(given: Sandbox | None) -> Callable[[], httpx.AsyncBaseTransport]:
    @cache
    def simulator() -> Sandbox:
        from leadbridge.server.sandbox import Sandbox

        return given or Sandbox()

    return lambda: simulator().transport()


def _lead_paths_file(store: Store) -> Path | None:
    """Where it is remembered whether RenovationFind answers for its leads."""
    if store.file is not None:
        return Path(f"{store.file}.leads.json")
    try:
        return None if store.in_memory else own_folder("state") / "leads.json"
    except SettingsError:
        return None


def _state_url(settings: Settings) -> str:
    if settings.state_url is not None:
        return settings.state_url.get_secret_value()
    if settings.sandbox:
        return IN_MEMORY
    return f"sqlite:///{own_folder('state') / 'leadbridge.db'}"


__all__ = ["build_app_context", "build_server", "tool_specs"]
