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
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

import anyio

from leadbridge.server.errors import RateLimited
from leadbridge.server.services.rate_limit_state import (
    NotShared,
    RateLimitFile,
    RateLimitMemory,
    RateLimitState,
    RateLimitTable,
)
from leadbridge.server.services.window import UNANSWERED, Queue
from leadbridge.server.state import Store

T = TypeVar("T")

MOST_WAITING = 256

_left: ContextVar[tuple[RateLimitState, int, float] | None] = ContextVar("left", default=None)
"""This task's queue, its number there and when it left, until it is answered."""


def rate_limiter_for(store: Store, *, service: str, requests: int, seconds: float, account: str) -> RateLimiter:
    """The rate limiter of an account on a service, shared by all processes with the same state store."""
    if store.in_memory:
        return RateLimiter(service, requests, seconds)
    pace = RateLimitTable(store, account) if store.file is None else RateLimitFile(Path(f"{store.file}.pace"), account)
    return RateLimiter(service, requests, seconds, pace)


class RateLimiter:
    """Allows `requests` in any `seconds` to all who share `pace`; without one, to this process.

    While `pace` cannot be reached it governs this process alone, and `warning` says so.
    """

    def __init__(
        self,
        service: str,
        requests: int,
        seconds: float,
        pace: RateLimitState | None = None,
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
        self, pace: RateLimitState, until: float, on_wait: Callable[[float], Awaitable[None]] | None = None
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

    def back_off(self, seconds: float) -> None:
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
            queue.back_off(self._not_before - self.clock())
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
            next_step=f"Try again in {wait:.0f} s.",
            sent=False,
            service=self.service,
            retry_after=wait,
        )
