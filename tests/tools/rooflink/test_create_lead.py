"""A new RoofLink lead: what is refused before anything is sent, what goes out, and what comes back.

Limits and codes are those of https://developers.rooflink.com/reference/create-customer-and-job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp.types import CallToolResult

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Person, Time, Version, call, connected, data_of, text_of

CREATE = "rooflink_create_lead"
PATH = "/roof_link_endpoints/api/light/jobs/create_customer_and_job/"
PLANO: dict[str, Any] = {"address": "4821 Juniper Hollow Dr", "state": "TX", "postal_code": "75024"}
TORONTO: dict[str, Any] = {"address": "290 Bremner Blvd", "state": "ON", "postal_code": "M5V 3L9"}
CENTRE = {"latitude": "33.075200", "longitude": "-96.784300"}
"""The centre of ZIP code 75024 as the package `zipcodes` has it."""

US = {
    "AL": "36104", "AK": "99801", "AZ": "85007", "AR": "72201", "CA": "95814", "CO": "80203", "CT": "06103",
    "DE": "19901", "FL": "32301", "GA": "30303", "HI": "96813", "ID": "83702", "IL": "62701", "IN": "46204",
    "IA": "50309", "KS": "66603", "KY": "40601", "LA": "70802", "ME": "04330", "MD": "21401", "MA": "02108",
    "MI": "48933", "MN": "55101", "MS": "39201", "MO": "65101", "MT": "59601", "NE": "68508", "NV": "89701",
    "NH": "03301", "NJ": "08608", "NM": "87501", "NY": "12207", "NC": "27601", "ND": "58501", "OH": "43215",
    "OK": "73102", "OR": "97301", "PA": "17101", "RI": "02903", "SC": "29201", "SD": "57501", "TN": "37219",
    "TX": "78701", "UT": "84111", "VT": "05602", "VA": "23219", "WA": "98501", "WV": "25301", "WI": "53703",
    "WY": "82001", "DC": "20001",
}  # fmt: skip
"""Each state with a ZIP code of its capital."""
CANADA = {
    "AB": ("T5K 2B6", 53.53, -113.50), "BC": ("V8V 1X4", 48.42, -123.37), "MB": ("R3C 0V8", 49.88, -97.15),
    "NB": ("E3B 5H1", 45.96, -66.64), "NL": ("A1B 4J6", 47.58, -52.72), "NS": ("B3J 1T3", 44.65, -63.57),
    "NT": ("X1A 1P9", 62.45, -114.37), "NU": ("X0A 0H0", 63.75, -68.52), "ON": ("M7A 1A2", 43.66, -79.39),
    "PE": ("C1A 7N8", 46.23, -63.13), "QC": ("G1R 2B5", 46.81, -71.21), "SK": ("S4S 0B3", 50.43, -104.61),
    "YT": ("Y1A 2C6", 60.72, -135.06),
}  # fmt: skip
"""Each province or territory with a postal code of its capital and where that is."""

LEAD_STATUSES = ("pr", "u", "a", "as", "cb", "d", "dn", "dd", "de", "df", "dds", "dnd", "fu", "ft")


def problems(result: CallToolResult) -> dict[str, str]:
    """What was refused, by argument."""
    first, *lines = text_of(result).splitlines()
    assert result.is_error, text_of(result)
    assert first.startswith("Nothing was sent"), text_of(result)
    found: dict[str, str] = {}
    for line in lines:
        name, message = line.removeprefix("- ").split(": ", 1)
        found[name] = f"{found[name]}; {message}" if name in found else message
    return found


@contextmanager
def nothing_is_posted(sandbox: Sandbox) -> Iterator[None]:
    """Duplicates may be looked for; nothing else leaves."""
    before = len(posts(sandbox)), len(sandbox.writes)
    yield
    assert (len(posts(sandbox)), len(sandbox.writes)) == before


@contextmanager
def nothing_leaves(sandbox: Sandbox) -> Iterator[None]:
    before = len(sandbox.requests), len(sandbox.writes)
    yield
    assert (len(sandbox.requests), len(sandbox.writes)) == before


def body_of(sandbox: Sandbox) -> dict[str, Any]:
    """The JSON that went out last, without the number of the write, by which LeadBridge finds its own lead again."""
    body = sandbox.writes[-1].body
    assert isinstance(body, dict)
    info = {name: value for name, value in body.get("extra_info", {}).items() if name != "leadbridge_write"}
    rest = {name: value for name, value in body.items() if name != "extra_info"}
    return {**rest, "extra_info": info} if info else rest


def posts(sandbox: Sandbox) -> list[Any]:
    """What was sent to be written."""
    return [request for request in sandbox.requests if request.method == "POST"]


_houses = iter(range(100, 10_000, 50))


def plano(**more: Any) -> dict[str, Any]:
    """A house of its own for each lead, so that none is another one's duplicate."""
    return {**PLANO, "address": f"{next(_houses)} Juniper Hollow Dr", **more}


