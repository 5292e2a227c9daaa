"""RoofLink's calendar: events below `/light/events/`.

From https://developers.rooflink.com/reference/light-events-list and its sister pages: what an event needs, how long it
lasts at least, which hours it is moved to, who is notified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.drf import Fields
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_rows import COMPANY_TIME, display_date, iso_date
from leadbridge.server.sandbox.records import Event, Notice, User
from leadbridge.server.sandbox.seed import REPS
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

# assumption key-user
KEY_USER = REPS[0]
"""Whose calendar is one's own: the user as whom the key acts."""
MOST_ROWS = 10
SHORTEST = timedelta(minutes=15)
EARLIEST_START, EARLIEST_END = time(7), time(8)
DAYS_AHEAD = 5


class Events:
    """The operations on events over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state

    def routes(self) -> drf.Routes:
        """What is answered below `/light/events/`."""
        return {
            "/light/events/": {"GET": self.list, "POST": self.create},
            "/light/events/cal/": {"GET": self.calendar},
            "/light/events/next_five_days_events/": {"GET": self.next_five_days},
            "/light/events/{event_id}/": {"GET": self.retrieve, "PATCH": self.update, "DELETE": self.destroy},
        }

    async def list(self, request: Request) -> Response:
        """Events that do not recur, those of all users, in the order of their starts."""
        found = self._filtered(request.query_params)
        if isinstance(found, Response):
            return found
        once = [event for event in found if event.recurrence == "never"]
        return drf.page(request, once, self.row, MOST_ROWS, self._options.next_origin)

    async def calendar(self, request: Request) -> Response:
        """A bare array: today's, of one's own calendar, unless the query says otherwise."""
        query = request.query_params
        found = self._filtered(query)
        if isinstance(found, Response):
            return found
        if "users" not in query:
            found = [event for event in found if _concerns(event, {KEY_USER.id})]
        if not {"start__gte", "start__lte"} & set(query):
            today = self._today()
            found = [event for event in found if event.start.astimezone(COMPANY_TIME).date() == today]
        return JSONResponse([self.row(event) for event in found])

    async def next_five_days(self, request: Request) -> Response:
        """An object with six days as keys, today first, and the events of each in order."""
        scope = request.query_params.get("scope", "self")
        if scope not in {"self", "all"}:
            return JSONResponse({"scope": [f'"{scope}" is not a valid choice.']}, 400)
        days: dict[str, list[JsonObject]] = {}
        for offset in range(DAYS_AHEAD + 1):
            day = self._today() + timedelta(days=offset)
            days[day.isoformat()] = [
                self.row(event)
                for event in self._in_order()
                if event.start.astimezone(COMPANY_TIME).date() == day
                and (scope == "all" or _concerns(event, {KEY_USER.id}))
            ]
        return JSONResponse(days)

    async def create(self, request: Request) -> Response:
        """A new event; its invitees are notified."""
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        made = self._checked(body, None)
        if isinstance(made, Response):
            return made
        made.id = self._state.next_id("event")
        self._state.events[made.id] = made
        self._tell(made, made.invitees, "invited")
        self._state.record_write("rooflink", "POST /light/events/", {}, body, made.id)
        return JSONResponse(self.row(made), 201)

    async def retrieve(self, request: Request) -> Response:
        """One event."""
        found = self._event(request)
        return found if isinstance(found, Response) else JSONResponse(self.row(found))

    async def update(self, request: Request) -> Response:
        """Only the fields that are sent; whoever is invited or no longer invited is notified."""
        found = self._event(request)
        if isinstance(found, Response):
            return found
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        changed = self._checked(body, found)
        if isinstance(changed, Response):
            return changed
        before = set(found.invitees)
        changed.id, changed.job_id = found.id, found.job_id
        self._state.events[found.id] = changed
        self._tell(changed, sorted(set(changed.invitees) - before), "invited")
        self._tell(changed, sorted(before - set(changed.invitees)), "no longer invited")
        self._state.record_write("rooflink", "PATCH /light/events/{event_id}/", {"event_id": found.id}, body, found.id)
        return JSONResponse(self.row(changed))

    async def destroy(self, request: Request) -> Response:
        """For good."""
        found = self._event(request)
        if isinstance(found, Response):
            return found
        del self._state.events[found.id]
        # assumption deleted-event-tells
        self._tell(found, found.invitees, "cancelled")
        self._state.record_write("rooflink", "DELETE /light/events/{event_id}/", {"event_id": found.id}, None, found.id)
        return Response(status_code=204)

    def row(self, event: Event) -> JsonObject:
        """An event as JSON."""
        # assumption event-row
        job = self._state.prospects.get(event.job_id or 0)
        return {
            "id": event.id,
            "name": event.name,
            "start": display_date(event.start),
            "end": display_date(event.end),
            "local_start": iso_date(event.start),
            "local_end": iso_date(event.end),
            "all_day": event.all_day,
            "any_time": event.any_time,
            "recurrence": event.recurrence,
            "job": {"id": job.id, "name": job.address} if job else None,
            "invitees": [_person(self._state.users[user]) for user in event.invitees],
            "created_by": _person(event.created_by),
        }

    def _today(self) -> date:
        return self._options.now().astimezone(COMPANY_TIME).date()

    def _in_order(self) -> Iterable[Event]:
        return sorted(self._state.events.values(), key=lambda event: (event.start, event.id))

    def _event(self, request: Request) -> Event | Response:
        event_id = positive_int(str(request.path_params["event_id"]))
        if event_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        return self._state.events.get(event_id) or drf.detail(404, "Not found.")

    def _filtered(self, query: Mapping[str, str]) -> list[Event] | Response:
        # assumption event-filter-names
        rows = list(self._in_order())
        honoured = self._options.event_filters
        try:
            if (users := query.get("users")) and "users" in honoured:
                wanted = {int(word) for word in users.split(",")}
                rows = [event for event in rows if _concerns(event, wanted)]
            if (job := query.get("job")) and "job" in honoured:
                rows = [event for event in rows if event.job_id == int(job)]
            for name in ("start__gte", "start__lte"):
                if (text := query.get(name)) and name in honoured:
                    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=COMPANY_TIME).date()
                    later = name.endswith("gte")
                    rows = [
                        event
                        for event in rows
                        if (here := event.start.astimezone(COMPANY_TIME).date()) == day or (here > day) == later
                    ]
        except ValueError:
            return JSONResponse({"non_field_errors": ["Enter a valid date/time or number."]}, 400)
        return rows

    def _checked(self, body: JsonObject, stored: Event | None) -> Event | Response:
        """The event that a body makes or that it makes of a stored one."""
        fields = Fields(body)
        start = self._moment(fields, body, "start", stored.start if stored else None)
        end = self._moment(fields, body, "end", stored.end if stored else None)
        job = None if stored else fields.related("job", self._state.prospects)
        made = Event(
            id=0,
            name=fields.text("name", required=True) if "name" in body or stored is None else stored.name,
            start=start,
            end=end,
            created_by=stored.created_by if stored else KEY_USER,
            all_day=_flag(fields, body, "all_day", default=bool(stored and stored.all_day)),
            any_time=_flag(fields, body, "any_time", default=bool(stored and stored.any_time)),
            on_own_calendar=_flag(fields, body, "add_to_my_calendar", default=bool(stored and stored.on_own_calendar)),
            job_id=job.id if job else None,
            invitees=self._invitees(fields, body, stored.invitees if stored else ()),
        )
        if not fields.errors:
            _check_times(fields, made)
        return JSONResponse(fields.errors, 400) if fields.errors else made

    def _moment(self, fields: Fields, body: JsonObject, name: str, stored: datetime | None) -> datetime:
        nothing = datetime.min.replace(tzinfo=COMPANY_TIME)
        if name not in body and stored is not None:
            return stored
        text = fields.text(name, required=True)
        if name in fields.errors:
            return nothing
        try:
            # assumption event-date-format
            return datetime.strptime(text, self._options.event_date_format).replace(tzinfo=COMPANY_TIME)
        except ValueError:
            fields.refuse(name, "Datetime has wrong format.")
            return nothing

    def _invitees(self, fields: Fields, body: JsonObject, stored: tuple[int, ...]) -> tuple[int, ...]:
        # assumption event-invitees
        value = body.get("invitees", list(stored))
        if not isinstance(value, list):
            fields.refuse("invitees", f'Expected a list of items but got type "{type(value).__name__}".')
            return ()
        for user in cast("list[object]", value):
            if isinstance(user, bool) or not isinstance(user, int) or user not in self._state.users:
                fields.refuse("invitees", f'Invalid pk "{user}" - object does not exist.')
                return ()
        return tuple(dict.fromkeys(cast("list[int]", value)))

    def _tell(self, event: Event, users: Iterable[int], about: str) -> None:
        for user in users:
            self._state.notices.append(Notice(event.id, user, about))


def _check_times(fields: Fields, event: Event) -> None:
    """Start before end, 15 minutes at least, and the hours of the day; the event is moved, not refused, for those."""
    if event.end <= event.start:
        fields.refuse("end", "End must be after start.")
    elif event.end - event.start < SHORTEST:
        fields.refuse("end", "Event must be at least 15 minutes long.")
    elif not (event.all_day or event.any_time):
        event.start = _not_before(event.start, EARLIEST_START)
        event.end = _not_before(event.end, EARLIEST_END)


def _not_before(moment: datetime, earliest: time) -> datetime:
    local = moment.astimezone(COMPANY_TIME)
    return max(local, datetime.combine(local.date(), earliest, COMPANY_TIME))


def _flag(fields: Fields, body: JsonObject, name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        fields.refuse(name, "Must be a valid boolean.")
        return default
    return value


def _concerns(event: Event, users: set[int]) -> bool:
    return event.created_by.id in users or bool(users & set(event.invitees))


def _person(user: User) -> JsonObject:
    return {"id": user.id, "name": user.name, "email": user.email, "color": user.color}
