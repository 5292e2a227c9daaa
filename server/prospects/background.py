"""Reads RoofLink's list while the server runs and nobody calls, so that a call finds it read."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from leadbridge.server.errors import (
    AuthError,
    LeadBridgeError,
    PermissionDenied,
    RateLimited,
    Refused,
    ServiceError,
    StateError,
    WrongService,
)

if TYPE_CHECKING:
    from leadbridge.server.prospects.sources import Sources

logger = logging.getLogger("leadbridge")

START_AFTER = 5.0
"""Seconds in which a host that starts many servers at once has its answers first."""
NEWEST, WHOLE = 60.0, 300.0
"""Seconds after which the newest, and then the whole list, are read again."""
REST, SHORTEST_REST = 3.0, 5.0
"""How many times as long as a page took it rests once the whole list is known, and seconds at least."""
CLAIM = 120.0
"""Seconds for which one process is the one that reads; it claims them again with each page."""
LOOK_AGAIN = 20.0
"""Seconds between two looks whether anything is due, or whether the process that reads has ended."""
AFTER_ERROR, LONGEST_PAUSE = 60.0, 3_600.0
"""Seconds of rest after an error, twice as long after each further one."""


@dataclass(slots=True)
class BackgroundReader:
    """One page at a time, with requests that nobody else wants to make. It never raises."""

    one_at_a_time: anyio.Lock = field(default_factory=anyio.Lock)
    """Held while a page of the rest is read, by whoever reads it in this process."""
    _running: anyio.Lock = field(default_factory=anyio.Lock)
    _errors: int = 0
    _slower: float = 0.0
    """Seconds between two requests; grows when RoofLink says that it is called too often."""

    _try_at: dict[str, float] = field(default_factory=dict[str, float])
    """When it is tried again whether a filter works, as long as that is not known."""

    async def run(self, app: Sources) -> None:
        """Read until cancelled, or until RoofLink refuses the key. A second session of this process waits for it."""
        async with self._running:
            await anyio.sleep(START_AFTER)
            process = f"{os.getpid()}-{secrets.token_hex(4)}"
            try:
                while True:
                    pause = await self._step(app, process)
                    if pause is None:
                        return
                    await anyio.sleep(pause)
            except Exception:  # a server whose calls work is not ended by it
                logger.exception("reading the list of prospects in the background ended")
            finally:
                with anyio.CancelScope(shield=True):
                    await self._give_up(app, process)

    async def _step(self, app: Sources, process: str) -> float | None:
        """Read a page if one is due; the seconds until the next step, `None` for never."""
        try:
            pause = await self._read(app, process)
        except (AuthError, PermissionDenied, Refused, WrongService) as error:
            logger.info("the list of prospects is not read in the background: %s", error)
            return None
        except (ServiceError, StateError, TimeoutError) as error:
            if isinstance(error, RateLimited) and error.status is None:
                return LOOK_AGAIN  # others need the whole of the limit
            logger.info("reading the list of prospects in the background rests: %s", error)
            self._errors += 1
            pause = min(AFTER_ERROR * 2 ** (self._errors - 1), LONGEST_PAUSE)
            if isinstance(error, RateLimited):
                self._slower = min(max(1.0, self._slower * 2), AFTER_ERROR)
                pause = max(pause, error.retry_after)
            return pause
        self._errors = 0
        return max(pause, self._slower)

    async def _read(self, app: Sources, process: str) -> float:
        from leadbridge.server.prospects.cursor import Schedule, claim_reader, cursor_of
        from leadbridge.server.prospects.filtered import filter_state, try_filter
        from leadbridge.server.prospects.reading import modified_since, read_due
        from leadbridge.server.prospects.sources import index_of
        from leadbridge.server.services.client import in_background

        index = index_of(app)
        if not await claim_reader(index, process, CLAIM):
            return LOOK_AGAIN
        in_background.set(True)
        await app.company.confirm("rooflink")
        began = anyio.current_time()
        part = await read_due(app, Schedule(NEWEST, WHOLE))
        if self._is_time_to_try("postal_code"):
            await try_filter(app, "postal_code")
        if part is None:
            if self._is_time_to_try("modified_from") and not await filter_state(app, "modified_from"):
                await modified_since(app, index.clock())
            return LOOK_AGAIN
        if not (await cursor_of(index)).complete:
            return 0.0
        return max(SHORTEST_REST, REST * (anyio.current_time() - began))

    def _is_time_to_try(self, name: str) -> bool:
        due = anyio.current_time() >= self._try_at.get(name, 0.0)
        if due:
            self._try_at[name] = anyio.current_time() + LONGEST_PAUSE
        return due

    async def _give_up(self, app: Sources, process: str) -> None:
        """Let another process read, if the store is in use anyway."""
        from leadbridge.server.prospects.cursor import claim_reader
        from leadbridge.server.prospects.sources import index_of

        if app.store.is_open:
            try:
                await claim_reader(index_of(app), process, 0.0)
            except LeadBridgeError as error:
                logger.info("another server reads in the background after a while: %s", error)
