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
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio

from leadbridge.server import state
from leadbridge.server.errors import RateLimited, StateError
from leadbridge.server.services.rate_limit_queue import UNANSWERED, Queue
from leadbridge.server.state import Store
from leadbridge.server.state.rate_limit import Change, RateLimitFile, RateLimitMemory, SharedLimit

T = TypeVar("T")

MOST_WAITING = 256


def rate_limiter_for(store: Store, *, service: str, requests: int, seconds: float, account: str) -> RateLimiter:
    """The rate limiter of an account on a service, shared by all processes with the same state store."""
    if store.in_memory:
        return RateLimiter(service, requests, seconds)
    if store.file is not None:
        return RateLimiter(service, requests, seconds, RateLimitFile(Path(f"{store.file}.rates"), account))
    return RateLimiter(service, requests, seconds, state.rate_limit_table.RateLimitTable(store, account))


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
        on_wait: Callable[[float], Awaitable[None]] | None = None,
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
        if self.clock() - left < UNANSWERED:
            with contextlib.suppress(StateError):
                await shared.change(self._work(lambda queue: queue.answer(number)))

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

    async def _wait(
        self,
        shared: SharedLimit,
        until: float,
        on_wait: Callable[[float], Awaitable[None]] | None,
        idle: int | None,
    ) -> int:
        """The number under which the caller left."""
        while idle is not None:
            number, wait = await shared.change(self._work(lambda queue: self._enter_idle(queue, idle, until)))
            if not wait:
                return number
            await self.sleep(wait)
        number, wait = await shared.change(self._work(lambda queue: self._enter(queue, until)))
        try:
            while wait > 0:
                due = self.clock() + wait
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(max(0.0, due - self.clock()))
                wait = await shared.change(self._work(lambda queue: self._leave(queue, number, until)))
        except BaseException:
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

    def _enter(self, queue: Queue, until: float) -> tuple[int, float]:
        number, wait = queue.enter()
        patience = max(0.0, until - self.clock()) if len(queue.waiting) <= MOST_WAITING else 0.0
        self._refuse_beyond(queue, wait, patience)
        return number, wait

    def _enter_idle(self, queue: Queue, reserved: int, until: float) -> tuple[int, float]:
        number, wait = queue.enter_idle(reserved)
        self._refuse_beyond(queue, wait, until - self.clock())
        return number, wait

    def _leave(self, queue: Queue, number: int, until: float) -> float:
        wait = queue.leave(number)
        self._refuse_beyond(queue, wait, until - self.clock())
        return wait

    def _refuse_beyond(self, queue: Queue, wait: float, patience: float) -> None:
        if wait <= patience:
            return
        what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
        if queue.cooling > 0:
            what = f"{self.service} asked to slow down."
        raise RateLimited(
            what=what,
            next_step=f"Try again in {wait:.0f} s.",
            sent=False,
            service=self.service,
            retry_after=wait,
        )
