from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.server.matching.addresses import Address, address_of
from leadbridge.server.matching.places import Where, compare_addresses

NAMES = [
    "Juniper Hollow",
    "Main",
    "Oak Ridge",
    "Pecan Valley",
    "Martin",
    "Saint Clair",
    "14th",
    "Twenty-Third",
    "O'Brien",
]
TYPES = [("St", "Street"), ("Ave", "Avenue"), ("Dr", "Drive"), ("Blvd", "Boulevard"), ("Ln", "Lane"), ("Ct", "Court")]
SIDES = [("", ""), ("N", "North"), ("SW", "Southwest"), ("E", "East"), ("NW", "Northwest")]
TOWNS = [
    ("Plano", "TX", "Texas", "75024", "75024-1187"),
    ("Fort Worth", "TX", "Texas", "76179", "761791234"),
    ("St. John's", "NL", "Newfoundland and Labrador", "A1C 5M2", "a1c5m2"),
    ("Montréal", "QC", "Québec", "H3B 1A7", "H3B1A7"),
    ("Calgary", "AB", "Alberta", "T2P 2M5", "t2p-2m5"),
]
UNITS = ["", "301", "4B", "12"]
MARKS = ["Apt {}", "#{}", "Unit {}", "Ste. {}", "Apt # {}", "Suite {}"]


@st.composite
def notations(draw) -> tuple[str, str]:
    """One address in the service's notation and in another."""
    number, name = draw(st.integers(1, 99_999)), draw(st.sampled_from(NAMES))
    short, long = draw(st.sampled_from(TYPES))
    side, whole_side = draw(st.sampled_from(SIDES))
    before = draw(st.booleans())
    town, state, state_name, postal, other_postal = draw(st.sampled_from(TOWNS))
    unit = draw(st.sampled_from(UNITS))

    def line(side: str, kind: str) -> str:
        words = [side, name, kind] if before else [name, kind, side]
        return " ".join(word for word in words if word)

    plain = f"{number} {line(side, short)}{f' Apt {unit}' if unit else ''}, {town}, {state}  {postal}"
    street = f"{number} {line(draw(st.sampled_from([side, whole_side])), draw(st.sampled_from([short, long])))}"
    if unit and state in {"AB", "NL"} and draw(st.booleans()):
        street = f"{draw(st.sampled_from(['{}-', '#{} - ', '{} - ', 'Unit {}, '])).format(unit)}{street}"
    elif unit:
        street += draw(st.sampled_from([" ", ", "])) + draw(st.sampled_from(MARKS)).format(unit)
    region = f"{draw(st.sampled_from([state, state_name]))} {draw(st.sampled_from([postal, other_postal]))}"
    other = f"{street}, {town}, {region}"
    other += draw(st.sampled_from(["", ", USA" if postal[0].isdigit() else ", Canada"]))
    case = draw(st.sampled_from([str, str.upper, str.lower, str.title]))
    space = draw(st.sampled_from([" ", "  ", "\t"]))
    return plain, case(other).replace(" ", space)


@given(notations())
def test_notation_does_not_matter(pair):
    ours, theirs = (address_of(text) for text in pair)
    assert compare_addresses(ours, theirs).where is Where.SAME, (ours.line, theirs.line)


@given(notations())
def test_normalising_twice_changes_nothing(pair):
    once = address_of(pair[1])
    assert address_of(once.line) == once


@given(st.text(max_size=300))
def test_no_text_is_too_odd(text):
    address = address_of(text)
    assert compare_addresses(address, address).where in {Where.SAME, Where.UNKNOWN, Where.NEAR}
    assert address_of(text) == address


@given(st.text(alphabet="0123456789 ,#-/.NSEWAPT½\n", max_size=60))
def test_no_heap_of_signs_is_too_odd(text):
    assert isinstance(address_of(text), Address)


