"""The SDK's server, with LeadBridge's prompts, resources (read when somebody asks for one) and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import anyio
from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.mcpserver import server as sdk
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import (
    PARSE_ERROR,
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    ErrorData,
    GetPromptResult,
    InputRequiredResult,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
    PromptReference,
    ResourceTemplateReference,
)
from mcp.types import Prompt as ListedPrompt
from mcp.types import Resource as ListedResource
from mcp.types import ResourceTemplate as ListedTemplate
from mcp.types import Tool as ListedTool
from pydantic import AnyUrl, ValidationError

from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.reply import error_result

_ID = r'"id"\s*:\s*("[^"\\]{1,200}"|[0-9]{1,16})'
_ID_BEFORE, _ID_AT_THE_END = re.compile(_ID), re.compile(_ID + r"\s*\}\s*$")

if TYPE_CHECKING:
    from leadbridge.server.mcp.completions import Completions
    from leadbridge.server.mcp.prompts import Prompts
    from leadbridge.server.mcp.resources import Resources
    from leadbridge.server.mcp.toolsets import SwitchedOff


def _leave_the_log(level: str) -> None:
    """What is logged is decided in `leadbridge.server.logs`; the SDK's way imports rich, a fiftieth of a start."""


sdk.configure_logging = _leave_the_log  # pyright: ignore[reportPrivateImportUsage]


_LAST_ANSWERS = 2.0
"""Seconds."""


class _Stream:
    """One way of a connection."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stream.__aexit__(*error)


class _Answers(_Stream):
    """What goes to a client, and the ids of its requests that are not answered yet."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.waiting: set[str | int] = set()
        self._empty = anyio.Event()

    async def send(self, item: SessionMessage) -> None:
        """Send a message; an answer is no longer waited for."""
        await self._stream.send(item)
        if isinstance(item.message, (JSONRPCResponse, JSONRPCError)) and item.message.id is not None:
            self.waiting.discard(item.message.id)
        if not self.waiting:
            self._empty.set()

    async def all_sent(self) -> None:
        """Wait until every request is answered."""
        if self.waiting:
            self._empty = anyio.Event()
            await self._empty.wait()


class _AnsweredMessages(_Stream):
    """The messages of a client. A request that cannot be read gets an error, for which the client waits.

    The SDK drops it. What is not a request, or has no id that can be read, is dropped here too. At the end, the SDK
    drops what is not answered yet; so the end comes after the last answer, or after a short wait.
    """

    def __init__(self, messages: Any, answers: _Answers) -> None:
        super().__init__(messages)
        self._answers = answers

    def __aiter__(self) -> _AnsweredMessages:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            while isinstance(item := await self._stream.__anext__(), Exception):
                if answer := _unreadable(item):
                    await self._answers.send(SessionMessage(answer))
        except StopAsyncIteration:
            with anyio.move_on_after(_LAST_ANSWERS):
                await self._answers.all_sent()
            raise
        if isinstance(item.message, JSONRPCRequest):
            self._answers.waiting.add(item.message.id)
        return item


def _unreadable(error: Exception) -> JSONRPCError | None:
    """The answer to a request that is not valid JSON-RPC: its own id stands before its parameters, or is the last."""
    line = next((str(each["input"]) for each in error.errors()), "") if isinstance(error, ValidationError) else ""
    found = _ID_BEFORE.search(line.partition('"params"')[0]) or _ID_AT_THE_END.search(line)
    if not found or '"method"' not in line:
        return None
    what = ErrorData(
        code=PARSE_ERROR,
        message="This message could not be read as JSON-RPC: it is cut off, or nested too deeply, or "
        "has a number of thousands of digits. Nothing was sent.",
    )
    return JSONRPCError(jsonrpc="2.0", id=json.loads(found[1]), error=what)


class LeadBridgeServer(MCPServer[AppContext]):
    """What LeadBridge offers beside tools, each made by a function that is set before the server is connected."""

    make_prompts: Callable[[], Prompts]
    make_resources: Callable[[], Resources]
    hidden: Mapping[str, SwitchedOff]
    """Tools that are not offered, and why."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[AppContext, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; one that is switched off says why, and nothing is sent."""
        if name in self.hidden:
            return error_result(f"{name} is switched off, so nothing was sent: {self.hidden[name]}. Tell the user.")
        return await super().call_tool(name, arguments, context)

    async def list_tools(self) -> list[ListedTool]:
        """The tools that are offered now."""
        return [tool for tool in await super().list_tools() if tool.name not in self.hidden]

    @property
    def tool_count(self) -> int:
        """How many tools there are to call."""
        return sum(tool.name not in self.hidden for tool in self._tool_manager.list_tools())

    async def run_stdio_async(
        self, stdin: anyio.AsyncFile[str] | None = None, stdout: anyio.AsyncFile[str] | None = None
    ) -> None:
        """Serve over the lines of `stdin` and `stdout`."""
        server = self._lowlevel_server
        async with stdio_server(stdin, stdout) as (incoming, outgoing):
            answers: Any = _Answers(outgoing)
            messages: Any = _AnsweredMessages(incoming, answers)
            await server.run(messages, answers, server.create_initialization_options())

    @cached_property
    def prompts(self) -> Prompts:
        """What there is to ask by name."""
        return self.make_prompts()

    @cached_property
    def resources(self) -> Resources:
        """What there is to read by address."""
        return self.make_resources()

    def complete_by(self, make: Callable[[], Completions]) -> None:
        """Complete arguments by what this makes."""

        async def complete(
            ref: PromptReference | ResourceTemplateReference,
            argument: CompletionArgument,
            context: CompletionContext | None,
        ) -> Completion:
            return await make()(ref, argument, context)

        self.completion()(complete)

    async def list_prompts(self) -> list[ListedPrompt]:
        """The prompts whose tools are all offered."""
        return [prompt.listed() for prompt in self.prompts.offered.values()]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[AppContext, Any] | None = None
    ) -> GetPromptResult:
        """One prompt with its arguments filled in."""
        del context
        return await self.prompts.get(name, arguments or {})

    async def list_resources(self) -> list[ListedResource]:
        """The resources at fixed addresses."""
        return [resource.listed() for resource in self.resources.resources.values()]

    async def list_resource_templates(self) -> list[ListedTemplate]:
        """The templates whose service and toolset are offered."""
        return [template.listed() for template in self.resources.templates]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[AppContext, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        """What is at an address."""
        return [await self.resources.read(str(uri), context or Context(mcp_server=self))]
