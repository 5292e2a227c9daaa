"""What can be completed while a person types: fixed lists of codes, and ids that LeadBridge has seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from leadbridge.server.errors import StateError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.prompts import Prompts
from leadbridge.server.mcp.resources import Resources
from leadbridge.server.services.renovationfind.models import STATUS_RULES, WON
from leadbridge.server.services.rooflink.places import LEAD_STATUSES, PLACES
from leadbridge.server.text import label
from leadbridge.tools.rooflink.prospects import Stage

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST = 100
"""Values in one answer; the protocol allows no more."""
_DIGITS = re.compile(r"[0-9]{0,19}")
_LOST = (
    "LEAD_LOST",
    "JOB_LOST",
    "JOB_POSTPONED_OR_CANCELLED",
    "NO_RESPONSE_FROM_HOMEOWNER",
    "MULTIPLE_ATTEMPTS_NO_RESPONSE",
)

CHOICES: dict[str, tuple[str, ...]] = {
    "statuses": tuple(STATUS_RULES),
    "won_statuses": tuple(status for status in STATUS_RULES if status in WON),
    "lost_statuses": _LOST,
    "states": tuple(PLACES),
    "lead_status_codes": tuple(LEAD_STATUSES),
    "stages": get_args(Stage),
}
"""Fixed lists, each under the name by which a prompt's front matter speaks of it."""
_MEANINGS = {
    "states": {code: name for code, (name, _) in PLACES.items()},
    "lead_status_codes": LEAD_STATUSES,
}
"""What codes stand for: `tex` is completed to `TX`."""
SEEN = frozenset({"lead_ids", "prospect_ids"})
"""Lists that grow: ids in the store, newest first."""


@dataclass(frozen=True, slots=True)
class Completions:
    """Completes arguments of prompts and variables of resource templates. It calls no service."""

    app: AppContext
    prompts: Prompts
    resources: Resources

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
        if source in SEEN:
            found = await self._seen(source, typed)
            return Completion(values=found[:MOST], has_more=len(found) > MOST)
        found = _beginning_with(typed, CHOICES.get(source, ()), _MEANINGS.get(source, {}))
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
            told = f"{label(name, limit=60) or '(no name)'} is no argument of it. Arguments: {', '.join(known)}."
            raise MCPError(INVALID_PARAMS, told)
        return source

    async def _seen(self, source: str, typed: str) -> list[str]:
        """Ids that begin with these digits. A store that is not there is not made; one that fails tells nothing."""
        if not _DIGITS.fullmatch(typed) or not self.app.store.exists:
            return []

        def work(connection: Connection) -> list[str]:
            from sqlalchemy import String, cast, select

            from leadbridge.server.state.tables import leads, seen_prospects

            table, column, service = (
                (leads, leads.c.lead_id, "renovationfind")
                if source == "lead_ids"
                else (seen_prospects, seen_prospects.c.prospect_id, "rooflink")
            )
            query = (
                select(column)
                .where(table.c.account == self.app.services.account(service))
                .where(cast(column, String).startswith(typed))
                .order_by(table.c.seen_at.desc(), column.desc())
                .limit(MOST + 1)
            )
            if source == "prospect_ids":
                query = query.where(seen_prospects.c.deleted.is_(False))
            return [str(found) for found in connection.execute(query).scalars()]

        try:
            return await self.app.store.run(work)
        except StateError:
            return []


def _beginning_with(typed: str, values: tuple[str, ...], meanings: dict[str, str]) -> list[str]:
    """The values that begin with it, in either case, and after them those whose meaning does."""
    start = typed.casefold()
    found = [value for value in values if value.casefold().startswith(start)]
    return found + [
        value for value in values if value not in found and meanings.get(value, "").casefold().startswith(start)
    ]
