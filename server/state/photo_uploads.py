"""Photos that RoofLink has created and whose file is still to come."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row

from leadbridge.server.state.statements import upsert
from leadbridge.server.state.tables import photo_uploads as table


def find(connection: Connection, account: str, upload: str) -> Row[Any] | None:
    """The row of an upload."""
    return connection.execute(table.select().where(*_one(account, upload))).first()


def put(connection: Connection, account: str, upload: str, values: dict[str, Any], too_old: float) -> None:
    """Keep a photo in place of the one before, and throw away forms made until `too_old`."""
    connection.execute(table.update().where(table.c.created_at <= too_old).values(form={}))
    upsert(connection, table, [{"account": account, "upload": upload, **values}])


def set_uploaded(connection: Connection, account: str, upload: str) -> None:
    """The file has arrived."""
    connection.execute(table.update().where(*_one(account, upload)).values(uploaded=True))


def remove(connection: Connection, account: str, upload: str) -> None:
    """Forget an upload."""
    connection.execute(table.delete().where(*_one(account, upload)))


def _one(account: str, upload: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.account == account, table.c.upload == upload)
