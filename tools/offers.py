"""A server's prompts, resources and completions. They are made when somebody first asks for one, not at start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from server.tooling.context import Deck
from server.tooling.offering import Offering
from server.toolsets import chosen_toolsets

if TYPE_CHECKING:
    from server.tooling.prompts import Prompts
    from server.tooling.resources import Resources


def offer(server: Offering, deck: Deck, tools: frozenset[str]) -> None:
    """Let a server offer what goes with these tools."""

    def prompts() -> Prompts:
        from server.tooling.prompts import Prompts
        from tools.completions import CHOICES

        return Prompts(tools.__contains__, CHOICES)

    def resources() -> Resources:
        from server.tooling.resources import Resources
        from tools.resources import RESOURCES, TEMPLATES

        chosen = chosen_toolsets(deck.settings.toolsets)
        return Resources(RESOURCES, TEMPLATES, toolsets=chosen, services=deck.services.clients)

    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        from tools.completions import Completions

        return await Completions(deck, server.prompts, server.resources)(ref, argument, context)

    server.make_prompts, server.make_resources = prompts, resources
    server.completion()(complete)
