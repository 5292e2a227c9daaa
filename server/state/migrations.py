"""Brings a state store to this version's schema, in one transaction, whoever comes first."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import JSON, Boolean, Connection, Float, Integer, Numeric, inspect, text

from leadbridge.server.errors import StateError
from leadbridge.server.state.audit import seal_what_is_there, seals
from leadbridge.server.state.keys import note_earlier_accounts
from leadbridge.server.state.tables import AUDIT_HEAD, AUDIT_START, SCHEMA_VERSION, meta, metadata

_LOCK = 0x1EADB21D
"""Key of the PostgreSQL advisory lock under which a schema is made or changed."""


def migrate(connection: Connection, description: str) -> None:
    """Make the tables, or take every step from the version that is found to this one's.

    Raises:
        StateError: the store was written by a newer version.
    """
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
        raise StateError(f"The state store ({description}) has no readable schema version.")
    version = int(found.value) if found else 0
    if version > SCHEMA_VERSION:
        raise StateError(
            f"The state store ({description}) was written by a newer LeadBridge (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Update LeadBridge."
        )
    for step in range(version, SCHEMA_VERSION):
        _STEPS[step](connection)
    if version < SCHEMA_VERSION:
        connection.execute(meta.update().where(version_row).values(value=str(SCHEMA_VERSION)))


def _begin_audit(connection: Connection) -> None:
    connection.execute(meta.insert().values(key=AUDIT_HEAD, value=f"0 {AUDIT_START}"))


def _ledger_and_audit(connection: Connection) -> None:
    """1 to 2: the audit trail, the prospect index and what the ledger knows of repeats came in."""
    _add_what_is_missing(connection)
    _begin_audit(connection)


def _companies(connection: Connection) -> None:
    """4 to 5: what was kept for a key and an address becomes a company's."""
    _add_what_is_missing(connection)
    note_earlier_accounts(connection)


def _two_positions(connection: Connection) -> None:
    """7 to 8: RoofLink's list is read by two positions; its prospects stay, and are read once more."""
    for table in ("seen_sweeps", "seen_coverage"):
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    found = inspect(connection)
    if "sweep" in {column["name"] for column in found.get_columns("seen_prospects")}:
        connection.execute(text("DROP INDEX IF EXISTS seen_prospects_by_sweep"))
        connection.execute(text("ALTER TABLE seen_prospects DROP COLUMN sweep"))
    _add_what_is_missing(connection)


def _sealed_writes(connection: Connection) -> None:
    """8 to 9: the audit trail seals what writes and used approvals say, from what they say now; only once."""
    _add_what_is_missing(connection)
    if connection.execute(meta.select().where(meta.c.key == AUDIT_HEAD)).first() is not None and not seals(connection):
        seal_what_is_there(connection, time.time(), "upgrade")


def _add_what_is_missing(connection: Connection) -> None:
    """New tables, and new columns with an empty value in tables that are there."""
    empties = ((JSON, "'{}'"), (Boolean, "false"), ((Integer, Float, Numeric), "0"))
    found = inspect(connection)
    for table in metadata.sorted_tables:
        if not found.has_table(table.name):
            continue
        known = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name in known:
                continue
            kind = column.type.compile(connection.dialect)
            empty = next((default for kinds, default in empties if isinstance(column.type, kinds)), "''")
            must = "" if column.nullable else f" NOT NULL DEFAULT {empty}"
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}{must}"))
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)


_STEPS: dict[int, Callable[[Connection], None]] = {
    0: lambda _connection: None,
    1: _ledger_and_audit,
    2: _add_what_is_missing,
    3: _add_what_is_missing,
    4: _companies,
    5: _add_what_is_missing,
    6: _add_what_is_missing,
    7: _two_positions,
    8: _sealed_writes,
}
