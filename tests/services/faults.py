"""What a fault matrix is made of: a row for each tool, and a server on a sandbox that plays faults with one call each.

A new write tool joins every test of the matrix with one row in `WRITES`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from mcp import Client
from mcp.types import CallToolResult

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.manager import Vendor
from leadbridge.server.sandbox.records import JobStatus
from leadbridge.server.sandbox_keys import SANDBOX_SECRETS
from tests.support import EVERY_PATH, EVERY_PATH_SERVED, Time, call, connected, data_of, make_sandbox, text_of

ServiceValue = Literal["rows", "error", "done", "unknown", "refused"]
STATE = {"done": "done", "unknown": "unknown", "refused": "failed"}
OK = -1
"""Stands for the status with which the tool's own request succeeds."""


@dataclass(frozen=True)
class Tool:
    """A tool, and the requests that are its own."""

    name: str
    about: Callable[[int], dict[str, Any]]
    """Arguments for so many different records, because the same write is not sent twice."""
    method: str
    path: str
    """A regular expression."""
    succeeds_with: int = 200
    shows_record: bool = True
    """Whether an answer without the record is none; else `success: true` is the whole answer."""
    may_be_silent: bool = False
    """Whether no content, and so `null`, is a success."""
    finds_its_own: bool = False
    """Whether it looks for the record of a write whose answer was lost."""

    @property
    def has_body(self) -> bool:
        """Whether there is anything in the answer to a success."""
        return self.succeeds_with != 204

    @property
    def service(self) -> str:
        return self.name.partition("_")[0]

    def fault(self, kind: Any, **options: Any) -> Fault:
        """A fault that befalls this tool's own requests."""
        return Fault(kind=kind, match=f"{self.method} {self.path}", **options)


