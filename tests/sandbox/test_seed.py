from __future__ import annotations

import re

import pytest


@pytest.fixture(scope="module")
def full():
    from datetime import UTC, datetime

    from leadbridge.server.sandbox import Sandbox

    return Sandbox(now=lambda: datetime(2026, 5, 4, 15, 30, tzinfo=UTC))


def test_the_same_seed_makes_the_same_records(make_sandbox):
    first, second, other = (make_sandbox(seed=seed) for seed in (3, 3, 4))
    assert first.prospects == second.prospects
    assert first.leads == second.leads
    assert first.prospects != other.prospects


def test_a_reset_brings_back_what_was_seeded(make_sandbox):
    sandbox, untouched = make_sandbox(), make_sandbox()
    prospects = sandbox.prospects
    prospects.popitem()
    sandbox.leads[812].action = "DECLINED"
    sandbox.reset()
    assert sandbox.prospects is prospects
    assert sandbox.prospects == untouched.prospects
    assert sandbox.leads == untouched.leads


@pytest.mark.parametrize("count", [0, 1, 7500])
def test_there_can_be_as_many_prospects_as_wanted(make_sandbox, count):
    sandbox = make_sandbox(prospects=count)
    assert len(sandbox.prospects) == count
    assert len(sandbox.leads) == 30


def test_people_are_invented(full):
    for row in full.prospects.values():
        assert re.search(r"@example\.(com|org)$|^$", row.customer.email)
        for phone in (row.customer.cell, row.customer.phone):
            assert re.fullmatch(r"(\(\d{3}\) 555-01\d\d)?", phone)
    for lead in full.leads.values():
        assert re.search(r"@example\.(com|org)$", lead.customer_email)
        assert re.search(r"555.01\d\d$", lead.customer_phone)


def test_the_demonstrations_lead_is_new_and_not_yet_a_prospect(full):
    lead = full.leads[812]
    assert (lead.customer_name, lead.action, lead.status.status) == ("Dana Miller", "NONE", "NO_RESPONSE")
    assert lead.customer_address.endswith("Plano, TX 75024")
    assert not [row for row in full.prospects.values() if row.address in lead.customer_address]
    assert lead.customer_phone not in {row.customer.cell for row in full.prospects.values()}


def test_one_new_lead_is_a_prospect_already_in_other_notation(full):
    lead = full.leads[805]
    digits = re.sub(r"\D", "", lead.customer_phone).removeprefix("1")
    (known,) = [row for row in full.prospects.values() if re.sub(r"\D", "", row.customer.cell) == digits]
    assert known.customer.name == lead.customer_name
    assert lead.customer_address.startswith(known.address.upper())
