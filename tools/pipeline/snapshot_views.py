"""How a snapshot of the pipeline is shown: data of a bounded size, and its text, of at most some 1,500 tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from pydantic import Field

from leadbridge.server.mcp.reply import Identity, Omitted, Result, View
from leadbridge.server.services.rooflink.models import Step
from leadbridge.server.services.rooflink.progress import age
from leadbridge.server.text import clean, label
from leadbridge.tools.lists import counted, table
from leadbridge.tools.rooflink.prospect_views import STAT_NAMES, step_of

if TYPE_CHECKING:
    from leadbridge.server.prospects.pipeline import Pipeline
    from leadbridge.server.prospects.survey import Scope
R = TypeVar("R", bound=View)

STAGES = ("unverified", "verified", "inspected", "signed", "submitted", "unknown", "deleted")
MOST_REPS = 12
REPS_WEIGHT, STALE_WEIGHT, NAME_WEIGHT = 320, 640, 26
"""Tokens, estimated high, for the table of reps, for that of stale prospects, and for one name in them."""
MOST_STEP = 30
_PIECES = re.compile(r"[A-Za-z0-9]+| +|[^A-Za-z0-9 ]")


class StageRow(View):
    """A stage with two counts of different origin."""

    stage: str
    rooflink: int | Omitted = Field(default=None, description="RoofLink's own statistics")
    steps: int | Omitted = Field(default=None, description="Counted from the steps of the prospects read")


class AgeRow(View):
    """Active prospects by days since their creation."""

    age: str
    active: int


class RepRow(View):
    """A rep's prospects that are not deleted."""

    id: Identity | Omitted = None
    rep: str
    active: int
    stale: int


class StaleRow(View):
    """A prospect that was not edited for so many days and is not submitted."""

    id: Identity
    customer: str | Omitted = None
    rep: str | Omitted = None
    days: int
    next_step: str | Omitted = None


class Snapshot(Result):
    """The pipeline as far as it was read. Active prospects are those that are not deleted."""

    read: int = Field(description="Prospects known from the list")
    total: int | Omitted = Field(default=None, description="Prospects in the list, as RoofLink said")
    complete: bool = Field(description="Whether the whole list was read")
    oldest_reading: str | Omitted = Field(default=None, description="When the row was read that was read longest ago")
    active: int
    deleted: int
    stages: list[StageRow]
    ages: list[AgeRow]
    reps: list[RepRow] = Field(description="Most prospects first")
    more_reps: int = 0
    more_reps_active: int = 0
    stale: list[StaleRow] = Field(description="Longest untouched first")
    stale_total: int
    stale_offset: int = 0
    next_stale_offset: int | Omitted = Field(default=None, description="For the next stale ones")
    no_edit_date: int = Field(description="Not submitted, and nobody can say whether stale")
    stale_after_days: int


def snapshot_view(pipeline: Pipeline, scope: Scope) -> Snapshot:
    """The snapshot as data."""
    survey = pipeline.survey
    stated = _stage_counts(pipeline.counts)
    counted = {**survey.stages, "deleted": survey.deleted, "unknown": survey.stages["unknown"]}
    reps = [
        RepRow(id=rep.rep_id, rep=_rep(rep.name, rep.rep_id) or "(no rep)", active=rep.active, stale=rep.stale)
        for rep in survey.reps[:MOST_REPS]
    ]
    reps = _fitting(reps, REPS_WEIGHT)
    others = survey.reps[len(reps) :]
    stale = [
        StaleRow(
            id=row.prospect_id,
            customer=_name(row.customer) or None,
            rep=_rep(row.rep, row.rep_id) or None,
            days=row.days,
            next_step=_step(row.next_step),
        )
        for row in survey.stale
    ]
    stale = _fitting(stale, STALE_WEIGHT)
    after = scope.stale_offset + len(stale)
    oldest = None if survey.oldest is None else datetime.fromtimestamp(survey.oldest, UTC).isoformat(timespec="minutes")
    return Snapshot(
        read=survey.coverage.checked,
        total=survey.coverage.total,
        complete=survey.coverage.complete,
        unreadable_rows=survey.coverage.unreadable or None,
        oldest_reading=oldest,
        active=survey.active,
        deleted=survey.deleted,
        stages=[
            StageRow(
                stage=stage,
                rooflink=stated.get(stage),
                steps=None if stage == "signed" or not survey.known else counted.get(stage, 0),
            )
            for stage in STAGES
        ],
        ages=_ages(pipeline),
        reps=reps,
        more_reps=len(others),
        more_reps_active=sum(rep.active for rep in others),
        stale=stale,
        stale_total=survey.stale_total,
        stale_offset=scope.stale_offset,
        next_stale_offset=after if after < survey.stale_total else None,
        no_edit_date=survey.no_edit_date,
        stale_after_days=scope.stale_after,
    )


