"""An agent without a model: pydantic-ai runs the loop over the real server, a generator decides in the model's place.

The generator gets the prompt's text, yields tool calls and words to the user, and gets back what the tool answered or
what the user said. It may only call what the prompt names, with arguments that the tool has. Without a prompt it gets
what the user says and the tools' descriptions, and may call every tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

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
WithTools: TypeAlias = Callable[[str, Mapping[str, str]], Generator[Call | Say, Any, str]]
"""The same for what a user says, with the descriptions of all tools by name."""


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

    policy: Policy | WithTools
    prompted: bool = True
    calls: list[Call] = field(default_factory=list[Call])
    finished: bool = False
    asked_after: int | None = None
    """How many calls it had made when it first said something to the user."""
    read: list[str] = field(default_factory=list[str])
    """What the tools answered, as the model reads it."""
    _run: Generator[Call | Say, Any, str] | None = None
    _allowed: frozenset[str] = frozenset()

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        """Decide upon the next step from the newest answer."""
        (part,) = (part for part in messages[-1].parts if isinstance(part, ToolReturnPart | UserPromptPart))
        answer = part.content
        if isinstance(part, ToolReturnPart):
            self.read.append(part.model_response_str())
            if isinstance(answer, str) and answer.startswith("{"):  # a receipt that is an error to the model
                answer = json.loads(answer)
        offered = {tool.name: tool for tool in info.function_tools}
        try:
            if self._run is None:
                assert isinstance(part.content, str)
                if self.prompted:
                    self._run = cast("Policy", self.policy)(part.content)
                    self._allowed = frozenset(_TOOL.findall(part.content))
                else:
                    described = {name: tool.description or "" for name, tool in offered.items()}
                    self._run = cast("WithTools", self.policy)(part.content, described)
                    self._allowed = frozenset(offered)
                step = next(self._run)
            else:
                step = self._run.send(answer)
        except StopIteration as ended:
            self.finished = True
            return ModelResponse([TextPart(ended.value)])
        if isinstance(step, Say):
            self.asked_after = len(self.calls) if self.asked_after is None else self.asked_after
            return ModelResponse([TextPart(step.words)])
        assert step.tool in self._allowed, f"the prompt does not name {step.tool}"
        assert step.arguments.keys() <= offered[step.tool].parameters_json_schema["properties"].keys()
        self.calls.append(step)
        return ModelResponse([ToolCallPart(step.tool, step.arguments)])


@dataclass(frozen=True)
class Office:
    """A host with an agent on one server, and the person before it."""

    toolset: MCPToolset[None]
    user: User

    async def do(self, prompt: str, policy: Policy, **arguments: str) -> tuple[str, list[Call]]:
        """Let the agent follow a prompt of the server to its end; its last words, and its calls."""
        last, scripted = await self.follow(prompt, policy, **arguments)
        return last, scripted.calls

    async def follow(self, prompt: str, policy: Policy, **arguments: str) -> tuple[str, Scripted]:
        """The same; its last words, and what it did."""
        rendered = await self.toolset.client.get_prompt(prompt, arguments)
        said = "\n".join(message.content.text for message in rendered.messages)  # type: ignore[union-attr]  # all text
        scripted = Scripted(policy)
        return await self._run(scripted, said), scripted

    async def grant(self, words: str, policy: WithTools) -> tuple[str, Scripted]:
        """Let the agent do what the user says with the tools alone; its last words, and what it did."""
        scripted = Scripted(policy, prompted=False)
        return await self._run(scripted, words), scripted

    async def _run(self, scripted: Scripted, said: str) -> str:
        agent = Agent(FunctionModel(scripted), deps_type=type(None), toolsets=[self.toolset])
        result = await agent.run(said)
        while not scripted.finished:
            result = await agent.run(self.user.answer(result.output), message_history=result.all_messages())
        return result.output


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