def test_the_tables_here_are_complete():
    assert (len(US), len(CANADA), len(LEAD_STATUSES)) == (51, 13, 14)


async def test_the_least_there_can_be_goes_out_exactly_so(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, CREATE, **PLANO)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(sandbox.writes) == 1
    assert body_of(sandbox) == {
        "address": "4821 Juniper Hollow Dr", "state": "TX", "zipcode": "75024", **CENTRE, "lead_status": "u",
    }  # fmt: skip
    (request,) = posts(sandbox)
    assert (request.path, request.query) == (PATH, "")


async def test_all_there_can_be_goes_out_exactly_so(sandbox: Sandbox, time: Time, version: Version):
    info = {"campaign": "Hail 2026", "renovationfind_id": 812, "tags": ["a", {"b": None}], "ok": True, "rate": 1.5}
    everything = {
        **PLANO,
        "latitude": 33.07,
        "longitude": -96.78,
        "lead_status": "fu",
        "first_name": "Zoë",
        "last_name": "O’Brien-Çelik",
        "city": "Plano",
        "county": "Collin County",
        "cell_phone": "(972) 555-0142",
        "home_phone": "+1 972 555 0143",
        "email": "zoe@example.com",
        "lead_source": "Door Knocking",
        "extra_info": info,
        "external_id": "RF-812",
    }
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, CREATE, **everything)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert body_of(sandbox) == {
        "address": "4821 Juniper Hollow Dr",
        "state": "TX",
        "zipcode": "75024",
        "latitude": "33.070000",
        "longitude": "-96.780000",
        "lead_status": "fu",
        "first_name": "Zoë",
        "last_name": "O’Brien-Çelik",
        "city": "Plano",
        "county": "Collin County",
        "cell": "(972) 555-0142",
        "phone": "+1 972 555 0143",
        "email": "zoe@example.com",
        "lead_source": "Door Knocking",
        "extra_info": info,
        "offline_id": "RF-812",
    }
    assert len(sandbox.writes) == 1


async def test_the_receipt_has_the_ids_of_job_and_customer(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, CREATE, **PLANO, city="Plano")
    made = sandbox.prospects[sandbox.writes[0].record_id]
    receipt = data_of(result)
    assert receipt["record_id"] == made.id
    assert f"Customer id: {made.customer.id}" in text_of(result)
    assert f"Prospect {made.id}" in receipt["summary"]
    assert any(str(made.id) in step for step in receipt["next_steps"])
    assert receipt["sandbox"] is True
    assert "SANDBOX" in text_of(result)


# States, provinces and postal codes


