"""Days as people mean them: what a service answers as midnight is a day, and a year that was mistyped is warned of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from leadbridge.server.services.values import is_moment
from leadbridge.tools.tables import moment

FARTHEST = timedelta(days=3 * 365)


def day(value: str | None) -> str | None:
    """A day that came as a date-time."""
    return value[:10] if value and is_moment(value) else moment(value)


def odd_dates(dates: Mapping[str, date], today: date) -> list[str]:
    """A warning for each date, by what it is called, that is past or years ahead."""
    past = [f"The {what} {when} is in the past." for what, when in dates.items() if when < today]
    far = [f"The {what} {when} is years ahead." for what, when in dates.items() if when > today + FARTHEST]
    return past + far
