"""RoofLink's events. The pages name `start`, `end`, `local_start` and `local_end`; the other fields are assumed.

Source: https://developers.rooflink.com/reference/light-events-list
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from leadbridge.server.services.rooflink.models import Named, Person
from leadbridge.server.services.values import Answer, Flag, Moment, ObjectOnly, RecordId, Text, is_moment, objects


def _record(value: JsonValue) -> JsonValue:
    """A record that may come as its id alone."""
    return {"id": value} if isinstance(value, (int, str)) and not isinstance(value, bool) else value


def _records(value: JsonValue) -> JsonValue:
    return objects([_record(row) for row in value] if isinstance(value, list) else [])


class Event(Answer):
    """An event; `start` and `end` carry no time zone, `local_start` and `local_end` do."""

    id: RecordId
    name: Text = None
    start: Moment = None
    end: Moment = None
    local_start: Moment = None
    local_end: Moment = None
    all_day: Flag = None
    any_time: Flag = None
    recurrence: Text = None
    job: Annotated[Named | None, ObjectOnly, BeforeValidator(_record)] = None
    invitees: Annotated[list[Person], BeforeValidator(_records)] = Field(default_factory=list[Person])
    created_by: Annotated[Person | None, ObjectOnly, BeforeValidator(_record)] = None

    @property
    def starts(self) -> datetime | None:
        """When it begins, as the clock on the wall shows it."""
        return _wall(self.local_start) or _wall(self.start)

    @property
    def ends(self) -> datetime | None:
        """When it ends, as the clock on the wall shows it."""
        return _wall(self.local_end) or _wall(self.end)


def _wall(value: str | None) -> datetime | None:
    if value is None or not is_moment(value):
        return None
    return datetime.fromisoformat(value).replace(tzinfo=None, second=0, microsecond=0)
