"""What LeadBridge is connected to, and what it may do."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from leadbridge.server import __version__
from leadbridge.server.company.records import standing_of
from leadbridge.server.errors import StateError
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import MakeReply, Reply, Result, View
from leadbridge.server.mcp.toolsets import switched_off, switched_on
from leadbridge.server.mcp.writes import asks_in_forms

MOST_LEARNT = 20


class ServiceState(View):
    """A service: whether it can be called, and how much of its limit is used."""

    service: str
    connected: bool
    simulated: bool = Field(default=False, description="It is LeadBridge's sandbox")
    base_url: str
    limit: str
    used_now: int = 0
    cool_off_seconds: float = 0
    warning: str = ""
    key_expiry: str = Field(default="", description="What the key says of itself")
    key_standing: str = Field(default="", description="Whether the key is known to be this company's")


class ServerStatus(Result):
    """What this server may do for this client."""

    version: str
    company: str = Field(description="Whose history, index and leads these are")
    sandbox: bool
    read_only: bool
    approvals: str
    approval_way: str
    toolsets: str
    services: list[ServiceState]
    hidden_tools: dict[str, str]
    switched_off: list[str] = Field(default_factory=list, description="The same, a line for each reason")
    switched_on: list[str] = Field(default_factory=list, description="Tools beside the default, and why")
    unverified: list[str]
    learnt: list[str] = Field(default_factory=list, description="How the services were seen to behave")


async def server_status(ctx: Ctx) -> MakeReply[ServerStatus]:
    """Show what this server is connected to and may do: services, modes, approvals, rate limits, hidden tools.

    It says why a tool is missing or refused. It calls no service and shows no secret.
    """
    app = app_context(ctx)
    settings = app.settings
    data = ServerStatus(
        version=__version__,
        company=app.company.name,
        sandbox=app.services.all_simulated,
        read_only=settings.read_only,
        approvals=settings.approvals,
        approval_way=_approval_way(ctx, app),
        toolsets=settings.toolsets,
        services=[await _service(app, service, await _key(app, service)) for service in app.catalog.services],
        hidden_tools={name: str(off) for name, off in app.hidden.items()},
        switched_off=switched_off(app.hidden),
        switched_on=switched_on(app.hidden, app.lead_paths),
        unverified=[
            f"{operation.id}: {operation.method} {operation.path}"
            for operation in app.catalog
            if operation.provenance.path == "inferred" and operation.id in app.offered
        ],
    )
    data.learnt = await _learnt(app)
    return lambda: Reply(data, _status_lines)


_SEEN_LATER = "What is switched on and not in your list of tools is there in the next session."


def _status_lines(data: ServerStatus) -> list[str]:
    simulated = [row.service for row in data.services if row.simulated]
    mode = f"{' and '.join(simulated)} SIMULATED (sandbox), the rest live: writes are refused" if simulated else "live"
    mode = "SANDBOX (simulated services)" if data.sandbox else mode
    lines = [
        f"LeadBridge {data.version}, {mode}{', READ ONLY' if data.read_only else ''}; toolsets: {data.toolsets}",
        f"Company: {data.company}",
        f"Approvals: {data.approvals}; with this client: {data.approval_way}",
    ]
    for row in data.services:
        state = (
            f"{'the sandbox, ' if row.simulated else ''}{row.base_url}, {row.used_now} of {row.limit} used"
            if row.connected
            else "no key, its tools are hidden"
        )
        wait = f", cooling off for {row.cool_off_seconds:.0f} s" if row.cool_off_seconds else ""
        key = f", key {row.key_expiry}" if row.key_expiry else ""
        lines.append(f"{row.service}: {state}{key}{wait}{'. ' if row.warning else ''}{row.warning}")
        lines += [f"{row.service} key: {row.key_standing}"] if row.key_standing else []
    lines += [f"Switched on: {line}" for line in data.switched_on]
    lines += [_SEEN_LATER] if data.switched_on else []
    lines += [f"Switched off: {line}" for line in data.switched_off]
    if data.unverified:
        lines.append("Paths that are inferred, not documented: " + "; ".join(data.unverified))
    lines += [f"Seen: {line}" for line in data.learnt]
    return lines


async def _key(app: AppContext, service: str) -> str:
    """What is known of a service's key; without the store nothing is, and nothing can be written."""
    try:
        return (await standing_of(app.company, service)).message
    except StateError as error:
        return str(error)


async def _learnt(app: AppContext) -> list[str]:
    """What is known against the contract: ignored filters, and paths that are not there."""
    lines = [
        str(row)
        for service, client in app.services.clients.items()
        for row in await app.observations.against(service, client.observed, app.catalog.operations)
    ]
    more = len(lines) - MOST_LEARNT
    return lines[:MOST_LEARNT] + ([f"and {more} more; `leadbridge doctor` shows all"] if more > 0 else [])


async def _service(app: AppContext, service_id: str, key: str) -> ServiceState:
    service = app.catalog.services[service_id]
    client = app.services.clients.get(service_id)
    if client is None:
        return ServiceState(service=service.title, connected=False, base_url="", limit="")
    used, cool_off = await client.rate_limiter.state()
    return ServiceState(
        service=service.title,
        connected=True,
        simulated=service_id in app.services.simulated,
        base_url="in this process" if app.settings.sandbox else client.base_url,
        limit=f"{service.requests} requests in {service.seconds:g} s",
        used_now=used,
        cool_off_seconds=round(cool_off, 1),
        warning=client.rate_limiter.warning,
        key_expiry=client.key_claims.expiry(datetime.now(UTC)),
        key_standing=key,
    )


def _approval_way(ctx: Ctx, app: AppContext) -> str:
    if app.settings.read_only:
        return "no writes"
    if app.settings.approvals == "off":
        return "unattended: nobody is asked"
    if asks_in_forms(ctx):
        return "the user is asked in a form"
    if app.settings.approvals == "human":
        return "none: this client cannot ask, and tokens are not accepted"
    return "by approval_token, after showing the user the preview"


TOOLS = (read_tool(server_status, title="Server status", toolset="pipeline"),)
