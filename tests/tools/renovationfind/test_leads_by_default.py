"""The list of leads is offered by default where RenovationFind answers its inferred path: asked once, remembered."""

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
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.services.renovationfind.answered import LeadPath
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


async def names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


def asked(sandbox: Sandbox, path: str = "/general-leads") -> list[str]:
    return [row.query for row in sandbox.requests if row.path.endswith(path)]


@pytest.mark.parametrize("settings", [{}, {"read_only": True}], ids=["", "read only"])
async def test_the_list_is_offered_from_the_start_after_the_one_in_which_the_service_answered_it(
    time: Time, office: Office, version: Version, settings: dict[str, Any]
):
    sandbox = make_sandbox(time)
    async with office.session(sandbox, version, **settings) as client:
        assert LIST not in await names(client)
        status = await call(client, "server_status")
    reason = "RenovationFind answers the inferred path GET /general-leads (2027-01-15)"
    assert data_of(status)["switched_on"] == [f"{LIST} from the next start on: {reason}"]
    for _ in range(2):
        async with office.session(sandbox, version, **settings) as client:
            assert LIST in await names(client)
            assert f"Switched on: {LIST}: {reason}" in str(client.instructions)
            status = await call(client, "server_status")
            assert f"Switched on: {LIST}: {reason}" in text_of(status)
            assert data_of(status)["hidden_tools"][GET].startswith("toolset leads-read is not in LEADBRIDGE_TOOLSETS")
            assert any(line.startswith("renovationfind.list_leads: GET") for line in data_of(status)["unverified"])
    assert asked(sandbox) == ["page=1&pageSize=1"], "once, with the smallest page"
    async with office.session(sandbox, version, seconds=0, **settings) as client:
        assert data_of(await call(client, LIST))["rows"]


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
        ({"state_url": "sqlite://"}, False),
    ],
    ids=str,
)
async def test_nobody_is_asked_where_the_user_has_decided_or_nothing_is_remembered(
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
    async with office.session(sandbox) as client:
        assert LIST not in await names(client)
    async with office.session(sandbox, seconds=0) as client:
        assert LIST in await names(client)


async def test_the_definitions_stay_within_their_budget_with_the_list(time: Time, office: Office):
    async with office.session(make_sandbox(time)):
        pass
    hidden = build_app_context(office.settings(upload_root=None)).hidden
    counts = tool_table.token_counts()
    assert counts is not None
    assert LIST not in hidden
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
    async def fail(_: LeadPath) -> bool:
        raise error

    monkeypatch.setattr(LeadPath, "ask", fail)
    async with office.session(make_sandbox(time)) as client:
        assert not (await call(client, "rooflink_list_prospects")).is_error
