from __future__ import annotations

import re
from datetime import timedelta

import pytest
import zipcodes

from leadbridge.server.sandbox.new_lead import STATES
from leadbridge.server.sandbox.people import HOSTILE_TEXTS, LONG_NAME
from leadbridge.server.sandbox.places import CANADIAN_PLACES, US_PLACES


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


def test_prospects_are_spread_over_stages_people_regions_and_time(full):
    rows = list(full.prospects.values())
    now = full.options.now()
    assert len(rows) == 150
    assert sum(row.deleted is not None for row in rows) == 15
    assert {row.stage for row in rows} == {"uv", "v", "i", "si", "su"}
    assert len({row.customer.rep.id for row in rows if row.customer.rep}) == 5
    assert len({row.customer.region.id for row in rows}) == 3
    ages = sorted(now - row.created for row in rows)
    assert timedelta(days=1) <= ages[0] < timedelta(days=10)
    assert timedelta(days=180) < ages[-1] <= timedelta(days=200)
    assert all(row.created <= row.edited <= now for row in rows)
    assert [row.id for row in sorted(rows, key=lambda row: row.created)] == sorted(full.prospects)


def test_prospects_have_the_steps_of_their_stage(full):
    for row in full.prospects.values():
        reached = ("uv", "v", "i", "si", "su").index(row.stage)
        assert [step is not None for step in (row.verified, row.meeting, row.submitted)] == [
            reached >= 1,
            reached >= 2,
            reached >= 4,
        ]


@pytest.mark.parametrize("place", US_PLACES, ids=lambda place: place.postal_code)
def test_american_places_are_real(place):
    (known,) = zipcodes.matching(place.postal_code)
    names = {known["city"].casefold(), *(name.casefold() for name in known["acceptable_cities"])}
    assert place.city.casefold() in names
    assert (place.state, place.county) == (known["state"], known["county"])
    assert abs(float(known["lat"]) - place.latitude) < 0.001
    assert abs(float(known["long"]) - place.longitude) < 0.001
    assert place.area_code in known["area_codes"]


def test_canadian_places_have_canadian_postal_codes():
    initial = {"A": "NL", "B": "NS", "H": "QC", "K": "ON", "M": "ON", "R": "MB", "S": "SK", "T": "AB", "V": "BC"}
    for place in CANADIAN_PLACES:
        assert re.fullmatch(r"[A-Z]\d[A-Z] \d[A-Z]\d", place.postal_code)
        assert initial.get(place.postal_code[0], "NT") == place.state
        assert place.state in STATES


def test_people_are_invented(full):
    for row in full.prospects.values():
        assert re.search(r"@example\.(com|org)$|^$", row.customer.email)
        for phone in (row.customer.cell, row.customer.phone):
            assert re.fullmatch(r"(\(\d{3}\) 555-01\d\d)?", phone)
    for lead in full.leads.values():
        assert re.search(r"@example\.(com|org)$", lead.customer_email)
        assert re.search(r"555.01\d\d$", lead.customer_phone)


def test_names_and_texts_are_as_nasty_as_life(full):
    names = " | ".join(row.customer.name for row in full.prospects.values())
    for part in ("José", "Zoë", "王", "محمد", "Unknown", " ".join(LONG_NAME), "\u202e", "\u200b", "<b>"):
        assert part in names
    written = {row.description for row in full.prospects.values()}
    assert set(HOSTILE_TEXTS) <= written
    assert "" in written
    html = " ".join(lead.project_details_html for lead in full.leads.values())
    assert "<system>" in html
    assert "&lt;" in html
    assert "Ignore previous instructions" in " ".join(lead.original_job_description for lead in full.leads.values())


def test_leads_are_in_the_states_that_the_module_names(full):
    assert list(full.leads) == list(range(785, 815))
    assert [lead.id for lead in full.leads.values() if lead.action == "ACCEPTED"] == list(range(785, 797))
    assert [lead.id for lead in full.leads.values() if lead.action == "DECLINED"] == [797, 798, 799]
    assert {lead.id: lead.status.status for lead in full.leads.values() if lead.won} == {
        794: "JOB_WON",
        795: "LEAD_WON",
    }
    created = [lead.created for lead in full.leads.values()]
    assert created == sorted(created)
    assert all(lead.created <= lead.modified <= full.options.now() for lead in full.leads.values())


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
