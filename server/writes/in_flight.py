"""What outlasts the call that began it: a write at a service, whose answer is awaited a while longer.

A host that cancels a call, closes the session or ends the process takes nothing back from the service. So the answer is
still recorded, instead of leaving the write unresolved.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")

GRACE = 4.0
"""Seconds more for an answer. Hosts that end a server wait about as long before they kill it."""
_LOOK = 0.05

_under_way = 0
"""Writes of this process that outlast their call if need be."""


async def outlasting(work: Callable[[], Awaitable[T]], may_have_left: Callable[[], bool]) -> T:
    """What `work` comes to. If the caller is cancelled, it goes on for `GRACE` seconds if a request may have left.

    `work` is cancelled after that, or at once if nothing left; it puts on record what it knows then.
    """
    global _under_way  # noqa: PLW0603  # a signal ends the process, with all that its servers do
    came: list[T] = []
    failed: list[Exception] = []
    scope = anyio.CancelScope(shield=True)
    over = anyio.Event()

    async def run() -> None:
        try:
            with scope:
                came.append(await work())
        except Exception as error:  # noqa: BLE001  # raised by the caller, not in a group of one
            failed.append(error)
        finally:
            over.set()

    _under_way += 1
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                await over.wait()
            except anyio.get_cancelled_exc_class():
                scope.deadline = anyio.current_time() + (GRACE if may_have_left() else 0.0)
                raise
    finally:
        _under_way -= 1
    if failed:
        raise failed[0]
    return came[0]


async def _all_recorded() -> None:
    """Wait until no write is under way, `GRACE` seconds at most."""
    with anyio.move_on_after(GRACE):
        while _under_way:  # noqa: ASYNC110  # writes of several servers, and an event belongs to one loop
            await anyio.sleep(_LOOK)


async def serve_stdio(serve: Callable[[], Awaitable[None]]) -> None:
    """Serve until the session ends, or a signal ends the process; on Windows a signal ends it at once."""
    async with anyio.create_task_group() as tasks:
        if sys.platform != "win32":
            tasks.start_soon(_end_by_signal, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        await serve()
        tasks.cancel_scope.cancel()


async def _end_by_signal(*numbers: signal.Signals) -> None:
    """Die of the first of these signals, once the writes that are under way are on record.

    An orderly end would wait for the thread that reads stdin, until the client closes it.
    """
    with anyio.open_signal_receiver(*numbers) as signals:
        async for number in signals:
            await _all_recorded()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
