"""What holds of every tool: it has a row in `tests/cases.py`, and does what the row says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import pytest
from mcp import Client
from mcp.types import Tool

from leadbridge.server.catalog import load
from leadbridge.tools import ALL_TOOLS
from tests.cases import CASES, READS, SENDING, WRITES, Case, by_name
from tests.support import (
    EVERY_PATH,
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    Person,
    Time,
    Version,
    call,
    connected,
    data_of,
    make_sandbox,
    text_of,
)

SPECS = {spec.name: spec for spec in ALL_TOOLS}
CATALOG = load(EVERY_PATH)
_BELOW = re.compile(r"^/(roof_link_endpoints/api|rest-api-v1|rest-manager-api-v1)(?=/)")


def test_every_tool_has_a_row_and_every_row_a_tool():
    assert sorted(case.name for case in CASES) == sorted(spec.name for spec in ALL_TOOLS)


def in_order(lines: Sequence[str]) -> list[list[str]]:
    """Requests in their order, with reads between two writes in any: some leave at the same time."""
    return [sorted(group) for _, group in groupby(lines, key=lambda line: line.startswith("GET "))]


async def definition_of(client: Client, case: Case) -> Tool:
    """The tool as clients see it."""
    return next(tool for tool in (await client.list_tools()).tools if tool.name == case.name)


@pytest.mark.parametrize("case", [*READS, *SENDING], ids=by_name)
async def test_a_tool_asks_whom_it_must_and_sends_exactly_these_requests(case: Case, time: Time, version: Version):
    """Whatever it is not given may be null."""
    sandbox, person = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED), Person()
    async with connected(sandbox, time=time, version=version, person=person, **EVERY_TOOL) as client:
        nothing = dict.fromkeys((await definition_of(client, case)).input_schema["properties"])
        result = await call(client, case.name, **{**nothing, **case.arguments})
    assert not result.is_error, text_of(result)
    sent = [
        f"{request.method} {_BELOW.sub('', request.path)}{'?' * bool(request.query)}{request.query}"
        for request in sandbox.requests
    ]
    assert in_order(sent) == in_order(case.sends)
    assert len(person.shown) == case.asks
    assert len(sandbox.writes) == len(case.changes)
    rows = [CATALOG[name] for name in SPECS[case.name].operations]
    patterns = [f"{row.method} {re.sub('{[a-z_]+}', '[0-9]+', row.path)}" for row in rows]
    assert all(any(re.fullmatch(each, line.partition("?")[0]) for each in patterns) for line in case.changes)
    if case.writes:
        assert data_of(result)["outcome"] == "done"
        body = sandbox.writes[0].body
        if isinstance(body, dict) and (info := body.pop("extra_info", {})):
            info.pop("leadbridge_write", None)
            body |= {"extra_info": info} if info else {}
        assert body == case.body


@pytest.mark.parametrize("case", CASES, ids=by_name)
async def test_what_a_tool_requires_is_asked_for_by_its_name(case: Case, time: Time):
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    async with connected(sandbox, time=time, **EVERY_TOOL) as client:
        tool = await definition_of(client, case)
        required = tool.input_schema.get("required", [])
        assert set(required) <= case.arguments.keys() <= tool.input_schema["properties"].keys()
        for name in required:
            for given in ({**case.arguments, name: None}, {k: v for k, v in case.arguments.items() if k != name}):
                result = await call(client, case.name, **given)
                assert f"- {name}: is required" in text_of(result)
    assert sandbox.requests == []


@pytest.mark.parametrize("case", SENDING, ids=by_name)
async def test_a_dry_run_shows_the_first_request_that_changes_something_and_sends_none(case: Case, time: Time):
    sandbox, person = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED), Person()
    async with connected(sandbox, time=time, person=person, **EVERY_TOOL) as client:
        result = await call(client, case.name, **case.arguments, dry_run=True)
        assert data_of(await call(client, "write_history"))["total"] == 0
    method, _, path = case.changes[0].partition(" ")
    assert data_of(result)["outcome"] == "dry_run"
    first = data_of(result).get("request") or {}
    shown = f"{first['method']} {first['url']}" if first else text_of(result)
    assert re.search(rf"{method} https://[^ ]*{re.escape(path.partition('?')[0])}(?![^ ?])", shown)
    assert {request.method for request in sandbox.requests} <= {"GET"}
    assert (person.shown, sandbox.writes) == ([], [])


async def test_a_read_only_server_has_the_tools_that_read_and_no_other(time: Time, version: Version):
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    async with connected(sandbox, time=time, version=version, read_only=True, **EVERY_TOOL) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {case.name for case in READS}
        for case in WRITES:
            assert (await call(client, case.name, **case.arguments)).is_error
    assert sandbox.requests == []


@pytest.mark.parametrize("case", CASES, ids=by_name)
async def test_an_argument_that_a_tool_does_not_have_is_refused_by_its_name(case: Case, time: Time):
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    async with connected(sandbox, time=time, person=Person(), **EVERY_TOOL) as client:
        result = await call(client, case.name, **case.arguments, frobnicate=1)
    assert result.is_error
    assert "frobnicate" in text_of(result)
    assert sandbox.requests == []
