"""A server's prompts, resources and completions. They are made when somebody first asks for one, not at start."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from leadbridge.server.errors import StateError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.server import LeadBridgeServer
from leadbridge.server.mcp.toolsets import chosen_toolsets
from leadbridge.tools.renovationfind.lead_answers import lead_in_a_line

if TYPE_CHECKING:
    from leadbridge.server.mcp.completions import Completions
    from leadbridge.server.mcp.prompts import Prompts
    from leadbridge.server.mcp.resources import Resources


def register_prompts_and_resources(server: LeadBridgeServer, app: AppContext, tools: frozenset[str]) -> None:
    """Let a server offer what goes with these tools."""

    def prompts() -> Prompts:
        from leadbridge.server.mcp.prompts import Prompts
        from leadbridge.tools.completions import CHOICES

        async def seen(lead_id: int) -> str:
            try:
                return lead_in_a_line(await app.leads.get(lead_id) if app.store.exists else None)
            except StateError:
                return "What LeadBridge saw of it cannot be read now."

        return Prompts(tools.__contains__, CHOICES, today=app.time.today, seen=seen)

    def resources() -> Resources:
        from leadbridge.server.mcp.resources import Resources
        from leadbridge.tools.resources import RESOURCES, TEMPLATES

        chosen = chosen_toolsets(app.settings.toolsets)
        return Resources(RESOURCES, TEMPLATES, toolsets=chosen, services=app.services.clients)

    def completions() -> Completions:
        from leadbridge.server.mcp.completions import Completions
        from leadbridge.tools.completions import CHOICES, GROWING, MEANINGS, seen_ids

        growing = {source: partial(seen_ids, app, source) for source in GROWING}
        return Completions(server.prompts, server.resources, CHOICES, MEANINGS, growing)

    server.make_prompts, server.make_resources = prompts, resources
    server.complete_by(completions)
