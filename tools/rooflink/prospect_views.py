"""How prospects are shown: typed views of what RoofLink answers, and their lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from leadbridge.server.mcp.reply import Identity, Omitted, Reply, Result, View
from leadbridge.server.services.rooflink.models import Customer, Prospect, Step
from leadbridge.server.services.rooflink.progress import stage_of
from leadbridge.server.services.values import is_moment, moment
from leadbridge.server.text import clean, label
from leadbridge.tools.lists import ListPage, Plain

_STEP_NAMES = {
    "verify_lead": "verify lead",
    "schedule_adj_mtg": "schedule adjuster meeting",
    "submit": "submit",
    "delete": "delete",
}


class StepView(View):
    """One step of the checklist."""

    key: str
    done: bool | Omitted = None
    date: str | Omitted = None
    by: str | Omitted = None
    permissions: dict[str, bool] = Field(default_factory=dict)


class ProspectRow(View):
    """A prospect in a list."""

    id: Identity
    customer: str | Omitted = None
    address: str | Omitted = None
    phone: str | Omitted = None
    stage: str | Omitted = Field(default=None, description="From the checklist's steps")
    rep: str | Omitted = None
    region: str | Omitted = None
    created: str | Omitted = None
    edited: str | Omitted = None
    next_step: str | Omitted = None
    deleted: bool | Omitted = None
    email: str | Omitted = None
    lead_source: str | Omitted = None
    project_manager: str | Omitted = None
    job_number: str | Omitted = None


class ProspectPage(ListPage):
    """One page of prospects, newest first."""

    rows: list[ProspectRow]


class ProspectView(Result):
    """A prospect in full."""

    id: Identity
    fields: dict[str, Plain] = Field(description="What the service says, under flat names")
    assignments: dict[str, str]
    steps: list[StepView]
    photos: list[str]


class Checklist(Result):
    """A prospect's checklist."""

    prospect_id: Identity
    next_step: str | Omitted = None
    steps: list[StepView]


class StatsRow(View):
    """A filter and its count."""

    filter: str
    count: int


class Stats(Result):
    """Counts by filter."""

    counts: list[StatsRow]


STAT_NAMES = {
    "uv": "unverified",
    "v": "verified",
    "i": "inspected",
    "si": "signed",
    "su": "submitted",
    "ua": "unassigned",
    "as": "assigned",
    "est": "estimate made",
    "cf": "claim filed",
    "re": "rejected",
    "d": "deleted",
}
"""Readings of the service's codes for predefined filters; the codes were seen in public client code. Of `ad` and `rla`
nobody could say what they mean: they stay as they come."""


USUAL = ("id", "customer", "address", "phone", "stage", "rep", "region", "created", "edited", "next_step")
"""Columns of a list, unless others are asked for; `deleted` only where deleted ones may be in it."""
_STAGES = {"inspected": "inspected or signed", "unknown": None}
"""Stages in the words of a list: no step of the checklist shows a signature."""


def row_of(prospect: Prospect, columns: Sequence[str]) -> ProspectRow:
    """The chosen columns of a prospect."""
    customer = prospect.customer or Customer()
    stage = stage_of(prospect.pipeline)
    texts = {
        "customer": customer.name,
        "address": prospect.full_address or prospect.name,
        "phone": customer.cell or customer.phone,
        "rep": customer.rep and customer.rep.label,
        "region": customer.region and customer.region.name,
        "email": customer.email,
        "lead_source": customer.lead_source and customer.lead_source.name,
        "project_manager": customer.project_manager and customer.project_manager.label,
        "job_number": prospect.job_number,
    }
    cells: dict[str, Any] = {
        "id": prospect.id,
        "stage": _STAGES.get(stage, stage),
        "created": moment(prospect.date_created),
        "edited": moment(prospect.date_last_edited),
        "next_step": next_step_of(prospect.pipeline),
        "deleted": prospect.deleted,
    }
    cells |= {name: label(texts[name]) or None for name in columns if name in texts}
    return ProspectRow(**{name: cells[name] for name in columns})


