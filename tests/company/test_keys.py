"""What is kept belongs to a company: through new keys and other spellings, and never to another company's key."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from leadbridge.server.app import build_app_context
from leadbridge.server.company.configured_keys import usual_address
from leadbridge.server.company.records import accept, rename
from leadbridge.server.errors import Refused
from leadbridge.server.sandbox.faults import Fault
from tests.company.offices import (
    ACCEPT,
    CREATE,
    HOUSE,
    MATCH,
    NOTE,
    NOTE_TOOL,
    STATUS,
    UPDATE,
    Network,
    Opened,
    jwt,
    outcome,
    settings_of,
    targets,
)
from tests.databases import beside
from tests.support import call, data_of, text_of

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
        assert await outcome(client, NOTE_TOOL, **NOTE) == "done"
        assert await outcome(client, ACCEPT, lead_id=812) == "done"
        network.acme.faults.add(Fault(kind="drop_after", match="PUT status"))
        assert await outcome(client, UPDATE, **STATUS) == "outcome_unknown"
    writes = len(network.acme.writes)
    async with opened(**change) as client:
        assert await targets(client) == ["lead 785", "lead 812", "job 7000152"]
        assert await outcome(client, UPDATE, **STATUS) == "earlier_unknown"
        assert await outcome(client, NOTE_TOOL, **NOTE) == "already_done"
        assert await outcome(client, ACCEPT, lead_id=812) == "already_done"
        assert len(network.acme.writes) == writes
        assert await outcome(client, UPDATE, lead_id=786, status="QUOTE_SENT") == "done"
        assert await outcome(client, NOTE_TOOL, **{**NOTE, "message": "New"}) == "done"


async def test_the_index_stays_with_the_company(network: Network, opened: Opened):
    async with opened() as client:
        before = data_of(await call(client, MATCH, name="Nobody Atall"))["checked"]
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        network.acme.requests.clear()
        assert data_of(await call(client, MATCH, name="Nobody Atall"))["checked"] == before
    assert len(network.acme.requests) <= 2  # the check of the key, and perhaps a look at the newest page


async def test_a_known_key_is_not_checked_again(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        await call(client, NOTE_TOOL, **{**NOTE, "message": "Second"})
    for key in ("second-rooflink-key", "first-rooflink-key"):  # and back
        async with opened(rooflink_api_key=key) as client:
            network.acme.requests.clear()
            await call(client, NOTE_TOOL, **{**NOTE, "message": key})
            assert {request.method for request in network.acme.requests} == {"POST"}


async def test_a_server_with_the_old_key_goes_on_beside_one_with_the_new(network: Network, opened: Opened):
    async with opened() as old, opened(rooflink_api_key="second-rooflink-key") as new:
        await call(old, NOTE_TOOL, **NOTE)
        assert await outcome(new, NOTE_TOOL, **NOTE) == "already_done"
        await call(new, NOTE_TOOL, **{**NOTE, "message": "Second"})
        assert await outcome(old, NOTE_TOOL, **{**NOTE, "message": "Second"}) == "already_done"
    assert len(network.acme.writes) == 2


# Another company's key


async def test_another_company_s_key_writes_nothing_until_somebody_says_whose_it_is(network: Network, opened: Opened):
    network.of_other |= {"their-key"}
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
    async with opened(rooflink_api_key="their-key") as client:
        refused = await call(client, NOTE_TOOL, **{**NOTE, "message": "Oops"})
        assert data_of(refused)["reason"] == "another_company"
        assert "LEADBRIDGE_COMPANY" in text_of(refused)
        assert "leadbridge company accept" in text_of(refused)
        index = await call(client, MATCH, name="Nobody Atall")
        assert index.is_error
        assert await targets(client) == ["job 7000152"]  # the history is the company's, whatever the key
    assert network.other.writes == []
    async with opened(rooflink_api_key="their-key", company="Other") as client:
        assert await targets(client) == []
        assert await outcome(client, CREATE, **HOUSE) == "done"
    async with opened(rooflink_api_key="their-key") as client:  # the name was left out
        refused = await call(client, NOTE_TOOL, **{**NOTE, "message": "Oops"})
        assert data_of(refused)["reason"] == "another_company"
        assert "set LEADBRIDGE_COMPANY=other" in text_of(refused)
    async with opened() as client:
        assert await targets(client) == ["job 7000152"]
    assert (len(network.acme.writes), len(network.other.writes)) == (1, 1)


async def test_a_person_can_say_that_a_key_is_the_company_s(network: Network, opened: Opened, state_url: str):
    network.of_other |= {"their-key"}
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
    app = build_app_context(settings_of(state_url, rooflink_api_key="their-key"), transport=lambda: network)
    assert "The RoofLink key is company default's from now on." in await accept(app.company)
    app.store.close()
    async with opened(rooflink_api_key="their-key") as client:
        assert await outcome(client, CREATE, **HOUSE) == "done"
        assert len(await targets(client)) == 2


async def test_a_company_gets_a_name_with_all_that_is_kept_for_it(network: Network, opened: Opened, state_url: str):
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
        await call(client, ACCEPT, lead_id=812)
    async with opened(company="Acme") as client:
        refused = await call(client, NOTE_TOOL, **NOTE)
        assert data_of(refused)["reason"] == "another_company"
        assert "leadbridge company rename default" in text_of(refused)
    app = build_app_context(settings_of(state_url, company="Acme"), transport=lambda: network)
    await rename(app.company, "Default")
    with pytest.raises(Refused, match="Nothing is on record for company default"):
        await rename(app.company, "default")
    app.store.close()
    async with opened(company="ACME") as client:
        assert await targets(client) == ["lead 812", "job 7000152"]
        assert await outcome(client, NOTE_TOOL, **NOTE) == "already_done"
        assert await outcome(client, ACCEPT, lead_id=812) == "already_done"


@pytest.mark.parametrize("keys", [1, 2])
async def test_a_key_on_record_for_another_company_brings_its_history_along_if_it_is_that_company_s_only_one(
    network: Network, opened: Opened, state_url: str, keys: int
):
    for key in ("a key of both", "first-rooflink-key")[-keys:]:
        async with opened(rooflink_api_key=key.replace(" ", "-")) as client:
            await call(client, NOTE_TOOL, **NOTE)
    app = build_app_context(settings_of(state_url, company="Acme"), transport=lambda: network)
    said = await accept(app.company)
    app.store.close()
    assert any("stays with that company" in line for line in said) == (keys == 2)
    async with opened(company="Acme") as client:
        assert await targets(client) == (["job 7000152"] if keys == 1 else [])
        assert await outcome(client, NOTE_TOOL, **NOTE) == ("already_done" if keys == 1 else "done")


async def test_while_the_service_is_down_a_new_key_writes_nothing(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
    async with opened(rooflink_api_key="second-rooflink-key") as client:
        network.acme.faults.add(Fault(kind="status", status=500, match="GET .", times=200))
        refused = await call(client, NOTE_TOOL, **{**NOTE, "message": "Second"})
        assert data_of(refused)["reason"] == "company_not_checked"
        network.acme.faults.clear()
        assert await outcome(client, NOTE_TOOL, **{**NOTE, "message": "Second"}) == "done"


async def test_a_key_that_the_service_refuses_is_reported_as_that(network: Network, opened: Opened):
    network.nobodys |= {"wrong-key"}
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
    async with opened(rooflink_api_key="wrong-key") as client:
        assert await outcome(client, NOTE_TOOL, **NOTE) == "auth_error"


@pytest.mark.parametrize(
    ("token", "outcome"),
    [(jwt("acme", "2"), "done"), (jwt("other"), "refused"), ("no-jwt-at-all", "done")],
    ids=["same subject", "another subject", "no subject"],
)
async def test_a_token_s_subject_distinguishes_a_new_token_from_another_company_s(
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
    said = status["services"][1]["key_standing"]
    assert ("could not be checked" in said) == (token == "no-jwt-at-all")


async def test_a_subject_on_record_for_another_company_is_that_company_s(opened: Opened):
    """The name was misspelt in the very moment in which the token was new."""
    async with opened(renovationfind_token=jwt("acme", "1"), company="Acme") as client:
        await call(client, UPDATE, **STATUS)
    async with opened(renovationfind_token=jwt("acme", "2"), company="Acmee") as client:
        refused = await call(client, UPDATE, **STATUS)
    assert data_of(refused)["reason"] == "another_company"
    assert "LEADBRIDGE_COMPANY=acme" in text_of(refused)


async def test_a_lead_that_is_visible_outweighs_another_subject(network: Network, opened: Opened):
    async with opened(renovationfind_token=jwt("acme")) as client:
        await call(client, UPDATE, **STATUS)
    async with opened(renovationfind_token=jwt("acme's new clerk")) as client:
        assert await outcome(client, UPDATE, lead_id=786, status="QUOTE_SENT") == "done"


# Two companies in one store


async def test_two_companies_in_one_store_see_nothing_of_each_other(network: Network, opened: Opened):
    async with opened() as client:
        await call(client, ACCEPT, lead_id=812)
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


async def test_keys_are_remembered_as_fingerprints_only(opened: Opened, state_url: str):
    keys = {"rooflink_api_key": "first-rooflink-key", "renovationfind_token": jwt("the-subject")}
    async with opened(**keys) as client:
        await call(client, NOTE_TOOL, **NOTE)
        await call(client, UPDATE, **STATUS)
    with beside(state_url) as store:
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
