"""RoofLink prospects: list, detail, statistics and checklist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from server.catalog.operation import Scalar
from server.models.rooflink import Prospect, Step
from server.models.values import day_of, is_moment
from server.tooling.arguments import Flag, Latitude, Longitude, OptionalDay, OptionalId, Text60
from server.tooling.context import Ctx, deck_of
from server.tooling.reads import read_tool
from server.tooling.reply import Reply
from server.untrusted import clean, label, with_legend
from tools.filters import ignored_filters
from tools.tables import moment, table

Nothing = SkipJsonSchema[None]

ProspectId = Annotated[int, Field(gt=0, le=2**63 - 1, strict=True, description="Prospect (job) id")]
Page = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
PageSize = Annotated[int, Field(ge=1, le=100, strict=True)]
Stage = Literal["unverified", "verified", "inspected", "signed", "submitted"]
ExtraFilters = Annotated[
    dict[str, str], Field(max_length=20, description="Query parameters by the service's own names, sent as they are")
]

_STEP_NAMES = {
    "verify_lead": "verify lead",
    "schedule_adj_mtg": "schedule adjuster meeting",
    "submit": "submit",
    "delete": "delete",
}


class StepView(BaseModel):
    """One step of the checklist."""

    key: str
    done: bool | Nothing = None
    date: str | Nothing = None
    by: str | Nothing = None
    permissions: dict[str, bool] = Field(default_factory=dict)


class ProspectRow(BaseModel):
    """A prospect in a list."""

    id: int
    customer: str | Nothing = None
    address: str | Nothing = None
    phone: str | Nothing = None
    rep: str | Nothing = None
    region: str | Nothing = None
    created: str | Nothing = None
    edited: str | Nothing = None
    next_step: str | Nothing = None
    deleted: bool = False


class ProspectPage(BaseModel):
    """One page of prospects, newest first."""

    count: int | Nothing = None
    from_index: int | Nothing = None
    to_index: int | Nothing = None
    next_page: int | Nothing = None
    filters_ignored: list[str] = Field(default_factory=list, description="Filters the service did not apply")
    filters_unverified: list[str] = Field(
        default_factory=list, description="Sent under an inferred name, not checkable"
    )
    rows: list[ProspectRow]


class ProspectView(BaseModel):
    """A prospect in full."""

    id: int
    fields: dict[str, str | int | float] = Field(description="What the service told, under flat names")
    assignments: dict[str, str]
    steps: list[StepView]
    photos: list[str]


class Checklist(BaseModel):
    """A prospect's checklist."""

    prospect_id: int
    next_step: str | Nothing = None
    steps: list[StepView]


class StatsRow(BaseModel):
    """A filter and its count."""

    filter: str
    count: int


class Stats(BaseModel):
    """Counts by filter."""

    counts: list[StatsRow]


