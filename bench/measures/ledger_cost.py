"""What the ledger adds to a write: the same HTTP write with it and without it, in one process, in turns.

With it: looked up whether it is a repeat, intent, `sent` and outcome committed to SQLite on local disk. Without it: the
client's request and the reading of its answer alone. The service is the sandbox in another process, on loopback.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import anyio
from pydantic import JsonValue

from bench.peers import LEADBRIDGE, Setup
from bench.results import Budget, Row
from leadbridge.server.app import build_app_context
from leadbridge.server.config.settings import Settings
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import WritePermit
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write

ROUNDS = 100
WARM_UP = 5
LEAD = 785
TARGET = f"lead {LEAD}"
SERVICE = "renovationfind"


class Unrecorded:
    """A permit that puts nothing on record: what a client without a ledger would send with."""

    operation_id = f"{SERVICE}.update_job_status"

    async def sending(self) -> None:
        """Do nothing."""


def measure(setup: Setup) -> list[Row]:
    """Write a status so many times each way; every one is different, so none is a repeat."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder, _services() as settings:
        with_ledger, without = anyio.run(_times, settings, Path(folder), setup.rounds(ROUNDS))
    cost = median(with_ledger) - median(without)
    setup.notes.append(
        f"A write took {median(with_ledger):.1f} ms with the ledger and {median(without):.1f} ms without it "
        "(medians, in one process, three commits and a checkpoint to SQLite on local disk)."
    )
    return [Row("what the ledger adds to a write", "ms", {LEADBRIDGE: cost}, Budget(10), digits=1)]


async def _times(settings: dict[str, str], folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    given = {name.removeprefix("LEADBRIDGE_").lower(): value for name, value in settings.items()}
    made = Settings.model_validate({**given, "state_url": f"sqlite:///{folder / 'state.sqlite'}"})
    app = build_app_context(made, rate_limiter=_unhurried)
    ways = {"with": partial(_with_ledger, app), "without": partial(_without_ledger, app)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    try:
        for number in range(-WARM_UP, rounds):
            order = list(ways.items())
            for name, way in order if number % 2 else reversed(order):
                write, action = _write(app, f"{name} {number}")
                began = time.perf_counter()
                await way(write, action)
                if number >= 0:
                    times[name].append((time.perf_counter() - began) * 1000)
    finally:
        await app.services.aclose()
        app.store.close()
    return times["with"], times["without"]


async def _with_ledger(app: AppContext, write: Write, action: HttpWrite) -> None:
    """What happens between a write and its receipt (server/writes/pipeline.py), without a person and without words."""
    ledger = app.ledger
    if (await ledger.look(write)).earlier is not None:
        raise _not_measured("a repeat")
    permit = await ledger.begin(write, Approval("not needed"))
    if not isinstance(permit, WritePermit):
        raise _not_measured("a repeat")
    client = app.services.client(SERVICE)
    answer = await client.request(action.operation, path=action.path, body=action.body, permit=permit)
    done = action.receive(answer)
    await ledger.record(permit.write_id, "done", done.summary, done.record_id)


async def _without_ledger(app: AppContext, _write: Write, action: HttpWrite) -> None:
    answer = await app.services.client(SERVICE).request(
        action.operation, path=action.path, body=action.body, permit=Unrecorded()
    )
    action.receive(answer)


def _write(app: AppContext, reason: str) -> tuple[Write, HttpWrite]:
    operation = app.catalog[Unrecorded.operation_id]
    arguments: dict[str, JsonValue] = {"status": "OTHER", "reason": reason}
    action = HttpWrite(
        operation=operation,
        receive=lambda _: Done("The status is set.", record_id=LEAD),
        path={"lead_id": LEAD},
        body=operation.encode_body(arguments),
    )
    write = Write(
        action=action,
        subject=Subject(TARGET, f"{TARGET} status"),
        arguments={"lead_id": LEAD, **arguments},
        preview=Preview(lines=()),
    )
    return write, action


def _unhurried(*, service: str, requests: int, seconds: float, account: str = "") -> RateLimiter:
    """A rate limiter that lets everything pass: its waiting is no cost of the ledger."""
    del account
    return RateLimiter(service, requests * 1000, seconds)


def _not_measured(what: str) -> RuntimeError:
    return RuntimeError(f"{what} was measured in place of a write")


@contextmanager
def _services() -> Generator[dict[str, str]]:
    """The sandbox as a process of its own, without limits, and the settings that reach it."""
    process = subprocess.Popen([sys.executable, "-m", "tests.crash.service"], stdout=subprocess.PIPE, encoding="ascii")
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        yield dict(pair.split("=", 1) for pair in process.stdout.readline().split())
    finally:
        process.terminate()
        process.wait(timeout=10)
