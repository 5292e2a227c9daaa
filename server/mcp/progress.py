"""What a client is told while a call takes its time."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.server.mcpserver import Context

from leadbridge.server.services.client import on_wait

_LEAST = 0.001


class Progress:
    """Reports of one call. Their value is seconds since its start: the protocol wants it to grow with each report."""

    def __init__(self, context: Context[Any, Any]) -> None:
        self._context = context
        self._started = anyio.current_time()
        self._last = 0.0

    async def __call__(self, seconds: float) -> None:
        """Tell that the rate limit is waited for."""
        await self.tell(f"waiting {seconds:.0f} s for the service's rate limit")

    async def tell(self, doing: str) -> None:
        """Tell what is being done."""
        self._last = max(self._last + _LEAST, anyio.current_time() - self._started)
        await self._context.report_progress(self._last, None, doing)

    async def step(self, number: int, doing: str) -> None:
        """Tell which step of several is being done."""
        await self.tell(f"step {number}: {doing}")


def progress_of_call() -> Progress | None:
    """The reports of the call that runs now."""
    progress = on_wait.get()
    return progress if isinstance(progress, Progress) else None
