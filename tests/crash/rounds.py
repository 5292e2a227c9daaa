"""One round: a server is killed at a point of a write, and the next one is asked what became of it.

Whatever it says is held against what the service counted.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import psycopg
from mcp import Client, MCPError

from leadbridge.server.state import Store, audit
from tests.crash import points
from tests.crash.processes import STATE_FILE, Server, Service, Zygote, eventually, server_on, state_url
from tests.crash.service import ACCEPTED, NEW
from tests.support import PATIENCE, call, data_of

SIGKILLED = -9
IN_FLIGHT, COMMITTED, ANY_INSTANT = "in flight, not carried out", "in flight, carried out", "at any instant"
POINTS = (*points.INSIDE, IN_FLIGHT, COMMITTED, ANY_INSTANT)
_LONGEST_WRITE = 0.1
"""Seconds; a server that is killed at any instant is killed within so many of the call."""

_ZIPS = ("75024", "75023", "75034", "75013", "75070", "75204", "75009", "75098", "75040", "75048", "75078", "78701")
_FIRST = (
    "Juniper",
    "Quarry",
    "Lantern",
    "Heron",
    "Sycamore",
    "Mill",
    "Falcon",
    "Granite",
    "Orchard",
    "Tanager",
    "Velvet",
)
_SECOND = ("Hollow Dr", "Bend Ct", "Ridge Rd", "Trail", "Crossing Ln", "Park Blvd", "Meadow Way")


@dataclass(frozen=True, slots=True)
class Write:
    """One write as it is asked for, and how the service distinguishes it from all others."""

    tool: str
    arguments: dict[str, Any]
    method: str
    path: str
    """A regular expression."""
    gated: bool
    matches: Callable[[dict[str, Any]], bool]
    """Whether a write that the service counted is this one."""

    def effects(self, service: Service) -> int:
        """How often it took effect."""
        return sum(self.matches(write) for write in service.writes())

    def requests(self, service: Service) -> int:
        """How often a request of its kind arrived, for whatever record."""
        arrived = service.requests()
        return sum(each["method"] == self.method and re.search(self.path, each["path"]) is not None for each in arrived)


def create_lead(number: int) -> Write:
    """A new lead in RoofLink, at an address like no other."""
    street = f"{_FIRST[number % len(_FIRST)]} {_SECOND[number % len(_SECOND)]}"
    address = f"{100 + number * 37} {street}"
    return Write(
        "rooflink_create_lead",
        {"address": address, "state": "TX", "postal_code": _ZIPS[number % len(_ZIPS)]},
        "POST",
        "/create_customer_and_job/",
        gated=False,
        matches=lambda write: write["service"] == "rooflink" and write["body"]["address"] == address,
    )


def update_status(number: int) -> Write:
    """A status of a lead of its own."""
    lead = ACCEPTED + number
    return Write(
        "renovationfind_update_job_status",
        {"lead_id": lead, "status": "OTHER", "reason": f"Round {number}"},
        "PUT",
        f"/general-leads/{lead}/status$",
        gated=False,
        matches=lambda write: write["path_params"] == {"lead_id": lead} and write["body"]["status"] == "OTHER",
    )


def mark_won(number: int) -> Write:
    """A lead won for good."""
    lead = ACCEPTED + number
    return Write(
        "renovationfind_mark_won",
        {"lead_id": lead, "status": "JOB_WON", "job_amount": 18_500},
        "PUT",
        f"/general-leads/{lead}/status$",
        gated=True,
        matches=lambda write: write["path_params"] == {"lead_id": lead} and write["body"]["status"] == "JOB_WON",
    )


def accept_lead(number: int) -> Write:
    """A lead accepted for good."""
    lead = NEW + number
    return Write(
        "renovationfind_accept_lead",
        {"lead_id": lead},
        "POST",
        f"/general-leads/{lead}/accept$",
        gated=True,
        matches=lambda write: write["path_params"] == {"lead_id": lead} and write["operation"].endswith("/accept"),
    )


WRITES: tuple[Callable[[int], Write], ...] = (create_lead, update_status, mark_won, accept_lead)


@dataclass(slots=True)
class Round:
    """What one kill came to."""

    point: str
    tool: str
    killed: bool = False
    """Whether it was killed before it had answered."""
    left: str = "nothing"
    """The state in which the killed server left the write; `nothing` where it is not on record."""
    reported: str = "nothing"
    """The state that the next server reported."""
    effects: int = 0
    """How often the write had taken effect when the server was dead."""
    burnt: bool = False
    """Whether an approval was used up by then."""
    doubled: bool = False
    falsely_done: bool = False
    lost: bool = False
    problems: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    @property
    def unresolved(self) -> bool:
        """Whether only a look at the service could say."""
        return self.reported == "unknown"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the state store, read without the product."""

    states: dict[int, str]
    approvals: int

    @classmethod
    def of(cls, folder: Path) -> Kept:
        """Read it, while no server runs. A file or a database that is not there yet holds nothing.

        A killed server can leave a journal that a read-only connection cannot roll back, and the next server is to do
        that itself. So a copy is read.
        """
        url = state_url(folder)
        if url.startswith("postgresql"):
            with psycopg.connect(url) as database:
                return cls._read(database, "SELECT tablename FROM pg_tables")
        with TemporaryDirectory() as copies:
            for part in folder.glob(f"{STATE_FILE}*"):
                shutil.copy(part, copies)
            with closing(sqlite3.connect(Path(copies) / STATE_FILE)) as file:
                return cls._read(file, "SELECT name FROM sqlite_master")

    @classmethod
    def _read(cls, connection: Any, tables: str) -> Kept:
        if ("writes",) not in connection.execute(tables).fetchall():
            return cls({}, 0)
        states = dict(connection.execute("SELECT id, state FROM writes").fetchall())
        return cls(states, connection.execute("SELECT count(*) FROM approvals").fetchone()[0])


