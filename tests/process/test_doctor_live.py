"""`leadbridge doctor --live`: what it finds at the services, in time, and without a write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from mcp import Client
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from typer.testing import CliRunner, Result

from leadbridge.server.app import build_server
from leadbridge.server.catalog import load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.cli.main import app
from leadbridge.server.doctor import live as doctor_live
from leadbridge.server.sandbox import Fault, Sandbox
from tests.contract import standin
from tests.contract.standin import serving
from tests.process.conftest import taking_any_key
from tests.process.processes import named
from tests.support import PATIENCE, call, make_settings

ROOFLINK = {"rooflink_api_key": "key-of-one-office"}


def examine(*arguments: str, **settings: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--live", *arguments], env=named(settings), catch_exceptions=False)


def findings(result: Result) -> dict[str, dict[str, Any]]:
    return {finding["subject"]: finding for finding in json.loads(result.stdout)}


@contextmanager
def answering(response: Any, **headers: str) -> Iterator[dict[str, str]]:
    """A service that answers everything the same way."""
    methods = ["GET", "POST"]

    async def endpoint(_request: Any) -> Any:
        answer = response()
        answer.headers.update(headers)
        return answer

    with serving(Starlette(routes=[Route("/{rest:path}", endpoint, methods=methods)])) as origin:
        yield {**ROOFLINK, "rooflink_base_url": f"{origin}/api"}


@pytest.mark.slow
def test_the_services_are_probed_within_half_a_minute_and_nothing_is_written(live, simulator: Sandbox, tmp_path):
    state = {"state_url": f"sqlite:///{tmp_path / 'state.db'}", "toolsets": "all"}
    result = examine("--json", **live, **state)
    assert "not all ended" not in result.stdout  # within doctor_live.SECONDS
    assert (result.exit_code, simulator.writes) == (0, [])
    assert {request.method for request in simulator.requests} == {"GET"}
    found = findings(result)
    assert found["RoofLink"]["found"] == "reached, and the key is accepted"
    assert found["clock and service"]["state"] == "ok"
    assert found["rooflink.prospect_stats"]["found"].startswith("an object with ")
    assert found["rooflink.prospect_checklist"]["found"] == "an object with 4 steps"
    assert found["rooflink.get_prospect"]["found"] == "a record"
    filters = found["rooflink.list_prospects filters"]
    assert filters["state"] == "warning"
    assert filters["found"].startswith("ignored: project_manager_id, search, state; honoured: city, created_from")
    assert "not filtered" in filters["means"]
    assert "LEADBRIDGE_CONTRACT_FILE" in filters["do"]
    assert found["rooflink.list_regions filters"]["found"] == "honoured: search"
    assert found["RenovationFind"]["found"] == "reached, and the key is accepted"
    reads = [row for row in load() if row.effect is Effect.READ and row.path]
    inferred = [one for row in reads for one in row.query.values() if one.provenance == "inferred"]
    assert len(simulator.requests) <= len(reads) + len(inferred)

    again = CliRunner().invoke(app, ["doctor"], env=named({**live, **state}), catch_exceptions=False)
    assert "seen: rooflink.list_prospects: filter state is ignored" in again.stdout


def test_the_sandbox_itself_can_be_probed():
    result = examine("--sandbox", "--json")
    assert result.exit_code == 0
    assert findings(result)["RoofLink"]["state"] == "ok"


@pytest.mark.slow
def test_a_wrong_key_is_one_failure(live, simulator: Sandbox):
    rooflink = {"rooflink_base_url": live["rooflink_base_url"], "rooflink_api_key": "not-the-right-key-at-all"}
    result = examine("--json", **rooflink)
    assert result.exit_code == 1
    failures = [row for row in json.loads(result.stdout) if row["state"] == "failure"]
    assert [(row["subject"], row["found"]) for row in failures] == [("RoofLink", "RoofLink refused the key (401).")]
    assert "LEADBRIDGE_ROOFLINK_API_KEY" in failures[0]["do"]
    assert len(simulator.requests) == 1


def test_another_company_s_key_is_a_failure_that_says_how_to_go_on(simulator: Sandbox, tmp_path):
    """The other company has no prospect, so that none of the known ones can be its own."""
    settings = {**ROOFLINK, "state_url": f"sqlite:///{tmp_path / 'state.db'}"}

    def at(origin: str) -> dict[str, str]:
        return {**settings, "rooflink_base_url": f"{origin}/roof_link_endpoints/api"}

    async def work(origin: str) -> None:
        async with Client(build_server(make_settings(sandbox=False, **at(origin)))) as client:
            await call(client, "find_matching_prospects", name="Nobody Atall")

    with serving(taking_any_key(simulator.app)) as origin:
        anyio.run(work, origin)
        assert findings(examine("--json", **at(origin)))["RoofLink company"]["state"] == "ok"
    with serving(taking_any_key(Sandbox(prospects=0).app)) as origin:
        found = findings(examine("--json", **at(origin)))["RoofLink company"]
    assert found["state"] == "failure"
    assert "seems to be another company's than default" in found["found"]
    assert "leadbridge company accept" in found["do"]


@pytest.mark.parametrize(
    ("settings", "subject", "message"),
    [
        ({"rooflink_base_url": "http://127.0.0.1:1/api"}, "RoofLink connection", "was not reached: Connection refused"),
        ({"rooflink_base_url": "https://no-such-host.invalid/api"}, "RoofLink DNS", "could not be resolved"),
    ],
)
def test_a_host_that_is_not_there_is_one_failure(settings: dict[str, str], subject: str, message: str):
    result = examine("--json", **ROOFLINK, **settings)
    assert result.exit_code == 1
    failures = [row for row in json.loads(result.stdout) if row["state"] == "failure"]
    assert [row["subject"] for row in failures] == [subject]
    assert message in failures[0]["found"]
    assert "\n" not in failures[0]["found"]


def test_a_page_of_a_proxy_is_one_failure_that_says_what_it_is():
    with answering(lambda: HTMLResponse("<html><form>Sign in</form></html>")) as settings:
        result = examine("--json", **settings)
    failures = [row for row in json.loads(result.stdout) if row["state"] == "failure"]
    assert [(row["subject"], row["found"]) for row in failures] == [
        ("RoofLink", "answered with an HTML page instead of JSON")
    ]
    assert "sign-in page" in failures[0]["means"]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("date", "state", "message"),
    [
        ("Sun, 01 Nov 2015 00:00:00 GMT", "failure", "ahead of RoofLink's"),
        ("Sun, 01 Nov 2099 00:00:00 GMT", "failure", "behind RoofLink's"),
    ],
)
def test_a_wrong_clock_is_one_failure(date: str, state: str, message: str, monkeypatch):
    monkeypatch.setattr(standin, "DATE_HEADER", False)
    with answering(lambda: JSONResponse({"count": 0, "results": []}), Date=date) as settings:
        found = findings(examine("--json", **settings))["clock and service"]
    assert found["state"] == state
    assert message in found["found"]


@pytest.mark.slow
def test_a_service_that_takes_the_connection_and_never_answers_is_a_failure(live, simulator: Sandbox, monkeypatch):
    monkeypatch.setattr(doctor_live, "SECONDS", 8.0)
    simulator.faults.add(Fault(kind="slow", seconds=10 * PATIENCE, times=None))
    result = examine("--json", **live)
    assert result.exit_code == 1
    failures = [row for row in json.loads(result.stdout) if row["state"] == "failure"]
    found = {row["subject"]: row["found"] for row in failures}
    assert found == {name: f"{name} did not answer within 7 s." for name in ("RoofLink", "RenovationFind")}
    assert simulator.writes == []


@pytest.mark.parametrize(("status", "known"), [(200, "answers"), (404, "does not answer")])
def test_it_asks_once_whether_the_leads_can_be_listed_and_says_what_follows(
    live, simulator: Sandbox, tmp_path, status: int, known: str
):
    state = {"state_url": f"sqlite:///{tmp_path / 'state.db'}"}
    if status != 200:
        simulator.faults.add(Fault(kind="status", status=status, match="GET /general-leads$", times=None))
    first = findings(examine("--json", **live, **state))
    assert first["renovationfind.list_leads"]["found"].startswith(
        f"RenovationFind {known} the inferred path GET /general-leads ("
    )
    tried = first["RenovationFind"]["found"] == "reached, and the key is accepted"
    assert tried is (status == 200)
    asked = [row for row in simulator.requests if row.path.endswith("/general-leads")]
    assert len(asked) == 1
    again = CliRunner().invoke(app, ["doctor"], env=named({**live, **state}), catch_exceptions=False)
    if status == 200:
        assert first["renovationfind.get_lead"]["found"].startswith("RenovationFind answers the inferred path GET ")
        assert all(f"switched on: renovationfind_{read}: " in again.stdout for read in ("list_leads", "get_lead"))
    else:
        assert "switched off: renovationfind_list_leads, renovationfind_get_lead: " in again.stdout
    assert f"RenovationFind {known} the inferred path" in again.stdout


def test_a_port_that_speaks_no_tls_is_one_failure():
    with answering(lambda: JSONResponse({})) as settings:
        found = findings(
            examine("--json", **{**settings, "rooflink_base_url": "https" + settings["rooflink_base_url"][4:]})
        )
    assert found["RoofLink TLS"]["state"] == "failure"
    assert found["RoofLink TLS"]["found"].startswith("no handshake with 127.0.0.1: ")


@pytest.mark.slow
def test_what_does_not_answer_in_time_is_reported_and_ends_in_time(live, simulator: Sandbox, monkeypatch):
    monkeypatch.setattr(doctor_live, "SECONDS", 8.0)
    simulator.faults.add(Fault(kind="slow", seconds=10 * PATIENCE, times=None, match="GET stats"))
    result = examine(**live)
    assert "live probes: not all ended within 8 s" in result.stdout
    assert simulator.writes == []


@pytest.mark.slow
def test_an_answer_of_another_shape_and_a_path_that_is_not_there_are_warnings(live, simulator: Sandbox):
    simulator.faults.add(Fault(kind="status", status=200, body="[1, 2]", match="GET checklist"))
    simulator.faults.add(Fault(kind="status", status=404, match="GET stats"))
    found = findings(examine("--json", **live))
    assert found["rooflink.prospect_checklist"]["state"] == "warning"
    assert "not expected" in found["rooflink.prospect_checklist"]["found"]
    assert found["rooflink.prospect_stats"]["found"] == "nothing at GET /light/jobs/prospect/stats/ (404)"
    assert "leadbridge contract check" in found["rooflink.prospect_stats"]["do"]
