"""The window of a rate limit, and the queue before it, as bytes that processes can share."""

from __future__ import annotations

from array import array
from bisect import bisect_right, insort
from itertools import chain

from leadbridge.server.services.retry import LONGEST_COOL_OFF

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
        if seconds > 0:
            self._not_before = max(self._not_before, self.now + seconds)

    def enter(self) -> tuple[int, float]:
        """A new number, and the seconds until its owner is to look again; with 0 it has left."""
        self._last += 1
        return self._last, self.leave(self._last)

    def enter_idle(self, reserved: int) -> tuple[int, float]:
        """A new number that has left, if nobody waits and so many places stay free; else when to look again."""
        if self.waiting or self.cooling or len(self._left) + reserved >= self._requests:
            return 0, max(self.soonest, LOOK_AGAIN)
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
