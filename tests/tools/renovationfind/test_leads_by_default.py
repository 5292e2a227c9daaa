"""Leads can be read by default where RenovationFind answers the inferred paths: asked once, remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from leadbridge.server.app import build_app_context, build_server
from leadbridge.server.cli import tool_table
from leadbridge.server.errors import Refused
from leadbridge.server.mcp.server import LeadBridgeServer
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.services.renovationfind.answered import LeadPaths
from tests.support import MODES, Time, Version, call, data_of, make_sandbox, make_settings, text_of

LIST, GET = "renovationfind_list_leads", "renovationfind_get_lead"
PATH = "GET /general-leads$"
SESSION, DAY = 60.0, 86_400.0


@pytest.fixture
def time(loop_time: Time) -> Time:
    """One clock for the loop, the rate limiter and the sandbox."""
    return loop_time


class Office:
    """One server after the other, with one store, on one clock."""

    def __init__(self, time: Time, folder: Path) -> None:
        self.time, self.folder, self.days = time, folder, 0.0

    def wall(self) -> float:
        return 1.8e9 + self.days * DAY + self.time()

    def settings(self, **settings: Any) -> Any:
        store = f"sqlite:///{self.folder / 'state.db'}"
        return make_settings(**{"background_reading": True, "state_url": store, **settings})

    @asynccontextmanager
    async def session(
        self, sandbox: Sandbox, version: Version = "modern", seconds: float = SESSION, **settings: Any
    ) -> AsyncIterator[Client]:
        """A session in which a RoofLink tool is called, and that goes on for a while before the test looks."""

        def limiter(*, service: str, requests: int, seconds: float, account: str = "") -> RateLimiter:
            del account
            return RateLimiter(service, requests, seconds, clock=self.time)

        self.server = build_server(self.settings(**settings), sandbox=sandbox, rate_limiter=limiter, clock=self.wall)
        async with Client(self.server, mode=MODES[version]) as client:
            if "rooflink_list_prospects" in await names(client):
                await call(client, "rooflink_list_prospects")
            await anyio.sleep(seconds)
            yield client


@pytest.fixture
def office(time: Time, tmp_path: Path) -> Office:
    return Office(time, tmp_path)


async def names(one: Client | LeadBridgeServer) -> set[str]:
    """What is offered: to this client, which may remember it for a while, or now."""
    tools = (await one.list_tools()).tools if isinstance(one, Client) else await one.list_tools()
    return {tool.name for tool in tools}


def asked(sandbox: Sandbox, path: str = "/general-leads") -> list[str]:
    return [row.query for row in sandbox.requests if row.path.endswith(path)]


@pytest.mark.parametrize("settings", [{}, {"read_only": True}], ids=["", "read only"])
async def test_leads_can_be_read_from_the_moment_on_in_which_the_service_answered(
    time: Time, office: Office, version: Version, settings: dict[str, Any]
):
    sandbox = make_sandbox(time)
    answers = "RenovationFind answers the inferred path GET"
    on = [f"{LIST}: {answers} /general-leads (2027-01-15)", f"{GET}: {answers} /general-leads/{{lead_id}} (2027-01-15)"]
    async with office.session(sandbox, version, **settings) as client:
        assert "Switched on" not in str(client.instructions)
        assert (await names(office.server)) >= {LIST, GET}
        assert data_of(await call(client, "server_status"))["switched_on"] == on
        assert not (await call(client, GET, lead_id=812)).is_error
    for _ in range(2):
        async with office.session(sandbox, version, seconds=0, **settings) as client:
            assert {LIST, GET} <= await names(client)
            assert all(f"Switched on: {line}" in str(client.instructions) for line in on)
            status = await call(client, "server_status")
            assert all(f"Switched on: {line}" in text_of(status) for line in on)
            assert any(line.startswith("renovationfind.list_leads: GET") for line in data_of(status)["unverified"])
    assert asked(sandbox) == ["page=1&pageSize=1"], "once, with the smallest page"
    async with office.session(sandbox, version, seconds=0, **settings) as client:
        assert data_of(await call(client, LIST))["rows"]


async def test_one_lead_in_full_is_offered_only_where_its_own_path_is_answered(time: Time, office: Office):
    sandbox = make_sandbox(time)
    sandbox.faults.add(Fault(kind="status", status=404, match="GET /general-leads/[0-9]+$", times=None))
    async with office.session(sandbox) as client:
        assert LIST in await names(office.server)
        assert GET not in await names(office.server)
        hidden = data_of(await call(client, "server_status"))["hidden_tools"]
    assert hidden[GET].startswith("RenovationFind does not answer the inferred path GET /general-leads/{lead_id} (")


async def test_an_office_without_a_lead_is_asked_again_at_each_start_until_it_has_one(time: Time, office: Office):
    sandbox = make_sandbox(time)
    leads = dict(sandbox.leads)
    sandbox.leads.clear()
    async with office.session(sandbox, seconds=10 * SESSION):
        assert LIST in await names(office.server)
        assert GET not in await names(office.server)
    assert len(asked(sandbox)) == 1
    sandbox.leads.update(leads)
    async with office.session(sandbox):
        assert GET in await names(office.server)
    async with office.session(sandbox):
        assert len(asked(sandbox)) == 2


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://office@127.0.0.1:1/leads"], ids=["memory", "PostgreSQL"])
async def test_a_store_without_a_file_remembers_it_in_the_state_folder_and_one_in_memory_asks_once_a_process(
    time: Time, office: Office, monkeypatch: pytest.MonkeyPatch, url: str
):
    monkeypatch.setattr("leadbridge.server.app.own_folder", lambda _: office.folder)
    sandbox, memory = make_sandbox(time), url == "sqlite://"
    for _ in range(2):
        paths = build_app_context(office.settings(state_url=url), sandbox=sandbox, clock=office.wall).lead_paths
        if paths.due:
            assert await paths.ask()
        assert not paths.due
    assert len(asked(sandbox)) == (2 if memory else 1)
    assert (office.folder / "leads.json").exists() is not memory


async def test_a_store_in_memory_is_enough_to_read_leads_in_the_same_process(time: Time, office: Office):
    sandbox = make_sandbox(time)
    async with office.session(sandbox, state_url="sqlite://"), Client(office.server) as second:
        assert {LIST, GET} <= await names(second)
    assert len(asked(sandbox)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=404, match=PATH, times=None),
        Fault(kind="status", status=405, match=PATH, times=None),
        Fault(kind="status", status=403, match=PATH, times=None),
        Fault(kind="status", status=200, body='{"success": true, "data": {"id": 3}}', match=PATH, times=None),
        Fault(kind="status", status=200, body='[{"title": "no lead"}]', match=PATH, times=None),
        Fault(kind="html_200", match=PATH, times=None),
        Fault(kind="success_false_200", match=PATH, times=None),
    ],
    ids=["404", "405", "403", "one object", "rows without an id", "HTML", "success false"],
)
async def test_a_no_is_remembered_said_and_asked_again_after_a_month(
    time: Time, office: Office, version: Version, fault: Fault
):
    sandbox = make_sandbox(time)
    sandbox.faults.add(fault)
    for _ in range(2):
        async with office.session(sandbox, version) as client:
            assert LIST not in await names(client)
    async with office.session(sandbox, version) as client:
        refused = text_of(await call(client, LIST))
        status = await call(client, "server_status")
        instructions = str(client.instructions)
    assert len(asked(sandbox)) == 1
    how = "correct it in LEADBRIDGE_CONTRACT_FILE, or set LEADBRIDGE_TOOLSETS=default,leads-read"
    why = f"RenovationFind does not answer the inferred path GET /general-leads (2027-01-15); {how}"
    assert why in refused
    assert f"Switched off: {LIST}, {GET}: {why}" in text_of(status)
    assert f"{LIST}, {GET}: {why}" in instructions
    assert not [line for line in data_of(status).get("learnt", []) if "general-leads" in line], "no tool called it"
    sandbox.faults.clear()
    office.days = 29
    async with office.session(sandbox, version):
        assert len(asked(sandbox)) == 1
    office.days = 31
    async with office.session(sandbox, version):
        assert len(asked(sandbox)) == 2
    async with office.session(sandbox, version, seconds=0) as client:
        assert LIST in await names(client)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=401, match=PATH),
        Fault(kind="rate_limited", match=PATH, seconds=5),
        Fault(kind="server_error", match=PATH),
        Fault(kind="connection_refused", match=PATH),
        Fault(kind="read_timeout", match=PATH),
    ],
    ids=lambda fault: fault.kind,
)
async def test_what_says_nothing_is_not_remembered_and_asked_at_the_next_start(
    time: Time, office: Office, fault: Fault
):
    sandbox = make_sandbox(time)
    sandbox.faults.add(fault)
    async with office.session(sandbox, seconds=10 * SESSION) as client:
        hidden = data_of(await call(client, "server_status"))["hidden_tools"]
    assert hidden[LIST].startswith("toolset leads-read is not in LEADBRIDGE_TOOLSETS")
    assert not [*office.folder.glob("*.leads.json*")]
    async with office.session(sandbox):
        pass
    async with office.session(sandbox, seconds=0) as client:
        assert LIST in await names(client)


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({"toolsets": "default"}, False),
        ({"toolsets": "default,leads-read"}, True),
        ({"background_reading": False}, False),
    ],
    ids=str,
)
async def test_nobody_is_asked_where_the_user_has_decided(
    time: Time, office: Office, settings: dict[str, Any], offered: bool
):
    sandbox = make_sandbox(time)
    for _ in range(2):
        async with office.session(sandbox, **settings) as client:
            assert (LIST in await names(client)) is offered
    assert asked(sandbox) == []


async def test_a_user_s_own_toolsets_are_what_is_offered_whatever_was_remembered(time: Time, office: Office):
    sandbox = make_sandbox(time)
    async with office.session(sandbox):
        pass
    async with office.session(sandbox, seconds=0, toolsets="default") as client:
        assert LIST not in await names(client)
        assert "Switched on" not in str(client.instructions)


async def test_nobody_is_asked_before_a_call_was_answered(time: Time, office: Office):
    sandbox = make_sandbox(time)
    sandbox.faults.add(Fault(kind="status", status=401, times=None))
    async with office.session(sandbox, seconds=10 * SESSION):
        pass
    assert asked(sandbox) == []


async def test_another_path_or_company_is_asked_for_again(time: Time, office: Office, tmp_path: Path):
    sandbox = make_sandbox(time)
    async with office.session(sandbox):
        pass
    contract = tmp_path / "contract.toml"
    contract.write_text('[operations."renovationfind.list_leads"]\npath = "/leads-of-mine"\n')
    for _ in range(2):
        async with office.session(sandbox, contract_file=contract) as client:
            assert LIST not in await names(client)
    assert len(asked(sandbox, "/leads-of-mine")) == 1
    async with office.session(sandbox, company="Another") as client:
        assert LIST not in await names(client)
    assert len(asked(sandbox)) == 2
    async with office.session(sandbox, seconds=0) as client:
        assert LIST in await names(client), "what was remembered of the first is still known"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": {"answers": "perhaps"}}', "\x00"])
async def test_a_file_that_cannot_be_read_is_written_anew(time: Time, office: Office, text: str):
    sandbox = make_sandbox(time)
    (office.folder / "state.db.leads.json").write_text(text)
    async with office.session(sandbox, seconds=0) as client:
        assert LIST not in await names(client)
        await anyio.sleep(SESSION)
    async with office.session(sandbox, seconds=0) as client:
        assert LIST in await names(client)


async def test_the_definitions_stay_within_their_budget_with_the_reads_of_leads(time: Time, office: Office):
    async with office.session(make_sandbox(time)):
        pass
    hidden = build_app_context(office.settings(upload_root=None)).hidden
    counts = tool_table.token_counts()
    assert counts is not None
    assert hidden.keys().isdisjoint({LIST, GET})
    assert sum(tokens for name, tokens in counts.items() if name not in hidden) <= 6500


async def test_two_sessions_of_one_server_ask_once(time: Time, office: Office):
    sandbox = make_sandbox(time)
    async with office.session(sandbox, seconds=0) as first, Client(office.server) as second:
        await call(second, "rooflink_list_prospects")
        await anyio.sleep(SESSION)
        assert data_of(await call(first, "server_status"))["switched_on"] != []
    assert len(asked(sandbox)) == 1


@pytest.mark.parametrize("error", [Refused("any", "the key is in doubt."), RuntimeError("unforeseen")], ids=repr)
async def test_whatever_goes_wrong_while_it_asks_no_session_ends(
    time: Time, office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    async def fail(_: LeadPaths) -> bool:
        raise error

    monkeypatch.setattr(LeadPaths, "ask", fail)
    async with office.session(make_sandbox(time)) as client:
        assert not (await call(client, "rooflink_list_prospects")).is_error
