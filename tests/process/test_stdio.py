"""`leadbridge serve` over pipes, as hosts start it, in both protocol versions."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import StdioServerParameters, stdio_client

from leadbridge.server import __version__
from leadbridge.server.app import build_server
from leadbridge.server.mcp import server as mcp_server
from leadbridge.server.mcp.server import LeadBridgeServer
from leadbridge.server.sandbox import SANDBOX_ROOFLINK_KEY, Fault
from tests.process.processes import (
    ENVELOPE,
    RawServer,
    eventually,
    parameters,
    raw_server,
    without_introduction,
)
from tests.process.story import win_lead
from tests.support import PATIENCE, Person, Version, call, data_of, make_settings, text_of

pytestmark = pytest.mark.slow

WRITE_TOOLS = {
    "rooflink_create_lead": {"address": "17 Elm St", "state": "TX", "postal_code": "75024"},
    "renovationfind_accept_lead": {"lead_id": 812},
    "renovationfind_decline_lead": {"lead_id": 812, "reason": "Outside our service area"},
    "renovationfind_update_job_status": {"lead_id": 785, "status": "QUOTE_SENT"},
    "renovationfind_mark_won": {"lead_id": 785, "status": "JOB_WON", "job_amount": 18500},
    "renovationfind_create_referral": {
        "first_name": "Dana",
        "last_name": "Miller",
        "email": "dana@example.com",
    },
}
ON_A_SANDBOX = {"rooflink_api_key": SANDBOX_ROOFLINK_KEY, "rooflink_base_url": "http://127.0.0.1:9/api"}
LATE_SECONDS = 10 * PATIENCE
HANDSHAKE = (
    b'{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25",'
    b'"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}\n'
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
)


@asynccontextmanager
async def stdio(
    server: StdioServerParameters,
    version: Version,
    person: ElicitationFnT | None = None,
    *,
    errors: list[str] | None = None,
) -> AsyncIterator[Client]:
    """The SDK's client on a server process; what the process said on stderr is put into `errors` at the end."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        mode = "legacy" if version == "legacy" else "auto"
        async with Client(stdio_client(server, errlog=log), mode=mode, elicitation_callback=person) as client:
            yield client
        log.seek(0)
        said = log.read()
    if errors is None:
        assert without_introduction(said) == ""
    else:
        errors.append(said)


def state_url(path: Path) -> str:
    return f"sqlite:///{path}"


def set_status(server: RawServer, lead_id: int = 785) -> None:
    """A write that needs no approval."""
    result = server.call("renovationfind_update_job_status", lead_id=lead_id, status="QUOTE_SENT")
    assert result["structuredContent"]["outcome"] == "done"


def written(server: RawServer) -> list[dict[str, Any]]:
    return server.call("write_history")["structuredContent"]["rows"]


# The SDK's client


async def test_a_host_that_can_ask_wins_a_lead(version):
    person = Person()
    async with stdio(parameters("--sandbox"), version, person) as client:
        assert client.protocol_version == {"modern": "2026-07-28", "legacy": "2025-11-25"}[version]
        assert client.server_info is not None
        assert client.server_info.name == "leadbridge"
        assert "SANDBOX" in (client.instructions or "")
        assert set(WRITE_TOOLS) < {tool.name for tool in (await client.list_tools()).tools}
        ways = await win_lead(client)
    assert ways == [*["approved"] * 3, *["not needed"] * 3, "approved"]
    hand_off, win = person.shown
    assert "Hand off lead 812 from RenovationFind to RoofLink." in hand_off
    assert "18,500.00" in win
    assert "cannot be undone" in win


async def test_a_host_that_cannot_ask_wins_a_lead_with_tokens(version):
    async with stdio(parameters("--sandbox"), version) as client:
        assert await win_lead(client) == [*["approved by token"] * 3, *["not needed"] * 3, "approved by token"]


