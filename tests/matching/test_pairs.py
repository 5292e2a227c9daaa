from __future__ import annotations

from dataclasses import replace

import pytest

from bench.matching import Judged, figures, judge, read_pairs, show_pairs
from leadbridge.server.matching.compare import LIKELY, LISTED, compare
from leadbridge.server.matching.profile import ContactDetails, profile_of

DANA = ContactDetails(
    address="4821 Juniper Hollow Dr, Plano, TX  75024", phones=(("cell", "(972) 555-0142"),), name="Dana Miller"
)


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge(read_pairs())


def test_there_are_enough_pairs_of_both_kinds(judged):
    assert len(judged) >= 600
    assert sum(row.pair.same for row in judged) >= 300
    assert sum(not row.pair.same for row in judged) >= 300


def test_nothing_that_differs_only_in_notation_is_missed(judged):
    rows = [row for row in judged if row.pair.kind.startswith("notation")]
    assert len(rows) >= 150
    missed = [row.pair for row in rows if not row.claimed() or row.match.level != "exact"]
    assert [pair for pair in missed if pair.ours.phones != pair.theirs.phones or pair.ours.address] == []


def test_no_other_unit_of_a_building_is_claimed_or_even_listed(judged):
    rows = [row for row in judged if row.pair.kind == "unit"]
    assert len(rows) >= 30
    assert [row for row in rows if row.match.score >= LISTED] == []


def test_another_property_of_a_customer_is_reported_as_that_and_stops_nothing(judged):
    rows = [row for row in judged if row.pair.label == "customer"]
    assert len(rows) >= 20
    odd = [row for row in rows if row.match.about != "customer" or row.match.likely or row.match.score < LISTED]
    assert odd == []


def test_the_figures_stay_above_their_floor(judged):
    sums = figures(judged)
    assert sums.precision >= 0.99
    assert sums.recall >= 0.97


def test_it_makes_no_difference_which_side_is_compared_with_which(judged):
    odd = [row for row in judged if (row.match.score, row.match.level) != (row.mirrored.score, row.mirrored.level)]
    assert odd == []


def test_what_is_claimed_is_found_by_its_keys(judged):
    lost = [
        row
        for row in judged
        if row.claimed() and not profile_of(row.pair.ours).lookup_keys() & profile_of(row.pair.theirs).keys()
    ]
    assert lost == []


def test_the_tables_name_every_class_and_every_fault(judged):
    lines = list(show_pairs(judged))
    assert sum(line.startswith(("missed", "wrong")) for line in lines) == sum(
        row.claimed() != row.pair.same for row in judged
    )
    assert any(line.startswith("| notation |") for line in lines)


@pytest.mark.parametrize(
    ("other", "likely", "evidence"),
    [
        (
            ContactDetails(address="17 Elm St, Austin, TX", phones=(("home", "972 555 0142"),), name="MILLER DANA"),
            False,
            ("other address", "same phone (home)", "same name"),
        ),
        (
            ContactDetails(address="17 Elm St, Austin, TX", phones=(("cell", "972 555 0142"),), name="Marcus Hayes"),
            False,
            ("other address", "same phone (cell)", "other name"),
        ),
        (
            ContactDetails(address="4812 Juniper Hollow Dr, Plano, TX 75024", name="Dana Miller"),
            True,
            ("same street, house number differs by a digit", "same name"),
        ),
        (
            ContactDetails(address="4821 Juniper Holow Drive, Plano, TX 75024"),
            True,
            ("same address but for: street name differs by one letter",),
        ),
        (ContactDetails(phones=(("cell", "972 555 0142"),)), True, ("same phone (cell)",)),
        (ContactDetails(name="Dana Miller"), False, ("same name",)),
    ],
)
def test_the_evidence_is_reported_in_words(other, likely, evidence):
    match = compare(profile_of(DANA), profile_of(other))
    assert (match.likely, match.evidence) == (likely, evidence)


def test_a_phone_that_many_prospects_share_is_weak():
    other = profile_of(ContactDetails(address="17 Elm St, Austin, TX", phones=(("cell", "972 555 0142"),)))
    alone = compare(profile_of(DANA), other)
    shared = compare(profile_of(DANA), other, frozenset({"p|+19725550142"}))
    assert alone.score > LISTED > shared.score


