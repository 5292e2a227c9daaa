"""150 requests at RoofLink's limit from 4 server processes with one key, as the service sees them arrive.

The service is the sandbox, in a process of its own: it notes when each request arrives, and refuses what exceeds the
limit. All calls are made at once, so all but the first few wait for their turn. The share of the limit is that of the
time between the first arrival and the last: five requests, and then five in each second, would be all of it.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from bench import stdio
from bench.peers import ARGUMENTS, BIN, LEADBRIDGE, TOOL, Setup
from bench.results import Budget, Row

PROCESSES = 4
REQUESTS = 150
LIMIT, SECONDS = 5, 1.0
PATIENCE = 90.0  # seconds until servers that do not answer are killed


def measure(setup: Setup) -> list[Row]:
    """Drain once: it takes as long as the limit says."""
    arrived, refused = drain(setup.rounds(REQUESTS))
    used = share(arrived)
    setup.notes.append(
        f"{len(arrived)} requests of {PROCESSES} processes with one key took {arrived[-1] - arrived[0]:.1f} s from the "
        f"first arrival to the last: {used:.1%} of {LIMIT} in any {SECONDS:g} s."
    )
    return [
        Row("most requests in any second, 4 processes", "", {LEADBRIDGE: most_in_any(arrived, SECONDS)}, Budget(LIMIT)),
        Row("of them refused (429)", "", {LEADBRIDGE: refused}, Budget(0)),
        Row("share of the limit left unused", "%", {LEADBRIDGE: (1 - used) * 100}, Budget(5), digits=1),
    ]


def drain(requests: int) -> tuple[list[float], int]:
    """Make so many calls: when each request arrived, in order, and how many of them were refused."""
    with ExitStack() as stack:
        env = stack.enter_context(sandbox())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leadbridge-bench-"))
        env |= {
            "LEADBRIDGE_STATE_URL": f"sqlite:///{Path(folder) / 'state.db'}",
            "LEADBRIDGE_BACKGROUND_READING": "false",  # only the calls are counted
        }
        command = (str(BIN / "leadbridge"), "serve")
        sessions = [stack.enter_context(stdio.started(command, env)) for _ in range(PROCESSES)]
        calls = [len(range(number, requests, PROCESSES)) for number in range(PROCESSES)]
        with ThreadPoolExecutor(PROCESSES) as threads:
            list(threads.map(call_at_once, sessions, calls))
        records = seen_by(env)
    arrived = sorted(record["at"] for record in records)
    refused = sum(record["status"] == 429 for record in records)  # noqa: PLR2004 - HTTP's own
    if len(arrived) - refused != requests:
        raise RuntimeError(f"{len(arrived) - refused} requests were served for {requests} calls")
    return arrived, refused


@contextmanager
def sandbox() -> Generator[dict[str, str]]:
    """Run the sandbox as a process; the settings with which LeadBridge uses it."""
    process = subprocess.Popen([str(BIN / "leadbridge"), "sandbox"], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        yield dict(setting.split("=", 1) for setting in process.stdout.readline().split())
    finally:
        process.terminate()
        process.communicate(timeout=10)


def seen_by(env: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every request that arrived at the sandbox."""
    origin = urlsplit(env["LEADBRIDGE_ROOFLINK_BASE_URL"])
    with urlopen(f"http://{origin.netloc}/_sandbox/requests", timeout=5) as answer:
        return json.load(answer)


def call_at_once(session: stdio.Session, calls: int) -> None:
    """Send all calls, then read until each is answered without an error."""
    assert session.process.stdout is not None  # noqa: S101 - `started` asks for it
    watchdog = threading.Timer(PATIENCE, session.process.kill)
    watchdog.start()
    try:
        waiting = {f"call-{number}" for number in range(calls)}
        for name in sorted(waiting):
            params = {"name": TOOL, "arguments": ARGUMENTS}
            session.send({"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": params})
        while waiting:
            line = session.process.stdout.readline()
            message: stdio.Json = json.loads(line) if line else {}
            if not line or "error" in message or message.get("result", {}).get("isError"):
                raise stdio.ServerFailedError(session.failure_text(f"{TOOL}: {line[:500]!r}"))
            waiting.discard(str(message.get("id")))
    finally:
        watchdog.cancel()


def most_in_any(arrived: Sequence[float], seconds: float) -> int:
    """The most arrivals in any stretch of time shorter than so many seconds."""
    return max(bisect_left(arrived, at + seconds) - first for first, at in enumerate(arrived))


def share(arrived: Sequence[float]) -> float:
    """How much of the limit was used, between the first arrival and the last."""
    return (len(arrived) - LIMIT) / LIMIT * SECONDS / (arrived[-1] - arrived[0])
