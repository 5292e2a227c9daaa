"""No key in any output: results, questions, logs, the history's file, reprs; no personal data where none belongs."""

from __future__ import annotations

import html
import json
import logging
import re
import sqlite3
import threading
import time as real_time
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.request_state import RequestStateBoundary
from pydantic import SecretStr

from leadbridge.server.app import build_app_context, build_server
from leadbridge.server.config.settings import Settings, load_settings
from leadbridge.server.errors import AuthError, SettingsError
from leadbridge.server.logs import set_up
from leadbridge.server.sandbox import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY, Fault, Sandbox
from leadbridge.server.sandbox.serve import bind
from leadbridge.server.state import Store
from tests.cases import BY_NAME, CASES, SENDING
from tests.support import (
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    Person,
    Time,
    Version,
    call,
    data_of,
    make_sandbox,
    make_settings,
    patient_rate_limiter,
    text_of,
)

RIGHT = (SANDBOX_ROOFLINK_KEY, SANDBOX_RENOVATIONFIND_TOKEN)
"""What the simulated services take; on a server that is not in sandbox mode they are keys like any other."""
WRONG = ("rl-7f3c9a1e5b2d4c6f8a0e", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl")


def settings_with(keys: tuple[str, str], **more: Any) -> Settings:
    rooflink, renovationfind = keys
    values = {"rooflink_api_key": SecretStr(rooflink), "renovationfind_token": SecretStr(renovationfind), **more}
    return make_settings(sandbox=False, **{"state_url": SecretStr("sqlite://"), **EVERY_TOOL, **values})


class Transcript:
    """Everything that a client, and the person behind it, gets to read."""

    def __init__(self) -> None:
        self.person = Person()
        self.texts: list[str] = []

    async def by(self, client: Client, tool: str, **more: Any) -> str:
        """Call a tool with its arguments and keep all that it answers."""
        result = await call(client, tool, **{**BY_NAME[tool].arguments, **more})
        self.texts.append(result.model_dump_json())
        return text_of(result)

    def leaks(self, *secrets: str) -> list[str]:
        """Whatever holds a secret."""
        return [text for text in [*self.texts, *self.person.shown] if any(secret in text for secret in secrets)]


@asynccontextmanager
async def live(
    sandbox: Sandbox,
    time: Time,
    transcript: Transcript,
    keys: tuple[str, str] = RIGHT,
    version: Version = "modern",
    **settings: Any,
) -> AsyncIterator[Client]:
    """A server on these keys, whose network is the sandbox."""
    made = settings_with(keys, **settings)
    server = build_server(made, transport=sandbox.transport, rate_limiter=patient_rate_limiter(time))
    transcript.texts.append(server.instructions or "")
    mode = "legacy" if version == "legacy" else "auto"
    async with Client(server, mode=mode, elicitation_callback=transcript.person) as client:
        transcript.texts.append((await client.list_tools()).model_dump_json())
        yield client


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """A simulator that answers wherever a tool may ask."""
    return make_sandbox(time, **EVERY_PATH_SERVED)


@pytest.fixture(autouse=True)
def all_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Every logger talks, the libraries' too."""
    for name in ("", "httpx", "httpcore", "mcp", "leadbridge", "asyncio", "anyio"):
        caplog.set_level(logging.DEBUG, logger=name)


async def test_no_tool_reveals_a_key_when_all_goes_well(
    sandbox: Sandbox, time: Time, version: Version, caplog: pytest.LogCaptureFixture
):
    transcript = Transcript()
    async with live(sandbox, time, transcript, version=version) as client:
        for case in SENDING:
            text = await transcript.by(client, case.name, dry_run=True)
            assert "Would send" in text or "Request 1 would be" in text, text
        for case in CASES:
            await transcript.by(client, case.name)
        await transcript.by(client, "write_history")
    assert len(sandbox.writes) == sum(len(case.changes) for case in SENDING)
    assert transcript.person.shown
    assert transcript.leaks(*RIGHT, "X-API-KEY", "Bearer ") == []
    assert caplog.records
    assert not any(secret in caplog.text for secret in RIGHT)


async def test_a_wrong_key_is_reported_with_its_service_and_setting_and_never_shown(
    sandbox: Sandbox, time: Time, version: Version, caplog: pytest.LogCaptureFixture
):
    transcript = Transcript()
    async with live(sandbox, time, transcript, WRONG, version=version) as client:
        for tool in (case.name for case in CASES if case.sends):
            text = await transcript.by(client, tool)
            assert "401" in text, text
            service = "RenovationFind" if tool.startswith("renovationfind") else "RoofLink"
            setting = "LEADBRIDGE_ROOFLINK_API_KEY" if service == "RoofLink" else "LEADBRIDGE_RENOVATIONFIND_TOKEN"
            assert f"{service} refused the key" in text
            assert setting in text
        await transcript.by(client, "write_history")
        await transcript.by(client, "server_status")
    assert transcript.leaks(*WRONG) == []
    assert not any(secret in caplog.text for secret in WRONG)
    assert sandbox.writes == []


def echoes(secret: str) -> Iterator[Fault]:
    """Services and proxies that answer with what they were sent."""
    page = f"<html><body><h1>Bad request</h1><p>Header Authorization: Bearer {secret}</p></body></html>"
    headers = {"X-Echo": secret, "Set-Cookie": f"session={secret}", "WWW-Authenticate": f'Bearer token="{secret}"'}
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 503):
        for body in (
            json.dumps({"detail": f"Invalid key {secret}"}),
            json.dumps({"success": False, "error": f"Token {secret} is not allowed"}),
            json.dumps({secret: [f"unknown header {secret}"], "address": [secret, secret]}),
            page,
        ):
            yield Fault(kind="status", status=status, body=body, headers=headers, seconds=1000)
    yield Fault(kind="status", status=200, body=json.dumps({"success": False, "message": secret}), headers=headers)
    yield Fault(kind="status", status=200, body=page, headers=headers)
    yield Fault(kind="status", status=200, body=f'{{"key": "{secret}"', headers=headers)
    yield Fault(kind="redirect", location=f"https://collector.example.org/?key={secret}", headers=headers)
    yield Fault(kind="bad_gateway", body=page, headers=headers)


