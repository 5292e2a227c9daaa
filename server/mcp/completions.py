"""Completions as the protocol asks for them: of a prompt's argument, or of a variable in a resource's address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from leadbridge.server.mcp.prompts import Prompts
from leadbridge.server.mcp.resources import Resources
from leadbridge.server.text import label

MOST = 100
"""Values in one answer; the protocol allows no more."""


@dataclass(frozen=True, slots=True)
class Completions:
    """Completes arguments of prompts and variables of resource templates. It calls no service."""

    prompts: Prompts
    resources: Resources
    choices: Mapping[str, tuple[str, ...]]
    """Fixed lists, each under the name by which a prompt's front matter speaks of it."""
    meanings: Mapping[str, Mapping[str, str]]
    """What the codes of a list stand for: `tex` is completed to `TX`."""
    growing: Mapping[str, Callable[[str, int], Awaitable[list[str]]]]
    """Lists that grow: at most so many values that begin with what was typed."""

    async def __call__(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        """At most 100 values that begin with what was typed.

        Raises:
            MCPError: invalid params: no such prompt, template, argument or variable is offered.
        """
        del context
        source = self._source(ref, argument.name)
        typed = argument.value.strip()
        if source in self.growing:
            found = await self.growing[source](typed, MOST + 1)
            return Completion(values=found[:MOST], has_more=len(found) > MOST)
        found = _beginning_with(typed, self.choices.get(source, ()), self.meanings.get(source, {}))
        return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)

    def _source(self, ref: PromptReference | ResourceTemplateReference, name: str) -> str:
        if isinstance(ref, PromptReference):
            prompt = self.prompts.named(ref.name)
            known = list(prompt.arguments)
            source = prompt.completions.get(name, "")
        else:
            template = self.resources.template(ref.uri)
            known = [template.variable]
            source = template.completed_by
        if name not in known:
            message = f"{label(name, limit=60) or '(no name)'} is not an argument of it. Arguments: {', '.join(known)}."
            raise MCPError(INVALID_PARAMS, message)
        return source


def _beginning_with(typed: str, values: tuple[str, ...], meanings: Mapping[str, str]) -> list[str]:
    """The values that begin with it, in either case, and after them those whose meaning does."""
    start = typed.casefold()
    found = [value for value in values if value.casefold().startswith(start)]
    return found + [
        value for value in values if value not in found and meanings.get(value, "").casefold().startswith(start)
    ]
