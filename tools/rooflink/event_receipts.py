"""When an event is, as a tool takes it and as it goes out; what RoofLink answered, and whether that is what was meant.

The form of a time on the wire is inferred (it is in the catalog, and can be corrected), so what comes back is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, JsonValue, WithJsonSchema

from leadbridge.server.catalog import Operation
from leadbridge.server.mcp.scalars import moment
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.text import LABEL_LIMIT, clean, label
from leadbridge.server.writes.model import Done
from leadbridge.server.writes.preview import PreviewLine, rendered
from leadbridge.tools.rooflink.event_views import person_of, shown


def created(meant: Mapping[str, datetime], answer: JsonValue, *, whole_days: bool) -> Done:
    """A new event."""
    event = Event.model_validate(answer)
    return Done(
        summary=f"Event {event.id} created in RoofLink's calendar: {_when(event)}.",
        record_id=event.id,
        record=_record(event),
        details=[*rendered(title_lines(event)), _people_line(event)],
        warnings=[] if whole_days else moved(event, meant),
    )


def updated(
    meant: Mapping[str, datetime], given: Mapping[str, JsonValue], answer: JsonValue, *, whole_days: bool
) -> Done:
    """A changed event."""
    event = Event.model_validate(answer)
    return Done(
        summary=f"Event {event.id} changed: {_when(event)}.",
        record_id=event.id,
        record=_record(event),
        after=state_of(event, given),
        details=[*rendered(title_lines(event)), _people_line(event)],
        warnings=[] if whole_days else moved(event, meant),
    )


def state_of(event: Event, given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Of an event, what a change is about."""
    state: dict[str, JsonValue] = {
        "name": label(event.name) or None,
        "start": shown(event.starts),
        "end": shown(event.ends),
        "all_day": event.all_day,
        "any_time": event.any_time,
        "invitee_ids": ", ".join(person_of(person) for person in event.invitees),
    }
    return {key: value for key, value in state.items() if key in given}


def _record(event: Event) -> dict[str, JsonValue]:
    record = {"event_id": event.id, "start": shown(event.starts), "end": shown(event.ends)}
    return {key: value for key, value in record.items() if value is not None}


def _when(event: Event) -> str:
    return f"{shown(event.starts) or '?'} to {shown(event.ends) or '?'}"


def title_lines(event: Event | None) -> tuple[PreviewLine, ...]:
    """Its name, where it is known."""
    return (("Event", clean(event.name, limit=LABEL_LIMIT)),) if event and event.name else ()


def _people_line(event: Event) -> str:
    names = ", ".join(person_of(person) for person in event.invitees)
    return f"Invited: {names or 'nobody that the answer shows'}"


def people_now(event: Event) -> tuple[PreviewLine, ...]:
    """Who is invited, for a preview."""
    if not event.invitees:
        return ("Invited now: nobody.",)
    ids = ids_text(person.id for person in event.invitees if person.id is not None)
    names = [clean(person.label, limit=LABEL_LIMIT) for person in event.invitees]
    return (f"Invited now, by user id: {ids}.", ("Their names", names))


def ids_text(ids: Iterable[int] | None) -> str:
    """Ids for a sentence."""
    return ", ".join(map(str, ids or [])) or "nobody"


SHORTEST = timedelta(minutes=15)
EARLIEST = {"start": time(7), "end": time(8)}
"""RoofLink moves what is earlier, unless the event is all day or at any time."""
FORM = "YYYY-MM-DDTHH:MM"

At = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "description": FORM})]


def on_the_wire(operation: Operation, name: str, at: datetime) -> str:
    """A start or an end as the service takes it, in the form that the catalog says."""
    return at.strftime(operation.body[name].values.get(FORM, "%Y-%m-%dT%H:%M"))


def span_problem(start: datetime, end: datetime) -> str | None:
    """What is wrong with how long it lasts."""
    if end <= start:
        return "must be after start"
    return "must be at least 15 minutes after start" if end - start < SHORTEST else None


def will_be_moved(times: Mapping[str, datetime]) -> list[str]:
    """Which of the times RoofLink will move to its earliest hours."""
    return [
        f"RoofLink moves the {name} from {at:%H:%M} to {EARLIEST[name]:%H:%M}, unless the event is all day or any time."
        for name, at in times.items()
        if at.time() < EARLIEST[name]
    ]


def moved(event: Event, meant: Mapping[str, datetime]) -> list[str]:
    """Which of the times RoofLink has moved to its earliest hours."""
    return [
        f"RoofLink moved the {name} from {meant[name]:%H:%M} to {got:%H:%M}."
        for name, got in (("start", event.starts), ("end", event.ends))
        if name in meant and got is not None and got != meant[name]
    ]
