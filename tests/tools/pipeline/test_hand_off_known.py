"""A hand-off of a lead of which something is known before: accepted, declined, won, in RoofLink already, long ago."""

from __future__ import annotations

import time as clocks
from typing import Any

import pytest

from leadbridge.server.app import build_app_context
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services.renovationfind.models import Lead
from tests.support import Person, Time, Version, call, connected, data_of, make_settings, text_of
from tests.tools.pipeline.handing_off import (
    ACCEPT,
    ALL,
    CREATE,
    GIVEN,
    LEAD,
    NOTE,
    befall,
    hand_off,
    posts_of,
    writes_of,
)

UPDATE = "renovationfind_update_job_status"


async def test_a_lead_accepted_before_is_not_accepted_again(sandbox: Sandbox, time: Time, version: Version) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        await call(client, "renovationfind_accept_lead", lead_id=LEAD)
        receipt = await hand_off(client)
    assert receipt["outcome"] == "done"
    assert writes_of(sandbox) == ALL
    assert "The lead is accepted already." in person.shown[1]


async def test_a_lead_that_is_won_can_still_be_handed_off(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time, approvals="off") as client:
        await call(client, "renovationfind_accept_lead", lead_id=LEAD)
        await call(client, "renovationfind_mark_won", lead_id=LEAD, status="JOB_WON", job_amount=100)
        assert (await hand_off(client))["outcome"] == "done"
    assert writes_of(sandbox)[2:] == [CREATE, NOTE]


