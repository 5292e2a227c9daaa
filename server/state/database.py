"""Connections to the database of the state store, SQLite or PostgreSQL, and what is in its table `meta`."""

from __future__ import annotations

import contextlib
import ctypes
import json
import secrets
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import SQLAlchemyError as DatabaseError
from sqlalchemy.pool import StaticPool

from leadbridge.server.config.state_address import description, sqlite_file
from leadbridge.server.errors import StateError
from leadbridge.server.state.migrations import migrate
from leadbridge.server.state.sqlite_file import patiently, sign
from leadbridge.server.state.statements import upsert
from leadbridge.server.state.tables import meta

T = TypeVar("T")

SPACE = 32_768
"""Bytes; more than the rows of one write take."""
_CHECKPOINTS, _PAUSE = 5, 0.01
"""How often a checkpoint is tried that others are in the way of, and the seconds between."""


def create(address: str, when_open: Callable[[Connection], None]) -> Engine:
    """Open the database, with this version's tables; `when_open` runs in the same transaction."""
    engine = _engine(address)
    try:
        with engine.begin() as connection:
            migrate(connection, description(address))
            if engine.dialect.name == "sqlite":
                sign(connection)
            when_open(connection)
    except BaseException:
        engine.dispose()  # or each try would leave a connection open
        raise
    return engine


def look(address: str, work: Callable[[Connection], T]) -> T:
    """What `work` finds in the database as this version would have it. Nothing is kept of that, nor of what it does."""
    engine = _engine(address)
    try:
        with engine.connect() as connection, connection.begin() as transaction:
            migrate(connection, description(address))
            found = work(connection)
            transaction.rollback()
            return found
    finally:
        engine.dispose()


def has_tables(address: str) -> bool:
    """Whether there are LeadBridge's tables in a PostgreSQL database."""
    engine = _engine(address)
    try:
        with engine.connect() as connection:
            return inspect(connection).has_table("meta")
    finally:
        engine.dispose()


def write_anything(connection: Connection) -> None:
    """Write as much as a write's rows take. SQLite writes no page that stays the same, so it is new each time."""
    upsert(connection, meta, [{"key": "space", "value": secrets.token_hex(SPACE // 2)}])


def checkpoint(connection: Connection) -> None:
    """Bring all that SQLite has in its log into the database file.

    Where another program reads it just then, or the disk is full, it stays in the log, and is on record all the same.
    """
    cursor = connection.connection.cursor()  # SQLAlchemy would begin a transaction, in which SQLite cannot do this
    for _ in range(_CHECKPOINTS):
        with contextlib.suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            found: Any = cursor.fetchone()
            busy, in_log, moved = found
            if not busy and in_log == moved:
                break
        time.sleep(_PAUSE)
    cursor.close()


def leave_open(engine: Engine) -> None:
    """Keep its connections until the process ends. To close one, SQLite brings its log into the file: over what others
    have written to it since, where the file was moved.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))


def _engine(address: str) -> Engine:
    options: dict[str, Any] = {}
    if sqlite_file(address) is not None:
        options = {"connect_args": {"timeout": 10}, "json_deserializer": _json}
    elif address.startswith("sqlite"):
        options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    try:
        url = make_url(address)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, **options)
    except (ArgumentError, ValueError, TypeError):
        raise StateError("The state store's address cannot be read; check LEADBRIDGE_STATE_URL.") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    return engine


def _json(text: str | bytes) -> Any:
    """A value of a JSON column; of what is no JSON, as only another program writes it, the text."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return str(text)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # what is no text is shown all the same
    connection.isolation_level = None  # transactions are begun by the "begin" event, not by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    patiently(lambda: cursor.execute("PRAGMA journal_mode=WAL"))
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediately(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


__all__ = ["DatabaseError", "checkpoint", "create", "has_tables", "leave_open", "look", "write_anything"]
