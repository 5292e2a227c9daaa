"""An error says where to go next: another tool, another name, what was switched off."""

from __future__ import annotations

import re
from typing import Any

import pytest
from mcp.types import REQUEST_TIMEOUT, ErrorData

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import (
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    Person,
    Time,
    Version,
    call,
    connected,
    data_of,
    make_sandbox,
    text_of,
)

NOWHERE = 99_999


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("rooflink_list_prospects", {"search": "Campbell"}, "find_matching_prospects"),
        ("rooflink_list_notes", {"q": "Campbell"}, "find_matching_prospects"),
        ("rooflink_list_prospects", {"name": "Campbell"}, "find_matching_prospects"),
        ("rooflink_list_prospects", {"phone": "9725550142"}, "find_matching_prospects"),
        ("rooflink_list_customers", {"email": "a@example.com"}, "find_matching_prospects"),
        ("rooflink_add_note", {"job_id": 7_000_120, "text": "We come Monday"}, "did you mean message?"),
        ("rooflink_add_note", {"job_id": 7_000_120, "note": "We come Monday"}, "did you mean message?"),
        ("renovationfind_decline_lead", {"lead_id": 812, "comment": "Too far"}, "did you mean reason?"),
        ("renovationfind_update_job_status", {"lead_id": 812, "status": "WON"}, "renovationfind_mark_won"),
        ("renovationfind_update_job_status", {"lead_id": 812, "status": "Job won"}, "renovationfind_mark_won"),
        ("rooflink_list_notes", {"prospect_id": 7_000_120}, "did you mean job_id?"),
        ("rooflink_get_prospect", {"job_id": 7_000_120}, "did you mean prospect_id?"),
        ("rooflink_get_prospect", {"lead_id": 812}, "a RenovationFind lead's id is not a RoofLink prospect's id"),
        ("renovationfind_accept_lead", {"prospect_id": 7_000_120}, "did you mean lead_id?"),
        ("hand_off_lead", {"lead_id": 812, "prospect_id": 7_000_120}, "did you mean existing_prospect_id?"),
        ("rooflink_prospect_checklist", {"id": 7_000_120}, "did you mean prospect_id?"),
    ],
)
async def test_an_unknown_argument_points_to_what_does_it(
    sandbox: Sandbox, time: Time, version: Version, tool: str, arguments: dict[str, Any], says: str
) -> None:
    async with connected(sandbox, version=version, time=time) as client:
        assert says in text_of(await call(client, tool, **arguments))
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("settings", "tool", "says"),
    [
        ({"read_only": True}, "renovationfind_accept_lead", "LEADBRIDGE_READ_ONLY is set"),
        ({"toolsets": "default,-notes"}, "rooflink_add_note", "toolset notes is not in LEADBRIDGE_TOOLSETS"),
    ],
)
async def test_a_tool_that_is_switched_off_says_by_what(
    sandbox: Sandbox, time: Time, version: Version, settings: dict[str, Any], tool: str, says: str
) -> None:
    async with connected(sandbox, version=version, time=time, **settings) as client:
        result = await call(client, tool, lead_id=812)
    assert result.is_error
    assert says in text_of(result)


@pytest.mark.parametrize(
    ("tool", "status"),
    [
        ("renovationfind_mark_won", {"status": "JOB_WON", "job_amount": 18500}),
        ("renovationfind_update_job_status", {"status": "QUOTE_SENT"}),
    ],
)
async def test_a_status_of_a_lead_that_is_not_accepted_says_what_comes_first(
    sandbox: Sandbox, time: Time, version: Version, tool: str, status: dict[str, Any]
) -> None:
    async with connected(sandbox, version=version, time=time, person=Person()) as client:
        refused = data_of(await call(client, tool, lead_id=813, **status))
    assert refused["outcome"] == "refused"
    steps = " ".join(refused["next_steps"])
    assert all(name in steps for name in ("renovationfind_accept_lead", "renovationfind_decline_lead", "hand_off_lead"))