async def test_each_of_the_64_codes_is_taken(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for index, (state, postal_code) in enumerate(US.items()):
            # Half of them in lower case, which goes out in capitals.
            given = state.lower() if index % 2 else state
            result = await call(client, CREATE, address="1 Capitol Sq", state=given, postal_code=postal_code)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert (body_of(sandbox)["state"], body_of(sandbox)["zipcode"]) == (state, postal_code)
        for state, (postal_code, latitude, longitude) in CANADA.items():
            where = {"postal_code": postal_code, "latitude": latitude, "longitude": longitude}
            result = await call(client, CREATE, address="1 Legislative Ave", state=state, **where)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["state"] == state
    assert len(sandbox.writes) == 64


async def test_a_code_that_is_not_a_state_is_refused_with_all_that_are(sandbox: Sandbox):
    async with connected(sandbox) as client:
        with nothing_leaves(sandbox):
            for state in ("XX", "PR", "GU", "Texas", "T", "", "T X", "UK", "ΤΧ", "ßß", "TEXASS"):
                found = problems(await call(client, CREATE, **{**PLANO, "state": state}))
                assert list(found) == ["state"], found
            found = problems(await call(client, CREATE, **{**PLANO, "state": "XX"}))
    assert all(code in found["state"].replace(":", " ").split() for code in (*US, *CANADA))


async def test_a_zip_code_of_another_state_is_refused_with_where_it_is(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version) as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, CREATE, **{**PLANO, "state": "OK"}))
            assert "TX" in found["postal_code"]
            assert "Plano" in found["postal_code"]
            assert "OK" in found["postal_code"]
            # Coordinates in the state do not make up for it.
            found = problems(await call(client, CREATE, **{**PLANO, "state": "OK"}, latitude=35.5, longitude=-97.5))
            assert "postal_code" in found


async def test_a_postal_code_of_the_wrong_form_is_refused(sandbox: Sandbox):
    american = ("7502", "750244", "75024-", "75024-12", "M5V 3L9", "ABCDE", "75 024", "-75024", "75024-12345")
    canadian = ("75024", "M5V", "M5V 3L", "5MV 3L9", "M5V-3L9", "D1A 1A1")
    toronto = {"latitude": 43.64, "longitude": -79.39}
    async with connected(sandbox) as client:
        with nothing_leaves(sandbox):
            for state, codes, where in (("TX", american, {}), ("ON", canadian, toronto)):
                for code in codes:
                    given = {"address": "1 Main St", "state": state, "postal_code": code, **where}
                    found = problems(await call(client, CREATE, **given))
                    assert list(found) == ["postal_code"], (code, found)


async def test_digits_of_another_alphabet_are_not_a_postal_code(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version) as client:
        with nothing_leaves(sandbox):
            for code in ("７５０２４", "٧٥٠٢٤", "७५०२४", "𝟕𝟓𝟎𝟐𝟒", "75024-１２３４"):
                found = problems(await call(client, CREATE, **{**PLANO, "postal_code": code}))
                assert list(found) == ["postal_code"], (code, found)
        # And the server is still there.
        assert not (await call(client, "server_status")).is_error


async def test_a_zip_code_may_have_its_four_digits_more(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for code in ("75024-1234", "750241234", "75024 1234"):
            result = await call(client, CREATE, **plano(postal_code=code))
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox) == {**body_of(sandbox), "zipcode": code, **CENTRE}
    assert len(sandbox.writes) == 3


# Coordinates


