"""What a fault matrix is made of: a server on a sandbox that plays faults with one call of a tool each."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from mcp import Client
from mcp.types import CallToolResult

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.records import JobStatus, Vendor
from leadbridge.server.sandbox_keys import SANDBOX_SECRETS
from tests.cases import BY_NAME, SINGLE, Case
from tests.support import EVERY_PATH_SERVED, EVERY_TOOL, Time, call, connected, data_of, make_sandbox, text_of

Outcome = Literal["rows", "error", "done", "unconfirmed", "unknown", "refused"]
STATE = {outcome: outcome for outcome in ("done", "unconfirmed", "unknown", "refused")}
TAKEN: set[Outcome] = {"done", "unconfirmed"}
"""What an answer says that contradicts nothing; it need not show everything that was asked."""
OK = -1
"""Stands for the status with which the tool's own request succeeds."""
READ = BY_NAME["rooflink_list_prospects"]
STATUS = BY_NAME["renovationfind_update_job_status"]
TOOLS = (READ, *SINGLE)
ROOFLINK = [case for case in SINGLE if case.service == "rooflink"]
RENOVATIONFIND = [case for case in SINGLE if case.service == "renovationfind"]


@dataclass(frozen=True)
class Row:
    """What one call came to."""

    answers: list[int | None]
    """The status of each request that reached the service, in order; none where no answer came."""
    outcome: Outcome
    writes: int = 0
    """Changes that took effect on the service."""


@dataclass(frozen=True)
class Seen:
    """One call: what left, what was reported, what is recorded."""

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

    async def play(self, tool: Case, *faults: Fault) -> Seen:
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
        outcome: Any = data["outcome"] if "outcome" in data else "rows" if data.get("rows") else "error"
        row = Row([seen.status for seen in sent], outcome, len(self.sandbox.writes) - before)
        history = data_of(await call(self.client, "write_history", limit=100))
        new, self._rows = history["total"] - self._rows, history["total"]
        assert new == (0 if tool is READ else 1), text_of(result)
        found = [kept for kept in history["rows"] if kept["write_id"] == data.get("write_id")]
        kept = found[0] if found else {}
        return Seen(row, result, kept.get("outcome"), kept, list(self.time.slept))


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
    usual = {"approvals": "off", **EVERY_TOOL}
    async with connected(sandbox, time=time, **{**usual, **settings}) as client:
        yield Line(sandbox, client, time)


def assert_tells_the_truth(seen: Seen) -> None:
    """Text, data and history say the same, in our words: no markup, traceback, class name or key."""
    text, outcome = text_of(seen.result), seen.row.outcome
    assert 20 < len(text) < 1_500
    assert not re.search(r"Traceback|\bFile \"|[a-z](Error|Exception)\b|httpx|<html|<!doctype|<h1|failed inside", text)
    assert not any(secret in text for secret in SANDBOX_SECRETS.values())
    assert bool(seen.result.is_error) is (outcome not in {*TAKEN, "rows"})
    assert seen.state == STATE.get(outcome)
    if outcome == "unknown":
        assert not re.search(r"(?i)nothing was (changed|sent)|not changed", text)
        assert "do not try again" in text
