"""The status matrix of RenovationFind leads, written down here from the vendor's page, not from the product's table.

https://docs.renovationfind.com/api-reference/general-leads/update-job-status: "MEETUP_SCHEDULED: requires
meetingScheduledDate. JOB_WON: requires jobAmount (immutable once set). JOB_LOST, JOB_POSTPONED_OR_CANCELLED, OTHER:
requires reason. LEAD_WON: requires jobAmount, (estimatedProjectStartDate or startDateTbd), (estimatedCompletionDate or
completionDateTbd). Immutable once set. Attachment soft-required. LEAD_LOST: requires lostReason. reason required when
lostReason is OTHER. REACHED_OUT_TO_HOMEOWNER, MULTIPLE_ATTEMPTS_NO_RESPONSE, CONTACT_MADE, ESTIMATE_PROVIDED: no
required fields." contactMethod is "optional for REACHED_OUT_TO_HOMEOWNER and CONTACT_MADE", estimateType "for
ESTIMATE_PROVIDED", reason "for all other statuses", at most 500 characters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp.types import CallToolResult

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import JobStatus
from tests.support import Person, Time, Version, call, connected, data_of, text_of

UPDATE, WIN = "renovationfind_update_job_status", "renovationfind_mark_won"


@dataclass(frozen=True)
class Rule:
    needs: tuple[str, ...] = ()
    either: tuple[tuple[str, str], ...] = ()
    """Pairs of which one is required."""
    takes: tuple[str, ...] = ()
    tool: str = UPDATE

    @property
    def used(self) -> set[str]:
        return {*self.needs, *itertools.chain(*self.either), *self.takes}


RULES = {
    "HOMEOWNER_CONTACTED": Rule(),
    "MEETUP_SCHEDULED": Rule(needs=("meeting_scheduled_date",)),
    "QUOTE_SENT": Rule(),
    "JOB_PENDING_DECISION": Rule(),
    "JOB_WON": Rule(needs=("job_amount",), tool=WIN),
    "JOB_LOST": Rule(needs=("reason",)),
    "JOB_POSTPONED_OR_CANCELLED": Rule(needs=("reason",)),
    "NO_RESPONSE_FROM_HOMEOWNER": Rule(),
    "OTHER": Rule(needs=("reason",)),
    "REACHED_OUT_TO_HOMEOWNER": Rule(takes=("contact_method",)),
    "MULTIPLE_ATTEMPTS_NO_RESPONSE": Rule(),
    "CONTACT_MADE": Rule(takes=("contact_method",)),
    "ESTIMATE_PROVIDED": Rule(takes=("estimate_type",)),
    "LEAD_WON": Rule(
        needs=("job_amount",),
        either=(
            ("estimated_project_start_date", "start_date_tbd"),
            ("estimated_completion_date", "completion_date_tbd"),
        ),
        tool=WIN,
    ),
    "LEAD_LOST": Rule(needs=("lost_reason",)),
}
FIELDS: dict[str, tuple[str, Any]] = {
    "reason": ("reason", "Moved abroad"),
    "meeting_scheduled_date": ("meetingScheduledDate", "2026-12-01"),
    "job_amount": ("jobAmount", 18500.5),
    "contact_method": ("contactMethod", "TEXT"),
    "estimate_type": ("estimateType", "VERBAL_ESTIMATE"),
    "lost_reason": ("lostReason", "TIMING"),
    "estimated_project_start_date": ("estimatedProjectStartDate", "2026-12-01"),
    "estimated_completion_date": ("estimatedCompletionDate", "2026-12-31"),
    "start_date_tbd": ("startDateTbd", True),
    "completion_date_tbd": ("completionDateTbd", True),
}
"""Each argument, its name on the wire, and a value that is right."""

TOOL_FIELDS = {
    UPDATE: {"reason", "meeting_scheduled_date", "contact_method", "estimate_type", "lost_reason"},
    WIN: {
        "reason", "job_amount", "estimated_project_start_date", "estimated_completion_date", "start_date_tbd",
        "completion_date_tbd",
    },
}  # fmt: skip


def enough(status: str) -> Iterator[dict[str, Any]]:
    """Every smallest set of arguments with which a status is complete."""
    rule = RULES[status]
    for chosen in itertools.product(*rule.either):
        yield {name: FIELDS[name][1] for name in (*rule.needs, *chosen)}


def least(status: str) -> dict[str, Any]:
    return next(enough(status))


def new_lead(sandbox: Sandbox) -> int:
    """A fresh lead that was accepted and has no status and no attachment."""
    lead_id = max(sandbox.leads) + 1
    sandbox.leads[lead_id] = replace(sandbox.leads[785], id=lead_id, status=JobStatus(), attachments=[])
    return lead_id


def problems(result: CallToolResult) -> dict[str, str]:
    """What was refused, by argument."""
    first, *lines = text_of(result).splitlines()
    assert result.is_error, text_of(result)
    assert first.startswith("Nothing was sent"), text_of(result)
    found: dict[str, str] = {}
    for line in lines:
        name, message = line.removeprefix("- ").split(": ", 1)
        found[name] = f"{found[name]}; {message}" if name in found else message
    return found


@contextmanager
def nothing_leaves(sandbox: Sandbox) -> Iterator[None]:
    before = len(sandbox.requests), len(sandbox.writes)
    yield
    assert (len(sandbox.requests), len(sandbox.writes)) == before


def test_the_table_here_has_the_fifteen_documented_statuses_and_every_field():
    assert len(RULES) == 15
    assert TOOL_FIELDS[UPDATE] | TOOL_FIELDS[WIN] == set(FIELDS)
    assert {status for status, rule in RULES.items() if rule.tool == WIN} == {"JOB_WON", "LEAD_WON"}


async def test_the_two_tools_offer_these_statuses_and_fields_and_no_others(sandbox, version):
    async with connected(sandbox, version=version) as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    for name, fields in TOOL_FIELDS.items():
        schema = tools[name]["properties"]
        assert set(schema) - {"lead_id", "status", "already_accepted", "dry_run", "approval_token"} == fields
        assert set(schema["status"]["enum"]) == {status for status, rule in RULES.items() if rule.tool == name}


async def test_a_complete_status_is_written_once_with_exactly_its_body(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time, approvals="off") as client:
        for status, rule in RULES.items():
            for given in enough(status):
                lead_id, writes, requests = new_lead(sandbox), len(sandbox.writes), len(sandbox.requests)
                result = await call(client, rule.tool, lead_id=lead_id, status=status, **given)
                assert data_of(result)["outcome"] == "done", text_of(result)
                assert data_of(result)["record_id"] == lead_id
                assert len(sandbox.requests) == requests + 1
                (write,) = sandbox.writes[writes:]
                assert write.operation == "PUT /general-leads/{lead_id}/status"
                assert write.path_params == {"lead_id": lead_id}
                assert write.body == {"status": status, **{FIELDS[name][0]: value for name, value in given.items()}}
                assert sandbox.requests[-1].query == ""
                assert sandbox.leads[lead_id].status.status == status


async def test_a_missing_field_is_named_and_nothing_is_sent(sandbox: Sandbox, version: Version):
    seen = 0
    async with connected(sandbox, version=version, approvals="off") as client:
        for status, rule in RULES.items():
            for missing in rule.needs:
                given = {name: value for name, value in least(status).items() if name != missing}
                with nothing_leaves(sandbox):
                    found = problems(await call(client, rule.tool, lead_id=785, status=status, **given))
                assert list(found) == [missing], (status, found)
                assert "required" in found[missing], found
                assert status in found[missing] or missing == "job_amount", found  # both won statuses need it
                seen += 1
            for day, flag in rule.either:
                given = {name: value for name, value in least(status).items() if name not in {day, flag}}
                for false in ({}, {flag: False}):  # a flag that is false is no answer
                    with nothing_leaves(sandbox):
                        found = problems(await call(client, rule.tool, lead_id=785, status=status, **given, **false))
                    assert list(found) == [day], (status, found)
                    assert flag in found[day], found
                    seen += 1
    assert seen == 7 + 2 * 2


async def test_a_superfluous_field_is_refused_by_its_name(sandbox: Sandbox, version: Version):
    seen = 0
    async with connected(sandbox, version=version, approvals="off") as client:
        for status, rule in RULES.items():
            for extra in sorted(set(FIELDS) - rule.used - {"reason"}):
                given = {**least(status), extra: FIELDS[extra][1]}
                with nothing_leaves(sandbox):
                    found = problems(await call(client, rule.tool, lead_id=785, status=status, **given))
                assert list(found) == [extra], (status, found)
                if extra in TOOL_FIELDS[rule.tool]:
                    assert "rule" in found[extra], found  # the service does not forbid it, as far as documented
                    assert status in found[extra], found
                else:
                    assert "not an argument" in found[extra], found
                seen += 1
    assert seen == 15 * 9 - (1 + 1 + 1 + 1 + 1 + 5 + 1)


async def test_a_date_and_its_flag_do_not_go_together(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        for day, flag in RULES["LEAD_WON"].either:
            given = {**least("LEAD_WON"), day: FIELDS[day][1], flag: True}
            with nothing_leaves(sandbox):
                found = problems(await call(client, WIN, lead_id=785, status="LEAD_WON", **given))
            assert list(found) == [flag]
            assert "rule" in found[flag]


async def test_a_flag_that_is_false_says_as_much_as_none(sandbox: Sandbox, time: Time):
    lead_id = new_lead(sandbox)
    async with connected(sandbox, time=time, approvals="off") as client:
        given = {"job_amount": 10, "start_date_tbd": False, "completion_date_tbd": False}
        result = await call(client, WIN, lead_id=lead_id, status="JOB_WON", **given)
    assert data_of(result)["outcome"] == "done"
    assert [write.body for write in sandbox.writes] == [{"status": "JOB_WON", "jobAmount": 10}]


async def test_a_reason_goes_with_every_status(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time, approvals="off") as client:
        for status, rule in RULES.items():
            lead_id = new_lead(sandbox)
            given = {**least(status), "reason": "A note — with ünicode"}
            result = await call(client, rule.tool, lead_id=lead_id, status=status, **given)
            assert data_of(result)["outcome"] == "done", text_of(result)
            body = sandbox.writes[-1].body
            assert isinstance(body, dict)
            assert body["reason"] == "A note — with ünicode"
    assert len(sandbox.writes) == 15


DOCUMENTED_VALUES = (
    (("REACHED_OUT_TO_HOMEOWNER", "CONTACT_MADE"), "contact_method", "PHONE_CALL TEXT EMAIL IN_PERSON_MEETING"),
    (
        ("ESTIMATE_PROVIDED",),
        "estimate_type",
        "IN_PERSON_ESTIMATE EMAILED_ESTIMATE VERBAL_ESTIMATE PORTAL_ATTACHMENT_ESTIMATE OTHER",
    ),
    (("LEAD_LOST",), "lost_reason", "PRICE TIMING"),
)


async def test_each_documented_value_goes_out_and_no_other_one(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for statuses, argument, values in DOCUMENTED_VALUES:
            for status, value in itertools.product(statuses, values.split()):
                result = await call(client, UPDATE, lead_id=785, status=status, **{argument: value})
                assert data_of(result)["outcome"] == "done", text_of(result)
                assert sandbox.writes[-1].body == {"status": status, FIELDS[argument][0]: value}
            for value in ("NONE", values.split()[0].lower(), "", 1, [values.split()[0]]):
                with nothing_leaves(sandbox):
                    found = problems(await call(client, UPDATE, lead_id=785, status=statuses[0], **{argument: value}))
                assert argument in found
    assert len(sandbox.writes) == 2 * 4 + 5 + 2


async def test_lost_for_another_reason_needs_that_reason(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, UPDATE, lead_id=785, status="LEAD_LOST", lost_reason="OTHER"))
        assert list(found) == ["reason"]
        result = await call(client, UPDATE, lead_id=785, status="LEAD_LOST", lost_reason="OTHER", reason="Sold it")
    assert data_of(result)["outcome"] == "done"
    expected = {"status": "LEAD_LOST", "lostReason": "OTHER", "reason": "Sold it"}
    assert [write.body for write in sandbox.writes] == [expected]


async def test_all_that_is_wrong_is_reported_at_once(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version, approvals="off") as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, WIN, lead_id=785, status="LEAD_WON"))
            assert set(found) == {"job_amount", "estimated_project_start_date", "estimated_completion_date"}
            found = problems(
                await call(
                    client,
                    UPDATE,
                    status="LEAD_LOST",
                    reason="x" * 501,
                    meeting_scheduled_date="2026-02-30",
                    contact_method="FAX",
                    estimate_type="OTHER",
                    lostReason="PRICE",
                    dry_run="yes",
                )
            )
            assert set(found) == {
                "lead_id", "reason", "meeting_scheduled_date", "contact_method", "estimate_type", "lostReason",
                "lost_reason", "dry_run",
            }  # fmt: skip
            found = problems(
                await call(
                    client,
                    WIN,
                    lead_id=0,
                    status="JOB_WON",
                    job_amount=-1,
                    estimated_project_start_date="2026-12-31",
                    estimated_completion_date="2026-12-01",
                )
            )
        assert set(found) == {"lead_id", "job_amount", "estimated_project_start_date", "estimated_completion_date"}


async def test_a_won_status_is_sent_to_the_tool_of_its_own(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        with nothing_leaves(sandbox):
            for status in ("JOB_WON", "LEAD_WON"):
                found = problems(await call(client, UPDATE, lead_id=785, status=status))
                assert list(found) == ["status"]
                assert WIN in found["status"]
            for status in ("QUOTE_SENT", "JOB_LOST", "won"):
                found = problems(await call(client, WIN, lead_id=785, status=status, job_amount=5))
                assert UPDATE in found["status"]


NO_STATUSES = ("", "job_lost", "WON", "NO_RESPONSE", "HOMEOWNER CONTACTED", None, 3, True, [], ["QUOTE_SENT"], {})


@pytest.mark.parametrize("tool", [UPDATE, WIN])
async def test_a_status_that_is_none_of_the_fifteen_is_refused(sandbox: Sandbox, tool):
    async with connected(sandbox, approvals="off") as client:
        with nothing_leaves(sandbox):
            texts = {
                repr(status): text_of(await call(client, tool, lead_id=785, status=status)) for status in NO_STATUSES
            }
    assert {status: text for status, text in texts.items() if "\n- status: " not in text} == {}


async def test_a_reason_has_at_most_500_characters(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for reason in ("x" * 500, "é" * 500, "👷" * 500):
            result = await call(client, UPDATE, lead_id=785, status="OTHER", reason=reason)
            assert data_of(result)["outcome"] == "done", text_of(result)
            assert sandbox.writes[-1].body == {"status": "OTHER", "reason": reason}
        for reason in ("x" * 501, "é" * 501):
            with nothing_leaves(sandbox):
                found = problems(await call(client, UPDATE, lead_id=785, status="OTHER", reason=reason))
            assert list(found) == ["reason"]
            assert "500" in found["reason"]
    assert len(sandbox.writes) == 3


async def test_a_blank_reason_is_not_a_reason(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        with nothing_leaves(sandbox):
            for reason, (status, rule) in itertools.product(("", " ", "\n\t ", "\u00a0\u2003"), RULES.items()):
                given = {**least(status), "reason": reason}
                found = problems(await call(client, rule.tool, lead_id=785, status=status, **given))
                assert list(found) == ["reason"], (status, found)


WRONG_TYPES = {
    "lead_id": (True, "L785", "785, 786", 785.5, -1, 0, 2**63, None, [785], {"id": 785}),
    "reason": (5, True, ["x"], {"text": "x"}),
    "job_amount": (
        True,
        False,
        "5k",
        "18.500",
        "18 500",
        "18,50",
        "18.500,00",
        "1e3",
        "CA$5",
        5.001,
        0.1 + 0.2,
        [5],
        float("inf"),
        float("nan"),
        1e13,
    ),
    "start_date_tbd": (1, 0, "yes", "1"),
    "dry_run": (1, "on"),
    "approval_token": (1, True, ["x"]),
}


async def test_a_value_of_another_type_is_never_bent_into_shape(sandbox: Sandbox):
    good = {"lead_id": 785, "status": "LEAD_WON", **least("LEAD_WON"), "start_date_tbd": False}
    async with connected(sandbox, approvals="off") as client:
        for argument, values in WRONG_TYPES.items():
            for value in values:
                with nothing_leaves(sandbox):
                    found = problems(await call(client, WIN, **{**good, argument: value}))
                assert list(found) == [argument], (value, found)


async def test_an_amount_must_be_above_zero(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        for amount in (0, -0.0, -1, -18500.5):
            with nothing_leaves(sandbox):
                found = problems(await call(client, WIN, lead_id=785, status="JOB_WON", job_amount=amount))
            assert list(found) == ["job_amount"]
            assert found["job_amount"] == "must be at least 0.01"


async def test_a_number_too_large_for_a_number_is_refused_by_its_name(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, WIN, lead_id=785, status="JOB_WON", job_amount=10**400))
    assert list(found) == ["job_amount"]


NO_DAYS = ("2026-02-30", "2025-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-01-01")
OTHER_FORMS = (
    "12/01/2026", "01.12.2026", "2026/12/01", "2026-12-1", "20261201", "2026-12-01T00:00:01Z", "2026-12-01T24:00",
    "2026-12-01 10:00", "2026-W49-2", "2026-335", "2026-12-01T00:00:00 CST", "2026-12-01/02", "tomorrow", "", "TBD",
    "２０２６-12-01", 20261201, 1796083200, 2026.5, True, ["2026-12-01"], {"day": "2026-12-01"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "argument", "rest"),
    [
        (UPDATE, "meeting_scheduled_date", {"status": "MEETUP_SCHEDULED"}),
        (WIN, "estimated_project_start_date", {"status": "LEAD_WON", "job_amount": 5, "completion_date_tbd": True}),
        (WIN, "estimated_completion_date", {"status": "LEAD_WON", "job_amount": 5, "start_date_tbd": True}),
    ],
)
async def test_a_day_that_does_not_exist_or_is_written_otherwise_is_refused(sandbox: Sandbox, tool, argument, rest):
    async with connected(sandbox, approvals="off") as client:
        for value in (*NO_DAYS, *OTHER_FORMS):
            with nothing_leaves(sandbox):
                found = problems(await call(client, tool, lead_id=785, **rest, **{argument: value}))
            assert list(found) == [argument], (value, found)
            if value in NO_DAYS:
                assert "not a day of the calendar" in found[argument]


async def test_a_leap_day_is_a_day(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        given = {"status": "MEETUP_SCHEDULED", "meeting_scheduled_date": "2028-02-29"}
        assert data_of(await call(client, UPDATE, lead_id=785, **given))["outcome"] == "done"
    assert sandbox.writes[-1].body == {"status": "MEETUP_SCHEDULED", "meetingScheduledDate": "2028-02-29"}


async def test_a_meeting_in_the_past_or_years_ahead_is_set_and_said_to_be(sandbox: Sandbox, time: Time):
    now = datetime(2027, 5, 4, 3, tzinfo=UTC).timestamp()
    async with connected(sandbox, time=time, clock=lambda: now, time_zone="America/Chicago") as client:
        for day, warnings in (
            ("2027-05-02", ["The meeting date 2027-05-02 is in the past."]),
            ("2027-05-03", []),  # today in the office
            ("2206-12-05", ["The meeting date 2206-12-05 is years ahead."]),
        ):
            given = {"status": "MEETUP_SCHEDULED", "meeting_scheduled_date": day}
            result = await call(client, UPDATE, lead_id=785, **given)
            receipt = data_of(result)
            assert receipt["outcome"] == "done"
            assert [texts for texts in receipt.get("warnings", []) if "meeting" in texts] == warnings
            assert day in text_of(result)
            assert f"{day}T" not in text_of(result)


async def test_the_days_of_a_won_job_that_are_past_are_warned_of_in_the_question(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person("decline")
    days = {"estimated_project_start_date": "2016-12-20", "estimated_completion_date": "2206-12-28"}
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(client, WIN, lead_id=785, status="LEAD_WON", job_amount=5, **days)
    assert "The start date 2016-12-20 is in the past." in person.shown[-1]
    assert "The completion date 2206-12-28 is years ahead." in person.shown[-1]


async def test_the_completion_is_not_before_the_start(sandbox: Sandbox, time: Time):
    days = {"estimated_project_start_date": "2026-12-02", "estimated_completion_date": "2026-12-01"}
    async with connected(sandbox, time=time, approvals="off") as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, WIN, lead_id=785, status="LEAD_WON", job_amount=5, **days))
        assert list(found) == ["estimated_completion_date"]
        assert "rule" in found["estimated_completion_date"]
        same = dict.fromkeys(days, "2026-12-02")
        result = await call(client, WIN, lead_id=785, status="LEAD_WON", job_amount=5, **same)
    assert data_of(result)["outcome"] == "done", text_of(result)
    assert len(sandbox.writes) == 1


async def test_an_argument_by_another_name_is_refused_with_the_right_one(sandbox: Sandbox):
    async with connected(sandbox, approvals="off") as client:
        for tool, given, meant in (
            (WIN, "jobAmount", "job_amount"),
            (WIN, "JOB_AMOUNT", "job_amount"),
            (WIN, "job-amount", "job_amount"),
            (WIN, "leadId", "lead_id"),
            (WIN, "estimatedProjectStartDate", "estimated_project_start_date"),
            (WIN, "startDateTbd", "start_date_tbd"),
            (WIN, "approvalToken", "approval_token"),
            (UPDATE, "meetingScheduledDate", "meeting_scheduled_date"),
            (UPDATE, "lostReason", "lost_reason"),
            (UPDATE, "dryRun", "dry_run"),
            (UPDATE, "reasons", "reason"),
        ):
            good = {"status": "LEAD_WON", **least("LEAD_WON")} if tool == WIN else {"status": "QUOTE_SENT"}
            with nothing_leaves(sandbox):
                found = problems(await call(client, tool, lead_id=785, **good, **{given: "x"}))
            assert list(found) == [given]
            assert f"did you mean {meant}?" in found[given]


async def test_an_argument_like_no_other_is_refused_with_those_there_are(sandbox: Sandbox):
    async with connected(sandbox) as client:
        with nothing_leaves(sandbox):
            found = problems(await call(client, UPDATE, lead_id=785, status="QUOTE_SENT", zzz=None))
    assert list(found) == ["zzz"]
    assert all(name in found["zzz"] for name in TOOL_FIELDS[UPDATE])


async def test_a_lead_won_here_is_refused_without_a_call(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time, approvals="off") as client:
        for won in ("JOB_WON", "LEAD_WON"):
            lead_id = new_lead(sandbox)
            result = await call(client, WIN, lead_id=lead_id, status=won, **least(won))
            assert data_of(result)["outcome"] == "done", text_of(result)
            with nothing_leaves(sandbox):
                for status, rule in RULES.items():
                    again = await call(client, rule.tool, lead_id=lead_id, status=status, **least(status))
                    if status == won and data_of(again)["outcome"] == "already_done":
                        continue  # the very same write; it may as well be told what became of it
                    assert again.is_error
                    assert data_of(again)["outcome"] == "refused"
                    assert data_of(again)["reason"] == "already_won"
                    assert won in text_of(again)
                    assert "support" in text_of(again)
                dry = await call(client, UPDATE, lead_id=lead_id, status="QUOTE_SENT", dry_run=True)
                assert data_of(dry)["reason"] == "already_won"
        history = data_of(await call(client, "write_history"))
    assert len(sandbox.writes) == 2
    assert history["total"] == 2  # a refusal without a call is no write


async def test_a_lead_won_in_the_portal_is_refused_by_the_service_and_that_is_reported(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        for lead_id in (794, 795):  # JOB_WON and LEAD_WON, which nobody has told us
            result = await call(client, UPDATE, lead_id=lead_id, status="QUOTE_SENT")
            assert data_of(result)["outcome"] == "refused"
            assert "cannot be changed" in text_of(result)
    assert sandbox.writes == []


async def test_a_lead_not_known_to_be_accepted_is_warned_of(sandbox: Sandbox, time: Time, version: Version):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        dry = await call(client, UPDATE, lead_id=812, status="QUOTE_SENT", dry_run=True)
        assert "not known to be accepted" in text_of(dry)
        person.action = "decline"
        await call(client, WIN, lead_id=812, status="JOB_WON", job_amount=5)
        assert "cannot tell whether it was accepted" in person.shown[-1]
        assert sandbox.writes == []

        person.action = "accept"
        await call(client, "renovationfind_accept_lead", lead_id=812)
        dry = await call(client, UPDATE, lead_id=812, status="QUOTE_SENT", dry_run=True)
        assert data_of(dry)["warnings"] == []
        person.action = "decline"
        await call(client, WIN, lead_id=812, status="JOB_WON", job_amount=5)
        assert "Dana Miller" in person.shown[-1]
        assert "accepted" in person.shown[-1]
        assert "NOT been accepted" not in person.shown[-1]
    assert [write.operation for write in sandbox.writes] == ["POST /general-leads/{lead_id}/accept"]


async def test_a_lead_that_was_not_accepted_is_refused_by_the_service(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        result = await call(client, UPDATE, lead_id=812, status="QUOTE_SENT")
    assert data_of(result)["outcome"] == "refused"
    assert "must be accepted" in text_of(result)
    assert sandbox.writes == []


async def test_a_declined_lead_is_not_known_to_be_accepted(sandbox: Sandbox, time: Time):
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        await call(client, "renovationfind_decline_lead", lead_id=812, reason="Too far")
        person.action = "decline"
        await call(client, WIN, lead_id=812, status="JOB_WON", job_amount=5)
        assert "NOT been accepted" in person.shown[-1]
    assert len(sandbox.writes) == 1


async def test_winning_without_a_known_attachment_is_warned_of_and_not_refused(sandbox: Sandbox, time: Time):
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        result = await call(client, WIN, lead_id=786, status="LEAD_WON", **least("LEAD_WON"))
        assert data_of(result)["outcome"] == "done", text_of(result)
        assert "attachment" in person.shown[-1]
        assert any("attachment" in warning for warning in data_of(result)["warnings"])

        # 790 has an attachment, which the answer to its status shows.
        await call(client, UPDATE, lead_id=790, status="QUOTE_SENT")
        result = await call(client, WIN, lead_id=790, status="LEAD_WON", **least("LEAD_WON"))
        assert data_of(result)["outcome"] == "done", text_of(result)
        assert "attachment" not in person.shown[-1]
        assert not any("attachment" in warning for warning in data_of(result)["warnings"])

        # JOB_WON asks for none.
        await call(client, WIN, lead_id=785, status="JOB_WON", job_amount=5)
        assert "attachment" not in person.shown[-1]
    assert len(sandbox.writes) == 4


async def test_the_receipt_reports_before_and_after(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        await call(client, UPDATE, lead_id=785, status="QUOTE_SENT")
        result = await call(client, UPDATE, lead_id=785, status="OTHER", reason="On holiday")
    assert data_of(result)["changed"] == [{"field": "status", "before": "QUOTE_SENT", "after": "OTHER"}]
    assert "Status is now OTHER (was QUOTE_SENT)" in text_of(result)
    assert len(sandbox.writes) == 2


async def test_the_amount_that_is_approved_is_the_amount_that_is_sent(sandbox: Sandbox, time: Time):
    person = Person()
    other: dict[float, str] = {}
    async with connected(sandbox, time=time, person=person) as client:
        for amount in (1, 18500, 18500.5, 0.01, 999_999_999_999.99, 18500.555, 0.004):
            writes = len(sandbox.writes)
            result = await call(client, WIN, lead_id=new_lead(sandbox), status="JOB_WON", job_amount=amount)
            if result.is_error:  # what is no amount of money may as well be refused
                assert "job_amount" in problems(result)
                continue
            (write,) = sandbox.writes[writes:]
            assert write.body == {"status": "JOB_WON", "jobAmount": amount}
            shown = person.shown[-1].splitlines()[0].partition(" for ")[2].partition(" on ")[0]
            if float(shown.replace(",", "")) != amount:
                other[amount] = shown
    assert other == {}
