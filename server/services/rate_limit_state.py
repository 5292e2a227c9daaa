"""Where the processes that share a key keep what they know of its rate limit: a file beside the state, or PostgreSQL;
or, where nothing is shared, the process's memory.

Each holds some bytes for an account, which one process at a time may read and replace. Neither imports SQLAlchemy where
the state is SQLite: a read call needs nothing of the state store, and must not wait for its import or its commits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Generator
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import anyio.to_thread

from leadbridge.server.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.state import Store

T = TypeVar("T")
Change = Callable[[bytes, float], tuple[bytes | None, T]]
"""What was kept (empty at first) and the time on the clock that all share: what is to be kept, if that changed, and
the answer. It must not wait for anything."""


class NotShared(Exception):
    """What is shared cannot be reached now; the text says why."""


class RateLimitState(Protocol):
    """Bytes of one account that several processes read and replace, one at a time."""

    async def change(self, work: Change[T]) -> T:
        """Run `work` while nobody else does. Raises NotShared."""
        ...

    def change_now(self, work: Change[T]) -> T:
        """Like `change`, for callers that cannot await; blocks for the time that PostgreSQL takes to answer."""
        ...

    def change_soon(self, work: Change[T]) -> None:
        """Like `change`, without its answer, and without blocking for longer than a file takes; failures are silent."""
        ...


class RateLimitMemory:
    """What one process knows by itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept = b""

    async def change(self, work: Change[T]) -> T:
        """See `RateLimitState`."""
        return self.change_now(work)

    def change_now(self, work: Change[T]) -> T:
        """See `RateLimitState`."""
        kept, answer = work(self._kept, self._clock())
        self._kept = self._kept if kept is None else kept
        return answer

    def change_soon(self, work: Change[T]) -> None:
        """See `RateLimitState`."""
        self.change_now(work)


