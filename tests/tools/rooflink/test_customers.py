"""RoofLink's customers: listed with filters that are checked, shown in full."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import pytest

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.people import HOSTILE_TEXTS
from tests.support import Time, Version, call, connected, data_of, text_of

LIST, GET = "rooflink_list_customers", "rooflink_get_customer"
NOW = datetime(2026, 5, 4, 15, 30, tzinfo=UTC)


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """Few records, seeded at a moment that does not move."""
    return Sandbox(clock=time, now=lambda: NOW, prospects=20)


def query_of(sandbox: Sandbox) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(sandbox.requests[-1].query).items()}


async def test_all_customers_come_page_by_page(sandbox: Sandbox, time: Time, version: Version):
    known = {job.customer.id: job.customer for job in sandbox.prospects.values()}
    seen: dict[int, dict[str, Any]] = {}
    texts: list[str] = []
    async with connected(sandbox, version=version, time=time) as client:
        page: int | None = 1
        while page:
            result = await call(client, LIST, page=page, page_size=8)
            seen |= {row["id"]: row for row in data_of(result)["rows"]}
            texts.append(text_of(result))
            page = data_of(result).get("next_page")
    assert set(seen) == set(known)
    assert texts[-1].startswith("Customers 17-20 of 20, last page\n")
    for customer_id, row in seen.items():
        assert row.get("cell", "") == known[customer_id].cell
        rep = known[customer_id].rep
        assert row.get("rep") == (rep.name if rep else None)
    assert sandbox.writes == []


async def test_filters_are_sent_and_an_ignored_one_is_named(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, LIST, rep_id=302, region_id=13)
        nothing = await call(client, LIST, rep_id=302)
    assert query_of(sandbox) == {"page": "1", "page_size": "10", "rep": "302"}
    data = data_of(result)
    assert {row["rep"] for row in data["rows"]} == {"Beatrice Chan"}
    assert (data["filters_ignored"], data["filters_unverified"]) == (["region_id"], ["rep_id"])
    assert "the rows are not limited by them: region_id" in text_of(result)
    assert data_of(nothing)["filters_unverified"] == ["rep_id"]


async def test_columns_can_be_chosen(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST, fields=["email", "name"])
        wrong = await call(client, LIST, fields=["shoe_size"])
    assert text_of(result).splitlines()[1] == "id | email | name"
    assert {name for row in data_of(result)["rows"] for name in row} == {"id", "email", "name"}
    assert "- fields: must be one of" in text_of(wrong)


async def test_a_page_that_is_too_long_is_cut_and_gone_on_with(sandbox: Sandbox, time: Time):
    for job in sandbox.prospects.values():
        customer = job.customer
        customer.first_name = customer.cell = customer.phone = "! " + "x" * 115
        customer.email = "! " + "y" * 250
    for prospect in list(sandbox.prospects.values()):
        for copy in range(4):
            key = prospect.id * 10 + copy
            sandbox.prospects[key] = prospect
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST, page_size=100)
    data = data_of(result)
    assert len(text_of(result)) <= 20_000
    assert 0 < len(data["rows"]) < 100
    assert f"page={data['next_page']} and page_size={data['page_size']}" in text_of(result)
    assert data["to_index"] == len(data["rows"])


async def test_one_customer_is_shown_with_all_that_is_known(sandbox: Sandbox, time: Time, version: Version):
    job = next(row for row in sandbox.prospects.values() if row.customer.rep and row.customer.email)
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, GET, customer_id=job.customer.id)
    fields = data_of(result)["fields"]
    assert fields["first_name"] == job.customer.first_name
    assert fields["rep.id"] == (job.customer.rep and job.customer.rep.id)
    assert job.address in fields["address"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT.*", fields["date_created"].strip("⟦⟧"))
    assert text_of(result).startswith(f"Customer {job.customer.id}\n")
    assert "None" not in text_of(result)


async def test_other_people_s_words_stand_between_marks(sandbox: Sandbox, time: Time, version: Version):
    text = HOSTILE_TEXTS[2]
    row: dict[str, Any] = dict.fromkeys(("name", "cell", "phone", "phone_ext", "email", "note", "address"), text)
    row |= {
        "id": 7,
        "region": {"id": 1, "name": text},
        "rep": {"id": 2, "full_name": text},
        text: "key",
        "tags": [text],
    }
    async with connected(sandbox, version=version, time=time) as client:
        sandbox.faults.add(Fault(kind="status", status=200, body=json.dumps({"count": 1, "results": [row]})))
        listed = await call(client, LIST)
        sandbox.faults.add(Fault(kind="status", status=200, body=json.dumps({**row, text: 1})))
        shown = await call(client, GET, customer_id=7)
    for result in (listed, shown):
        outside = re.sub("⟦[^⟦⟧]*⟧", "", text_of(result))
        for words in ("approval_token", "SYSTEM", "untrusted"):
            assert words not in outside
        assert "</untrusted>" not in result.model_dump_json()


async def test_an_unknown_customer_and_an_odd_answer_are_clear_errors(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        missing = await call(client, GET, customer_id=5)
        sandbox.faults.add(Fault(kind="status", status=200, body='{"customers": []}'))
        odd = await call(client, LIST)
        sandbox.faults.add(Fault(kind="status", status=200, body="[]"))
        none = await call(client, GET, customer_id=5)
    assert "has no customer 5 for this key (404)" in text_of(missing)
    assert "inferred" in text_of(missing)
    assert "no list of results" in text_of(odd)
    assert all(result.is_error for result in (missing, odd, none))


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        (LIST, {"page_size": 101}, "page_size: must be at most 100"),
        (LIST, {"page": 0}, "page: must be at least 1"),
        (LIST, {"rep_id": "302a"}, "rep_id: must be an integer"),
        (LIST, {"rep": 302}, "rep: is not an argument of this tool; did you mean rep_id?"),
        (GET, {}, "customer_id: is required"),
        (GET, {"customer_id": 0}, "customer_id: must be at least 1"),
        (GET, {"customer_id": True}, "customer_id: must be an integer"),
    ],
)
async def test_what_cannot_be_asked_is_refused(sandbox: Sandbox, tool: str, arguments: dict[str, Any], message: str):
    async with connected(sandbox) as client:
        result = await call(client, tool, **arguments)
    assert f"- {message}" in text_of(result)
    assert sandbox.requests == []
