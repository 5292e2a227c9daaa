"""The last known answer of each RenovationFind lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, String, cast, select

from leadbridge.server.state.statements import upsert
from leadbridge.server.state.tables import leads


def find(connection: Connection, account: str, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Rows by lead."""
    rows = connection.execute(leads.select().where(leads.c.account == account, leads.c.lead_id.in_([*ids])))
    return {row.lead_id: row for row in rows}


def put(connection: Connection, account: str, lead_id: int, data: Mapping[str, Any], seen_at: float) -> None:
    """Keep an answer in place of the one before."""
    upsert(connection, leads, [{"account": account, "lead_id": lead_id, "data": data, "seen_at": seen_at}])


def ids_beginning_with(connection: Connection, account: str, digits: str, most: int) -> list[int]:
    """Ids of leads, the last seen first."""
    where = (leads.c.account == account, cast(leads.c.lead_id, String).startswith(digits))
    newest = (leads.c.seen_at.desc(), leads.c.lead_id.desc())
    return [*connection.execute(select(leads.c.lead_id).where(*where).order_by(*newest).limit(most)).scalars()]