READ = Tool("rooflink_list_prospects", lambda _: {"page_size": 3}, "GET", "/light/jobs/prospect/$")
CREATE = Tool(
    "rooflink_create_lead",
    lambda number: {"address": f"{100 + 7 * number} Juniper Hollow Dr", "state": "TX", "postal_code": "75024"},
    "POST",
    "/light/jobs/",
    succeeds_with=201,
    finds_its_own=True,
)
STATUS = Tool(
    "renovationfind_update_job_status",
    lambda number: {"lead_id": 1_000 + number, "status": "QUOTE_SENT"},
    "PUT",
    "/status$",
)
WON = Tool(
    "renovationfind_mark_won",
    lambda number: {"lead_id": 1_000 + number, "status": "JOB_WON", "job_amount": 18500},
    "PUT",
    "/status$",
)
ACCEPT = Tool("renovationfind_accept_lead", lambda number: {"lead_id": 2_000 + number}, "POST", "/accept$")
DECLINE = Tool(
    "renovationfind_decline_lead",
    lambda number: {"lead_id": 2_000 + number, "reason": "Too far away"},
    "POST",
    "/decline$",
    shows_record=False,
)
REFER = Tool(
    "renovationfind_create_referral",
    lambda number: {"first_name": "Ada", "last_name": "Byron", "email": f"ada.{number}@byronroofs.com"},
    "POST",
    "/referral-requests$",
    succeeds_with=201,
    shows_record=False,
)
VENDOR = Tool(
    "renovationfind_create_vendor",
    lambda number: {
        "vendor_name": "Byron Roofs",
        "email": f"office.{number}@byronroofs.com",
        "password": "correct horse 7",
        "sales_email": "sales@byronroofs.com",
        "city_id": 41,
    },
    "POST",
    "/vendors$",
    succeeds_with=201,
    shows_record=False,
)
PACKAGE = Tool(
    "renovationfind_update_subscription",
    lambda number: {"vendor_id": 5_000 + number, "package_type": "BASIC"},
    "POST",
    "/subscription-details$",
    shows_record=False,
)
_JOBS = (
    7_000_104, 7_000_107, 7_000_114, 7_000_120, 7_000_126, 7_000_133, 7_000_140, 7_000_141, 7_000_145, 7_000_151
)  # fmt: skip
_NOTES = range(92_001, 92_011)
_JOB, _EVENT = "/light/public/jobs/", "/light/events/"
UPDATE_JOB = Tool(
    "rooflink_update_job",
    lambda number: {"job_id": _JOBS[0], "name": f"Roof {number}"},
    "PATCH",
    _JOB,
    may_be_silent=True,
    finds_its_own=True,
)
ASSIGN_JOB = Tool(
    "rooflink_assign_job",
    lambda number: {"job_id": _JOBS[number % 10], "rep_id": 301 + number // 10 % 5, "rep_2_id": 301 + number // 50},
    "PATCH",
    _JOB,
    may_be_silent=True,
    finds_its_own=True,
)
NOTE = Tool(
    "rooflink_add_note",
    lambda number: {"job_id": _JOBS[0], "message": f"Call {number}"},
    "POST",
    "/light/notes/",
    succeeds_with=201,
)
CREATE_EVENT = Tool(
    "rooflink_create_event",
    lambda number: {"name": f"Visit {number}", "start": "2030-05-06T09:00", "end": "2030-05-06T10:00"},
    "POST",
    _EVENT,
    succeeds_with=201,
)
UPDATE_EVENT = Tool(
    "rooflink_update_event", lambda number: {"event_id": 62_000 + number, "name": f"Visit {number}"}, "PATCH", _EVENT
)
DELETE_EVENT = Tool(
    "rooflink_delete_event",
    lambda number: {"event_id": 62_000 + number},
    "DELETE",
    _EVENT,
    succeeds_with=204,
    may_be_silent=True,
)
REPLY = Tool(
    "rooflink_reply_to_note",
    lambda number: {"note_id": _NOTES[number % 10], "message": f"Called {number}"},
    "POST",
    "/reply/$",
    succeeds_with=201,
)
EMAIL = Tool(
    "rooflink_update_customer_email",
    lambda number: {"job_id": _JOBS[number % 10], "email": f"ada.{number}@byronroofs.com"},
    "PATCH",
    "/customer_email/$",
    may_be_silent=True,
    finds_its_own=True,
)
WRITES = (
    CREATE, UPDATE_JOB, ASSIGN_JOB, EMAIL, NOTE, REPLY, CREATE_EVENT, UPDATE_EVENT, DELETE_EVENT,
    STATUS, WON, ACCEPT, DECLINE, REFER, VENDOR, PACKAGE,
)  # fmt: skip
TOOLS = (READ, *WRITES)


def by_name(tool: Tool) -> str:
    return tool.name


def on(service: str) -> list[Tool]:
    """The write tools of a service."""
    return [tool for tool in WRITES if tool.service == service]


@dataclass(frozen=True)
class Row:
    """What one call came to."""

    answers: list[int | None]
    """The status of each request that reached the service, in order; none where no answer came."""
    told: ServiceValue
    writes: int = 0
    """Changes that took effect on the service."""


@dataclass(frozen=True)
class Seen:
    """One call: what left, what was told, what is on record."""

    row: Row
    result: CallToolResult
    state: str | None
    """The state of the row in the history that this call made."""
    kept: dict[str, Any]
    """That row."""
    slept: list[float]


class Line:
    """A server on a sandbox with a client; each call is about another record."""

    def __init__(self, sandbox: Sandbox, client: Client, time: Time) -> None:
        self.sandbox = sandbox
        self.client = client
        self.time = time
        self._number = 0
        self._rows = 0

    @property
    def number(self) -> int:
        """How many calls there were."""
        return self._number

    async def play(self, tool: Tool, *faults: Fault) -> Seen:
        """Call the tool once with these faults to come, and look at both sides."""
        self.time.now += 1_000_000  # whatever cooled off has cooled off
        self._number += 1
        self.sandbox.requests.clear()
        self.time.slept.clear()
        before = len(self.sandbox.writes)
        self.sandbox.faults.clear()
        for fault in faults:
            self.sandbox.faults.add(fault)
        result = await call(self.client, tool.name, **tool.about(self._number))
        self.sandbox.faults.clear()
        arrived = [seen for seen in self.sandbox.requests if re.search(tool.path, seen.path)]
        sent = [seen for seen in arrived if seen.method == tool.method]
        assert tool is READ or len(sent) == sum(seen.method != "GET" for seen in self.sandbox.requests)
        data = result.structured_content or {}
        told: Any = data["outcome"] if "outcome" in data else "rows" if data.get("rows") else "error"
        row = Row([seen.status for seen in sent], told, len(self.sandbox.writes) - before)
        history = data_of(await call(self.client, "write_history", limit=100))
        new, self._rows = history["total"] - self._rows, history["total"]
        assert new == (0 if tool is READ else 1), text_of(result)
        found = [kept for kept in history["rows"] if kept["write_id"] == data.get("write_id")]
        kept = found[0] if found else {}
        return Seen(row, result, kept.get("state"), kept, list(self.time.slept))


@asynccontextmanager
async def line(**settings: Any) -> AsyncIterator[Line]:
    """Leads from 1001 on are accepted, those from 2001 on are new; there are vendors from 5001 on and
    events from 62001 on."""
    time = Time()
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    new, event = sandbox.leads[812], sandbox.events[61_001]
    for number in range(1, 100):
        accepted = replace(new, id=1_000 + number, action="ACCEPTED", status=JobStatus())
        sandbox.leads.update({1_000 + number: accepted, 2_000 + number: replace(new, id=2_000 + number)})
        sandbox.events[62_000 + number] = replace(event, id=62_000 + number)
    sandbox.vendors.update({5_000 + number: Vendor(5_000 + number, {"email": str(number)}) for number in range(100)})
    usual = {"approvals": "off", "toolsets": "all", "contract_file": EVERY_PATH}
    async with connected(sandbox, time=time, **{**usual, **settings}) as client:
        yield Line(sandbox, client, time)


def assert_tells_the_truth(seen: Seen) -> None:
    """Text, data and history say the same, in our words: no markup, traceback, class name or key."""
    text, told = text_of(seen.result), seen.row.told
    assert 20 < len(text) < 1_500
    assert not re.search(r"Traceback|\bFile \"|[a-z](Error|Exception)\b|httpx|<html|<!doctype|<h1|failed inside", text)
    assert not any(secret in text for secret in SANDBOX_SECRETS.values())
    assert bool(seen.result.is_error) is (told not in {"done", "rows"})
    assert seen.state == STATE.get(told)
    if told == "unknown":
        assert not re.search(r"(?i)nothing was (changed|sent)|not changed", text)
        assert "before trying again" in text
