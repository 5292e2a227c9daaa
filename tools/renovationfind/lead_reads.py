"""RenovationFind leads, listed and shown. No page documents either: path, paging and envelope are inferred."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from leadbridge.server.errors import Refused, ServiceError, StateError
from leadbridge.server.mcp.arguments import WHOLE, ExtraFilters
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, Result, ServiceValue, View, as_json, fits
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.services.renovationfind.api import LeadRows
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.values import day, moment
from leadbridge.server.text import label
from leadbridge.tools.lists import columns_for, cut_for, table, without_value
from leadbridge.tools.renovationfind.lead_answers import lead_lines, lead_record
from leadbridge.tools.renovationfind.leads import LeadId

LeadField = Literal[
    "received", "modified", "category", "customer", "phone", "email", "address", "action", "status", "requires_action"
]
_USUAL = ("id", "received", "category", "customer", "phone", "address", "action", "status", "requires_action")
_UNSURE = "RenovationFind does not say whether there are more."
_PERHAPS_NOT_FILTERED = "The extra filters may have had no effect: check the rows."
_NOT_KEPT = "The state store cannot be used: what was read is not kept."


class LeadRow(View):
    """A lead in a list; contact details are presumably empty until it is accepted."""

    id: Identity
    received: str | Omitted = None
    modified: str | Omitted = None
    category: str | Omitted = None
    customer: str | Omitted = None
    phone: str | Omitted = None
    email: str | Omitted = None
    address: str | Omitted = None
    action: str | Omitted = None
    status: str | Omitted = None
    requires_action: bool | Omitted = None


class LeadList(Result):
    """One page of leads."""

    PAGED: ClassVar[frozenset[str]] = frozenset({"rows"})

    page: int
    count: int | Omitted = None
    next_page: int | Omitted = None
    more_unknown: bool = Field(default=False, description="Whether there are more is not known")
    paging_ignored: bool = Field(default=False, description="The service sent all leads; they are paged here")
    rows: list[LeadRow]


class LeadView(Result):
    """A lead in full."""

    id: Identity
    fields: dict[str, ServiceValue] = Field(description="What the service says")
    status_details: dict[str, ServiceValue] = Field(default_factory=dict)
    attachments: list[str] = Field(default_factory=list)


async def renovationfind_list_leads(
    ctx: Ctx,
    page: Annotated[int, Field(ge=1, le=100_000, strict=True), WHOLE] = 1,
    page_size: Annotated[int, Field(ge=1, le=100, strict=True), WHOLE] = 20,
    extra_filters: ExtraFilters | Omitted = None,
    fields: Annotated[list[LeadField] | Omitted, Field(description="Columns")] = None,
) -> MakeReply[LeadList]:
    """List RenovationFind leads, newest first if the service sorts them so.

    Path and paging are inferred, not documented. next_page is the page that follows. Extra filters may have no effect;
    the rows show it. What is read is kept for the other tools.
    """
    app = app_context(ctx)
    asked_at = app.time.clock()
    found, leads = await app.renovationfind.list_leads({"page": page, "page_size": page_size}, extra_filters)
    remarks = await _remember(app, leads, asked_at, whole=False)
    remarks += [_PERHAPS_NOT_FILTERED] if extra_filters else []
    hidden = dict.fromkeys(LeadRow.model_fields.keys() - set(columns_for(fields, _USUAL)))

    def reply() -> Reply[LeadList]:
        data = _paged(found, [_row(lead).model_copy(update=hidden) for lead in leads], page, page_size)
        return _list_reply(data, [*remarks, *without_value(fields, [*map(vars, data.rows)])], page_size, app.time)

    return reply


async def renovationfind_get_lead(ctx: Ctx, lead_id: LeadId) -> MakeReply[LeadView]:
    """Show one RenovationFind lead: job, homeowner as far as revealed, action, status with its details, attachments.

    The path is inferred, not documented. It also shows what became of a write whose outcome is unknown. What is read
    is kept for the other tools.
    """
    app = app_context(ctx)
    asked_at = app.time.clock()
    lead = await app.renovationfind.get_lead(lead_id)
    remarks = await _remember(app, [lead], asked_at, whole=True)
    return lambda: Reply(_view_of(lead), partial(_lines, app.time), remarks)


def _view_of(lead: Lead) -> LeadView:
    return LeadView(
        id=lead.id,
        fields=lead_record(lead),
        status_details=_status_details(lead),
        attachments=[label(one.displayFilename, limit=150) or f"file {one.id}" for one in lead.attachments],
    )


def _list_reply(data: LeadList, remarks: list[str], page_size: int, time: OfficeTime) -> Reply[LeadList]:
    """All rows, or the first of them where that would be too long."""
    lines = partial(_list_lines, time)
    if data.paging_ignored:
        remarks.append("The service sent all leads at once; they are paged here.")
    if data.more_unknown:
        remarks.append(_UNSURE)
        remarks += ["If these rows are those of page 1, the service does not page."] if data.page > 1 else []

    def fit(rows: Sequence[LeadRow]) -> bool:
        shown = data.model_copy(update={"rows": rows})
        return fits(as_json(shown), [*lines(shown), *remarks])

    def shorter() -> Reply[LeadList]:
        cut = cut_for(data.rows, fit, page=data.page, page_size=page_size)
        if cut is None:
            return Reply(data, lines, remarks)
        shown = data.model_copy(update={"rows": data.rows[: cut.rows], "next_page": cut.next_page})
        return Reply(shown, lines, [*remarks, cut.message])

    return Reply(data, lines, remarks, shorter)


def _lines(time: OfficeTime, data: LeadView) -> list[str]:
    attachments = [f"attachment: {name}" for name in data.attachments]
    return [f"Lead {data.id}", *lead_lines(data.status_details, time), *attachments, *lead_lines(data.fields, time)]


async def _remember(app: AppContext, leads: Sequence[Lead], asked_at: float, *, whole: bool) -> list[str]:
    """Keep what was read; a read does not fail because that cannot be kept."""
    try:
        await app.company.confirm("renovationfind")
        await app.leads.remember_read(leads, asked_at, whole=whole)
    except StateError:
        return [_NOT_KEPT]
    except Refused as refused:
        return [f"What was read is not kept: {refused.why}"]
    except ServiceError as error:
        return [f"What was read is not kept. {error.what}"]
    return []


def _paged(found: LeadRows, rows: list[LeadRow], page: int, page_size: int) -> LeadList:
    """The page that was asked for: the service's own, or a part of the whole if it passed the paging over."""
    sent = len(found.rows)
    unreadable = sent - len(rows) or None
    if sent > page_size:
        end = page * page_size
        shown = rows[end - page_size : end]
        more = page + 1 if end < len(rows) else None
        return LeadList(
            page=page, count=sent, next_page=more, paging_ignored=True, rows=shown, unreadable_rows=unreadable
        )
    goes_on = found.goes_on
    if goes_on is None and found.total is not None:
        goes_on = page * page_size < found.total
    return LeadList(
        page=page,
        count=found.total,
        next_page=page + 1 if sent and (sent == page_size if goes_on is None else goes_on) else None,
        more_unknown=goes_on is None,
        rows=rows,
        unreadable_rows=unreadable,
    )