def schedule(rounds: int) -> Iterator[tuple[str, Write]]:
    """Points and writes in turn, so that each point meets each write."""
    for number in range(rounds):
        turn, place = divmod(number, len(POINTS))
        yield POINTS[place], WRITES[(turn + place) % len(WRITES)](number)


async def play(service: Service, zygote: Zygote, folder: Path, point: str, write: Write, random: Random) -> Round:
    """Kill a server at the point, then ask the next one. Faults of the product are in the round, not raised."""
    began = time.perf_counter()
    round_ = Round(point, write.tool)
    before, arrived = Kept.of(folder), write.requests(service)
    with anyio.fail_after(PATIENCE):
        token = await _killed(service, zygote, folder, write, round_, arrived, random)
        left = Kept.of(folder)
        new = left.states.keys() - before.states.keys()
        write_id = max(new, default=0)
        round_.left = left.states.get(write_id, "nothing")
        round_.effects = write.effects(service)
        round_.burnt = left.approvals > before.approvals
        if len(new) > 1 or before.states.keys() - left.states.keys():
            _problem(round_, f"rows before {sorted(before.states)}, after {sorted(left.states)}")
        await _check_audit(folder, round_)
        at_kill = write.requests(service)
        if at_kill - arrived > 1:
            _problem(round_, f"{at_kill - arrived} requests for one write")
        async with server_on(zygote, folder) as server:
            await _ask_again(service, server, write, round_, write_id, token)
            states = await history_of(server.client)
        effects, since = write.effects(service), write.requests(service) - at_kill
    round_.doubled |= effects > 1 or since > 1 or (round_.effects > 0 and since > 0)
    round_.lost |= bool(left.states.keys() - states.keys()) or effects == 0 or "done" not in _of(states, write_id)
    open_ = sorted(row for row, state in states.items() if state in {"intended", "sent", "unknown"})
    if open_:
        _problem(round_, f"still open: {open_}")
    await _check_audit(folder, round_)
    for flag in ("doubled", "falsely_done", "lost"):
        if getattr(round_, flag):
            _problem(round_, f"{flag}: {effects} effects, {since} requests after the kill, rows {states}")
    round_.seconds = time.perf_counter() - began
    return round_


def _of(states: dict[int, str], write_id: int) -> set[str]:
    """States of the rows that this round may have made."""
    return {state for row, state in states.items() if row >= write_id}


def _problem(round_: Round, text: str) -> None:
    round_.problems.append(text)


async def _check_audit(folder: Path, round_: Round) -> None:
    store = Store(state_url(folder))
    try:
        verdict = await anyio.to_thread.run_sync(audit.verify, store)
    finally:
        await anyio.to_thread.run_sync(store.close)
    if verdict.broken_at is not None:
        _problem(round_, f"audit: {verdict.why}")


