"""The rate limiter that processes share: what the service sees, in which order, and what a dead process leaves."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import time as real_time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from leadbridge.server.errors import RateLimited
from leadbridge.server.services.rate_limiter import GAP, TICK, UNANSWERED, Queue, RateLimiter, RateLimitMemory
from leadbridge.server.services.services import rate_limiter_for
from leadbridge.server.state import Store, rate_limit, rate_limit_table
from leadbridge.server.state.rate_limit import Change, RateLimitFile, SharedLimit
from leadbridge.server.state.rate_limit_table import RateLimitTable
from tests.support import PATIENCE, Time

ROOT = Path(__file__).parent.parent.parent
LIMIT, SECONDS = 5, 1.0
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]  # to shrink a failure takes minutes


def most_in_any(seconds: float, arrived: Sequence[float]) -> int:
    """The most arrivals in any stretch of time shorter than that."""
    times = sorted(arrived)
    return max(bisect_left(times, at + seconds) - first for first, at in enumerate(times))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "leadbridge.db.rates"


@pytest.fixture
def make(file: Path, time: Time) -> Callable[..., RateLimiter]:
    """Governors of as many processes as wanted, on one file and on the test's clock."""

    def make(account: str = "rooflink:1", requests: int = LIMIT, seconds: float = SECONDS) -> RateLimiter:
        pace = AtOnce(file, account, clock=time)
        return RateLimiter("RoofLink", requests, seconds, pace, clock=time, sleep=time.sleep)

    return make


class AtOnce(RateLimitFile):
    """Puts nothing off: on a test's clock no real moment passes."""

    soon = RateLimitFile.change


class WithTheNext(RateLimitFile):
    """Puts off until the next change, however long that takes."""

    async def soon(self, work: Change[None]) -> None:
        self._put_off.append(work)


async def call_answered(rate_limiter: RateLimiter, patience: float = 60.0) -> None:
    """A call that is answered at once."""
    async with rate_limiter.slot(patience):
        pass


# Looking without taking a place


@pytest.mark.parametrize("shared", [False, True], ids=["in memory", "shared"])
async def test_a_check_says_how_near_a_place_is_and_takes_none(make, time: Time, shared: bool):
    rate_limiter = make() if shared else RateLimiter("RoofLink", LIMIT, SECONDS, clock=time, sleep=time.sleep)
    for _ in range(3 * LIMIT):
        await rate_limiter.check(0)
    for _ in range(LIMIT):
        await call_answered(rate_limiter)
    with pytest.raises(RateLimited, match="limit of 5 requests") as refused:
        await rate_limiter.check(SECONDS / 2)
    assert 0 < refused.value.retry_after <= SECONDS * 1.1
    await rate_limiter.check(SECONDS * 1.1)
    await rate_limiter.back_off(30)
    with pytest.raises(RateLimited, match="asked to slow down"):
        await rate_limiter.check(29)
    await rate_limiter.check(31)
    assert time.slept == []


# Any interleaving


def enter(queue: Queue) -> tuple[int, float]:
    """Come, and look once."""
    number = queue.last = queue.last + 1
    return number, queue.leave(number)


