"""When an event is: as a tool takes it, as it goes out, and whether the service understood it.

The form on the wire is inferred (it stands in the catalog, and can be corrected), so that what comes back is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from leadbridge.server.catalog import Operation
from leadbridge.server.mcp.scalars import moment
from leadbridge.server.services.rooflink.calendar import Event
from leadbridge.tools.rooflink.event_views import shown

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


def misunderstood(event: Event, meant: Mapping[str, datetime], *, whole_days: bool) -> list[str]:
    """Where the answer shows another time than the one that was meant; moved hours are told as such."""
    warnings: list[str] = []
    for name, got in (("start", event.starts), ("end", event.ends)):
        if (wanted := meant.get(name)) is None:
            continue
        if got is None:
            warnings.append(
                f"The answer shows no {name} that can be read. Look at the event on RoofLink: the form in which times "
                "are sent is inferred."
            )
        elif got.date() != wanted.date():
            warnings.append(_wrong(name, got, wanted))
        elif got != wanted and not whole_days:
            moved = wanted.time() < EARLIEST[name] and got.time() == EARLIEST[name]
            warnings.append(
                f"RoofLink moved the {name} from {wanted:%H:%M} to {got:%H:%M}." if moved else _wrong(name, got, wanted)
            )
    return warnings


def _wrong(name: str, got: datetime, wanted: datetime) -> str:
    return (
        f"RoofLink shows the {name} as {shown(got)}, not {shown(wanted)}: the form in which times are sent is inferred "
        "and may have been read otherwise. Correct the event."
    )
