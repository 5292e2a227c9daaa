"""Answers to a form that no well-made client gives, as bytes, in both versions: a receipt, never a protocol error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.process.processes import RawServer, raw_server

pytestmark = pytest.mark.slow

CALL: dict[str, Any] = {"name": "renovationfind_accept_lead", "arguments": {"lead_id": 812}}
ASKS = {"elicitation": {"form": {}}}

FAILED = [
    {"error": {"code": -32601, "message": "Method not found"}},
    {"error": {"code": -32603, "message": "Internal error"}},
    {"error": {"code": -32602, "message": "Invalid params", "data": {"at": 1}}},
    {"error": {"code": -32000, "message": "The window was closed"}},
    {"error": {"code": 1, "message": ""}},
    {"result": {}},
    {"result": {"action": "perhaps"}},
    {"result": {"action": None}},
    {"result": {"content": {"confirm": True}}},
    {"result": {"action": "ACCEPT", "content": {"confirm": True}}},
    {"result": {"roots": []}},
    {"result": {"action": "accept", "content": "yes"}},
    {"result": {"action": "accept", "content": [True]}},
]
NOT_YES = [
    {"result": {"action": "accept"}},
    {"result": {"action": "accept", "content": None}},
    {"result": {"action": "accept", "content": {}}},
    {"result": {"action": "accept", "content": {"confirm": "true"}}},
    {"result": {"action": "accept", "content": {"confirm": 1}}},
    {"result": {"action": "accept", "content": {"confirm": 1.0}}},
    {"result": {"action": "accept", "content": {"approve": True}}},
    {"result": {"action": "accept", "content": {"confirm": None}}},
    {"result": {"action": "accept", "content": {"confirm": {"value": True}}}},
]
"""Of the last two the handshake version's own rules for a form are broken, so that the SDK does not hand them on."""


@pytest.fixture(scope="module")
def modern() -> Iterator[RawServer]:
    with raw_server("--sandbox") as server:
        yield server


@pytest.fixture(scope="module")
def legacy() -> Iterator[RawServer]:
    with raw_server("--sandbox") as server:
        hello = {"protocolVersion": "2025-11-25", "capabilities": ASKS, "clientInfo": {"name": "raw", "version": "1"}}
        put(server, id="hello", method="initialize", params=hello)
        assert server.receive()["id"] == "hello"
        put(server, method="notifications/initialized")
        yield server


def put(server: RawServer, **message: Any) -> None:
    server.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def came_of(server: RawServer, answer: dict[str, Any]) -> dict[str, Any]:
    """What a call comes to whose form is answered so; in the version without handshake an error is in its place."""
    asked = server.send("tools/call", capabilities=ASKS, **CALL)
    question = server.receive()
    assert question["id"] == asked
    (name,) = question["result"]["inputRequests"]
    given = answer.get("result", answer)
    state = question["result"]["requestState"]
    server.send("tools/call", capabilities=ASKS, **CALL, inputResponses={name: given}, requestState=state)
    return server.receive()["result"]


def came_of_legacy(server: RawServer, answer: dict[str, Any]) -> dict[str, Any]:
    put(server, id="call", method="tools/call", params=CALL)
    question = server.receive()
    assert question["method"] == "elicitation/create"
    put(server, id=question["id"], **answer)
    return server.receive()["result"]


def assert_nothing_was_written(result: dict[str, Any], *reasons: str) -> None:
    receipt, (block,) = result["structuredContent"], result["content"]
    assert receipt["outcome"] == "not_approved"
    assert receipt["reason"] in reasons
    assert "nothing was changed" in block["text"].lower()
    assert "LEADBRIDGE_APPROVALS=token" in block["text"]
    assert "call again" not in block["text"].lower()


@pytest.mark.parametrize("answer", FAILED, ids=str)
def test_an_answer_that_is_an_error_or_malformed_says_that_nobody_was_asked(modern, legacy, answer):
    expected = "nobody_asked"
    if (answer.get("result") or {}).get("action") == "accept":
        assert_nothing_was_written(came_of(modern, answer), "not_filled_in")
    else:
        result = came_of(modern, answer)
        assert_nothing_was_written(result, expected)
        assert "nobody was asked" in result["content"][0]["text"]
    result = came_of_legacy(legacy, answer)
    assert_nothing_was_written(result, expected)
    assert "nobody was asked" in result["content"][0]["text"]


@pytest.mark.parametrize("answer", NOT_YES, ids=str)
def test_an_accepted_form_that_says_nothing_is_not_approved(modern, legacy, answer):
    assert_nothing_was_written(came_of(modern, answer), "not_filled_in")
    assert_nothing_was_written(came_of_legacy(legacy, answer), "not_filled_in", "nobody_asked")


@pytest.mark.parametrize("responses", ["yes", [], 5, True, {"leadbridge_approval": None}, {"leadbridge_approval": 1}])
def test_what_is_not_a_list_of_answers_is_not_a_protocol_error(modern, responses):
    modern.send("tools/call", capabilities=ASKS, **CALL)
    state = modern.receive()["result"]["requestState"]
    modern.send("tools/call", capabilities=ASKS, **CALL, inputResponses=responses, requestState=state)
    assert_nothing_was_written(modern.receive()["result"], "nobody_asked")