class RateLimitFile:
    """A file beside the state database, which needs no server, no import and 30 microseconds.

    It consists of regions of one fixed size, one for each account, and each region of two copies with a checksum,
    written in turn: a process killed while it writes spoils the copy that nobody reads yet. The lock is the kernel's
    and ends with the process. Damage costs what was remembered, at most one window, and is written over.

    The file is opened anew each time, so that one that was deleted or replaced never splits the processes in two.
    Nothing is synced: the time in it is counted from the start of the machine, so it has no meaning after the next one.
    That clock is the same for all processes of a machine, and does not move when somebody sets the time.
    """

    def __init__(self, path: Path, account: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._account = sha256(account.encode()).digest()[:16]
        self._clock = clock
        self._region = 0

    async def change(self, work: Change[T]) -> T:
        """See `RateLimitState`. If the file is locked, look again: its holder may be stopped, and others must go on."""
        give_up = time.monotonic() + LOCK_PATIENCE
        while True:
            with contextlib.suppress(_LockedError):
                return self._change(work)
            if time.monotonic() > give_up:
                raise NotShared(f"{self.path} is locked by a process that does not go on")
            await anyio.sleep(LOOK_AGAIN)

    def change_now(self, work: Change[T]) -> T:
        """See `RateLimitState`."""
        give_up = time.monotonic() + BLOCKING_PATIENCE
        while True:
            with contextlib.suppress(_LockedError):
                return self._change(work)
            if time.monotonic() > give_up:
                raise NotShared(f"{self.path} is locked by another process")
            time.sleep(LOOK_AGAIN)

    def change_soon(self, work: Change[T]) -> None:
        """See `RateLimitState`."""
        with contextlib.suppress(NotShared):
            self.change_now(work)

    def _change(self, work: Change[T]) -> T:
        try:
            with self._locked() as file:
                region, data, generation = self._find(file)
                kept, answer = work(data, self._clock())
                if kept is not None:
                    self._write(file, region, kept, generation + 1)
                return answer
        except OSError as error:
            raise NotShared(f"{self.path} cannot be written ({error.strerror})") from None

    @contextlib.contextmanager
    def _locked(self) -> Generator[int]:
        try:
            file = os.open(self.path, FLAGS, 0o600)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self.path, FLAGS, 0o600)
        try:
            if sys.platform != "win32" and os.fstat(file).st_mode & 0o077:
                os.fchmod(file, 0o600)
            _lock(file)
            yield file
        finally:
            os.close(file)  # which unlocks it

    def _find(self, file: int) -> tuple[int, bytes, int]:
        """The account's region, what it holds, and how often it was written."""
        found = _read(file, self._region)
        if found is not None and found[0] == self._account:
            return self._region, found[1], found[2]
        free: tuple[float, int, int] | None = None  # time of its last writing, region, generation
        count = min(-(-os.lseek(file, 0, os.SEEK_END) // REGION), REGIONS)
        for region in range(count):
            found = _read(file, region)
            if found is not None and found[0] == self._account:
                self._region = region
                return region, found[1], found[2]
            candidate = (found[3], region, found[2]) if found is not None else (-1.0, region, 0)
            if free is None or candidate < free:
                free = candidate
        if free is None or (free[0] >= 0 and count < REGIONS):
            free = 0.0, count, 0
        self._region = free[1]
        return free[1], b"", free[2]

    def _write(self, file: int, region: int, data: bytes, generation: int) -> None:
        body = _FIELDS.pack(self._account, generation, self._clock(), len(data)) + data
        copy = _CHECKSUM.pack(MAGIC, zlib.crc32(body)) + body
        if len(copy) > COPY:
            raise OSError(errno.EFBIG, "the limit is too large for it")
        os.lseek(file, region * REGION + generation % 2 * COPY, os.SEEK_SET)
        if os.write(file, copy) < len(copy):
            raise OSError(errno.ENOSPC, "the disk is full")


class RateLimitTable:
    """A row of PostgreSQL for an account, on PostgreSQL's clock, since the machines' own may differ.

    A connection that is lost ends its transaction, and the server ends one that stays silent in a transaction.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._rest_until = 0.0

    async def change(self, work: Change[T]) -> T:
        """See `RateLimitState`. A server that hangs is left alone for a while."""
        if time.monotonic() < self._rest_until:
            raise NotShared(f"the state store ({self._store.description}) did not answer")
        with anyio.move_on_after(ANSWER_PATIENCE):
            return await anyio.to_thread.run_sync(self.change_now, work, abandon_on_cancel=True)
        self._rest_until = time.monotonic() + REST
        raise NotShared(f"the state store ({self._store.description}) does not answer")

    def change_now(self, work: Change[T]) -> T:
        """See `RateLimitState`."""

        def transaction(connection: Connection) -> T:
            return self._transact(connection, work)

        try:
            return self._store.run_sync(transaction)
        except StateError as error:
            raise NotShared(str(error).rstrip(".")) from None

    def change_soon(self, work: Change[T]) -> None:
        """See `RateLimitState`; a thread waits for the server."""

        def change() -> None:
            with contextlib.suppress(NotShared):
                self.change_now(work)

        Thread(target=change, daemon=True, name="pace").start()

    def _transact(self, connection: Connection, work: Change[T]) -> T:
        from sqlalchemy import text

        row = {"account": self._account}
        select = text("SELECT state FROM paces WHERE account = :account FOR UPDATE")
        found = connection.execute(select, row).first()
        if found is None:
            insert = "INSERT INTO paces (account, state) VALUES (:account, '') ON CONFLICT (account) DO NOTHING"
            connection.execute(text(insert), row)
            found = connection.execute(select, row).one()
        # Asked for when the row is locked: whoever waited for it would else be late by that time.
        now = float(connection.execute(text(NOW)).one()[0])
        kept, answer = work(bytes(found[0]), now)
        if kept is not None:
            connection.execute(text("UPDATE paces SET state = :state WHERE account = :account"), row | {"state": kept})
        return answer


LOCK_PATIENCE = 2.0
BLOCKING_PATIENCE = 0.05
LOOK_AGAIN = 0.0005
"""Seconds. The lock is held for microseconds, or, where the machine is busy, until its holder runs again."""
ANSWER_PATIENCE = 5.0
REST = 10.0
"""Seconds."""
NOW = "SELECT extract(epoch FROM clock_timestamp()), set_config('idle_in_transaction_session_timeout', '5000', true)"

FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
MAGIC = b"LBP1"
COPY = 16 * 1024
REGION = 2 * COPY
REGIONS = 64
"""Accounts in one file; one more takes the place of the one that was silent longest."""
_CHECKSUM = struct.Struct("<4sI")
_FIELDS = struct.Struct("<16sQdI")  # account, generation, time of the writing, length of what follows


class _LockedError(Exception):
    """Somebody else holds the lock."""


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        os.lseek(file, REGIONS * REGION, os.SEEK_SET)  # nobody else can read what is locked there, so lock behind it
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise _LockedError from None
else:
    import fcntl

    def _lock(file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _LockedError from None


def _read(file: int, region: int) -> tuple[bytes, bytes, int, float] | None:
    """Account, data, generation and time of the newer copy that is whole."""
    os.lseek(file, region * REGION, os.SEEK_SET)
    both = os.read(file, REGION)
    newest = None
    for start in (0, COPY):
        if len(both) < start + _CHECKSUM.size + _FIELDS.size:
            break
        magic, checksum = _CHECKSUM.unpack_from(both, start)
        account, generation, written, length = _FIELDS.unpack_from(both, start + _CHECKSUM.size)
        begin = start + _CHECKSUM.size
        data = begin + _FIELDS.size
        if magic != MAGIC or data + length > start + COPY or zlib.crc32(both[begin : data + length]) != checksum:
            continue
        if newest is None or generation > newest[2]:
            newest = account, both[data : data + length], generation, written
    return newest
