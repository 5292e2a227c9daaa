from __future__ import annotations

from dataclasses import replace

import pytest

from leadbridge.server.matching.compare import Match, compare
from leadbridge.server.matching.profile import ContactDetails, Profile, profile_of

PHONE = (("cell", "(972) 555-0142"),)


def house(address: str, name: str = "", *, phone: bool = False) -> Profile:
    return profile_of(ContactDetails(address, phones=PHONE if phone else (), name=name))


def both_ways(ours: Profile, theirs: Profile) -> Match:
    match, mirrored = compare(ours, theirs), compare(theirs, ours)
    assert (match.score, match.level) == (mirrored.score, mirrored.level)
    return match


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("Mem. Pkwy", "Memorial Parkway"),
        ("Govt St", "Government Street"),
        ("Brdwy", "Broadway"),
        ("Ok Ridge Ln", "Oak Ridge Lane"),
        ("Univ Ave", "University Avenue"),
        ("Wm. Tell Ct", "William Tell Court"),
        ("Bvr Dm Rd", "Beaver Dam Road"),
        ("Forest Grove Dri", "Forest Grove Drive"),
        ("Frist St", "First Street"),
        ("Stnebridge Rd", "Stonebridge Rd"),
        ("Juniperr Hollw Dr", "Juniper Hollow Dr"),
        ("Vine Steret B", "Vine Street B"),
        ("Meadowveiw Dr", "Meadow View Dr"),
        ("Lorier Ave", "Laurier Ave"),
        ("Southwset 23rd St", "SW 23rd St"),
        ("Shroder Ct", "Schroeder Ct"),
        ("Exprses Drive", "Express Drive"),
    ],
)
def test_a_word_that_no_table_has_is_the_one_that_it_shortens_or_misspells(written, whole):
    ours, theirs = (house(f"402 {street}, Troy, NY 12180") for street in (written, whole))
    assert both_ways(ours, theirs).likely
    assert not both_ways(ours, house(f"404 {whole}, Troy, NY 12180")).likely


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Carol Ave", "Carolina Ave"),
        ("Jack St", "Jackson St"),
        ("Bell Ave", "Bellevue Ave"),
        ("Victor St", "Victoria St"),
        ("Dale Ave", "Dalhousie Ave"),
        ("Sandstone Creek Dr", "Sandstone Ridge Dr"),
        ("Stonebridge Rd", "Stoneridge Rd"),
        ("Clover Pl", "Clover Plz"),
        ("Rose Street", "Rose Street Circle"),
        ("Concession 7", "Concession 8"),
        ("Highway 99W", "Highway 99E"),
        ("Third St", "Thirteenth St"),
        ("Billy White Rd", "Willy White Rd"),
        ("Hill Rd", "Hall Rd"),
        ("rue Saint-Jean", "rue Saint-Jean-Baptiste"),
    ],
)
def test_words_that_streets_have_instead_of_one_another_tell_two_houses_apart(one, other):
    ours, theirs = (house(f"40 {street}, Keene, NH 03431") for street in (one, other))
    assert not both_ways(ours, theirs).likely


@pytest.mark.parametrize(
    ("short", "whole"),
    [("Niag. Falls, ON", "Niagara Falls, ON"), ("Pt. Lambton, ON", "Port Lambton, ON"), ("Brant Twp, MI", "Brant, MI")],
)
def test_a_town_may_be_shortened_too_and_the_house_is_still_found(short, whole):
    ours, theirs = house(f"33 Brck St, {short}"), house(f"33 Brock Street, {whole}")
    assert both_ways(ours, theirs).likely
    assert ours.lookup_keys() & theirs.keys()


def test_the_same_street_and_number_in_another_town_is_one_house_only_with_a_contact_in_common():
    ours = house("4 Mill Rd, Digby, NS", "Jo Rice", phone=True)
    assert both_ways(ours, house("4 Mill Road, Smiths Cove, NS B0V 1A0", "Jo Rice", phone=True)).likely
    assert not both_ways(ours, house("4 Mill Road, Smiths Cove, NS B0V 1A0", "Jo Rice")).likely
    assert not both_ways(ours, house("4 Mill Road, Smiths Cove, NB", "Jo Rice", phone=True)).likely