async def _killed(
    service: Service, zygote: Zygote, folder: Path, write: Write, round_: Round, arrived: int, random: Random
) -> str:
    """Let a server be killed in the write. Answers the token that it was called with."""
    inside = round_.point if round_.point in points.INSIDE else ""
    async with server_on(zygote, folder, inside, codes=(SIGKILLED,)) as server:
        token = ""
        if write.gated:
            asked = data_of(await call(server.client, write.tool, **write.arguments))
            token = asked["approval_token"]
        if round_.point in {IN_FLIGHT, COMMITTED}:
            kind = "slow" if round_.point == IN_FLIGHT else "slow_after_commit"
            service.let_happen(kind, f"{write.method} {write.path}")
        receipts: list[dict[str, Any]] = []

        async def ask() -> None:
            with suppress(MCPError):  # the connection ends with the server
                receipts.append(data_of(await _call(server.client, write, token)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            if round_.point == IN_FLIGHT:
                await eventually(lambda: write.requests(service) > arrived)
                server.kill()
            elif round_.point == COMMITTED:
                await eventually(lambda: write.effects(service))
                server.kill()
            elif round_.point == ANY_INSTANT:
                await anyio.sleep(random.uniform(0, _LONGEST_WRITE))
                server.kill()
    if round_.point == ANY_INSTANT:
        for _ in range(3):  # what had left has arrived before the service answers these
            service.requests()
    round_.killed = not receipts
    if receipts and round_.point != ANY_INSTANT:
        _problem(round_, f"it was not killed but answered {receipts[0]['outcome']}")
    if receipts and receipts[0]["outcome"] == "done":
        round_.falsely_done |= not write.effects(service)
    return token


async def _call(client: Client, write: Write, token: str = "") -> Any:
    given = {"approval_token": token} if token else {}
    return await call(client, write.tool, **write.arguments, **given)


async def _written(client: Client, write: Write) -> dict[str, Any]:
    """The receipt of the write, with a fresh approval where one is asked for."""
    receipt = data_of(await _call(client, write))
    if receipt["outcome"] == "approval_required":
        receipt = data_of(await _call(client, write, receipt["approval_token"]))
    return receipt


async def history_of(client: Client) -> dict[int, str]:
    """The states of all writes by their ids, as `write_history` shows them; the unresolved must come first."""
    rows = data_of(await call(client, "write_history", limit=100))["rows"]
    open_ = [row["outcome"] in {"in_progress", "unknown"} for row in rows]
    assert open_ == sorted(open_, reverse=True), "the unresolved do not come first"
    return {row["write_id"]: "failed" if row["outcome"] == "refused" else str(row["outcome"]) for row in rows}


async def _ask_again(service: Service, server: Server, write: Write, round_: Round, write_id: int, token: str) -> None:
    """Ask the next server what became of it, and for the same write again."""
    client = server.client
    states = await history_of(client)
    round_.reported = states.get(write_id, "nothing")
    round_.falsely_done |= round_.reported == "done" and not round_.effects

    if token:
        again = data_of(await _call(client, write, token))
        _judge(service, write, round_, again)
        if round_.burnt and again["outcome"] not in ({"refused", "already_done"} if round_.effects else {"refused"}):
            _problem(round_, f"a used approval was answered with {again}")
        if not round_.burnt and again["outcome"] != "done":
            _problem(round_, f"an approval that was not used was answered with {again}")

    again = await _written(client, write)
    _judge(service, write, round_, again)
    if round_.reported == "unknown" and again.get("reason") == "earlier_unknown":
        await _resolve(client, round_, write_id, "done" if round_.effects else "failed")
        again = await _written(client, write)
        _judge(service, write, round_, again)
    elif round_.reported == "unknown" and not round_.effects:
        _problem(round_, f"the same as an unknown write was answered with {again}")
    wanted = "already_done" if round_.effects or (token and not round_.burnt) else "done"
    if again["outcome"] != wanted:
        _problem(round_, f"the same again: wanted {wanted}, got {again}")
    if wanted == "already_done" and round_.effects and again.get("write_id") != write_id:
        _problem(round_, f"the repeat names another write than {write_id}: {again}")


async def _resolve(client: Client, round_: Round, write_id: int, outcome: str) -> None:
    """Resolve it as a person who looked at the service would."""
    arguments = {"write_id": write_id, "outcome": outcome}
    asked = data_of(await call(client, "resolve_write", **arguments))
    settled = data_of(await call(client, "resolve_write", **arguments, approval_token=asked["approval_token"]))
    if settled["outcome"] != "done":
        _problem(round_, f"it could not be settled: {settled}")


def _judge(service: Service, write: Write, round_: Round, receipt: dict[str, Any]) -> None:
    """A write that is reported as done must have been."""
    if receipt["outcome"] in {"done", "already_done"} and not round_.effects and not write.effects(service):
        round_.falsely_done = True