@pytest.mark.parametrize("part", ["A", "1", "d'", "A.", "# 1 "])
def test_a_text_without_end_is_read_in_one_pass(part):
    """A look at the rest for each letter would take hours."""
    assert address_of(f"12 {part * 500_000} Street", "Plano", "TX", "75024").postal == "75024"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("4821 Juniper Hollow Dr, Plano, TX  75024", "4821 JUNIPER HOLLOW DR, PLANO, TX 75024"),
        ("301-4821 Main St, Calgary, AB", "4821 MAIN ST # 301, CALGARY, AB"),
        ("41-25 Kissena Blvd, Flushing, NY 11355", "4125 KISSENA BLVD, FLUSHING, NY 11355"),
        ("94-123 Waipahu St, Waipahu, HI 96797", "94123 WAIPAHU ST, WAIPAHU, HI 96797"),
        ("123½ Elm St", "123 1/2 ELM ST"),
        ("4821 US-75 N, Plano", "4821 USHWY75 N, PLANO"),
        ("10440 Farm to Market Rd 423, Frisco, TX", "10440 FM423, FRISCO, TX"),
        ("P.O. Box 0882, Plano TX 75024", "PO BOX 882, PLANO, TX 75024"),
        ("1234, rue Sainte-Catherine Ouest, Montréal (Québec) H3B 1A7", "1234 ST CATHERINE ST W, MONTREAL, QC H3B1A7"),
        ("455 boul. René-Lévesque O., bureau 200, Montréal", "455 RENE LEVESQUE BLVD W # 200, MONTREAL"),
        ("700 Avenue Road Toronto ON", "700 AVENUE RD, TORONTO, ON"),
        ("12 Oak Ct", "12 OAK CT"),
        ("12 Oak Ct, 06001", "12 OAK CT, 06001"),
        ("100 West Ave", "100 WEST AVE"),
        ("5 St Clair Ave W, Toronto", "5 ST CLAIR AVE W, TORONTO"),
        ("100 Main St, Building 2, Apt 14", "100 MAIN ST # 14 BLDG 2"),
        ("N 6543 CTH E, Iola, WI", "N6543 COUNTYRD E, IOLA, WI"),
        ("120 NJ-27, Edison", "120 STATEHWY27, EDISON"),
        ("10182-101 Street NW, Edmonton, AB", "10182 101 ST NW, EDMONTON, AB"),
        ("301, 10182-101 St NW, Edmonton, AB", "10182 101 ST NW # 301, EDMONTON, AB"),
        ("Site 12, Box 5, RR 1, Olds, AB T4H 1P4", "PO BOX 5 RR1 SITE12, OLDS, AB T4H1P4"),
        ("123 A, rue Principale, Gatineau (Québec)", "123 PRINCIPALE ST # A, GATINEAU, QC"),
        ("77 Cobb St (dog), Salem, OR 97301 - ring twice", "77 COBB ST, SALEM, OR 97301"),
        ("77 Cobb St Basement Suite, Salem, OR", "77 COBB ST BSMT, SALEM, OR"),
        ("77 Cobb St near the school, Salem, OR", "77 COBB ST, SALEM, OR"),
        ("Civic No. 77 Cobb St, Halifax, NS", "77 COBB ST, HALIFAX, NS"),
        ("100-104 Cobb St, Salem, OR", "100-104 COBB ST, SALEM, OR"),
        ("45 Old Highway 7, Perth", "45 OLD HWY7, PERTH"),
        ("", ""),
        (",,,", ""),
    ],
)
def test_addresses_come_in_one_form(text, line):
    assert address_of(text).line == line


@pytest.mark.parametrize(
    "text",
    ["TBD", "0 Elm St, Plano", "Same as mailing", "N/A", "Unknown, Plano, TX", "...", "General Delivery, Plano, TX"],
)
def test_what_means_no_address_is_none(text):
    assert not address_of(text, "Plano", "TX", "75024").known


def test_a_line_without_commas_is_read_with_the_town_of_the_other_side():
    whole, bare = address_of("814 rue Tessier, Rouyn, QC"), address_of("814 rue Tessier Rouyn QC")
    assert compare_addresses(whole, bare).where is Where.SAME
    assert "ROUYN" in bare.towns()
    assert compare_addresses(address_of("814 rue Rouyn, Laval, QC"), bare).where is Where.OTHER


def test_parts_given_besides_count_more_than_the_text():
    assert address_of("4821 Main St", "Plano", "tx", "75024-1187").line == "4821 MAIN ST, PLANO, TX 75024"
    assert address_of("4821 Main St, Plano TX", "Plano", "TX", "75024").line == "4821 MAIN ST, PLANO, TX 75024"
    assert address_of("14 Elm St", "Boston", "MA", "2116").postal == "02116"