def _list_lines(time: OfficeTime, data: LeadList) -> list[str]:
    total = "" if data.count is None else f" of {data.count}"
    head = f"{len(data.rows)}{total} leads, page {data.page}" if data.rows else f"No leads on page {data.page}"
    head += f", next_page={data.next_page}" if data.next_page else ""
    return [
        f"{head}.",
        *(table(list(LeadRow.model_fields), [_cells(row, time) for row in data.rows]) if data.rows else []),
    ]


def _cells(row: LeadRow, time: OfficeTime) -> dict[str, object]:
    times = {
        name: value and time.local_text(value)
        for name, value in (("received", row.received), ("modified", row.modified))
    }
    return {**vars(row), **times}


def _row(lead: Lead) -> LeadRow:
    return LeadRow(
        id=lead.id,
        received=moment(lead.dateCreated),
        modified=moment(lead.dateModified),
        category=label(lead.category, limit=60) or None,
        customer=label(lead.customerName, limit=80) or None,
        phone=label(lead.customerPhone, limit=40) or None,
        email=label(lead.customerEmail, limit=120) or None,
        address=label(lead.customerAddress, limit=120) or None,
        action=label(lead.vendorLeadAction, limit=40) or None,
        status=label(lead.status, limit=60) or None,
        requires_action=lead.postLeadRequiresAction,
    )


def _status_details(lead: Lead) -> dict[str, JsonValue]:
    details = lead.postLeadStatusData
    if details is None:
        return {}
    values: dict[str, JsonValue] = {
        "status_set": moment(details.statusActionDate),
        "status_reason": label(details.reason, limit=500) or None,
        "meeting": day(details.meetupScheduledDate),
        "job_amount": details.jobAmount,
        "contact_method": label(details.contactMethod, limit=60) or None,
        "estimate_type": label(details.estimateType, limit=60) or None,
        "lost_reason": label(details.lostReason, limit=60) or None,
        "start": day(details.estimatedProjectStartDate) or ("to be decided" if details.startDateTbd else None),
        "completion": day(details.estimatedCompletionDate) or ("to be decided" if details.completionDateTbd else None),
    }
    return {name: value for name, value in values.items() if value is not None}


TOOLS = (
    read_tool(renovationfind_list_leads, "renovationfind.list_leads", title="List leads"),
    read_tool(renovationfind_get_lead, "renovationfind.get_lead", title="Get lead"),
)
