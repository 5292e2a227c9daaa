"""Prospects that were seen in RoofLink's list."""

from __future__ import annotations

from sqlalchemy import Connection, String, cast, select

from leadbridge.server.state.tables import seen_prospects as table


def ids_beginning_with(connection: Connection, account: str, digits: str, most: int) -> list[int]:
    """Ids of prospects that are not deleted, the last seen first."""
    mine = (table.c.account == account, table.c.deleted.is_(False))
    newest = (table.c.seen_at.desc(), table.c.prospect_id.desc())
    query = select(table.c.prospect_id).where(*mine, cast(table.c.prospect_id, String).startswith(digits))
    return [*connection.execute(query.order_by(*newest).limit(most)).scalars()]
