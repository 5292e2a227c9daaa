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


@dataclass(slots=True)
class Governor:
    """Allows `requests` in any `seconds`; holds no lock while sleeping."""

    service: str
    requests: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    _places: deque[float] = field(default_factory=deque)
    _not_before: float = 0.0

    async def acquire(self, patience: float, on_wait: Callable[[float], Awaitable[None]] | None = None) -> None:
        """Wait for a place. A cool-off that begins meanwhile sends everyone who waits to the end of the line.

        Raises:
            RateLimited: the next place is more than `patience` seconds away; none was taken.
        """
        until = self.clock() + patience
        while True:
            place = self._take(until)
            wait = place - self.clock()
            if wait > 0:
                if on_wait is not None and wait >= 1:
                    await on_wait(wait)
                await self.sleep(wait)
            if self._not_before <= place:
                return

    def _take(self, until: float) -> float:
        now = self.clock()
        place = max(now, self._not_before, self._places[-1] if self._places else 0.0)
        if len(self._places) == self.requests:
            place = max(place, self._places[0] + self.seconds + SAFETY)
        if place > until:
            wait = place - now
            what = f"{self.service}'s limit of {self.requests} requests in {self.seconds:g} s is used up."
            if self._not_before > now:
                what = f"{self.service} asked to slow down."
            raise RateLimited(
                what=what,
                next_step=f"Nothing was sent. Try again in {wait:.0f} s.",
                service=self.service,
                retry_after=wait,
            )
        if len(self._places) == self.requests:
            self._places.popleft()
        self._places.append(place)
        return place

    def cool_off(self, seconds: float) -> None:
        """Let nobody through for so many seconds."""
        self._not_before = max(self._not_before, self.clock() + seconds)

    def state(self) -> dict[str, float]:
        """Requests in the current window and seconds of cool-off left, for `server_status`."""
        now = self.clock()
        used = sum(1 for place in self._places if place > now - self.seconds)
        return {"used": used, "of": self.requests, "seconds": self.seconds, "wait": max(0.0, self._not_before - now)}
