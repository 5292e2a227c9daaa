"""RoofLink's calendar, written: create, change and delete events. Invitees are notified by e-mail and SMS.

Source: https://developers.rooflink.com/reference/light-events-create
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import Field, JsonValue

from leadbridge.server.errors import NotFound, Problem
from leadbridge.server.mcp.arguments import Flag, Id, OptionalId, Text200
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.server.writes.agreement import compare
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, UntilChanged, Write
from leadbridge.server.writes.preview import rendered, titled
from leadbridge.tools.rooflink.event_receipts import (
    At,
    created,
    ids_text,
    on_the_wire,
    people_now,
    span_problem,
    state_of,
    title_lines,
    updated,
    will_be_moved,
)
from leadbridge.tools.rooflink.event_views import shown

EventId = Annotated[Id, Field(description="From rooflink_list_events")]
_NOTE = "RoofLink notifies them by e-mail and SMS; that cannot be taken back."


async def rooflink_create_event(
    ctx: Ctx,
    name: Annotated[Text200, Field(description="Title in the calendar")],
    start: At,
    end: At,
    job_id: OptionalId = None,
    all_day: Flag = False,
    any_time: Annotated[Flag, Field(description="At no fixed time of the day")] = False,
    add_to_my_calendar: Annotated[Flag, Field(description="On the key's own calendar too")] = False,
    invitee_ids: Annotated[
        Annotated[list[Id], Field(min_length=1, max_length=50)] | Omitted,
        Field(description="User ids, all notified"),
    ] = None,
) -> Write:
    """Create an event in RoofLink's calendar; invitees get an e-mail and SMS, so it needs the user's approval.

    Local time, 15 minutes at least. Starts before 7:00 and ends before 8:00 are moved there unless all_day or any_time.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.create_event"]
    invitees = _unique(invitee_ids or [])
    given: dict[str, JsonValue] = {
        "name": name,
        "start": on_the_wire(operation, "start", start),
        "end": on_the_wire(operation, "end", end),
        "job_id": job_id,
        "all_day": all_day or None,
        "any_time": any_time or None,
        "add_to_my_calendar": add_to_my_calendar or None,
        "invitee_ids": [*invitees] or None,
    }
    given = {key: value for key, value in given.items() if value is not None}
    meant = {"start": start, "end": end}
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(created, meant, whole_days=all_day or any_time),
            body=operation.encode_body(given),
        ),
        subject=Subject(name),
        arguments={**given, "start": start.isoformat(), "end": end.isoformat()},
        preview=Preview(
            lines=(
                f"Create an event in RoofLink's calendar: {shown(start)} to {shown(end)}.",
                f"Invitees by user id: {', '.join(map(str, invitees))}. {_NOTE}" if invitees else "Nobody is invited.",
                f"Job: {job_id}" if job_id else "Job: none",
            ),
            said=frozenset({"start", "end", "job_id", "invitee_ids"}),
            warnings=(*_odd(app, meant), *(() if all_day or any_time else will_be_moved(meant))),
        ),
    )


