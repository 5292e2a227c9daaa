"""What was seen of the services: filters that they ignore, paths that answered 404."""

from __future__ import annotations

from sqlalchemy import Connection, select

from leadbridge.server.state.statements import upsert
from leadbridge.server.state.tables import observations as table


def read(connection: Connection, account: str) -> list[tuple[str, str, str, str, float]]:
    """Operation, kind, name, state and time of each, in order."""
    columns = (table.c.operation, table.c.kind, table.c.name, table.c.state, table.c.seen_at)
    mine = (table.c.account == account, table.c.kind.in_(("filter", "path")))
    return [tuple(row) for row in connection.execute(select(*columns).where(*mine).order_by(*columns[:3]))]


def write(connection: Connection, account: str, found: dict[tuple[str, str, str], str], now: float) -> None:
    """Keep the states, by operation, kind and name."""
    rest = {"account": account, "seen_at": now, "count": 1}
    rows = [
        {"operation": operation, "kind": kind, "name": name[:120], "state": state, **rest}
        for (operation, kind, name), state in found.items()
    ]
    upsert(connection, table, rows)
