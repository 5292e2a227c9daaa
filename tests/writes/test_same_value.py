"""What counts as the value that was sent, when an answer shows it in another form."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from leadbridge.server.catalog import load
from leadbridge.server.writes.same_value import Rule, agrees

AMOUNT = load()["renovationfind.mark_won"].body["job_amount"]


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        (18500.0, True),
        ("18500", True),
        ("$18,500.00", True),
        ("CAD 18,500.00", True),
        ("18500 USD", True),
        ("CA$18,500", True),
        ("CAD 1,850.00", False),
        ({"amount": 1850, "currency": "CAD"}, False),
        ("18.5k", None),
        ("18,500.", True),
        ("1,018,500", False),
        ("18,501", False),
        ("185,00", None),
        ("1,8500", None),
        ("18.500,00", None),
        ("18,500,00", None),
        (",18500", None),
        ("18500,", None),
    ],
)
def test_a_comma_parts_thousands_or_an_amount_says_nothing(shown: JsonValue, verdict: bool | None) -> None:
    assert agrees(Rule(AMOUNT, whole_days=False, sets=True), 18_500, shown) is verdict


ADDRESS = load()["rooflink.create_lead"].body["address"]


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ("9 Heron Ridge Road", True),
        ("9 HERON RIDGE RD.", True),
        ("9 Heron Ridge Road, Plano, TX 75024", True),
        ("9 Heron Ridge Rd, Plano, TX", True),
        ("19 Heron Ridge Rd", False),
        ("9 Heron Ridge Ct", False),
        ("9 E Heron Ridge Rd", False),
        ("9A Heron Ridge Rd", False),
        ("9 Herron Ridge Rd, Plano, TX 75024", False),
    ],
)
def test_a_street_without_its_town_is_the_same_in_another_notation(shown: str, same: bool) -> None:
    """The town goes out in a field of its own."""
    assert agrees(Rule(ADDRESS, whole_days=False, sets=False), "9 Heron Ridge Rd", shown) is same


@pytest.mark.parametrize("shown", ["18 Heron Wy, TX  75024", "18 HERON WAY, Plano, TX 75024", "18 Heron Wy, 75024"])
def test_a_type_of_street_is_not_taken_for_a_state(shown: str) -> None:
    assert agrees(Rule(ADDRESS, whole_days=False, sets=False), "18 Heron Wy", shown)


@pytest.mark.parametrize(
    ("sent", "shown", "same"),
    [
        ("75024", "75024-1234", True),
        ("75024-1234", "75024", True),
        ("75024-1234", "75024-1235", False),
        ("75024", "75042-1234", False),
        ("75024", "750241", False),
        ("K1A 0B1", "k1a0b1", True),
        ("K1A 0B1", "K1A0B2", False),
    ],
)
def test_a_zip_code_is_the_same_with_its_four_digits_more(sent: str, shown: str, same: bool) -> None:
    rule = Rule(load()["rooflink.create_lead"].body["postal_code"], whole_days=False, sets=False)
    assert agrees(rule, sent, shown) is same


def test_another_town_is_another_address() -> None:
    rule = Rule(ADDRESS, whole_days=False, sets=False)
    assert agrees(rule, "9 Elm St, Austin, TX", "9 Elm Street, Dallas, TX") is False
    assert agrees(rule, "9 Elm St, Plano, TX 75024", "9 Elm Street, Plano, TX 75023") is False


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ("PREMIUM", True),
        ("premium", True),
        (2, True),
        ("2", True),
        (1, False),
        ({"name": "BASIC"}, False),
        ("2 - PREMIUM", False),
    ],
)
def test_a_number_that_has_a_name_may_be_shown_by_it(shown: JsonValue, same: bool) -> None:
    package = load()["renovationfind.update_subscription"].body["package_type"]
    assert agrees(Rule(package, whole_days=False, sets=False), 2, shown) is same


@pytest.mark.parametrize(
    ("shown", "same"),
    [("31.12.2026", True), ("31 Dec 2026", True), ("Dec 31, 2026", True), ("30.12.2026", False), ("soon", None)],
)
def test_a_day_is_read_in_the_forms_that_mean_one_day_only(shown: str, same: bool | None) -> None:
    end = load()["renovationfind.update_subscription"].body["subscription_end_date"]
    assert agrees(Rule(end, whole_days=False, sets=False), "31/12/2026", shown) is same


@pytest.mark.parametrize(
    ("sent", "shown", "same"),
    [
        ("José", "Jose Núñez", True),
        ("Núñez", "NUNEZ, Jose", True),
        ("Zora", "Bob Builder", False),
        ("De La Cruz", "Ana de la Cruz", True),
    ],
)
def test_a_part_of_a_name_stands_in_the_whole(sent: str, shown: str, same: bool) -> None:
    name = load()["rooflink.create_lead"].body["first_name"]
    assert agrees(Rule(name, whole_days=False, sets=False), sent, shown) is same