async def rooflink_update_event(
    ctx: Ctx,
    event_id: EventId,
    name: Text200 | Omitted = None,
    start: At | Omitted = None,
    end: At | Omitted = None,
    all_day: Flag | Omitted = None,
    any_time: Annotated[Flag | Omitted, Field(description="At no fixed time of the day")] = None,
    invitee_ids: Annotated[
        Annotated[list[Id], Field(max_length=50)] | Omitted, Field(description="User ids, in place of all there are")
    ] = None,
) -> Write:
    """Update an event of RoofLink's calendar; invitees who are added or removed are notified, so it needs the user's
    approval.

    Only the arguments given change. Its job cannot be changed.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.update_event"]
    known, doubts = await _known(app, event_id)
    meant = {key: at for key, at in (("start", start), ("end", end)) if at is not None}
    given: dict[str, JsonValue] = {
        "name": name,
        **{key: on_the_wire(operation, key, at) for key, at in meant.items()},
        "all_day": all_day,
        "any_time": any_time,
        "invitee_ids": None if invitee_ids is None else [*_unique(invitee_ids)],
    }
    given = {key: value for key, value in given.items() if value is not None}
    whole_days = bool(_or(all_day, known and known.all_day) or _or(any_time, known and known.any_time))
    notified = "Those who are added or removed are notified by e-mail and SMS."
    people = f"New list of invitees, by user id: {ids_text(invitee_ids)}. {notified}"
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(updated, meant, given, whole_days=whole_days),
            path={"event_id": event_id},
            body=operation.encode_body(given),
        ),
        subject=Subject(f"event {event_id}", f"event {event_id}"),
        arguments={"event_id": event_id, **given, **{key: at.isoformat() for key, at in meant.items()}},
        preview=Preview(
            lines=(
                f"Change event {event_id} in RoofLink's calendar.",
                "RoofLink may notify invitees by e-mail and SMS; that cannot be taken back.",
                *((people,) if invitee_ids is not None else ()),
                *title_lines(known),
                *(people_now(known) if known else ()),
                *(f"New {key}: {shown(at)}" for key, at in meant.items()),
                *(
                    (f"New {titled(key).lower()}", value)
                    for key, value in given.items()
                    if key in {"name", "all_day", "any_time"}
                ),
            ),
            said=frozenset(given),
            warnings=(
                *doubts,
                *_odd(app, meant),
                *_span_warnings(known, meant),
                *(() if whole_days else will_be_moved(meant)),
            ),
            before=state_of(known, given) if known else {},
        ),
        repeat=UntilChanged(
            changed=known is not None and bool(compare(operation, given, known.model_dump(mode="json")).contradicted)
        ),
    )


async def rooflink_delete_event(ctx: Ctx, event_id: EventId) -> Write:
    """Delete an event from RoofLink's calendar for good; it needs the user's approval.

    rooflink_update_event moves or renames one.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.delete_event"]
    known, doubts = await _known(app, event_id)
    when = f", {shown(known.starts)} to {shown(known.ends)}" if known and known.starts and known.ends else ""

    def receive(_answer: JsonValue) -> Done:
        return Done(summary=f"Event {event_id} deleted.", record_id=event_id, details=rendered(title_lines(known)))

    return Write(
        action=HttpWrite(operation=operation, receive=receive, path={"event_id": event_id}),
        subject=Subject(f"event {event_id}", f"event {event_id}"),
        arguments={"event_id": event_id},
        preview=Preview(
            lines=(
                f"Delete event {event_id}{when} from RoofLink's calendar.",
                "This cannot be undone. RoofLink may notify invitees by e-mail and SMS.",
                *title_lines(known),
                *(people_now(known) if known else ()),
            ),
            warnings=tuple(doubts),
        ),
    )


def event_rules(given: Mapping[str, Any]) -> list[Problem]:
    """How long an event lasts, and that a change changes something."""
    start, end = given.get("start"), given.get("end")
    if isinstance(start, datetime) and isinstance(end, datetime) and (problem := span_problem(start, end)):
        return [Problem("end", problem)]
    return []


def update_rules(given: Mapping[str, Any]) -> list[Problem]:
    """The rules of an event, and at least one change."""
    changes = {"name", "start", "end", "all_day", "any_time", "invitee_ids"}
    if not changes & set(given):
        return [Problem(", ".join(sorted(changes)), "give at least one of them (LeadBridge's rule)")]
    return event_rules(given)


async def _known(app: AppContext, event_id: int) -> tuple[Event | None, list[str]]:
    """The event as the service shows it, so that a person sees what they approve; its path is inferred."""
    try:
        return await app.rooflink.one("rooflink.get_event", Event, {"event_id": event_id}), []
    except NotFound:
        doubt = (
            f"RoofLink shows no event {event_id} to this key (or the inferred path to read one is wrong): what it is "
            "and who is invited is not known here."
        )
        return None, [doubt]


def _span_warnings(known: Event | None, meant: Mapping[str, datetime]) -> list[str]:
    """Of a start or an end that is changed alone, against the stored other one."""
    if known is None or len(meant) != 1:
        return []
    start, end = meant.get("start") or known.starts, meant.get("end") or known.ends
    if start is None or end is None or (problem := span_problem(start, end)) is None:
        return []
    return [f"The end {problem} ({shown(start)} to {shown(end)}): RoofLink will refuse this. Give both."]


def _odd(app: AppContext, meant: Mapping[str, datetime]) -> list[str]:
    return app.time.odd_dates({name: at.date() for name, at in [*meant.items()][:1]})


def _or(given: bool | None, known: bool | None) -> bool | None:
    return known if given is None else given


def _unique(ids: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(ids))


TOOLS = (
    write_tool(rooflink_create_event, "rooflink.create_event", title="Create event", rules=event_rules),
    write_tool(rooflink_update_event, "rooflink.update_event", title="Update event", rules=update_rules),
    write_tool(rooflink_delete_event, "rooflink.delete_event", title="Delete event"),
)
