"""States of writes: who may send one now, how it goes on record, and what a killed process left behind."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.lowlevel import checkpoint_if_cancelled

from leadbridge.server import state as kept
from leadbridge.server.errors import Refused, StateError
from leadbridge.server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.state.forget import Forgotten

LARGEST_ID = 2**63 - 1
"""The largest id that fits the column; a larger one is reported but not stored."""
LEASE = 900.0
"""Seconds after which a write is given up whose process cannot be looked at; longer than any deadline."""
LEAVE = 30.0
"""Seconds for which the ledger's leave holds: whoever slept longer between it and the network sends nothing."""
_OPEN = ("intended", "sent")

T = TypeVar("T")


def set_state(
    connection: Connection,
    now: float,
    write_id: int,
    state: str,
    summary: str = "",
    record_id: int | None = None,
    *,
    by: str = "server",
) -> str:
    """Put a write's state on record, and on the audit trail, in one transaction; which state it had before.

    A write that was resolved meanwhile, by another process or a person, gets the outcome that its own process knows for
    certain (`done`, `unconfirmed`, `failed`) all the same: that is what it is. Nothing else changes a resolved one.
    """
    before: str = connection.execute(kept.statements.STATE_OF, {"of_id": write_id}).scalar() or "forgotten"
    if before not in {"sent": ("intended",), "unknown": _OPEN}.get(state, kept.writes.STATES):
        return before
    values: dict[str, Any] = {"state": state, "updated_at": now}
    if summary:
        values["summary"] = summary[:1000]
    if record_id is not None and 0 <= record_id <= LARGEST_ID:
        values["record_id"] = record_id
    connection.execute(kept.statements.SET_WRITE, {**values, "of_id": write_id})
    late = {} if before in _OPEN or by != "server" else {"was": before}
    kept.audit.append(connection, now, {"write": write_id, "state": state, "record_id": record_id, "by": by, **late})
    return before


def resolve_orphans(connection: Connection, now: float) -> None:
    """What a dead process left: never sent is `failed`, perhaps sent is `unknown`."""
    for row in connection.execute(kept.statements.UNFINISHED).all():
        alive = lives(row.owner)
        if alive or (alive is None and row.lease_until > now):  # whoever is seen to live is at it, however long
            continue
        if row.state == "intended":
            summary = "The server ended before anything was sent."
            set_state(connection, now, row.id, "failed", summary, by="recovery")
        else:
            summary = "The server ended while this was being sent; it may or may not have taken effect."
            set_state(connection, now, row.id, "unknown", summary, by="recovery")


class LateOutcomes:
    """Outcomes that could not be put on record when they came: a full disk, a database that was away.

    They are kept by the process that saw them, and go on record with its next look at the ledger. If the process ends
    before that, the next one finds the write as `sent`, and reports it as unknown.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, tuple[str, str, int | None]] = {}

    def add(self, write_id: int, state: str, summary: str, record_id: int | None) -> None:
        """Keep an outcome until the store can be written again."""
        self._waiting[write_id] = (state, summary, record_id)

    async def run(self, work: Callable[[Connection], T], now: float, *, checkpoint: bool = False) -> T:
        """Put on record what waits, then run `work`, in one transaction.

        Raises:
            StateError: the store cannot be used; what waits goes on waiting.
        """
        waiting = dict(self._waiting)

        def both(connection: Connection) -> T:
            for write_id, outcome in waiting.items():
                set_state(connection, now, write_id, *outcome)
            return work(connection)

        answer = await self._store.run(both, checkpoint=checkpoint)
        for write_id, outcome in waiting.items():
            if self._waiting.get(write_id) == outcome:
                del self._waiting[write_id]
        return answer


@cache
def this_process() -> str:
    """A name for this process that no other one gets: host, process id, and when it started."""
    pid = os.getpid()
    return f"{_host()}/{pid}/{_started(pid)}"


@cache
def _host() -> str:
    """The host's name and, on Linux, this boot and this container's processes: of two with one name, which it is."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        processes = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return platform.node()[:60]
    return f"{platform.node()[:60]} {hashlib.sha256(f'{boot} {processes}'.encode()).hexdigest()[:16]}"


def lives(owner: str) -> bool | None:
    """Whether the process is there, and the same one; `None` for one on another host, which only its lease can show."""
    rest, _, started = owner.rpartition("/")
    host, _, pid = rest.rpartition("/")
    if host not in {_host(), platform.node()[:60]} or not pid.isdecimal():  # rows of before have the name alone
        return None
    return _started(int(pid)) == started


def since_boot() -> float:
    """Seconds since the machine started, those included in which it slept, where the system counts them."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def _started(pid: int) -> str:
    """When a process started; empty where there is none, or only what its parent has not yet taken note of.

    On Linux in ticks since the boot, as the kernel counts them: a time of day would move when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _started_elsewhere(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""


@dataclass(slots=True)
class WritePermit:
    """Leave to send one write, given out only with its intent on record. The client takes no write without one."""

    write_id: int
    operation_id: str
    _outcomes: LateOutcomes = field(repr=False)
    _clock: Callable[[], float] = field(repr=False)
    may_have_left: bool = False
    """Whether the client came so far that a request may have left."""
    recorded: str = ""
    """The outcome that is on record so far."""

    async def sending(self) -> None:
        """Called by the client right before a request may leave, the first time and each time again.

        Raises:
            Refused: another process has given this write up meanwhile, and may have sent it itself, or may do so
                because this one slept.
            StateError: it could not be put on record; nothing may be sent.
        """
        now, running = self._clock(), since_boot()

        def still_ours(connection: Connection) -> bool:
            if set_state(connection, now, self.write_id, "sent") == "intended":
                return True
            # Its lease begins anew, for those who cannot see whether this process lives.
            again = {"of_id": self.write_id, "of_owner": this_process(), "lease_until": now + LEASE}
            return bool(connection.execute(kept.statements.SEND_AGAIN, again).rowcount)

        ours = await self._outcomes.run(still_ours, now, checkpoint=True)
        if not ours or max(self._clock() - now, since_boot() - running) > LEAVE:
            again = " again" if self.may_have_left else ""
            raise Refused(
                "given_up",
                f"write {self.write_id} waited so long that it was given up, and is not sent{again}.",
                "Look at write_history, and call again if it is still wanted.",
            )
        await checkpoint_if_cancelled()  # a call that was cancelled meanwhile has sent nothing
        self.may_have_left = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """How an outcome went on record."""

    error: StateError | None = None
    """Why it is not on record yet."""
    resolved_as: str = ""
    """What somebody had resolved the write as before, because its process seemed to be gone."""


def forget(store: Store, now: float) -> Forgotten:
    """Forget every write that is resolved, the audit trail, and all that is known of leads and prospects.

    Unresolved writes stay, with what they would create: without them the same could be written twice. So do the keys'
    fingerprints, the secret, and what was used up of approvals within a day.

    Raises:
        StateError: something is being written right now.
    """

    def work(connection: Connection) -> Forgotten:
        resolve_orphans(connection, now)
        return kept.forget.forget_resolved(connection, now)

    return store.run_sync(work)
