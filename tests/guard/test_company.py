"""What is kept belongs to a company: through new keys and other spellings, and never to another company's key."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from mcp import Client
from pydantic import SecretStr
from sqlalchemy import text

from server.app import build_deck, build_server
from server.guard.company import usual_address
from server.sandbox import Sandbox
from server.sandbox.faults import Fault
from server.sandbox_keys import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY
from tests.databases import beside
from tests.support import (
    Era,
    Person,
    Time,
    call,
    data_of,
    make_sandbox,
    make_settings,
    patient_governor,
    text_of,
    unhurried,
)

UPDATE = "renovationfind_update_job_status"
STATUS = {"lead_id": 785, "status": "CONTACT_MADE"}
NOTE = {"job_id": 7000152, "message": "Called, wants a quote"}
MATCH = "find_matching_prospects"
ROOFLINK = "https://integrate.rooflink.com/roof_link_endpoints/api"


def jwt(subject: str, nonce: str = "") -> str:
    """A token as RenovationFind issues them, without a signature that counts."""
    parts = ({"alg": "HS256"}, {"sub": subject, "jti": nonce})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@dataclass
class Network(httpx.AsyncBaseTransport):
    """Both services as two companies' keys open them; a key that is nobody's is 401."""

    acme: Sandbox
    other: Sandbox
    of_other: set[str] = field(default_factory=set)
    nobodys: set[str] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        rooflink = "x-api-key" in request.headers
        key = request.headers["x-api-key"] if rooflink else request.headers["authorization"].removeprefix("Bearer ")
        if key not in self.nobodys:
            opens = SANDBOX_ROOFLINK_KEY if rooflink else f"Bearer {SANDBOX_RENOVATIONFIND_TOKEN}"
            request.headers["x-api-key" if rooflink else "authorization"] = opens
        company = self.other if key in self.of_other else self.acme
        return await company.transport().handle_async_request(request)


Opened = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def network(time: Time) -> Network:
    """The other company has other records."""
    other = make_sandbox(time, prospects=0, lead_reads=True)
    other.leads.clear()
    return Network(make_sandbox(time, prospects=20, lead_reads=True), other)


@pytest.fixture
def opened(network: Network, time: Time, era: Era, store_url: str) -> Opened:
    """Opens a client of a new server on one store, with the keys that are given."""

    @asynccontextmanager
    async def open_client(**values: Any) -> AsyncIterator[Client]:
        settings = settings_of(store_url, **values)
        with unhurried():
            server = build_server(settings, transport=lambda: network, governor=patient_governor(time))
        mode = "legacy" if era == "legacy" else "auto"
        async with Client(server, mode=mode, elicitation_callback=Person()) as client:
            yield client

    return open_client


def settings_of(store_url: str, **values: Any) -> Any:
    given = {"rooflink_api_key": "first-rooflink-key", "renovationfind_token": "first-token", **values}
    return make_settings(sandbox=False, state_url=SecretStr(store_url), **given)


async def targets(client: Client) -> list[str]:
    """What the history holds, the newest first."""
    return [row["target"] for row in data_of(await call(client, "write_history"))["rows"]]


# The same company


@pytest.mark.parametrize(
    "change",
    [
        {"renovationfind_token": "second-token", "rooflink_api_key": "second-rooflink-key"},
        {"rooflink_base_url": "https://INTEGRATE.rooflink.com:443/roof_link_endpoints/api/"},
        {"rooflink_base_url": "https://other.example/roof_link_endpoints/api"},
    ],
    ids=["new keys", "another spelling", "another host"],
)
async def test_history_unresolved_writes_and_leads_stay_with_the_company(
    network: Network, opened: Opened, change: dict[str, str]
):
    async with opened() as client:
        assert data_of(await call(client, "rooflink_add_note", **NOTE))["outcome"] == "done"
        assert data_of(await call(client, "renovationfind_accept_lead", lead_id=812))["outcome"] == "done"
        network.acme.faults.add(Fault(kind="drop_after", match="PUT status"))
        assert data_of(await call(client, UPDATE, **STATUS))["outcome"] == "unknown"
    writes = len(network.acme.writes)
    async with opened(**change) as client:
        assert await targets(client) == ["lead 785", "lead 812", "job 7000152"]
        assert data_of(await call(client, UPDATE, **STATUS))["reason"] == "earlier_unknown"
        assert data_of(await call(client, "rooflink_add_note", **NOTE))["outcome"] == "already_done"
        assert data_of(await call(client, "renovationfind_accept_lead", lead_id=812))["outcome"] == "already_done"
        assert len(network.acme.writes) == writes
        assert data_of(await call(client, UPDATE, lead_id=786, status="QUOTE_SENT"))["outcome"] == "done"
        assert data_of(await call(client, "rooflink_add_note", **{**NOTE, "message": "New"}))["outcome"] == "done"


async def test_the_index_stays_with_the_company(network: Network, opened: Opened):
    async with opened() as client:
        before = data_of(await call(client, MATCH, name="Nobody Atall"))["checked"]
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        network.acme.requests.clear()
        assert data_of(await call(client, MATCH, name="Nobody Atall"))["checked"] == before
    assert len(network.acme.requests) <= 2  # the check of the key, and perhaps a look at the newest page


async def test_a_known_key_is_not_checked_again(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, "rooflink_add_note", **NOTE)
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        await call(client, "rooflink_add_note", **{**NOTE, "message": "Second"})
    for key in ("second-rooflink-key", "first-rooflink-key"):  # and back
        async with opened(rooflink_api_key=key) as client:
            network.acme.requests.clear()
            await call(client, "rooflink_add_note", **{**NOTE, "message": key})
            assert {request.method for request in network.acme.requests} == {"POST"}


async def test_a_server_with_the_old_key_goes_on_beside_one_with_the_new(network: Network, opened: Opened):
    async with opened() as old, opened(rooflink_api_key="second-rooflink-key") as new:
        await call(old, "rooflink_add_note", **NOTE)
        assert data_of(await call(new, "rooflink_add_note", **NOTE))["outcome"] == "already_done"
        await call(new, "rooflink_add_note", **{**NOTE, "message": "Second"})
        assert (
            data_of(await call(old, "rooflink_add_note", **{**NOTE, "message": "Second"}))["outcome"] == "already_done"
        )
    assert len(network.acme.writes) == 2


# Another company's key


async def test_another_company_s_key_writes_nothing_until_somebody_says_whose_it_is(network: Network, opened: Opened):
    network.of_other |= {"their-key"}
    async with opened() as client:
        await call(client, "rooflink_add_note", **NOTE)
    async with opened(rooflink_api_key="their-key") as client:
        refused = await call(client, "rooflink_add_note", **{**NOTE, "message": "Oops"})
        assert data_of(refused)["reason"] == "another_company"
        assert "LEADBRIDGE_COMPANY" in text_of(refused)
        assert "leadbridge company accept" in text_of(refused)
        index = await call(client, MATCH, name="Nobody Atall")
        assert index.is_error
        assert await targets(client) == ["job 7000152"]  # the history is the company's, whatever the key
    assert network.other.writes == []
    async with opened(rooflink_api_key="their-key", company="Other") as client:
        assert await targets(client) == []
        assert data_of(await call(client, "rooflink_create_lead", **HOUSE))["outcome"] == "done"
    async with opened(rooflink_api_key="their-key") as client:  # the name was left out
        refused = await call(client, "rooflink_add_note", **{**NOTE, "message": "Oops"})
        assert data_of(refused)["reason"] == "another_company"
        assert "set LEADBRIDGE_COMPANY=other" in text_of(refused)
    async with opened() as client:
        assert await targets(client) == ["job 7000152"]
    assert (len(network.acme.writes), len(network.other.writes)) == (1, 1)


HOUSE = {
    "first_name": "Ann", "last_name": "Poe", "address": "900 Pine Rd", "city": "Austin", "state": "TX",
    "postal_code": "78701", "cell_phone": "512-555-0100",
}  # fmt: skip


async def test_a_person_can_say_that_a_key_is_the_company_s(network: Network, opened: Opened, store_url: str):
    network.of_other |= {"their-key"}
    async with opened() as client:
        await call(client, "rooflink_add_note", **NOTE)
    deck = build_deck(settings_of(store_url, rooflink_api_key="their-key"), transport=lambda: network)
    assert await deck.company.accept() == ["RoofLink", "RenovationFind"]
    deck.store.close()
    async with opened(rooflink_api_key="their-key") as client:
        assert data_of(await call(client, "rooflink_create_lead", **HOUSE))["outcome"] == "done"
        assert len(await targets(client)) == 2


async def test_while_the_service_is_down_a_new_key_writes_nothing(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, "rooflink_add_note", **NOTE)
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        network.acme.faults.add(Fault(kind="status", status=500, match="GET .", times=200))
        refused = await call(client, "rooflink_add_note", **{**NOTE, "message": "Second"})
        assert data_of(refused)["reason"] == "company_not_checked"
        network.acme.faults.clear()
        assert data_of(await call(client, "rooflink_add_note", **{**NOTE, "message": "Second"}))["outcome"] == "done"


async def test_a_key_that_the_service_refuses_is_told_as_that(network: Network, opened: Opened):
    network.nobodys |= {"wrong-key"}
    async with opened() as client:
        await call(client, "rooflink_add_note", **NOTE)
    async with opened(rooflink_api_key="wrong-key") as client:
        assert data_of(await call(client, "rooflink_add_note", **NOTE))["reason"] == "auth_error"


@pytest.mark.parametrize(
    ("token", "outcome"),
    [(jwt("acme", "2"), "done"), (jwt("other"), "refused"), ("no-jwt-at-all", "done")],
    ids=["same subject", "another subject", "no subject"],
)
async def test_a_token_s_subject_tells_a_new_token_from_another_company_s(
    network: Network, opened: Opened, token: str, outcome: str
):
    """Where no lead can be read; see the next test."""
    network.acme.faults.add(Fault(kind="status", status=404, match="GET .", times=200))
    async with opened(renovationfind_token=jwt("acme", "1")) as client:
        await call(client, UPDATE, **STATUS)
    async with opened(renovationfind_token=token) as client:
        answer = data_of(await call(client, UPDATE, lead_id=786, status="QUOTE_SENT"))
        status = data_of(await call(client, "server_status"))
        assert answer["outcome"] == outcome
        assert answer.get("reason") == ("another_company" if outcome == "refused" else None)
    told = status["services"][1]["key_standing"]
    assert ("could not be checked" in told) == (token == "no-jwt-at-all")


async def test_a_lead_that_is_visible_outweighs_another_subject(network: Network, opened: Opened):
    async with opened(renovationfind_token=jwt("acme")) as client:
        await call(client, UPDATE, **STATUS)
    async with opened(renovationfind_token=jwt("acme's new clerk")) as client:
        assert data_of(await call(client, UPDATE, lead_id=786, status="QUOTE_SENT"))["outcome"] == "done"


# Two companies in one store


async def test_two_companies_in_one_store_see_nothing_of_each_other(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, "renovationfind_accept_lead", lead_id=812)
        await call(client, MATCH, name="Nobody Atall")
        network.acme.faults.add(Fault(kind="drop_after", match="PUT status"))
        unknown = data_of(await call(client, UPDATE, **STATUS))["write_id"]
    network.of_other |= {"their-key", "their-token"}
    theirs = {"rooflink_api_key": "their-key", "renovationfind_token": "their-token", "company": "Other"}
    async with opened(**theirs) as client:
        assert await targets(client) == []
        assert data_of(await call(client, MATCH, name="Nobody Atall"))["checked"] == 0
        settled = await call(client, "resolve_write", write_id=unknown, outcome="failed")
        assert data_of(settled)["reason"] == "no_such_write"
        assert data_of(await call(client, UPDATE, **STATUS)).get("reason") != "earlier_unknown"


async def test_keys_are_remembered_as_fingerprints_only(opened: Opened, store_url: str):
    keys = {"rooflink_api_key": "first-rooflink-key", "renovationfind_token": jwt("the-subject")}
    async with opened(**keys) as client:
        await call(client, "rooflink_add_note", **NOTE)
        await call(client, UPDATE, **STATUS)
    with beside(store_url) as store:
        rows = str(store.execute(text("select * from service_keys")).all())
    assert "rooflink/default" in rows
    assert not any(secret in rows for secret in (*keys.values(), "the-subject"))


@pytest.mark.parametrize(
    ("spelling", "usual"),
    [
        ("http://localhost:8322/api", "http://127.0.0.1:8322/api"),
        ("http://[::1]:80/api/", "http://127.0.0.1/api"),
        ("https://CRM.Example.:443/Api/", "https://crm.example/Api"),
        ("https://[2001:db8::1]/api", "https://[2001:db8::1]/api"),
    ],
)
def test_one_address_in_all_its_spellings_is_one(spelling: str, usual: str):
    assert usual_address(spelling) == usual