@pytest.mark.parametrize("service", ["rooflink", "renovationfind"])
async def test_a_service_that_sends_the_key_back_does_not_get_it_shown(
    sandbox: Sandbox, time: Time, service: str, caplog: pytest.LogCaptureFixture
):
    transcript = Transcript()
    secret = RIGHT[0] if service == "rooflink" else RIGHT[1]
    tools = ("renovationfind_update_job_status",)
    if service == "rooflink":
        tools = ("rooflink_list_prospects", "rooflink_create_lead")
    async with live(sandbox, time, transcript, approvals="off") as client:
        for number, fault in enumerate(echoes(secret)):
            for tool in tools:
                if not BY_NAME[tool].writes and (fault.status == 500 or fault.kind == "bad_gateway"):
                    continue  # these are tried again after a while, by the real clock
                sandbox.faults.clear()
                match = "GET ." if not BY_NAME[tool].writes else "POST ." if service == "rooflink" else "PUT ."
                sandbox.faults.add(replace(fault, times=None, match=match))
                time.now += 5000
                # Another record each time, because an outcome that is not known blocks its repeat.
                more: dict[str, Any] = {"lead_id": 1000 + number} if service == "renovationfind" else {}
                if tool == "rooflink_create_lead":
                    more = {"address": f"{100 + number * 40} Elm St"}
                await transcript.by(client, tool, **more)
        sandbox.faults.clear()
        await transcript.by(client, "write_history", limit=100)
        await transcript.by(client, "server_status")
    leaks = transcript.leaks(secret)
    assert leaks == [], f"{len(leaks)} of {len(transcript.texts)} answers"
    assert secret not in caplog.text


