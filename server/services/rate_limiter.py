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
from bisect import insort
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from itertools import chain
from typing import TypeVar

import anyio

from leadbridge.server.errors import RateLimited, StateError
from leadbridge.server.services.retry import LONGEST_COOL_OFF
from leadbridge.server.state.rate_limit import Change, SharedLimit

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

    def __init__(self, requests: int, seconds: float, data: bytes, now: float, cool_off: float) -> None:
        self.now = now
        self._requests = requests
        self._window = seconds + GAP
        # Numbers begin with the time, so that those of a file that was lost do not come again.
        kept = array("d", data) if data else array("d", (now, 0.0, now * 1000, 0.0))
        back = max(0.0, kept[0] - now)  # the clock went back, or the machine started again: all times go back with it
        self.last = int(kept[2])
        """The newest number."""
        end = 4 + int(kept[3])
        past = now - self._window
        left = zip(kept[4:end], kept[end : 2 * end - 4], strict=True)
        self._left = [(at - back, number) for at, number in left if at - back > past]
        places = kept[2 * end - 4 :]
        waiting = zip(places[::2], places[1::2], strict=True)
        self.waiting = [(number, at - back) for number, at in waiting if at - back > past]
        self._not_before = max(min(kept[1] - back, now + LONGEST_COOL_OFF), now + cool_off)

    def packed(self) -> bytes:
        """What is to be kept."""
        times, numbers = [at for at, _ in self._left], [number for _, number in self._left]
        head = (self.now, self._not_before, self.last, len(times))
        return array("d", (*head, *times, *numbers, *chain.from_iterable(self.waiting))).tobytes()

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
        return self._place(self.last + 1, [at for at, _ in self._left]) - self.now

    def idle_wait(self, reserved: int) -> float:
        """0 if nobody waits and so many places stay free, else seconds until another look for such a place."""
        if self.waiting or self.cooling or len(self._left) + reserved >= self._requests:
            return max(self.soonest, LOOK_AGAIN)
        return 0.0

    def leave(self, number: int) -> float:
        """Leave if it is this number's turn; else the seconds until its owner is to look again."""
        self.forget(number)
        place = self._place(number, [at for at, _ in self._left])
        if place - self.now < TICK:
            insort(self._left, (self.now + UNANSWERED, number))
            return 0.0
        # Those who left a moment ago may be answered any time.
        soonest = self._place(number, [min(at, self.now) for at, _ in self._left])
        if soonest > self.now:
            place = soonest
        insort(self.waiting, (number, place))
        return place - self.now

    def answer(self, number: int, ago: float) -> None:
        """The service has had this one's request since so many seconds, at least."""
        self._left = sorted((min(at, self.now - ago) if one == number else at, one) for at, one in self._left)

    def forget(self, number: int) -> None:
        """Give a place up."""
        self.waiting = [entry for entry in self.waiting if entry[0] != number]

    def _place(self, number: int, times: list[float]) -> float:
        """When a number may leave: after those with earlier ones, and a window after as many as are allowed in one."""
        place = self._not_before
        for at in (*(at for earlier, at in self.waiting if earlier < number), self.now):
            room = times[-self._requests] + self._window if len(times) >= self._requests else self.now
            place = max(at, place, room)
            insort(times, place)
        return place


class RateLimitMemory:
    """What one process knows by itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept = b""

    async def change(self, work: Change[T]) -> T:
        """See `SharedLimit`."""
        self._kept, result = work(self._kept, self._clock())
        return result

    soon = change


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
                await shared.soon(partial(self._changed, lambda queue: queue.answer(number, self.clock() - answered)))

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
            wait = 0.0 if number or idle is None else queue.idle_wait(idle)
            if not wait:
                if not number:
                    number = queue.last = queue.last + 1
                    if idle is None:
                        patience = max(0.0, patience) if len(queue.waiting) < MOST_WAITING else 0.0
                wait = queue.leave(number)
            self._refuse_beyond(queue, wait, patience)
            return wait

        wait = await shared.change(partial(self._changed, look))
        try:
            while wait > 0:
                due = self.clock() + wait
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(max(0.0, due - self.clock()))
                wait = await shared.change(partial(self._changed, look))
        except BaseException:
            if number:
                with anyio.CancelScope(shield=True), contextlib.suppress(StateError):
                    await shared.change(partial(self._changed, lambda queue: queue.forget(number)))
            raise
        return number

    async def _everywhere(self, step: Callable[[Queue], T]) -> T:
        try:
            result = await self._shared.change(partial(self._changed, step))
        except StateError as error:
            self._alone(error)
            return await self._own.change(partial(self._changed, step))
        self.warning = ""
        return result

    def _alone(self, error: StateError) -> None:
        self.warning = f"Other processes with this key are not seen: {error}"

    def _changed(self, step: Callable[[Queue], T], data: bytes, now: float) -> tuple[bytes, T]:
        queue = Queue(self.requests, self.seconds, data, now, self._not_before - self.clock())
        result = step(queue)
        return queue.packed(), result

    def _refuse_beyond(self, queue: Queue, wait: float, patience: float) -> None:
        if wait <= patience:
            return
        what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
        if queue.cooling > 0:
            what = f"{self.service} asked to slow down."
        raise RateLimited(what, f"Try again in {wait:.0f} s.", sent=False, retry_after=wait)
