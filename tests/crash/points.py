"""Where a server is killed or suspended: its own functions, wrapped from outside so that it signals itself.

The product knows nothing of this. A seam that was renamed makes `install` fail, and with it the round.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from leadbridge.server.mcp import writes
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.exchange import Exchanges
from leadbridge.server.state import audit
from leadbridge.server.writes import recovery
from leadbridge.server.writes.ledger import Ledger, WritePermit
from leadbridge.server.writes.recovery import LateOutcomes
from tests.support import PATIENCE

SUSPEND = "suspend: "
_SPARED: list[None] = []
"""As many as there are times to come at which the process is not ended yet."""


_SUSPENDED: list[bool] = []
"""Whether this process was suspended once; empty where it is to be killed."""


def die() -> None:
    """End this process as a power cut would, once it is not spared: nothing is flushed, closed or handled.

    Or suspend it, as a laptop that sleeps, until somebody wakes it.
    """
    if _SPARED:
        _SPARED.pop()
        return
    if _SUSPENDED:
        if not _SUSPENDED[0]:
            _SUSPENDED[0] = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlived its SIGKILL")


def _replace(owner: object, name: str, wrapped: Callable[..., Any]) -> None:
    patch.object(owner, name, wrapped).start()


def _before_intent() -> None:
    real = Ledger.begin

    async def begin(self: Ledger, *args: Any, **named: Any) -> Any:
        die()
        return await real(self, *args, **named)

    _replace(Ledger, "begin", begin)


def _uncommitted(state: str) -> Callable[[], None]:
    """In the transaction that puts this state on record: everything is written, nothing is committed."""

    def install_it() -> None:
        real = audit.append

        def append(connection: Any, at: float, event: Any, **named: Any) -> None:
            real(connection, at, event, **named)
            if event.get("state") == state:
                die()

        _replace(audit, "append", append)

    return install_it


def _after_intent() -> None:
    real = Ledger.begin

    async def begin(self: Ledger, *args: Any, **named: Any) -> Any:
        permit = await real(self, *args, **named)
        if isinstance(permit, WritePermit):
            die()
        return permit

    _replace(Ledger, "begin", begin)


def _after_sent() -> None:
    real = WritePermit.sending

    async def sending(self: WritePermit) -> None:
        await real(self)
        die()

    _replace(WritePermit, "sending", sending)


def _after_answer() -> None:
    real = Exchanges.send

    async def send(self: Exchanges, operation: Any, *args: Any, **named: Any) -> Any:
        answer = await real(self, operation, *args, **named)
        if operation.effect.writes:
            die()
        return answer

    _replace(Exchanges, "send", send)


def _after_outcome() -> None:
    real = Ledger.record

    async def record(self: Ledger, write_id: int, state: str, *args: Any, **named: Any) -> str:
        before = await real(self, write_id, state, *args, **named)
        if state == "done":
            die()
        return before

    _replace(Ledger, "record", record)


def _before_receipt() -> None:
    real = writes.receipt_result

    def receipt_result(receipt: Any, *args: Any) -> Any:
        if receipt.outcome == "done":
            die()
        return real(receipt, *args)

    _replace(writes, "receipt_result", receipt_result)


def _between_two_attempts() -> None:
    real = ServiceClient._repeats

    async def repeats(self: ServiceClient, *args: Any) -> bool:
        again = await real(self, *args)
        die()
        return again

    _replace(ServiceClient, "_repeats", repeats)


def _with_the_leave() -> None:
    """The machine sleeps for hours, which it knows from its clock when it wakes."""
    real = LateOutcomes.run

    async def run(self: LateOutcomes, *args: Any, checkpoint: bool = False) -> Any:
        answer = await real(self, *args, checkpoint=checkpoint)
        if checkpoint:
            die()
            _replace(recovery, "since_boot", lambda: time.monotonic() + 10 * recovery.LEASE)
        return answer

    _replace(LateOutcomes, "run", run)


RETRY, WITH_LEAVE = "between two attempts", "between the ledger's leave and the network"
INSIDE: dict[str, Callable[[], None]] = {
    "before the intent": _before_intent,
    "intent not committed": _uncommitted("intended"),
    "after the intent": _after_intent,
    "`sent` not committed": _uncommitted("sent"),
    "after `sent`, nothing left": _after_sent,
    "after the answer": _after_answer,
    "outcome not committed": _uncommitted("done"),
    "after the outcome": _after_outcome,
    "before the receipt": _before_receipt,
}
"""Points at which the server ends itself. The others, while a request is in flight, are killed from outside."""


def install(point: str) -> None:
    """Let this process end itself at a point; `point@2` is the second time that it comes there.

    `suspend: point` lets it sleep there.
    """
    name, _, time_ = point.removeprefix(SUSPEND).partition("@")
    if point.startswith(SUSPEND):
        _SUSPENDED.append(False)
    _SPARED.extend([None] * (int(time_ or 1) - 1))
    {**INSIDE, RETRY: _between_two_attempts, WITH_LEAVE: _with_the_leave}[name]()


def move_clock(app: AppContext, seconds: float) -> None:
    """Let this process read a clock that is so far ahead."""

    def later() -> float:
        return time.time() + seconds

    for part in (app.ledger, app.pipeline.approvals):
        object.__setattr__(part, "clock", later)


def see_no_process() -> None:
    """Let this process know no other one, as on another host: only a lease shows it whether one is at work."""
    patch.object(recovery, "lives", lambda _owner: None).start()


def hold_before_intent(folder: Path) -> None:
    """Stop every write right before its intent, until all processes that shall race have come so far."""
    real = Ledger.begin

    async def begin(self: Ledger, *args: Any, **named: Any) -> Any:
        (folder / f"arrived-{os.getpid()}").touch()
        deadline = time.monotonic() + PATIENCE
        while not (folder / "go").exists():
            assert time.monotonic() < deadline, "nobody said go"
        return await real(self, *args, **named)

    _replace(Ledger, "begin", begin)
