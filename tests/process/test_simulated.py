"""The sandbox over HTTP: it names itself, everything says so, and nothing of it mixes with what is live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio.to_thread
import httpx
import pytest
from mcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from leadbridge.server.app import build_server
from leadbridge.server.cli.main import app
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox_keys import SANDBOX_HEADER
from tests.contract.standin import serving
from tests.process.processes import named
from tests.support import Person, Version, call, data_of, make_settings, text_of

ACCEPT, CREATE, HISTORY = "renovationfind_accept_lead", "rooflink_create_lead", "write_history"
HOUSE: dict[str, Any] = {"address": "4821 Juniper Hollow Dr", "state": "TX", "postal_code": "75024"}
OFFICE = {"rooflink_api_key": "key-of-one-office", "renovationfind_token": "token-of-one-office"}


async def printed(settings: dict[str, str], *arguments: str) -> Result:
    """A command with these settings, in a thread: it runs a loop of its own."""
    run = partial(CliRunner().invoke, app, arguments, env=named(settings), catch_exceptions=False)
    return await anyio.to_thread.run_sync(run)


@contextmanager
def accepting(seen: list[str], *, header: bool = False) -> Iterator[str]:
    """A service that takes any key and says yes to everything; gives its origin."""

    async def endpoint(request: Request) -> Response:
        seen.append(f"{request.method} {request.url.path}")
        answer = JSONResponse({"success": True, "id": 812, "data": {"id": 812, "status": "ACCEPTED"}})
        if header:
            answer.headers[SANDBOX_HEADER] = "simulated"
        return answer

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    with serving(Starlette(routes=[Route("/{rest:path}", endpoint, methods=methods)])) as origin:
        yield origin


@contextmanager
def person_at(settings: dict[str, str], version: Version = "modern") -> Iterator[tuple[Client, Person]]:
    person = Person()
    server = build_server(make_settings(sandbox=False, **settings))
    yield Client(server, mode="legacy" if version == "legacy" else "auto", elicitation_callback=person), person


async def test_everything_says_that_the_services_are_simulated(live, version: Version, state_url: str):
    settings = {**live, "state_url": state_url}
    with person_at(settings, version) as (entering, person):
        async with entering as client:
            lines = [client.instructions or ""]
            lines += [text_of(await call(client, ACCEPT, lead_id=812)), *person.shown]
            lines.append(text_of(await call(client, ACCEPT, lead_id=813, dry_run=True)))
            refused = await call(client, "resolve_write", write_id=99, outcome="done")
            lines += [text_of(refused), text_of(await call(client, "server_status"))]
            lines.append(text_of(await call(client, HISTORY)))
            assert data_of(refused)["sandbox"] is data_of(await call(client, "server_status"))["sandbox"] is True
    for arguments in (["history", "list"], ["doctor"]):
        lines.append((await printed(settings, *arguments)).stdout)
    assert len(lines) == 9
    for text in lines:
        assert "simulated" in text
    assert "the sandbox, http://127.0.0.1:" in lines[5]


async def test_what_is_kept_of_the_sandbox_is_not_found_by_a_live_server(live, simulator: Sandbox, state_url: str):
    with person_at({**live, "state_url": state_url}) as (entering, _):
        async with entering as client:
            assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "done"
    seen: list[str] = []
    with accepting(seen) as origin:
        settings = {**OFFICE, "renovationfind_base_url": origin, "state_url": state_url}
        with person_at(settings) as (entering, _):
            async with entering as client:
                assert data_of(await call(client, HISTORY))["total"] == 0
                assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "done"
                assert data_of(await call(client, HISTORY))["total"] == 1
    with person_at({**live, "state_url": state_url}) as (entering, _):
        async with entering as client:
            assert data_of(await call(client, HISTORY))["total"] == 1
    assert len(simulator.writes) == len([one for one in seen if one.startswith("POST")]) == 1


@pytest.mark.parametrize("simulated", ["rooflink", "renovationfind"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        (ACCEPT, {"lead_id": 812}),
        (CREATE, HOUSE),
        ("hand_off_lead", {"lead_id": 812}),
        (CREATE, {**HOUSE, "dry_run": True}),
        ("find_matching_prospects", {"name": "Dana Ortiz"}),
    ],
)
async def test_a_mixture_of_live_and_simulated_is_refused_by_the_setting_s_name(
    live, simulator: Sandbox, simulated: str, tool: str, arguments: dict[str, Any]
):
    seen: list[str] = []
    with accepting(seen) as origin:
        other = "renovationfind" if simulated == "rooflink" else "rooflink"
        mixed = {name: value for name, value in live.items() if name.startswith(simulated)}
        mixed |= {f"{other}_base_url": origin, **{k: v for k, v in OFFICE.items() if k.startswith(other)}}
        with person_at(mixed) as (entering, person):
            async with entering as client:
                result = await call(client, tool, **arguments)
                status = text_of(await call(client, "server_status"))
                instructions = client.instructions or ""
        doctor = await printed(mixed, "doctor")
    assert result.is_error
    assert f"LEADBRIDGE_{simulated.upper()}_BASE_URL" in text_of(result)
    assert "nothing real was touched" not in text_of(result)
    for text in (status, instructions, doctor.stdout):
        assert "simulated" in text.lower()
    assert doctor.exit_code == 1
    assert (person.shown, simulator.writes, seen) == ([], [], [])


@pytest.mark.parametrize("live_too", [False, True])
async def test_a_wrong_key_at_the_sandbox_is_one_failure(live, simulator: Sandbox, live_too: bool):
    wrong = {**live, "rooflink_api_key": "not-the-sandbox-s-key-0123456789"}
    doctor = await printed(wrong, "doctor", *(["--live"] if live_too else []))
    (failure,) = [line for line in doctor.stdout.splitlines() if line.startswith("failure")]
    assert "LEADBRIDGE_ROOFLINK_API_KEY is not the sandbox's key" in failure
    assert "\n1 failure, " in doctor.stdout
    assert not simulator.writes


@pytest.mark.parametrize("tool", [ACCEPT, CREATE])
async def test_the_sandbox_s_key_writes_to_nothing_but_the_sandbox(live, tool: str):
    """Its port may be another program's by now, or one base URL was changed and its key was not."""
    seen: list[str] = []
    with accepting(seen) as origin:
        moved = {**live, "rooflink_base_url": f"{origin}/api", "renovationfind_base_url": f"{origin}/api"}
        with person_at(moved) as (entering, person):
            async with entering as client:
                result = await call(client, tool, **({"lead_id": 812} if tool == ACCEPT else HOUSE))
    assert (data_of(result)["outcome"], data_of(result)["reason"]) == ("refused", "wrong_service")
    assert "is not the sandbox" in text_of(result)
    assert (person.shown, [one for one in seen if not one.startswith("GET")]) == ([], [])