async def test_coordinates_left_out_are_the_zip_code_s_and_said_to_be_approximate(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person("decline")
    async with connected(sandbox, version=version, time=time, person=person) as client:
        result = await call(client, CREATE, **PLANO)
        assert any("approximate" in warning for warning in data_of(result)["warnings"])
        assert {name: body_of(sandbox)[name] for name in CENTRE} == CENTRE
        exact = await call(client, CREATE, **plano(), latitude=33.08, longitude=-96.79)
        assert "approximate" not in text_of(exact)
        # Whoever is asked sees it too.
        await call(client, CREATE, **PLANO, allow_duplicate=True)
        assert "approximate" in person.shown[-1]
    assert len(sandbox.writes) == 2


def answered(sandbox: Sandbox, **shown: Any) -> None:
    """RoofLink answers the next create with this beside the ids."""
    body = json.dumps({"id": 900_001, "customer": {"id": 77_001}, **shown})
    sandbox.faults.add(Fault(kind="status", match="POST create_customer", status=201, body=body))


@pytest.mark.parametrize("shown", [{"latitude": 30.27, "longitude": None}, {"latitude": None, "longitude": ""}])
async def test_other_coordinates_than_estimated_ones_are_no_contradiction(
    sandbox: Sandbox, time: Time, shown: dict[str, Any]
):
    async with connected(sandbox, time=time) as client:
        answered(sandbox, **shown)
        assert data_of(await call(client, CREATE, **PLANO))["outcome"] == "done"
        answered(sandbox, id=900_002, **shown)
        exact = await call(client, CREATE, **plano(), latitude=33.08, longitude=-96.79)
        assert data_of(exact)["outcome"] == "unknown"


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        ({"full_address": "1 Elsewhere St, Dallas, TX  75001"}, "unknown"),
        ({"customer": {"id": 9, "name": "Bob Builder"}}, "unknown"),
        ({"customer": {"id": 9, "first_name": "Bob"}}, "unknown"),
        ({"full_address": "4821 JUNIPER HOLLOW DRIVE, Plano, TX  75024"}, "done"),
        ({"customer": {"id": 9, "name": "QUILL, Zóra"}}, "done"),
    ],
)
async def test_another_house_s_record_is_not_the_new_one(
    sandbox: Sandbox, time: Time, shown: dict[str, Any], outcome: str
):
    zora = {"first_name": "Zora", "last_name": "Quill"}
    async with connected(sandbox, time=time) as client:
        answered(sandbox, **shown)
        result = await call(client, CREATE, **PLANO, **zora)
    assert data_of(result)["outcome"] == outcome, text_of(result)


async def test_coordinates_go_out_as_plain_texts(sandbox: Sandbox, time: Time):
    alaska = {"address": "1 Dock St", "state": "AK", "postal_code": "99801"}
    async with connected(sandbox, time=time) as client:
        for latitude, longitude in ((33.0752, -96.7843), (33, -97), (33.07520000001, -96.78430000009)):
            result = await call(client, CREATE, **plano(), latitude=latitude, longitude=longitude)
            assert data_of(result)["outcome"] == "done", text_of(result)
            for name, value in (("latitude", latitude), ("longitude", longitude)):
                sent = body_of(sandbox)[name]
                assert isinstance(sent, str)
                assert float(sent) == pytest.approx(value, abs=1e-6)
                assert "e" not in sent
        result = await call(client, CREATE, **alaska, latitude=58.3, longitude=-134.42)
        assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(sandbox.writes) == 4


WHERE = "latitude, longitude"


async def test_coordinates_that_cannot_be_right_are_refused(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version) as client:

        async def refused(**given: Any) -> dict[str, str]:
            with nothing_leaves(sandbox):
                return problems(await call(client, CREATE, **given))

        swapped = await refused(**TORONTO, latitude=-79.39, longitude=43.64)
        assert "swapped" in swapped[WHERE]
        outside = await refused(**PLANO, latitude=40.71, longitude=-74.0)
        assert "Texas" in outside[WHERE]
        assert "swapped" not in outside[WHERE]
        # Houston is in Texas, and not near Plano.
        far = await refused(**PLANO, latitude=29.76, longitude=-95.37)
        assert "km" in far[WHERE]
        assert WHERE in await refused(**PLANO, latitude=0, longitude=0)
        assert WHERE in await refused(**PLANO, latitude=33.07, longitude=96.78)
        assert list(await refused(**PLANO, latitude=33.07)) == ["longitude"]
        assert list(await refused(**PLANO, longitude=-96.78)) == ["latitude"]
        assert list(await refused(**TORONTO, latitude=43.64)) == ["longitude"]
        for unknown in ({**PLANO, "postal_code": "00000"}, {**TORONTO, "postal_code": "Y9Z 9Z9"}):
            assert "do not guess" in (await refused(**unknown))["postal_code"]


