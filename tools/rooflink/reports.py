"""RoofLink's approved jobs, their statistics, and the list of all jobs.

These operations are known from public client code that was run live, not from a page of the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import OptionalDay
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import EXACTLY, MakeReply, Omitted
from leadbridge.server.services.rooflink.reports import ApprovedJob, PublicJob
from leadbridge.server.services.values import day, day_of
from leadbridge.server.text import clean, label
from leadbridge.tools.lists import ListPage, Page, PageSize, columns_for, numbers_of, page_reply
from leadbridge.tools.rooflink.filters import contradicted, day_fits, days_in_order, doubts_of
from leadbridge.tools.rooflink.prospect_views import Stats, stats_reply

Cell = Annotated[str | int | float | bool, EXACTLY]
Row = dict[str, Cell | None]

ApprovedField = Literal[
    "customer", "address", "approved", "closed", "status", "rep", "region", "job_type", "bid_type", "created", "note"
]
JobField = Literal[
    "number", "customer", "address", "status", "rep", "region", "source", "price", "balance", "created", "signed",
    "completed", "edited", "job_type", "bid_type",
]  # fmt: skip
_APPROVED_USUAL = ("id", "customer", "address", "approved", "closed", "status", "rep")
_JOBS_USUAL = ("id", "customer", "address", "status", "rep", "price", "created", "edited")
_NOTE = 80


class JobPage(ListPage):
    """One page of jobs, each with the chosen columns."""

    rows: list[dict[str, Cell]]


async def rooflink_list_approved_jobs(
    ctx: Ctx,
    page: Page = 1,
    page_size: PageSize = 10,
    date_from: OptionalDay = None,
    date_to: OptionalDay = None,
    fields: Annotated[list[ApprovedField] | Omitted, Field(description="Columns")] = None,
) -> MakeReply[JobPage]:
    """List RoofLink's approved jobs with approval date and status.

    next_page is the page that follows. Which date the two filters mean is not documented. rooflink_list_prospects has
    the unapproved.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.list_approved_jobs"]
    days_in_order(("date_from", date_from, "date_to", date_to))
    filters = _days(date_from=date_from, date_to=date_to)
    envelope, jobs = await app.rooflink.page(
        operation.id, ApprovedJob, {"page": page, "page_size": page_size, **filters}
    )
    columns = columns_for(fields, _APPROVED_USUAL)
    doubts = await doubts_of(app, operation, filters, jobs, _APPROVED_CHECKS)
    return lambda: page_reply(
        "Approved jobs",
        JobPage(**numbers_of(envelope), **doubts, rows=_rows(columns, map(_approved, jobs))),
        columns,
        asked=(page, page_size),
        fields=fields,
        cells=dict,
    )


async def rooflink_approved_stats(
    ctx: Ctx, date_from: OptionalDay = None, date_to: OptionalDay = None
) -> MakeReply[Stats]:
    """Count RoofLink's approved jobs, in whatever groups the service makes.

    Path and filters are inferred: a date may have no effect. It lists no jobs.
    """
    days_in_order(("date_from", date_from, "date_to", date_to))
    filters = _days(date_from=date_from, date_to=date_to)
    counts = await app_context(ctx).rooflink.counts("rooflink.approved_stats", filters)
    doubt = f"LeadBridge cannot confirm that RoofLink applied these filters: {', '.join(filters)}"
    return lambda: stats_reply(counts, [doubt] if filters else [])


