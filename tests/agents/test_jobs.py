"""Whole jobs of an agent that follows the server's prompts: what is written, and what the user was shown first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leadbridge.server.sandbox import Sandbox
from tests.agents import jobs
from tests.agents.scripted import Office, User, Way, office
from tests.support import Time, Version

NEW, ACCEPTED = 812, 785
KNOWN = "Dana Miller, 4821 Juniper Hollow Dr"
MISSING = {"address": "4821 Juniper Hollow Dr", "state": "TX", "postal_code": "75024"}
STALE_DAYS = 30


@pytest.fixture(params=["asked", "token"])
def way(request: pytest.FixtureRequest) -> Way:
    """Whether the host puts forms before the user, or the agent shows the previews."""
    return request.param


def knows(**answers: str) -> Callable[[str], str]:
    """A user who gives the first answer whose key the agent's words contain, with blanks for underscores."""

    def answer(words: str) -> str:
        return next(text for key, text in answers.items() if key.replace("_", " ") in words)

    return answer


def operations(sandbox: Sandbox) -> list[str]:
    return [write.operation.rpartition("/general-leads/{lead_id}")[2].strip("/") for write in sandbox.writes]


async def spoken(room: Office, version: Version) -> None:
    assert room.toolset.client.protocol_version == ("2025-11-25" if version == "legacy" else "2026-07-28")


# A new lead becomes a prospect


async def test_a_new_lead_is_looked_up_accepted_and_handed_off(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(accept="accept"))
    async with office(sandbox, time, version, way, user) as room:
        await spoken(room, version)
        summary, calls = await room.do("triage_new_lead", jobs.triage, lead_id=str(NEW), known=KNOWN)
        assert "phone: (972) 555-0142" in summary
        assert [call.tool for call in calls][:2] == ["find_matching_prospects", "renovationfind_accept_lead"]
        assert "Matches: none; 150 of 150 prospects were compared." in user.heard[0]
        assert operations(sandbox) == ["accept"]
        summary, calls = await room.do("hand_off", jobs.hand_off, lead_id=str(NEW))
    made = sandbox.prospects[sandbox.writes[1].record_id]
    assert f"Prospect {made.id}." in summary
    assert len(calls) == (1 if way == "asked" else 2), "the token's call is the second"
    assert (made.address, made.customer.first_name) == ("4821 Juniper Hollow Dr", "Dana")
    assert len(sandbox.writes) == 3
    accept, hand_off = user.approved
    assert "Accept lead 812 on RenovationFind." in accept
    assert "The lead is accepted already." in hand_off
    assert "4821 Juniper Hollow Dr" in hand_off


async def test_a_triage_that_ends_in_rooflink_asks_for_one_approval(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(leave_it="into RoofLink"))
    async with office(sandbox, time, version, way, user) as room:
        summary, calls = await room.do("triage_new_lead", jobs.triage, lead_id=str(NEW), known=KNOWN)
    assert "done: " in summary
    assert len(user.approved) == 1
    assert list(dict.fromkeys(call.tool for call in calls)) == ["find_matching_prospects", "hand_off_lead"]
    assert operations(sandbox) == ["accept", "POST /light/jobs/create_customer_and_job", "POST /light/notes"]


async def test_what_was_seen_of_a_lead_before_need_not_be_told(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(leave_it="leave"))
    async with office(sandbox, time, version, way, user) as room:
        await room.toolset.client.call_tool(
            "renovationfind_update_job_status", {"lead_id": ACCEPTED, "status": "QUOTE_SENT"}
        )
        _, calls = await room.do("triage_new_lead", jobs.triage, lead_id=str(ACCEPTED))
    lead = sandbox.leads[ACCEPTED]
    assert calls[0].arguments["name"] == lead.customer_name
    assert calls[0].arguments["phone"] == lead.customer_phone


