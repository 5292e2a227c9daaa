"""A write as the history shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One write of the history."""

    write_id: int
    at: float
    service: str
    operation: str
    target: str
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
        state=row.state,
        summary=row.summary,
        record_id=row.record_id,
        approval=row.approval,
        arguments=row.arguments,
        sandbox=row.sandbox,
    )
