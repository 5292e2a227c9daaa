"""A store of schema 4, whose accounts are digests of key and address, is taken over: nothing is lost or doubled."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import inspect, text

from leadbridge.server.sandbox.faults import Fault
from tests.company.offices import (
    ACCEPT,
    MATCH,
    NOTE,
    NOTE_TOOL,
    STATUS,
    UPDATE,
    Network,
    Opened,
    outcome,
    targets,
)
from tests.databases import beside
from tests.support import call, data_of, text_of

FIRST = ("first-rooflink-key", "first-token")
SECOND = ("second-rooflink-key", "second-token")
ADDRESSES = {
    "rooflink": "https://integrate.rooflink.com/roof_link_endpoints/api",
    "renovationfind": "https://www.renovationfind.com/rest-api-v1",
}


def keys(both: tuple[str, str]) -> dict[str, str]:
    return {"rooflink_api_key": both[0], "renovationfind_token": both[1]}


def made_earlier(state_url: str, companies: dict[str, tuple[str, str]]) -> None:
    """Give a store the schema and the accounts that an earlier version would have made with these keys."""
    with beside(state_url) as store:
        tables = [name for name in inspect(store).get_table_names() if name != "service_keys"]
        tables = [name for name in tables if "account" in {one["name"] for one in inspect(store).get_columns(name)}]
        for company, both in companies.items():
            for (service, address), key in zip(ADDRESSES.items(), both, strict=True):
                digest = hashlib.sha256(f"live\n{address}\n{key}".encode()).hexdigest()[:16]
                for table in tables:
                    store.execute(
                        text(f"update {table} set account = :digest where account = :account"),
                        {"digest": digest, "account": f"{service}/{company}"},
                    )
        store.execute(text("drop table service_keys"))
        store.execute(text("update meta set value = '4' where key = 'schema_version'"))


@pytest.mark.parametrize("now", [{}, keys(SECOND), {"company": "Acme"}], ids=["same keys", "new keys", "a name"])
async def test_the_only_account_of_a_service_becomes_the_company_s(
    network: Network, opened: Opened, state_url: str, now: dict[str, str]
):
    async with opened() as client:
        await call(client, NOTE_TOOL, **NOTE)
        await call(client, ACCEPT, lead_id=812)
        checked = data_of(await call(client, MATCH, name="Nobody Atall"))["checked"]
        network.acme.faults.add(Fault(kind="drop_after", match="PUT status"))
        await call(client, UPDATE, **STATUS)
    made_earlier(state_url, {"default": FIRST})
    writes = len(network.acme.writes)
    async with opened(**now) as client:
        assert await targets(client) == ["lead 785", "lead 812", "job 7000152"]
        assert await outcome(client, UPDATE, **STATUS) == "earlier_unknown"
        assert await outcome(client, NOTE_TOOL, **NOTE) == "already_done"
        assert await outcome(client, ACCEPT, lead_id=812) == "already_done"
        assert len(network.acme.writes) == writes
        network.acme.requests.clear()
        assert data_of(await call(client, MATCH, name="Nobody Atall"))["checked"] == checked
        assert len(network.acme.requests) <= 1  # the newest page; the rest was read before
        assert await outcome(client, UPDATE, lead_id=786, status="QUOTE_SENT") == "done"


async def test_accounts_of_keys_that_were_rotated_before_are_one_company_s(
    network: Network, opened: Opened, state_url: str
):
    async with opened(**keys(FIRST), company="one") as client:
        network.acme.faults.add(Fault(kind="drop_after", match="PUT status"))
        await call(client, UPDATE, **STATUS)
        await call(client, NOTE_TOOL, **NOTE)
        await call(client, ACCEPT, lead_id=812)
    async with opened(**keys(SECOND), company="two") as client:
        await call(client, NOTE_TOOL, **{**NOTE, "message": "Second"})
        await call(client, MATCH, name="Nobody Atall")
        await call(client, UPDATE, lead_id=812, status="QUOTE_SENT")
    made_earlier(state_url, {"one": FIRST, "two": SECOND})
    writes = len(network.acme.writes)
    async with opened(**keys(SECOND)) as client:
        answer = await call(client, "write_history")
        assert data_of(answer)["total"] == 2
        assert "3 more writes were made by an earlier LeadBridge" in text_of(answer)
        assert await outcome(client, UPDATE, **STATUS) == "earlier_unknown"
        assert await outcome(client, NOTE_TOOL, **NOTE) == "already_done"
        assert await outcome(client, NOTE_TOOL, **{**NOTE, "message": "Second"}) == "already_done"
        assert await outcome(client, ACCEPT, lead_id=812) == "already_done"
        assert len(network.acme.writes) == writes
        assert (await targets(client))[0] == "lead 785"
        assert len(await targets(client)) == 5
        assert "earlier LeadBridge" not in text_of(await call(client, "write_history"))


async def test_an_account_of_another_company_is_left_to_that_company(network: Network, opened: Opened, state_url: str):
    network.of_other |= {*SECOND}
    async with opened(**keys(FIRST), company="one") as client:
        await call(client, NOTE_TOOL, **NOTE)
        await call(client, MATCH, name="Nobody Atall")
    async with opened(**keys(SECOND), company="two") as client:
        house = {"first_name": "Ann", "last_name": "Poe", "address": "900 Pine Rd", "city": "Austin", "state": "TX"}
        theirs = await call(client, "rooflink_create_lead", **house, postal_code="78701", cell_phone="512-555-0100")
        assert data_of(theirs)["outcome"] == "done"
    made_earlier(state_url, {"one": FIRST, "two": SECOND})
    async with opened(**keys(FIRST)) as client:
        assert await outcome(client, NOTE_TOOL, **NOTE) == "already_done"
        assert await targets(client) == ["job 7000152"]
    async with opened(**keys(SECOND)) as client:
        assert await outcome(client, NOTE_TOOL, **NOTE) == "another_company"
    async with opened(**keys(SECOND), company="Other") as client:
        again = await call(client, "rooflink_create_lead", **house, postal_code="78701", cell_phone="512-555-0100")
        assert data_of(again)["outcome"] == "already_done"
        assert len(await targets(client)) == 1
    assert (len(network.acme.writes), len(network.other.writes)) == (1, 1)


async def test_a_lead_that_both_accounts_know_keeps_the_newer_answer_and_what_was_done(
    network: Network, opened: Opened, state_url: str
):
    async with opened(**keys(FIRST), company="one", toolsets="all") as client:
        await call(client, ACCEPT, lead_id=812)
    async with opened(**keys(SECOND), company="two", toolsets="all") as client:
        await call(client, UPDATE, lead_id=812, status="QUOTE_SENT")
    made_earlier(state_url, {"one": FIRST, "two": SECOND})
    async with opened(**keys(SECOND)) as client:
        await call(client, UPDATE, **STATUS)
    with beside(state_url) as store:
        rows = store.execute(text("select data from leads where lead_id = 812 and account = 'renovationfind/default'"))
        (answer,) = [str(row.data).replace('"', "'") for row in rows]
    assert "QUOTE_SENT" in answer
    assert "'accepted_here': True" in answer.replace("true", "True")
