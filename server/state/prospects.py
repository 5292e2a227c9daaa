"""The index of RoofLink's prospects: their rows, the keys by which they are found, and how far the list is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, String, cast, collate, func, select

from leadbridge.server.state.statements import upsert
from leadbridge.server.state.tables import seen_coverage, seen_keys
from leadbridge.server.state.tables import seen_prospects as table


def ids_beginning_with(connection: Connection, account: str, digits: str, most: int) -> list[int]:
    """Ids of prospects that are not deleted, the last seen first."""
    mine = (table.c.account == account, table.c.deleted.is_(False))
    newest = (table.c.seen_at.desc(), table.c.prospect_id.desc())
    query = select(table.c.prospect_id).where(*mine, cast(table.c.prospect_id, String).startswith(digits))
    return [*connection.execute(query.order_by(*newest).limit(most)).scalars()]


def find(
    connection: Connection, account: str, columns: Sequence[str], ids: Iterable[int] | None = None
) -> Sequence[Any]:
    """These columns of the rows of these prospects, or of all."""
    query = select(table.c.prospect_id, *(table.c[name] for name in columns)).where(table.c.account == account)
    return connection.execute(query if ids is None else query.where(table.c.prospect_id.in_([*ids]))).all()


def put(
    connection: Connection, account: str, rows: Sequence[Mapping[str, Any]], keys: Mapping[int, Sequence[str]]
) -> None:
    """Insert or replace rows, and the keys of those of which they are given."""
    upsert(connection, table, rows)
    connection.execute(seen_keys.delete().where(seen_keys.c.account == account, seen_keys.c.prospect_id.in_([*keys])))
    found_by = [{"account": account, "key": key, "prospect_id": one} for one, all_ in keys.items() for key in all_]
    upsert(connection, seen_keys, found_by)


def mark_deleted(connection: Connection, account: str, prospect_id: int) -> None:
    """RoofLink does not have it any more."""
    mine = (table.c.account == account, table.c.prospect_id == prospect_id)
    connection.execute(table.update().where(*mine).values(deleted=True))


def drop(connection: Connection, account: str, before: float | None = None) -> None:
    """Take prospects and their keys out of the index: all, or those that were last seen before a moment."""
    gone: list[ColumnElement[bool]] = [table.c.account == account]
    if before is not None:
        gone.append(table.c.seen_at < before)
    ids = select(table.c.prospect_id).where(*gone)
    connection.execute(seen_keys.delete().where(seen_keys.c.account == account, seen_keys.c.prospect_id.in_(ids)))
    connection.execute(table.delete().where(*gone))


def seen_before(connection: Connection, account: str, ids: Sequence[int], moment: float) -> set[int]:
    """Those of these prospects that were last seen before a moment."""
    where = (table.c.account == account, table.c.prospect_id.in_(ids), table.c.seen_at < moment)
    return set(connection.execute(select(table.c.prospect_id).where(*where)).scalars())


def newest(connection: Connection, account: str, but: int, most: int) -> Sequence[Row[Any]]:
    """The newest prospects by their number that are not deleted, but for one."""
    where = (table.c.account == account, table.c.deleted.is_(False), table.c.prospect_id != but)
    return connection.execute(table.select().where(*where).order_by(table.c.prospect_id.desc()).limit(most)).all()


def ids_at(connection: Connection, account: str, place: str) -> set[int]:
    """Prospects in a postal code or town, as their keys write it, that are not deleted."""
    # In the order of bytes, which SQLite's index has already.
    key = seen_keys.c.key if connection.dialect.name == "sqlite" else collate(seen_keys.c.key, "C")
    there = (seen_keys.c.account == account, key >= f"a|{place}|", key < f"a|{place}}}")
    mine = (table.c.account == account, table.c.deleted.is_(False))
    ids = select(seen_keys.c.prospect_id).where(*there)
    return set(connection.execute(select(table.c.prospect_id).where(*mine, table.c.prospect_id.in_(ids))).scalars())


def key_counts(connection: Connection, account: str, keys: Iterable[str]) -> dict[str, int]:
    """How many prospects have each of these keys; those that none has are left out."""
    # Counted without ORDER BY: SQLite would walk the index of ids for it instead of looking the keys up.
    counted = select(seen_keys.c.key, func.count().label("prospects"))
    counted = counted.where(seen_keys.c.account == account, seen_keys.c.key.in_(sorted(keys)))
    return {row.key: row.prospects for row in connection.execute(counted.group_by(seen_keys.c.key))}


def ids_with_any(connection: Connection, account: str, keys: Sequence[str]) -> Sequence[int]:
    """Prospects that have one of these keys."""
    where = (seen_keys.c.account == account, seen_keys.c.key.in_(keys))
    return connection.execute(select(seen_keys.c.prospect_id).where(*where)).scalars().all()


def newest_with_all(connection: Connection, account: str, keys: Sequence[str], limit: int) -> Sequence[int]:
    """The newest prospects that have all of these keys; the rarest key comes first."""
    first = seen_keys.alias()
    query = select(first.c.prospect_id).where(first.c.account == account, first.c.key == keys[0])
    for key in keys[1:]:
        other = seen_keys.alias()
        query = query.join(other, (other.c.prospect_id == first.c.prospect_id) & (other.c.account == account))
        query = query.where(other.c.key == key)
    return connection.execute(query.order_by(first.c.prospect_id.desc()).limit(limit)).scalars().all()


def count(connection: Connection, account: str, since: float = 0.0) -> tuple[int, float | None]:
    """How many prospects were last seen since a moment, and when the first of them."""
    where = (table.c.account == account, table.c.seen_at >= since)
    found, oldest = connection.execute(select(func.count(), func.min(table.c.seen_at)).where(*where)).one()
    return found, oldest


def cursor(connection: Connection, account: str, first: Mapping[str, Any]) -> RowMapping:
    """How far the list is read, held until the transaction ends; `first` where there is none yet."""
    query = seen_coverage.select().where(seen_coverage.c.account == account).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        upsert(connection, seen_coverage, [{"account": account, **first}], replace=False)
        row = connection.execute(query).mappings().one()
    return row


def set_cursor(connection: Connection, account: str, values: Mapping[str, Any]) -> None:
    """Keep how far the list is read."""
    connection.execute(seen_coverage.update().where(seen_coverage.c.account == account).values(**values))
