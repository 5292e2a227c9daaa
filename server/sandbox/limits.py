"""The services' rate limits, as strict as they are written: a sliding window for each key."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable


class SlidingWindow:
    """At most `limit` admitted requests in any `seconds` in a row."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, key: str) -> bool:
        """Whether a request with this key may go on now. A refused one does not count against the window."""
        # assumption refused-do-not-count
        now = self._clock()
        admitted = self._admitted[key]
        while admitted and admitted[0] <= now - self.seconds:
            admitted.popleft()
        if len(admitted) >= self.limit:
            return False
        admitted.append(now)
        return True

    def clear(self) -> None:
        """Forget all requests."""
        self._admitted.clear()