async def test_coordinates_near_the_zip_code_are_taken_as_they_are(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        result = await call(client, CREATE, **plano(), latitude=33.6, longitude=-96.6)  # 60 km to the north
        assert data_of(result)["outcome"] == "done", text_of(result)
        result = await call(client, CREATE, **TORONTO, latitude=43.6426, longitude=-79.3871)
        assert data_of(result)["outcome"] == "done", text_of(result)
        # A ZIP code that nobody knows, with coordinates: they must lie in the state, no more can be said.
        result = await call(client, CREATE, **plano(postal_code="00000"), latitude=33.0, longitude=-96.7)
        assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(sandbox.writes) == 3


async def test_a_coordinate_is_a_number_on_the_globe(sandbox: Sandbox):
    async with connected(sandbox) as client:
        with nothing_leaves(sandbox):
            for value in ("33,07", "33.07 N", True, [33.07], 90.1, -91, float("nan"), float("inf"), 10**400):
                found = problems(await call(client, CREATE, **PLANO, latitude=value, longitude=-96.78))
                assert "latitude" in found, (value, found)
            for value in (180.1, -181, "x"):
                found = problems(await call(client, CREATE, **PLANO, latitude=33.07, longitude=value))
                assert "longitude" in found, (value, found)


# Texts


LIMITS = {
    "address": 200, "postal_code": 12, "lead_status": 50, "lead_source": 50, "first_name": 100, "last_name": 100,
    "city": 100, "county": 100, "cell_phone": 60, "home_phone": 60, "external_id": 100, "email": 254,
}  # fmt: skip


async def test_a_text_too_long_is_refused_with_its_limit(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version) as client:
        with nothing_leaves(sandbox):
            for name, limit in LIMITS.items():
                found = problems(await call(client, CREATE, **{**PLANO, name: "1" * (limit + 1)}))
                assert name in found
                assert str(limit) in found[name], found


async def test_a_text_of_the_longest_allowed_length_goes_out_whole(sandbox: Sandbox, time: Time):
    longest = {
        "address": "é" * 200, "first_name": "x" * 100, "last_name": "y" * 100, "city": "z" * 100, "county": "c" * 100,
        "cell_phone": "9725550142" + " " * 49 + "x", "external_id": "i" * 100,
    }  # fmt: skip
    async with connected(sandbox, time=time) as client:
        result = await call(client, CREATE, **{**PLANO, **longest})
        assert data_of(result)["outcome"] == "done", text_of(result)
        assert body_of(sandbox)["address"] == "é" * 200
        assert body_of(sandbox)["last_name"] == "y" * 100
        result = await call(client, CREATE, **plano(postal_code="75024-1234  "))  # 12 characters
        assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(sandbox.writes) == 2


async def test_what_is_empty_blank_or_no_text_is_refused(sandbox: Sandbox):
    async with connected(sandbox) as client:
        with nothing_leaves(sandbox):
            for name in LIMITS:
                for value in ("", 5, True, ["x"], {"x": 1}):
                    found = problems(await call(client, CREATE, **{**PLANO, name: value}))
                    assert list(found) == [name], (name, value, found)
            assert "address" in problems(await call(client, CREATE, **{**PLANO, "address": " \t"}))
            for name in PLANO:
                without = {key: value for key, value in PLANO.items() if key != name}
                assert problems(await call(client, CREATE, **without)) == {name: "is required"}


async def test_a_text_stays_a_text_whatever_it_looks_like(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        result = await call(client, CREATE, **PLANO, first_name="{}", last_name="[]", city="123", external_id="true")
    assert data_of(result)["outcome"] == "done", text_of(result)
    sent = {name: body_of(sandbox)[name] for name in ("first_name", "last_name", "city", "offline_id")}
    assert sent == {"first_name": "{}", "last_name": "[]", "city": "123", "offline_id": "true"}
    assert len(sandbox.writes) == 1


async def test_all_that_is_wrong_is_reported_at_once(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version) as client:
        with nothing_leaves(sandbox):
            found = problems(
                await call(
                    client,
                    CREATE,
                    address=" ",
                    state="ZZ",
                    latitude="33 N",
                    lead_status="x" * 51,
                    email="nobody",
                    cell_phone="call me",
                    firstName="Dana",
                )
            )
    expected = {"address", "state", "postal_code", "latitude", "lead_status", "email", "cell_phone", "firstName"}
    assert set(found) == expected
    assert "did you mean first_name?" in found["firstName"]


# Lead status, lead source


async def test_documented_lead_statuses_go_out_without_a_word(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for code in LEAD_STATUSES:
            result = await call(client, CREATE, **plano(), lead_status=code)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["lead_status"] == code
            assert not any("lead_status" in warning for warning in data_of(result)["warnings"])
    assert len(sandbox.writes) == 14


async def test_another_lead_status_goes_out_with_a_warning(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for code in ("hot", "U", "x" * 50):
            result = await call(client, CREATE, **plano(), lead_status=code)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["lead_status"] == code
            assert any("lead_status" in warning for warning in data_of(result)["warnings"])
        with nothing_leaves(sandbox):
            assert "lead_status" in problems(await call(client, CREATE, **PLANO, lead_status="x" * 51))
    assert len(sandbox.writes) == 3


async def test_a_lead_source_is_an_id_or_door_knocking(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for source in ("42", "Door Knocking"):
            result = await call(client, CREATE, **plano(), lead_source=source)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["lead_source"] == source
        result = await call(client, CREATE, **plano(), lead_source="Billboard")
        assert data_of(result)["outcome"] == "refused"
        assert "lead_source" in text_of(result)
    assert len(sandbox.writes) == 2


# Contacts


async def test_a_phone_needs_digits_and_is_warned_of_when_it_cannot_be_one(
    sandbox: Sandbox, time: Time, version: Version
):
    async with connected(sandbox, version=version, time=time) as client:
        with nothing_leaves(sandbox):
            for phone in ("call me", "n/a", "-", " "):
                found = problems(await call(client, CREATE, **PLANO, cell_phone=phone, home_phone=phone))
                assert set(found) == {"cell_phone", "home_phone"}, found
        for phone in ("972-555-0142", "+1 (972) 555-0143", "9725550144 ext. 4", "+44 20 7946 0958"):
            result = await call(client, CREATE, **plano(), cell_phone=phone)
            assert body_of(sandbox)["cell"] == phone  # as it was given
            assert not any("cell_phone" in warning for warning in data_of(result)["warnings"])
        for phone in ("12", "555", "123456789012345678"):
            result = await call(client, CREATE, **plano(), home_phone=phone)
            assert body_of(sandbox)["phone"] == phone
            assert any("home_phone" in warning for warning in data_of(result)["warnings"]), phone
    assert len(sandbox.writes) == 7


async def test_an_address_of_mail_must_look_like_one(sandbox: Sandbox, time: Time):
    wrong = ("dana", "dana@", "@example.com", "a@b", "a b@example.com", "a@b@c.de", "a@example..com", "a@.de")
    async with connected(sandbox, time=time) as client:
        with nothing_leaves(sandbox):
            for email in wrong:
                found = problems(await call(client, CREATE, **PLANO, email=email))
                assert list(found) == ["email"], (email, found)
        for email in ("dana.miller@example.com", "d+x@mail.example.org", "josé@example.com"):
            result = await call(client, CREATE, **plano(), email=email)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["email"] == email
    assert len(sandbox.writes) == 3


# Extra information


async def test_extra_info_is_an_object_and_may_come_as_json_text(sandbox: Sandbox, time: Time, version: Version):
    info = {"campaign": "hail", "nested": {"a": [1, None, "x"]}, "ok": False}
    async with connected(sandbox, version=version, time=time) as client:
        for given in (info, json.dumps(info), "  " + json.dumps(info)):
            result = await call(client, CREATE, **plano(), extra_info=given)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert body_of(sandbox)["extra_info"] == info
        result = await call(client, CREATE, **plano(), extra_info={})
        assert data_of(result)["outcome"] == "done"
        with nothing_leaves(sandbox):
            for given in ("campaign", "{", "{'a': 1}", "[1]", "5", "null", 5, True, [info], ""):
                found = problems(await call(client, CREATE, **PLANO, extra_info=given))
                assert list(found) == ["extra_info"], (given, found)
    assert len(sandbox.writes) == 4


async def test_extra_info_that_json_cannot_carry_is_refused_and_leaves_no_trace(sandbox: Sandbox, time: Time):
    """Such values come in as JSON text, which Python's parser reads more freely than JSON allows."""
    deep = "{" + '"a":{' * 400 + "}" * 401
    given = ('{"a": NaN}', '{"a": [Infinity]}', '{"a": 1e999}', '{"a": "\\ud800"}', '{"\\udfff": 1}', deep)
    wrong: dict[str, str] = {}
    async with connected(sandbox, time=time) as client:
        for info in given:
            result = await call(client, CREATE, **plano(), extra_info=info)
            if not result.is_error or "\n- extra_info: " not in text_of(result):
                wrong[info[:20]] = text_of(result).splitlines()[0]
        history = data_of(await call(client, "write_history"))
    assert wrong == {}
    assert history["total"] == 0
    assert sandbox.writes == []
    assert posts(sandbox) == []


async def test_a_number_of_thousands_of_digits_is_refused_and_leaves_no_trace(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        with nothing_leaves(sandbox):
            result = await call(client, CREATE, **PLANO, extra_info={"a": 10**5000})
            assert "extra_info" in problems(result)
        assert data_of(await call(client, "write_history"))["total"] == 0


# Duplicates


async def test_the_service_is_not_asked_to_make_a_duplicate_without_a_person(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person("decline")
    async with connected(sandbox, version=version, time=time, person=person) as client:
        with nothing_is_posted(sandbox):
            result = await call(client, CREATE, **PLANO, allow_duplicate=True)
            assert data_of(result)["outcome"] == "not_approved"
        assert "duplicate" in person.shown[0].lower()
        person.action = "accept"
        result = await call(client, CREATE, **PLANO, allow_duplicate=True)
        assert data_of(result)["outcome"] == "done"
        assert "allow_duplicate" not in body_of(sandbox)
    assert len(person.shown) == 2
    assert len(sandbox.writes) == 1


# What comes back


@pytest.mark.parametrize("took_effect", [True, False])
async def test_after_an_answer_without_an_id_the_lead_is_looked_for(sandbox: Sandbox, time: Time, took_effect: bool):
    bodies = ('{"ok": true}', '{"id": null}', '{"id": "abc"}', "[]", '"created"', "7000101", "null")
    outcome, state = ("done", "done") if took_effect else ("unknown", "unknown")
    async with connected(sandbox, time=time) as client:
        for body in bodies:
            sandbox.faults.add(Fault(kind="status", status=201, body=body, commits=took_effect, match="POST create"))
            sent = len(posts(sandbox))
            result = await call(client, CREATE, **plano())
            assert data_of(result)["outcome"] == outcome, body
            assert result.is_error is not took_effect
            if took_effect:
                assert data_of(result)["record_id"] == sandbox.writes[-1].record_id
                assert "it was done once" in text_of(result)
            else:
                assert "record_id" not in data_of(result)
            assert len(posts(sandbox)) == sent + 1  # and it is not sent again
        states = [row["outcome"] for row in data_of(await call(client, "write_history"))["rows"]]
    assert states == [state] * len(bodies)
    assert len(sandbox.writes) == (len(bodies) if took_effect else 0)


async def test_the_ids_are_found_in_whatever_shape_they_come(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for body, job, customer in (
            ('{"id": 5, "customer": {"id": 6}}', 5, "Customer id: 6"),
            ('{"id": "15", "customer_id": "6"}', 15, "Customer id: 6"),
            ('{"id": 9, "job_id": 25, "customer": 6}', 25, "Customer id: 6"),
            ('{"id": 35}', 35, "no customer id"),
            ('{"id": 45, "customer": "Dana", "unknown": [1]}', 45, "no customer id"),
        ):
            sandbox.faults.add(Fault(kind="status", status=201, body=body, commits=True, match="POST create"))
            result = await call(client, CREATE, **plano())
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert data_of(result)["record_id"] == job
            assert customer in text_of(result)
    assert len(sandbox.writes) == 5


async def test_what_the_service_finds_wrong_is_reported_by_field(sandbox: Sandbox, time: Time):
    body = '{"zipcode": ["Ensure this field has no more than 12 characters."], "cell": ["Bad <b>number</b>\\u202e."]}'
    sandbox.faults.add(Fault(kind="status", status=400, body=body, match="POST create"))
    async with connected(sandbox, time=time) as client:
        result = await call(client, CREATE, **PLANO)
    assert data_of(result)["outcome"] == "refused"
    assert "zipcode" in text_of(result)
    assert "no more than 12 characters" in text_of(result)
    assert "<b>" not in text_of(result)
    assert "\u202e" not in text_of(result)
    assert "LEADBRIDGE_CONTRACT_FILE" in text_of(result)  # the names are inferred
    assert sandbox.writes == []


async def test_a_path_that_was_guessed_wrong_is_said_to_be_guessed(time: Time):
    sandbox = Sandbox(clock=time, create_lead_path="/light/jobs/create-customer-and-job/")
    async with connected(sandbox, time=time) as client:
        result = await call(client, CREATE, **PLANO)
    assert data_of(result)["outcome"] == "refused"
    assert "inferred" in text_of(result)
    assert "LEADBRIDGE_CONTRACT_FILE" in text_of(result)
    assert "rooflink.create_lead" in text_of(result)
    assert sandbox.writes == []


async def test_a_path_and_a_name_can_be_corrected_by_the_user(time: Time, tmp_path):
    path = "/light/leads/"
    sandbox = Sandbox(clock=time, create_lead_path=path, create_lead_names={"postal_code": "postcode"})
    contract = tmp_path / "contract.toml"
    contract.write_text(
        f'[operations."rooflink.create_lead"]\npath = "{path}"\nbody = {{ postal_code = "postcode" }}\n'
    )
    async with connected(sandbox, time=time, contract_file=contract) as client:
        result = await call(client, CREATE, **PLANO)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert body_of(sandbox)["postcode"] == "75024"
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"address": "TBD"}, "could not be compared"),
        ({"address": "Same as mailing"}, "could not be compared"),
        ({"address": "0 Elm St"}, "could not be compared"),
        ({"cell_phone": "555-555-5555"}, "cell_phone looks like a placeholder"),
        ({"email": "none@none.com"}, "email looks like a placeholder"),
        ({**TORONTO, "state": "AB", "latitude": 51.05, "longitude": -114.07}, "M5V 3L9 is in ON, not in AB"),
        ({**TORONTO, "state": "NT", "postal_code": "x1a 1p9", "latitude": 62.45, "longitude": -114.37}, ""),
        ({"cell_phone": "(972) 555-0142", "email": "dana.miller@example.com"}, ""),
    ],
)
async def test_what_cannot_be_compared_or_believed_is_warned_of(
    sandbox: Sandbox, version: Version, given: dict[str, Any], said: str
):
    async with connected(sandbox, version=version) as client:
        receipt = data_of(await call(client, CREATE, **{**PLANO, **given}, dry_run=True))
    doubts = [text for text in receipt.get("warnings", []) if "coordinates" not in text.lower()]
    assert (len(doubts) == 1 and said in doubts[0]) if said else doubts == []
    assert sandbox.writes == []
