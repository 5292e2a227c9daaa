"""When an event is: as a tool takes it, as it goes out, and whether the service understood it.

The form on the wire is inferred (it is in the catalog, and can be corrected), so that what comes back is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from leadbridge.server.catalog import Operation
from leadbridge.server.mcp.scalars import moment
from leadbridge.server.services.rooflink.calendar import Event

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
