"""CPU and memory that the worst answers cost: 10 MB of small things, of markup made to be slow, or packed twice.

Each in a process of its own, with server and client in it, so that what is measured is more than the server alone.
`BEFORE` was measured on the same machine before answers were bounded, at a server over stdio.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import httpx
from mcp import Client

from bench.peers import LEADBRIDGE, Setup
from bench.results import Budget, Row
from leadbridge.server.app import build_server
from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox import Sandbox

MOST_SECONDS, MOST_MEMORY, MOST_MEMORY_PACKED = 2, 150, 64
BEFORE = {"rows": (15.1, 1952), "steps": (3.3, 285), "counts": (5.0, 635), "markup": (8.6, 20)}
"""Seconds of CPU and MB; the note with markup had 34 kB then."""
PACKED = "844 MB, packed twice"


def _flood(name: str) -> tuple[bytes, str, dict[str, Any]]:
    """A body, and the call that it answers."""
    if name == PACKED:
        return _packed([_packed([bytes(1_000_000)] * 844)]), "rooflink_prospect_stats", {}
    if name == "rows":
        rows = b",".join(b'{"id":%d}' % number for number in range(1, 700_001))
        return b'{"count":1,"results":[' + rows + b"]}", "rooflink_list_prospects", {}
    if name == "steps":
        steps = {f"s{number}": {"key": f"s{number}", "complete": False, "name": "x"} for number in range(150_000)}
        return json.dumps({"id": 1, "pipeline": steps}).encode(), "rooflink_get_prospect", {"prospect_id": 1}
    if name == "counts":
        return json.dumps({f"s{number}": 1 for number in range(700_000)}).encode(), "rooflink_prospect_stats", {}
    note = {"id": 1, "job": 7, "message": "<a " * 3_000_000}
    return json.dumps({"count": 1, "results": [note]}).encode(), "rooflink_list_notes", {"job_id": 7, "page_size": 1}


def measure(setup: Setup) -> list[Row]:
    """Each flood once."""
    rows: list[Row] = []
    for name, (seconds_before, memory_before) in BEFORE.items():
        found = _cost(name)
        rows += [
            Row(f"10 MB of {name}, CPU", "s", {LEADBRIDGE: found["seconds"]}, Budget(MOST_SECONDS), digits=2),
            Row(f"10 MB of {name}, growth at its peak", "MB", {LEADBRIDGE: found["memory"]}, Budget(MOST_MEMORY)),
        ]
        setup.notes.append(
            f"Before answers were bounded, {name} took {seconds_before:.1f} s of CPU and {memory_before:,} MB."
        )
    memory = _cost(PACKED)["memory"]
    return [*rows, Row(f"{PACKED}, growth at its peak", "MB", {LEADBRIDGE: memory}, Budget(MOST_MEMORY_PACKED))]


def _cost(name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.measures.floods", name]
    done = subprocess.run(command, capture_output=True, encoding="ascii", check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _packed(parts: Iterable[bytes]) -> bytes:
    """gzip, as small as it gets."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return b"".join([*map(packer.compress, parts), packer.flush()])


async def _call(name: str) -> dict[str, float]:
    body, tool, arguments = _flood(name)
    headers = {"Content-Encoding": "gzip, gzip"} if name == PACKED else {}
    answer = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(body)))
    values: dict[str, Any] = {"sandbox": True, "toolsets": "all", "upload_root": str(Path.cwd())}
    server = build_server(Settings.model_validate(values), sandbox=Sandbox(), transport=lambda: answer)
    async with Client(server) as client:
        await client.list_tools()
        await client.call_tool("server_status")  # the client's first check of an answer imports for more than a second
        _forget_peak()
        memory, began = _peak(), time.process_time()
        await client.call_tool(tool, arguments)
        seconds = time.process_time() - began
    return {"seconds": seconds, "memory": _peak() - memory}


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak() -> float:
    """The most memory that this process has held, in MB."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(anyio.run(_call, sys.argv[1])))
