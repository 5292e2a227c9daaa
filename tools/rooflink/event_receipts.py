"""What RoofLink answered to an event that was created or changed, and whether that is what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue, ValidationError

from leadbridge.server.catalog import Operation
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.text import LABEL_LIMIT, clean, label
from leadbridge.server.writes.model import Done
from leadbridge.server.writes.preview import PreviewLine, rendered
from leadbridge.tools.rooflink.event_times import misunderstood
from leadbridge.tools.rooflink.event_views import person_of, shown


def created(
    app: AppContext,
    operation: Operation,
    meant: Mapping[str, datetime],
    invitees: Sequence[int],
    answer: JsonValue,
    *,
    whole_days: bool,
) -> Done:
    """A new event."""
    event = _read(app, operation, answer)
    return Done(
        summary=f"Event {event.id} created in RoofLink's calendar: {_when(event)}.",
        record_id=event.id,
        record=_record(event),
        details=[*rendered(title_lines(event)), _people_line(event)],
        warnings=[
            *misunderstood(event, meant, whole_days=whole_days),
            *_not_invited(event, invitees),
        ],
    )


def updated(
    app: AppContext,
    operation: Operation,
    event_id: int,
    meant: Mapping[str, datetime],
    given: Mapping[str, JsonValue],
    answer: JsonValue,
    *,
    whole_days: bool,
) -> Done:
    """A changed event."""
    event = _read(app, operation, answer)
    wanted = given.get("invitee_ids")
    warnings = misunderstood(event, meant, whole_days=whole_days)
    if isinstance(wanted, list):
        ids = [user for user in wanted if isinstance(user, int)]
        warnings += _not_invited(event, ids)
    if event.id != event_id:
        warnings.append(f"The answer is about event {event.id}.")
    return Done(
        summary=f"Event {event_id} changed: {_when(event)}.",
        record_id=event_id,
        record=_record(event),
        after=state_of(event, given),
        details=[*rendered(title_lines(event)), _people_line(event)],
        warnings=warnings,
    )


def _read(app: AppContext, operation: Operation, answer: JsonValue) -> Event:
    try:
        return Event.model_validate(answer)
    except ValidationError:
        raise unreadable("an answer without an id", operation, app.catalog.services["rooflink"], None) from None


def _not_invited(event: Event, wanted: Sequence[int]) -> list[str]:
    """Invitees go out under an inferred name, and an unknown name is passed over without a word."""
    if "invitees" not in event.model_fields_set:
        return ["The answer does not say who is invited; look at the event on RoofLink."] if wanted else []
    there = {person.id for person in event.invitees}
    missing = [user for user in wanted if user not in there]
    if not missing:
        return []
    doubt = (
        f"RoofLink does not show as invited: {ids_text(missing)}. The name under which invitees are sent is inferred; "
        "correct it in LEADBRIDGE_CONTRACT_FILE."
    )
    return [doubt]


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
