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