def snapshot_lines(data: Snapshot) -> list[str]:
    """The snapshot as text."""
    of = "an unknown number of" if data.total is None else f"{data.total:,}"
    lines = [f"Pipeline from {data.read:,} of {of} prospects: {data.active:,} active, {data.deleted:,} deleted."]
    if any(row.rooflink is not None or row.steps is not None for row in data.stages):
        lines += table(
            ["stage", "RoofLink's own count", "counted from steps"],
            [
                {"stage": row.stage, "RoofLink's own count": row.rooflink, "counted from steps": row.steps}
                for row in data.stages
                if row.rooflink is not None or row.steps or row.stage != "unknown"
            ],
        )
    if data.active:
        lines.append("Days since creation: " + ", ".join(f"{row.age} {row.active:,}" for row in data.ages))
        lines += table(["id", "rep", "active", "stale"], [vars(row) for row in data.reps])
    if data.more_reps:
        lines.append(f"and {data.more_reps} more reps with {data.more_reps_active:,} active")
    if data.read:
        lines += _stale_lines(data)
    return lines


def weight(text: str) -> float:
    """Tokens of a text, estimated high: names in rare scripts and runs of signs cost the most."""
    total = 0.0
    for piece in _PIECES.findall(text):
        if piece[0] == " ":
            total += 0.25
        elif not piece.isascii():
            total += len(piece.encode())
        else:
            total += max(1.0, len(piece) * 0.5) if piece.isalnum() else 1.0
    return total


def _stale_lines(data: Snapshot) -> list[str]:
    prospects = counted(data.stale_total, "stale prospect", "stale prospects")
    what = f"no edit for {data.stale_after_days} days, not submitted"
    lines = [f"{prospects} ({what}){', oldest first:' if data.stale else '.'}"]
    if data.stale_total and not data.stale:
        lines.append(f"None from stale_offset={data.stale_offset:,} on: leave it out to begin with the oldest.")
    if data.stale:
        lines += table(["id", "customer", "rep", "days", "next_step"], [vars(row) for row in data.stale])
    if data.next_stale_offset is not None:
        left = data.stale_total - data.next_stale_offset
        lines.append(f"and {left:,} more: stale_offset={data.next_stale_offset} shows the next")
    if data.no_edit_date:
        lines.append(f"{data.no_edit_date:,} more have no date of an edit that can be read.")
    return lines