class World:
    """A clock that moves when everybody sleeps, and wakes some of them late."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._asleep: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.late: Iterator[float] = itertools.repeat(0.0)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self._until(self.now + seconds + next(self.late))

    async def pass_by(self, seconds: float) -> None:
        """Sleep exactly so long."""
        await self._until(self.now + seconds)

    async def _until(self, due: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._asleep, (due, next(self._order), future))
        await future

    async def run(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        while not all(task.done() for task in tasks):
            for _ in range(8):  # until each that was woken has gone to sleep again
                await asyncio.sleep(0)
            if self._asleep:
                due, _, future = heapq.heappop(self._asleep)
                self.now = max(self.now, due)
                if not future.done():
                    future.set_result(None)
        for task in tasks:
            task.result()


calls = st.lists(
    st.tuples(
        st.integers(0, 3),  # which process
        st.floats(0, 3),  # when it calls
        st.floats(0, UNANSWERED),  # until the service has the request
        st.floats(0, 2),  # from then to the answer
        st.sampled_from(["lives", "lives", "lives", "dies waiting", "is cancelled", "dies sending"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=150, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=calls, late=st.lists(st.floats(0, 1.5), min_size=1))
async def test_the_service_never_sees_more_than_the_limit_whoever_is_late_slow_or_dies(
    tmp_path: Path, calls: list[tuple[int, float, float, float, str]], late: list[float]
) -> None:
    world, file = World(), tmp_path / "any.rates"
    file.unlink(missing_ok=True)
    world.late = itertools.cycle(late)
    rate_limiters = [
        RateLimiter("RoofLink", LIMIT, SECONDS, kind(file, "a", world), clock=world, sleep=world.sleep)
        for kind in (AtOnce, AtOnce, WithTheNext, WithTheNext)
    ]
    arrived: list[float] = []

    async def one(process: int, begin: float, journey: float, answer: float, fate: str) -> None:
        await world.pass_by(begin)
        rate_limiter = rate_limiters[process]
        if fate not in {"lives", "dies sending"}:
            number, wait = await rate_limiter._everywhere(enter)
            if wait and fate == "is cancelled":
                await world.pass_by(wait / 2)
                await rate_limiter._everywhere(lambda queue: queue.forget(number))
            if wait:
                return
            await world.pass_by(journey)
            arrived.append(world.now)
            return
        with contextlib.suppress(TimeoutError):
            async with rate_limiter.slot(10_000):
                await world.pass_by(journey)
                arrived.append(world.now)
                if fate == "dies sending":
                    raise TimeoutError
                await world.pass_by(answer)

    await world.run([asyncio.create_task(one(*call)) for call in calls])
    assert not arrived or most_in_any(SECONDS, arrived) <= LIMIT


@settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    processes=st.lists(st.integers(0, 3), min_size=6, max_size=60),
    gaps=st.lists(st.floats(0.001, 0.3), min_size=1),
    dead=st.sets(st.integers(0, 59), max_size=3),
)
async def test_callers_leave_in_the_order_they_came_and_the_dead_cost_their_own_places_only(
    tmp_path: Path, processes: list[int], gaps: list[float], dead: set[int]
) -> None:
    world, file = World(), tmp_path / "order.rates"
    file.unlink(missing_ok=True)
    rate_limiters = [
        RateLimiter("RoofLink", LIMIT, SECONDS, AtOnce(file, "a", world), clock=world, sleep=world.sleep)
        for _ in range(4)
    ]
    began = list(itertools.accumulate(itertools.islice(itertools.cycle(gaps), len(processes))))
    left: list[tuple[int, float]] = []

    async def one(number: int) -> None:
        await world.pass_by(began[number])
        rate_limiter = rate_limiters[processes[number]]
        if number in dead:
            await rate_limiter._everywhere(enter)
            return
        async with rate_limiter.slot(10_000):
            left.append((number, world.now))

    await world.run([asyncio.create_task(one(number)) for number in range(len(processes))])
    left.sort()
    assert [number for number, _ in left] == sorted(set(range(len(processes))) - dead)
    assert all(later - earlier > -TICK for (_, earlier), (_, later) in itertools.pairwise(left))
    ideal = 1_000.0
    window: list[float] = []
    for number in range(len(processes)):  # as if all lived and nothing took time
        ideal = max(1_000.0 + began[number], window[-LIMIT] + SECONDS + GAP if len(window) >= LIMIT else 0.0)
        # A place whose owner died sending is held until it can have arrived.
        window.append(ideal + (UNANSWERED if number in dead else 0.0))
        window.sort()
    assert left[-1][1] <= ideal + 0.01


async def test_places_of_a_full_queue_are_a_window_apart(make: Callable[..., RateLimiter], time: Time) -> None:
    one, other = make(), make()
    left: list[float] = []
    for _ in range(50):
        for rate_limiter in (one, other):
            await call_answered(rate_limiter)
            left.append(time.now)
    assert most_in_any(SECONDS, left) == LIMIT
    assert left[-1] - left[0] == pytest.approx(19 * (SECONDS + GAP))


async def test_a_request_that_is_not_answered_is_taken_to_have_arrived_after_a_while(
    make: Callable[..., RateLimiter], time: Time
) -> None:
    one, other = make(), make()
    for _ in range(LIMIT):
        with contextlib.suppress(TimeoutError):
            async with one.slot(0):
                raise TimeoutError
    await call_answered(other)
    assert time.now == pytest.approx(1_000.0 + UNANSWERED + SECONDS + GAP)


# What is reported


async def test_an_answer_is_told_with_the_next_look_and_counts_from_when_it_came(file: Path, time: Time) -> None:
    one, other = (
        RateLimiter("RoofLink", 1, SECONDS, WithTheNext(file, "a", time), clock=time, sleep=time.sleep)
        for _ in range(2)
    )
    await call_answered(one)
    await time.sleep(SECONDS / 2)
    with pytest.raises(RateLimited):
        await other.check(SECONDS)
    await one.state()
    await other.check(SECONDS / 2 + GAP + TICK)


async def test_an_answer_is_told_after_a_moment_though_nobody_looks(file: Path) -> None:
    one, other = (RateLimiter("RoofLink", 1, 600.0, RateLimitFile(file, "a")) for _ in range(2))
    await call_answered(one)
    answered = real_time.monotonic()
    with anyio.fail_after(PATIENCE):
        while await other._everywhere(lambda queue: queue.now + queue.soonest) > answered + 600 + GAP + TICK:  # noqa: ASYNC110
            await anyio.sleep(0.001)


async def test_a_place_out_of_patience_is_refused_and_not_taken(make: Callable[..., RateLimiter], time: Time) -> None:
    one, other = make(), make()
    for _ in range(LIMIT):
        await call_answered(one)
    for _ in range(3):
        with pytest.raises(RateLimited, match=r"limit of 5 requests in 1 s is used up.") as refused:
            await call_answered(other, 0.5)
        assert not refused.value.sent
        assert refused.value.retry_after == pytest.approx(SECONDS + GAP)
    assert await other.state() == (5, 0.0)
    time.now += SECONDS + GAP
    await call_answered(other, 0)


async def test_who_waits_a_second_or_more_learns_how_long(make: Callable[..., RateLimiter]) -> None:
    waits: list[float] = []

    async def report(seconds: float) -> None:
        waits.append(seconds)

    one, other = make(), make()
    for _ in range(LIMIT + 1):
        async with one.slot(60, report):
            pass
    async with other.slot(60, report):
        pass
    assert waits == pytest.approx([SECONDS + GAP])


async def test_a_cool_off_is_obeyed_by_all(make: Callable[..., RateLimiter], time: Time) -> None:
    one, other = make(), make()
    await one.back_off(60)
    assert (await other.state())[1] == 60
    with pytest.raises(RateLimited, match="asked to slow down") as refused:
        await call_answered(other, 10)
    assert refused.value.retry_after == 60
    await other.back_off(5)  # no shorter one ends it
    await call_answered(make(), 100)
    assert time.now == 1_060.0


async def test_a_cool_off_reaches_those_who_already_wait(file: Path) -> None:
    world = World()
    one, other = (
        RateLimiter("RoofLink", LIMIT, SECONDS, AtOnce(file, "a", world), clock=world, sleep=world.sleep)
        for _ in range(2)
    )
    outcome: list[object] = []

    async def wait(patience: float) -> None:
        try:
            await call_answered(one, patience)
            outcome.append(world.now)
        except RateLimited as error:
            outcome.append(error.retry_after)

    async def learn() -> None:
        for _ in range(LIMIT):
            await call_answered(one)
        await world.pass_by(0.5)
        await other.back_off(30)

    await world.run([asyncio.create_task(learn())])
    one_left = asyncio.create_task(wait(100))
    await world.run([one_left, asyncio.create_task(wait(2))])
    assert outcome == [pytest.approx(30), pytest.approx(1_030.5)]


async def test_who_learns_of_a_cool_off_while_waiting_gives_up_what_it_cannot_wait_for(file: Path) -> None:
    world = World()
    one, other = (
        RateLimiter("RoofLink", LIMIT, SECONDS, AtOnce(file, "a", world), clock=world, sleep=world.sleep)
        for _ in range(2)
    )
    refused: list[float] = []

    async def wait() -> None:
        for _ in range(LIMIT):
            await call_answered(one)
        with pytest.raises(RateLimited) as error:
            await call_answered(one, 2)
        refused.append(error.value.retry_after)

    async def learn() -> None:
        await world.pass_by(0.5)
        await other.back_off(30)

    await world.run([asyncio.create_task(wait()), asyncio.create_task(learn())])
    assert refused == [pytest.approx(30 - 0.5, abs=0.01)]
    assert (await other.state())[0] == 0


async def test_a_cancelled_caller_gives_its_place_up(file: Path) -> None:
    world = World()
    rate_limiter = RateLimiter("RoofLink", LIMIT, SECONDS, AtOnce(file, "a", world), clock=world, sleep=world.sleep)
    for _ in range(LIMIT):
        await call_answered(rate_limiter)
    waiting = [asyncio.create_task(call_answered(rate_limiter)) for _ in range(5)]
    await asyncio.sleep(0)
    assert (await rate_limiter.state())[0] == 10
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert (await rate_limiter.state())[0] == 5


async def test_accounts_do_not_wait_for_each_other(make: Callable[..., RateLimiter], time: Time) -> None:
    rate_limiters = [make(f"rooflink:{number}") for number in range(4)] + [make("renovationfind:1", 250, 300.0)]
    for rate_limiter in rate_limiters * LIMIT:
        await call_answered(rate_limiter, 0)
    assert time.now == 1_000.0
    await rate_limiters[0].back_off(9)
    assert [(await rate_limiter.state())[1] for rate_limiter in rate_limiters] == [9, 0, 0, 0, 0]


async def test_renovationfinds_window_is_kept_whole(make: Callable[..., RateLimiter], time: Time) -> None:
    rate_limiters = [make("renovationfind:1", 250, 300.0) for _ in range(4)]
    for rate_limiter in itertools.islice(itertools.cycle(rate_limiters), 250):
        await call_answered(rate_limiter, 0)
        time.now += 0.1
    with pytest.raises(RateLimited) as refused:
        await call_answered(rate_limiters[0], 48)
    assert refused.value.retry_after == pytest.approx(300 + GAP - 25)


# The file


def test_the_file_is_private_and_a_wider_one_is_made_private(make: Callable[..., RateLimiter], file: Path) -> None:
    asyncio.run(make().state())
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    file.chmod(0o644)
    asyncio.run(make().state())
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_in_its_place_is_not_followed(make: Callable[..., RateLimiter], file: Path, tmp_path: Path) -> None:
    target = tmp_path / "other"
    target.write_text("someone else's")
    file.parent.mkdir()
    file.symlink_to(target)
    rate_limiter = make()
    asyncio.run(rate_limiter.state())
    assert "not a regular file" in rate_limiter.warning
    assert target.read_text() == "someone else's"


@pytest.mark.parametrize("damage", [b"", b"LBP1", b"not a database " * 9_000, b"SQLite format 3\0" + b"\xff" * 9_000])
async def test_a_damaged_file_is_made_anew(make: Callable[..., RateLimiter], file: Path, damage: bytes) -> None:
    for _ in range(LIMIT):
        await call_answered(make())
    file.write_bytes(damage)  # noqa: ASYNC240 - nobody else is waiting
    one, other = make(), make()
    for rate_limiter in (one, other, one, other, one):
        await call_answered(rate_limiter, 0)
    with pytest.raises(RateLimited):
        await call_answered(other, 0)
    assert (one.warning, other.warning) == ("", "")


async def test_the_file_of_earlier_versions_goes(make: Callable[..., RateLimiter], file: Path) -> None:
    file.parent.mkdir()
    earlier = file.with_name("leadbridge.db.pace")
    earlier.write_bytes(b"LBP1")
    await call_answered(make())
    assert not earlier.exists()


async def test_a_file_that_was_deleted_is_made_again_by_all(make: Callable[..., RateLimiter], file: Path) -> None:
    one, other = make(), make()
    await call_answered(one)
    file.unlink()  # noqa: ASYNC240 - nobody else is waiting
    for rate_limiter in (one, other, one, other, one):
        await call_answered(rate_limiter, 0)
    with pytest.raises(RateLimited):
        await call_answered(other, 0)


async def test_without_a_place_to_write_each_process_keeps_the_limit_alone_and_says_so(
    make: Callable[..., RateLimiter], file: Path, time: Time
) -> None:
    file.parent.write_text("a file where the folder should be")
    rate_limiter = make()
    for _ in range(LIMIT + 1):
        await call_answered(rate_limiter)
    assert time.now > 1_001.0
    await rate_limiter.back_off(5)
    assert (await rate_limiter.state())[1] == 5
    assert rate_limiter.warning.startswith("Other processes with this key are not seen: ")
    assert str(file) in rate_limiter.warning
    file.parent.unlink()
    await call_answered(rate_limiter, 60)
    assert rate_limiter.warning == ""
    assert time.now > 1_006.0


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no such users here")
async def test_a_read_only_folder_is_not_a_reason_to_fail(file: Path, make: Callable[..., RateLimiter]) -> None:
    file.parent.mkdir(mode=0o500)
    rate_limiter, me = make(), os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        await call_answered(rate_limiter, 0)
    finally:
        os.seteuid(me)
    assert "Permission denied" in rate_limiter.warning


async def test_a_clock_that_begins_anew_holds_nobody_up(make: Callable[..., RateLimiter], time: Time) -> None:
    time.now = 900_000.0
    for _ in range(LIMIT):
        await call_answered(make())
    await make().back_off(3)
    time.now = 12.0  # the machine was started again
    assert (await make().state())[1] == 3
    await call_answered(make(), 60)
    assert time.now == 15.0


def test_the_time_of_day_plays_no_part() -> None:
    assert RateLimitFile(Path("unused"), "a")._clock is real_time.monotonic


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite://", RateLimitMemory),
        ("sqlite:///:memory:", RateLimitMemory),
        ("sqlite:///state/leadbridge.db", RateLimitFile),
        ("sqlite:////var/lib/leadbridge/leadbridge.db", RateLimitFile),
        ("postgresql://user:secret@db.example/leadbridge", RateLimitTable),
    ],
)
def test_what_is_shared_is_where_the_state_is(url: str, kind: type[SharedLimit]) -> None:
    rate_limiter = rate_limiter_for(Store(url), service="RoofLink", requests=5, seconds=1.0, account="rooflink:1")
    assert type(rate_limiter._shared) is kind
    if isinstance(rate_limiter._shared, RateLimitFile):
        assert str(rate_limiter._shared.path) == url.removeprefix("sqlite:///") + ".rates"


def test_pacing_does_not_import_the_database() -> None:
    program = (
        "import anyio, sys; from leadbridge.server.state import Store\n"
        "from leadbridge.server.services.services import rate_limiter_for\n"
        "g = rate_limiter_for(Store('sqlite:///s.db'), service='R', requests=5, seconds=1.0, account='a')\n"
        "anyio.run(g.check, 1); anyio.run(g.state); print(g.warning, {'sqlalchemy'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert output.stdout == " set()\n"


# Processes

WORKER = """
import asyncio, sys, time
from pathlib import Path
from leadbridge.server.state.rate_limit import RateLimitFile
from leadbridge.server.services.rate_limiter import Queue, RateLimiter