async def test_a_read_only_server_writes_by_no_argument(version, live, simulator):
    extra = [
        {},
        {"dry_run": True},
        {"dry_run": False},
        {"approval_token": "lb1.e30.x"},
        {"read_only": False, "confirm": True},
    ]
    async with stdio(parameters(read_only="1", **live), version, Person()) as client:
        assert not {tool.name for tool in (await client.list_tools()).tools} & set(WRITE_TOOLS)
        for tool, arguments in WRITE_TOOLS.items():
            for more in extra:
                result = await call(client, tool, **arguments, **more)
                assert result.is_error
                assert "switched off" in text_of(result)
        hidden = data_of(await call(client, "server_status"))["hidden_tools"]
        assert hidden.keys() >= WRITE_TOOLS.keys()
        assert {hidden[tool] for tool in WRITE_TOOLS} == {"LEADBRIDGE_READ_ONLY is set; unset it to let tools write"}
    assert simulator.writes == []


async def test_no_key_is_said_anywhere_even_at_debug_and_when_it_is_refused(live):
    keys = {"rooflink_api_key": "wrong-key-of-rooflink", "renovationfind_token": "wrong.token.of-renovationfind"}
    errors: list[str] = []
    said = ""
    async with stdio(parameters(**{**live, **keys, "log_level": "DEBUG"}), "modern", errors=errors) as client:
        said += text_of(await call(client, "rooflink_list_prospects"))
        said += text_of(await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT"))
        said += text_of(await call(client, "server_status")) + str(await client.list_tools())
    assert "RoofLink refused the key (401)" in said
    assert "RenovationFind refused the key (401)" in said
    assert "DEBUG" in errors[0]
    for key in keys.values():
        assert key not in said
        assert key not in errors[0]


def test_a_host_that_reads_no_stderr_gets_every_answer(live):
    """A pipe holds 64 kB: with nobody at its other end, whoever writes the line after that waits for good."""
    unread, stderr = os.pipe()
    os.set_blocking(stderr, False)
    with suppress(BlockingIOError):
        while True:
            os.write(stderr, b"x" * 65_536)
    os.set_blocking(stderr, True)
    with closing(os.fdopen(unread, "rb")), raw_server(**live, log_level="DEBUG", stderr=stderr) as server:
        assert server.call("rooflink_list_prospects")["isError"] is False
        for _ in range(30):
            assert server.call("server_status")["isError"] is False
        server.close_stdin()
        assert server.wait() == 0


# A client of bytes


@pytest.mark.parametrize("level", ["WARNING", "DEBUG"])
def test_it_ends_with_0_when_stdin_is_closed_and_has_said_nothing_but_json_rpc(level):
    with raw_server("--sandbox", log_level=level) as server:
        assert server.answer("server/discover")["result"]["instructions"].startswith("LeadBridge")
        set_status(server)
        assert server.call("rooflink_list_prospects", page_size=2)["isError"] is False
        server.close_stdin()
        assert server.wait() == 0
        assert server.rest() == []
        assert ("DEBUG" in server.stderr) is (level == "DEBUG")


def test_it_ends_with_0_when_nothing_was_ever_asked():
    with raw_server("--sandbox") as server:
        server.close_stdin()
        assert server.wait() == 0
        assert (server.rest(), without_introduction(server.stderr)) == ([], "")


def test_a_slow_call_keeps_no_other_from_its_answer_and_does_not_keep_the_server_alive(live, simulator):
    simulator.faults.add(Fault(kind="slow", seconds=LATE_SECONDS))
    with raw_server(**live) as server:
        server.send("tools/call", name="rooflink_get_prospect", arguments={"prospect_id": 1})
        eventually(lambda: simulator.requests)
        assert server.call("server_status")["isError"] is False
        server.close_stdin()
        assert server.wait() == 0
        assert "Traceback" not in server.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    """One server that many tests burden, each after the other."""
    with raw_server("--sandbox") as running:
        running.answer("tools/list")
        yield running


def test_calls_sent_at_once_are_all_answered_each_under_its_own_id(server):
    writes = [(785, "QUOTE_SENT"), (786, "QUOTE_SENT"), (785, "JOB_WON"), (0, "QUOTE_SENT")]
    update = "renovationfind_update_job_status"
    sent = [
        server.send("tools/call", name=update, arguments={"lead_id": lead_id, "status": status})
        for lead_id, status in writes
    ]
    sent += [server.send("tools/call", name="server_status", arguments={}) for _ in range(20)]
    answers = {message["id"]: message["result"] for message in (server.receive() for _ in sent)}
    assert set(answers) == set(sent)
    assert [answers[number]["isError"] for number in sent] == [False, False, True, True] + [False] * 20
    assert len(written(server)) == 2


def test_what_is_not_a_request_is_ignored_and_an_unknown_method_is_refused(server):
    server.write(b'garbage\n\n[]\n"text"\n{"a": 1}\n{"jsonrpc": "2.0", "id": 99}\n\xff\xfe\x00\n')
    server.write(b"[" * 100_000 + b"\n")
    assert server.answer("no/such/method")["error"]["code"] == -32601
    assert server.answer("tools/call", name=5)["error"]["code"] == -32602
    assert server.call("rooflink_delete_everything")["isError"] is True
    assert server.call("server_status")["isError"] is False
    assert "Traceback" not in server.stderr


def test_an_argument_of_2_mb_is_refused_by_its_name_and_not_repeated(server):
    before = written(server)
    for argument in ({"address": "x" * 2_000_000}, {"x" * 2_000_000: 1}, {"dry_run": "x" * 2_000_000}):
        given = {"address": "17 Elm St", "state": "TX", "postal_code": "75024", **argument}
        result = server.call("rooflink_create_lead", **given)
        (block,) = result["content"]
        assert result["isError"] is True
        assert block["text"].startswith("Nothing was sent.")
        assert len(block["text"]) < 2000
    assert written(server) == before


def test_the_handshake_of_the_other_era_is_refused_once_the_first_request_has_fixed_it(server):
    server.write(HANDSHAKE)
    assert server.receive()["error"]["data"]["supported"] == ["2026-07-28"]


def test_an_unknown_prompt_is_refused_by_its_name_without_a_traceback(server):
    error = server.answer("prompts/get", name="no-such-prompt")["error"]
    assert "no-such-prompt" in error["message"]
    assert "Traceback" not in server.stderr


def test_the_handshake_is_answered_and_a_line_cut_off_by_the_end_of_stdin_ignored():
    with raw_server("--sandbox") as server:
        server.write(HANDSHAKE)
        answer = server.receive()
        assert (answer["id"], answer["result"]["protocolVersion"]) == ("hello", "2025-11-25")
        server.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert server.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}
        server.write(b'{"jsonrpc": "2.0", "id": 97, "meth')
        server.close_stdin()
        assert server.wait() == 0
        assert (server.rest(), without_introduction(server.stderr)) == ([], "")


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n\n", b"\n\xef\xbb\xbf \r\n\xef\xbb\xbf"])
def test_a_byte_order_mark_and_blank_lines_before_a_message_are_ignored(before):
    with raw_server("--sandbox") as server:
        server.write(before + HANDSHAKE.replace(b"\n", b"\r\n"))
        assert server.receive()["id"] == "hello"
        server.write(before + b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
        assert server.receive() == {"jsonrpc": "2.0", "id": 1, "result": {}}
        assert without_introduction(server.stderr) == ""


async def test_what_was_read_before_the_end_of_stdin_is_answered(monkeypatch: pytest.MonkeyPatch):
    call_tool = LeadBridgeServer.call_tool

    async def slowly(*arguments: Any) -> Any:
        await anyio.sleep(0.2)
        return await call_tool(*arguments)

    monkeypatch.setattr(mcp_server, "_LAST_ANSWERS", PATIENCE)
    monkeypatch.setattr(LeadBridgeServer, "call_tool", slowly)
    params = {"name": "server_status", "arguments": {}}
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    answers = io.StringIO()
    await build_server(make_settings(sandbox=True)).run_stdio_async(
        anyio.wrap_file(io.StringIO(f"{HANDSHAKE.decode()}{request}\n")), anyio.wrap_file(answers)
    )
    hello, answer = map(json.loads, answers.getvalue().splitlines())
    assert (hello["id"], answer["id"], answer["result"]["isError"]) == ("hello", 1, False)


def test_each_message_ends_as_the_protocol_says_where_a_line_of_text_ends_otherwise(tmp_path: Path):
    """As on Windows: Python's own text files, in Python instead of C, where a line of text ends in CR and LF."""
    as_on_windows = (
        "import os; os.linesep = '\\r\\n'\n"
        "import io, _pyio; io.TextIOWrapper = _pyio.TextIOWrapper\n"
        "from leadbridge.server.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", as_on_windows, "serve", "--sandbox"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(HANDSHAKE.replace(b"\n", b"\r\n") + b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
        server.stdin.flush()
        lines = [server.stdout.readline() for _ in range(2)]
        rest, _ = server.communicate(timeout=PATIENCE)
    assert {json.loads(line)["id"] for line in lines} == {"hello", 1}
    assert b"\r" not in b"".join(lines)
    assert (server.returncode, rest) == (0, b"")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"sandbox": "1"}, "sandbox"),
        ({"rooflink_api_key": "a-key-of-rooflink"}, "RoofLink"),
        ({"rooflink_api_key": "a-key-of-rooflink", "renovationfind_token": "a.b.c"}, "RoofLink and RenovationFind"),
        (ON_A_SANDBOX, "sandbox"),
        ({**ON_A_SANDBOX, "renovationfind_token": "a.b.c"}, "RoofLink (sandbox) and RenovationFind"),
    ],
)
def test_one_line_says_which_version_serves_what_and_how_many_tools(settings, what):
    with raw_server(**settings, log_level="CRITICAL") as server:
        offered = len(server.answer("tools/list")["result"]["tools"])
        (line,) = server.stderr.splitlines()
    assert (
        line == f"LeadBridge {__version__} on stdio ({what}, {offered} tools). Waiting for an MCP client; Ctrl-C stops."
    )


