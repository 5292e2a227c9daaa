"""The same write attempted at the same instant: one goes, the others learn so. Two different writes both go."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from leadbridge.server.app import build_app_context
from leadbridge.server.errors import Refused
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.state import Store
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import Ledger, WritePermit
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from tests.crash.processes import Service, Zygote, eventually, server_on
from tests.crash.rounds import accept_lead, create_lead, mark_won, update_status
from tests.support import ACCOUNTS, DEFAULT_STORE, Time, call, connected, data_of, make_settings

forked = pytest.mark.skipif(not hasattr(os, "fork"), reason="the servers are forked")
REASONS = {"in_progress", "already_done", "approval_used", "already_accepted", "already_won"}


def outcome_of(receipt: dict[str, Any]) -> str:
    """What a caller received; where nothing more was done, the reason."""
    return receipt["reason"] if receipt["outcome"] in {"refused", "partly_done"} else receipt["outcome"]


def one_went(outcomes: list[str]) -> bool:
    """Whether exactly one was done, and all others learnt so."""
    return outcomes.count("done") == 1 and set(outcomes) <= {"done", *REASONS}


@asynccontextmanager
async def two_held(zygote: Zygote, folder: Path, hold: Path) -> AsyncIterator[tuple[Client, Client]]:
    """Two server processes on one store, in which writes wait right before their intent for `go`."""
    hold.mkdir()  # noqa: ASYNC240  # nothing else runs on this loop
    async with server_on(zygote, folder, hold=hold) as one, server_on(zygote, folder, hold=hold) as other:
        yield one.client, other.client


async def race(hold: Path, *calls: tuple[Client, str, dict[str, Any]]) -> list[str]:
    """Let the calls come up to their intents, then let all go at once."""
    outcomes: list[str] = []

    async def ask(client: Client, tool: str, arguments: dict[str, Any]) -> None:
        outcomes.append(outcome_of(data_of(await call(client, tool, **arguments))))

    async with anyio.create_task_group() as tasks:
        for client, tool, arguments in calls:
            tasks.start_soon(ask, client, tool, arguments)
        await eventually(lambda: len(list(hold.glob("arrived-*"))) == len(calls))
        (hold / "go").touch()
    return outcomes


@forked
@pytest.mark.slow
async def test_of_two_processes_attempting_the_same_write_one_goes(site: tuple[Service, Zygote], folder: Path) -> None:
    service, zygote = site
    for number in range(6 if DEFAULT_STORE else 20):
        write = (create_lead, update_status)[number % 2](300 + number)
        before = write.requests(service)
        async with two_held(zygote, folder, folder / f"hold-{number}") as (one, other):
            outcomes = await race(
                folder / f"hold-{number}", *((each, write.tool, write.arguments) for each in (one, other))
            )
        assert one_went(outcomes), outcomes
        assert write.effects(service) == 1
        assert write.requests(service) - before == 1


@forked
@pytest.mark.slow
async def test_two_different_writes_of_two_processes_both_go(site: tuple[Service, Zygote], folder: Path) -> None:
    service, zygote = site
    writes = create_lead(340), update_status(341)
    hold = folder / "hold"
    async with two_held(zygote, folder, hold) as clients:
        calls = [(client, write.tool, write.arguments) for client, write in zip(clients, writes, strict=True)]
        assert await race(hold, *calls) == ["done", "done"]
    assert [write.effects(service) for write in writes] == [1, 1]


@forked
@pytest.mark.slow
@pytest.mark.parametrize("write", [mark_won(350), accept_lead(351)], ids=["won", "accepted"])
async def test_one_token_used_in_two_processes_at_once_writes_once(
    site: tuple[Service, Zygote], folder: Path, write: Any
) -> None:
    service, zygote = site
    hold = folder / "hold"
    async with two_held(zygote, folder, hold) as (one, other):
        asked = data_of(await call(one, write.tool, **write.arguments))
        arguments = {**write.arguments, "approval_token": asked["approval_token"]}
        outcomes = await race(hold, (one, write.tool, arguments), (other, write.tool, arguments))
    assert one_went(outcomes), outcomes
    assert write.effects(service) == 1
    assert write.requests(service) == 1


async def test_of_many_tasks_of_one_process_one_goes(sandbox: Sandbox, time: Time, state_url: str) -> None:
    lead = {"address": "17 Elm St", "state": "TX", "postal_code": "75024"}
    async with connected(sandbox, time=time, state_url=state_url) as client:
        receipts = await asyncio.gather(*(call(client, "rooflink_create_lead", **lead) for _ in range(8)))
    outcomes = [outcome_of(data_of(receipt)) for receipt in receipts]
    assert one_went(outcomes), outcomes
    assert len(sandbox.writes) == 1


def _plan(number: int) -> Write:
    operation = build_app_context(make_settings()).catalog["rooflink.create_lead"]
    return Write(
        action=HttpWrite(operation=operation, receive=lambda _: Done("done")),
        subject=Subject(f"{number} Elm St"),
        arguments={"address": f"{number} Elm St"},
        preview=Preview(lines=("A lead",)),
    )


def _race_of_threads(state_url: str, plans: list[Write], approval: Approval) -> Counter[str]:
    """Record all plans at once, each in a thread with its own loop; what each received."""
    store = Store(state_url)
    ledger = Ledger(store, ACCOUNTS, ())
    barrier = threading.Barrier(len(plans))
    outcomes: list[str] = []

    def begin(plan: Write) -> None:
        barrier.wait()
        try:
            permit = anyio.run(ledger.begin, plan, approval)
        except Refused as refused:
            outcomes.append(refused.reason)
        else:
            outcomes.append("goes" if isinstance(permit, WritePermit) else "already_done")

    threads = [threading.Thread(target=begin, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    return Counter(outcomes)


def test_of_many_threads_with_the_same_write_one_goes(state_url: str) -> None:
    outcomes = _race_of_threads(state_url, [_plan(1) for _ in range(8)], Approval("not needed"))
    assert outcomes == {"goes": 1, "in_progress": 7}


def test_of_many_threads_with_different_writes_all_go(state_url: str) -> None:
    outcomes = _race_of_threads(state_url, [_plan(number) for number in range(8)], Approval("not needed"))
    assert outcomes == {"goes": 8}


def test_of_many_threads_with_one_approval_one_goes(state_url: str) -> None:
    outcomes = _race_of_threads(state_url, [_plan(number) for number in range(8)], Approval("token", "token-1"))
    assert outcomes == {"goes": 1, "approval_used": 7}
