"""How fast a service may be called: a sliding window, and a cool-off that a refusal starts.

Waiting callers are served in the order they came: each takes its place in the window at once and sleeps until then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from server.errors import RateLimited

SAFETY = 0.02
"""Seconds added to a window, because what leaves evenly may arrive bunched."""


@dataclass(slots=True, eq=False)
class _Caller:
    """Somebody who waits, and until when."""

    place: float


@dataclass(slots=True)
class Governor:
    """Allows `requests` in any `seconds`; holds no lock while sleeping."""

    service: str
    requests: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    warning: str = field(default="", init=False)
    """Why other processes are not seen, where they should be."""
    _places: deque[float] = field(default_factory=deque)
    """When requests left or will leave, in order; at least as many as fit in a window."""
    _waiting: list[_Caller] = field(default_factory=list)
    _not_before: float = 0.0

    async def acquire(self, patience: float, on_wait: Callable[[float], Awaitable[None]] | None = None) -> None:
        """Wait for a place. A cool-off that begins meanwhile moves everyone who waits, in their order.

        Raises:
            RateLimited: the place is more than `patience` seconds away; none was taken.
        """
        now = self.clock()
        until = now + patience
        caller = _Caller(self._next(now))
        self._refuse_beyond(caller.place, until)
        self._places.append(caller.place)
        self._waiting.append(caller)
        try:
            while (wait := caller.place - self.clock()) > 0:
                self._refuse_beyond(caller.place, until)
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(wait)
        finally:
            self._waiting.remove(caller)

    async def check(self, patience: float) -> None:
        """Find out whether a place is near, and take none.

        Raises:
            RateLimited: the next place is more than `patience` seconds away.
        """
        now = self.clock()
        self._refuse_beyond(self._next(now), now + patience)

    def _next(self, now: float) -> float:
        while len(self._places) > self.requests and self._places[0] < now - self.seconds - SAFETY:
            self._places.popleft()
        place = max(now, self._not_before, self._places[-1] if self._places else 0.0)
        if len(self._places) >= self.requests:
            place = max(place, self._places[-self.requests] + self.seconds + SAFETY)
        return place

    def _refuse_beyond(self, place: float, until: float) -> None:
        if place <= until:
            return
        now = self.clock()
        what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
        if self._not_before > now:
            what = f"{self.service} asked to slow down."
        raise RateLimited(
            what=what,
            next_step=f"Nothing was sent. Try again in {place - now:.0f} s.",
            service=self.service,
            retry_after=place - now,
        )

    async def answered(self) -> None:
        """The answer to this task's last request came; here that changes nothing."""

    def cool_off(self, seconds: float) -> None:
        """Let nobody through for so many seconds; who waits already keeps the order."""
        now = self.clock()
        self._not_before = max(self._not_before, now + seconds)
        waiting = [caller for caller in self._waiting if caller.place > now]
        for _ in waiting:
            self._places.pop()
        for caller in waiting:
            caller.place = self._next(now)
            self._places.append(caller.place)

    def state(self) -> dict[str, float]:
        """Requests in the current window and seconds of cool-off left, for `server_status`."""
        now = self.clock()
        used = sum(1 for place in self._places if place > now - self.seconds)
        return {"used": used, "of": self.requests, "seconds": self.seconds, "wait": max(0.0, self._not_before - now)}
