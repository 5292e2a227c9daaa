"""How far a prospect is, as a row of RoofLink's list shows it: its stage, its rep, its dates, its next step.

The list has no field for the stage. It is derived from the four steps of `pipeline`: submitted when `submit` is
complete, else inspected when `schedule_adj_mtg` is (the nearest step there is; it says that a meeting was scheduled,
not that anybody was on the roof), else verified when `verify_lead` is, unverified when `verify_lead` is open, unknown
when it is not given. No step shows a signed prospect: it counts as inspected here, and only RoofLink's own statistics
know it. https://developers.rooflink.com/reference/prospect-jobs names the stages and the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from pydantic import JsonValue

from leadbridge.server.services.rooflink.models import Prospect, Step
from leadbridge.server.text import storable

UNKNOWN = "unknown"
EARLIEST_YEAR = 2000
"""Dates before are placeholders for none: 0001-01-01, 1970-01-01."""
_NAME = 80
"""Characters of a name or a step that are kept."""


@dataclass(frozen=True, slots=True)
class ProspectProgress:
    """A prospect's progress. What is not given is empty; `ProspectProgress()` is one of which nothing was read."""

    stage: str = UNKNOWN
    rep: str = ""
    rep_id: int | None = None
    region_id: int | None = None
    created: str = ""
    """ISO 8601 to the minute without a zone: UTC where RoofLink named a zone, else as it is in the list."""
    edited: str = ""
    next_step: str = ""
    """Key of the first open step, deleting aside."""

    @classmethod
    def of(cls, prospect: Prospect) -> ProspectProgress:
        """What RoofLink's list says of a prospect."""
        customer = prospect.customer
        rep, region = (customer.rep, customer.region) if customer else (None, None)
        upcoming = next((step for step in prospect.pipeline if step.complete is False and step.key != "delete"), None)
        return cls(
            stage=stage_of(prospect.pipeline),
            rep=_short(rep.label) if rep else "",
            rep_id=rep.id if rep else None,
            region_id=region.id if region else None,
            created=moment_of(prospect.date_created),
            edited=moment_of(prospect.date_last_edited),
            next_step=_short(upcoming.key or upcoming.name or "step") if upcoming else "",
        )

    @classmethod
    def from_json(cls, value: Mapping[str, JsonValue]) -> ProspectProgress:
        """From the table; a row that was read before standings were kept has an empty one."""
        known: Any = {name: value[name] for name in _FIELDS if name in value}
        return cls(**known)

    def as_json(self) -> dict[str, JsonValue]:
        """For the table, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in {"", None}}


_FIELDS = tuple(field.name for field in fields(ProspectProgress))


def stage_of(steps: list[Step]) -> str:
    """The stage that the steps show; see this module's docstring."""
    complete = {step.key: step.complete for step in reversed(steps)}
    for key, stage in (("submit", "submitted"), ("schedule_adj_mtg", "inspected"), ("verify_lead", "verified")):
        if complete.get(key):
            return stage
    return "unverified" if complete.get("verify_lead") is False else UNKNOWN


def moment_of(text: str | None) -> str:
    """A date as it is kept, empty if it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") if moment.year >= EARLIEST_YEAR else ""


def days_since(moment: str, today: date) -> int | None:
    """Calendar days from a stored date to today (UTC), `None` for no date and for one in the future.

    RoofLink's list names no time zone, so the count may be a day off; what is tomorrow in UTC may be today there.
    """
    if not moment:
        return None
    days = (today - date.fromisoformat(moment[:10])).days
    return max(days, 0) if days >= -1 else None


def age(seconds: float) -> str:
    """How long ago, in words: `3 hours ago`, `just now`."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (seconds >= size and name == "minute"):
            count = int(seconds // size)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def _short(text: str | None) -> str:
    return storable((text or "")[:_NAME]).strip()
