"""A house is looked for where it would be, a filter is believed only by its rows, and candidates are read once more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import anyio
import pytest

from leadbridge.server.config.state_address import IN_MEMORY
from leadbridge.server.matching.profile import ContactDetails
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects.duplicates import DuplicateReport, likely_duplicates
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.options import FILTERS
from leadbridge.server.sandbox.records import Done, Prospect, User
from tests.support import Person, Time, Version, call, connected, data_of, text_of

Company = Callable[..., Sandbox]
MakeDeck = Callable[..., AppContext]
LIST = r"GET /light/jobs/prospect/$"
CREATE, FIND = "rooflink_create_lead", "find_matching_prospects"
HOUSE = ContactDetails("12 Hidden Hollow Dr", "Marfa", "TX", "79843")
LEAD: dict[str, Any] = {
    "address": "12 Hidden Hollow Drive", "city": "Marfa", "state": "TX", "postal_code": "79843", "first_name": "Dana",
    "last_name": "Miller",
}  # fmt: skip
SOMEBODY = User(301, "Alex Romero", "", "")

pytestmark = pytest.mark.usefixtures("loop_time")


@pytest.fixture
def time(loop_time: Time) -> Time:
    """One clock for the loop, the rate limiter and the sandbox."""
    return loop_time


def oldest_of(sandbox: Sandbox, **fields: Any) -> Prospect:
    """The last prospect of the list lives in that house."""
    row = min(sandbox.prospects.values(), key=lambda one: (one.created, one.id))
    row.address, row.city, row.state, row.zipcode, row.deleted = HOUSE.address, "Marfa", "TX", "79843", None
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def asked_by(sandbox: Sandbox, name: str) -> list[str]:
    """The values of a filter that was sent."""
    queries = [dict(pair.split("=") for pair in row.query.split("&")) for row in sandbox.requests if row.query]
    return [query[name] for query in queries if name in query]


async def look(app: AppContext, query: ContactDetails = HOUSE, seconds: float = 25) -> DuplicateReport:
    before = anyio.current_time()
    report = await likely_duplicates(app, query, seconds)
    assert anyio.current_time() - before <= seconds + 1
    return report


async def test_an_old_house_is_found_by_its_postal_code_though_a_page_takes_as_long_as_there_is_time(
    company: Company, make_deck: MakeDeck
):
    sandbox = company(1_000, page_seconds=18.0)
    old = oldest_of(sandbox)
    report = await look(make_deck(sandbox))
    assert [found.prospect_id for found in report.likely] == [old.id]
    assert (report.coverage.complete, report.missing) == (False, "")
    assert "checked 101 of 1,000 prospects" in report.checked
    assert "every one with postal code 79843 just now" in report.checked


async def test_without_a_postal_code_the_town_says_where_to_look(company: Company, make_deck: MakeDeck):
    sandbox = company(1_000, page_seconds=8.0)
    old = oldest_of(sandbox)
    report = await look(make_deck(sandbox), ContactDetails("12 Hidden Hollow Drive, Marfa, TX"))
    assert asked_by(sandbox, "city") == ["Marfa"]
    assert [found.prospect_id for found in report.likely] == [old.id]
    assert report.missing == ""


async def test_a_filter_that_the_service_ignores_proves_nothing_and_is_not_asked_again(
    company: Company, make_deck: MakeDeck, wall: Time
):
    sandbox = company(1_000, page_seconds=8.0, honoured_filters=FILTERS - {"zipcode", "city"})
    app = make_deck(sandbox)
    report = await look(app)
    assert report.missing.startswith("200 of 1,000 compared")
    assert asked_by(sandbox, "zipcode") == ["79843"]
    wall.now += 600
    await look(app)
    assert asked_by(sandbox, "zipcode") == ["79843"]


async def test_an_empty_answer_counts_only_of_a_filter_that_is_known_to_work(company: Company, make_deck: MakeDeck):
    app = make_deck(working := company(400, page_seconds=2.0))
    report = await look(app, ContactDetails("1 Nowhere Pl", "Nome", "AK", "99762"))
    first, known, again = asked_by(working, "zipcode")
    assert first == again == "99762" != known
    assert (report.coverage.complete, report.missing) == (False, "")

    broken = company(1_000, page_seconds=4.0)
    for row in broken.prospects.values():
        row.zipcode = ""
    assert (
        await look(make_deck(broken, state_url=IN_MEMORY), ContactDetails("1 Nowhere Pl", "Nome", "AK", "99762"))
    ).missing


async def test_a_filter_that_leaves_out_what_is_known_there_is_not_whole(company: Company, make_deck: MakeDeck):
    sandbox = company(150)
    app = make_deck(sandbox)
    known = next(row for row in sandbox.prospects.values() if row.deleted is None and row.zipcode.isdigit())
    await likely_duplicates(app, ContactDetails(name="Nobody"), 30)
    known.zipcode = f"{known.zipcode}-1234"  # the filter compares the whole of it
    object.__setattr__(sandbox.options, "page_seconds", 5.0)
    report = await look(app, ContactDetails(known.address, known.city, known.state, known.zipcode[:5]))
    assert report.place is None
    assert [found.prospect_id for found in report.likely] == [known.id]


async def test_what_was_corrected_or_deleted_in_rooflink_is_found_as_it_is_now(
    company: Company, make_deck: MakeDeck, wall: Time
):
    sandbox = company(250)
    app = make_deck(sandbox)
    rows = sorted((row for row in sandbox.prospects.values() if row.deleted is None), key=lambda row: row.created)
    moved, deleted, gone, here = rows[:4]
    before = {row.id: ContactDetails(row.address, row.city, row.state, row.zipcode) for row in rows[:4]}
    await likely_duplicates(app, ContactDetails(name="Nobody"), 30)
    wall.now += 7_200
    moved.address, deleted.deleted = "906 Pine Road", Done(moved.created, SOMEBODY)
    del sandbox.prospects[gone.id]
    object.__setattr__(sandbox.options, "honoured_filters", frozenset())

    async def likely(row: Prospect) -> tuple[list[int], list[int]]:
        report = await likely_duplicates(app, before[row.id], 30)
        return [one.prospect_id for one in report.likely], [
            one.prospect_id for one in report.findings.matches if one.deleted
        ]

    assert moved.id not in (await likely(moved))[0]
    assert deleted.id not in (await likely(deleted))[0]
    assert deleted.id in (await likely(deleted))[1]
    assert gone.id not in (await likely(gone))[0]
    assert here.id in (await likely(here))[0]


async def test_a_wrong_path_for_one_prospect_is_not_taken_for_a_deletion(
    company: Company, make_deck: MakeDeck, wall: Time
):
    sandbox = company(150)
    app = make_deck(sandbox)
    known = next(row for row in sandbox.prospects.values() if row.deleted is None)
    await likely_duplicates(app, ContactDetails(name="Nobody"), 30)
    wall.now += 600
    sandbox.faults.add(Fault(kind="status", status=404, match=r"GET /light/jobs/prospect/\d+/$", times=None))
    object.__setattr__(sandbox.options, "honoured_filters", frozenset())
    report = await likely_duplicates(app, ContactDetails(known.address, known.city, known.state, known.zipcode), 30)
    assert known.id in [found.prospect_id for found in report.likely]


async def test_a_lead_is_not_made_without_a_word_where_its_house_may_be_there(
    company: Company, version: Version, time: Time
):
    sandbox = company(1_000, page_seconds=20.0, honoured_filters=frozenset())
    oldest_of(sandbox)
    person = Person("decline")
    async with connected(sandbox, version=version, person=person, time=time, clock=lambda: 1.8e9 + time()) as client:
        declined = await call(client, CREATE, **LEAD)
        person.action = "accept"
        done = await call(client, CREATE, **LEAD)
    assert data_of(declined)["outcome"] == "not_approved"
    assert "RoofLink may have this house already: 100 of 1,000 compared." in person.shown[0]
    assert data_of(done)["outcome"] == "done"
    assert [write.operation.startswith("POST") for write in sandbox.writes] == [True]


async def test_a_yes_counts_though_more_was_read_while_the_person_thought(
    company: Company, version: Version, time: Time
):
    sandbox = company(1_000, page_seconds=10.0, honoured_filters=frozenset())

    class Slow(Person):
        async def __call__(self, context: Any, params: Any) -> Any:
            await anyio.sleep(90)
            return await super().__call__(context, params)

    person = Slow()
    async with connected(sandbox, version=version, person=person, time=time, clock=lambda: 1.8e9 + time()) as client:
        result = await call(client, CREATE, **LEAD)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(person.shown) == 1


async def test_a_client_that_cannot_ask_gets_a_token_with_the_count(company: Company, time: Time):
    sandbox = company(1_000, page_seconds=20.0, honoured_filters=frozenset())
    async with connected(sandbox, time=time, clock=lambda: 1.8e9 + time()) as client:
        result = await call(client, CREATE, **LEAD)
        assert data_of(result)["outcome"] == "approval_required"
        assert "100 of 1,000 compared" in text_of(result)
        token = data_of(result)["approval_token"]
        assert data_of(await call(client, CREATE, **LEAD, approval_token=token))["outcome"] == "done"


async def test_where_the_postal_code_is_known_whole_nobody_is_asked(company: Company, time: Time):
    sandbox = company(1_000, page_seconds=10.0)
    async with connected(sandbox, time=time, clock=lambda: 1.8e9 + time()) as client:
        other = {**LEAD, "postal_code": next(iter(sandbox.prospects.values())).zipcode}
        await call(client, FIND, address="1 Main St, Plano, TX " + other["postal_code"])
        assert data_of(await call(client, CREATE, **LEAD))["outcome"] == "done"
        oldest_of(sandbox, address="14 Hidden Hollow Dr")
        refused = await call(client, CREATE, **{**LEAD, "address": "14 Hidden Hollow Dr"})
    assert data_of(refused)["outcome"] == "refused"
    assert "RoofLink may already have this customer" in text_of(refused)


async def test_a_filter_that_does_not_narrow_costs_one_page_however_long_the_list_is(
    company: Company, make_deck: MakeDeck, wall: Time
):
    sandbox = company(900, honoured_filters=frozenset())
    for row in sandbox.prospects.values():
        row.city, row.state, row.zipcode = "Marfa", "TX", "79843"
    app = make_deck(sandbox)
    await likely_duplicates(app, ContactDetails(name="Nobody"), 600)
    wall.now += 600
    object.__setattr__(sandbox.options, "page_seconds", 10.0)
    report = await look(app)
    assert asked_by(sandbox, "zipcode") == ["79843"]
    assert report.missing == ""


@pytest.mark.parametrize(
    "contact",
    [{"cell_phone": "512.555.0147"}, {"home_phone": "+1 512 555 0147"}, {"email": "Dana.Miller@post.example"}],
)
async def test_a_customer_at_another_address_is_found_by_phone_or_email_among_thousands_at_slow_pages(
    company: Company, version: Version, time: Time, contact: dict[str, str]
):
    sandbox = company(3_000, page_seconds=10.0, honoured_filters=FILTERS)
    old = oldest_of(sandbox, address="906 Pine Rd", city="Alpine", zipcode="79830")
    old.customer = replace(
        old.customer, first_name="Dana", last_name="Miller", cell="(512) 555-0147", email="dana.miller@post.example"
    )
    person = Person("decline")
    async with connected(sandbox, version=version, person=person, time=time, clock=lambda: 1.8e9 + time()) as client:
        await call(client, CREATE, **LEAD, **contact)
        assert f"It resembles prospect {old.id}, " in person.shown[0]
        assert len(asked_by(sandbox, "search")) == 1
        [given] = contact.values()
        found = await call(client, FIND, **{"email" if "@" in given else "phone": given})
    assert str(old.id) in text_of(found)
    assert not sandbox.writes


async def test_a_search_that_the_service_ignores_is_asked_once_and_the_question_says_what_was_compared(
    company: Company, version: Version, time: Time
):
    sandbox = company(3_000, page_seconds=10.0, honoured_filters=frozenset())
    person = Person("decline")
    contacts = {"cell_phone": "512-555-0147", "home_phone": "512-555-0148", "email": "dana.miller@post.example"}
    async with connected(sandbox, version=version, person=person, time=time, clock=lambda: 1.8e9 + time()) as client:
        for _ in range(2):
            await call(client, CREATE, **LEAD, **contacts)
    assert [unquote_plus(text) for text in asked_by(sandbox, "search")] == [
        "(512) 555-0147",
        "dana.miller@post.example",
    ]
    assert re.search(r"may have this house already: \d+ of 3,000 compared", person.shown[0])


async def test_a_phone_is_searched_for_as_rooflink_shows_phones(company: Company, make_deck: MakeDeck):
    sandbox = company(1_000, page_seconds=2.0, honoured_filters=FILTERS)
    for row in sandbox.prospects.values():
        digits = [re.sub(r"\D", "", text) for text in (row.customer.cell, row.customer.phone)]
        row.customer.cell, row.customer.phone = (f"{one[:3]}.{one[3:6]}.{one[6:]}" if one else "" for one in digits)
    app = make_deck(sandbox)
    await look(app, seconds=4)
    old = oldest_of(sandbox, address="906 Pine Rd")
    old.customer.cell = "512.555.0147"
    report = await look(app, ContactDetails(phones=(("cell", "(512) 555-0147"),)), seconds=4)
    assert asked_by(sandbox, "search") == ["512.555.0147"]
    assert [found.prospect_id for found in report.findings.matches] == [old.id]
    assert not report.coverage.complete


async def test_a_search_that_knows_no_phones_is_not_taken_for_the_answer_that_there_is_nobody(
    company: Company, make_deck: MakeDeck
):
    sandbox = company(1_000, page_seconds=8.0, honoured_filters=FILTERS)
    old = oldest_of(sandbox, address="906 Pine Rd")
    old.customer.cell = "512/5550147"
    app = make_deck(sandbox)
    query = ContactDetails(phones=(("cell", "512-555-0147"),))
    report = await look(app, query)
    assert (report.findings.matches, len(asked_by(sandbox, "search"))) == ((), 1)
    assert "of 1,000 compared" in report.missing
    assert [found.prospect_id for found in (await look(app, query, 600)).findings.matches] == [old.id]
    await look(app, replace(query, email="dana.miller@post.example"))
    assert len(asked_by(sandbox, "search")) == 2  # none for the third: the whole list was known
