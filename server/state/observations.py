"""What was seen of the services: filters that they ignore, paths that answered 404."""

from __future__ import annotations

from sqlalchemy import Connection, select

from leadbridge.server.state.tables import observations as table


def read(connection: Connection, account: str) -> list[tuple[str, str, str, str, float]]:
    """Operation, kind, name, state and time of each, in order."""
    columns = (table.c.operation, table.c.kind, table.c.name, table.c.state, table.c.seen_at)
    mine = (table.c.account == account, table.c.kind.in_(("filter", "path")))
    return [tuple(row) for row in connection.execute(select(*columns).where(*mine).order_by(*columns[:3]))]


def write(connection: Connection, account: str, found: dict[tuple[str, str, str], str], now: float) -> None:
    """Keep the states, by operation, kind and name."""
    for (operation, kind, name), state in found.items():
        key = {"account": account, "operation": operation, "kind": kind, "name": name[:120]}
        mine = [table.c[column] == value for column, value in key.items()]
        if not connection.execute(table.update().where(*mine).values(state=state, seen_at=now)).rowcount:
            connection.execute(table.insert().values(**key, state=state, seen_at=now, count=1))
