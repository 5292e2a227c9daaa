"""The audit trail: append-only rows, each holding the hash of the one before.

A row that was changed, removed or put elsewhere breaks the chain at its position. Rows hold no personal data: argument
values by allow-list, everything else as its length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from leadbridge.server.errors import StateError
from leadbridge.server.state.statements import ADD_AUDIT, HEAD, MOVE_HEAD
from leadbridge.server.state.store import Store
from leadbridge.server.state.tables import AUDIT_START, audit


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


def hold(connection: Connection) -> tuple[int, str]:
    """Position and hash of the last row, held until the transaction ends: whoever writes next waits for it."""
    head = connection.execute(HEAD).scalar()
    if head is None:
        msg = "The audit trail has lost its head; see `leadbridge history verify`."
        raise StateError(msg)
    position, _, digest = head.partition(" ")
    return int(position), digest


def append(
    connection: Connection, at: float, event: Mapping[str, Any], *, after: tuple[int, str] | None = None
) -> None:
    """Add one row, in the transaction of what it tells; `after`: the last row, if this transaction holds it already."""
    position, previous = after or hold(connection)
    text = json.dumps(event, sort_keys=True, separators=(",", ":"))
    digest = _digest(position + 1, at, text, previous)
    row = {"position": position + 1, "at": at, "event": text, "previous": previous, "hash": digest}
    connection.execute(ADD_AUDIT, row)
    connection.execute(MOVE_HEAD, {"value": f"{position + 1} {digest}"})


def begin_anew(connection: Connection) -> None:
    """Forget every row: the next one is the first. What stays on record must be appended again."""
    hold(connection)
    connection.execute(audit.delete())
    connection.execute(MOVE_HEAD, {"value": f"0 {AUDIT_START}"})


def read(store: Store) -> Iterator[AuditRow]:
    """Every row in its order."""

    def work(connection: Connection) -> list[AuditRow]:
        rows = connection.execute(audit.select().order_by(audit.c.position))
        return [AuditRow(row.position, row.at, json.loads(row.event), row.previous, row.hash) for row in rows]

    yield from store.run_sync(work)


def verify(store: Store) -> Verdict:
    """Walk the chain from its start to its recorded head."""

    def work(connection: Connection) -> Verdict:
        expected, count = AUDIT_START, 0
        for row in connection.execute(audit.select().order_by(audit.c.position)):
            count += 1
            if row.position != count:
                return Verdict(count, count, f"row {count} is missing")
            if row.previous != expected:
                return Verdict(count, count, f"row {count} does not follow the row before it")
            if row.hash != _digest(row.position, row.at, row.event, row.previous):
                return Verdict(count, count, f"row {count} was changed")
            expected = row.hash
        try:
            last, digest = hold(connection)
        except StateError:
            return Verdict(count, count + 1, "the record of the last row is missing")
        if count > last:
            return Verdict(count, last + 1, f"row {last + 1} was added")
        if (last, digest) != (count, expected):
            return Verdict(count, count + 1, f"rows after {count} are missing: the last was {last}")
        return Verdict(count)

    return store.run_sync(work)


def _digest(position: int, at: float, event: str, previous: str) -> str:
    return hashlib.sha256(f"{position}\n{at!r}\n{event}\n{previous}".encode()).hexdigest()
