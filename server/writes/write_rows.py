"""Writes as the history shows them, found in a time that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNRESOLVED = ("intended", "sent", "unknown")
STATES = (*UNRESOLVED, "done", "failed")
COUNTED = 10_000
"""Writes of a history that are counted; a total that large means that many or more."""


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One write of the history."""

    write_id: int
    at: float
    service: str
    operation: str
    target: str
    subject: str
    state: str
    summary: str
    record_id: int | None
    approval: str
    arguments: dict[str, Any]
    sandbox: bool


def row_of(row: Any) -> WriteRow:
    """A row of the table `writes`."""
    return WriteRow(
        write_id=row.id,
        at=row.created_at,
        service=row.service,
        operation=row.operation,
        target=row.target,
        subject=row.subject,
        state=row.state,
        summary=row.summary,
        record_id=row.record_id,
        approval=row.approval,
        arguments=row.arguments,
        sandbox=row.sandbox,
    )


def newest(
    connection: Connection, accounts: Sequence[str], *, state: str, since: float, limit: int
) -> tuple[list[WriteRow], int]:
    """The newest writes of these accounts, the unresolved first, and how many there are, up to `COUNTED`.

    Each account and state is one stretch of the index `writes_by_time`, of which the end is read.
    """
    from sqlalchemy import func, select

    from leadbridge.server.state.tables import writes

    found: list[tuple[bool, float, int]] = []
    total = 0
    for account in sorted(set(accounts)):
        for one in [state] if state else STATES:
            query = (
                select(writes.c.created_at, writes.c.id)
                .where(writes.c.account == account, writes.c.state == one, writes.c.created_at >= since)
                .order_by(writes.c.created_at.desc(), writes.c.id.desc())
            )
            found += [(one in UNRESOLVED, at, number) for at, number in connection.execute(query.limit(limit))]
            counted = select(func.count()).select_from(query.limit(COUNTED - total).subquery())
            total += connection.execute(counted).scalar_one()
    ids = [number for _, _, number in sorted(found, reverse=True)[:limit]]
    rows = {row.id: row for row in connection.execute(select(writes).where(writes.c.id.in_(ids)))}
    return [row_of(rows[number]) for number in ids], total


def how_many(total: int) -> str:
    """A total in words."""
    return f"{total:,}{' or more' if total == COUNTED else ''}"
