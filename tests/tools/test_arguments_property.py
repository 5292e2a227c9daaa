"""Whatever arguments come in: no crash, nothing sent that was refused, and every refusal names its argument."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.types import CallToolResult

from leadbridge.server.app import tool_specs
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import JobStatus
from leadbridge.server.sandbox.status_rules import (
    CONTACT_METHODS,
    ESTIMATE_TYPES,
    LOST_REASONS,
    STATUSES,
    Refused,
    new_status,
)
from leadbridge.server.text import HIDING
from tests.cases import BY_NAME, CASES
from tests.support import EVERY_PATH_SERVED, EVERY_TOOL, Time, connected, data_of, make_sandbox, text_of

FEW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

SPECS = {spec.name: spec for spec in tool_specs()}
NOT_OURS = (
    "failed inside", "Traceback", "Error executing", "object at 0x", "pydantic", "validation error", "Resolver",
    "NoneType", "unhashable", "too large to convert", "codec can't",
)  # fmt: skip
"""Words of Python and of libraries, which a model must not see."""


@dataclass
class Bench:
    """A client that stays connected while hypothesis, which is not asynchronous, tries its examples."""

    sandbox: Sandbox
    time: Time
    client: Client
    portal: BlockingPortal
    schemas: dict[str, dict[str, Any]]

    def call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        self.time.now += 300.0  # no rate limit is in the way
        return self.portal.call(self.client.call_tool, tool, arguments)


@contextmanager
def bench(**options: Any) -> Iterator[Bench]:
    time = Time()
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    options = {**EVERY_TOOL, **options}
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(connected(sandbox, time=time, **options)) as client,
    ):
        listed = portal.call(client.list_tools)
        yield Bench(sandbox, time, client, portal, {tool.name: tool.input_schema for tool in listed.tools})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"),
    "", " ", "\n", "5", "785", "true", "null", "[]", "{}", '{"a": 1}', "TX", "tx", "ON", "75024", "７５０２４", "٧٥٠٢٤",
    "75024-1234", "M5V 3L9", "2026-12-01", "2026-02-30", "2026-12-01T00:00:00Z", "２０２６-12-01", "OTHER", "JOB_WON",
    "LEAD_WON", "QUOTE_SENT", "u", "dana@example.com", "a@b", "@", "(972) 555-0142", "+", "call me", "x" * 501,
    "é" * 300, "⟦x⟧", "⟦", "\u202e", "\x00", "\x1b[2J", "<b>x</b>", "🤷" * 60, [], [[]], [1], {}, {"a": None}, {"": {}},
    "lb1.x.y", "lb1..", "yes", "7.0", "007", "$18,500.00", "18.500", 2**53, str(2**53), "undefined", "N/A", "\ufffd",
    "\u200b", "a\u202eb", "a\r\nb", "2026-12-01T00:00:00.000Z", "[1]", "1,2", ["null"],
)  # fmt: skip


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the right type, most of them within the bounds."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "YYYY-MM-DD" in schema.get("description", "") and schema["type"] == "string":
        return st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(date.isoformat)
    match schema["type"]:
        case "integer":
            return st.integers(1, 100)
        case "number":
            return st.floats(-100, 100) | st.integers(-100, 100)
        case "boolean":
            return st.booleans()
        case "string":
            return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 30), 30))
        case _:
            return st.dictionaries(st.text(max_size=8), JSON, max_size=3)


def arguments_for(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a tool's arguments, right, odd or arbitrary, and now and then one that it does not have."""
    odd = st.sampled_from(ODD)
    values = {name: (fitting(row), odd, JSON) for name, row in schema.get("properties", {}).items()}
    required = set(schema.get("required", []))
    names = st.sets(st.sampled_from(sorted(values)), max_size=4) if values else st.just(set[str]())
    chance = st.integers(0, 3)

    @st.composite
    def some(draw: st.DrawFn) -> dict[str, Any]:
        chosen = draw(names) | (required if draw(chance) else set())
        arguments = {name: draw(values[name][max(0, draw(chance) - 1)]) for name in sorted(chosen)}
        if not draw(chance):
            arguments[draw(UNKNOWN)] = draw(JSON)
        return arguments

    return some()


UNKNOWN = st.text(max_size=12) | st.sampled_from(
    ["jobAmount", "leadId", "self", "ctx", "plan", "decision", "toolCallId", "action"]
)


def visible(name: str) -> str:
    return "".join(char for char in name if char.isprintable() and not char.isspace())


