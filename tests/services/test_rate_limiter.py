"""How fast a service may be called, in a time of the tests' own: no waiting, every order of events."""

from __future__ import annotations

import contextlib
import heapq
import math
from collections.abc import Awaitable, Callable, Coroutine, Generator
from itertools import pairwise
from types import coroutine
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.catalog import load
from leadbridge.server.errors import RateLimited
from leadbridge.server.services.rate_limiter import GAP, TICK, UNANSWERED, RateLimiter
from tests.support import Time

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure
LIMIT, WINDOW = 5, 1.0
EVER = math.inf


class World:
    """Callers and a clock: whoever sleeps is woken in the order of time, and nothing takes any."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        await _until(self.now + seconds)

    def at(self, moment: float, happens: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (moment, self._order, happens))

    def start(self, moment: float, caller: Coroutine[Any, Any, None]) -> None:
        self.at(moment, lambda: self._go_on(caller))

    def _go_on(self, caller: Coroutine[Any, Any, None]) -> None:
        try:
            wake = caller.send(None)
        except StopIteration:
            return
        self.at(wake, lambda: self._go_on(caller))

    def run(self) -> None:
        while self._events:
            self.now, _, happens = heapq.heappop(self._events)
            happens()


@coroutine
def _until(moment: float) -> Generator[float, None, None]:
    yield moment


class Callers:
    """What came of a number of callers of one rate_limiter."""

    def __init__(self, requests: int = LIMIT, seconds: float = WINDOW) -> None:
        self.world = World()
        self.rate_limiter = RateLimiter("RoofLink", requests, seconds, clock=self.world.clock, sleep=self.world.sleep)
        self.passed: list[tuple[int, float]] = []
        """Number and moment, in the order in which they were let through."""
        self.refused: dict[int, RateLimited] = {}

    def arrive(self, number: int, moment: float, patience: float = EVER) -> None:
        self.world.start(moment, self._call(number, patience))

    async def _call(self, number: int, patience: float) -> None:
        try:
            async with self.rate_limiter.slot(patience):
                pass
        except RateLimited as error:
            self.refused[number] = error
        else:
            self.passed.append((number, self.world.now))

    def run(self) -> Callers:
        self.world.run()
        return self

    @property
    def moments(self) -> list[float]:
        """When each was let through, by its number."""
        return [moment for _, moment in sorted(self.passed)]

    @property
    def in_order(self) -> bool:
        """Whether nobody overtook anybody; a clock of floats may differ in its last digit."""
        return all(earlier <= later + 1e-9 for earlier, later in pairwise(self.moments))


pauses = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.3), st.floats(0, 3)), min_size=1, max_size=60)


def arrivals_of(gaps: list[float]) -> list[float]:
    total, moments = 0.0, []
    for gap in gaps:
        total += gap
        moments.append(total)
    return moments


def most_in_a_window(moments: list[float], seconds: float) -> int:
    return max((sum(1 for other in moments if 0 <= other - first < seconds) for first in moments), default=0)


@unhurried
@given(pauses)
def test_there_are_never_more_than_five_in_any_second(gaps: list[float]) -> None:
    callers = Callers()
    for number, moment in enumerate(arrivals_of(gaps)):
        callers.arrive(number, moment)
    callers.run()
    assert len(callers.passed) == len(gaps)
    assert most_in_a_window(callers.moments, WINDOW) <= LIMIT


@unhurried
@given(st.integers(1, 8), st.floats(0.1, 400), pauses)
def test_there_are_never_more_than_the_limit_in_any_window_of_any_service(
    limit: int, seconds: float, gaps: list[float]
) -> None:
    callers = Callers(limit, seconds)
    for number, moment in enumerate(arrivals_of(gaps)):
        callers.arrive(number, moment)
    assert most_in_a_window(callers.run().moments, seconds) <= limit


@unhurried
@given(pauses)
def test_callers_are_let_through_in_the_order_in_which_they_came(gaps: list[float]) -> None:
    callers = Callers()
    for number, moment in enumerate(arrivals_of(gaps)):
        callers.arrive(number, moment)
    assert len(callers.run().passed) == len(gaps)
    assert callers.in_order


@unhurried
@given(pauses)
def test_nobody_waits_who_need_not(gaps: list[float]) -> None:
    """A caller waits only behind five others of the last second, or behind one who waits."""
    arrivals = arrivals_of(gaps)
    callers = Callers()
    for number, moment in enumerate(arrivals):
        callers.arrive(number, moment)
    moments = callers.run().moments
    for number, (came, went) in enumerate(zip(arrivals, moments, strict=True)):
        earliest = moments[number - LIMIT] + WINDOW + GAP if number >= LIMIT else 0.0
        before = moments[number - 1] if number else 0.0
        assert went == pytest.approx(max(came, earliest, before))


@unhurried
@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 3)), min_size=1, max_size=50))
def test_who_would_wait_longer_than_their_patience_is_refused_and_takes_nobodys_place(
    rows: list[tuple[float, float]],
) -> None:
    arrivals = arrivals_of([gap for gap, _ in rows])
    callers = Callers()
    for number, (moment, (_, patience)) in enumerate(zip(arrivals, rows, strict=True)):
        callers.arrive(number, moment, patience)
    callers.run()
    assert len(callers.passed) + len(callers.refused) == len(rows)
    for number, moment in callers.passed:
        assert moment - arrivals[number] <= rows[number][1] + 1e-9
    for number, error in callers.refused.items():
        assert error.retry_after > rows[number][1]
    without = Callers()
    for number, _ in callers.passed:
        without.arrive(number, arrivals[number])
    assert without.run().moments == pytest.approx(callers.moments)


@unhurried
@given(pauses, st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 5)), min_size=1, max_size=4))
@example([1.0], [(1.2e-7, 1.0)])
def test_who_comes_while_the_service_cools_off_waits_until_it_has(
    gaps: list[float], cool_offs: list[tuple[float, float]]
) -> None:
    callers = Callers()
    arrivals = arrivals_of(gaps)
    for begin, seconds in cool_offs:
        callers.world.start(begin, callers.rate_limiter.back_off(seconds))
    for number, moment in enumerate(arrivals):
        callers.arrive(number, moment)
    callers.run()
    for number, moment in callers.passed:
        for begin, seconds in cool_offs:
            assert not (begin <= arrivals[number] and moment < begin + seconds - TICK)
    assert most_in_a_window(callers.moments, WINDOW) <= LIMIT
    assert len(callers.passed) == len(gaps)


def test_who_waits_already_when_a_cool_off_begins_waits_until_it_is_over() -> None:
    callers = Callers()
    for number in range(7):
        callers.arrive(number, 0.0)
    callers.world.start(0.5, callers.rate_limiter.back_off(10))
    callers.run()
    assert callers.moments[:5] == [0.0] * 5
    assert all(moment >= 10.5 for moment in callers.moments[5:]), callers.moments


def test_nobody_is_overtaken_by_who_came_later_when_one_cool_off_follows_another() -> None:
    callers = Callers()
    for begin in (0.0, 1.0):
        callers.world.start(begin, callers.rate_limiter.back_off(1))
    for number in range(6):
        callers.arrive(number, 0.0)
    callers.run()
    assert len(callers.passed) == 6
    assert callers.in_order, callers.moments


def test_a_hundred_and_fifty_callers_use_at_least_95_percent_of_the_limit() -> None:
    callers = Callers()
    for number in range(150):
        callers.arrive(number, 0.0)
    last = callers.run().moments[-1]
    assert 150 / (last + WINDOW) >= 0.95 * LIMIT / WINDOW


def test_a_shorter_cool_off_does_not_end_a_longer_one() -> None:
    callers = Callers()
    callers.world.start(0.0, callers.rate_limiter.back_off(60))
    callers.world.start(0.0, callers.rate_limiter.back_off(2))
    callers.arrive(0, 1.0)
    assert callers.run().moments == [60.0]


async def take(
    rate_limiter: RateLimiter, patience: float, on_wait: Callable[[float], Awaitable[None]] | None = None
) -> None:
    """A call that is answered at once."""
    async with rate_limiter.slot(patience, on_wait):
        pass


async def test_a_refusal_names_the_service_the_seconds_and_that_nothing_was_sent(time: Time) -> None:
    rate_limiter = RateLimiter("RoofLink", LIMIT, WINDOW, clock=time, sleep=time.sleep)
    await rate_limiter.back_off(60)
    with pytest.raises(RateLimited) as caught:
        await take(rate_limiter, 48)
    assert caught.value.retry_after == 60
    assert not caught.value.sent
    assert not caught.value.may_have_taken_effect
    for word in ("RoofLink asked to slow down", "60 s"):
        assert word in str(caught.value)
    assert time.slept == []


async def test_a_used_up_budget_is_told_apart_from_a_service_that_asked_to_slow_down(time: Time) -> None:
    rate_limiter = RateLimiter("RenovationFind", 2, 300.0, clock=time, sleep=time.sleep)
    await take(rate_limiter, 48)
    await take(rate_limiter, 48)
    with pytest.raises(RateLimited, match="limit of 2 requests in 300 s is used up") as caught:
        await take(rate_limiter, 48)
    assert caught.value.retry_after == pytest.approx(300 + GAP)


async def test_waits_of_a_second_or_more_are_reported_before_they_begin_and_shorter_ones_are_not(time: Time) -> None:
    reports: list[tuple[float, int]] = []

    async def report(seconds: float) -> None:
        reports.append((seconds, len(time.slept)))

    waiting: Callable[[float], Awaitable[None]] = report
    rate_limiter = RateLimiter("RoofLink", LIMIT, WINDOW, clock=time, sleep=time.sleep)
    await rate_limiter.back_off(0.5)
    await take(rate_limiter, 48, waiting)
    await rate_limiter.back_off(3)
    await take(rate_limiter, 48, waiting)
    assert time.slept == [0.5, 3]
    assert reports == [(3, 1)]


async def test_the_state_shows_what_is_used_and_how_long_the_service_still_cools_off(time: Time) -> None:
    rate_limiter = RateLimiter("RoofLink", LIMIT, WINDOW, clock=time, sleep=time.sleep)
    assert await rate_limiter.state() == (0, 0.0)
    for _ in range(3):
        await take(rate_limiter, 48)
    await rate_limiter.back_off(10)
    time.now += 0.9
    assert await rate_limiter.state() == (3, pytest.approx(9.1))
    time.now += 20
    assert await rate_limiter.state() == (0, 0.0)


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.05, 0.09])
async def test_a_service_that_sees_requests_late_never_sees_more_than_its_limit(pause: float, time: Time) -> None:
    """The second counts from when the service saw the request, not from when it left."""
    rate_limiter = RateLimiter("RoofLink", LIMIT, WINDOW, clock=time, sleep=time.sleep)
    seen: list[float] = []
    for number in range(130):
        async with rate_limiter.slot(48):
            time.now += 0.08 if number % 7 == 0 else 0.001  # the way there, which now and then takes longer
            seen.append(time.now)
            time.now += 0.002
        time.now += pause
    assert most_in_a_window(seen, WINDOW) <= LIMIT


async def test_a_request_without_an_answer_is_taken_to_arrive_a_second_later(time: Time) -> None:
    rate_limiter = RateLimiter("RoofLink", 1, WINDOW, clock=time, sleep=time.sleep)
    for _ in range(2):
        with contextlib.suppress(TimeoutError):
            async with rate_limiter.slot(48):
                raise TimeoutError
    assert sum(time.slept) == pytest.approx(UNANSWERED + WINDOW + GAP)


def test_the_limits_are_those_the_services_state() -> None:
    services = load().services
    assert (services["rooflink"].requests, services["rooflink"].seconds) == (5, 1.0)
    assert (services["renovationfind"].requests, services["renovationfind"].seconds) == (250, 300.0)
    assert services["rooflink"].cool_off_429 >= 2
    assert services["rooflink"].cool_off_503 >= 60
