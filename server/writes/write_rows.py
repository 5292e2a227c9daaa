"""Writes as the history shows them, found in a time that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadbridge.server import state as kept

if TYPE_CHECKING:
    from sqlalchemy import Connection


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
    """The newest writes of these accounts, the unresolved first, and how many there are, as far as they are counted."""
    rows, total = kept.writes.newest(connection, accounts, state=state, since=since, limit=limit)
    return [row_of(row) for row in rows], total


def how_many(total: int) -> str:
    """A total in words."""
    return f"{total:,}{' or more' if total == kept.writes.COUNTED else ''}"