def snapshot_remarks(pipeline: Pipeline, scope: Scope, now: float) -> list[str]:
    """What the numbers leave open; `now` in seconds since 1970."""
    survey, coverage = pipeline.survey, pipeline.survey.coverage
    notes: list[str] = []
    if pipeline.list_problem:
        notes.append(f"Reading the list stopped: {pipeline.list_problem}")
    if not coverage.complete:
        notes.append(_what_is_missing(pipeline))
    if survey.oldest is not None:
        when = age(now - survey.oldest)
        notes.append(
            "All prospects were read just now."
            if when == "just now"
            else f"Some prospects were last read up to {when}; later edits show when read again."
        )
    beyond = survey.known - coverage.total if coverage.complete and coverage.total is not None else 0
    made_here = min(survey.made_here, beyond)
    if made_here > 0:
        notes.append(
            f"{made_here:,} of them were created by LeadBridge after the list was read; their stage is not known yet."
        )
    if (gone := beyond - max(made_here, 0)) > 0:
        notes.append(f"{gone:,} of them RoofLink no longer counts; they leave with the next reading of the whole list.")
    if pipeline.stats_problem:
        notes.append(f"RoofLink's own counts are missing: {pipeline.stats_problem}")
    if not scope.whole:
        chosen = {"rep_id": scope.rep_id, "region_id": scope.region_id, "stage": scope.stage}
        only = ", ".join(f"{name}={value}" for name, value in chosen.items() if value is not None)
        notes.append(f"Only {only}. RoofLink's own counts are of the whole company and left out.")
    if survey.known:
        notes.append(
            "Counted from steps: verified = lead verified, inspected = adjuster meeting scheduled, submitted = "
            "submitted. No step shows a signature, so signed ones count as inspected. RoofLink's dates have no time "
            "zone: days may be off by one."
        )
    return notes


def _what_is_missing(pipeline: Pipeline) -> str:
    from leadbridge.server.prospects.duplicates import rest_of

    why = f" ({pipeline.stopped})" if pipeline.stopped else ""
    if not pipeline.survey.known:
        only = "" if pipeline.counts is None else ": only RoofLink's own counts are shown"
        return f"NOTHING WAS READ YET{why}{only}. Call again to read the list."
    missing = "the list is read newest first, so old and stale prospects are missing most"
    if pipeline.survey.coverage.read_on:
        return f"INCOMPLETE ({rest_of(pipeline.survey.coverage)}): {missing}."
    return f"INCOMPLETE{why}: {missing}. Call again: it continues from there."


def _stage_counts(counts: Sequence[tuple[str, int]] | None) -> dict[str, int]:
    """RoofLink's counts of the stages, under whichever name or code they came; users' own filters are none."""
    found: dict[str, int] = {}
    for name, count in counts or ():
        group, _, last = name.rpartition(": ")
        stage = STAT_NAMES.get(last, last.casefold())
        if stage in STAGES and "custom" not in group.casefold():
            found.setdefault(stage, count)
    return found


def _ages(pipeline: Pipeline) -> list[AgeRow]:
    from leadbridge.server.prospects.survey import BANDS, NO_DATE, OLDER

    names = [*(name for _, name in BANDS), OLDER]
    ages = pipeline.survey.ages
    rows = [AgeRow(age=name, active=ages[name]) for name in names]
    return [*rows, AgeRow(age=NO_DATE, active=ages[NO_DATE])] if ages[NO_DATE] else rows


def _fitting(rows: list[R], limit: float) -> list[R]:
    """The first rows whose cells together stay within so many tokens."""
    kept: list[R] = []
    for row in rows:
        cells = [str(value) for value in vars(row).values() if value is not None]
        limit -= sum(weight(cell) + 1 for cell in cells)
        if limit < 0:
            break
        kept.append(row)
    return kept


def _name(text: str) -> str:
    """A name, cut by what it costs, not only by its characters."""
    kept = cut = clean(text, limit=40)
    while weight(cut) > NAME_WEIGHT:
        cut = cut[:-1]
    return label(cut if cut == kept else f"{cut.rstrip()}…")


def _rep(name: str, rep_id: int | None) -> str:
    return _name(name) or (f"rep {rep_id}" if rep_id is not None else "")


def _step(key: str) -> str | None:
    name = step_of(Step(key=key)).key if key else ""
    return name if name.isascii() and len(name) <= MOST_STEP else _name(key) or None
