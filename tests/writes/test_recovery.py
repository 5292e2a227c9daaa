"""What a process left behind: judged by whether it still runs, where it ran, and how long ago."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import time as wall_clock
from typing import Any

import anyio
import psutil
import pytest
from sqlalchemy import text

from leadbridge.server.app import build_app_context
from leadbridge.server.errors import LeadBridgeError, Refused
from leadbridge.server.sandbox import Fault
from leadbridge.server.state import Store, audit
from leadbridge.server.writes import recovery
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import LEASE, Ledger, WritePermit
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.recovery import LEAVE, LateOutcomes, lives, this_process
from leadbridge.server.writes.write_rows import History
from tests.databases import beside
from tests.support import ACCOUNTS, Time, call, connected, data_of, make_sandbox, make_settings

HERE = platform.node()[:60]
SETTLED = {"intended": "failed", "sent": "unknown"}


@pytest.fixture
def clock() -> Time:
    return Time(1_900_000_000.0)


@pytest.fixture
def ledger(state_url: str, clock: Time) -> Iterator[Ledger]:
    store = Store(state_url)
    yield Ledger(store, ACCOUNTS, (), clock=clock)
    store.close()


def make_plan(number: int = 1) -> Write:
    operation = build_app_context(make_settings()).catalog["rooflink.create_lead"]
    return Write(
        action=HttpWrite(operation=operation, receive=lambda _: Done("done")),
        subject=Subject(f"{number} Elm St"),
        arguments={"address": f"{number} Elm St"},
        preview=Preview(lines=("A lead",)),
    )


async def left_by(ledger: Ledger, url: str, owner: str, state: str) -> int:
    """A write in this state that another process had begun."""
    permit = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(permit, WritePermit)
    if state == "sent":
        await permit.sending()
    with beside(url) as connection:
        connection.execute(
            text("UPDATE writes SET owner = :owner WHERE id = :id"), {"owner": owner, "id": permit.write_id}
        )
    return permit.write_id


async def state_of(ledger: Ledger, write_id: int) -> str:
    """What the next start reports."""
    rows, _ = await History(ledger).newest()
    return next(row.state for row in rows if row.write_id == write_id)


@pytest.fixture
def dead() -> str:
    """The name of a process of this host that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        started = psutil.Process(process.pid).create_time()
    return f"{HERE}/{process.pid}/{started:.2f}"


@pytest.fixture
def alive() -> Iterator[str]:
    """The name of another process of this host that lives, as it names itself."""
    code = "from leadbridge.server.writes.recovery import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.write("\n")
        process.stdin.close()
        process.wait()


