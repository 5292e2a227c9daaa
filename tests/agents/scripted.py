"""An agent without a model: pydantic-ai runs the loop over the real server, a generator decides in the model's place.

The generator gets the prompt's text, yields tool calls and words to the user, and gets back what the tool answered or
what the user said. It may only call what the prompt names, with arguments that the tool has.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from fastmcp.client import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports.memory import FastMCPTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from leadbridge.server.app import build_server
from leadbridge.server.sandbox import Sandbox
from tests.support import Time, Version, make_settings, patient_rate_limiter

Way = Literal["asked", "token"]
_TOOL = re.compile(r"`([a-z_]+)(?:\([^`]*\))?`")


@dataclass(frozen=True)
class Call:
    """A tool call of the agent."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Say:
    """Words to the user, who answers."""

    words: str


Policy: TypeAlias = Callable[[str], Generator[Call | Say, Any, str]]


@dataclass
class User:
    """A person: says what they are asked for, and approves or not."""

    answers: Callable[[str], str]
    approves: bool = True
    heard: list[str] = field(default_factory=list[str])
    approved: list[str] = field(default_factory=list[str])
    """Every preview that was put before them, by the host or in the agent's words."""

    def answer(self, words: str) -> str:
        """What they say to the agent's words."""
        self.heard.append(words)
        if "Do you approve?" in words:
            self.approved.append(words)
            return "yes" if self.approves else "no"
        return self.answers(words)

    async def fill_in(self, message: str, *_: Any) -> ElicitResult[dict[str, bool]]:
        """What they do with the host's form."""
        self.approved.append(message)
        return (
            ElicitResult(action="accept", content={"confirm": True})
            if self.approves
            else ElicitResult(action="decline")
        )


@dataclass
class Scripted:
    """What replaces the model."""

    policy: Policy
    calls: list[Call] = field(default_factory=list[Call])
    finished: bool = False
    _run: Generator[Call | Say, Any, str] | None = None
    _allowed: frozenset[str] = frozenset()

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        """Decide upon the next step from the newest answer."""
        (part,) = (part for part in messages[-1].parts if isinstance(part, ToolReturnPart | UserPromptPart))
        try:
            if self._run is None:
                assert isinstance(part.content, str)
                self._run, self._allowed = self.policy(part.content), frozenset(_TOOL.findall(part.content))
                step = next(self._run)
            else:
                step = self._run.send(part.content)
        except StopIteration as ended:
            self.finished = True
            return ModelResponse([TextPart(ended.value)])
        if isinstance(step, Say):
            return ModelResponse([TextPart(step.words)])
        offered = {tool.name: tool.parameters_json_schema["properties"] for tool in info.function_tools}
        assert step.tool in self._allowed, f"the prompt does not name {step.tool}"
        assert step.arguments.keys() <= offered[step.tool].keys()
        self.calls.append(step)
        return ModelResponse([ToolCallPart(step.tool, step.arguments)])


@dataclass(frozen=True)
class Office:
    """A host with an agent on one server, and the person before it."""

    toolset: MCPToolset[None]
    user: User

    async def do(self, prompt: str, policy: Policy, **arguments: str) -> tuple[str, list[Call]]:
        """Let the agent follow a prompt of the server to its end; its last words, and its calls."""
        rendered = await self.toolset.client.get_prompt(prompt, arguments)
        said = "\n".join(message.content.text for message in rendered.messages)  # type: ignore[union-attr]  # all text
        scripted = Scripted(policy)
        agent = Agent(FunctionModel(scripted), deps_type=type(None), toolsets=[self.toolset])
        result = await agent.run(said)
        while not scripted.finished:
            result = await agent.run(self.user.answer(result.output), message_history=result.all_messages())
        return result.output, scripted.calls


@asynccontextmanager
async def office(sandbox: Sandbox, time: Time, version: Version, way: Way, user: User) -> AsyncGenerator[Office]:
    """A host that asks by forms, or one that cannot, so that the agent shows the previews."""
    server = build_server(make_settings(), sandbox=sandbox, rate_limiter=patient_rate_limiter(time))
    client = Client(
        FastMCPTransport(server),
        mode="legacy" if version == "legacy" else "2026-07-28",
        elicitation_handler=user.fill_in if way == "asked" else None,
    )
    async with MCPToolset(client, tool_error_behavior="failed") as toolset:
        yield Office(toolset, user)
