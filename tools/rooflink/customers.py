"""RoofLink's customers: list, detail and jobs. A customer is made with a job, never alone.

Source: https://developers.rooflink.com/reference/customers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import Id
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, View
from leadbridge.server.services.rooflink.models import CustomerRecord
from leadbridge.server.services.rooflink.reports import PublicJob
from leadbridge.server.services.values import moment
from leadbridge.server.text import label
from leadbridge.tools.lists import (
    FlatRecord,
    ListPage,
    Page,
    PageSize,
    columns_for,
    flat_fields,
    numbers_of,
    page_reply,
    record_lines,
)
from leadbridge.tools.rooflink.filters import doubts_of, linked

CustomerField = Literal["name", "cell", "phone", "email", "region", "rep"]
_USUAL = ("id", "name", "cell", "phone", "email", "region", "rep")


class CustomerRow(View):
    """A customer in a list."""

    id: Identity
    name: str | Omitted = None
    cell: str | Omitted = None
    phone: str | Omitted = None
    email: str | Omitted = None
    region: str | Omitted = None
    rep: str | Omitted = None


class CustomerPage(ListPage):
    """One page of customers."""

    rows: list[CustomerRow]


class FoundJob(View):
    """A job of the customer."""

    id: Identity
    address: str | Omitted = None
    customer: str | Omitted = None
    status: str | Omitted = None
    created: str | Omitted = None


class FoundJobs(ListPage):
    """One page of a customer's jobs."""

    rows: list[FoundJob]


class CustomerView(FlatRecord):
    """A customer in full."""


async def rooflink_list_customers(
    ctx: Ctx,
    rep_id: Id | Omitted = None,
    region_id: Id | Omitted = None,
    page: Page = 1,
    page_size: PageSize = 10,
    fields: Annotated[list[CustomerField] | Omitted, Field(description="Columns")] = None,
) -> MakeReply[CustomerPage]:
    """List RoofLink customers with their contact data.

    filters_ignored names filters that RoofLink did not apply. rooflink_get_customer shows one in full.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.list_customers"]
    filters: dict[str, Scalar | None] = {"rep_id": rep_id, "region_id": region_id}
    given = {name: value for name, value in filters.items() if value is not None}
    query: dict[str, Scalar | None] = {"page": page, "page_size": page_size, **given}
    envelope, customers = await app.rooflink.page(operation.id, CustomerRecord, query)
    columns = columns_for(fields, _USUAL)
    doubts = await doubts_of(app, operation, given, customers, _CHECKS)
    return lambda: page_reply(
        "Customers",
        CustomerPage(**numbers_of(envelope), **doubts, rows=[row_of(customer, columns) for customer in customers]),
        columns,
        asked=(page, page_size),
        fields=fields,
    )


async def rooflink_get_customer(
    ctx: Ctx, customer_id: Annotated[Id, Field(description="From rooflink_list_customers")]
) -> MakeReply[CustomerView]:
    """Show one RoofLink customer: contact data, address, metadata."""
    customer = await app_context(ctx).rooflink.one(
        "rooflink.get_customer", CustomerRecord, {"customer_id": customer_id}
    )
    return lambda: Reply(CustomerView(id=customer.id, fields=flat_fields(customer)), partial(record_lines, "Customer"))


async def rooflink_search_jobs(
    ctx: Ctx,
    customer_id: Annotated[Id, Field(description="From rooflink_list_customers")],
    page: Page = 1,
    page_size: PageSize = 10,
) -> MakeReply[FoundJobs]:
    """List the RoofLink jobs of one customer.

    next_page is the page that follows. filters_ignored names customer_id if jobs of others came.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.search_jobs"]
    path, rest = operation.placed({"customer_id": customer_id})
    query: dict[str, Scalar | None] = {"page": page, "page_size": page_size, **rest}
    envelope, jobs = await app.rooflink.page(operation.id, PublicJob, query, path=path)
    others = [job for job in jobs if job.customer and job.customer.id not in {customer_id, None}]
    return lambda: page_reply(
        "Jobs",
        FoundJobs(
            **numbers_of(envelope),
            filters_ignored=["customer_id"] if others else [],
            filters_unverified=[] if others or not jobs or all(job.customer for job in jobs) else ["customer_id"],
            rows=[_found(job) for job in jobs],
        ),
        ("id", "address", "customer", "status", "created"),
        asked=(page, page_size),
    )


def _found(job: PublicJob) -> FoundJob:
    return FoundJob(
        id=job.id,
        address=label(job.full_address or job.name) or None,
        customer=label(job.customer.name if job.customer else None) or None,
        status=label(job.lead_status.label if job.lead_status else None) or None,
        created=moment(job.date_created),
    )


def row_of(customer: CustomerRecord, columns: Sequence[str]) -> CustomerRow:
    """The chosen columns of a customer."""
    phone = (
        customer.phone if not (customer.phone and customer.phone_ext) else f"{customer.phone} ext {customer.phone_ext}"
    )
    cells: Mapping[str, str | None] = {
        "name": label(customer.name) or None,
        "cell": label(customer.cell) or None,
        "phone": label(phone) or None,
        "email": label(customer.email, limit=254) or None,
        "region": label(customer.region.name if customer.region else None) or None,
        "rep": label(customer.rep.label if customer.rep else None) or None,
    }
    return CustomerRow.model_validate({"id": customer.id, **{name: cells[name] for name in columns if name in cells}})


_CHECKS = {"rep_id": linked("rep"), "region_id": linked("region")}

TOOLS = (
    read_tool(rooflink_list_customers, "rooflink.list_customers", title="List customers"),
    read_tool(rooflink_get_customer, "rooflink.get_customer", title="Get customer"),
    read_tool(rooflink_search_jobs, "rooflink.search_jobs", title="Search jobs of a customer"),
)
