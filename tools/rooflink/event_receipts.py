"""What RoofLink answered to an event that was created or changed, and whether that is what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import JsonValue

from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.text import LABEL_LIMIT, clean, label
from leadbridge.server.writes.model import Done
from leadbridge.server.writes.preview import PreviewLine, rendered
from leadbridge.tools.rooflink.event_times import moved
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
    names = [clean(person.label, limit=LABEL_LIMIT) or "no name" for person in event.invitees]
    return (f"Invited now, by user id: {ids}.", ("Their names", names))


def ids_text(ids: Iterable[int] | None) -> str:
    """Ids for a sentence."""
    return ", ".join(map(str, ids or [])) or "nobody"