def check_refusal(tool: str, schema: dict[str, Any], given_arguments: dict[str, Any], text: str) -> None:
    """Each line names arguments that the tool has or that were given."""
    known = set(schema.get("properties", {}))
    lines = text.splitlines()[1:]
    assert lines, text
    for line in lines:
        if not line.startswith("- "):
            continue  # a message that goes on
        parts = set(line[2:].partition(": ")[0].split(", "))
        unknown = tuple(f"{visible(key)[:40]}:" for key in given_arguments)  # there may be colons in it
        assert parts <= known or visible(line[2:]).startswith(unknown) or "<" in "".join(given_arguments), (tool, line)


def record_unexpected(stage: Bench, tool: str, arguments: dict[str, Any]) -> None:
    """One call, and what holds of every answer."""
    requests, writes = len(stage.sandbox.requests), len(stage.sandbox.writes)
    result = stage.call(tool, arguments)
    text = text_of(result)
    assert text
    given_words = " ".join(map(str, arguments.values()))
    found = [words for words in NOT_OURS if words in text and words not in given_words]
    assert found == [], text
    sent = len(stage.sandbox.requests) - requests
    if text.startswith("Nothing was sent. Please correct"):
        assert result.is_error
        assert (sent, len(stage.sandbox.writes) - writes) == (0, 0)
        check_refusal(tool, stage.schemas[tool], arguments, text)
    elif result.is_error and sent == 0:
        assert "Nothing was" in text, text
    assert len(stage.sandbox.writes) - writes <= 1


@pytest.mark.parametrize("tool", SPECS)
def test_no_arguments_whatever_crash_a_tool_or_slip_through(tool: str):
    with bench() as stage:

        @FEW
        @given(arguments=arguments_for(stage.schemas[tool]))
        def attempt(arguments: dict[str, Any]) -> None:
            record_unexpected(stage, tool, arguments)

        attempt()
        assert not stage.call("server_status", {}).is_error  # the server is still there


GOOD = {case.name: case.arguments for case in CASES if SPECS[case.name].rules}
"""Tools whose arguments have rules between them, each with arguments that are right."""


@pytest.mark.parametrize("tool", GOOD)
def test_each_odd_value_alone_is_taken_or_refused_by_its_name(tool: str):
    """Every odd value in every argument, the others right; of arguments with one and the same schema, in one."""
    crashed: list[tuple[str, str, str]] = []
    with bench() as stage:
        properties = stage.schemas[tool].get("properties", {})
        schemas = {json.dumps({**row, "description": ""}, sort_keys=True): name for name, row in properties.items()}
        for argument, value in itertools.product(schemas.values(), ODD):
            try:
                # A dry run is enough: what is wrong is found before.
                quiet = {"dry_run": True} if "dry_run" in properties and argument != "dry_run" else {}
                record_unexpected(stage, tool, {**GOOD[tool], **quiet, argument: value})
            except AssertionError as error:
                crashed.append((argument, repr(value)[:20], str(error).splitlines()[0][:80]))
    assert crashed == []


def as_texts(value: Any) -> Any:
    """Numbers and flags as a host writes them that makes a text of every scalar."""
    if isinstance(value, list):
        return [as_texts(inner) for inner in value]
    return json.dumps(value) if isinstance(value, (bool, int)) else value


@pytest.mark.parametrize("tool", [*GOOD, "rooflink_calendar_view"])
def test_scalars_as_texts_are_the_same_call(tool: str):
    with bench() as stage:
        properties = stage.schemas[tool].get("properties", {})
        whole = {
            name: st.lists(st.integers(1, 50), min_size=1, max_size=2) if row["type"] == "array" else fitting(row)
            for name, row in properties.items()
            if row["type"] in {"integer", "boolean"} or row.get("items", {}).get("type") == "integer"
        }

        @FEW
        @given(chosen=st.fixed_dictionaries({}, optional=whole))
        def attempt(chosen: dict[str, Any]) -> None:
            given_arguments = {**GOOD.get(tool, {}), **chosen, **({"dry_run": True} if "dry_run" in properties else {})}
            plain = stage.call(tool, given_arguments)
            texts = stage.call(tool, {name: as_texts(value) for name, value in given_arguments.items()})
            assert (texts.is_error, text_of(texts)) == (plain.is_error, text_of(plain))

        attempt()


