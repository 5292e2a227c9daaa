from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.server.matching.names import Likeness, compare_names, name_of
from leadbridge.server.matching.phones import Phone, email_of, is_placeholder, is_shared_mailbox, phones_of
from leadbridge.server.matching.text import fold, plain
from leadbridge.server.text import storable


def phone_of(text: str) -> Phone | None:
    return next((phone for _, phone in phones_of(text)), None)


@given(st.integers(201, 989), st.integers(200, 999), st.integers(0, 9999), st.data())
def test_a_phone_is_the_same_in_every_notation(area, exchange, line, data):
    notations = [
        "({}) {}-{}",
        "{}-{}-{}",
        "{}.{}.{}",
        "{}{}{}",
        "+1 {} {} {}",
        "1-{}-{}-{}",
        "+1 ({}) {}-{}",
        "001 {} {} {}",
    ]
    text = data.draw(st.sampled_from(notations)).format(area, exchange, f"{line:04d}")
    found = phone_of(text)
    plain_form = phone_of(f"({area}) {exchange}-{line:04d}")
    assert found == plain_form
    if found is not None:
        assert phone_of(found.number) == found


@pytest.mark.parametrize(
    "text", ["", "x", "555-0142", "000-000-0000", "9999999999", "123-456-7890", "972", "+", "1" * 40, "ext 5", "\0"]
)
def test_what_is_not_a_number_of_anybody_is_none(text):
    assert phone_of(text) is None


@pytest.mark.parametrize(
    "text", ["972-555-0142 x12", "(972) 555-0142 ext. 12", "972 555 0142 poste 12", "9725550142 #12"]
)
def test_extensions_stand_apart(text):
    found = phone_of(text)
    assert found is not None
    assert (found.number, found.extension) == ("+19725550142", "12")


@given(st.text(max_size=60))
def test_no_phone_and_no_email_is_too_odd(text):
    phone_of(text)
    once = email_of(text)
    assert email_of(once) == once


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Dana.Miller@Example.COM ", "dana.miller@example.com"),
        ('"Dana" <dana@example.com>', "dana@example.com"),
        ("mailto:dana@example.com", "dana@example.com"),
        ("dana+roof@example.com", "dana+roof@example.com"),
        ("none@none.com", ""),
        ("noemail@example.com", ""),
        ("dana@localhost", ""),
        ("dana", ""),
    ],
)
def test_emails_come_in_one_form(text, email):
    assert email_of(text) == email


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("972-555-0142 (wife)", [("", "+19725550142")]),
        ("cell 972-555-0142", [("cell", "+19725550142")]),
        ("(972) 555-0142 home (972) 555-0143 cell", [("home", "+19725550142"), ("cell", "+19725550143")]),
        ("C: 972-555-0142 H: 972-555-0143", [("cell", "+19725550142"), ("home", "+19725550143")]),
        ("9725550142.0", [("", "+19725550142")]),
        ("9.725550142E9", [("", "+19725550142")]),
        ("972-555-0142 / none", [("", "+19725550142")]),
        ("call the office", []),
    ],
)
def test_every_number_in_a_field_is_read_with_what_it_is_called(text, numbers):
    assert [(kind, phone.number) for kind, phone in phones_of(text)] == numbers


@pytest.mark.parametrize(
    "text",
    ["555-123-4567", "000-555-1234", "512-123-4567", "declined@gmail.com", "nomail@nomail.com", "x@x.com"],
)
def test_what_means_no_contact_is_known_by_its_pattern(text):
    assert is_placeholder(text)
    assert phone_of(text) is None
    assert email_of(text) == ""


@pytest.mark.parametrize("text", ["972-555-0142", "nora@gmail.com", "donna@notary.com", "max@xmax.com", "555", "Dana"])
def test_a_contact_of_somebody_is_not_a_placeholder(text):
    assert not is_placeholder(text)


def test_an_office_shares_its_mailbox():
    assert is_shared_mailbox("info@example.com")
    assert not is_shared_mailbox("dana@example.com")


@given(st.permutations(["Dana", "Jean", "Miller"]), st.sampled_from([str.upper, str.lower, str.title]))
def test_the_order_and_case_of_a_name_do_not_matter(words, case):
    assert compare_names(name_of("Dana Jean Miller"), name_of(case(" ".join(words)))) is Likeness.SAME


@given(st.text(max_size=80))
def test_no_name_is_too_odd(text):
    once = name_of(text)
    again = name_of(" ".join(once.words))
    assert compare_names(once, again) in {Likeness.SAME, Likeness.UNKNOWN}
    assert fold(fold(text)) == fold(text)
    assert plain(plain(text)) == plain(text)
    storable(text).encode()


@pytest.mark.parametrize(
    ("ours", "theirs", "likeness"),
    [
        ("Dana Miller", "MILLER, DANA", Likeness.SAME),
        ("José Núñez", "jose nunez", Likeness.SAME),
        ("Mr. Carlos De La Cruz", "Carlos Delacruz", Likeness.SAME),
        ("Siobhán O’Súilleabháin", "Siobhan OSuilleabhain", Likeness.SAME),
        ("王 秀英", "王秀英", Likeness.SAME),
        ("D. Miller", "Dana Miller", Likeness.ALIKE),
        ("Dana J. Miller", "Dana Miller", Likeness.ALIKE),
        ("Bob Reed", "Robert Reed", Likeness.ALIKE),
        ("Dana & Chris Miller", "Dana Miller", Likeness.ALIKE),
        ("J.P. Tremblay", "Jean-Pierre Tremblay", Likeness.ALIKE),
        ("Wm Hale", "William Hale", Likeness.ALIKE),
        ("Paul Saint John", "Paul St. John", Likeness.SAME),
        ("Acme Homes LLC", "Acme Homes, Inc.", Likeness.SAME),
        ("Dana Miller (tenant)", "Dana Miller", Likeness.SAME),
        ("First Baptist Church", "Second Baptist Church", Likeness.FAMILY),
        ("Prince Jones", "Jones", Likeness.FAMILY),
        ("Prince Jones", "Prince", Likeness.GIVEN),
        ("Dana Miller", "Dana Milder", Likeness.TYPO),
        ("Dana Miller", "Chris Miller", Likeness.FAMILY),
        ("Walter Reed Sr", "Walter Reed Jr", Likeness.FAMILY),
        ("Dana Miller", "Dana Cooper", Likeness.GIVEN),
        ("Dana Miller", "Marcus Hayes", Likeness.OTHER),
        ("Dana Miller", "Unknown", Likeness.UNKNOWN),
        ("", "", Likeness.UNKNOWN),
        ("Ann", "Ian", Likeness.OTHER),
    ],
)
def test_how_two_names_relate(ours, theirs, likeness):
    assert compare_names(name_of(ours), name_of(theirs)) is likeness
    assert compare_names(name_of(theirs), name_of(ours)) is likeness
