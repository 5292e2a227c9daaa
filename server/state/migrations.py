"""Brings a state store to this version's schema, in one transaction, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.errors import StateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x1EADB21D
"""Key of the PostgreSQL advisory lock under which a schema is made or changed."""


def migrate(connection: Connection, description: str) -> None:
    """Make the tables, or take every step from the version that is found to this one's.

    Raises:
        StateError: the store was written by a newer version.
    """
    from sqlalchemy import inspect, text

    from server.state.tables import SCHEMA_VERSION, meta, metadata

    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    version_row = meta.c.key == "schema_version"
    if not inspect(connection).has_table("meta"):
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))
        _begin_audit(connection)
        return
    found = connection.execute(meta.select().where(version_row)).first()
    if found is not None and not found.value.isdecimal():
        msg = f"The state store ({description}) has no readable schema version. Nothing was sent."
        raise StateError(msg)
    version = int(found.value) if found else 0
    if version > SCHEMA_VERSION:
        msg = (
            f"The state store ({description}) was written by a newer LeadBridge (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Update LeadBridge. Nothing was sent."
        )
        raise StateError(msg)
    for step in range(version, SCHEMA_VERSION):
        _STEPS[step](connection)
    if version < SCHEMA_VERSION:
        connection.execute(meta.update().where(version_row).values(value=str(SCHEMA_VERSION)))


def _begin_audit(connection: Connection) -> None:
    from server.state.tables import AUDIT_HEAD, AUDIT_START, meta

    connection.execute(meta.insert().values(key=AUDIT_HEAD, value=f"0 {AUDIT_START}"))


def _add_missing_tables(connection: Connection) -> None:
    """1 to 2: the audit trail, the prospect index and what the ledger knows of repeats came in."""
    from sqlalchemy import inspect, text

    from server.state.tables import metadata, writes

    known = {column["name"] for column in inspect(connection).get_columns(writes.name)}
    for column in writes.columns:
        if column.name in known:
            continue
        kind = column.type.compile(connection.dialect)
        default = "0" if column.name == "lease_until" else "''"
        connection.execute(text(f"ALTER TABLE writes ADD COLUMN {column.name} {kind} NOT NULL DEFAULT {default}"))
    metadata.create_all(connection)
    for index in writes.indexes:
        index.create(connection, checkfirst=True)
    _begin_audit(connection)


_STEPS: dict[int, Callable[[Connection], None]] = {0: lambda _connection: None, 1: _add_missing_tables}