async def test_what_renovationfind_does_not_say_is_asked_of_the_user_by_name(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    sandbox.leads[NEW].customer_address = "Juniper Hollow, near the school"
    given = "\n".join(f"{name}: {value}" for name, value in MISSING.items())
    user = User(knows(does_not_tell_these=given))
    async with office(sandbox, time, version, way, user) as room:
        summary, _ = await room.do("hand_off", jobs.hand_off, lead_id=str(NEW))
    assert user.heard[0 if way == "asked" else 1].startswith(
        "RenovationFind does not tell these: address, state, postal_code."
    )
    assert operations(sandbox)[0] == "accept"
    assert len(sandbox.writes) == 3
    made = sandbox.prospects[sandbox.writes[1].record_id]
    assert (made.address, made.city, made.state, made.zipcode) == (MISSING["address"], "", "TX", "75024")
    assert f"Prospect {made.id}." in summary
    assert len(user.approved) == 2


async def test_a_lead_that_is_not_wanted_is_declined_with_the_users_reason(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(leave_it="decline", What_reason="Too far away"))
    async with office(sandbox, time, version, way, user) as room:
        summary, _ = await room.do("triage_new_lead", jobs.triage, lead_id=str(NEW), known=KNOWN)
    assert "Lead 812 is declined." in summary
    assert "Too far away" in user.approved[0]
    assert operations(sandbox) == ["decline"]
    assert sandbox.leads[NEW].decline_reason == "Too far away"


# A won lead is closed


async def test_a_won_lead_is_closed_for_the_amount_that_the_user_gave(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(Right="yes", noted_in_RoofLink="no"))
    async with office(sandbox, time, version, way, user) as room:
        arguments = {"lead_id": str(ACCEPTED), "status": "JOB_WON", "job_amount": "18,500"}
        summary, calls = await room.do("close_won_lead", jobs.close, **arguments)
    assert "JOB_WON for 18,500.00" in summary
    assert "JOB_WON for 18,500.00" in user.approved[0]
    assert len(user.approved) == 1
    assert operations(sandbox) == ["status"]
    assert sandbox.leads[ACCEPTED].status.job_amount == 18_500
    assert {call.tool for call in calls} == {"renovationfind_mark_won"}


async def test_what_is_not_given_is_asked_and_the_win_is_noted_where_the_user_says(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    prospect = max(sandbox.prospects)
    user = User(knows(for_what_amount="JOB_WON 9250.50", Right="yes", noted_in="yes", Which=str(prospect)))
    async with office(sandbox, time, version, way, user) as room:
        summary, _ = await room.do("close_won_lead", jobs.close, lead_id=str(ACCEPTED))
    assert operations(sandbox) == ["status", "POST /light/notes"]
    assert sandbox.leads[ACCEPTED].status.job_amount == 9250.5
    assert sandbox.writes[1].body == {"job": prospect, "message": "JOB_WON for 9250.50."}
    assert summary.count("done: ") == 2


async def test_a_lead_that_is_won_already_is_left_alone(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    user = User(knows(Right="yes", noted_in_RoofLink="no"))
    won = {"lead_id": "794", "status": "JOB_WON", "job_amount": "1"}
    async with office(sandbox, time, version, way, user) as room:
        summary, _ = await room.do("close_won_lead", jobs.close, **won)
    assert "cannot be changed" in summary
    assert sandbox.writes == []


# The weekly review


async def test_a_weekly_review_finds_the_stale_ones_and_changes_nothing(
    sandbox: Sandbox, time: Time, version: Version, way: Way
) -> None:
    first = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()  # what the prompt fills in
    user = User(knows())
    async with office(sandbox, time, version, way, user) as room:
        report, calls = await room.do("weekly_pipeline_review", jobs.review, stale_after_days=str(STALE_DAYS))
    now = datetime.now(UTC)
    alive = [one for one in sandbox.prospects.values() if one.deleted is None]
    stale = sorted((one for one in alive if now - one.edited >= timedelta(days=STALE_DAYS)), key=lambda one: one.edited)
    named = [int(line.split(",")[0].removeprefix("- ")) for line in report.splitlines() if line.startswith("- ")]
    assert named == [one.id for one in stale[:5]]
    days = (now - stale[0].edited).days
    assert f"{days} days" in report or f"{days + 1} days" in report  # RoofLink's list names no time zone
    new = sum(one.created.date().isoformat() >= first for one in alive)
    assert abs(int(report.partition("New: ")[2].partition("\n")[0]) - new) <= 1  # a day begins at another hour there
    assert f"Covered: {len(sandbox.prospects)} of {len(sandbox.prospects)}" in report
    assert "Unknown writes: 0" in report
    assert [call.tool for call in calls] == ["pipeline_snapshot", "rooflink_list_prospects", "write_history"]
    assert sandbox.writes == []
    assert not user.approved


# Stale prospects


@pytest.mark.parametrize("stage", ["", "verified"])
async def test_a_follow_up_makes_six_calls_before_it_asks(
    sandbox: Sandbox, time: Time, version: Version, way: Way, stage: str
) -> None:
    user = User(lambda words: f"{words.split(',')[0]}: Left a message")
    async with office(sandbox, time, version, way, user) as room:
        summary, calls = await room.do(
            "follow_up_stale_prospects", jobs.follow_up, **({"stage": stage} if stage else {})
        )
    *looked, note = calls
    assert [call.tool for call in looked] == ["pipeline_snapshot", *["rooflink_list_notes"] * 5]
    assert note.tool == "rooflink_add_note"
    job = looked[1].arguments["job_id"]
    assert operations(sandbox) == ["POST /light/notes"]
    assert sandbox.writes[0].body == {"job": job, "message": "Left a message"}
    assert user.approved == []
    assert "done: " in summary


# The user says no


@pytest.mark.parametrize("prompt", ["triage_new_lead", "hand_off", "close_won_lead"])
async def test_after_a_no_nothing_is_written(
    sandbox: Sandbox, time: Time, version: Version, way: Way, prompt: str
) -> None:
    user = User(knows(accept="accept", Right="yes"), approves=False)
    follow = {"triage_new_lead": jobs.triage, "hand_off": jobs.hand_off, "close_won_lead": jobs.close}[prompt]
    arguments = {
        "triage_new_lead": {"lead_id": str(NEW), "known": KNOWN},
        "hand_off": {"lead_id": str(NEW)},
        "close_won_lead": {"lead_id": str(ACCEPTED), "status": "JOB_WON", "job_amount": "18500"},
    }[prompt]
    async with office(sandbox, time, version, way, user) as room:
        summary, _ = await room.do(prompt, follow, **arguments)
    assert summary.startswith("not_approved: ")
    assert len(user.approved) == 1
    assert sandbox.writes == []
    assert all(request.method == "GET" for request in sandbox.requests)
