"""How fast a service may be called: one window, one queue and one cool-off for all processes with the same key.

A caller takes its place in the queue at once, sleeps without holding anything, and looks again when it wakes. It leaves
only when, in the window before, fewer requests than allowed can have arrived: what matters is when the service sees
them, so a window is counted from the answer, which comes after that. Who wakes late or is slow to connect makes nobody
bunch with it, and a process that dies wastes its own place and no more.

Of the libraries pyrate-limiter is the nearest, with buckets in SQLite and PostgreSQL that processes share. But its
waiters poll, so the last to come may be first; and neither it nor limits knows a cool-off, or when requests arrived.
"""

from __future__ import annotations

import contextlib
import time
from array import array
from bisect import bisect_right, insort
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from itertools import chain
from pathlib import Path
from typing import TypeVar

import anyio

from server.api.pace import NotShared, Pace, PaceFile, PaceMemory, PaceTable
from server.api.retry import LONGEST_COOL_OFF
from server.errors import RateLimited
from server.state import Store

T = TypeVar("T")

UNANSWERED = 1.0
"""Seconds after which a request that left is taken to have arrived, if its answer did not prove that sooner: on a busy
machine or network it may well take that long. A service that answers in 0.3 s gets 5 requests in 1.3 s."""
GAP = 0.001
"""Seconds between the end of a window and the next request."""
TICK = 1e-6
"""Seconds; no sleep is more exact."""
MOST_WAITING = 256

_left: ContextVar[tuple[Pace, int, float] | None] = ContextVar("left", default=None)
"""This task's queue, its number there and when it left, until it is answered."""


def governor_for(store: Store, *, service: str, requests: int, seconds: float, account: str) -> Governor:
    """The governor of an account (its fingerprint) on a service, shared by all processes with the same state store."""
    if store.in_memory:
        return Governor(service, requests, seconds)
    pace = PaceTable(store, account) if store.file is None else PaceFile(Path(f"{store.file}.pace"), account)
    return Governor(service, requests, seconds, pace)


