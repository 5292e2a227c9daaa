"""What one call runs: how many of our functions, in how many modules, and how many requests it sends.

A function counts once however often it is called. The second call of a server is looked at, because the first imports
and opens what the others use again. The sandbox does not count; what Python makes of comprehensions does not either.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import anyio
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from bench.peers import LEADBRIDGE, ROOT, Setup
from bench.results import Budget, Row
from leadbridge.server.app import build_server
from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox import Sandbox

OURS = tuple(str(ROOT / folder) for folder in ("server", "tools"))
WRITE, READ, CHANGE = "renovationfind_mark_won", "rooflink_list_prospects", "rooflink_update_event"
BUDGETS = {"an approved write": (80, 20), "a read": (50, 15)}
"""Functions and modules."""
VERSIONS = {"2026-07-28": "auto", "2025-11-25": "legacy"}


def measure(setup: Setup) -> list[Row]:
    """An approved write, a read and an approved change that reads the record first, in both protocol versions."""
    rows: list[Row] = []
    for version, mode in VERSIONS.items():
        ran, requests = anyio.run(_measured, mode)
        for title, functions in ran.items():
            modules = {file for file, _ in functions}
            rows += [
                Row(f"functions of {title}, {version}", "", {LEADBRIDGE: len(functions)}, Budget(BUDGETS[title][0])),
                Row(f"modules of {title}, {version}", "", {LEADBRIDGE: len(modules)}, Budget(BUDGETS[title][1])),
            ]
        rows.append(Row(f"requests of an approved change, {version}", "", {LEADBRIDGE: requests}, Budget(2)))
    setup.notes.append(f"The write is {WRITE}, the read {READ}, the change {CHANGE}.")
    return rows


async def _measured(mode: Any) -> tuple[dict[str, set[tuple[str, str]]], int]:
    sandbox = Sandbox(prospects=20)
    values: dict[str, Any] = {"sandbox": True, "background_reading": False, "toolsets": "all", "upload_root": str(ROOT)}
    ran: dict[str, set[tuple[str, str]]] = {}
    with _noted() as called:  # before the first worker thread starts
        server = build_server(Settings.model_validate(values), sandbox=sandbox)
        async with Client(server, mode=mode, elicitation_callback=_yes) as client:
            for lead_id in (785, 786):
                called.clear()
                await _call(client, WRITE, {"lead_id": lead_id, "status": "JOB_WON", "job_amount": 1000})
            ran["an approved write"] = _ours(called)
            for _ in range(2):
                called.clear()
                await _call(client, READ, {})
            ran["a read"] = _ours(called)
            before = len(sandbox.requests)
            await _call(client, CHANGE, {"event_id": min(sandbox.events), "name": "Moved"})
    return ran, len(sandbox.requests) - before


async def _yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    del context, params
    return ElicitResult(action="accept", content={"confirm": True})


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> None:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        message = f"{tool} did not do what is measured: {result}"
        raise RuntimeError(message)


def _ours(called: set[CodeType]) -> set[tuple[str, str]]:
    """File and name of what is ours."""
    named = {(str(Path(code.co_filename).resolve()), code.co_qualname) for code in called.copy()}
    return {(file, name) for file, name in named if file.startswith(OURS) and "/sandbox/" not in file}


@contextmanager
def _noted() -> Generator[set[CodeType]]:
    """The functions that are called, in this thread and in those that it starts."""
    called: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and not frame.f_code.co_name.startswith("<"):
            called.add(frame.f_code)

    sys.setprofile(note)
    threading.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
