"""What is looked for is found however many share a phone, a house or a name with it, and what was cut is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import pytest

from leadbridge.server.matching.profile import ContactDetails, profile_of
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects.index import row_of
from leadbridge.server.prospects.search import AT_MOST
from leadbridge.server.prospects.sources import index_of
from leadbridge.server.sandbox import Sandbox
from tests.support import Person, Time, Version, call, connected, data_of, text_of

FIND, CREATE = "find_matching_prospects", "rooflink_create_lead"
OFFICE = {"phones": (("cell", "(512) 555-0142"),), "email": "office@builder.example.org"}
CROWD, HALF = 2_200, 1_100
Arrive = Callable[..., object]
Fill = Callable[[Iterable[ContactDetails]], Awaitable[AppContext]]


@pytest.fixture
def fill(
    sandbox: Sandbox,
    make_deck: Callable[..., AppContext],
    read_whole: Callable[..., Awaitable[None]],
    state_url: str,
) -> Fill:
    """Fill the index with these prospects, whose ids count up from 1, as if the list had been read this moment."""

    async def filled(message: Iterable[ContactDetails]) -> AppContext:
        app = make_deck(sandbox, state_url=state_url)
        await read_whole(app, [row_of(number, one) for number, one in enumerate(message, start=1)])
        return app

    return filled


def office_leads(count: int) -> list[ContactDetails]:
    """Each with a house and a name of its own, and the office's phone and e-mail."""
    return [
        ContactDetails(
            f"{100 + number} Cedar Bend", f"Town {number % 90}", "TX", name=f"Ann{number} Bell{number}", **OFFICE
        )
        for number in range(count)
    ]


async def test_a_duplicate_is_found_though_thousands_carry_the_offices_phone_and_e_mail(
    fill: Fill, sandbox: Sandbox, time: Time, wall: Time, state_url: str, version: Version, arrive: Arrive
) -> None:
    arrive(sandbox, id=1, address="4821 Juniper Hollow Dr", city="Plano", state="TX", zipcode="75024")
    sandbox.prospects[1].customer.cell = "(512) 555-0142"
    known = ContactDetails(
        "4821 Juniper Hollow Dr", "Plano", "TX", "75024", OFFICE["phones"], OFFICE["email"], "Dana Miller"
    )
    await fill([known, *office_leads(CROWD - 1)])
    async with connected(sandbox, version=version, time=time, clock=wall, state_url=state_url) as client:
        lead = {"address": known.address, "city": "Plano", "state": "TX", "postal_code": "75024"}
        contact = {"cell_phone": "512-555-0142", "email": known.email}
        result = await call(client, CREATE, **lead, **contact, first_name="Dana", last_name="Miller")
        receipt = data_of(result)
        found = await call(client, FIND, address="4821 Juniper Hollow, Plano TX", phone="5125550142")
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "likely_duplicate")
    assert "prospect 1 (" in receipt["summary"]
    assert data_of(found)["matches"][0]["id"] == 1
    for message in (text_of(result), text_of(found)):
        assert "checked 2,200" not in message
        assert "2,200 share this phone" in message
    assert data_of(found)["complete"] is False
    assert data_of(found)["checked"] < CROWD / 2
    assert "2,200 share this phone. To narrow it, give an e-mail or a first and last name too." in text_of(found)
    assert len(sandbox.writes) == 0


async def test_a_name_is_found_by_the_whole_of_it_first(
    fill: Fill, sandbox: Sandbox, time: Time, wall: Time, state_url: str
) -> None:
    crowd = [ContactDetails(name=f"Dana Bell{number}") for number in range(HALF)]
    crowd += [ContactDetails(name=f"Ann{number} Miller") for number in range(HALF)]
    await fill([ContactDetails(name="Dana Miller"), ContactDetails(name="Miller, Dana Lee"), *crowd])
    async with connected(sandbox, time=time, clock=wall, state_url=state_url) as client:
        result = await call(client, FIND, name="Dana Miller")
    assert [row["id"] for row in data_of(result)["matches"]] == [1, 2]
    assert "1,102 share this part of the name (Dana)" in text_of(result)
    assert "give a phone, an e-mail or a street address too" in text_of(result)


@pytest.mark.parametrize("name", ["Campbell", "Mrs Campbell", "Rosalind", "The Campbell Family"])
@pytest.mark.parametrize("others", [0, 700])
async def test_a_part_of_a_name_finds_its_people_or_says_how_many_share_it(
    fill: Fill, sandbox: Sandbox, time: Time, wall: Time, state_url: str, name: str, others: int
) -> None:
    crowd = [ContactDetails(name=f"Rosalind{number} Campbell") for number in range(others)]
    crowd += [ContactDetails(name=f"Rosalind Campbell{number}") for number in range(others)]
    await fill([*crowd, ContactDetails(name="Rosalind Campbell")])
    async with connected(sandbox, time=time, clock=wall, state_url=state_url) as client:
        result = await call(client, FIND, name=name)
    data = data_of(result)
    assert data["matches"][0]["customer"] == "Rosalind Campbell" or others
    assert data["matches"]
    assert not any(row["likely"] for row in data["matches"])
    assert (f"{others + 1:,} share this part of the name" in text_of(result)) is bool(others)
    assert data["complete"] is not bool(others)