LISTS_LEADS = "an answer of renovationfind_list_leads"


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("rooflink_get_prospect", {"prospect_id": NOWHERE}, "rooflink_list_prospects or find_matching_prospects"),
        ("rooflink_prospect_checklist", {"prospect_id": NOWHERE}, "A prospect's id is in an answer of"),
        ("rooflink_assign_job", {"job_id": NOWHERE, "rep_id": 301}, "A job's id is its prospect's id"),
        ("rooflink_add_note", {"job_id": NOWHERE, "message": "Called"}, "A job's id is its prospect's id"),
        ("rooflink_get_customer", {"customer_id": NOWHERE}, "rooflink_list_customers"),
        ("rooflink_reply_to_note", {"note_id": NOWHERE, "message": "Called"}, "rooflink_list_notes"),
        ("rooflink_delete_event", {"event_id": NOWHERE}, "rooflink_list_events"),
        ("rooflink_get_region", {"region_id": NOWHERE}, "rooflink_list_regions"),
        ("renovationfind_accept_lead", {"lead_id": NOWHERE}, LISTS_LEADS),
        ("renovationfind_mark_won", {"lead_id": NOWHERE, "status": "JOB_WON", "job_amount": 1}, LISTS_LEADS),
        ("hand_off_lead", {"lead_id": NOWHERE}, LISTS_LEADS),
        ("hand_off_lead", {"lead_id": 812, "existing_prospect_id": NOWHERE}, "find_matching_prospects looks one up"),
    ],
)
async def test_an_id_that_a_service_does_not_know_points_to_where_ids_come_from(
    time: Time, version: Version, tool: str, arguments: dict[str, Any], says: str
) -> None:
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    async with connected(sandbox, version=version, time=time, person=Person(), **EVERY_TOOL) as client:
        result = await call(client, tool, **arguments)
    assert result.is_error
    assert says in text_of(result)
    assert sandbox.writes == []