ENCODINGS: dict[str, Callable[[str], str]] = {
    "JSON's escapes": lambda key: "".join(f"\\u{ord(one):04X}" for one in key),
    "one escape among them": lambda key: f"\\u{ord(key[0]):04x}{key[1:]}",
    "JSON within JSON": lambda key: "".join(f"\\\\u{ord(one):04x}" for one in key),
    "HTML's entities": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "entities of entities": lambda key: "".join(f"&amp;#x{ord(one):X};" for one in key),
    "percent-encoding": lambda key: "".join(f"%{ord(one):02x}" for one in key),
    "percent-encoding twice": lambda key: "".join(f"%25{ord(one):02X}" for one in key),
    "Basic authentication": lambda key: f"Basic {b64encode(f'office:{key}'.encode()).decode()}",
    "Base64 in a URL": lambda key: quote(urlsafe_b64encode(f"?>{key}".encode()).decode()),
    "hexadecimal digits": lambda key: key.encode().hex(),
    "quoted-printable": lambda key: "".join(f"={ord(one):02X}" for one in key),
    "full-width characters": lambda key: "".join(chr(ord(one) + 0xFEE0) for one in key),
    "markup between its characters": "<b></b>".join,
    "invisible characters between them": "\u200b".join,
    "line ends between them": "\\n".join,
    "its beginning": lambda key: f"{key[:-5]}...",
    "its end": lambda key: f"...{key[5:]}",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("key", WRONG, ids=["key", "token"])
async def test_a_key_that_comes_back_encoded_is_struck_out_of_answers_errors_logs_and_the_store(
    sandbox: Sandbox, time: Time, encoding: str, key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    echoed = ENCODINGS[encoding](key)
    transcript = Transcript()
    state_url = SecretStr(f"sqlite:///{tmp_path / 'state.db'}")
    lead = f'{{"data": {{"id": 785, "customerName": "Ann {echoed}", "{echoed}": 1, "declineReason": "{echoed}"}}}}'
    page = f'{{"count": 1, "results": [{{"id": 7, "name": "Ann {echoed}", "customer": {{"last_name": "{echoed}"}}}}]}}'
    refusal = f'{{"{echoed}": ["Invalid {echoed}"], "address": ["{"x" * 150} {echoed}"]}}'
    async with live(sandbox, time, transcript, (key, key), state_url=state_url, approvals="off") as client:
        for tool, status, body in (
            ("renovationfind_get_lead", 200, lead),
            ("renovationfind_update_job_status", 200, lead),
            ("rooflink_list_prospects", 200, page),
            ("pipeline_snapshot", 200, page),
            ("rooflink_create_lead", 400, refusal),
            ("rooflink_get_prospect", 400, refusal),
        ):
            sandbox.faults.clear()
            sandbox.faults.add(Fault(kind="status", status=status, body=body, times=None))
            await transcript.by(client, tool)
        await transcript.by(client, "write_history")
    stored = stored_in(tmp_path).decode(errors="replace")
    everything = "\n".join([*transcript.texts, caplog.text, stored])
    assert "***" in everything
    shown = re.sub(r"<[^<>]*>|\\u200b|\\\\[nu]200b", "", html.unescape(html.unescape(unquote(unquote(everything)))))
    half = len(key) // 2 + 1
    for form in (key[:half], key[-half:], json.loads(f'"{echoed}"')[len("Basic ") : half + len("Basic ")]):
        assert form not in everything
        assert form not in shown


async def test_no_part_of_a_key_is_shown_where_a_text_is_cut(sandbox: Sandbox, time: Time):
    secret = WRONG[1]
    transcript = Transcript()
    bodies = [f"{'x' * length}{secret}" for length in range(155, 200, 5)]
    async with live(sandbox, time, transcript, WRONG, approvals="off") as client:
        for body in bodies:
            sandbox.faults.add(Fault(kind="status", status=400, body=json.dumps({"error": body})))
            await transcript.by(client, "renovationfind_update_job_status")
    assert transcript.leaks(secret[:12]) == []


def stored_in(folder: Path) -> bytes:
    """All files of a store, its journal too."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_the_state_store_holds_no_key(sandbox: Sandbox, time: Time, tmp_path: Path):
    transcript = Transcript()
    state_url = SecretStr(f"sqlite:///{tmp_path / 'state.db'}")
    for keys in (RIGHT, WRONG):
        async with live(sandbox, time, transcript, keys, state_url=state_url) as client:
            for case in CASES:
                await transcript.by(client, case.name)
            echo = json.dumps({"error": f"Token {keys[1]} is not allowed"})
            sandbox.faults.add(Fault(kind="status", status=400, body=echo, match="PUT status"))
            await transcript.by(client, "renovationfind_update_job_status", lead_id=787)
    stored = stored_in(tmp_path)
    assert len(stored) > 10_000
    assert b"Juniper Hollow" in stored  # it was written there, and is not encrypted
    assert [secret for secret in (*RIGHT, *WRONG) if secret.encode() in stored] == []


async def test_personal_data_is_masked_in_the_arguments_of_the_history(sandbox: Sandbox, time: Time, tmp_path: Path):
    personal = {
        "first_name": "Zoraida", "last_name": "Quillfeather", "cell_phone": "(972) 555-0142",
        "home_phone": "9725550143", "email": "zoraida@example.com", "address": "17 Featherstone Rd", "city": "Plano",
        "county": "Collin", "external_id": "RF-77-zq", "extra_info": {"note": "gate code zq-71"},
    }  # fmt: skip
    referral = {name: personal[name] for name in ("first_name", "last_name", "email")}
    transcript = Transcript()
    state_url = SecretStr(f"sqlite:///{tmp_path / 'state.db'}")
    async with live(sandbox, time, transcript, state_url=state_url) as client:
        await transcript.by(client, "rooflink_create_lead", **personal)
        await transcript.by(client, "renovationfind_create_referral", **referral, phone="9725550144")
        await transcript.by(client, "renovationfind_decline_lead", reason="Mrs Quillfeather was rude")
        lost = {"status": "LEAD_LOST", "lost_reason": "OTHER", "reason": "Died: Quillfeather"}
        await transcript.by(client, "renovationfind_update_job_status", **lost)
        await transcript.by(client, "renovationfind_mark_won", job_amount=18500.5, reason="Call 9725550142")
    assert len(sandbox.writes) == 5
    with sqlite3.connect(tmp_path / "state.db") as database:
        rows = database.execute("SELECT operation, arguments FROM writes ORDER BY id").fetchall()
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        others = [
            value
            for table in tables
            if table in {"audit", "approvals", "meta"}
            for row in database.execute(f"SELECT * FROM {table}")  # the names come from the database
            for value in row
            if isinstance(value, str)
        ]
    database.close()
    assert len(rows) == 5
    values = ("Zoraida", "Quillfeather", "555-0142", "555014", "Featherstone", "zq-71", "RF-77", "rude", "Died")
    for operation, arguments in rows:
        assert [value for value in values if value in arguments] == [], operation
    assert [text for text in others if any(value in text for value in ("555-0142", "zoraida@", "zq-71", "rude"))] == []
    # What says what was done stays readable.
    kept = {operation: json.loads(arguments) for operation, arguments in rows}
    assert kept["renovationfind.mark_won"] == {
        "lead_id": 786, "status": "JOB_WON", "job_amount": 18500.5, "reason": "<15 characters>",
    }  # fmt: skip
    assert kept["renovationfind.update_job_status"]["lost_reason"] == "OTHER"
    assert kept["rooflink.create_lead"]["state"] == "TX"
    assert kept["rooflink.create_lead"]["email"] == "<19 characters>"
    assert kept["renovationfind.create_referral_request"]["skip_duplicates"] is False


def test_no_spans_of_calls_are_made_for_whatever_telemetry_this_python_has():
    of_the_sdk, ours = MCPServer("any").middleware, build_server(settings_with(WRONG)).middleware
    assert [type(one).__name__ for one in of_the_sdk] == ["OpenTelemetryMiddleware", "RequestStateBoundary"]
    assert [one for one in map(type, of_the_sdk) if one in map(type, ours)] == [RequestStateBoundary]


async def test_no_repr_and_no_error_holds_a_key(sandbox: Sandbox, time: Time):
    settings = settings_with(WRONG, state_url=SecretStr("postgresql://office:pa55w0rd@db.example.com/leads"))
    app = build_app_context(settings, transport=sandbox.transport, rate_limiter=patient_rate_limiter(time))
    shown = [
        repr(settings), str(settings), f"{settings}", repr(settings.model_dump()), settings.model_dump_json(),
        repr(app), str(app), repr(app.services), repr(app.store), app.store.description,
    ]  # fmt: skip
    for client in app.services.clients.values():
        shown += [repr(client), str(client), repr(vars(client)), repr(client.rate_limiter)]
    with pytest.raises(AuthError) as caught:
        await app.rooflink.prospect_stats()
    error = caught.value
    shown += [repr(error), str(error), "".join(traceback.format_exception(error)), repr(vars(error))]
    await app.services.aclose()
    assert [text for text in shown if any(secret in text for secret in (*WRONG, "pa55w0rd"))] == []
    assert "db.example.com" in Store("postgresql://office:pa55w0rd@db.example.com/leads").description


@pytest.mark.parametrize("key", ["rl secret 7f3c9a", "rl-secret\n7f3c9a", "rl-secrét-7f3c9a", "rl-secret-7f3c9a\x00"])
def test_a_key_that_fits_no_header_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, key: str):
    if "\x00" not in key:
        monkeypatch.setenv("LEADBRIDGE_ROOFLINK_API_KEY", key)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert "7f3c9a" not in "".join(traceback.format_exception(caught.value))
        assert "LEADBRIDGE_ROOFLINK_API_KEY" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="rooflink_api_key") as invalid:
        settings_with((key, "x"))
    assert "7f3c9a" not in str(invalid.value)


@contextmanager
def over_http(sandbox: Sandbox) -> Iterator[str]:
    """The sandbox on a real socket; its origin."""
    server, sock = bind(sandbox, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    with sock:
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


async def test_the_logs_of_real_connections_hold_no_key(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    """httpcore logs each header it receives, and the service sends the key back."""
    sandbox = Sandbox(clock=real_time.monotonic)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    with over_http(sandbox) as origin:
        try:
            set_up("DEBUG", RIGHT)
            for name in ("httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.DEBUG)
            settings = settings_with(
                RIGHT,
                rooflink_base_url=f"{origin}/roof_link_endpoints/api",
                renovationfind_base_url=f"{origin}/rest-api-v1",
                log_level="DEBUG",
            )
            async with Client(build_server(settings)) as client:
                assert not (await call(client, "rooflink_prospect_stats")).is_error
                done = await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
                assert data_of(done)["outcome"] == "done"
                headers = {"X-Echo": RIGHT[0], "X-Echo-2": RIGHT[1]}
                sandbox.faults.add(Fault(kind="status", status=400, headers=headers))
                assert (await call(client, "rooflink_prospect_stats")).is_error
        finally:
            for handler in root.handlers[:]:
                handler.flush()
                root.removeHandler(handler)
            for handler in before:
                root.addHandler(handler)
            root.setLevel(level)
    out, err = capfd.readouterr()
    assert out == ""
    assert "httpcore" in err
    assert "send_request_headers" in err
    assert "***" in err  # what was echoed is struck out
    assert [line for line in err.splitlines() if any(secret in line for secret in RIGHT)] == []
    assert len(sandbox.writes) == 1