class Governor:
    """Allows `requests` in any `seconds` to all who share `pace`; without one, to this process.

    While `pace` cannot be reached it governs this process alone, and `warning` says so.
    """

    def __init__(
        self,
        service: str,
        requests: int,
        seconds: float,
        pace: Pace | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.service = service
        self.requests = requests
        self.seconds = seconds
        self.clock = clock
        self.sleep = sleep
        self.warning = ""
        """Why other processes are not seen, where they should be."""
        self._own = PaceMemory(clock)
        self._pace = pace or self._own
        self._not_before = 0.0

    async def acquire(self, patience: float, on_wait: Callable[[float], Awaitable[None]] | None = None) -> None:
        """Wait for a place.

        Raises:
            RateLimited: the next place is more than `patience` seconds away; none was taken. Or a cool-off that another
                process learned took it out of reach.
        """
        until = self.clock() + patience
        try:
            await self._acquire(self._pace, until, on_wait)
        except NotShared as error:
            self._alone(error)
            await self._acquire(self._own, until, on_wait)
        else:
            self.warning = ""

    async def _acquire(
        self, pace: Pace, until: float, on_wait: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        number, wait = await pace.change(self._work(lambda queue: self._enter(queue, max(0.0, until - self.clock()))))
        while wait > 0:
            due = self.clock() + wait
            try:
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(max(0.0, due - self.clock()))
                left = await pace.change(self._work(lambda queue: self._leave(queue, number, until)))
            except BaseException:
                pace.change_soon(self._work(lambda queue: queue.forget(number)))
                raise
            if isinstance(left, RateLimited):
                raise left
            wait = left
        _left.set((pace, number, self.clock()))

    async def check(self, patience: float) -> None:
        """Find out whether a place is near, and take none.

        Raises:
            RateLimited: the next place is more than `patience` seconds away.
        """
        look = self._work(lambda queue: self._beyond(queue, patience))
        try:
            too_far = await self._pace.change(look)
        except NotShared as error:
            self._alone(error)
            too_far = await self._own.change(look)
        if too_far is not None:
            raise too_far

    async def answered(self) -> None:
        """The answer to the request of this task's last `acquire` came: it had arrived by now."""
        left = _left.get()
        _left.set(None)
        if left is None:
            return
        pace, number, at = left
        if self.clock() - at < UNANSWERED:
            with contextlib.suppress(NotShared):
                await pace.change(self._work(lambda queue: queue.answer(number)))

    def cool_off(self, seconds: float) -> None:
        """Let nobody through for so many seconds, in no process."""
        self._not_before = max(self._not_before, self.clock() + seconds)
        self._pace.change_soon(self._work(lambda _: None))

    def state(self) -> dict[str, float]:
        """Requests in the current window and seconds of cool-off left, of all processes.

        It may block for as long as PostgreSQL takes to answer.
        """
        look = self._work(lambda queue: (queue.used, queue.cooling))
        try:
            used, wait = self._pace.change_now(look)
            self.warning = ""
        except NotShared as error:
            self._alone(error)
            used, wait = self._own.change_now(look)
        return {"used": used, "of": self.requests, "seconds": self.seconds, "wait": wait}

    def _alone(self, error: NotShared) -> None:
        self.warning = f"Other processes with this key are not seen: {error}."

    def _work(self, step: Callable[[Queue], T]) -> Callable[[bytes, float], tuple[bytes | None, T]]:
        def work(data: bytes, now: float) -> tuple[bytes | None, T]:
            queue = Queue(self.requests, self.seconds, data, now)
            queue.cool_off(self._not_before - self.clock())
            answer = step(queue)
            return queue.packed(), answer

        return work

    def _enter(self, queue: Queue, patience: float) -> tuple[int, float]:
        number, wait = queue.enter()
        if wait > patience or len(queue.waiting) > MOST_WAITING:
            raise self._too_far(queue, wait)
        return number, wait

    def _leave(self, queue: Queue, number: int, until: float) -> float | RateLimited:
        wait = queue.leave(number)
        if wait > until - self.clock():
            queue.forget(number)
            return self._too_far(queue, wait)
        return wait

    def _beyond(self, queue: Queue, patience: float) -> RateLimited | None:
        return self._too_far(queue, queue.soonest) if queue.soonest > patience else None

    def _too_far(self, queue: Queue, wait: float) -> RateLimited:
        what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
        if queue.cooling > 0:
            what = f"{self.service} asked to slow down."
        return RateLimited(
            what=what,
            next_step=f"Nothing was sent. Try again in {wait:.0f} s.",
            service=self.service,
            retry_after=wait,
        )


class Queue:
    """Who left in the window, and who waits, first come first; made from what was kept, for one look at it.

    Of who left it holds the time by which the service has the request, and the number; of who waits the number and the
    place, which is when its owner will look. When a window has passed since, the owner is dead, or will come back.
    """

    def __init__(self, requests: int, seconds: float, data: bytes, now: float) -> None:
        self.now = now
        self._requests = requests
        self._window = seconds + GAP
        # Numbers begin with the time, so that those of a file that was lost do not come again.
        seen, not_before, last, count = array("d", data[:32]) if data else (now, 0.0, now * 1000, 0.0)
        self._not_before = not_before
        self._last = int(last)
        kept = array("d", data[32:])
        end = int(count)
        self._left, self._numbers, places = kept[:end], kept[end : 2 * end], kept[2 * end :]
        self.waiting = list(zip(places[::2], places[1::2], strict=True))
        if seen > now:
            self._go_back(seen - now)
        self._not_before = min(self._not_before, now + LONGEST_COOL_OFF)
        past = now - self._window
        gone = bisect_right(self._left, past)
        del self._left[:gone], self._numbers[:gone]
        self.waiting = [entry for entry in self.waiting if entry[1] > past]

    def packed(self) -> bytes:
        """What is to be kept."""
        values = array("d", (self.now, self._not_before, self._last, len(self._left)))
        places = array("d", chain.from_iterable(self.waiting))
        return (values + self._left + self._numbers + places).tobytes()

    @property
    def cooling(self) -> float:
        """Seconds of cool-off left."""
        return max(0.0, self._not_before - self.now)

    @property
    def used(self) -> int:
        """How many left in the window, or have a place."""
        return len(self._left) + len(self.waiting)

    @property
    def soonest(self) -> float:
        """Seconds until somebody who comes now may leave."""
        return self._place(self._last + 1, self._left) - self.now

    def cool_off(self, seconds: float) -> None:
        """Let nobody leave for so many seconds."""
        if seconds > 0:
            self._not_before = max(self._not_before, self.now + seconds)

    def enter(self) -> tuple[int, float]:
        """A new number, and the seconds until its owner is to look again; with 0 it has left."""
        self._last += 1
        return self._last, self.leave(self._last)

    def leave(self, number: int) -> float:
        """Leave if it is this number's turn; else the seconds until its owner is to look again."""
        self.forget(number)
        place = self._place(number, self._left)
        if place - self.now < TICK:
            self._put(number, self.now + UNANSWERED)
            return 0.0
        # Those who left a moment ago may be answered any time.
        soonest = self._place(number, array("d", (min(at, self.now) for at in self._left)))
        if soonest > self.now:
            place = soonest
        insort(self.waiting, (number, place))
        return place - self.now

    def answer(self, number: int) -> None:
        """The service has had this one's request."""
        if number in self._numbers:
            index = self._numbers.index(number)
            self._numbers.pop(index)
            self._put(number, min(self._left.pop(index), self.now))

    def forget(self, number: int) -> None:
        """Give a place up."""
        self.waiting = [entry for entry in self.waiting if entry[0] != number]

    def _place(self, number: int, left: array[float]) -> float:
        """When a number may leave: after those with earlier ones, and a window after as many as are allowed in one."""
        times = left[-self._requests :]
        place = self._not_before
        for earlier, at in self.waiting:
            if earlier > number:
                break
            place = max(at, place, self._room(times))
            insort(times, place)
        return max(self.now, place, self._room(times))

    def _room(self, times: array[float]) -> float:
        return times[-self._requests] + self._window if len(times) >= self._requests else self.now

    def _put(self, number: int, at: float) -> None:
        index = bisect_right(self._left, at)
        self._left.insert(index, at)
        self._numbers.insert(index, number)

    def _go_back(self, seconds: float) -> None:
        """The clock went back, or the machine started again: all times go back with it."""
        self._not_before -= seconds
        self._left = array("d", (at - seconds for at in self._left))
        self.waiting = [(number, at - seconds) for number, at in self.waiting]
