"""Resources and resource templates: LeadBridge's small texts, and single records read live, by their address."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS
from mcp.types import Resource as ListedResource
from mcp.types import ResourceTemplate as ListedTemplate

from leadbridge.server.call_scope import call_scope
from leadbridge.server.errors import LeadBridgeError, NotFound
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import readable
from leadbridge.server.mcp.scalars import record_id
from leadbridge.server.mcp.wording import TOO_LONG, broke_off, in_words
from leadbridge.server.text import clean

logger = logging.getLogger("leadbridge")

MARKDOWN = "text/markdown"
JSON = "application/json"
PLAIN = "text/plain"


@dataclass(frozen=True, slots=True)
class Resource:
    """A text of our own, at a fixed address."""

    uri: str
    title: str
    description: str
    read: Callable[[Ctx], Awaitable[str]]
    mime_type: str = MARKDOWN
    toolset: str = ""
    """The toolset that it belongs to; hidden with it."""

    def listed(self) -> ListedResource:
        """The resource as a list shows it."""
        return ListedResource(
            uri=self.uri,
            name=self.uri.partition("://")[2],
            title=self.title,
            description=self.description,
            mime_type=self.mime_type,
        )


@dataclass(frozen=True, slots=True)
class Template:
    """One record for each id, read when it is asked for."""

    uri_template: str
    """With one variable, in braces."""
    title: str
    description: str
    read: Callable[[Ctx, int], Awaitable[str]]
    service: str
    toolsets: frozenset[str]
    """The toolsets that it belongs to; hidden when none of them is chosen."""
    completed_by: str
    """The source of completions for its variable."""

    @property
    def variable(self) -> str:
        """The name of its variable."""
        return self.uri_template.partition("{")[2].partition("}")[0]

    def listed(self) -> ListedTemplate:
        """The template as a list shows it."""
        name = self.uri_template.replace("://", "-").replace(f"/{{{self.variable}}}", "").replace("/", "-")
        return ListedTemplate(
            uri_template=self.uri_template,
            name=name,
            title=self.title,
            description=self.description,
            mime_type=MARKDOWN,
        )

    def matched(self, uri: str) -> str | None:
        """The value of the variable, if the address is one of this template."""
        before, _, after = self.uri_template.partition(f"{{{self.variable}}}")
        if not uri.startswith(before) or not uri.endswith(after) or len(uri) < len(before) + len(after):
            return None
        value = uri[len(before) : len(uri) - len(after)]
        return None if "/" in value else value


class Resources:
    """What is offered under these settings."""

    def __init__(
        self,
        resources: Sequence[Resource],
        templates: Sequence[Template],
        *,
        toolsets: set[str],
        services: Mapping[str, object],
    ) -> None:
        self.resources = {one.uri: one for one in resources if not one.toolset or one.toolset in toolsets}
        self.templates = [one for one in templates if one.service in services and one.toolsets & toolsets]

    def template(self, uri_template: str) -> Template:
        """One template that is offered.

        Raises:
            MCPError: invalid params: there is none of that address.
        """
        found = next((one for one in self.templates if one.uri_template == uri_template), None)
        if found is None:
            known = ", ".join(one.uri_template for one in self.templates)
            raise MCPError(INVALID_PARAMS, f"There is no such template. Templates: {known or 'none'}.")
        return found

    async def read(self, uri: str, ctx: Ctx) -> ReadResourceContents:
        """What is at an address, within the deadline of a call.

        Raises:
            MCPError: invalid params for an address, a malformed id or a record that there is not; internal error where
                a service or the store failed. In words of ours, with the address as data.
        """
        data = {"uri": clean(uri, limit=200)}
        try:
            with anyio.fail_after(app_context(ctx).settings.call_deadline):
                return await self._read(uri, ctx)
        except NotFound as error:
            raise MCPError(INVALID_PARAMS, in_words(error), data) from None
        except LeadBridgeError as error:
            raise MCPError(INTERNAL_ERROR, in_words(error), data) from None
        except TimeoutError:
            raise MCPError(INTERNAL_ERROR, broke_off(TOO_LONG, writes=False), data) from None
        except MCPError as error:
            raise MCPError(error.error.code, error.error.message, data) from None
        except Exception:
            logger.exception("resource %r failed inside", data["uri"])
            why = "LeadBridge failed inside; the server's log says more."
            raise MCPError(INTERNAL_ERROR, broke_off(why, writes=False), data) from None

    async def _read(self, uri: str, ctx: Ctx) -> ReadResourceContents:
        if (resource := self.resources.get(uri)) is not None:
            return ReadResourceContents(content=await resource.read(ctx), mime_type=resource.mime_type)
        for template in self.templates:
            value = template.matched(uri)
            if value is None:
                continue
            try:
                identity = record_id(value)
            except ValueError as error:
                raise MCPError(INVALID_PARAMS, f"{template.variable} {error}") from None
            with call_scope() as scope:
                text = readable(await template.read(ctx, identity))
            notes = [f"Note: {note}" for note in scope.notes]
            return ReadResourceContents(content="\n".join([text, *notes]), mime_type=MARKDOWN)
        known = [*self.resources, *(one.uri_template for one in self.templates)]
        raise MCPError(INVALID_PARAMS, f"There is no such resource. Resources: {', '.join(known)}.")


def unknown_record(message: str) -> MCPError:
    """The error for a record of which LeadBridge knows nothing."""
    return MCPError(INVALID_PARAMS, message)
