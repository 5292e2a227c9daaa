"""RoofLink's notes on jobs: read them, add one.

Sources: https://developers.rooflink.com/reference/notes-list, https://developers.rooflink.com/reference/createnote
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, ValidationError

from leadbridge.server.catalog import Operation
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import Flag, Id, Tag, Text100
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reads import read_tool
from leadbridge.server.mcp.reply import Reply
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.rooflink.jobs import JobRecord
from leadbridge.server.services.rooflink.notes import Note
from leadbridge.server.services.view import Omitted
from leadbridge.server.text import LABEL_LIMIT, clean
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import PreviewLine, Whole
from leadbridge.tools.list_pages import numbers_of, page_reply
from leadbridge.tools.paging import Page, SmallPageSize, columns_for
from leadbridge.tools.rooflink.job_changes import deleted_warning, read_job_before_change
from leadbridge.tools.rooflink.jobs import JobId
from leadbridge.tools.rooflink.messages import Message
from leadbridge.tools.rooflink.note_views import (
    ALL_MESSAGES,
    COLUMNS,
    NotePage,
    NoteRow,
    cells_of,
    ignored_filters,
    is_cut,
    row_of,
)

Column = Literal["job_id", "date", "sender", "to", "tags", "reply_to", "replies", "read", "archived", "message"]
Columns = Annotated[list[Column], Field(min_length=1)]


def _without_commas(tags: list[str]) -> list[str]:
    if any("," in tag for tag in tags):
        msg = "a tag to look for cannot hold a comma, which stands between tags on the wire"
        raise ValueError(msg)
    return tags


_UNREACHABLE = ("RoofLink has no e-mail address of this customer: the note probably reaches nobody.",)
Tags = Annotated[list[Tag], Field(min_length=1, max_length=20)]
TagFilter = Annotated[list[Tag], Field(min_length=1, max_length=20), AfterValidator(_without_commas)]
Recipients = Annotated[list[Id], Field(min_length=1, max_length=50)]


async def rooflink_list_notes(
    ctx: Ctx,
    job_id: JobId | Omitted = None,
    tags: Annotated[TagFilter | Omitted, Field(description="With any of these")] = None,
    search: Annotated[Text100 | Omitted, Field(description="In message and customer name")] = None,
    read: Annotated[Flag | Omitted, Field(description="Only read, or only unread")] = None,
    deleted: Annotated[Flag, Field(description="Only those archived")] = False,
    employee_id: Annotated[Id | Omitted, Field(description="Sender, recipient or rep")] = None,
    sent_to_id: Annotated[Id | Omitted, Field(description="Recipient or rep")] = None,
    page: Page = 1,
    page_size: SmallPageSize = 10,
    fields: Annotated[Columns | Omitted, Field(description="Columns")] = None,
) -> Reply[NotePage]:
    """List notes on RoofLink jobs, newest first: those that the key's user may see.

    Long texts are cut; page_size=1 shows one whole.
    """
    app = app_context(ctx)
    filters: dict[str, Scalar | None] = {
        "job_id": job_id,
        "tags": ",".join(tags) if tags else None,
        "search": search,
        "read": read,
        "deleted": deleted or None,
        "employee_id": employee_id,
        "sent_to_id": sent_to_id,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    paging: dict[str, Scalar | None] = {"page": page, "page_size": page_size}
    envelope, notes = await app.rooflink.page("rooflink.list_notes", Note, {**paging, **given})
    columns, limit = columns_for(fields, COLUMNS), ALL_MESSAGES // page_size
    first = envelope.from_index or (page - 1) * page_size + 1
    data = NotePage(
        **numbers_of(envelope),
        filters_ignored=ignored_filters({**given, "deleted": deleted}, notes),
        rows=[],
    )
    whole = [row_of(note, limit=limit) for note in notes]
    data.rows = [NoteRow(**row.model_dump(include=set(columns))) for row in whole]
    hints: list[str] = []
    if "message" in columns:
        hints += [
            f"The text of note {note.id} is cut; page={first + index} with page_size=1 shows more."
            for index, (note, row) in enumerate(zip(notes, whole, strict=True))
            if is_cut(note, row, limit=limit)
        ]
        if notes and all(note.message is None for note in notes):
            hints.append("RoofLink's answer has no text under a name that LeadBridge knows.")

    return page_reply(
        "Notes", data, columns, asked=(page, page_size), cells=partial(cells_of, columns=columns), remarks=hints
    )


async def rooflink_add_note(
    ctx: Ctx,
    job_id: JobId,
    message: Message,
    tags: Annotated[Tags | Omitted, Field(description="The company's own tags")] = None,
    recipient_ids: Annotated[Recipients | Omitted, Field(description="User ids; they are mailed")] = None,
    notify_rep: Annotated[Flag, Field(description="The job's rep is mailed too")] = False,
    notify_customer: Annotated[Flag, Field(description="The customer is e-mailed; needs approval")] = False,
) -> Write:
    """Add a note to a RoofLink job. With notify_customer a real customer is e-mailed, which cannot be undone.

    That e-mail needs the user's approval; a note without it does not. The company may require tags or recipients.
    """
    app = app_context(ctx)
    operation = app.operation("rooflink.add_note")
    given: dict[str, JsonValue] = {"message": message}
    given |= {"tags": list(tags)} if tags else {}
    given |= {"recipient_ids": list(recipient_ids)} if recipient_ids else {}
    flags = {name: True for name, flag in (("notify_rep", notify_rep), ("notify_customer", notify_customer)) if flag}
    record, unknown = await read_job_before_change(app, job_id) if notify_customer else (None, "")
    arguments = {"job_id": job_id, **given, **flags}
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_receive, app, operation, job_id, given, flags),
            body=operation.encode_body(arguments),
        ),
        subject=Subject(f"job {job_id}", f"job {job_id} note to the customer" if notify_customer else ""),
        arguments=arguments,
        preview=Preview(
            lines=(
                f"Add a note to job {job_id} in RoofLink.",
                *(_customer_lines(record, unknown) if notify_customer else ()),
                *_reached(recipient_ids or [], record, notify_rep=notify_rep),
                ("Tags", list(tags or [])),
                ("The whole message", Whole(message)),
            ),
            said=frozenset(arguments),
            warnings=(
                *deleted_warning(job_id, record),
                *(_UNREACHABLE if _without_email(record) else ()),
                *_doubts(operation, flags),
            ),
        ),
        needs_approval=notify_customer,
    )


def _without_email(record: JobRecord | None) -> bool:
    """Whether RoofLink shows that the customer has no e-mail address."""
    email = record.shows("customer.email") if record is not None else None
    return email is not None and not email.text


def _customer_lines(record: JobRecord | None, unknown: str) -> tuple[PreviewLine, ...]:
    """To whom it goes, as RoofLink names them."""
    mailed = "It is e-mailed to the job's customer. This cannot be undone."
    if record is None:
        return (mailed, f"Who that is, is not known. {unknown}")
    name, email = record.shows("customer.name"), record.shows("customer.email")
    lines: list[PreviewLine] = [
        mailed,
        ("Customer", clean(name.text, limit=LABEL_LIMIT) if name and name.text else "no name"),
    ]
    if _without_email(record):
        lines.append("RoofLink has no e-mail address of this customer.")
    elif email is not None:
        lines.append(("E-mail", clean(email.text, limit=254)))
    return tuple(lines)


def _reached(ids: list[int], record: JobRecord | None, *, notify_rep: bool) -> tuple[PreviewLine, ...]:
    """Which employees it goes to."""
    roles = ("rep", "rep_2", "marketing_rep", "project_manager")
    people = [shown for role in roles if record and (shown := record.shows(role)) is not None]
    names = {shown.value: clean(shown.text, limit=LABEL_LIMIT) for shown in people if shown.text}
    reached = [f"user {number}" for number in ids] + (["the job's rep"] if notify_rep else [])
    rep = record.shows("rep") if record and notify_rep else None
    return (
        f"Recipients: {', '.join(reached) or 'none named'}",
        *((f"User {number}", names[number]) for number in ids if number in names),
        *((("The job's rep", clean(rep.text, limit=LABEL_LIMIT)),) if rep and rep.text else ()),
    )


def _doubts(operation: Operation, flags: Mapping[str, bool]) -> tuple[str, ...]:
    """A flag whose name is only inferred may do nothing."""
    whom = {"notify_rep": "the rep was", "notify_customer": "the customer was (not)"}
    return tuple(
        f"The name of the flag {name} ({operation.body[name].wire}) is inferred, not documented: RoofLink may pass it "
        f"over. Check in RoofLink that {whom[name]} mailed."
        for name in operation.inferred_names(flags)
    )


def _receive(
    app: AppContext,
    operation: Operation,
    job_id: int,
    given: Mapping[str, JsonValue],
    flags: Mapping[str, bool],
    answer: JsonValue,
) -> Done:
    try:
        note = Note.model_validate(answer)
    except ValidationError:
        raise unreadable("an answer without the note", operation, app.catalog.services["rooflink"], None) from None
    warnings: list[str] = []
    if note.job_id not in {job_id, None}:
        warnings.append(f"The answer says that the note is on job {note.job_id}.")
    told = {tag.casefold() for tag in note.tags}
    tags = given.get("tags")
    missing = [str(tag) for tag in tags if str(tag).casefold() not in told] if isinstance(tags, list) else []
    if missing and "tags" in note.model_fields_set:
        warnings.append(f"The answer does not show these tags: {', '.join(missing)}.")
    if given.get("recipient_ids") and "recipients" in note.model_fields_set and not note.recipients:
        warnings.append("The answer shows no recipients.")
    mailed = "; RoofLink was told to e-mail it to the customer" if "notify_customer" in flags else ""
    return Done(
        summary=f"Note {note.id} added to job {job_id}{mailed}.",
        record_id=note.id,
        record={"note_id": note.id, "job_id": job_id},
        warnings=warnings,
    )


TOOLS = (
    read_tool(rooflink_list_notes, title="List notes", toolset="notes", operations=("rooflink.list_notes",)),
    write_tool(
        rooflink_add_note,
        title="Add note",
        toolset="notes",
        operation="rooflink.add_note",
        effect=Effect.IRREVERSIBLE,
    ),
)
