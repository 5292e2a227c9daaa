"""The audit trail: append-only rows, each holding the hash of the one before.

A row that was changed, removed or put elsewhere breaks the chain at its position. Rows hold no personal data: argument
values by allow-list, everything else as its length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

START = "0" * 64
_HEAD = "audit_head"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event of one write."""

    position: int
    at: float
    event: dict[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain holds; if not, where it breaks first and how."""

    rows: int
    broken_at: int | None = None
    why: str = ""


def append(connection: Connection, at: float, event: Mapping[str, Any]) -> None:
    """Add one row, in the transaction of what it tells."""
    from sqlalchemy import select

    from server.state.tables import audit, meta

    head = connection.execute(select(meta.c.value).where(meta.c.key == _HEAD).with_for_update()).scalar()
    position, _, previous = (head or f"0 {START}").partition(" ")
    text = json.dumps(event, sort_keys=True, separators=(",", ":"))
    place = int(position) + 1
    digest = _digest(place, at, text, previous)
    connection.execute(audit.insert().values(position=place, at=at, event=text, previous=previous, hash=digest))
    value = f"{place} {digest}"
    if head is None:
        connection.execute(meta.insert().values(key=_HEAD, value=value))
    else:
        connection.execute(meta.update().where(meta.c.key == _HEAD).values(value=value))


def read(store: Store) -> Iterator[AuditRow]:
    """Every row in its order."""

    def work(connection: Connection) -> list[AuditRow]:
        from server.state.tables import audit

        rows = connection.execute(audit.select().order_by(audit.c.position))
        return [AuditRow(row.position, row.at, json.loads(row.event), row.previous, row.hash) for row in rows]

    yield from store.run_sync(work)


def verify(store: Store) -> Verdict:
    """Walk the chain from its start to its recorded head."""

    def work(connection: Connection) -> Verdict:
        from sqlalchemy import select

        from server.state.tables import audit, meta

        expected, count = START, 0
        for row in connection.execute(audit.select().order_by(audit.c.position)):
            count += 1
            if row.position != count:
                return Verdict(count, count, f"row {count} is missing")
            if row.previous != expected:
                return Verdict(count, count, f"row {count} does not follow the row before it")
            if row.hash != _digest(row.position, row.at, row.event, row.previous):
                return Verdict(count, count, f"row {count} was changed")
            expected = row.hash
        head = connection.execute(select(meta.c.value).where(meta.c.key == _HEAD)).scalar() or f"0 {START}"
        if head != f"{count} {expected}":
            return Verdict(count, count + 1, f"rows after {count} are missing: the last was {head.partition(' ')[0]}")
        return Verdict(count)

    return store.run_sync(work)


def _digest(position: int, at: float, event: str, previous: str) -> str:
    return hashlib.sha256(f"{position}\n{at!r}\n{event}\n{previous}".encode()).hexdigest()
