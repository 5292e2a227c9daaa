"""What of a write's arguments may stand in the history: ids, codes, money and dates; of everything else its length."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.server.writes.ledger import masked
from leadbridge.tools import ALL_TOOLS

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure

PERSONAL = {
    "address", "city", "county", "postal_code", "latitude", "longitude", "first_name", "last_name", "cell_phone",
    "home_phone", "phone", "email", "extra_info", "external_id", "reason", "name", "message", "tags", "description",
    "file_path", "password", "customer_first_name", "customer_last_name", "customer_company_name", "customer_email",
    "customer_cell", "customer_phone", "sales_email", "vendor_name", "approval_token",
}  # fmt: skip
PLAIN = {
    "lead_id": 812, "prospect_id": 7, "job_id": 7, "customer_id": 5, "status": "JOB_WON", "job_amount": 18500.5,
    "state": "TX", "meeting_scheduled_date": "2026-05-04",
    "estimated_project_start_date": "2026-05-04", "estimated_completion_date": "2026-06-04", "start_date_tbd": True,
    "completion_date_tbd": False, "contact_method": "TEXT", "estimate_type": "OTHER", "lost_reason": "PRICE",
    "send_gift": False, "renewal": True, "skip_duplicates": True, "allow_duplicate": False,
}  # fmt: skip

VALUES = st.recursive(
    st.one_of(st.text(min_size=4, max_size=30), st.integers(1_000, 10**12), st.floats(1e3, 1e9)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.text(min_size=4, max_size=8), inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in (str(key), *leaves(inner))]
    return [text for inner in value for text in leaves(inner)] if isinstance(value, list) else [str(value)]


def test_ids_codes_money_and_dates_stand_as_they_are() -> None:
    assert masked(PLAIN) == PLAIN


@pytest.mark.parametrize("name", sorted(PERSONAL))
@pytest.mark.parametrize(
    "value", ["Dana Miller, 4821 Juniper Hollow Dr", {"gate": "4821"}, ["Dana", "Miller"], 48_215_555]
)
def test_personal_values_are_masked_to_their_length(name: str, value: Any) -> None:
    stored = masked({name: value})[name]
    assert isinstance(stored, str)
    assert re.fullmatch(r"<\d+ (characters|fields)>", stored)


@unhurried
@given(st.dictionaries(st.text(min_size=1, max_size=12).filter(lambda name: name not in PLAIN), VALUES, max_size=5))
def test_nothing_of_a_value_under_a_name_that_nobody_listed_comes_through(arguments: dict[str, Any]) -> None:
    stored = masked(arguments)
    assert set(stored) == set(arguments)
    from leadbridge.server.writes.ledger import _PLAIN

    for name, value in arguments.items():
        if name not in _PLAIN:
            shown = str(stored[name])
            assert re.fullmatch(r"<\d+ (characters|fields)>", shown)
            assert not any(
                leaf in shown for leaf in leaves(value) if len(leaf) > 4 and leaf not in "<characters> <fields>"
            )


@unhurried
@given(st.dictionaries(st.sampled_from([*PERSONAL, *PLAIN]), st.one_of(st.none(), VALUES)))
def test_the_result_is_json_and_leaves_out_what_was_not_given(arguments: dict[str, Any]) -> None:
    stored = masked(arguments)
    assert json.loads(json.dumps(stored)) == stored
    assert set(stored) == {name for name, value in arguments.items() if value is not None}


def test_the_length_is_that_of_the_text() -> None:
    assert masked({"reason": "Ünïcödé"}) == {"reason": "<7 characters>"}
    assert masked({"extra_info": {"a": 1, "b": 2}}) == {"extra_info": "<2 fields>"}
    assert masked({"reason": ""}) == {"reason": "<0 characters>"}


def test_every_argument_of_every_write_is_decided_upon_in_this_file() -> None:
    """A new argument is personal until somebody has thought about it: it is in one of the two lists above."""
    control = {"dry_run", "approval_token"}
    ours = {spec.name for spec in ALL_TOOLS if spec.effect.writes and spec.operations}
    seen = {name for spec in ALL_TOOLS if spec.name in ours for name in spec.build().parameters["properties"]} - control
    from leadbridge.server.writes.ledger import _PLAIN

    assert {name for name in seen if name in _PLAIN} & PERSONAL == set()
    texts = {name for name in seen if name in _PLAIN and name not in PLAIN}
    codes_and_ids = {"job_type", "bid_type", "notify_rep", "notify_customer"}
    assert {name for name in texts if not name.endswith("_id") and name not in codes_and_ids} == set()
