"""Where the processes that share a key keep what they know of its rate limit: a SQLite file beside the state.

It is a file of its own, read with Python's `sqlite3`: a read call needs nothing of the state store, and must not wait
for the import of SQLAlchemy or for a commit that reaches the disk. With PostgreSQL see `rate_limit_table`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import anyio

from leadbridge.server.errors import StateError

T = TypeVar("T")
Change = Callable[[bytes, float], tuple[bytes, T]]
"""What was kept (empty at first) and the time on the clock that all share: what is to be kept, and the result. It must
not wait for anything."""

PATIENCE = 2.0
BUSY = 0.02
"""Seconds to wait for another process's transaction: in all, and each time without letting other tasks run. One takes
some 50 microseconds, or, where the machine is busy, until its process runs again."""
MOMENT = 0.005
"""Seconds for which a change is put off that no reply is to wait for."""


class SharedLimit(Protocol):
    """Bytes of one account that several processes read and replace, one at a time."""

    async def change(self, work: Change[T]) -> T:
        """Run `work` while nobody else does. Raises StateError if what is shared cannot be reached."""
        ...

    async def soon(self, work: Change[None]) -> None:
        """The same, but perhaps a moment later: nobody waits for it."""
        ...


class RateLimitFile:
    """A row for each account. Damage costs what was remembered, at most one window.

    Nothing is synced: the time in it is counted from the start of the machine, so it has no meaning after the next one.
    That clock is the same for all processes of a machine, and does not move when somebody sets the time.
    """

    def __init__(self, path: Path, account: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._account = account
        self._clock = clock
        self._put_off: list[Change[None]] = []
        self._catching_up: asyncio.TimerHandle | None = None
        self._file: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    async def change(self, work: Change[T]) -> T:
        """See `SharedLimit`. If the file is locked, look again: its holder may be stopped, and others must go on."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return self._change(work)
            except OSError as error:
                raise self._unusable(str(error.strerror)) from None
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise self._unusable(str(error)) from None
            except sqlite3.DatabaseError as error:
                if time.monotonic() > give_up:
                    raise self._unusable(str(error)) from None
                self.close()
                self.path.unlink(missing_ok=True)
            await anyio.sleep(BUSY / 20)

    async def soon(self, work: Change[None]) -> None:
        """See `SharedLimit`. It is done with the next change, or alone after a moment, when the reply is out."""
        self._put_off.append(work)
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._catching_up = asyncio.get_running_loop().call_later(MOMENT, self._catch_up)

    def _catch_up(self) -> None:
        if self._put_off:
            with contextlib.suppress(OSError, sqlite3.Error):  # the next change does it
                self._change(lambda kept, _: (kept, None))

    def close(self) -> None:
        """Close the file; the next change opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _change(self, work: Change[T]) -> T:
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            found = file.execute("SELECT state FROM paces WHERE account = ?", (self._account,)).fetchone()
            kept, now = found[0] if found else b"", self._clock()
            for before in self._put_off:
                kept, _ = before(kept, now)
            kept, result = work(kept, now)
            file.execute(KEEP, (self._account, kept))
        self._put_off.clear()
        return result

    def _open(self) -> sqlite3.Connection:
        """The file that is there now: one that was deleted or replaced must not split the processes in two."""
        with contextlib.suppress(FileNotFoundError):
            found = self.path.lstat()
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is not a regular file")
            if self._file is not None and self._opened == (found.st_dev, found.st_ino):
                return self._file
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.with_suffix(".pace").unlink(missing_ok=True)  # what earlier versions kept it in
        self.path.touch(mode=0o600)
        if os.name != "nt":
            self.path.chmod(0o600)
        found = self.path.lstat()
        self._file = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        self._opened = found.st_dev, found.st_ino
        weakref.finalize(self, self._file.close)
        for statement in ("PRAGMA synchronous=OFF", "PRAGMA journal_mode=MEMORY", TABLE):
            self._file.execute(statement)
        return self._file

    def _unusable(self, reason: str) -> StateError:
        return StateError(f"{self.path} cannot be used: {reason}.")


KEEP = "INSERT INTO paces VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET state = excluded.state"
TABLE = "CREATE TABLE IF NOT EXISTS paces (account TEXT PRIMARY KEY, state BLOB NOT NULL)"