async def rooflink_list_prospects(
    ctx: Ctx,
    page: Page = 1,
    page_size: PageSize = 10,
    include_deleted: Flag = False,
    stage: Stage | Nothing = None,
    rep_id: OptionalId = None,
    rep_2_id: OptionalId = None,
    project_manager_id: OptionalId = None,
    employee_id: Annotated[OptionalId, Field(description="Assigned in any role")] = None,
    region_id: OptionalId = None,
    created_from: OptionalDay = None,
    created_to: OptionalDay = None,
    modified_from: OptionalDay = None,
    modified_to: OptionalDay = None,
    city: Text60 | Nothing = None,
    state: Text60 | Nothing = None,
    postal_code: Text60 | Nothing = None,
    latitude: Latitude | Nothing = None,
    longitude: Longitude | Nothing = None,
    extra_filters: ExtraFilters | Nothing = None,
) -> Reply[ProspectPage]:
    """List RoofLink prospects (unapproved jobs), newest first, one page at a time.

    Use it to find prospects by stage, employee, region, date or place. Go on with page=next_page until there is none.
    Most filter names are inferred: filters_ignored names those the service did not apply; do not rely on them.
    For counts use rooflink_prospect_stats.
    """
    deck = deck_of(ctx)
    operation = deck.operation("rooflink.list_prospects")
    filters: dict[str, Scalar | None] = {
        "stage": stage,
        "rep_id": rep_id,
        "rep_2_id": rep_2_id,
        "project_manager_id": project_manager_id,
        "employee_id": employee_id,
        "region_id": region_id,
        "created_from": created_from.isoformat() if created_from else None,
        "created_to": created_to.isoformat() if created_to else None,
        "modified_from": modified_from.isoformat() if modified_from else None,
        "modified_to": modified_to.isoformat() if modified_to else None,
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "latitude": latitude,
        "longitude": longitude,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    paging: dict[str, Scalar | None] = {"page": page, "page_size": page_size}
    paging["deleted_is_null"] = None if include_deleted else True
    envelope, prospects = await deck.rooflink.list_prospects({**paging, **given}, extra_filters)
    checked = {**given} if include_deleted else {**given, "include_deleted": False}
    ignored = ignored_filters(checked, prospects)
    unverified = [name for name in operation.inferred_names(given) if name not in ignored]
    rows = [_row(prospect) for prospect in prospects]
    data = ProspectPage(
        count=envelope.count,
        from_index=envelope.from_index,
        to_index=envelope.to_index,
        next_page=envelope.next_page,
        filters_ignored=ignored,
        filters_unverified=unverified,
        rows=rows,
    )
    return Reply(_page_text(data), data)


async def rooflink_get_prospect(ctx: Ctx, prospect_id: ProspectId) -> Reply[ProspectView]:
    """Show one RoofLink prospect in full: customer, assignments, pipeline steps, coordinates, photos, timestamps.

    Use the id from rooflink_list_prospects. For what to do next use rooflink_prospect_checklist.
    """
    prospect = await deck_of(ctx).rooflink.get_prospect(prospect_id)
    data = _view(prospect)
    lines = [f"Prospect {data.id}"]
    lines += [f"{name}: {value}" for name, value in data.fields.items()]
    lines += [f"{role}: {name}" for role, name in data.assignments.items()]
    lines += [_step_line(step) for step in data.steps]
    lines += [f"photo: {photo}" for photo in data.photos]
    return Reply("\n".join(with_legend(lines)), data)


async def rooflink_prospect_stats(ctx: Ctx) -> Reply[Stats]:
    """Count RoofLink prospects for each predefined and custom filter.

    Use it for "how many are unverified, verified, inspected, signed, submitted". It lists no prospects.
    """
    counts = await deck_of(ctx).rooflink.prospect_stats()
    data = Stats(counts=[StatsRow(filter=label(_STAT_NAMES.get(name, name)), count=count) for name, count in counts])
    return Reply("\n".join(with_legend([f"{row.filter}: {row.count}" for row in data.counts] or ["No counts."])), data)


async def rooflink_prospect_checklist(ctx: Ctx, prospect_id: ProspectId) -> Reply[Checklist]:
    """Show a RoofLink prospect's checklist: verify lead, schedule adjuster meeting, submit, delete.

    Each step is done or open, with date, person and permissions; the next open step stands first.
    It cannot complete a step: that is done in RoofLink.
    """
    told = await deck_of(ctx).rooflink.prospect_checklist(prospect_id)
    steps = [_step(step) for step in told]
    upcoming = _next_step(told)
    data = Checklist(prospect_id=prospect_id, next_step=upcoming, steps=steps)
    lines = [f"Prospect {prospect_id}, next step: {upcoming or 'none open'}", *(_step_line(step) for step in steps)]
    return Reply("\n".join(with_legend(lines)), data)


# Readings of the service's codes for predefined filters; the codes were seen in public client code.
_STAT_NAMES = {
    "uv": "unverified",
    "v": "verified",
    "i": "inspected",
    "si": "signed",
    "su": "submitted",
    "ua": "unassigned",
    "d": "deleted",
}


def _row(prospect: Prospect) -> ProspectRow:
    customer = prospect.customer
    return ProspectRow(
        id=prospect.id,
        customer=_label(customer.name if customer else None),
        address=_label(prospect.full_address or prospect.name),
        phone=_label((customer.cell or customer.phone) if customer else None),
        rep=_label(customer.rep.label if customer and customer.rep else None),
        region=_label(customer.region.name if customer and customer.region else None),
        created=moment(prospect.date_created),
        edited=moment(prospect.date_last_edited),
        next_step=_next_step(prospect.pipeline),
        deleted=prospect.deleted,
    )


def _view(prospect: Prospect) -> ProspectView:
    customer = prospect.customer
    fields: dict[str, str | int | float | None] = {
        "name": _label(prospect.name),
        "job_number": _label(prospect.job_number),
        "job_type": _label(prospect.job_type),
        "bid_type": _label(prospect.bid_type),
        "address": _label(prospect.full_address),
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
            "customer": _label(customer.name),
            "cell": _label(customer.cell),
            "phone": _label(customer.phone),
            "email": _label(customer.email),
            "lead_source": _label(customer.lead_source.name if customer.lead_source else None),
            "region": _label(customer.region.name if customer.region else None),
        }
        for role in ("rep", "rep_2", "marketing_rep", "project_manager"):
            person = getattr(customer, role)
            assignments[role] = f"{label(person.label)} (id {person.id})" if person and person.label else None
    return ProspectView(
        id=prospect.id,
        fields={name: value for name, value in fields.items() if value is not None},
        assignments={name: value for name, value in assignments.items() if value},
        steps=[_step(step) for step in prospect.pipeline],
        photos=[label(photo.name) for photo in prospect.photos[:50] if photo.name],
    )


def _step(step: Step) -> StepView:
    person = step.completed_by or step.deleted_by
    return StepView(
        key=_step_name(step),
        done=step.complete,
        date=moment(step.date),
        by=_label(person.label if person else None),
        permissions={
            clean(name, limit=40): flag for name, flag in (step.permissions or {}).items() if isinstance(flag, bool)
        },
    )


def _next_step(steps: list[Step]) -> str | None:
    """The first open step on the way to a submitted prospect; deleting is not on it."""
    return next((_step_name(step) for step in steps if step.complete is False and step.key != "delete"), None)


def _step_name(step: Step) -> str:
    key = step.key or step.name or "step"
    return _STEP_NAMES.get(key) or label(key)


def _step_line(step: StepView) -> str:
    state = {True: "done", False: "open", None: "not told"}[step.done]
    when = f" {step.date}" if step.date else ""
    who = f" by {step.by}" if step.by else ""
    may = "".join(f", {name}={str(flag).lower()}" for name, flag in step.permissions.items())
    return f"- {step.key}: {state}{when}{who}{may}"


def _page_text(data: ProspectPage) -> str:
    if not data.rows:
        head = "No prospects on this page."
    else:
        total = "?" if data.count is None else data.count
        head = f"Prospects {data.from_index or '?'}-{data.to_index or '?'} of {total}"
    head += f", next_page={data.next_page}" if data.next_page else ", last page"
    lines = [head]
    if data.filters_ignored:
        lines.append(
            f"WARNING, ignored by the service, so these rows are not filtered by: {', '.join(data.filters_ignored)}"
        )
    if data.filters_unverified:
        lines.append(
            f"Filter names inferred, effect not provable from these rows: {', '.join(data.filters_unverified)}"
        )
    columns = ["id", "customer", "address", "phone", "rep", "region", "created", "edited", "next_step"]
    if any(row.deleted for row in data.rows):
        columns.append("deleted")
    if data.rows:
        shown = [{**row.model_dump(), "created": _day(row.created), "edited": _day(row.edited)} for row in data.rows]
        lines += table(columns, shown)
    return "\n".join(with_legend(lines))


def _day(value: str | None) -> str | None:
    day = day_of(value) if is_moment(value) else None
    return day.isoformat() if day else value


def _label(value: str | None) -> str | None:
    return label(value) or None if value else None


TOOLS = (
    read_tool(
        rooflink_list_prospects,
        title="List prospects",
        toolset="prospects",
        operations=("rooflink.list_prospects",),
    ),
    read_tool(rooflink_get_prospect, title="Get prospect", toolset="prospects", operations=("rooflink.get_prospect",)),
    read_tool(
        rooflink_prospect_stats,
        title="Prospect statistics",
        toolset="prospects",
        operations=("rooflink.prospect_stats",),
    ),
    read_tool(
        rooflink_prospect_checklist,
        title="Prospect checklist",
        toolset="prospects",
        operations=("rooflink.prospect_checklist",),
    ),
)
