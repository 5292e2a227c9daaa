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
from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import chain
from typing import TypeVar

import anyio

from leadbridge.server.errors import RateLimited, StateError
from leadbridge.server.services.retry import LONGEST_COOL_OFF
from leadbridge.server.state.rate_limit import Change, RateLimitMemory, SharedLimit

T = TypeVar("T")
OnWait = Callable[[float], Awaitable[None]]
"""Called before a wait of a second or more, with its seconds."""

MOST_WAITING = 256
UNANSWERED = 1.0
"""Seconds after which a request that left is taken to have arrived, if its answer did not prove that sooner: on a busy
machine or network it may well take that long. A service that answers in 0.3 s gets 5 requests in 1.3 s."""
GAP = 0.001
"""Seconds between the end of a window and the next request."""
LOOK_AGAIN = 0.02
"""Seconds, at least, between two looks for an idle place."""
TICK = 1e-6
"""Seconds; no sleep is more exact."""


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

    def back_off(self, seconds: float) -> None:
        """Let nobody leave for so many seconds."""
        self._not_before = max(self._not_before, self.now + seconds)

    def enter(self) -> tuple[int, float]:
        """A new number, and the seconds until its owner is to look again; with 0 it has left."""
        self._last += 1
        return self._last, self.leave(self._last)

    def idle_wait(self, reserved: int) -> float:
        """0 if nobody waits and so many places stay free, else seconds until another look for such a place."""
        if self.waiting or self.cooling or len(self._left) + reserved >= self._requests:
            return max(self.soonest, LOOK_AGAIN)
        return 0.0

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

    def answer(self, number: int, ago: float) -> None:
        """The service has had this one's request since so many seconds, at least."""
        if number in self._numbers:
            index = self._numbers.index(number)
            self._numbers.pop(index)
            self._put(number, min(self._left.pop(index), self.now - ago))

    def forget(self, number: int) -> None:
        """Give a place up."""
        self.waiting = [entry for entry in self.waiting if entry[0] != number]

    def _place(self, number: int, left: array[float]) -> float:
        """When a number may leave: after those with earlier ones, and a window after as many as are allowed in one."""
        times = left[-self._requests :]
        place = self._not_before

        def room() -> float:
            return times[-self._requests] + self._window if len(times) >= self._requests else self.now

        for earlier, at in self.waiting:
            if earlier > number:
                break
            place = max(at, place, room())
            insort(times, place)
        return max(self.now, place, room())

    def _put(self, number: int, at: float) -> None:
        index = bisect_right(self._left, at)
        self._left.insert(index, at)
        self._numbers.insert(index, number)

    def _go_back(self, seconds: float) -> None:
        """The clock went back, or the machine started again: all times go back with it."""
        self._not_before -= seconds
        self._left = array("d", (at - seconds for at in self._left))
        self.waiting = [(number, at - seconds) for number, at in self.waiting]


class RateLimiter:
    """Allows `requests` in any `seconds` to all who share `shared`; without one, to this process.

    While `shared` cannot be reached it governs this process alone, and `warning` says so.
    """

    def __init__(
        self,
        service: str,
        requests: int,
        seconds: float,
        shared: SharedLimit | None = None,
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
        self._own = RateLimitMemory(clock)
        self._shared = shared or self._own
        self._not_before = 0.0

    @contextlib.asynccontextmanager
    async def slot(
        self,
        patience: float,
        on_wait: OnWait | None = None,
        *,
        idle: int | None = None,
    ) -> AsyncGenerator[None]:
        """Wait for a place; the request is sent in the block, and its answer has come when the block ends.

        `idle`: for a place that nobody else wants, with at least so many others left free.

        Raises:
            RateLimited: the next place is more than `patience` seconds away; none was taken. Or a cool-off that another
                process learned took it out of reach.
        """
        until = self.clock() + patience
        shared = self._shared
        try:
            number = await self._wait(shared, until, on_wait, idle)
            self.warning = ""
        except StateError as error:
            self._alone(error)
            shared = self._own
            number = await self._wait(shared, until, on_wait, idle)
        left = self.clock()
        yield
        if (answered := self.clock()) - left < UNANSWERED:
            with contextlib.suppress(StateError):
                await shared.soon(self._work(lambda queue: queue.answer(number, self.clock() - answered)))

    async def check(self, patience: float) -> None:
        """Find out whether a place is near, and take none.

        Raises:
            RateLimited: the next place is more than `patience` seconds away.
        """
        await self._everywhere(lambda queue: self._refuse_beyond(queue, queue.soonest, patience))

    async def back_off(self, seconds: float) -> None:
        """Let nobody through for so many seconds, in no process."""
        self._not_before = max(self._not_before, self.clock() + seconds)
        await self._everywhere(lambda _: None)

    async def state(self) -> tuple[int, float]:
        """Requests in the current window and seconds of cool-off left, of all processes."""
        return await self._everywhere(lambda queue: (queue.used, queue.cooling))

    async def _wait(self, shared: SharedLimit, until: float, on_wait: OnWait | None, idle: int | None) -> int:
        """The number under which the caller left."""
        number = 0

        def look(queue: Queue) -> float:
            """Leave if it is the caller's turn; else the seconds until it is to look again."""
            nonlocal number
            patience = until - self.clock()
            if number:
                wait = queue.leave(number)
            elif idle is None:
                number, wait = queue.enter()
                patience = max(0.0, patience) if len(queue.waiting) <= MOST_WAITING else 0.0
            elif not (wait := queue.idle_wait(idle)):
                number, wait = queue.enter()
            self._refuse_beyond(queue, wait, patience)
            return wait

        wait = await shared.change(self._work(look))
        try:
            while wait > 0:
                due = self.clock() + wait
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(max(0.0, due - self.clock()))
                wait = await shared.change(self._work(look))
        except BaseException:
            if number:
                with anyio.CancelScope(shield=True), contextlib.suppress(StateError):
                    await shared.change(self._work(lambda queue: queue.forget(number)))
            raise
        return number

    async def _everywhere(self, step: Callable[[Queue], T]) -> T:
        try:
            result = await self._shared.change(self._work(step))
        except StateError as error:
            self._alone(error)
            return await self._own.change(self._work(step))
        self.warning = ""
        return result

    def _alone(self, error: StateError) -> None:
        self.warning = f"Other processes with this key are not seen: {error}"

    def _work(self, step: Callable[[Queue], T]) -> Change[T]:
        def work(data: bytes, now: float) -> tuple[bytes, T]:
            queue = Queue(self.requests, self.seconds, data, now)
            queue.back_off(self._not_before - self.clock())
            result = step(queue)
            return queue.packed(), result

        return work

    def _refuse_beyond(self, queue: Queue, wait: float, patience: float) -> None:
        if wait <= patience:
            return
        what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
        if queue.cooling > 0:
            what = f"{self.service} asked to slow down."
        raise RateLimited(what, f"Try again in {wait:.0f} s.", sent=False, retry_after=wait)
