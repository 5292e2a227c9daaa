"""`leadbridge serve --http` and `leadbridge sandbox`, as processes on loopback."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.session import ElicitationFnT

from leadbridge.server import __version__
from tests.process.processes import Process, http_server, lower, parameters, sandbox_process
from tests.process.story import win_lead
from tests.support import Person, Version, call, data_of, text_of

pytestmark = pytest.mark.slow

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
LEADS = {"modern": 808, "legacy": 809}
SESSION = "mcp-session-id"
HEADERS = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Process, str]]:
    """One server over HTTP for all tests that do not end it."""
    with http_server("--sandbox") as running:
        yield running


def connect(url: str, version: Version, person: ElicitationFnT | None = None) -> Client:
    return Client(url, mode="legacy" if version == "legacy" else "auto", elicitation_callback=person)


async def test_a_team_s_client_lists_and_calls(served, version):
    async with connect(served[1], version) as client:
        assert client.protocol_version == {"modern": "2026-07-28", "legacy": "2025-11-25"}[version]
        assert "renovationfind_mark_won" in {tool.name for tool in (await client.list_tools()).tools}
        assert "Prospects 1-2 of" in text_of(await call(client, "rooflink_list_prospects", page_size=2))


@pytest.mark.parametrize(("action", "outcome"), [("decline", "not_approved"), ("accept", "done")])
async def test_a_person_is_asked_and_counts(served, version, action, outcome):
    person = Person(action)
    lead_id = {"modern": 811, "legacy": 812}[version]
    async with connect(served[1], version, person) as client:
        receipt = data_of(await call(client, "renovationfind_accept_lead", lead_id=lead_id))
    assert receipt["outcome"] == outcome
    (question,) = person.shown
    assert f"Accept lead {lead_id}" in question


async def test_what_was_written_and_approved_is_still_known_to_the_next_client(served, version):
    """With one store in memory for all sessions, the end of one must not take it from the others."""
    decline, arguments = "renovationfind_decline_lead", {"lead_id": LEADS[version], "reason": "Too far"}
    async with connect(served[1], version) as client:
        token = data_of(await call(client, decline, **arguments))["approval_token"]
        assert data_of(await call(client, decline, **arguments, approval_token=token))["outcome"] == "done"
    async with connect(served[1], version) as client:
        rows = data_of(await call(client, "write_history"))["rows"]
        assert f"lead {LEADS[version]}" in {row["target"] for row in rows if row["approval"] == "approved by token"}
        again = data_of(await call(client, decline, **arguments, approval_token=token))
        assert again["outcome"] in {"already_done", "refused"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "attacker.example"}, 421),
        ({"Host": "attacker.example:80"}, 421),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "0.0.0.0:8321"}, 421),
    ],
)
def test_a_foreign_host_or_origin_is_refused(served, headers, status):
    answer = httpx.post(served[1], json=LIST, headers={**HEADERS, **headers}, trust_env=False)
    assert answer.status_code == status
    assert "tools" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost", "::1"])
def test_a_foreign_host_or_origin_is_refused_on_every_address(host):
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with http_server("--sandbox", "--host", host) as (_, url):
        for headers, status in (({"Host": "attacker.example"}, 421), ({"Origin": "https://attacker.example"}, 403)):
            answer = httpx.post(url, json=LIST, headers={**HEADERS, **headers}, trust_env=False)
            assert answer.status_code == status
        near = {**HEADERS, "Host": "localhost", "Origin": "http://localhost:6274"}
        assert httpx.post(url, json=LIST, headers=near, trust_env=False).status_code not in {403, 421}


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_the_log_holds_no_session_no_token_and_no_customer(level):
    with http_server("--sandbox", log_level=level) as (server, url), httpx.Client(trust_env=False) as http:

        def send(number: int, method: str, **params: Any) -> str:
            answer = http.post(url, json={"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            http.headers.update({name: answer.headers[name] for name in [SESSION] if name in answer.headers})
            return answer.text

        http.headers.update(HEADERS)
        send(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "x", "version": "1"})
        page = send(2, "tools/call", name="rooflink_list_prospects", arguments={})
        question = send(3, "tools/call", name="renovationfind_accept_lead", arguments={"lead_id": 810})
        log = server.stderr
        session = http.headers[SESSION]
    phones, tokens = re.findall(r"\(\d{3}\) 555-\d{4}", page), re.findall(r"lb1\.[\w-]+\.[\w-]+", question)
    assert phones
    assert tokens
    assert not [secret for secret in (session, *tokens, *phones) if secret in log]
    assert "tool rooflink_list_prospects took" in log
    assert ("rooflink.list_prospects: answered 200" in log) is (level == "DEBUG")


def test_one_line_says_where_what_is_served(served):
    server, url = served
    first = server.stderr.splitlines()[0]
    assert re.fullmatch(
        rf"LeadBridge {re.escape(__version__)} at {url} \(sandbox, \d+ tools\)\. Ctrl-C stops it\.", first
    )


@pytest.mark.parametrize(("size", "status"), [(200_000, 200), (300_000, 413)])
def test_a_request_is_no_longer_than_arguments_can_be(served, size, status):
    call = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x" * size, "version": "1"},
    }}  # fmt: skip
    assert httpx.post(served[1], json=call, headers=HEADERS).status_code == status


async def test_only_what_is_served_is_announced(served, version):
    """Nothing that is offered changes while it runs, so that there is nothing to subscribe to."""
    async with connect(served[1], version) as client:
        announced = client.server_capabilities.model_dump(exclude_none=True)
    flags = [flag for capability in announced.values() for flag in capability.values()]
    assert announced.keys() == {"completions", "prompts", "resources", "tools"}
    assert flags
    assert not any(flags)


def test_what_is_not_json_is_refused_and_other_paths_are_not_there():
    with http_server("--sandbox") as (server, url):  # whose log holds nothing of other clients
        assert httpx.post(url, content=b"{", headers=HEADERS, trust_env=False).status_code == 400
        assert httpx.get(url.removesuffix("/mcp") + "/", trust_env=False).status_code == 404
        assert server.code is None
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_a_traceback(number):
    with http_server("--sandbox") as (server, url):
        httpx.get(url, trust_env=False)  # whoever answers is ready for a signal
        server.signal(number)
        server.wait()
        assert "Traceback" not in server.stderr


def test_a_port_in_use_is_a_failure_reported_in_one_line(served):
    port = served[1].split(":")[2].removesuffix("/mcp")
    second = Process("serve", "--sandbox", "--http", "--port", port)
    try:
        assert second.wait() == 1
        (line,) = second.stderr.splitlines()
        assert line == f"leadbridge: could not listen on 127.0.0.1:{port}: Address already in use"
    finally:
        second.stop()


async def test_a_server_works_a_lead_on_a_sandbox_that_is_a_process_of_its_own(tmp_path):
    """Keys, connections and a state file as with a real account; only, it says that it is simulated."""
    with ExitStack() as stack:
        sandbox, settings = stack.enter_context(sandbox_process())
        server = parameters(**lower(settings), state_url=f"sqlite:///{tmp_path / 'state.db'}")
        async with Client(server, elicitation_callback=Person()) as client:
            assert "SANDBOX" in (client.instructions or "")
            ways = await win_lead(client)
        origin = settings["LEADBRIDGE_ROOFLINK_BASE_URL"].partition("/roof")[0]
        async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
            writes = (await http.get("/_sandbox/writes")).json()
        sandbox.signal(signal.SIGINT)
        assert (sandbox.wait(), sandbox.rest()) == (0, [])
        assert sandbox.stderr == f"What happens, and how to steer it: {origin}/_sandbox/ Ctrl-C stops it.\n"
    assert ways == [*["approved"] * 3, *["not needed"] * 3, "approved"]
    assert len(writes) == 7
