"""A server is suspended in the midst of a write while another one, whose clock is ahead, is asked for the same.

Whatever it was doing when it slept, the write takes effect once. And a state file that is replaced under a server.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from leadbridge.server.state import Store, audit
from leadbridge.server.writes.recovery import LEASE
from tests.crash.points import RETRY, SUSPEND, WITH_LEAVE
from tests.crash.processes import STATE_FILE, Server, Service, Zygote, eventually, server_on, state_url
from tests.crash.rounds import WRITES, Write, create_lead, history_of, mark_won
from tests.support import DEFAULT_STORE, PATIENCE, call, data_of, text_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sees in /proc that a process sleeps"),
]

IN_FLIGHT = "in flight"
SEEN = (
    "before the intent", "after the intent", "after `sent`, nothing left", IN_FLIGHT, "after the answer",
    "after the outcome", "before the receipt",
)  # fmt: skip
BLIND = (*(point for point in SEEN if point != "after `sent`, nothing left"), WITH_LEAVE)
"""On another host nothing can be done about a request of which the leave was just found to be fresh."""
OUTCOMES = {"done", "already_done", "refused", "unknown"}


async def asked(server: Server, write: Write, **arguments: Any) -> dict[str, Any]:
    """The receipt of a write, with a fresh token where one is needed."""
    receipt = data_of(await call(server.client, write.tool, **write.arguments, **arguments))
    if receipt["outcome"] == "approval_required":
        token = receipt["approval_token"]
        receipt = data_of(await call(server.client, write.tool, **write.arguments, approval_token=token))
    return receipt


async def settled(server: Server, write_id: int, outcome: str) -> None:
    """Resolve a write as a person who looked."""
    given = {"write_id": write_id, "outcome": outcome}
    token = data_of(await call(server.client, "resolve_write", **given))["approval_token"]
    data = data_of(await call(server.client, "resolve_write", **given, approval_token=token))
    assert data["outcome"] == "done", data


async def in_the_others_sleep(service: Service, other: Server, write: Write, *, blind: bool) -> None:
    """Ask for the same, and resolve what is unresolved as the service shows it."""
    data = await asked(other, write)
    assert data["outcome"] in OUTCOMES, data
    if data.get("reason") == "earlier_unknown":
        assert blind, "a process that is there was given up"
        (open_,) = [row for row, state in (await history_of(other.client)).items() if state == "unknown"]
        await settled(other, open_, "done" if write.effects(service) else "failed")
        data = await asked(other, write)
    assert data["outcome"] in {"done", "already_done"} or data["reason"] == "in_progress", data


async def play(service: Service, zygote: Zygote, folder: Path, point: str, write: Write, *, blind: bool) -> None:
    """One round."""
    inside = "" if point == IN_FLIGHT else f"{SUSPEND}{point}"
    if point == IN_FLIGHT:
        service.let_happen("slow_after_commit", f"{write.method} {write.path}", seconds=0.5)
    if point == RETRY:
        service.let_happen("rate_limited", f"{write.method} {write.path}", seconds=0)
    receipts: list[dict[str, Any]] = []
    again: dict[str, Any] = {}
    states: dict[int, str] = {}
    with anyio.fail_after(PATIENCE):
        async with server_on(zygote, folder, inside) as first, anyio.create_task_group() as tasks:

            async def ask() -> None:
                receipts.append(await asked(first, write))

            tasks.start_soon(ask)
            if point == IN_FLIGHT:
                await eventually(lambda: write.effects(service))
                os.kill(first.pid, signal.SIGSTOP)
            await eventually(lambda: first.sleeps or receipts)
            assert not receipts, receipts
            async with server_on(zygote, folder, ahead=10 * LEASE, blind=blind) as other:
                await in_the_others_sleep(service, other, write, blind=blind)
                os.kill(first.pid, signal.SIGCONT)
                await eventually(lambda: receipts)
                again = await asked(other, write)
                states = await history_of(other.client)
    assert receipts[0]["outcome"] in {"done", "already_done", "refused"}, receipts[0]
    assert write.effects(service) == 1, (receipts[0], states)
    assert again["outcome"] == "already_done", again
    assert set(states.values()) <= {"done", "failed"}, states
    store = Store(state_url(folder))
    verdict = await anyio.to_thread.run_sync(audit.verify, store)
    await anyio.to_thread.run_sync(store.close)
    assert verdict.broken_at is None, verdict.why


@pytest.mark.parametrize("point", SEEN)
async def test_what_a_sleeping_process_of_this_host_writes_is_left_to_it(
    site: tuple[Service, Zygote], folder: Path, point: str
) -> None:
    for number, kind in enumerate(WRITES):
        await play(*site, folder, point, kind(300 + 10 * SEEN.index(point) + number), blind=False)


@pytest.mark.parametrize("point", BLIND)
async def test_what_a_process_of_another_host_slept_over_takes_effect_once(
    site: tuple[Service, Zygote], folder: Path, point: str
) -> None:
    for number, kind in enumerate(WRITES):
        await play(*site, folder, point, kind(380 + 10 * BLIND.index(point) + number), blind=True)


@pytest.mark.parametrize("blind", [False, True], ids=["this host", "another host"])
async def test_a_retry_that_was_slept_over_is_not_sent_if_the_write_was_given_up(
    site: tuple[Service, Zygote], folder: Path, blind: bool
) -> None:
    for number in range(3):
        await play(*site, folder, RETRY, create_lead(450 + 10 * blind + number), blind=blind)


def delete(folder: Path, which: str) -> None:
    """Delete the state file, or what SQLite has beside it."""
    for path in folder.glob(f"{STATE_FILE}{which}"):
        path.unlink()


def replace(folder: Path, how: str) -> None:
    """Put another file, or none, where the state is."""
    copy = (folder / STATE_FILE).read_bytes()
    delete(folder, "*")
    if how != "deleted":
        (folder / STATE_FILE).write_bytes(copy if how == "replaced by a copy" else b"")


@pytest.mark.skipif(bool(DEFAULT_STORE), reason="about SQLite's file")
@pytest.mark.parametrize("how", ["deleted", "replaced by an empty one", "replaced by a copy"])
async def test_a_state_file_that_is_replaced_under_a_server_doubles_nothing(
    site: tuple[Service, Zygote], folder: Path, how: str
) -> None:
    service, zygote = site
    for number, kind in enumerate(WRITES):
        write = kind(470 + 10 * ["deleted", "replaced by an empty one", "replaced by a copy"].index(how) + number)
        async with server_on(zygote, folder) as first:
            assert (await asked(first, write))["outcome"] == "done"
            replace(folder, how)
            data = await call(first.client, write.tool, **write.arguments)
            assert "was deleted or replaced" in text_of(data)
        assert write.effects(service) == 1


@pytest.mark.skipif(bool(DEFAULT_STORE), reason="about SQLite's files")
@pytest.mark.parametrize("gone", ["-wal", "-shm", "-*"], ids=["log", "index", "both"])
@pytest.mark.parametrize("killed", [False, True], ids=["runs on", "was killed"])
async def test_a_log_that_is_deleted_under_a_server_or_after_it_was_killed_doubles_nothing(
    site: tuple[Service, Zygote], folder: Path, gone: str, killed: bool
) -> None:
    service, zygote = site
    for number, kind in enumerate((create_lead, mark_won)):
        write = kind(490 + number)
        service.reset()
        async with server_on(zygote, folder, codes=(-signal.SIGKILL if killed else 0,)) as first:
            assert (await asked(first, write))["outcome"] == "done"
            if killed:
                os.kill(first.pid, signal.SIGKILL)
            delete(folder, gone)
            async with server_on(zygote, folder) as other:
                with suppress(AssertionError):  # SQLite itself may see that its log is gone
                    await asked(other, write)
            assert write.effects(service) == 1
            if not killed:
                read = await call(first.client, write.tool, **write.arguments)
                assert "was deleted or replaced" in text_of(read)
        async with server_on(zygote, folder) as last:
            data = await asked(last, write)
            assert data["outcome"] == "already_done" or data["reason"] == "earlier_unknown", data
        assert write.effects(service) == 1
        delete(folder, "*")
