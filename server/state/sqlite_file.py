"""The SQLite file: readable by its owner only, and LeadBridge's own. Another program's file is left as it is."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from leadbridge.server.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

APPLICATION_ID = int.from_bytes(b"Lead")
"""In the file's header, where `file` and SQLite's `PRAGMA application_id` read whose it is."""

T = TypeVar("T")

_TRIES, _PAUSE = 200, 0.02
"""How often a file that is locked is tried again, and the seconds between."""
_OUR_TABLES = {"meta", "writes"}
"""What every LeadBridge had in its file before the file named its application."""


def prepare(path: Path) -> None:
    """Make the file if there is none. It holds customers' contact details: readable by its owner only.

    Raises:
        StateError: it cannot be written, or it belongs to another program.
    """
    _refuse_foreign(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StateError(f"The state store ({path}) cannot be written: {error.strerror}.") from None


def identities_at(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """What distinguishes a file, SQLite's log and the index of the log from all others; `None` for what is not there.

    The log is beside the file itself: of a file that was moved away and left a link, it is where the link leads.
    """
    real = os.path.realpath(path)
    return tuple(_identity_of(Path(name)) for name in (real, f"{real}-wal", f"{real}-shm"))


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def patiently(work: Callable[[], T]) -> T:
    """What `work` gives, tried again for some seconds while the file is locked.

    Where two connections turn a new file to WAL at the same instant, SQLite says "locked" without waiting.
    """
    for _ in range(_TRIES):
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(_PAUSE)
    return work()


def sign(connection: Connection) -> None:
    """Put the application id into a file that has none yet."""
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def size_of(path: Path) -> int:
    """Its size in bytes; 0 if it is not there.

    Raises:
        StateError: it is a folder, a pipe or a device, has another name as well, or cannot be there.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StateError(f"The state store ({path}) cannot be written: {error.strerror}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"The state store ({path}) is a folder, a pipe or a device, not a file.")
    if found.st_nlink > 1:
        raise StateError(
            f"The state store ({path}) has another name as well (a hard link). SQLite keeps a log for each name, and "
            "damages a file that is used under two. Remove the other name. For a backup, copy the file instead."
        )
    return found.st_size


def _refuse_foreign(path: Path) -> None:
    """Look before anything is set: already `PRAGMA journal_mode` would change another program's file."""
    if not size_of(path):
        return
    try:
        application, tables = patiently(lambda: _whose(path))
    except sqlite3.Error as error:
        raise StateError(f"The state store ({path}) cannot be used: {error}.") from None
    if application == APPLICATION_ID or (application == 0 and (not tables or tables >= _OUR_TABLES)):
        return
    raise StateError(
        f"The state store ({path}) is another program's SQLite file, and was left as it is. "
        "Give LEADBRIDGE_STATE_URL a file of its own."
    )


def _whose(path: Path) -> tuple[int, set[str]]:
    """The application's id, and the names of the tables."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=10)) as file:
        (application,) = file.execute("PRAGMA application_id").fetchone()
        return application, {name for (name,) in file.execute("SELECT name FROM sqlite_schema")}
