"""The pipeline counted from the index of seen prospects: by stage, rep and age, and the stale ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from leadbridge.server import state
from leadbridge.server.prospects.cursor import Coverage, coverage_of
from leadbridge.server.prospects.index import ProspectIndex
from leadbridge.server.services.rooflink.progress import ProspectProgress, days_since

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

BANDS = (
    (7, "0-7 days"),
    (14, "8-14 days"),
    (30, "15-30 days"),
    (60, "31-60 days"),
    (90, "61-90 days"),
    (180, "91-180 days"),
)
"""The last day of each band of ages, and its name."""
OLDER, NO_DATE = "over 180 days", "no date"
STALE_KEPT = 15
"""Stale prospects that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted. A prospect is stale when it was not edited for so many days and is not submitted."""

    stale_after: int = 14
    rep_id: int | None = None
    region_id: int | None = None
    stage: str | None = None
    stale_offset: int = 0
    """How many of the stale ones come before those that are listed."""

    @property
    def whole(self) -> bool:
        """Whether every prospect counts."""
        return self.rep_id is None and self.region_id is None and self.stage is None

    def holds(self, progress: ProspectProgress) -> bool:
        """Whether a prospect counts."""
        wanted = (self.rep_id, self.region_id, self.stage)
        its_own = (progress.rep_id, progress.region_id, progress.stage)
        return all(one in {None, other} for one, other in zip(wanted, its_own, strict=True))


@dataclass(slots=True)
class RepCount:
    """Prospects of one rep that are not deleted. Without id and name: those that have none."""

    rep_id: int | None
    name: str
    active: int = 0
    stale: int = 0
    named_at: float = 0.0
    """When the row with the name was read."""


@dataclass(frozen=True, slots=True)
class StaleProspect:
    """A prospect that waits. `next_step` is the step's key."""

    prospect_id: int
    customer: str
    rep: str
    rep_id: int | None
    days: int
    next_step: str


@dataclass(slots=True)
class Survey:
    """Counts of the prospects in scope that the index knows; `known` and the times are of the whole index."""

    known: int = 0
    made_here: int = 0
    """Those of them that were created here and not seen in the list since."""
    oldest: float | None = None
    """When the row was read that was read longest ago."""
    deleted: int = 0
    active: int = 0
    stages: Counter[str] = field(default_factory=Counter[str])
    ages: Counter[str] = field(default_factory=Counter[str])
    """Active prospects by the days since their creation, under the names of the bands."""
    reps: list[RepCount] = field(default_factory=list[RepCount])
    """The rep with most prospects first."""
    stale: tuple[StaleProspect, ...] = ()
    """The first of them, the longest untouched at the beginning."""
    stale_total: int = 0
    no_edit_date: int = 0
    """Active prospects, not submitted, of which nobody can say whether they are stale."""
    coverage: Coverage = field(default_factory=Coverage)


async def survey_of(seen: ProspectIndex, scope: Scope) -> Survey:
    """Count what the index knows."""
    coverage = await coverage_of(seen)
    today = datetime.fromtimestamp(seen.clock(), UTC).date()
    survey = await seen.store.run(lambda connection: _survey(connection, seen.key, scope, today))
    survey.coverage = coverage
    return survey


def _survey(connection: Connection, account: str, scope: Scope, today: date) -> Survey:
    rows = state.prospects.find(connection, account, ("standing", "deleted", "seen_at", "listed"))
    made_here = sum(not row.listed and "created" not in row.standing for row in rows)
    survey = Survey(known=len(rows), made_here=made_here, oldest=min((row.seen_at for row in rows), default=None))
    waiting = _count(survey, rows, scope, today)
    survey.stale_total = len(waiting)
    first = sorted(waiting)[scope.stale_offset : scope.stale_offset + STALE_KEPT]
    shown = state.prospects.find(connection, account, ("told",), [prospect_id for _, prospect_id, _ in first])
    names = {row.prospect_id: str(row.told.get("name", "")) for row in shown}
    seen = {row.prospect_id: ProspectProgress.from_json(row.standing) for row in rows if row.prospect_id in names}
    survey.stale = tuple(
        StaleProspect(number, names[number], seen[number].rep, seen[number].rep_id, days, seen[number].next_step)
        for _, number, days in first
    )
    return survey


def _count(survey: Survey, rows: Sequence[Row[Any]], scope: Scope, today: date) -> list[tuple[str, int, int]]:
    """Count every row; the stale ones as (last edit, id, days)."""
    reps: dict[int | str, RepCount] = {}
    waiting: list[tuple[str, int, int]] = []
    for row in rows:
        progress = ProspectProgress.from_json(row.standing)
        if not scope.holds(progress):
            continue
        if row.deleted:
            survey.deleted += 1
            continue
        survey.active += 1
        survey.stages[progress.stage] += 1
        survey.ages[_band(days_since(progress.created, today))] += 1
        key = progress.rep if progress.rep_id is None else progress.rep_id
        rep = reps.setdefault(key, RepCount(progress.rep_id, progress.rep))
        if progress.rep and row.seen_at >= rep.named_at:
            rep.name, rep.named_at = progress.rep, row.seen_at
        rep.active += 1
        if progress.stage == "submitted":
            continue
        days = days_since(progress.edited, today)
        if days is None:
            survey.no_edit_date += 1
        elif days >= scope.stale_after:
            rep.stale += 1
            waiting.append((progress.edited, row.prospect_id, days))
    survey.reps = sorted(reps.values(), key=lambda rep: (-rep.active, rep.name, rep.rep_id or 0))
    return waiting


def _band(days: int | None) -> str:
    if days is None:
        return NO_DATE
    return next((name for last, name in BANDS if days <= last), OLDER)