def test_two_streets_that_the_index_knows_are_not_a_slip_of_the_pen():
    ours = profile_of(ContactDetails(address="12 Ashford Ln, Katy, TX 77494"))
    theirs = profile_of(ContactDetails(address="12 Ashfold Ln, Katy, TX 77494"))
    known = frozenset({"s|77494|ASHFORD", "s|77494|ASHFOLD"})
    assert compare(ours, theirs).likely
    assert compare(ours, theirs, known).level == "none"


@pytest.mark.parametrize(
    ("other", "about"),
    [
        (ContactDetails(address="4821 Juniper Hollow Dr, Plano, TX 75024", name="Marcus Hayes"), "house"),
        (ContactDetails(phones=(("cell", "972 555 0142"),), name="D. Miller"), "person"),
        (ContactDetails(address="17 Elm St, Austin, TX", phones=DANA.phones, name="Dana Miller"), "customer"),
        (ContactDetails(address="17 Elm St, Austin, TX", phones=DANA.phones, name="Chris Miller"), "family"),
        (ContactDetails(address="17 Elm St, Austin, TX", phones=DANA.phones, name="Dane Miller"), "family"),
        (ContactDetails(address="17 Elm St, Austin, TX", phones=DANA.phones, name="Marcus Hayes"), ""),
    ],
)
def test_a_match_says_what_it_is_about(other, about):
    match = compare(profile_of(DANA), profile_of(other))
    assert match.about == about
    assert match.likely is (about in {"house", "person"})


def test_what_is_not_likely_is_only_perhaps_the_same_house():
    def relation(address: str) -> str:
        return compare(profile_of(DANA), profile_of(ContactDetails(address=address, name="Dana Miller"))).relation

    assert relation("4821 Juniper Hollow Drive, Plano, TX 75024") == "the same house"
    assert relation("4821 Juniper Hollow Ct, Plano, TX 75024") == "perhaps the same house"


def test_nothing_is_alike_in_nothing():
    assert compare(profile_of(ContactDetails()), profile_of(ContactDetails())).level == "none"
    assert profile_of(ContactDetails()).empty
    assert LISTED < LIKELY


@pytest.mark.parametrize("longer", ["Boston Post Rd", "Timber Ridge Rd"])
def test_one_word_more_in_front_of_a_street_warns_and_stops_only_the_same_person(longer):
    house, other = (ContactDetails(f"112 {name}, Orange, CT 06477") for name in (longer, " ".join(longer.split()[1:])))
    stranger = compare(profile_of(replace(house, name="Dana Miller")), profile_of(replace(other, name="Bo Frey")))
    assert LISTED <= stranger.score < LIKELY
    assert compare(profile_of(replace(house, name="Dana Miller")), profile_of(replace(other, name="D. Miller"))).likely
    old = ContactDetails(other.address.replace("112 ", "112 Old "), name="Dana Miller")
    assert not compare(profile_of(old), profile_of(replace(other, name="Dana Miller"))).likely


@pytest.mark.parametrize("written", ["RR 3 Box 22", "R.R. 3, #22", "Rural Route 3 #22", "RR#3 #22"])
def test_a_number_behind_a_rural_route_is_its_box(written):
    ours = profile_of(ContactDetails("RR 3 #22, Tyler, TX 75703"))
    assert compare(ours, profile_of(ContactDetails(f"{written}, Tyler, TX 75703"))).level == "exact"
    other = profile_of(ContactDetails(f"{written.replace('22', '23')}, Tyler, TX 75703", name="Dana Miller"))
    assert not compare(ours, other).likely


@pytest.mark.parametrize(
    "written", ["Mr. & Mrs. Alvarez", "Alvarez, Mr. & Mrs.", "M. et Mme Alvarez", "M. & Mme. Alvarez", "Mr/Mrs Alvarez"]
)
def test_a_couple_that_gives_its_family_name_only_has_no_other_words(written):
    assert profile_of(ContactDetails(name=written)).name.words == ("ALVAREZ",)