async def rooflink_list_public_jobs(
    ctx: Ctx,
    page: Page = 1,
    page_size: PageSize = 10,
    ordering: Annotated[
        Literal["date_created", "-date_created", "-date_last_edited"], Field(description="- = newest first")
    ] = "-date_created",
    modified_from: Annotated[OptionalDay, Field(description="YYYY-MM-DD, UTC")] = None,
    fields: Annotated[list[JobField] | Omitted, Field(description="Columns")] = None,
) -> MakeReply[JobPage]:
    """List all RoofLink jobs, unapproved and approved, with contract price and ISO dates.

    Slow (10 to 20 s a large page). next_page is the page that follows; the oldest first leaves no gaps.
    """
    app = app_context(ctx)
    # A space and no T: with a T the live service answered 400 "Enter a valid date/time."
    since = f"{modified_from.isoformat()} 00:00:00" if modified_from else None
    query: dict[str, Scalar | None] = {
        "page": page, "page_size": page_size, "ordering": ordering, "modified_from": since,
    }  # fmt: skip
    envelope, jobs = await app.rooflink.page("rooflink.list_public_jobs", PublicJob, query)
    given = _days(modified_from=modified_from)
    columns = columns_for(fields, _JOBS_USUAL)
    ignored = contradicted(given, jobs, _JOB_CHECKS)
    return lambda: page_reply(
        "Jobs",
        JobPage(**numbers_of(envelope), filters_ignored=ignored, rows=_rows(columns, map(_job, jobs))),
        columns,
        asked=(page, page_size),
        fields=fields,
        cells=dict,
    )


def _rows(columns: Sequence[str], rows: Iterable[Row]) -> list[dict[str, Cell]]:
    """The chosen columns that have a value."""
    return [{name: cell for name in columns if (cell := row.get(name)) is not None} for row in rows]


def _approved(job: ApprovedJob) -> Row:
    customer = job.customer
    return {
        "id": job.id,
        "customer": label(customer.name if customer else None) or None,
        "address": label(job.full_address or job.name) or None,
        "approved": day(job.date_approved),
        "closed": day(job.date_closed),
        "status": label(job.job_status.label if job.job_status else None) or None,
        "rep": label(customer.rep.label if customer and customer.rep else None) or None,
        "region": label(customer.region.name if customer and customer.region else None) or None,
        "job_type": label(job.job_type) or None,
        "bid_type": label(job.bid_type) or None,
        "created": day(job.date_created),
        "note": label(clean(job.last_note, limit=_NOTE)) or None,
    }


def _job(job: PublicJob) -> Row:
    estimate = job.primary_estimate
    return {
        "id": job.id,
        "number": job.number,
        "customer": label(job.customer.name if job.customer else None) or None,
        "address": label(job.full_address or job.name) or None,
        "status": label(job.lead_status.label if job.lead_status else None) or None,
        "rep": label(job.rep.label if job.rep else None) or None,
        "region": label(job.region.name if job.region else None) or None,
        "source": label(job.lead_source.name if job.lead_source else None) or None,
        "price": estimate.gt_price if estimate else None,
        "balance": estimate.balance if estimate else None,
        "created": day(job.date_created),
        "signed": day(job.date_signed),
        "completed": day(job.date_completed),
        "edited": day(job.date_last_edited),
        "job_type": label(job.job_type) or None,
        "bid_type": label(job.bid_type) or None,
    }


def _days(**days: date | None) -> dict[str, Scalar]:
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _within(*, lower: bool) -> Callable[[ApprovedJob, Scalar], bool | None]:
    """Which date is filtered is not documented: only a job none of whose dates fits proves that none was."""

    def check(job: ApprovedJob, value: Scalar) -> bool | None:
        dates = (job.date_approved, job.date_created, job.date_last_edited, job.date_closed)
        fits = [day_fits(day_of(text), value, lower=lower) for text in dates]
        return True if True in fits else False if False in fits else None

    return check


def _edited_from(job: PublicJob, value: Scalar) -> bool | None:
    return day_fits(day_of(job.date_last_edited), value, lower=True)


_APPROVED_CHECKS = {"date_from": _within(lower=True), "date_to": _within(lower=False)}
_JOB_CHECKS = {"modified_from": _edited_from}

TOOLS = (
    read_tool(rooflink_list_approved_jobs, "rooflink.list_approved_jobs", title="List approved jobs"),
    read_tool(rooflink_approved_stats, "rooflink.approved_stats", title="Approved job statistics"),
    read_tool(rooflink_list_public_jobs, "rooflink.list_public_jobs", title="List all jobs"),
)