def view_of(prospect: Prospect) -> ProspectView:
    """A prospect in full."""
    customer = prospect.customer
    fields: dict[str, str | int | float | None] = {
        "name": label(prospect.name) or None,
        "job_number": label(prospect.job_number) or None,
        "job_type": label(prospect.job_type) or None,
        "bid_type": label(prospect.bid_type) or None,
        "address": label(prospect.full_address) or None,
        "latitude": prospect.latitude,
        "longitude": prospect.longitude,
        "created": moment(prospect.date_created),
        "edited": moment(prospect.date_last_edited),
        "deleted": moment(prospect.date_deleted),
        "photo_count": prospect.photo_count,
    }
    assignments: dict[str, str | None] = {}
    if customer is not None:
        fields |= {
            "customer_id": customer.id,
            "customer": label(customer.name) or None,
            "cell": label(customer.cell) or None,
            "phone": label(customer.phone) or None,
            "email": label(customer.email) or None,
            "lead_source": label(customer.lead_source.name if customer.lead_source else None) or None,
            "region": label(customer.region.name if customer.region else None) or None,
        }
        for role in ("rep", "rep_2", "marketing_rep", "project_manager"):
            person = getattr(customer, role)
            assignments[role] = f"{label(person.label)} (id {person.id})" if person and person.label else None
    return ProspectView(
        id=prospect.id,
        fields={name: value for name, value in fields.items() if value is not None},
        assignments={name: value for name, value in assignments.items() if value},
        steps=[step_of(step) for step in prospect.pipeline],
        photos=[label(photo.name) for photo in prospect.photos if photo.name],
    )


def step_of(step: Step) -> StepView:
    """A step as it is shown."""
    person = step.completed_by or step.deleted_by
    return StepView(
        key=_step_name(step),
        done=step.complete,
        date=moment(step.date),
        by=label(person.label if person else None) or None,
        permissions={
            clean(name, limit=40): flag for name, flag in (step.permissions or {}).items() if isinstance(flag, bool)
        },
    )


def next_step_of(steps: list[Step]) -> str | None:
    """The first open step on the way to a submitted prospect; deleting is not on it."""
    return next((_step_name(step) for step in steps if step.complete is False and step.key != "delete"), None)


def _step_name(step: Step) -> str:
    key = step.key or step.name or "step"
    return _STEP_NAMES.get(key) or label(key)


def step_line(step: StepView) -> str:
    """A step as a line of text."""
    if step.key == "delete" and not step.done:
        may = step.permissions.get("can_delete")
        return f"- can be deleted: {'not said' if may is None else 'yes' if may else 'no'}"
    state = {True: "done", False: "open", None: "not said"}[step.done]
    when = f" {step.date}" if step.date else ""
    who = f" by {step.by}" if step.by else ""
    may = "".join(f", {name}={str(flag).lower()}" for name, flag in step.permissions.items())
    return f"- {step.key}: {state}{when}{who}{may}"


def cells_of(row: ProspectRow) -> dict[str, object]:
    """A row for a table: days without their time."""
    cells = vars(row)
    return {**cells, **{name: cells[name][:10] for name in ("created", "edited") if is_moment(cells[name])}}


def prospect_lines(data: ProspectView) -> list[str]:
    """A prospect in full, as text."""
    lines = [f"Prospect {data.id}", *(f"{name}: {value}" for name, value in data.fields.items())]
    lines += [f"{role}: {name}" for role, name in data.assignments.items()]
    return [*lines, *map(step_line, data.steps), *(f"photo: {photo}" for photo in data.photos)]


def checklist_lines(data: Checklist) -> list[str]:
    """A checklist as text."""
    head = f"Prospect {data.prospect_id}, next step: {data.next_step or 'none open'}"
    return [head, *map(step_line, data.steps)]


def stats_reply(counts: Sequence[tuple[str, int]], remarks: Sequence[str] = ()) -> Reply[Stats]:
    """Counts as data and as text."""
    data = Stats(counts=[StatsRow(filter=label(name), count=count) for name, count in counts])
    return Reply(data, _stats_lines, remarks)


def _stats_lines(data: Stats) -> list[str]:
    head = "Counts by filter" if data.counts else "No counts."
    return [head, *(f"{row.filter}: {row.count}" for row in data.counts)]