ODD_CHARACTERS = (
    "\u200b\u00ad\ufeff\u202e\u2066\u2069\x00\x1b\u2028\r\n\t \u00a0\ue000\ufffd\u3164\u2800\ufe0f\u200d\U000e0041"
)
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def test_what_goes_out_can_be_seen_and_has_no_blank_at_its_ends():
    """Of a text in a lead, a note and a free object: cleaned, or refused by name and not sent."""
    sent = refused = 0
    parts = st.text(st.characters(codec="utf-8"), max_size=3) | st.sampled_from(ODD_CHARACTERS)
    with bench(approvals="off") as stage:
        job = min(stage.sandbox.prospects)

        def attempt_at(tool: str, **arguments: Any) -> Iterator[str]:
            nonlocal sent, refused
            writes = len(stage.sandbox.writes)
            result = stage.call(tool, arguments)
            if result.is_error:
                assert len(stage.sandbox.writes) == writes
                refused += 1
                return
            sent += 1
            body = stage.sandbox.writes[-1].body
            assert isinstance(body, dict)
            names = {"last_name", "message"} & set(body)
            yield from (str(body[name]) for name in names)
            yield from (value for value in body.get("extra_info", {}).values() if isinstance(value, str))

        @settings(FEW, max_examples=80)
        @given(text=st.lists(parts, min_size=1, max_size=6).map("".join))
        def attempt(text: str) -> None:
            lead = {**BY_NAME["rooflink_create_lead"].arguments, "allow_duplicate": True}
            for value in (
                *attempt_at("rooflink_create_lead", **lead, last_name=text, extra_info={"a": text}),
                *attempt_at("rooflink_add_note", job_id=job, message=text),
            ):
                assert value == value.strip()
                unseen = {char for char in value if unicodedata.category(char) in UNSEEN}
                assert unseen <= set("\n\t\u200c\u200d"), ascii(value)

        attempt()
    assert sent > 20
    assert refused > 20


# Job statuses, with the sandbox as referee: its rules are written from the vendor's page and share nothing with ours.

NAMES = {
    "reason": "reason", "meeting_scheduled_date": "meetingScheduledDate", "job_amount": "jobAmount",
    "contact_method": "contactMethod", "estimate_type": "estimateType", "lost_reason": "lostReason",
    "estimated_project_start_date": "estimatedProjectStartDate", "estimated_completion_date": "estimatedCompletionDate",
    "start_date_tbd": "startDateTbd", "completion_date_tbd": "completionDateTbd",
}  # fmt: skip
WON = ("JOB_WON", "LEAD_WON")
SHOWS = st.characters(exclude_categories=["C", "Z"], exclude_characters="⟦⟧\ufffd\u2800")
reasons = (
    st.lists(st.lists(st.text(SHOWS, min_size=1, max_size=8), min_size=1, max_size=8).map(" ".join), min_size=1)
    .map("\n".join)
    .filter(lambda text: len(text) <= 500 and not re.search(f"[{HIDING}]", text))
)
"""Texts that go out as they are, of one line or several."""
days = st.dates(date(1, 1, 1), date(9999, 12, 31))
cents = st.integers(1, 10**13).map(lambda number: number / 100)


@st.composite
def complete(draw: st.DrawFn, status: str) -> dict[str, Any]:
    """The status with all that it needs and nothing that it has no use for, as the vendor's page has it."""
    arguments: dict[str, Any] = {"status": status}
    if status in {"JOB_LOST", "JOB_POSTPONED_OR_CANCELLED", "OTHER"} or draw(st.booleans()):
        arguments["reason"] = draw(reasons)
    if status == "MEETUP_SCHEDULED":
        arguments["meeting_scheduled_date"] = draw(days).isoformat()
    if status in WON:
        arguments["job_amount"] = draw(cents | st.integers(1, 10**6))
    if status in {"REACHED_OUT_TO_HOMEOWNER", "CONTACT_MADE"} and draw(st.booleans()):
        arguments["contact_method"] = draw(st.sampled_from(CONTACT_METHODS))
    if status == "ESTIMATE_PROVIDED" and draw(st.booleans()):
        arguments["estimate_type"] = draw(st.sampled_from(ESTIMATE_TYPES))
    if status == "LEAD_LOST":
        arguments["lost_reason"] = draw(st.sampled_from(LOST_REASONS))
        if arguments["lost_reason"] == "OTHER":
            arguments.setdefault("reason", draw(reasons))
    if status == "LEAD_WON":
        first, second = sorted([draw(days), draw(days)])
        for day, flag, value in (
            ("estimated_project_start_date", "start_date_tbd", first),
            ("estimated_completion_date", "completion_date_tbd", second),
        ):
            if draw(st.booleans()):
                arguments[day] = value.isoformat()
            else:
                arguments[flag] = True
    return arguments


