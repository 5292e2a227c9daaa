"""A text that names a tool which is not offered says what switches it off, whatever tool it is and whoever says it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult

from leadbridge.server.sandbox import Sandbox
from leadbridge.tools import ALL_TOOLS
from tests.cases import CASES, Case, by_name
from tests.support import EVERY_PATH_SERVED, EVERY_TOOL, Person, Time, call, connected, make_sandbox, text_of

TOOLSET_OF = {spec.name: spec.toolset for spec in ALL_TOOLS}
NAME = re.compile(rf"\b({'|'.join(sorted(TOOLSET_OF, key=len, reverse=True))})\b( \(switched off: )?")
NOWHERE = 99_999
BY_OTHERS = re.compile("⟦[^⟧]*⟧")


def unexplained(text: str, offered: set[str]) -> set[str]:
    """Tools that a text names though they are not offered, and of which it does not say why."""
    found, explained = set[str](), set[str]()
    for name, why in NAME.findall(BY_OTHERS.sub("", text)):
        (explained if why else found).add(name)
    return found - explained - offered


async def all_that_is_said(client: Client, sandbox: Sandbox, case: Case) -> list[CallToolResult]:
    """What a tool answers in its usual situations."""
    write = case.arguments | case.asks_with
    ids = [name for name in case.arguments if name.endswith("_id")]
    wrong: dict[str, Any] = {name: [] for name in case.arguments}
    said = [await call(client, case.name, **{**wrong, "search": "Campbell", "lead_id": [], "q": 1})]
    if ids:
        said.append(await call(client, case.name, **{**case.arguments, **dict.fromkeys(ids, NOWHERE)}))
    if case.changes:
        sandbox.faults.add(case.fault("drop_after"))
        said += [await call(client, case.name, **write) for _ in range(2)]
    another = case.about(3)
    said += [await call(client, case.name, **another) for _ in range(2)]
    if case.changes:
        said.append(await call(client, case.name, **{**another, "dry_run": True}))
    return said


@pytest.mark.parametrize("case", CASES, ids=by_name)
async def test_no_tool_names_another_that_is_switched_off_without_saying_by_what(case: Case, time: Time) -> None:
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    settings = {**EVERY_TOOL, "toolsets": TOOLSET_OF[case.name]}
    async with connected(sandbox, time=time, person=Person(), **settings) as client:
        tools = (await client.list_tools()).tools
        offered = {tool.name for tool in tools}
        for tool in tools:
            properties = tool.input_schema["properties"].values()
            for text in (tool.description or "", *(str(one.get("description", "")) for one in properties)):
                assert not unexplained(text, offered), text
        if case.name == "server_status":
            return  # it lists what is switched off
        for result in await all_that_is_said(client, sandbox, case):
            assert not unexplained(text_of(result), offered), text_of(result)
            for name in ("summary", "note", "details", "warnings", "next_steps"):
                said = (result.structured_content or {}).get(name, [])
                for sentence in said if isinstance(said, list) else [said]:
                    assert not unexplained(sentence, offered), sentence