@pytest.mark.parametrize("lost", [rb"\udfff", rb"\uD83d", rb"\\\ud83d\n\udfff", b"\xff", b"\xed\xa0\x80"])
def test_half_of_a_character_is_refused_by_the_argument_s_name(lost):
    ask = b'"arguments":{"address":"12 Elm St","state":"TX","postal_code":"75024","first_name":"Zo%s%s","dry_run":true}'
    params = json.dumps(
        {"name": "rooflink_create_lead", "_meta": {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": {}}}
    )
    message = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":' + params[:-1].encode() + b",%s}}\n"
    with raw_server("--sandbox") as server:
        server.write(message % (1, ask % (rb"\ud83d\ude00", b"")))
        server.write(message % (2, ask % (rb"\ud83d\ude00", lost)))
        answers = {message["id"]: message["result"] for message in (server.receive(), server.receive())}
    whole, damaged = answers[1], answers[2]
    assert whole["isError"] is False
    assert "Zo\U0001f600" in whole["content"][0]["text"]
    assert "first_name: is damaged" in damaged["content"][0]["text"]


@pytest.mark.parametrize("broken", [b"tru", b"9" * 5_000, b"[" * 3_000 + b"]" * 3_000])
@pytest.mark.parametrize(
    "request_",
    [
        b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"id":1,"lead_id":%s}}\n',
        b'{"method":"tools/call","params":{"id":1,"lead_id":%s},"jsonrpc":"2.0","id":"a"}\n',
    ],
    ids=["id first", "id last"],
)
def test_a_request_that_cannot_be_read_is_answered_and_the_next_one_is_served(request_, broken):
    with raw_server("--sandbox") as server:
        server.write(request_ % broken)
        answer = server.receive()
        assert (answer["id"], answer["error"]["code"]) == ("a", -32_700)
        assert server.answer("tools/list")["result"]["tools"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_a_traceback_and_leaves_no_lock(number, tmp_path):
    state = tmp_path / "state.db"
    with raw_server("--sandbox", state_url=state_url(state)) as server:
        set_status(server)
        server.signal(number)
        server.wait()
        assert server.rest() == []
        assert without_introduction(server.stderr) == ""
    with closing(sqlite3.connect(state, timeout=0, isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")
        assert store.execute("SELECT state FROM writes").fetchall() == [("done",)]


def test_a_server_that_is_ended_in_the_middle_of_a_write_leaves_no_lock_and_a_record(tmp_path, live, simulator):
    state = tmp_path / "state.db"
    simulator.faults.add(Fault(kind="slow_after_commit", seconds=LATE_SECONDS))
    with raw_server(**live, state_url=state_url(state)) as server:
        arguments = {"lead_id": 785, "status": "QUOTE_SENT"}
        server.send("tools/call", name="renovationfind_update_job_status", arguments=arguments)
        eventually(lambda: simulator.writes)
        server.signal(signal.SIGTERM)
        server.wait()
        assert without_introduction(server.stderr) == ""
    with closing(sqlite3.connect(state, timeout=0, isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")
        assert store.execute("SELECT state FROM writes").fetchall() == [("sent",)]


@pytest.mark.parametrize("how", ["end of stdin", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_however_it_is_ended_it_awaits_the_answer_to_a_write_for_a_while(how, tmp_path, live, simulator):
    state = tmp_path / "state.db"
    simulator.faults.add(Fault(kind="slow_after_commit", seconds=0.5))
    with raw_server(**live, state_url=state_url(state)) as server:
        arguments = {"lead_id": 785, "status": "QUOTE_SENT"}
        server.send("tools/call", name="renovationfind_update_job_status", arguments=arguments)
        eventually(lambda: simulator.writes)
        if isinstance(how, signal.Signals):
            server.signal(how)
        else:
            server.close_stdin()
        assert server.wait() == (-how if isinstance(how, signal.Signals) else 0)
        assert "Traceback" not in server.stderr
    with closing(sqlite3.connect(state, timeout=0, isolation_level=None)) as store:
        assert store.execute("SELECT state FROM writes").fetchall() == [("done",)]


def test_nothing_is_written_at_start_nor_by_reading(tmp_path):
    state = tmp_path / "not yet" / "state.db"
    with raw_server("--sandbox", state_url=state_url(state)) as server:
        server.answer("tools/list")
        assert not state.parent.exists()
        assert server.call("rooflink_list_prospects", page_size=2)["isError"] is False
        assert not state.exists()  # what the processes of a key share of the rate limit is beside it
        set_status(server)
        assert state.stat().st_mode & 0o077 == 0
        server.close_stdin()
        assert server.wait() == 0


def test_a_host_that_starts_it_twice_for_a_moment_finds_both_working_on_one_state_file(tmp_path):
    url = state_url(tmp_path / "state.db")
    with raw_server("--sandbox", state_url=url) as one, raw_server("--sandbox", state_url=url) as two:
        for server in (one, two):
            server.answer("server/discover")
        token = one.call("renovationfind_accept_lead", lead_id=812)["structuredContent"]["approval_token"]
        for server, lead_id in ((one, 785), (two, 786)):
            arguments = {"lead_id": lead_id, "status": "QUOTE_SENT"}
            server.send("tools/call", name="renovationfind_update_job_status", arguments=arguments)
        for server in (one, two):
            assert server.receive()["result"]["structuredContent"]["outcome"] == "done"
        one.close_stdin()
        assert one.wait() == 0
        accepted = two.call("renovationfind_accept_lead", lead_id=812, approval_token=token)
        assert accepted["structuredContent"]["outcome"] == "done"
        assert [row["approval"] for row in written(two)] == ["approved by token", "not needed", "not needed"]