async def test_of_many_in_one_house_with_one_phone_and_name_so_many_are_compared_and_no_more(fill: Fill) -> None:
    one = ContactDetails("100 Oak St", "Austin", "TX", "78701", name="Pat Lee", **OFFICE)
    app = await fill([one] * HALF)
    found = await index_of(app).find(profile_of(one))
    count = len(found.matches)
    assert 0 < count <= AT_MOST
    assert [row.prospect_id for row in found.matches] == list(range(HALF, HALF - count, -1))
    assert found.left_out == HALF - count


@pytest.mark.parametrize(
    ("known", "query"),
    [
        (
            ContactDetails(name="Pat Lee", phones=OFFICE["phones"]),
            ContactDetails(name="Pat Lee", phones=OFFICE["phones"]),
        ),
        (
            ContactDetails("9 Elm Ct", name="Kim Ray", email=OFFICE["email"]),
            ContactDetails("9 Elm Ct", email=OFFICE["email"]),
        ),
        (
            ContactDetails("9 Elm Ct Apt 12"),
            ContactDetails("9 Elm Ct Unit 12", name="Dana Miller", phones=OFFICE["phones"]),
        ),
    ],
    ids=["name and phone", "house and e-mail", "a unit of a tower"],
)
async def test_what_is_common_in_each_part_is_found_by_two_of_them(
    fill: Fill, known: ContactDetails, query: ContactDetails
) -> None:
    crowd = [ContactDetails(name="Pat Lee", email=f"pat{number}@example.org") for number in range(HALF)]
    crowd += [ContactDetails(name=f"Ann{number} Bell", **OFFICE) for number in range(HALF)]
    crowd += [ContactDetails(f"9 Elm Ct Apt {1_000 + number}") for number in range(HALF)]
    app = await fill([known, *crowd])
    assert (await index_of(app).find(profile_of(query))).matches[0].prospect_id == 1


@pytest.mark.parametrize("way", ["created", "dry run", "asked"])
async def test_what_resembles_a_new_lead_and_does_not_stop_it_is_reported(
    fill: Fill, sandbox: Sandbox, time: Time, wall: Time, state_url: str, way: str
) -> None:
    spouse = ContactDetails("12 Elm St", "Plano", "TX", "75024", (("cell", "972-555-0199"),), name="Robin Shaw")
    await fill([spouse])
    lead = {"address": "4821 Juniper Hollow Dr", "state": "TX", "postal_code": "75024", "cell_phone": "(972) 555-0199"}
    person, more = Person(), {"dry_run": way == "dry run", "allow_duplicate": way == "asked"}
    async with connected(sandbox, person=person, time=time, clock=wall, state_url=state_url) as client:
        result = await call(client, CREATE, **lead, first_name="Lou", **more)
    receipt = data_of(result)
    message = next(line for line in receipt["warnings"] if "prospect 1:" in line)
    assert receipt["outcome"] == ("dry_run" if way == "dry run" else "done")
    assert "same phone (cell)" in message
    assert "other name" in message
    assert len(person.shown) == (way == "asked")
    assert all(message in question for question in person.shown)


def test_gmails_dots_and_tags_are_one_mailbox() -> None:
    def mailbox(text: str) -> tuple[str, ...]:
        return profile_of(ContactDetails(email=text)).emails

    same = ("dana.miller@gmail.com", "D.a.n.a.Miller+roof@Gmail.com", "danamiller@googlemail.com")
    assert {mailbox(text) for text in same} == {("danamiller@gmail.com",)}
    assert mailbox("dana.miller+roof@example.org") == ("dana.miller+roof@example.org",)


async def test_a_street_that_several_prospects_have_is_not_a_slip_of_another(fill: Fill) -> None:
    def on(street: str, *houses: int) -> list[ContactDetails]:
        return [ContactDetails(f"{house} {street}", "Katy", "TX", "77494") for house in houses]

    app = await fill([*on("Ashford Ln", 12, 20), *on("Ashfold Ln", 31, 20), *on("Willoughby Ln", 7)])
    ashford = (await index_of(app).find(profile_of(on("Ashford Ln", 31)[0]))).matches
    slip = (await index_of(app).find(profile_of(on("Willoghby Ln", 7)[0]))).matches
    assert ashford == ()
    assert [found.match.likely for found in slip] == [True]
