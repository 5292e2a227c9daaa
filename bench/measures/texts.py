"""How much a model reads: all toolsets' definitions, a checklist, and a snapshot of 7,500 prospects."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import TextContent

from bench.measures.definitions import definition, tokens
from bench.peers import LEADBRIDGE, Setup
from bench.results import Budget, Row
from leadbridge.server.app import build_server
from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox import Sandbox

PROSPECTS = 7_500


def measure(setup: Setup) -> list[Row]:
    """One server in this process on a large sandbox."""
    all_tools, checklist, snapshot, seconds = anyio.run(_measured)
    setup.notes.append(
        f"The first snapshot of {PROSPECTS:,} simulated prospects took {seconds[0]:.1f} s, the second "
        f"{seconds[1]:.1f} s: "
        "75 pages at RoofLink's limit of five a second."
    )
    return [
        Row("definitions of all toolsets", "tokens", {LEADBRIDGE: all_tools}, Budget(14_000)),
        Row("a checklist, as text", "tokens", {LEADBRIDGE: checklist}, Budget(250)),
        Row("a snapshot of 7,500 prospects, as text", "tokens", {LEADBRIDGE: snapshot}, Budget(1_500)),
    ]


async def _measured() -> tuple[int, int, int, list[float]]:
    sandbox = Sandbox(prospects=PROSPECTS)
    values: dict[str, Any] = {"sandbox": True, "toolsets": "all", "upload_root": str(Path.cwd())}
    server = build_server(Settings.model_validate(values), sandbox=sandbox)
    async with Client(server) as client:
        tools = [tool.model_dump(mode="json", by_alias=True) for tool in (await client.list_tools()).tools]
        prospect = max(sandbox.prospects)
        checklist = await _text(client, "rooflink_prospect_checklist", {"prospect_id": prospect})
        seconds: list[float] = []
        texts: list[str] = []
        for _ in range(2):
            began = time.perf_counter()
            texts.append(await _text(client, "pipeline_snapshot", {}))
            seconds.append(time.perf_counter() - began)
    return sum(tokens(definition(tool)) for tool in tools), tokens(checklist), max(map(tokens, texts)), seconds


async def _text(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    answer = await client.call_tool(tool, arguments)
    if getattr(answer, "is_error", True):
        message = f"{tool} failed: {answer}"
        raise RuntimeError(message)
    return "\n".join(part.text for part in getattr(answer, "content", []) if isinstance(part, TextContent))