async def test_the_header_opens_nothing_at_a_live_service(live, state_url: str):
    """It brings no other state, no mark of the sandbox, and no write that counts as done."""
    seen: list[str] = []
    with accepting(seen, header=True) as origin:
        settings = {**OFFICE, "renovationfind_base_url": origin, "rooflink_base_url": origin, "state_url": state_url}
        with person_at(settings) as (entering, person):
            async with entering as client:
                first = await call(client, ACCEPT, lead_id=812)
                again = await call(client, ACCEPT, lead_id=812)
                read = await call(client, "rooflink_list_prospects")
                status = await call(client, "server_status")
    assert data_of(first)["outcome"] == "unknown"
    assert data_of(again)["outcome"] == "refused"
    assert "SANDBOX" not in "".join([text_of(first), text_of(again), text_of(status), *person.shown])
    assert read.is_error
    assert "LEADBRIDGE_ROOFLINK_BASE_URL" in text_of(read)
    assert len([one for one in seen if one.startswith("POST")]) == 1


@pytest.mark.parametrize("kind", ["html_200", "server_error", "redirect", "empty_200", "truncated_json", "cut_body"])
def test_the_sandbox_names_itself_whatever_it_answers(live, simulator: Sandbox, kind: Any):
    simulator.faults.add(Fault(kind=kind, seconds=0))
    url, key = f"{live['rooflink_base_url']}/light/jobs/prospect/", {"X-API-KEY": live["rooflink_api_key"]}
    with httpx.Client(trust_env=False) as client, client.stream("GET", url, headers=key) as answer:
        assert answer.headers[SANDBOX_HEADER] == "simulated"
    origin = live["rooflink_base_url"].partition("/roof")[0]
    for path, host in (("/_sandbox/", ""), ("/_sandbox/writes", ""), ("/nowhere", ""), ("/", "example.com")):
        answer = httpx.get(origin + path, headers={"Host": host} if host else {}, trust_env=False)
        assert SANDBOX_HEADER in answer.headers
