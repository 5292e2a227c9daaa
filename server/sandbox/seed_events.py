"""Events for the simulated calendar: some each day around today, one that recurs, one with a hostile name."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from leadbridge.server.sandbox.people import HOSTILE_TEXTS
from leadbridge.server.sandbox.prospect_rows import COMPANY_TIME
from leadbridge.server.sandbox.records import Event, User
from leadbridge.server.sandbox.state import State

_NAMES = ("Roof inspection", "Adjuster meeting", "Contract signing", "Material drop", "Team meeting")
_FIRST_DAY, _LAST_DAY = -3, 9


def seed_events(state: State, random: Random, now: datetime, users: tuple[User, ...]) -> None:
    """Fill the calendar of these users, two events a day."""
    jobs = list(state.prospects)
    today = now.astimezone(COMPANY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(_FIRST_DAY, _LAST_DAY + 1):
        for hour in (9, 14):
            index = len(state.events)
            start = today + timedelta(days=day, hours=hour)
            owner = users[index % len(users)]
            guest = users[(index + 1) % len(users)]
            event = Event(
                id=state.next_id("event"),
                name=HOSTILE_TEXTS[0] if index == 2 * (1 - _FIRST_DAY) else random.choice(_NAMES),
                start=start,
                end=start + timedelta(minutes=30 * random.randint(1, 4)),
                created_by=owner,
                job_id=random.choice(jobs) if jobs and index % 2 else None,
                invitees=(guest.id,),
                recurrence="weekly" if index % 9 == 8 else "never",
            )
            state.events[event.id] = event
