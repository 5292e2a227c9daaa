"""How RoofLink's events are shown, and what of a list contradicts its filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.reply import Identity, Omitted, Result, View
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.services.rooflink.models import Person
from leadbridge.server.services.values import moment
from leadbridge.server.text import label
from leadbridge.tools.lists import FilteredRows, ListPage, counted, table
from leadbridge.tools.rooflink.filters import day_fits, linked

COLUMNS = ("id", "start", "end", "name", "job", "invitees", "created_by", "all_day", "any_time", "recurrence")


class EventRow(View):
    """An event; times are those of the clock on the wall."""

    id: Identity
    name: str | Omitted = None
    start: str | Omitted = None
    end: str | Omitted = None
    all_day: bool = False
    any_time: bool = False
    job: str | Omitted = None
    job_id: Identity | Omitted = None
    invitees: list[str] = Field(default_factory=list)
    created_by: str | Omitted = None
    recurrence: str | Omitted = None


class EventPage(ListPage):
    """One page of events."""

    rows: list[EventRow]


class Calendar(FilteredRows):
    """Events in the order of the service."""

    rows: list[EventRow]


class Days(Result):
    """Events by day."""

    days: dict[str, list[EventRow]]


def row_of(event: Event) -> EventRow:
    """An event as a row."""
    job = event.job
    return EventRow(
        id=event.id,
        name=label(event.name) or None,
        start=shown(event.starts) or moment(event.start),
        end=shown(event.ends) or moment(event.end),
        all_day=bool(event.all_day),
        any_time=bool(event.any_time),
        job=(label(job.name) or None) if job else None,
        job_id=job.id if job else None,
        invitees=[person_of(person) for person in event.invitees],
        created_by=person_of(event.created_by) if event.created_by else None,
        recurrence=label(event.recurrence) if event.recurrence not in {None, "never"} else None,
    )


def person_of(person: Person) -> str:
    """A user by name and id."""
    name = label(person.label)
    return f"{name} (id {person.id})" if name and person.id is not None else name or f"id {person.id or '?'}"


def shown(at: datetime | None) -> str | None:
    """A time as people read it."""
    return at.strftime("%Y-%m-%d %H:%M") if at else None


def cells_of(row: EventRow) -> dict[str, object]:
    """A row for a table: the job by name and number, people in one cell."""
    job = " ".join(str(part) for part in (row.job, f"(id {row.job_id})" if row.job_id else None) if part)
    return {**row.model_dump(), "job": job, "invitees": ", ".join(row.invitees)}


def calendar_lines(data: Calendar) -> list[str]:
    """How many events, and their table."""
    return [counted(len(data.rows), "event") if data.rows else "No events.", *_table(data.rows)]


def days_lines(data: Days) -> list[str]:
    """Each day with its events."""
    lines = [counted(len(data.days), "day") if data.days else "The service named no days."]
    for day, rows in data.days.items():
        lines += [f"{day}: {counted(len(rows), 'event') if rows else 'nothing'}", *_table(rows)]
    return lines


def _table(rows: Sequence[EventRow]) -> list[str]:
    return table(COLUMNS, [cells_of(row) for row in rows]) if rows else []


def _starts(*, lower: bool) -> Callable[[Event, Scalar], bool | None]:
    return lambda event, value: day_fits(event.starts.date() if event.starts else None, value, lower=lower)


CHECKS: dict[str, Callable[[Event, Scalar], bool | None]] = {
    "job_id": linked("job"),
    "start_from": _starts(lower=True),
    "start_to": _starts(lower=False),
}