async def test_where_ids_come_from_says_how_to_switch_on_what_lists_them(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with connected(sandbox, version=version, time=time, person=Person()) as client:
        result = await call(client, "renovationfind_accept_lead", lead_id=NOWHERE)
    switched_off = "toolset leads-read is not in LEADBRIDGE_TOOLSETS; set LEADBRIDGE_TOOLSETS=default,leads-read"
    assert f"renovationfind_list_leads (switched off: {switched_off})" in text_of(result)


async def test_nobody_is_asked_again_for_a_win_that_renovationfind_refused_before_the_lead_is_accepted(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    won = {"lead_id": 813, "status": "JOB_WON", "job_amount": 18500}
    async with connected(sandbox, version=version, time=time, person=person) as client:
        first, second = [data_of(await call(client, "renovationfind_mark_won", **won)) for _ in range(2)]
        assert (first["reason"], second["reason"]) == ("rejected", "not_accepted")
        assert len(person.shown) == 1, "the second call asked nobody"
        assert "already_accepted=true" in " ".join(second["next_steps"])
        status = data_of(
            await call(client, "renovationfind_update_job_status", lead_id=813, status="QUOTE_SENT", dry_run=True)
        )
        assert "RenovationFind said so" in " ".join(status["details"])
        sandbox.leads[813].action = "ACCEPTED"  # by somebody in the portal
        done = data_of(await call(client, "renovationfind_mark_won", **won, already_accepted=True))
    assert "cannot tell" not in person.shown[1]
    assert "The call says that it was accepted in RenovationFind's portal." in person.shown[1]
    assert done["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_the_next_question_says_what_renovationfind_refused_the_last_one_with(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        for _ in range(2):
            await call(client, "renovationfind_accept_lead", lead_id=NOWHERE)
        await call(client, "renovationfind_decline_lead", lead_id=785, reason="Too far away")
        await call(client, "renovationfind_mark_won", lead_id=785, status="JOB_WON", job_amount=1)
    first, second, _, won = person.shown
    assert "last refusal" not in first
    assert "RenovationFind's last refusal: " in second
    assert "⟦[" not in second
    assert "RenovationFind's last refusal: " in won
    assert "RenovationFind said (today " in won
    assert "that this lead is accepted already." in won


@pytest.mark.parametrize("taught_by", ["renovationfind_accept_lead", "hand_off_lead"])
async def test_a_question_about_a_lead_says_what_was_refused_before(
    sandbox: Sandbox, time: Time, version: Version, taught_by: str
) -> None:
    declined = 798
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(client, taught_by, lead_id=declined)
        await call(client, "renovationfind_mark_won", lead_id=declined, status="JOB_WON", job_amount=1)
    assert "last refusal" not in person.shown[0]
    assert "RenovationFind's last refusal: Lead has already been declined" in person.shown[1]
    assert "that this lead is declined already." in person.shown[1]


async def test_nobody_is_asked_for_a_win_of_what_renovationfind_called_final(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(client, "renovationfind_update_job_status", lead_id=794, status="QUOTE_SENT")
        won = await call(client, "renovationfind_mark_won", lead_id=794, status="JOB_WON", job_amount=5)
    assert data_of(won)["reason"] == "final"
    assert not person.shown


async def test_what_was_done_already_shows_times_as_the_first_receipt_did(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with connected(sandbox, version=version, time=time, person=Person()) as client:
        receipts = [text_of(await call(client, "renovationfind_accept_lead", lead_id=812)) for _ in range(2)]
    first, again = (re.findall(r"^received: .*$", receipt, re.MULTILINE) for receipt in receipts)
    assert first == again != []


@pytest.mark.parametrize(
    ("lead_id", "tool", "says"),
    [
        (795, "renovationfind_update_job_status", "Only RenovationFind's support can change it."),
        (813, "renovationfind_update_job_status", "If the lead must be accepted first"),
        (785, "renovationfind_accept_lead", "hand_off_lead with lead_id=785, already_accepted=true"),
    ],
)
async def test_what_follows_a_refusal_is_what_the_service_s_words_call_for(
    sandbox: Sandbox, time: Time, version: Version, lead_id: int, tool: str, says: str
) -> None:
    status = {"status": "QUOTE_SENT"} if tool == "renovationfind_update_job_status" else {}
    async with connected(sandbox, version=version, time=time, person=Person()) as client:
        receipt = data_of(await call(client, tool, lead_id=lead_id, **status))
    assert (receipt["outcome"], receipt["reason"]) == ("refused", "rejected")
    (step,) = receipt["next_steps"]
    assert says in step
    assert sandbox.writes == []


async def test_a_hand_off_that_stops_after_its_acceptance_says_so_each_time(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        first, second = [data_of(await call(client, "hand_off_lead", lead_id=805)) for _ in range(2)]
    assert (first["outcome"], second["outcome"]) == ("partly_done", "refused")
    assert "lead 805 is accepted, and not in RoofLink yet: RoofLink may already have" in second["summary"]
    assert "Lead status: u (Unknown)" in person.shown[0]


async def test_what_a_hand_off_lacks_of_a_lead_that_was_not_seen_is_read_if_it_can_be(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    said: list[str] = []
    for toolsets in ("default", "default,leads-read"):
        async with connected(sandbox, version=version, time=time, toolsets=toolsets) as client:
            said.append(text_of(await call(client, "hand_off_lead", lead_id=785, already_accepted=True)))
    assert "address: is needed, and LeadBridge has not seen this lead; ask the user" in said[0]
    assert "renovationfind_get_lead may show it, else ask the user" in said[1]


async def test_the_history_says_of_a_write_with_an_unknown_outcome_what_is_not_known(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    sandbox.faults.add(Fault(kind="drop_after", match="PUT /status"))
    async with connected(sandbox, version=version, time=time) as client:
        await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
        shown = text_of(await call(client, "write_history"))
    assert "before its answer was complete. Nobody knows whether lead 785 has the status QUOTE_SENT." in shown


async def test_a_column_that_is_no_in_every_row_is_left_out(sandbox: Sandbox, time: Time, version: Version) -> None:
    async with connected(sandbox, version=version, time=time, toolsets="all") as client:
        leads = text_of(await call(client, "renovationfind_list_leads", page_size=3))
        found = text_of(await call(client, "find_matching_prospects", phone="(719) 555-0151"))
    assert "requires_action" not in leads
    assert "| deleted" not in found


async def test_when_a_lead_came_is_said_in_the_office_s_time_and_is_utc_in_data(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with connected(
        sandbox, version=version, time=time, toolsets="all", time_zone="America/Chicago", person=Person()
    ) as client:
        answers = [
            await call(client, "renovationfind_list_leads", page_size=1),
            await call(client, "renovationfind_get_lead", lead_id=812),
            await call(client, "renovationfind_accept_lead", lead_id=812),
        ]
    for answer in answers:
        assert re.search(r"\d\d:\d\d C[SD]T", text_of(answer))
        assert not re.search(r"\d\d:\d\d:\d\dZ", text_of(answer))
    assert re.search(r"\d\d:\d\d:\d\dZ", str(data_of(answers[1])["fields"]["received"]))


async def test_after_the_acceptance_the_win_is_asked_for_as_usual(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    won = {"lead_id": 813, "status": "JOB_WON", "job_amount": 18500}
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(client, "renovationfind_mark_won", **won)
        await call(client, "renovationfind_accept_lead", lead_id=813)
        assert data_of(await call(client, "renovationfind_mark_won", **won))["outcome"] == "done"
    assert "it was accepted" in person.shown[-1]


async def test_a_form_that_timed_out_is_not_called_an_error_of_the_client(sandbox: Sandbox, time: Time) -> None:
    async def late(context: Any, params: Any) -> ErrorData:
        return ErrorData(code=REQUEST_TIMEOUT, message="timed out")

    async with connected(sandbox, version="legacy", time=time, person=late) as client:
        receipt = data_of(await call(client, "renovationfind_accept_lead", lead_id=812))
    assert (receipt["outcome"], receipt["reason"]) == ("not_approved", "timed_out")
    assert "was not answered within 10 minutes" in receipt["summary"]
    assert sandbox.writes == []


async def test_columns_that_were_asked_for_and_have_no_value_are_named(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with connected(sandbox, version=version, time=time) as client:
        shown = text_of(await call(client, "rooflink_list_prospects", page_size=3, fields=["customer", "job_number"]))
        usual = text_of(await call(client, "rooflink_list_prospects", page_size=3))
    assert "Left out, because it is empty, or no, in every row: job_number." in shown
    assert "Left out" not in usual


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<p>Robert Quill<br>Call after four.</p>", "Robert Quill"),
        ("<p>Call after four.</p><p>My name is Robert Quill and the roof leaks</p>", "Robert Quill"),
        ("Please ask for Robert", "Robert"),
        ("Name: Dana Miller", ""),
        ("I'm D. Miller, the roof leaks", ""),
        ("This is Urgent", ""),
        ("<p>Single Family<br>Owner: Yes<br>Contact: Email Only</p>", ""),
        ("Contact: Robert Quill", "Robert Quill"),
        ("Best reached by phone", ""),
    ],
)
async def test_another_name_in_a_leads_text_is_said_in_the_answer_and_in_the_next_question(
    sandbox: Sandbox, time: Time, text: str, named: str
) -> None:
    sandbox.leads[812].customer_information_html = text
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        record = data_of(await call(client, "renovationfind_accept_lead", lead_id=812))["record"]
        await call(client, "hand_off_lead", lead_id=812)
    assert record.get("other_name_in_its_text", "") == named
    assert (f"Another name in its text: {named}" in person.shown[1]) is bool(named)