@pytest.fixture
def unreaped() -> Iterator[str]:
    """The name of a process that was killed, and that its parent has not looked after."""
    code = "from leadbridge.server.writes.recovery import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield name
        process.wait()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can see whether a process lives, as on another host: its lease alone counts."""
    monkeypatch.setattr("leadbridge.server.writes.recovery.lives", lambda _owner: None)


@pytest.mark.parametrize("state", SETTLED)
async def test_what_a_dead_process_left_is_resolved(ledger: Ledger, state_url: str, dead: str, state: str) -> None:
    write_id = await left_by(ledger, state_url, dead, state)
    assert await state_of(ledger, write_id) == SETTLED[state]


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs waitid")
@pytest.mark.parametrize("state", SETTLED)
async def test_a_killed_process_that_nobody_has_reaped_is_dead(
    ledger: Ledger, state_url: str, unreaped: str, state: str
) -> None:
    """A host that does not wait for its children, or a container without an init, leaves such processes for good."""
    write_id = await left_by(ledger, state_url, unreaped, state)
    assert await state_of(ledger, write_id) == SETTLED[state]


@pytest.mark.parametrize("state", SETTLED)
async def test_what_a_living_process_writes_is_left_alone(
    ledger: Ledger, state_url: str, alive: str, state: str, clock: Time
) -> None:
    write_id = await left_by(ledger, state_url, alive, state)
    clock.now += 100 * LEASE  # a clock that was set, a computer that slept
    assert await state_of(ledger, write_id) == state


@pytest.mark.parametrize("state", SETTLED)
async def test_what_this_process_writes_is_left_alone(ledger: Ledger, state_url: str, state: str, clock: Time) -> None:
    write_id = await left_by(ledger, state_url, this_process(), state)
    clock.now += 100 * LEASE
    assert await state_of(ledger, write_id) == state


@pytest.mark.parametrize("state", SETTLED)
async def test_a_process_number_that_another_process_has_got_is_not_a_sign_of_life(
    ledger: Ledger, state_url: str, state: str
) -> None:
    host, pid, _ = this_process().rsplit("/", 2)
    write_id = await left_by(ledger, state_url, f"{host}/{pid}/12345.67", state)
    assert await state_of(ledger, write_id) == SETTLED[state]


@pytest.mark.parametrize("state", SETTLED)
async def test_a_process_of_another_host_is_given_its_lease(
    ledger: Ledger, state_url: str, state: str, clock: Time
) -> None:
    write_id = await left_by(ledger, state_url, "another-host/4711/12345.67", state)
    clock.now += LEASE - 1
    assert await state_of(ledger, write_id) == state
    clock.now += 2
    assert await state_of(ledger, write_id) == SETTLED[state]


@pytest.mark.parametrize("owner", ["", "nonsense", "a/b", f"{HERE}/not-a-number/1.0"])
async def test_an_owner_that_cannot_be_read_is_given_its_lease(
    ledger: Ledger, state_url: str, owner: str, clock: Time
) -> None:
    write_id = await left_by(ledger, state_url, owner, "sent")
    assert await state_of(ledger, write_id) == "sent"
    clock.now += LEASE + 1
    assert await state_of(ledger, write_id) == "unknown"


async def test_a_resolved_write_is_on_the_trail_once(ledger: Ledger, state_url: str, dead: str) -> None:
    write_id = await left_by(ledger, state_url, dead, "sent")
    for _ in range(3):
        assert await state_of(ledger, write_id) == "unknown"
    events = [row.event for row in audit.read(ledger.store)]
    assert [(event["state"], event.get("by")) for event in events] == [
        ("intended", None),
        ("sent", "server"),
        ("unknown", "recovery"),
    ]
    assert audit.verify(ledger.store).broken_at is None


async def test_a_write_that_was_never_sent_may_be_tried_again(ledger: Ledger, state_url: str, dead: str) -> None:
    write_id = await left_by(ledger, state_url, dead, "intended")
    assert (await ledger.look(make_plan())).earlier is None
    permit = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(permit, WritePermit)
    assert permit.write_id != write_id


async def test_a_write_whose_intent_was_given_up_is_not_sent(ledger: Ledger, clock: Time, elsewhere: None) -> None:
    """A laptop that slept between intent and request must not send what another process has sent since."""
    late = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(late, WritePermit)
    clock.now += LEASE + 1
    assert (await ledger.look(make_plan())).earlier is None
    assert isinstance(await ledger.begin(make_plan(), Approval("not needed")), WritePermit)
    with pytest.raises(LeadBridgeError):
        await late.sending()
    assert await state_of(ledger, late.write_id) == "failed"


async def test_a_write_that_was_given_up_between_two_attempts_is_not_sent_again(
    ledger: Ledger, clock: Time, elsewhere: None
) -> None:
    late = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(late, WritePermit)
    await late.sending()
    await late.sending()  # a second attempt, while nobody has given it up
    clock.now += LEASE + 1
    assert await state_of(ledger, late.write_id) == "unknown"
    await History(ledger).resolve(late.write_id, "failed", None)
    assert isinstance(await ledger.begin(make_plan(), Approval("not needed")), WritePermit)
    with pytest.raises(Refused, match="is not sent again"):
        await late.sending()


@pytest.mark.parametrize("shows_it", ["the time of day", "the time since the boot"])
async def test_whoever_slept_with_the_ledgers_leave_sends_nothing(
    ledger: Ledger, clock: Time, elsewhere: None, monkeypatch: pytest.MonkeyPatch, shows_it: str
) -> None:
    machine, run = Time(), LateOutcomes.run
    monkeypatch.setattr(recovery, "since_boot", machine)

    async def slept(self: LateOutcomes, *args: Any, **named: Any) -> Any:
        answer = await run(self, *args, **named)
        (clock if shows_it == "the time of day" else machine).now += LEAVE + 1
        return answer

    late = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(late, WritePermit)
    monkeypatch.setattr(LateOutcomes, "run", slept)
    with pytest.raises(Refused, match="is not sent"):
        await late.sending()
    assert not late.may_have_left


@pytest.mark.parametrize(("settled", "outcome"), [("failed", "done"), ("done", "failed"), ("failed", "failed")])
async def test_an_outcome_that_comes_after_a_resolution_is_recorded_as_what_it_is(
    ledger: Ledger, clock: Time, elsewhere: None, settled: str, outcome: str
) -> None:
    late = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(late, WritePermit)
    await late.sending()
    clock.now += LEASE + 1
    assert await state_of(ledger, late.write_id) == "unknown"
    await History(ledger).resolve(late.write_id, settled, None)
    recorded = await ledger.finish(late, outcome, "What the service said.", 1002)
    assert recorded.resolved_as == settled
    assert await state_of(ledger, late.write_id) == outcome
    last = [row.event for row in audit.read(ledger.store)][-1]
    assert (last["state"], last["was"], last["by"]) == (outcome, settled, "server")


async def test_an_unknown_outcome_changes_no_resolution(ledger: Ledger, clock: Time, elsewhere: None) -> None:
    late = await ledger.begin(make_plan(), Approval("not needed"))
    assert isinstance(late, WritePermit)
    await late.sending()
    clock.now += LEASE + 1
    await state_of(ledger, late.write_id)
    await History(ledger).resolve(late.write_id, "done", 7)
    assert (await ledger.finish(late, "unknown", "The connection broke.")).resolved_as == "done"
    assert await state_of(ledger, late.write_id) == "done"


class Meanwhile(Time):
    """A clock on which the first pause lets something else happen."""

    def __init__(self, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._happens = [happens]

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self._happens:
            await self._happens.pop()()


async def test_a_retry_after_a_resolution_sends_nothing_more(elsewhere: None, state_url: str) -> None:
    """One server waits out a 429; another gives its write up, a person settles it, and the same is written there."""
    lead = {"address": "17 Elm St", "state": "TX", "postal_code": "75024"}
    later = wall_clock() + 10 * LEASE

    async def meanwhile() -> None:
        async with connected(sandbox, time=Time(), clock=lambda: later, state_url=state_url) as other:
            (row,) = data_of(await call(other, "write_history"))["rows"]
            settle = {"write_id": row["write_id"], "outcome": "failed"}
            asked = data_of(await call(other, "resolve_write", **settle))
            await call(other, "resolve_write", **settle, approval_token=asked["approval_token"])
            assert data_of(await call(other, "rooflink_create_lead", **lead))["outcome"] == "done"

    time = Meanwhile(meanwhile)
    sandbox = make_sandbox(time)
    sandbox.faults.add(Fault(kind="rate_limited", match="POST /light/jobs/"))
    async with connected(sandbox, time=time, state_url=state_url) as client:
        receipts = data_of(await call(client, "rooflink_create_lead", **lead))
        rows = data_of(await call(client, "write_history"))["rows"]
    assert (receipts["outcome"], receipts["reason"]) == ("refused", "given_up")
    assert "is not sent again" in receipts["summary"]
    assert len(sandbox.writes) == 1
    assert [row["outcome"] for row in rows] == ["done", "refused"]


@pytest.mark.usefixtures("loop_time")
async def test_an_answer_that_comes_after_a_resolution_is_reported_with_a_warning(
    elsewhere: None, state_url: str
) -> None:
    lead = {"address": "17 Elm St", "state": "TX", "postal_code": "75024"}
    later = wall_clock() + 10 * LEASE
    sandbox = make_sandbox(Time())
    sandbox.faults.add(Fault(kind="slow_after_commit", match="POST /light/jobs/", seconds=1.5))
    receipts: list[dict[str, Any]] = []
    async with (
        connected(sandbox, time=Time(), state_url=state_url) as client,
        connected(sandbox, time=Time(), clock=lambda: later, state_url=state_url) as other,
        anyio.create_task_group() as tasks,
    ):

        async def write() -> None:
            receipts.append(data_of(await call(client, "rooflink_create_lead", **lead)))

        tasks.start_soon(write)
        while not sandbox.writes:  # noqa: ASYNC110  # a list, not an event
            await anyio.sleep(0.01)
        (row,) = data_of(await call(other, "write_history"))["rows"]
        settle = {"write_id": row["write_id"], "outcome": "failed"}
        asked = data_of(await call(other, "resolve_write", **settle))
        await call(other, "resolve_write", **settle, approval_token=asked["approval_token"])
    async with connected(sandbox, state_url=state_url) as client:
        (row,) = data_of(await call(client, "write_history"))["rows"]
    assert receipts[0]["outcome"] == "done"
    assert any("had been resolved as failed" in warning for warning in receipts[0]["warnings"])
    assert (row["outcome"], row["record_id"]) == ("done", receipts[0]["record_id"])


def test_a_living_process_is_not_gone(alive: str) -> None:
    assert lives(alive)
    assert lives(this_process())


def test_a_name_of_before_is_of_this_host() -> None:
    _, pid, started = this_process().rsplit("/", 2)
    assert lives(f"{HERE}/{pid}/{started}")
    assert lives(f"{HERE}/{pid}/1") is False


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says which boot it is, and which container")
@pytest.mark.parametrize("which", ["boot_id", "ns"])
def test_of_a_host_of_the_same_name_in_another_container_only_the_lease_is_known(
    monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    before = recovery._host.__wrapped__()
    _, pid, started = this_process().rsplit("/", 2)
    if which == "ns":
        monkeypatch.setattr(Path, "readlink", lambda _: Path("pid:[1]"))
    else:
        monkeypatch.setattr(Path, "read_text", lambda *_: "another boot")
    other = recovery._host.__wrapped__()
    monkeypatch.undo()
    assert {other.split()[0], before.split()[0]} == {HERE}
    assert lives(f"{before}/{pid}/{started}")
    assert lives(f"{other}/{pid}/{started}") is None


@pytest.mark.skipif(sys.platform != "linux", reason="how Linux tells when a process started")
@pytest.mark.parametrize("seconds", [-1.0, 1.0, 3600.0])
def test_a_living_process_is_not_gone_when_the_clock_was_set(
    alive: str, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Setting the clock moves what Linux gives as the time of the boot, and all times of day that count from it."""
    linux = pytest.importorskip("psutil._pslinux")
    real = linux.boot_time
    monkeypatch.setattr(linux, "boot_time", lambda: real() + seconds)
    assert lives(alive)
