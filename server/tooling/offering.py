"""The SDK's server, with prompts that are read when somebody asks for one, and errors in our words."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import GetPromptResult
from mcp.types import Prompt as ListedPrompt

from server.tooling.context import Deck
from server.tooling.prompts import Prompts


class Offering(MCPServer[Deck]):
    """What LeadBridge offers beside tools. `prompts` is set once, before the server is connected."""

    prompts: Prompts

    async def list_prompts(self) -> list[ListedPrompt]:
        """The prompts whose tools are all offered."""
        return [prompt.listed() for prompt in self.prompts.offered.values()]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Deck, Any] | None = None
    ) -> GetPromptResult:
        """One prompt with its arguments filled in."""
        del context
        return self.prompts.get(name, arguments or {})