@pytest.mark.parametrize("already_accepted", [False, True])
async def test_a_lead_declined_here_is_refused_before_anybody_is_asked(
    sandbox: Sandbox, time: Time, version: Version, already_accepted: bool
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        await call(client, "renovationfind_decline_lead", lead_id=LEAD, reason="Too far away")
        refused = await hand_off(client, already_accepted=already_accepted, **GIVEN)
    assert (refused["outcome"], refused["reason"]) == ("refused", "already_declined")
    assert len(person.shown) == 1
    assert len(sandbox.writes) == 1


async def test_a_lead_seen_by_its_status_only_is_taken_as_accepted(sandbox: Sandbox, time: Time) -> None:
    """785 was accepted elsewhere; the answer to a status shows who it is."""
    async with connected(sandbox, time=time, approvals="off") as client:
        await call(client, UPDATE, lead_id=785, status="QUOTE_SENT")
        receipt = await hand_off(client, lead_id=785)
    assert receipt["outcome"] == "done", receipt
    assert writes_of(sandbox)[1:] == [CREATE, NOTE]


async def test_the_same_with_other_arguments_never_makes_a_second_prospect(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with connected(sandbox, version=version, person=Person(), time=time) as client:
        befall(sandbox, NOTE, "status", status=400)
        first = await hand_off(client)
        others: list[dict[str, Any]] = [
            {"lead_source": "Door Knocking"},
            {"address": "1 Other Rd", "city": "Plano", "state": "TX", "postal_code": "75023"},
            {"allow_duplicate": True},
            {"already_accepted": True, "lead_status": "cb"},
        ]
        for arguments in others:
            again = await hand_off(client, **arguments)
            assert again["outcome"] in {"done", "already_done"}
            assert again["record_id"] == first["record_id"]
    assert writes_of(sandbox) == ALL


async def test_a_month_later_it_is_still_known_to_be_done(sandbox: Sandbox, time: Time) -> None:
    clock = Time(clocks.time())
    async with connected(sandbox, time=time, clock=clock, approvals="off") as client:
        befall(sandbox, CREATE, "status", status=400)
        assert (await hand_off(client))["outcome"] == "partly_done"
        clock.now += 3 * 86_400
        befall(sandbox, NOTE, "status", status=400)
        done = await hand_off(client)
        clock.now += 30 * 86_400
        noted = await hand_off(client)
        clock.now += 30 * 86_400
        last = await hand_off(client)
    assert {done["record_id"], noted["record_id"], last["record_id"]} == {sandbox.writes[1].record_id}
    assert [done["outcome"], noted["outcome"], last["outcome"]] == ["done", "done", "already_done"]
    assert writes_of(sandbox) == ALL


# Duplicates


async def test_a_likely_duplicate_is_created_only_after_a_person_has_been_shown_it(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        there = data_of(await call(client, "rooflink_create_lead", **GIVEN, cell_phone="(972) 555-0142"))["record_id"]
        stopped = await hand_off(client, allow_duplicate=True)  # before anybody could know of it
        assert (stopped["outcome"], stopped["reason"]) == ("partly_done", "likely_duplicate")
        assert f"prospect {there} " in stopped["summary"]
        assert writes_of(sandbox) == [CREATE, ACCEPT]
        refused = await hand_off(client)
        assert refused["reason"] == "likely_duplicate"
        assert len(person.shown) == 1
        person.action = "decline"
        assert (await hand_off(client, allow_duplicate=True))["outcome"] == "not_approved"
        assert f"It resembles prospect {there}, the same house: " in person.shown[-1]
        assert len(sandbox.writes) == 2
        person.action = "accept"
        receipt = await hand_off(client, allow_duplicate=True)
        again = await hand_off(client, allow_duplicate=True)
    assert receipt["outcome"] == "done"
    assert receipt["record_id"] != there
    assert again["record_id"] == receipt["record_id"]
    assert writes_of(sandbox) == [CREATE, *ALL]


async def test_a_duplicate_is_refused_to_a_client_that_cannot_ask_too(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time) as client:
        await call(client, "rooflink_create_lead", **GIVEN)
        token = (await hand_off(client))["approval_token"]
        stopped = await hand_off(client, approval_token=token)
        assert stopped["reason"] == "likely_duplicate"
        asked = await hand_off(client, allow_duplicate=True)
        assert asked["outcome"] == "approval_required"
        assert any("It resembles prospect " in line for line in asked["preview"])
        assert writes_of(sandbox) == [CREATE, ACCEPT]
        assert (await hand_off(client, allow_duplicate=True, approval_token=asked["approval_token"]))[
            "outcome"
        ] == "done"
    assert writes_of(sandbox) == [CREATE, *ALL]


# Tied to a prospect that is there


async def test_a_lead_is_tied_to_a_prospect_that_is_there_and_none_is_created(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        there = data_of(await call(client, "rooflink_create_lead", **GIVEN, cell_phone="(972) 555-0142"))["record_id"]
        stopped = await hand_off(client)
        assert any("existing_prospect_id" in step for step in stopped["next_steps"])
        done = await hand_off(client, existing_prospect_id=there)
        again = await hand_off(client, existing_prospect_id=there)
        plain = await hand_off(client)
        other = await hand_off(client, existing_prospect_id=min(sandbox.prospects))
    assert f"Tie it to prospect {there} in RoofLink. No prospect is created." in person.shown[-1]
    assert (done["outcome"], done["record_id"], done["warnings"]) == ("done", there, [])
    assert [again["outcome"], plain["outcome"]] == ["already_done", "already_done"]
    assert {again["record_id"], plain["record_id"]} == {there}
    assert (other["outcome"], other["reason"]) == ("refused", "already_handed_off")
    assert writes_of(sandbox) == [CREATE, ACCEPT, NOTE]
    assert sandbox.writes[2].body == {"job": there, "message": f"Tied to RenovationFind lead {LEAD} by LeadBridge."}


async def test_a_tie_accepts_the_lead_and_goes_on_after_a_failure(sandbox: Sandbox, time: Time) -> None:
    there = min(sandbox.prospects)
    async with connected(sandbox, time=time, approvals="off") as client:
        befall(sandbox, NOTE, "status", status=400)
        failed = await hand_off(client, existing_prospect_id=there)
        assert failed["outcome"] == "partly_done"
        done = await hand_off(client, existing_prospect_id=there)
    assert done["outcome"] == "done"
    assert any("nothing in common" in warning or "in common" in warning for warning in done["warnings"])
    assert writes_of(sandbox) == [ACCEPT, NOTE]


async def test_a_tie_that_cannot_be_is_refused_before_the_lead_is_accepted(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    there = min(sandbox.prospects)
    wrong: list[dict[str, Any]] = [
        {"existing_prospect_id": 123456789},
        {"existing_prospect_id": there, **GIVEN},
        {"existing_prospect_id": there, "allow_duplicate": True},
    ]
    async with connected(sandbox, version=version, time=time, approvals="off") as client:
        for arguments in wrong:
            assert (await call(client, "hand_off_lead", lead_id=LEAD, **arguments)).is_error
    async with connected(sandbox, version=version, time=time, approvals="off", toolsets="-notes") as client:
        text = text_of(await call(client, "hand_off_lead", lead_id=LEAD, existing_prospect_id=there))
        assert "toolset notes" in text
    assert posts_of(sandbox) == 0


async def test_that_a_prospect_is_deleted_is_said_in_the_question_of_a_tie(sandbox: Sandbox, time: Time) -> None:
    person = Person("decline")
    there = next(row.id for row in sandbox.prospects.values() if row.deleted is not None)
    async with connected(sandbox, person=person, time=time) as client:
        await hand_off(client, existing_prospect_id=there)
    assert f"Prospect {there} is deleted in RoofLink." in person.shown[-1]


# Arguments


async def test_arguments_that_cannot_be_are_reported_all_at_once_and_nothing_is_sent(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        wrong = {"state": "Texas", "postal_code": "1", "cell_phone": "none", "email": "dana@"}
        for arguments in (wrong, {**wrong, "dry_run": True}):
            text = text_of(await call(client, "hand_off_lead", lead_id=LEAD, **arguments))
            for name in wrong:
                assert f"- {name}: " in text
        text = text_of(await call(client, "hand_off_lead", lead_id=LEAD, rep_id=5))
        assert "rep_id" in text
        text = text_of(await call(client, "hand_off_lead", lead_id=LEAD, latitude=33.0))
        assert "longitude" in text
    assert posts_of(sandbox) == 0
    assert not person.shown


async def test_a_place_that_fits_no_state_is_refused_before_it_is_accepted(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time, approvals="off") as client:
        text = text_of(await call(client, "hand_off_lead", lead_id=LEAD, state="CA", postal_code="75024"))
    assert "postal_code" in text
    assert posts_of(sandbox) == 0


async def test_a_zip_code_of_no_table_is_placed_by_those_that_begin_like_it(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    sandbox.leads[LEAD].customer_address = "12 Elm St, Plano, TX 75003"
    async with connected(sandbox, version=version, person=Person(), time=time) as client:
        receipt = await hand_off(client)
    assert receipt["outcome"] == "done"
    assert any("No table has 75003 yet" in warning for warning in receipt["warnings"])
    made = sandbox.prospects[receipt["record_id"]]
    assert (made.latitude, made.longitude) == (pytest.approx(33, abs=1), pytest.approx(-97, abs=1))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("12 Elm St, Baltimore, MD 21301", "postal_code: 21301 is not a ZIP code in use"),
        ("12 Elm St, Plano, CA 75024", "postal_code: 75024 is Plano, TX, but state is CA"),
    ],
)
async def test_a_lead_that_no_coordinates_can_be_found_for_is_not_accepted(
    sandbox: Sandbox, time: Time, state_url: str, version: Version, address: str, said: str
) -> None:
    app = build_app_context(make_settings(state_url=state_url), sandbox=sandbox)
    await app.leads.remember(Lead(id=LEAD, customerAddress=address))
    app.store.close()
    sandbox.leads[LEAD].customer_address = address
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time, state_url=state_url) as client:
        refused = await call(client, "hand_off_lead", lead_id=LEAD)
        assert said in text_of(refused)
        assert (person.shown, sandbox.writes) == ([], [])
        place = {"state": "MD", "latitude": 39.29, "longitude": -76.61, "postal_code": "21301"}
        receipt = await hand_off(client, **place, address="12 Elm St", city="Baltimore")
    assert receipt["outcome"] == "done"
    assert writes_of(sandbox) == ALL