@st.composite
def incomplete(draw: st.DrawFn, status: str) -> dict[str, Any]:
    """The status with some arguments of the right types, whether it needs them or not."""
    optional = {
        "reason": reasons | st.sampled_from([" ", "x" * 500]),
        "meeting_scheduled_date": days.map(date.isoformat),
        "job_amount": cents | st.sampled_from([0, -1]),
        "contact_method": st.sampled_from(CONTACT_METHODS),
        "estimate_type": st.sampled_from(ESTIMATE_TYPES),
        "lost_reason": st.sampled_from(LOST_REASONS),
        "estimated_project_start_date": days.map(date.isoformat),
        "estimated_completion_date": days.map(date.isoformat),
        "start_date_tbd": st.booleans(),
        "completion_date_tbd": st.booleans(),
    }
    ours = {name for name in optional if (name in _WON_ONLY) == (status in WON) or name == "reason"}
    wanted = draw(st.sets(st.sampled_from(sorted(ours)), max_size=4))
    return {"status": status, **{name: draw(optional[name]) for name in sorted(wanted)}}


_WON_ONLY = {
    "job_amount", "estimated_project_start_date", "estimated_completion_date", "start_date_tbd", "completion_date_tbd",
}  # fmt: skip


def tool_for(status: str) -> str:
    return "renovationfind_mark_won" if status in WON else "renovationfind_update_job_status"


def on_the_wire(arguments: dict[str, Any]) -> dict[str, Any]:
    return {NAMES.get(name, name): value for name, value in arguments.items()}


def new_lead(sandbox: Sandbox) -> int:
    lead_id = max(sandbox.leads) + 1
    sandbox.leads[lead_id] = replace(sandbox.leads[785], id=lead_id, status=JobStatus(), attachments=[])
    return lead_id


def test_every_complete_status_is_taken_and_written_as_it_is():
    with bench(approvals="off") as stage:

        def attempt(arguments: dict[str, Any]) -> None:
            writes, lead_id = len(stage.sandbox.writes), new_lead(stage.sandbox)
            result = stage.call(tool_for(arguments["status"]), {"lead_id": lead_id, **arguments})
            assert data_of(result)["outcome"] == "done", text_of(result)
            (write,) = stage.sandbox.writes[writes:]
            body = on_the_wire(arguments)
            assert write.body == body
            assert new_status(body, datetime.now(UTC)).status == arguments["status"]

        for status in STATUSES:
            settings(FEW, max_examples=6)(given(arguments=complete(status))(attempt))()
        assert len(stage.sandbox.writes) > 40


def test_what_the_service_would_refuse_is_never_sent():
    taken = refused = 0
    with bench(approvals="off") as stage:

        def attempt(arguments: dict[str, Any]) -> None:
            nonlocal taken, refused
            requests, lead_id = len(stage.sandbox.requests), new_lead(stage.sandbox)
            result = stage.call(tool_for(arguments["status"]), {"lead_id": lead_id, **arguments})
            try:
                new_status(on_the_wire(arguments), datetime.now(UTC))
            except Refused:
                assert result.is_error
                assert text_of(result).startswith("Nothing was sent"), text_of(result)
                assert len(stage.sandbox.requests) == requests
                refused += 1
                return
            if result.is_error:  # a rule of our own
                assert text_of(result).startswith("Nothing was sent"), text_of(result)
                assert len(stage.sandbox.requests) == requests
            else:
                assert data_of(result)["outcome"] == "done"
                taken += 1

        for status in STATUSES:
            settings(FEW, max_examples=10)(given(arguments=incomplete(status))(attempt))()
    assert taken > 8
    assert refused > 8


def test_a_session_survives_many_calls_at_once():
    """Arguments of different calls do not get into each other's way."""
    with bench() as stage:

        async def crowd() -> list[CallToolResult]:
            results: list[CallToolResult] = []

            async def one(number: int) -> None:
                arguments = {"lead_id": 785, "status": "OTHER", f"unknown{number}": number}
                results.append(await stage.client.call_tool("renovationfind_update_job_status", arguments))

            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(one, number)
            return results

        results = stage.portal.call(crowd)
        named = sorted(re.findall(r"- unknown(\d+):", "\n".join(map(text_of, results))), key=int)
        assert named == [str(number) for number in range(20)]
        assert stage.sandbox.requests == []
