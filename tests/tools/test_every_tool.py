"""What holds of every tool: it has a row in `tests/cases.py`, and does what the row says."""

from __future__ import annotations

import re

import pytest

from leadbridge.tools import ALL_TOOLS
from tests.cases import CASES, READS, SENDING, Case, by_name
from tests.support import (
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

_BELOW = re.compile(r"^/(roof_link_endpoints/api|rest-api-v1|rest-manager-api-v1)(?=/)")


def test_every_tool_has_a_row_and_every_row_a_tool():
    assert sorted(case.name for case in CASES) == sorted(spec.name for spec in ALL_TOOLS)


@pytest.mark.parametrize("case", [*READS, *SENDING], ids=by_name)
async def test_a_tool_asks_whom_it_must_and_sends_exactly_these_requests(case: Case, time: Time, version: Version):
    sandbox, person = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED), Person()
    async with connected(sandbox, time=time, version=version, person=person, **EVERY_TOOL) as client:
        result = await call(client, case.name, **case.arguments)
    assert not result.is_error, text_of(result)
    sent = [
        f"{request.method} {_BELOW.sub('', request.path)}{'?' * bool(request.query)}{request.query}"
        for request in sandbox.requests
    ]
    assert sent == list(case.sends)
    assert len(person.shown) == case.asks
    assert len(sandbox.writes) == len(case.changes)
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
        (tool,) = [tool for tool in (await client.list_tools()).tools if tool.name == case.name]
        required = tool.input_schema.get("required", [])
        assert set(required) <= case.arguments.keys() <= tool.input_schema["properties"].keys()
        for name in required:
            for given in ({**case.arguments, name: None}, {k: v for k, v in case.arguments.items() if k != name}):
                result = await call(client, case.name, **given)
                assert f"- {name}: is required" in text_of(result)
    assert sandbox.requests == []
