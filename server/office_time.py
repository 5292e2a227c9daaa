"""Times as the office reads them. Structured data has UTC; so does what is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day

FARTHEST = timedelta(days=3 * 365)
"""A date that is later was probably mistyped."""


@dataclass(frozen=True, slots=True)
class OfficeTime:
    """The office's time zone, and a clock that gives seconds since 1970."""

    zone: tzinfo | None = None
    """`LEADBRIDGE_TIME_ZONE`; the machine's time zone if it is `None`."""
    clock: Callable[[], float] = time.time

    def local(self, moment: float) -> datetime:
        """A moment, in seconds since 1970, by the office's clock."""
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone)

    def today(self) -> date:
        """The office's date."""
        return self.local(self.clock()).date()

    def start_of(self, day: date) -> float:
        """When a day of the office begins, in seconds since 1970."""
        try:
            return datetime.combine(day, time_of_day.min, self.zone).timestamp()
        except (OverflowError, ValueError):  # the first day or the last that a date can name
            return datetime.combine(day, time_of_day.min, UTC).timestamp()

    def odd_dates(self, dates: Mapping[str, date]) -> list[str]:
        """A warning for each date, by what it is called, that is past or years ahead."""
        today = self.today()
        past = [f"The {what} {when} is in the past." for what, when in dates.items() if when < today]
        far = [f"The {what} {when} is years ahead." for what, when in dates.items() if when > today + FARTHEST]
        return past + far

    def shown(self, moment: float) -> str:
        """A moment as people say it: `today 09:18 CST`, `yesterday 17:02 CST`, `2026-05-06 08:30 CDT`."""
        local = self.local(moment)
        day = {0: "today", 1: "yesterday"}.get((self.today() - local.date()).days, f"{local:%Y-%m-%d}")
        return f"{day} {local:%H:%M %Z}"

    def local_text(self, text: object) -> str:
        """A moment in ISO 8601 with its zone, as people say it; anything else as it is."""
        try:
            moment = datetime.fromisoformat(str(text))
            return self.shown(moment.timestamp()) if moment.tzinfo else str(text)
        except (ValueError, OverflowError):
            return str(text)


def utc_text(moment: float) -> str:
    """A moment in structured data, such as `2026-05-06 13:30:05Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
