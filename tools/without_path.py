"""What RoofLink's pages name without saying where it is: offered once LEADBRIDGE_CONTRACT_FILE gives a path.

Sources: https://developers.rooflink.com/docs/notes, https://developers.rooflink.com/reference/customers
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import Field, JsonValue, ValidationError

from leadbridge.server.catalog import Operation
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.errors import Problem, Refused, Rejected
from leadbridge.server.mcp.arguments import Email, Id
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reads import read_tool
from leadbridge.server.mcp.reply import Reply
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.services.rooflink.jobs import JobRecord, Shown
from leadbridge.server.services.rooflink.notes import Note
from leadbridge.server.services.rooflink.reports import PublicJob
from leadbridge.server.services.view import Identity, Omitted, View
from leadbridge.server.text import in_sentence, label
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, UntilChanged, Write
from leadbridge.server.writes.preview import Becomes, Whole
from leadbridge.tools.list_pages import ListPage, numbers_of, page_reply
from leadbridge.tools.paging import Page, PageSize
from leadbridge.tools.rooflink.job_changes import read_job_before_change, text_before
from leadbridge.tools.rooflink.jobs import JobId
from leadbridge.tools.rooflink.messages import Message
from leadbridge.tools.tables import moment

V = TypeVar("V")


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


def placed(operation: Operation, arguments: Mapping[str, V]) -> tuple[dict[str, V], dict[str, V]]:
    """What goes into the path, as the contract file has it, and what goes into the query or body."""
    path = {name: value for name, value in arguments.items() if name in operation.variables}
    return path, {name: value for name, value in arguments.items() if name not in path}


async def rooflink_reply_to_note(
    ctx: Ctx,
    note_id: Annotated[Id, Field(description="From rooflink_list_notes")],
    message: Message,
) -> Write:
    """Add a reply to a note's thread in RoofLink. It needs the user's approval.

    Whom a reply reaches is not documented: it may be mailed, to a customer too. rooflink_add_note starts a new note.
    """
    app = app_context(ctx)
    operation = app.operation("rooflink.reply_to_note")
    path, body = placed(operation, {"note_id": note_id})
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_replied, app, operation, note_id),
            path=path,
            body=operation.encode_body({**body, "message": message}),
        ),
        subject=Subject(f"note {note_id}"),
        arguments={"note_id": note_id, "message": message},
        preview=Preview(
            lines=(
                f"Reply to note {note_id} in RoofLink.",
                "Whom a reply reaches is not documented: everybody in the thread may be mailed, a customer among them.",
                "This cannot be undone.",
                ("The whole message", Whole(message)),
            ),
            said=frozenset({"note_id", "message"}),
        ),
    )


def _replied(app: AppContext, operation: Operation, note_id: int, answer: JsonValue) -> Done:
    try:
        reply = Note.model_validate(answer)
    except ValidationError:
        raise unreadable("an answer without the reply", operation, app.catalog.services["rooflink"], None) from None
    odd = reply.reply_to not in {note_id, None}
    return Done(
        summary=f"Reply {reply.id} added to note {note_id}.",
        record_id=reply.id,
        record={"note_id": reply.id, "reply_to": note_id},
        warnings=[f"The answer says that it replies to note {reply.reply_to}."] if odd else [],
    )


async def rooflink_update_customer_email(
    ctx: Ctx, job_id: JobId, email: Annotated[Email, Field(description="The customer's new address")]
) -> Write:
    """Set the e-mail address of a RoofLink job's customer.

    The receipt shows before and after. rooflink_update_job changes other contact data.
    """
    app = app_context(ctx)
    operation = app.operation("rooflink.update_customer_email")
    record, unknown = await read_job_before_change(app, job_id)
    before = record.shows("customer.email") if record else None
    ids = {"job_id": job_id}
    if "customer_id" in operation.variables:
        ids["customer_id"] = _customer_of(record, job_id, unknown)
    path, body = placed(operation, ids)
    change = partial(_changed, app, operation, job_id, email, before)

    async def look_for(_since: float) -> Done | None:
        found = await app.rooflink.one("rooflink.get_prospect", JobRecord, {"prospect_id": job_id})
        shown = found.shows("customer.email")
        return change(shown) if shown is not None and shown.is_like(email) else None

    def receive(answer: JsonValue) -> Done:
        shown = _email_in(answer)
        if shown is None and answer is not None and not _is_record(answer):
            what = "an answer without the address and without a record"
            raise unreadable(what, operation, app.catalog.services["rooflink"], None)
        return change(shown)

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive,
            path=path,
            body=operation.encode_body({**body, "email": email}),
            look_for=look_for,
        ),
        subject=Subject(f"job {job_id}", f"job {job_id}"),
        arguments={"job_id": job_id, "email": email},
        preview=Preview(
            lines=(
                f"Set the e-mail address of job {job_id}'s customer in RoofLink.",
                ("E-mail", Becomes(text_before(before), email)),
            ),
            said=frozenset({"job_id", "email"}),
            notes=(unknown,) if unknown else (),
            before={"email": _text(before)} if before is not None else {},
        ),
        repeat=UntilChanged(
            sets=frozenset({"email", "customer_email"}), changed=before is not None and not before.is_like(email)
        ),
    )


def _customer_of(record: JobRecord | None, job_id: int, unknown: str) -> int:
    shown = record.shows("customer.id") if record else None
    if shown is None or not isinstance(shown.value, int) or shown.value <= 0:
        raise Refused(
            "customer_unknown",
            f"Nothing was sent: the path of this operation needs the customer's id. {unknown}".strip(),
            f"Set it in RoofLink, on job {job_id}.",
        )
    return shown.value


def _is_record(answer: JsonValue) -> bool:
    """Whether an answer is about a record at all: a customer or a job."""
    return isinstance(answer, dict) and isinstance(answer.get("id"), int)


def _email_in(answer: JsonValue) -> Shown | None:
    """The address in an answer about a customer or a job, whatever else it is."""
    if not isinstance(answer, dict):
        return None
    record = JobRecord.model_validate({"id": 1, **{name: value for name, value in answer.items() if name != "id"}})
    return record.shows("email") or record.shows("customer.email")


def _changed(
    app: AppContext, operation: Operation, job_id: int, email: str, before: Shown | None, shown: Shown | None
) -> Done:
    warnings: list[str] = []
    told = f"The e-mail address of job {job_id}'s customer is set."
    if shown is None:
        told = f"RoofLink took the new e-mail address of job {job_id}'s customer."
        warnings.append("Not confirmed: the answer does not show the address.")
    elif not shown.is_like(email):
        if before is not None and shown.value == before.value:
            raise Rejected(
                what=f"RoofLink took the request and left job {job_id} as it was: it still shows {_said(shown)}.",
                service=app.catalog.services["rooflink"].id,
                operation=operation.id,
            )
        told = f"RoofLink answers with another e-mail address of job {job_id}'s customer."
        warnings.append(f"The service answers with email {_said(shown)}, not with what was sent.")
    after = shown if shown is not None else before
    return Done(
        summary=told,
        record_id=job_id,
        after={"email": _text(after)} if after is not None else {},
        record={"job_id": job_id},
        warnings=warnings,
    )


def _said(shown: Shown) -> str:
    return in_sentence(shown.text, limit=254) or "none"


def _text(shown: Shown) -> str:
    return label(shown.text, limit=254) or "none"


def email_rules(given: Mapping[str, Any]) -> list[Problem]:
    """An address that can be one."""
    email = given.get("email")
    return contact_problems({}, {"email": email if isinstance(email, str) else None})[0]


async def rooflink_search_jobs(
    ctx: Ctx,
    customer_id: Annotated[Id, Field(description="From rooflink_list_customers")],
    page: Page = 1,
    page_size: PageSize = 10,
) -> Reply[FoundJobs]:
    """List the RoofLink jobs of one customer.

    next_page is the page that follows. filters_ignored names customer_id if jobs of others came.
    """
    app = app_context(ctx)
    operation = app.operation("rooflink.search_jobs")
    path, rest = placed(operation, {"customer_id": customer_id})
    query: dict[str, Scalar | None] = {"page": page, "page_size": page_size, **rest}
    envelope, jobs = await app.rooflink.page(operation.id, PublicJob, query, path=path)
    others = [job for job in jobs if job.customer and job.customer.id not in {customer_id, None}]
    data = FoundJobs(
        **numbers_of(envelope),
        filters_ignored=["customer_id"] if others else [],
        filters_unverified=[] if others or not jobs or all(job.customer for job in jobs) else ["customer_id"],
        rows=[_found(job) for job in jobs],
    )
    columns = ("id", "address", "customer", "status", "created")
    return page_reply("Jobs", data, columns, asked=(page, page_size))


def _found(job: PublicJob) -> FoundJob:
    return FoundJob(
        id=job.id,
        address=label(job.full_address or job.name) or None,
        customer=label(job.customer.name if job.customer else None) or None,
        status=label(job.lead_status.label if job.lead_status else None) or None,
        created=moment(job.date_created),
    )


TOOLS = (
    write_tool(
        rooflink_reply_to_note,
        title="Reply to note",
        toolset="notes",
        operation="rooflink.reply_to_note",
        effect=Effect.IRREVERSIBLE,
    ),
    write_tool(
        rooflink_update_customer_email,
        title="Update customer e-mail",
        toolset="customers",
        operation="rooflink.update_customer_email",
        effect=Effect.REVERSIBLE,
        rules=email_rules,
    ),
    read_tool(
        rooflink_search_jobs,
        title="Search jobs of a customer",
        toolset="customers",
        operations=("rooflink.search_jobs",),
    ),
)
