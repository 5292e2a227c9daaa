"""Look-ups in a full index and the end of a long history: what must not take longer because there is much.

The index holds 60,000 prospects, once ordinary ones and once those of a single household, who share house, name, phone
and e-mail; the tools' own code is timed. The history holds 300,000 writes; it is asked for through a client, and by the
command, whose time is mostly that of its start. Both are SQLite files on local disk.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

import anyio
from mcp import Client

from bench.matching import invented
from bench.peers import BIN, LEADBRIDGE, Setup
from bench.results import Budget, Row
from leadbridge.server.app import build_server
from leadbridge.server.config.settings import Settings
from leadbridge.server.matching.profile import ContactDetails, profile_of
from leadbridge.server.prospects.index import ProspectIndex, ProspectRow, put_rows, row_of
from leadbridge.server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

PROSPECTS, WRITES = 60_000, 300_000
ROUNDS, STARTS = 100, 10
PART = 2_000
"""Rows in one statement."""
ACCOUNT = "rooflink/sandbox/default"
SHOWN = 20
HOUSEHOLD = ContactDetails(
    "100 Oak St", "Austin", "TX", "78701", (("cell", "(512) 555-0142"),), "pat@example.org", "Pat Lee"
)


def measure(setup: Setup) -> list[Row]:
    """Each question so many times, each about another prospect."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder:
        return anyio.run(_measure, Path(folder), setup.rounds(ROUNDS), setup.rounds(STARTS))


async def _measure(folder: Path, rounds: int, starts: int) -> list[Row]:
    random = Random(1)
    contacts = [invented(random) for _ in range(PROSPECTS)]
    crowd = _index(folder / "ordinary.db", [row_of(number, one) for number, one in enumerate(contacts, start=1)])
    one = row_of(1, HOUSEHOLD)
    family = _index(folder / "household.db", [replace(one, prospect_id=number) for number in range(1, PROSPECTS + 1)])
    history = _history(folder / "history.db")
    some = random.sample(contacts, rounds)
    names = [ContactDetails(name=one.name) for one in some]
    last_names = [ContactDetails(name=one.name.split()[-1]) for one in some]
    many = f"{PROSPECTS:,} prospects"
    rows = [
        ("a look-up by all fields", many, await _times(crowd, some), 20),
        ("a name search", many, await _times(crowd, names), 50),
        ("a search by family name", many, await _times(crowd, last_names), 100),
        ("a look-up", f"{many} of one household", await _times(family, [HOUSEHOLD] * rounds), 300),
        ("write_history", f"{WRITES:,} writes", await _asked_for(history, rounds), 50),
        ("leadbridge history list", f"{WRITES:,} writes", await _timed([partial(_listed, history)] * starts), 1_500),
    ]
    for seen in (crowd, family):
        seen.store.close()
    return [
        Row(f"{what}, of {of}", "ms", {LEADBRIDGE: median(took)}, Budget(budget), digits=1)
        for what, of, took, budget in rows
    ]


async def _times(seen: ProspectIndex, contacts: Sequence[ContactDetails]) -> list[float]:
    return await _timed([partial(seen.find, profile_of(one)) for one in contacts])


async def _timed(questions: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """Milliseconds that each takes; the first is asked once before."""
    await questions[0]()
    took: list[float] = []
    for question in questions:
        began = time.perf_counter()
        await question()
        took.append((time.perf_counter() - began) * 1_000)
    return took


async def _asked_for(state_url: str, rounds: int) -> list[float]:
    settings = Settings.model_validate({"sandbox": True, "state_url": state_url})
    async with Client(build_server(settings)) as client:

        async def ask() -> None:
            result = await client.call_tool("write_history", {"limit": SHOWN})
            if result.structured_content is None or len(result.structured_content["rows"]) != SHOWN:
                message = f"write_history answered something else: {result}"
                raise RuntimeError(message)

        return await _timed([ask] * rounds)


async def _listed(state_url: str) -> None:
    """Run the command, which must find all there are."""
    command = [str(BIN / "leadbridge"), "history", "list", "--limit", str(SHOWN)]
    done = subprocess.run(  # noqa: ASYNC221 - nothing else is under way
        command,
        env={**os.environ, "LEADBRIDGE_STATE_URL": state_url},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    if f"{SHOWN} of " not in done.stdout:
        message = f"the command listed something else: {done.stdout}"
        raise RuntimeError(message)


def _index(file: Path, rows: Sequence[ProspectRow]) -> ProspectIndex:
    store = Store(f"sqlite:///{file}")

    def fill(connection: Connection) -> None:
        for start in range(0, len(rows), PART):
            put_rows(connection, ACCOUNT, rows[start : start + PART], listed=True, now=1.0)

    store.run_sync(fill)
    return ProspectIndex(store, ACCOUNT)


def _history(file: Path) -> str:
    """The address of a state store with a long history."""
    store = Store(f"sqlite:///{file}")
    row = {
        "account": ACCOUNT,
        "service": "rooflink",
        "operation": "rooflink.add_note",
        "target": "job 7",
        "subject": "job 7",
        "repeat_digest": "0" * 64,
        "arguments": {"job_id": 7},
        "state": "done",
        "summary": "A note is added to job 7.",
        "approval": "form",
        "sandbox": True,
        "owner": "bench",
        "lease_until": 0.0,
        "updated_at": 1.0,
    }

    def fill(connection: Connection) -> None:
        from leadbridge.server.state.tables import writes

        for start in range(0, WRITES, PART):
            times = range(start, start + PART)
            connection.execute(writes.insert(), [{**row, "created_at": float(at)} for at in times])

    store.run_sync(fill)
    store.close()
    return f"sqlite:///{file}"
