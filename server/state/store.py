"""Opens the state store when it is first needed, and runs short transactions on it in a worker thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread

from leadbridge.server import state
from leadbridge.server.config.state_address import description, sqlite_file
from leadbridge.server.errors import StateError
from leadbridge.server.state.sqlite_file import identities_at, prepare, size_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")


class Store:
    """One database, SQLite or PostgreSQL. Nothing is imported, opened or created before the first transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.file = sqlite_file(url)
        """Where it is with SQLite, unless it is in memory."""
        self.in_memory = self.file is None and url.startswith("sqlite")
        self._engine: Engine | None = None
        self._opened: tuple[tuple[int, int] | None, ...] = ()
        """Which files were opened: whoever opens the path must find the same, before each transaction."""
        self._opening = threading.Lock()
        self._alone: AbstractContextManager[Any] = threading.Lock() if self.in_memory else nullcontext()
        self._secret: bytes | None = None
        self._absent = False
        """Whether a PostgreSQL database was seen without LeadBridge's tables."""
        self.at_open: Callable[[Connection], None] | None = None
        """Runs in the transaction that opens it, once its tables are there."""

    async def run(self, work: Callable[[Connection], T], *, checkpoint: bool = False) -> T:
        """Run `work` in one transaction, committed before this returns.

        `checkpoint`: what is committed outlasts SQLite's log as well, and any process that opens the file sees it.

        Raises:
            StateError: the database cannot be opened, read or written; the transaction is rolled back. Or the files at
                its path are others by now, where nobody sees what was committed.
        """
        return await anyio.to_thread.run_sync(lambda: self.run_sync(work, checkpoint=checkpoint))

    def run_sync(self, work: Callable[[Connection], T], *, checkpoint: bool = False) -> T:
        """Like `run`, in the calling thread."""
        with self._in_words(), self._alone, self._open().connect() as connection:
            with connection.begin():
                self._refuse_other_files()
                result = work(connection)
            if checkpoint and self.file is not None:
                state.database.checkpoint(connection)
                self._refuse_other_files()
            return result

    def look(self, work: Callable[[Connection], T]) -> T:
        """Like `run_sync`, but nothing is changed, not even the schema of an earlier version."""
        if self.in_memory:
            return self.run_sync(work)
        with self._in_words():
            if self.file is not None:
                prepare(self.file)
            return state.database.look(self.url, work)

    def _refuse_other_files(self) -> None:
        """What was deleted, replaced or moved is still open here, but no other process sees what is written to it."""
        if self._has_its_files():
            return
        raise StateError(
            f"The state store ({self.description}) was deleted or replaced while it was in use. Restart LeadBridge "
            "everywhere it runs. To forget what is in it, use `leadbridge history forget` instead of deleting it."
        )

    def _has_its_files(self) -> bool:
        return self.file is None or identities_at(self.file)[: len(self._opened)] == self._opened

    def is_made(self) -> bool:
        """Whether there is a store of LeadBridge's at the address. Nothing is made.

        Raises:
            StateError: that cannot be found out.
        """
        if self.in_memory:
            return self.is_open
        if self.file is not None:
            return size_of(self.file) > 0
        with self._in_words():
            self._absent = not state.database.has_tables(self.url)
        return not self._absent

    def check(self) -> None:
        """Have SQLite look for damage in its file, which it otherwise finds only where it happens to read.

        Raises:
            StateError: the file is damaged.
        """
        if self.file is None:
            return
        found = self.look(lambda connection: connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        if found != "ok":
            raise StateError(f"The state store ({self.description}) is damaged: {str(found).splitlines()[-1]}.")

    @contextlib.contextmanager
    def _in_words(self) -> Generator[None]:
        try:
            yield
        except ImportError as error:
            msg = f"The state store ({self.description}) needs the driver {error.name}: install leadbridge[postgres]."
            raise StateError(msg) from None
        except state.database.DatabaseError as error:
            cause = getattr(error, "orig", None) or error
            msg = f"The state store ({self.description}) cannot be used: {str(cause).splitlines()[0]}."
            raise StateError(msg) from None

    def secret(self) -> bytes:
        """The store's own random secret, made once, from which approval keys are derived."""
        if self._secret is None:
            self._secret = self.run_sync(state.audit.secret_in)
        return self._secret

    @property
    def exists(self) -> bool:
        """Whether there is something in it to read, as far as can be seen without opening or creating it."""
        if self._engine is not None:
            return True
        if self.file is None:
            return not self.in_memory and not self._absent
        try:
            return self.file.stat().st_size > 0
        except OSError:
            return False

    @property
    def description(self) -> str:
        """Where the store is, without a password."""
        return description(self.url)

    @property
    def is_open(self) -> bool:
        """Whether it is in use."""
        return self._engine is not None

    def close(self) -> None:
        """Close every connection. What is in memory stays: used approvals must stay used when a client has left."""
        if self._engine is not None and not self.in_memory:
            if self._has_its_files():
                self._engine.dispose()
            else:
                state.database.leave_open(self._engine)
            self._engine = None

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                if self.file is not None:
                    prepare(self.file)
                    self._opened = identities_at(self.file)[:1]
                self._engine = state.database.create(self.url, self._when_open)
            return self._engine

    def _when_open(self, connection: Connection) -> None:
        if self.at_open is not None:
            self.at_open(connection)
        self._refuse_other_files()
        if self.file is not None:
            self._opened = identities_at(self.file)