@pytest.mark.parametrize(
    ("ours", "theirs", "where", "reason"),
    [
        ("4821 Main St Apt 1, Plano, TX", "4821 Main St Apt 2, Plano, TX", Where.OTHER_UNIT, ()),
        ("4821 Main St Apt 1, Plano, TX", "4821 Main St, Plano, TX", Where.NEAR, ("unit on one side only",)),
        ("4821 Juniper Dr, Plano", "4821 Junipr Dr, Plano", Where.NEAR, ("street name differs by one letter",)),
        ("4821 Juniper Dr, Plano", "4812 Juniper Dr, Plano", Where.OTHER_NUMBER, ()),
        ("4821 Juniper Dr, Plano", "4999 Juniper Dr, Plano", Where.OTHER, ()),
        ("10 14th St, Plano", "10 15th St, Plano", Where.OTHER, ()),
        ("10 N Main St, Plano", "10 S Main St, Plano", Where.OTHER, ()),
        ("10 Westfield Dr, Plano", "10 Eastfield Dr, Plano", Where.OTHER, ()),
        ("10 N Main St, Plano", "10 Main St, Plano", Where.NEAR, ("direction on one side only",)),
        ("10 Oak Hollow, Plano", "10 Oak Hollow Dr, Plano", Where.NEAR, ("street type on one side only",)),
        ("10 Maple Dr, Katy", "10 Maple Ln, Katy", Where.NEAR, ("street type differs (DR, LN)",)),
        ("10 Maple Dr, Austin, TX", "10 Maple Dr, Dallas, TX", Where.NEAR, ("other town",)),
        ("10 Maple Dr", "10 Maple Dr, Dallas, TX", Where.NEAR, ("town or postal code on one side only",)),
        ("10 FM 423, Frisco", "10 Hwy 423, Frisco", Where.NEAR, ("kind of road on one side only",)),
        ("10 FM 423, Frisco", "10 CR 423, Frisco", Where.OTHER, ()),
        ("", "10 Maple Dr", Where.UNKNOWN, ()),
    ],
)
def test_how_two_addresses_relate(ours, theirs, where, reason):
    place = compare_addresses(address_of(ours), address_of(theirs))
    assert (place.where, place.reasons) == (where, reason)
    mirrored = compare_addresses(address_of(theirs), address_of(ours))
    assert (mirrored.where, mirrored.certainty) == (where, place.certainty)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("nineteen oh four Elm Ave, Troy NY", "1904 ELM AVE, TROY, NY"),
        ("thirty one oh six Cove Road, Biloxi MS", "3106 COVE RD, BILOXI, MS"),
        ("two hundred twenty two Elm St, Troy NY", "222 ELM ST, TROY, NY"),
        ("sept cent douze rue Roy, Magog QC", "712 ROY ST, MAGOG, QC"),
        ("1 8 2 0 Elm St, Troy NY", "1820 ELM ST, TROY, NY"),
        ("6 oh 8 Elm St, Troy NY", "608 ELM ST, TROY, NY"),
        ("1818sandhill rd, Troy NY", "1818 SANDHILL RD, TROY, NY"),
        ("8O5 Elm St, Troy NY 1218O", "805 ELM ST, TROY, NY 12180"),
        ("OH 44256 Medina - Ivy Dr 2907", "2907 IVY DR, MEDINA, OH 44256"),
        ("Unit 6, Reno NV 89503, 77 Vine St", "77 VINE ST # 6, RENO, NV 89503"),
        ("Lot 14 Fox Estates (118 Vixen Run), Troy NY", "118 VIXEN RUN, TROY, NY"),
        ("1465/3 Dory Dr, Troy NY", "1465 DORY DR # 3, TROY, NY"),
        ("1211/2 Dory Dr, Troy NY", "121 1/2 DORY DR, TROY, NY"),
        ("12 5 Ave SW, Calgary AB", "12 5 AVE SW, CALGARY, AB"),
    ],
)
def test_what_is_dictated_scanned_or_in_another_order_is_read(written, read):
    assert address_of(written).line == read


def test_letters_of_another_character_set_are_read_as_what_they_were():
    assert address_of("60 rue FranÃ§ois, LÃ©vis QC") == address_of("60 rue François, Lévis QC")
    assert address_of("60 rue Âge, Lévis QC") == address_of("60 rue Age, Lévis QC")


def test_the_words_of_streets_are_sorted_capitals():
    text = resources.files("leadbridge.server.matching").joinpath("street_words.txt").read_text("utf-8")
    listed = " ".join(line for line in text.splitlines() if not line.startswith("#")).split()
    assert listed == sorted(set(listed))
    assert all(re.fullmatch("[A-Z]{3,}", word) for word in listed)
    assert len(listed) > 10_000
