"""Name and address as RenovationFind gives them, in the parts that RoofLink takes. Nothing is invented."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.matching.text import fold
from leadbridge.server.matching.vocabulary import words
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.rooflink.places import PLACES, PROVINCES
from leadbridge.server.text import clean
from leadbridge.tools.pipeline.lead_parts import address_parts, name_parts, parts_of

Parts = tuple[str, str, str, str]
PLANO: Parts = ("4821 Juniper Hollow Dr", "Plano", "TX", "75024")
MONTREAL: Parts = ("12 Rue Sainte-Anne", "Montréal", "QC", "H2X 1Y4")


def in_parts(address: str) -> Parts:
    parts = address_parts(address)
    assert parts.keys() <= {"address", "city", "state", "postal_code"}
    return parts.get("address", ""), parts.get("city", ""), parts.get("state", ""), parts.get("postal_code", "")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("4821 Juniper Hollow Dr, Plano, TX 75024", PLANO),
        ("4821 Juniper Hollow Dr,Plano,TX,75024", PLANO),
        ("4821 Juniper Hollow Dr, Plano TX 75024", PLANO),
        ("4821 Juniper Hollow Dr, Plano, tx 75024", PLANO),
        ("4821 Juniper Hollow Dr, Plano, Texas 75024, USA", PLANO),
        ("4821 Juniper Hollow Dr, Plano, TX 75024, US", PLANO),
        ("4821 Juniper Hollow Dr, Plano, T.X. 75024, U.S.A.", PLANO),
        ("  4821  Juniper Hollow Dr ,  Plano , TX  75024 . ", PLANO),
        ("4821 Juniper Hollow Dr, Plano, TX 75024-1234", (*PLANO[:3], "75024-1234")),
        ("4821 Juniper Hollow Dr, Apt 5, Plano, TX 75024", ("4821 Juniper Hollow Dr, Apt 5", *PLANO[1:])),
        ("Unit 5, 4821 Juniper Hollow Dr, Plano, TX 75024", ("Unit 5, 4821 Juniper Hollow Dr", *PLANO[1:])),
        ("#5-4821 Elm St, Plano, TX 75024", ("", "", "TX", "75024")),
        ("12 Rue Sainte-Anne, Montréal, QC H2X 1Y4", MONTREAL),
        ("12 Rue Sainte-Anne, Montréal, Québec h2x1y4, Canada", MONTREAL),
        ("12 Rue Sainte-Anne, Montréal (Québec)  H2X-1Y4", MONTREAL),
        ("5 Elm St, Washington DC 20001", ("5 Elm St", "Washington", "DC", "20001")),
        ("5 Elm St, Charlottetown, P.E.I. C1A 1A1", ("5 Elm St", "Charlottetown", "PE", "C1A 1A1")),
        ("5 Elm St, Halifax (Nouvelle-Écosse) B3H 1A1", ("5 Elm St", "Halifax", "NS", "B3H 1A1")),
        ("12 Rue Sainte-Anne, Montréal QC  H2X-1Y4, CA", MONTREAL),
        ("1 A St, St. John's, Newfoundland and Labrador A1A 1A1", ("1 A St", "St. John's", "NL", "A1A 1A1")),
        ("5 Elm St, Washington, D.C. 20001", ("5 Elm St", "Washington", "DC", "20001")),
        ("5 Elm St, New York, New York 10001", ("5 Elm St", "New York", "NY", "10001")),
        ("5 Elm St, Kansas City, Missouri 64105", ("5 Elm St", "Kansas City", "MO", "64105")),
        ("5 Elm St, Charleston, West Virginia 25301", ("5 Elm St", "Charleston", "WV", "25301")),
        ("5 Elm St, Stamford, Ct 06901", ("5 Elm St", "Stamford", "CT", "06901")),
        ("45 King St, Ontario, CA 91764", ("45 King St", "Ontario", "CA", "91764")),
        # the rest lacks something, or could be read in two ways
        ("4821 Juniper Hollow Dr, Plano, TX", (*PLANO[:3], "")),
        ("4821 Juniper Hollow Dr, TX 75024", ("", "", "TX", "75024")),
        ("4821 Juniper Hollow Dr Plano TX 75024", ("", "", "TX", "75024")),
        ("4821 Juniper Hollow Dr, Plano 75024", ("", "", "", "")),
        ("4821 Juniper Hollow Dr, Plano, 75024", ("", "", "", "75024")),
        ("4821 Juniper Hollow Dr, Apt B, TX 75024", ("", "", "TX", "75024")),
        ("4821 Juniper Hollow Dr, Plano, Collin County, TX 75024", ("", "", "TX", "75024")),
        ("Plano, Collin Park, TX 75024", ("", "", "TX", "75024")),
        ("4821 Juniper Hollow Ct", ("", "", "", "")),
        ("4821 Juniper Hollow Ct 75024", ("", "", "", "")),
        ("Apt 5, 4821 Juniper Hollow Ct", ("", "", "", "")),
        ("County Road 12345", ("", "", "", "")),
        ("PO Box 12345", ("", "", "", "")),
        ("45 King St, Ontario 91764", ("", "", "", "")),
        ("45 Ocean Ave, Los Angeles 90012, CA", ("", "", "CA", "")),
        ("١٢ شارع, Plano, TX ٧٥٠٢٤", ("", "", "", "")),
        ("東京都千代田区1-1", ("", "", "", "")),
        ("TX", ("", "", "", "")),
        ("75024", ("", "", "", "")),
        (",,, , ,", ("", "", "", "")),
        ("", ("", "", "", "")),
        (f"{'9' * 201} St, Plano, TX 75024", ("", "", "TX", "75024")),
        (f"9 Elm St, {'o' * 101}, TX 75024", ("", "", "TX", "75024")),
    ],
)
def test_an_address_is_taken_apart_as_far_as_it_is_plain(address: str, parts: Parts) -> None:
    assert in_parts(address) == parts


@pytest.mark.parametrize("code", PLACES)
def test_every_state_is_known_by_its_code_and_its_name(code: str) -> None:
    postal_code = "K1A 0B1" if code in PROVINCES else "75024"
    for form in (code, code.lower(), PLACES[code][0], PLACES[code][0].upper()):
        assert in_parts(f"5 Elm St, Springfield, {form} {postal_code}") == (
            "5 Elm St",
            "Springfield",
            code,
            postal_code,
        )


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Dana Miller", "Dana", "Miller"),
        ("Miller, Dana", "Dana", "Miller"),
        ("Dana J. Miller", "Dana J.", "Miller"),
        ("Dr. Dana Miller", "Dana", "Miller"),
        ("Dana Miller Jr.", "Dana", "Miller Jr."),
        ("Juan de la Vega", "Juan", "de la Vega"),
        ("Zoë O’Brien-Łukasz", "Zoë", "O’Brien-Łukasz"),
        ("李小龙", "", "李小龙"),
        ("محمد علي", "محمد", "علي"),
        ("Cher", "Cher", ""),
        ("Prince Jones", "Prince", "Jones"),
        ("King Smith", "King", "Smith"),
        ("A and B", "A and B", ""),
        ("John and Mary Smith", "John and Mary", "Smith"),
        ("First Baptist Church", "", "First Baptist Church"),
        ("St. Mary's Church", "", "St. Mary's Church"),
        ("Acme Roofing LLC", "", "Acme Roofing LLC"),
        ("Miller & Sons, Inc.", "", "Miller & Sons, Inc."),
        ("Oak Park Homeowners Association", "", "Oak Park Homeowners Association"),
        ("Unknown", "", ""),
        ("N/A", "", ""),
        ("-", "", ""),
        ("(972) 555-0142", "", ""),
        ("", "", ""),
        ("x" * 101, "", ""),
    ],
)
def test_a_name_is_split_and_a_companys_is_kept_whole(name: str, first: str, last: str) -> None:
    parts = name_parts(name)
    assert (parts.get("first_name", ""), parts.get("last_name", "")) == (first, last)


@pytest.mark.parametrize(
    ("name", "unsent"),
    [
        ("Mr. and Mrs. Dana Miller", "Mr. and Mrs."),
        ("Dana Miller (tenant)", "(tenant)"),
        ('Robert "Bob" Miller', '"Bob"'),
        ("Prince Dana Miller", ""),
    ],
)
def test_what_of_a_name_is_not_sent_is_said(name: str, unsent: str) -> None:
    warning = parts_of(Lead(id=1, customerName=name)).left_out.get("name", "")
    assert unsent in warning
    assert bool(warning) is bool(unsent)


@pytest.mark.parametrize(
    "phone", ["(972) 555-0142", "+1 972.555.0142", "9725550142 ext. 12", "(+1) 972-555-0142 x5", "555-123-4567"]
)
def test_a_phone_alone_is_kept_as_it_is(phone: str) -> None:
    parts = parts_of(Lead(id=1, customerPhone=phone))
    assert (parts.values, parts.left_out) == ({"cell_phone": phone}, {})


@pytest.mark.parametrize(
    ("phone", "cell", "home"),
    [
        ("972-555-0142 (wife)", "(972) 555-0142", ""),
        ("9725550142.0", "(972) 555-0142", ""),
        ("972-555-0142 or 972-555-0143", "(972) 555-0142", "(972) 555-0143"),
        ("(972) 555-0142 home, (972) 555-0143 cell", "(972) 555-0143", "(972) 555-0142"),
        ("972-555-0142 home x12", "", "(972) 555-0142"),
        ("call after 5: +44 20 7946 0018", "+44 20 7946 0018", ""),
    ],
)
def test_phones_among_words_go_each_to_its_field_and_it_is_said(phone: str, cell: str, home: str) -> None:
    parts = parts_of(Lead(id=1, customerPhone=phone))
    assert (parts.values.get("cell_phone", ""), parts.values.get("home_phone", "")) == (cell, home)
    assert phone in parts.left_out["phone"]


@pytest.mark.parametrize("phone", ["call after 5", "none"])
def test_what_is_not_a_phone_is_left_out_and_said_so(phone: str) -> None:
    parts = parts_of(Lead(id=1, customerPhone=phone))
    assert (dict(parts.values), set(parts.left_out)) == ({}, {"cell_phone"})


@pytest.mark.parametrize(
    "email", ["dana@", "dana", "a@b@c.com", '"x y"@example.com', "Dana <d@example.com>", "d@-.com"]
)
def test_a_broken_email_is_left_out_and_said_so(email: str) -> None:
    parts = parts_of(Lead(id=1, customerEmail=email))
    assert (dict(parts.values), set(parts.left_out)) == ({}, {"email"})


def test_what_reads_as_nothing_or_was_damaged_is_left_out_and_said_so() -> None:
    parts = parts_of(Lead(id=1, customerName="Dana undefined", customerAddress="4821 Elm St, null, TX 75024"))
    assert dict(parts.values) == {
        "first_name": "Dana", "address": "4821 Elm St", "state": "TX", "postal_code": "75024",
    }  # fmt: skip
    assert set(parts.left_out) == {"last_name", "city"}
    parts = parts_of(Lead(id=1, customerName="Zo\ufffd Miller"))
    assert (dict(parts.values), set(parts.left_out)) == ({"last_name": "Miller"}, {"first_name"})


def test_a_lead_that_says_nothing_gives_nothing() -> None:
    for lead in (Lead(id=1), Lead(id=1, customerName="", customerAddress="", customerPhone="", customerEmail="")):
        parts = parts_of(lead)
        assert not parts.values
        assert not parts.left_out


# Whatever the text is

_CHUNKS = st.sampled_from(
    [*PLACES, *(name for name, _ in PLACES.values()), "4821 Elm Ct", "Apt 5", "75024", "K1A 0B1", "H2X1Y4", "USA", "CA"]
)
_LINES = st.lists(_CHUNKS | st.text(max_size=12), max_size=8).flatmap(
    lambda chunks: st.sampled_from([", ", " ", ",", "\n", " - "]).map(lambda between: between.join(chunks))
)


def squeezed(text: str) -> str:
    return re.sub(r"[\s-]", "", text).upper()


@settings(max_examples=300)
@given(_LINES | st.text(max_size=300))
@example("4821 Juniper Hollow Dr, Plano, TX 75024")
def test_no_address_makes_it_fail_or_invent(address: str) -> None:
    shown = clean(address, limit=300)
    parts = address_parts(shown)
    for name in ("address", "city"):
        assert parts.get(name, "") in " ".join(shown.split())
    assert squeezed(parts.get("postal_code", "")) in squeezed(shown)
    if state := parts.get("state"):
        forms = [form.replace(" ", "") for form, code in words().places.states.items() if code == state]
        assert any(form in fold(shown).replace(" ", "") for form in forms)
    assert len(parts.get("address", "")) <= 200
    assert ("address" in parts) is ("city" in parts)


_WORDS = st.sampled_from(["Dana", "de la", "Miller", "Jr.", ",", "&", "Dr.", '"Bob"', "(x)", "LLC"])


@settings(max_examples=300)
@given(st.text(max_size=120) | st.lists(_WORDS, max_size=8).map(" ".join))
def test_no_name_makes_it_fail_or_invent(name: str) -> None:
    shown = clean(name, limit=200)
    parts = name_parts(shown)
    assert parts.keys() <= {"first_name", "last_name"}
    left = shown
    assert all(0 < len(value) <= 100 for value in parts.values())
    for word in sorted(" ".join(parts.values()).replace(",", " ").split(), key=len, reverse=True):
        assert word in left, (shown, parts)
        left = left.replace(word, " ", 1)
