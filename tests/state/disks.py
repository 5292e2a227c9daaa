"""Disks that are full or read-only: really so, where one may be mounted, and as SQLite would report it everywhere."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

_CHANGES = ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER")


@dataclass
class Disk:
    """A folder on a disk with which something goes wrong, and comes right again."""

    folder: Path
    error: str = "disk is full"
    """What the error says."""

    def fail(self) -> None:
        """From now on nothing can be written."""
        raise NotImplementedError

    def heal(self) -> None:
        """From now on everything can be written."""
        raise NotImplementedError


class SmallDisk(Disk):
    """A file system of its own, with hardly any room."""

    def fail(self) -> None:
        """Fill it to the last byte, and leave no room in the logs of databases."""
        for database in self.folder.glob("*.db"):
            with closing(sqlite3.connect(database, timeout=10)) as file:
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with (self.folder / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while filler.write(b"x" * 4096):
                pass
        with pytest.raises(OSError, match="No space left"), (self.folder / "another").open("wb", buffering=0) as file:
            file.write(b"x")
        (self.folder / "another").unlink()

    def heal(self) -> None:
        """Make room."""
        (self.folder / "filler").unlink(missing_ok=True)


@dataclass
class ToldDisk(Disk):
    """SQLite's own error with every statement that would change something."""

    failing: bool = field(default=False)

    def fail(self) -> None:
        self.failing = True

    def heal(self) -> None:
        self.failing = False

    def before_cursor_execute(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if self.failing and statement.startswith(_CHANGES):
            raise OperationalError(statement, parameters, sqlite3.OperationalError("database or disk is full"))


@dataclass
class QueryOnlyDisk(Disk):
    """A database that SQLite itself refuses to change."""

    error: str = "readonly database"
    failing: bool = field(default=False)

    def fail(self) -> None:
        self.failing = True

    def heal(self) -> None:
        self.failing = False

    def begin(self, connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if self.failing else 'OFF'}")


@contextmanager
def mounted(folder: Path, size: str = "1m") -> Iterator[Path]:
    """A small file system of its own; skips the test where none may be mounted."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder in which nobody can write, also not root where it may mount."""
    if not hasattr(os, "geteuid") or os.geteuid():
        folder.mkdir()
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    with mounted(folder):
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder


@contextmanager
def disk_of(kind: str, folder: Path) -> Iterator[Disk]:
    """`full`, `told full` or `query only`."""
    if kind == "full":
        with mounted(folder):
            yield SmallDisk(folder)
        return
    folder.mkdir()
    disk = ToldDisk(folder) if kind == "told full" else QueryOnlyDisk(folder)
    name = "before_cursor_execute" if isinstance(disk, ToldDisk) else "begin"
    listener = getattr(disk, name)
    event.listen(Engine, name, listener)
    try:
        yield disk
    finally:
        event.remove(Engine, name, listener)
