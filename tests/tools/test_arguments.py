"""What hosts make of arguments: understood where it can mean only one thing, else refused by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import JobStatus
from tests.support import Person, Time, Version, call, connected, data_of, text_of

LIST, GET, NOTES = "rooflink_list_prospects", "rooflink_get_prospect", "rooflink_list_notes"
ADD, CREATE, WIN, STATUS = (
    "rooflink_add_note",
    "rooflink_create_lead",
    "renovationfind_mark_won",
    "renovationfind_update_job_status",
)
PLANO = {"address": "8801 Example Ranch Rd", "state": "TX", "postal_code": "75024"}
EXACT = 2**53 - 1
Refuse = Callable[..., Awaitable[str]]


def body_of(sandbox: Sandbox) -> dict[str, Any]:
    body = sandbox.writes[-1].body
    assert isinstance(body, dict)
    return body


@asynccontextmanager
async def refusing(sandbox: Sandbox) -> AsyncIterator[Refuse]:
    """Calls that are refused by these names, and send nothing."""
    async with connected(sandbox, person=Person()) as client:

        async def refuse(tool: str, *names: str, **arguments: Any) -> str:
            requests = len(sandbox.requests)
            result = await call(client, tool, **arguments)
            text = text_of(result)
            assert result.is_error, text
            named = [line[2:].partition(":")[0] for line in text.splitlines() if line.startswith("- ")]
            assert named == list(names), text
            assert len(sandbox.requests) == requests
            return text

        yield refuse


async def refused(sandbox: Sandbox, tool: str, *names: str, **arguments: Any) -> str:
    """One call that is refused by these names."""
    async with refusing(sandbox) as refuse:
        return await refuse(tool, *names, **arguments)


# What was left out


async def test_a_read_takes_blank_texts_and_empty_lists_for_nothing(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        plain = data_of(await call(client, LIST))
        blank = await call(client, LIST, city="", state=" ", stage="", rep_id="", fields=[], created_from="", page="")
        assert data_of(blank) == plain
        assert data_of(await call(client, LIST, fields="[]", extra_filters={})) == plain


@pytest.mark.parametrize("name", ["city", "lead_source", "email", "latitude", "allow_duplicate", "extra_info"])
async def test_a_write_takes_a_blank_text_for_no_silence(sandbox: Sandbox, name: str):
    given = {"longitude": -96.78} if name == "latitude" else {}
    await refused(sandbox, CREATE, name, **PLANO, **given, **{name: ""})


# Scalars as texts


async def test_numbers_and_flags_may_come_as_texts(sandbox: Sandbox, time: Time, version: Version):
    first = min(sandbox.prospects)
    async with connected(sandbox, time=time, version=version, person=Person()) as client:
        assert data_of(await call(client, GET, prospect_id=str(first)))["id"] == first
        assert data_of(await call(client, GET, prospect_id=float(first)))["id"] == first
        page = await call(client, LIST, page="2", page_size=" 5 ", include_deleted="True", stage=" signed\n")
        assert data_of(page) == data_of(
            await call(client, LIST, page=2.0, page_size=5, include_deleted=True, stage="signed")
        )
        receipt = data_of(await call(client, "renovationfind_accept_lead", lead_id="812", dry_run="true"))
        assert receipt["outcome"] == "dry_run"
        result = await call(client, CREATE, **PLANO, latitude="33.07", longitude="-96.78", allow_duplicate="false")
        assert data_of(result)["outcome"] == "done"
    assert len(sandbox.writes) == 1
    assert (body_of(sandbox)["latitude"], body_of(sandbox)["longitude"]) == ("33.070000", "-96.780000")


@pytest.mark.parametrize(
    "value", ["7 or 8", "#7", "007", "+7", "7,8", "7,000", "1e3", "1_0", "0x7", "٧", "seven", "null", "7.5", True, 7.5]
)
async def test_what_is_not_exactly_an_integer_is_refused(sandbox: Sandbox, value: object):
    assert "must be an integer" in await refused(sandbox, GET, "prospect_id", prospect_id=value)


@pytest.mark.parametrize("value", ["yes", "1", "on", "y", "t", 1, 0, "true false", "null", "⊤"])
async def test_only_true_and_false_are_flags(sandbox: Sandbox, value: object):
    await refused(sandbox, "renovationfind_accept_lead", "dry_run", lead_id=812, dry_run=value)
    assert sandbox.writes == []


# Amounts


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("18,500", 18500), ("$18,500.00", 18500), ("18500", 18500), ("$ 1,234,567.8", 1234567.8), (" 0.50 ", 0.5),
        (1e3, 1000), (19.99, 19.99), (7.0, 7), ("123456789012.34", 123456789012.34),
    ],
)  # fmt: skip
async def test_amounts_are_read_as_people_write_them(sandbox: Sandbox, time: Time, value: object, amount: float):
    async with connected(sandbox, time=time, approvals="off") as client:
        result = await call(client, WIN, lead_id=785, status="JOB_WON", job_amount=value)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert body_of(sandbox)["jobAmount"] == amount


@pytest.mark.parametrize(
    "value",
    [
        "18.500", "18.500,00", "18,50", "18 500", "18\u00a0500", "18'500", "18k", "1e3", "1,85,000", "1234,567", "CA$5",
        "5 USD", "€5", "(5)", "5-6", "about 5", "0,500", "١٨", 18500.001, 0.1 + 0.2, 1e-7, "null", "",
    ],
)  # fmt: skip
async def test_an_amount_that_can_mean_two_things_is_refused(sandbox: Sandbox, value: object):
    assert "decimals" in await refused(sandbox, WIN, "job_amount", lead_id=785, status="JOB_WON", job_amount=value)


# Days


@pytest.mark.parametrize(
    "value",
    [
        "2028-12-01", " 2028-12-01\n", "2028-12-01T00:00", "2028-12-01T00:00:00", "2028-12-01 00:00:00.000000",
        "2028-12-01T00:00:00Z", "2028-12-01T00:00:00.000Z", "2028-12-01T00:00:00-06:00", "2028-12-01T00:00:00+0530",
    ],
)  # fmt: skip
async def test_a_date_time_of_midnight_is_the_day_that_is_written(sandbox: Sandbox, time: Time, value: str):
    async with connected(sandbox, time=time) as client:
        result = await call(client, STATUS, lead_id=785, status="MEETUP_SCHEDULED", meeting_scheduled_date=value)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert body_of(sandbox)["meetingScheduledDate"] == "2028-12-01"


# Lists and objects


async def test_one_value_for_a_list_is_a_list_of_it(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        expected = data_of(await call(client, LIST, fields=["customer", "phone"]))
        assert data_of(await call(client, LIST, fields='["customer", "phone"]')) == expected
        one = data_of(await call(client, LIST, fields="customer"))
        assert one == data_of(await call(client, LIST, fields=["customer"]))
        job = min(sandbox.prospects)
        await call(client, ADD, job_id=job, message="x", tags="Urgent", recipient_ids="301")
        sent = body_of(sandbox)
        assert ("Urgent" in str(sent), "301" in str(sent)) == (True, True), sent
        await call(client, ADD, job_id=job, message="y", recipient_ids=301)
    assert len(sandbox.writes) == 2


@pytest.mark.parametrize("value", ["Urgent, Roof", "Urgent;Roof", "Urgent\nRoof", "[Urgent]", {"0": "Urgent"}])
async def test_a_text_that_may_be_several_values_is_not_a_list(sandbox: Sandbox, value: object):
    job = min(sandbox.prospects)
    assert "must be a list" in await refused(sandbox, ADD, "tags", job_id=job, message="x", tags=value)


# Names


async def test_what_hosts_add_to_every_call_is_ignored(sandbox: Sandbox, time: Time, version: Version):
    added = {"toolCallId": "call_1", "sessionId": "s", "action": "sendMessage", "chatInput": "show it", "tool": "x"}
    async with connected(sandbox, time=time, version=version, person=Person()) as client:
        assert not (await call(client, "server_status", **added)).is_error
        result = await call(client, "renovationfind_accept_lead", lead_id=812, **added)
        assert data_of(result)["outcome"] == "done"
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("leadId", "lead_id"), ("lead_ids", "lead_id"), ("LEAD_ID", "lead_id"), ("LeadID", "lead_id"),
     ("lead-id", "lead_id"), ("id", "lead_id"), ("dryRun", "dry_run"), ("approvalToken", "approval_token")],
)  # fmt: skip
async def test_a_misspelt_argument_name_is_refused_with_the_right_one(sandbox: Sandbox, wrong: str, right: str):
    text = await refused(sandbox, "renovationfind_accept_lead", wrong, lead_id=812, **{wrong: 812})
    assert f"did you mean {right}?" in text
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("tool", "argument", "wrong", "right"),
    [
        ("renovationfind_update_job_status", "status", "LEAD_LSOT", "LEAD_LOST"),
        ("renovationfind_update_job_status", "status", "contactMade", "CONTACT_MADE"),
        ("renovationfind_update_job_status", "status", "SENT", "QUOTE_SENT"),
        ("write_history", "outcome", "refsued", "refused"),
    ],
)
async def test_a_value_of_a_list_misspelt_is_refused_with_the_right_one(sandbox, tool, argument, wrong, right):
    lead = {} if tool == "write_history" else {"lead_id": 785}
    text = await refused(sandbox, tool, argument, **lead, **{argument: wrong})
    assert f"did you mean {right}?" in text
    assert sandbox.writes == []


async def test_rules_see_arguments_as_they_are_meant(sandbox: Sandbox):
    """The rules are named beside another fault: none of them takes the text of a flag or of an amount for itself."""
    given = {"status": "LEAD_WON", "job_amount": "$5.00", "start_date_tbd": "true", "completion_date_tbd": "true"}
    await refused(sandbox, WIN, "jobs", lead_id="785", jobs=1, **given)
    dates = {"estimated_project_start_date": "2028-12-02T00:00:00Z", "estimated_completion_date": "2028-12-01"}
    given = {"status": "LEAD_WON", "job_amount": "5", **dates}
    await refused(sandbox, WIN, "jobs", "estimated_completion_date", lead_id=785, jobs=1, **given)


# Texts


NOTHINGS = (
    "null",
    "undefined undefined",
    "null, null",
    "undefined",
    "N/A",
    "n/a",
    "NaN",
    "'null'",
    "<null>",
    "[object Object]",
    "UNDEFINED",
    " null ",
)


@pytest.mark.parametrize("value", NOTHINGS)
async def test_what_programs_write_for_nothing_is_not_a_value(sandbox: Sandbox, value: str):
    names = ("first_name", "last_name", "city", "county", "lead_source", "external_id", "address", "state")
    async with refusing(sandbox) as refuse:
        for name in names:
            assert "no value" in await refuse(CREATE, name, **{**PLANO, name: value})
        assert "no value" in await refuse(LIST, "city", city=value)


async def test_people_and_towns_that_are_called_so_are_taken_with_a_warning(
    sandbox: Sandbox, time: Time, version: Version
):
    called = {"first_name": "Nan", "last_name": "Null", "city": "None"}
    async with connected(sandbox, time=time, version=version) as client:
        receipt = data_of(await call(client, CREATE, **PLANO, **called))
        assert receipt["outcome"] == "done"
        for name in called:
            assert any(f"{name} reads as programs write it" in warning for warning in receipt["warnings"]), receipt
        plain = data_of(await call(client, CREATE, **{**PLANO, "address": "2 New St"}, last_name="Nulliver"))
        assert not any("reads" in warning for warning in plain["warnings"])
        half = data_of(await call(client, CREATE, **{**PLANO, "address": "3 Old St, undefined"}))
        assert any("address holds 'undefined'" in warning for warning in half["warnings"])
    await refused(sandbox, CREATE, "first_name", **PLANO, first_name="None")


async def test_a_text_far_too_long_is_refused_at_once(sandbox: Sandbox):
    text = await refused(sandbox, ADD, "message", job_id=7, message="\u200b" * 3_000_000)
    assert "at most 10000 characters" in text


HIDING = ("a\u202eb", "a\u2067b\u2069", "a\x00b", "a\x1b[2Jb", "a\x7fb", "a\ue000b", "a\U000e0041b", "a\ufffdb")


@pytest.mark.parametrize("value", HIDING)
async def test_what_hides_or_was_lost_goes_out_in_no_text(sandbox: Sandbox, value: str):
    """Of each type of text one, and of a free object the names too."""
    job = min(sandbox.prospects)
    async with refusing(sandbox) as refuse:
        for name in ("first_name", "address", "lead_source", "external_id", "cell_phone", "email", "postal_code"):
            await refuse(CREATE, name, **{**PLANO, name: value})
        for info in ({"a": value}, {value: "a"}, {"a": [{"b": value}]}):
            await refuse(CREATE, "extra_info", **PLANO, extra_info=info)
        await refuse(ADD, "message", job_id=job, message=value)
        await refuse(ADD, "tags", job_id=job, message="x", tags=[value])
        await refuse("renovationfind_decline_lead", "reason", lead_id=812, reason=value)
        await refuse(LIST, "extra_filters", extra_filters={"a": value})


async def test_a_text_goes_out_without_what_shows_nothing(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        await call(
            client,
            CREATE,
            address="\ufeff 8801 Example\nRanch\tRd ",
            state=" TX",
            postal_code="75024\u200b",
            first_name="Zo\u00ad\u00eb\u200d",
            last_name="Sm\u200bith\r\n",
            city="\u00a0Plano\u00a0",
            cell_phone="\u202a(972) 555\u20110142\u202c",
            email="\u2068dana@example.com\u2069",
            extra_info={" camp\u200baign ": " spring\u2060 "},
        )
    sent = {name: value for name, value in body_of(sandbox).items() if isinstance(value, str)}
    assert sent["address"] == "8801 Example Ranch Rd"
    texts = set(sent.values())
    assert {"TX", "75024", "Zo\u00eb", "Smith", "Plano", "(972) 555\u20110142", "dana@example.com"} <= texts, sent
    assert body_of(sandbox)["extra_info"]["campaign"] == "spring"


async def test_a_text_of_many_lines_keeps_them(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time, approvals="off") as client:
        await call(
            client, ADD, job_id=min(sandbox.prospects), message="\n Dear\u200b Ann,\r\n\r\n\tyours\u2028Bob \n\n"
        )
        assert "Dear Ann,\n\n\tyours\nBob" in body_of(sandbox).values()
        await call(client, "renovationfind_decline_lead", lead_id=812, reason="Too far.\nNo crew. ")
        assert body_of(sandbox)["reason"] == "Too far.\nNo crew."


# Large ids


@pytest.mark.parametrize("value", [2**53, 2**53 + 1, float(2**53), 2**63, 10**400])
async def test_a_number_that_a_host_may_have_rounded_is_not_an_id(sandbox: Sandbox, value: float):
    async with refusing(sandbox) as refuse:
        assert "send it as a text" in await refuse(GET, "prospect_id", prospect_id=value)
        assert "send it as a text" in await refuse(CREATE, "extra_info", **PLANO, extra_info={"id": [value]})


async def test_an_id_beyond_what_javascript_holds_goes_out_as_it_came(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for given in (str(2**53 + 1), str(2**63 - 1), str(EXACT), EXACT):
            await call(client, GET, prospect_id=given)
            assert sandbox.requests[-1].path.rstrip("/").endswith(f"/{given}")
    await refused(sandbox, GET, "prospect_id", prospect_id=str(2**63))


async def test_an_id_that_javascript_would_round_is_reported_as_a_text(sandbox: Sandbox, time: Time, version: Version):
    """The client holds every answer against its schema."""
    large, small = 2**53 + 1, max(sandbox.prospects)
    small_one = replace(sandbox.prospects[small], deleted=None)
    sandbox.prospects.clear()
    sandbox.notes.clear()
    sandbox.prospects.update({small: small_one, large: replace(small_one, id=large)})
    sandbox.leads[large] = replace(sandbox.leads[785], id=large, status=JobStatus(), attachments=[])
    async with connected(sandbox, time=time, version=version, person=Person()) as client:
        assert data_of(await call(client, GET, prospect_id=str(large)))["id"] == str(large)
        assert data_of(await call(client, GET, prospect_id=small))["id"] == small
        assert data_of(await call(client, "rooflink_prospect_checklist", prospect_id=str(large)))["prospect_id"] == (
            str(large)
        )
        assert {row["id"] for row in data_of(await call(client, LIST))["rows"]} == {str(large), small}
        receipt = data_of(await call(client, ADD, job_id=str(large), message="x"))
        assert receipt["record"]["job_id"] == str(large)
        assert data_of(await call(client, NOTES, job_id=str(large)))["rows"][0]["job_id"] == str(large)
        receipt = data_of(await call(client, STATUS, lead_id=str(large), status="CONTACT_MADE"))
        assert receipt["record_id"] == str(large)
        rows = data_of(await call(client, "write_history"))["rows"]
        assert str(large) in {row["record_id"] for row in rows}
    assert len(sandbox.writes) == 2
