"""A write whose outcome is unknown is settled by a person, who sees which record that is and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Person, Time, Version, call, connected, data_of, make_sandbox, text_of

LEAD = {"address": "17 Elm St", "city": "Plano", "state": "TX", "postal_code": "75024", "last_name": "Quill"}
GIVEN = {"address": "17 Elm St", "city": "Plano", "state": "TX", "postal_code": "75024"}


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    return make_sandbox(time, prospects=12)


async def lost(sandbox: Sandbox, client: Client, tool: str, match: str, **arguments: Any) -> dict[str, Any]:
    """A write that took effect without LeadBridge knowing it, and that it cannot find again."""
    sandbox.faults.add(Fault(kind="drop_after", match=match))
    sandbox.faults.add(Fault(kind="drop_before", match=r"GET /light/jobs/prospect/\d+/$", times=9))
    receipt = data_of(await call(client, tool, **arguments))
    assert receipt["outcome"] == "unknown", receipt
    sandbox.faults.clear()
    (row,) = [row for row in data_of(await call(client, "write_history"))["rows"] if row["outcome"] == "unknown"]
    return row


async def test_the_record_is_read_and_shown_and_what_follows_is_said(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        row = await lost(sandbox, client, "rooflink_create_lead", "POST /light/jobs/", **LEAD)
        job = max(sandbox.prospects)
        data = data_of(await call(client, "resolve_write", write_id=row["write_id"], outcome="done", record_id=job))
    assert (data["outcome"], data["record_id"]) == ("done", job)
    for shown in (
        f"Record: {job}",
        "Customer: Quill",
        "17 Elm St",
        "Created: ",
        "LeadBridge does not send the same again.",
    ):
        assert shown in person.shown[-1]


async def test_a_record_that_is_deleted_by_now_is_said_to_be_so(sandbox: Sandbox, time: Time, version: Version) -> None:
    person = Person()
    gone = next(prospect.deleted for prospect in sandbox.prospects.values() if prospect.deleted)
    async with connected(sandbox, version=version, time=time, person=person) as client:
        row = await lost(sandbox, client, "rooflink_create_lead", "POST /light/jobs/", **LEAD)
        job = max(sandbox.prospects)
        given = {"write_id": row["write_id"], "outcome": "done", "record_id": job}
        there = await call(client, "resolve_write", **given, dry_run=True)
        sandbox.prospects[job].deleted = gone
        await call(client, "resolve_write", **given)
    assert "deleted" not in text_of(there)
    assert "RoofLink shows that it is deleted." in person.shown[-1].splitlines()


async def test_another_record_is_refused_and_nobody_is_asked(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        row = await lost(sandbox, client, "rooflink_create_lead", "POST /light/jobs/", **LEAD)
        job = max(sandbox.prospects)
        asked = len(person.shown)
        for record, outcome, why in (
            (min(sandbox.prospects), "done", "prospect"),
            (job + 50, "done", f"the service shows no record {job + 50}"),
            (job, "failed", "leave record_id out"),
        ):
            given = {"write_id": row["write_id"], "outcome": outcome, "record_id": record}
            data = data_of(await call(client, "resolve_write", **given))
            assert (data["outcome"], data["reason"]) == ("refused", "another_record")
            assert why in data["summary"]
        sandbox.prospects[job].address = "99 Other Rd"
        sandbox.prospects[job].city, sandbox.prospects[job].zipcode = "Austin", "78701"
        data = data_of(await call(client, "resolve_write", write_id=row["write_id"], outcome="done", record_id=job))
    assert (data["outcome"], len(person.shown)) == ("refused", asked)


async def test_a_handed_off_lead_says_to_which_prospect_its_note_goes(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        await call(client, "renovationfind_accept_lead", lead_id=812)
        row = await lost(sandbox, client, "hand_off_lead", "POST /light/jobs/", lead_id=812, **GIVEN)
        job = max(sandbox.prospects)
        without = await call(client, "resolve_write", write_id=row["write_id"], outcome="done", dry_run=True)
        settle = {"write_id": row["write_id"], "outcome": "done", "record_id": job}
        settled = data_of(await call(client, "resolve_write", **settle))
    assert "cannot continue without the record's id" in text_of(without)
    assert f"The hand-off of lead 812 then continues with prospect {job}: it adds its note there." in person.shown[-1]
    assert settled["outcome"] == "done"


async def test_a_change_is_about_its_own_record_only(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    async with connected(sandbox, time=time, person=person, toolsets="all") as client:
        arguments = {"lead_id": 785, "status": "QUOTE_SENT"}
        row = await lost(sandbox, client, "renovationfind_update_job_status", "PUT status", **arguments)
        wrong = await call(client, "resolve_write", write_id=row["write_id"], outcome="done", record_id=786)
        right = await call(client, "resolve_write", write_id=row["write_id"], outcome="done")
    assert "is about 785, not about 786" in text_of(wrong)
    assert data_of(right)["record_id"] == 785
    assert f"Customer: {sandbox.leads[785].customer_name}" in person.shown[-1]


async def test_a_record_that_cannot_be_read_now_is_said_to_be_so(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        row = await lost(sandbox, client, "rooflink_create_lead", "POST /light/jobs/", **LEAD)
        sandbox.faults.add(Fault(kind="status", status=403, match="GET .", times=None))
        given = {"write_id": row["write_id"], "outcome": "done", "record_id": max(sandbox.prospects)}
        data = data_of(await call(client, "resolve_write", **given))
    assert data["outcome"] == "done"
    assert "It could not be read now" in person.shown[-1]


@pytest.mark.parametrize("bent", ["Elm St. Nobody pays", "Roof) is gone. (Old", "nothing"])
async def test_what_was_written_is_in_no_sentence_of_the_question(
    sandbox: Sandbox, time: Time, version: Version, bent: str
) -> None:
    person = Person()
    event = {"name": bent, "start": "2031-05-06T09:00", "end": "2031-05-06T10:00"}
    async with connected(sandbox, version=version, time=time, person=person, toolsets="all") as client:
        row = await lost(sandbox, client, "rooflink_create_event", "POST /light/", **event)
        await call(client, "resolve_write", write_id=row["write_id"], outcome="failed")
    sentence = f"You are confirming that RoofLink does not show that the event \u27e6{bent}\u27e7 is in the calendar."
    assert sentence in person.shown[-1].splitlines()


async def test_a_record_that_cannot_be_read_is_not_the_job_or_lead_that_was_written_to(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person, job = Person(), min(sandbox.prospects)
    async with connected(sandbox, version=version, time=time, person=person, toolsets="all") as client:
        row = await lost(sandbox, client, "rooflink_add_note", "POST /light/notes/", job_id=job, message="Call me")
        given = {"write_id": row["write_id"], "outcome": "done"}
        wrong = await call(client, "resolve_write", **given, record_id=job)
        asked = len(person.shown)
        right = data_of(await call(client, "resolve_write", **given, record_id=92_045))
    assert f"{job} is the job_id that was written, not the id of what was made" in text_of(wrong)
    assert asked == 0
    assert "LeadBridge cannot read such a record: compare its id yourself." in person.shown[-1]
    assert (right["outcome"], right["record_id"]) == ("done", 92_045)