file, mode, count = sys.argv[1:]
rate_limiter = RateLimiter("RoofLink", 5, 1.0, RateLimitFile(Path(file), "rooflink:1"))
real = Queue.leave

def leave(self, number):
    wait = real(self, number)
    if not wait:
        print(self.now, flush=True)
    return wait

Queue.leave = leave

async def call():
    async with rate_limiter.slot(60):
        pass

async def main():
    sys.stdin.readline()
    while True:
        await asyncio.gather(*(call() for _ in range(int(count))))
        if mode != "forever":
            return

if mode == "hold":
    rate_limiter._shared._open().execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(60)
else:
    asyncio.run(main())
"""


@contextmanager
def workers(number: int, file: Path, mode: str, count: int = 0) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that begin when they are sent a line, and print when each caller left, by the clock of the file."""
    command = [sys.executable, "-c", WORKER, str(file), mode, str(count)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(number)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def start(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


@pytest.mark.slow
def test_four_processes_stay_within_the_limit_together(file: Path) -> None:
    with workers(4, file, "drain", 8) as processes:
        start(processes)
        left = [float(line) for process in processes for line in process.communicate(timeout=PATIENCE)[0].split()]
        assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert len(left) == 32
    assert most_in_any(SECONDS, left) <= LIMIT


@pytest.mark.slow
def test_killed_processes_leave_no_lock_and_the_others_go_on(file: Path) -> None:
    with workers(4, file, "forever", 3) as processes:
        start(processes)
        outputs = [process.stdout for process in processes if process.stdout is not None]
        for output in outputs:
            assert output.readline()  # all are under way
        for process in processes[:2]:
            process.kill()
            process.wait()
        killed = real_time.monotonic()
        for output in outputs[2:]:
            assert next(at for at in map(float, output) if at > killed)
    rate_limiter = RateLimiter("RoofLink", LIMIT, SECONDS, RateLimitFile(file, "rooflink:1"))
    asyncio.run(call_answered(rate_limiter, 30))
    assert rate_limiter.warning == ""


def test_a_process_killed_with_the_lock_in_its_hands_leaves_it(file: Path) -> None:
    rate_limiter = RateLimiter("RoofLink", LIMIT, SECONDS, RateLimitFile(file, "rooflink:1"))
    with workers(1, file, "hold") as (holder,):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            RateLimitFile(file, "rooflink:1")._change(lambda kept, _: (kept, None))
        holder.kill()
        holder.wait()
        asyncio.run(call_answered(rate_limiter, 0))
    assert rate_limiter.warning == ""


async def test_a_process_stopped_with_the_lock_in_its_hands_stops_nobody_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up after a while, which only passes here while the event loop goes on."""
    rate_limiter = RateLimiter("RoofLink", LIMIT, SECONDS, RateLimitFile(file, "rooflink:1"))
    clock = Time()
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(monotonic=clock))

    async def tick() -> None:
        while True:
            clock.now += rate_limit.PATIENCE / 4
            await anyio.sleep(0.01)

    with workers(1, file, "hold") as (holder,):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await call_answered(rate_limiter, 5)
            group.cancel_scope.cancel()
    assert "locked" in rate_limiter.warning


# PostgreSQL


@pytest.fixture
def stores(postgres_url: str) -> Iterator[Callable[[], Store]]:
    """Stores of as many processes as wanted, on one database."""
    made: list[Store] = []

    def make() -> Store:
        made.append(Store(postgres_url))
        return made[-1]

    table = "CREATE TABLE IF NOT EXISTS paces (account VARCHAR(64) PRIMARY KEY, state BYTEA NOT NULL)"
    make().run_sync(lambda connection: connection.execute(text(table)))
    yield make
    for store in made:
        store.close()


def on(store: Store, account: str = "rooflink:1") -> RateLimiter:
    return RateLimiter("RoofLink", LIMIT, SECONDS, RateLimitTable(store, account))


@pytest.mark.slow
async def test_on_postgresql_the_limit_and_the_order_hold_too(
    stores: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate_limiters = [on(stores()) for _ in range(3)]
    left: list[float] = []  # when callers left, by the database's clock
    order: list[int] = []  # of the numbers that they took
    real = Queue.leave

    def leave(self: Queue, number: int) -> float:
        wait = real(self, number)
        if not wait:
            left.append(self.now)
            order.append(number)
        return wait

    async def one(number: int) -> None:
        await call_answered(rate_limiters[number % 3])

    monkeypatch.setattr(Queue, "leave", leave)
    async with anyio.create_task_group() as group:
        for number in range(17):
            group.start_soon(one, number)
    assert most_in_any(SECONDS, left) <= LIMIT
    assert len(order) == len(set(order)) == 17
    # Who wakes late keeps its place in the window, but those who have one in the same may leave before.
    for place, number in enumerate(order):
        assert abs(sorted(order).index(number) - place) < LIMIT, order


async def test_on_postgresql_a_cool_off_reaches_the_others(stores: Callable[[], Store]) -> None:
    one, other, third = on(stores()), on(stores()), on(stores(), "rooflink:2")
    await one.back_off(60)
    assert (await other.state())[1] > 50
    with pytest.raises(RateLimited, match="asked to slow down"):
        await call_answered(other, 10)
    await call_answered(third, 0)
    assert (await third.state())[0] == 1


async def test_on_postgresql_the_servers_clock_counts_and_may_go_back(
    stores: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate_limiter = on(stores())
    for _ in range(LIMIT):
        await call_answered(rate_limiter)
    monkeypatch.setattr(rate_limit_table, "NOW", "SELECT extract(epoch FROM clock_timestamp()) - 86400")
    with pytest.raises(RateLimited) as refused:
        await call_answered(rate_limiter, 0)
    assert refused.value.retry_after <= SECONDS + GAP


async def test_a_postgresql_that_is_gone_leaves_each_process_to_itself(stores: Callable[[], Store]) -> None:
    rate_limiter = on(Store(stores().url.replace("/postgres?", "/gone?")))
    for _ in range(LIMIT):
        await call_answered(rate_limiter, 5)
    with pytest.raises(RateLimited):
        await call_answered(rate_limiter, 0)
    assert (await rate_limiter.state())[0] == LIMIT
    assert "are not seen: The state store" in rate_limiter.warning
    assert "Nothing was sent" not in rate_limiter.warning


async def test_a_postgresql_that_hangs_is_left_alone_for_a_while(
    stores: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, asked = stores(), stores()
    rate_limiter = on(asked)
    await call_answered(rate_limiter)
    monkeypatch.setattr(rate_limit_table, "PATIENCE", 0.2)

    held, enough = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        connection.execute(text("LOCK TABLE paces"))
        held.set()
        enough.wait(PATIENCE)

    async with anyio.create_task_group() as group:
        group.start_soon(store.run, hold)
        await anyio.to_thread.run_sync(held.wait)
        await call_answered(rate_limiter, 5)
        assert "does not answer" in rate_limiter.warning
        await call_answered(rate_limiter, 5)
        assert "did not answer" in rate_limiter.warning
        enough.set()
    with anyio.fail_after(PATIENCE):
        while asked._open().pool.checkedout():  # type: ignore[attr-defined]  # noqa: ASYNC110 - a thread was left behind
            await anyio.sleep(0.02)


def test_a_postgresql_connection_that_is_lost_leaves_no_lock(stores: Callable[[], Store]) -> None:
    url = stores().url
    asyncio.run(call_answered(on(stores())))
    program = (
        "import psycopg, sys, time; c = psycopg.connect(sys.argv[1])\n"
        "c.execute('SELECT state FROM paces FOR UPDATE'); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.LockNotAvailable):
        connection.execute("SELECT state FROM paces FOR UPDATE NOWAIT")
    process.kill()
    process.communicate()
    rate_limiter = on(stores())
    asyncio.run(call_answered(rate_limiter, 0))
    assert rate_limiter.warning == ""