def test_a_number_and_a_canadian_postal_code_are_one_house_with_a_contact_in_common_whatever_the_street_is_called():
    ours = house("66 ch. du Bord-du-Lac, Pointe-Claire, QC H9S 4H5", "Ann Petrie", phone=True)
    theirs = ContactDetails("66 Lakeshore Rd, Pointe-Claire, QC H9S 4H5", phones=PHONE, name="Ann Petrie")
    assert both_ways(ours, profile_of(theirs)).likely
    assert not both_ways(ours, profile_of(replace(theirs, phones=()))).likely
    for other in ("68 Lakeshore Rd, Pointe-Claire, QC H9S 4H5", "66 3rd Ave, Pointe-Claire, QC H9S 4H5"):
        assert both_ways(ours, profile_of(replace(theirs, address=other))).about != "house"


@pytest.mark.parametrize("other", ["21 Bay Pl", "21 Bay Ave"])
def test_a_namesake_with_another_number_on_a_street_of_another_type_is_not_asked_about(other):
    ours, theirs = (house(f"{street}, Tampa, FL 33602", "Lia Ray") for street in ("11 Bay St", other))
    assert not both_ways(ours, theirs).likely


def test_a_text_that_is_no_street_is_not_compared_word_by_word():
    ours, theirs = (house(f"12 {' '.join([word] * 90)} St, Troy, NY 12180") for word in ("oak", "elm"))
    assert both_ways(ours, theirs).level == "none"


@pytest.mark.parametrize("written", ["Jo Poe 8798 James St", "Poe res. 8798 James Street", "Ring Bell 8798 James St"])
def test_what_is_written_in_front_of_a_house_is_no_part_of_its_street(written):
    ours = house("8798 James Street, Victoria, BC V8X 3X4")
    assert both_ways(ours, house(f"{written}, Victoria, BC V8X 3X4")).likely
    front, rear = (house(f"{side} 8798 James St, Victoria, BC V8X 3X4") for side in ("Front", "Rear"))
    assert not both_ways(front, rear).likely


def test_a_street_that_is_called_by_directions_alone_is_another_one():
    ours, theirs = (house(f"678 {street}, Troy, NY 12180", "Lia Ray") for street in ("Fairlane St", "West North St"))
    assert not both_ways(ours, theirs).likely


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Buckthorn Pl", "Buckhorn Pl"),
        ("Garrett St", "Garnett St"),
        ("Baker Ave", "Barker Ave"),
        ("Hanley Ct", "Hadley Ct"),
    ],
)
def test_two_words_that_streets_have_are_two_streets_unless_a_contact_says_otherwise(one, other):
    addresses = [f"29 {street}, Reno, NV 89511" for street in (one, other)]
    plain, named, known = ([house(address, name, phone=phone) for address in addresses] for name, phone in (
        ("", False), ("Ida Cho", False), ("Ida Cho", True)))  # fmt: skip
    assert not both_ways(*plain).likely
    assert (both_ways(*named).likely, both_ways(*named).about) == (False, "house")
    assert both_ways(*known).likely
    slip = house(addresses[0].replace("e", "ee", 1).replace("o", "oo", 1))
    assert slip.address != plain[0].address
    assert both_ways(plain[0], slip).likely


@pytest.mark.parametrize(
    ("heard", "street"),
    [
        ("Leigh Mill Rd", "Lee Mill Rd"),
        ("Clarke St", "Clark St"),
        ("Allan Ct", "Allen Ct"),
        ("Skoolkill Ave", "Schuylkill Ave"),
    ],
)
def test_what_sounds_alike_is_one_street(heard, street):
    ours, theirs = (house(f"29 {name}, Reno, NV 89511") for name in (heard, street))
    assert both_ways(ours, theirs).likely


def test_a_direction_that_belongs_to_the_name_tells_two_streets_apart():
    def likely(one: str, other: str) -> bool:
        return both_ways(*(house(f"8 {street}, Ely, MN 55731") for street in (one, other))).likely

    assert not likely("North Bay Rd", "Bay Rd")
    assert not likely("East Lake Dr", "Lake Dr")
    assert likely("N Wacker Rd", "Wacker Rd")
    assert likely("North Bay Rd", "N Bay Rd")


def test_a_street_that_was_misheard_takes_name_contact_number_and_town():
    ours = house("615 Parsons Colony Rd, Lima, OH", "Bea Katz", phone=True)
    assert both_ways(ours, house("615 Person's Calling Rd, Lima OH 45801", "Bea Katz", phone=True)).about == "house"
    for other in ("617 Calling Rd, Lima OH", "615 Calling Rd, Dayton OH", "615 3rd Rd, Lima OH"):
        assert both_ways(ours, house(other, "Bea Katz", phone=True)).about == "customer"
    assert not both_ways(ours, house("615 Person's Calling Rd, Lima OH", "Bea Katz")).likely
