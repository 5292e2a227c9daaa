"""Notes on RoofLink's jobs: add one, reply to one.

Sources: https://developers.rooflink.com/reference/createnote, https://developers.rooflink.com/docs/notes
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.mcp.arguments import Flag, Id, LongText, Tag
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.rooflink.jobs import JobRecord
from leadbridge.server.services.rooflink.notes import Note
from leadbridge.server.text import LABEL_LIMIT, clean
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import PreviewLine, Whole, called
from leadbridge.tools.rooflink.job_changes import deleted_warning, read_job_before_change
from leadbridge.tools.rooflink.jobs import JobId

LONGEST = 10_000
MOST_LINES = 300
"""So that nothing hides below a thousand empty lines."""
_UNREACHABLE = ("RoofLink has no e-mail address of this customer: the note probably reaches nobody.",)
Tags = Annotated[list[Tag], Field(min_length=1, max_length=20)]
Recipients = Annotated[list[Id], Field(min_length=1, max_length=50)]


def _seen(value: str) -> str:
    if value.count("\n") >= MOST_LINES:
        raise ValueError(f"must have at most {MOST_LINES} lines")
    return value


Message = Annotated[
    LongText, Field(min_length=1, max_length=LONGEST, description="The whole text"), AfterValidator(_seen)
]


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
    operation = app.catalog["rooflink.add_note"]
    given: dict[str, JsonValue] = {"message": message}
    given |= {"tags": list(tags)} if tags else {}
    given |= {"recipient_ids": list(recipient_ids)} if recipient_ids else {}
    flags = {name: True for name, flag in (("notify_rep", notify_rep), ("notify_customer", notify_customer)) if flag}
    record, unknown = await read_job_before_change(app, job_id) if notify_customer else (None, "")
    arguments = {"job_id": job_id, **given, **flags}
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_receive, job_id, notify_customer),
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
        called("Customer", clean(name.text, limit=LABEL_LIMIT) if name else ""),
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
    return tuple(
        f"RoofLink's documentation does not confirm the option {name}, so RoofLink may ignore it. Check in RoofLink "
        "afterwards whether the e-mail went out."
        for name in operation.inferred_names(flags)
    )


def _receive(job_id: int, notify_customer: bool, answer: JsonValue) -> Done:
    note = Note.model_validate(answer)
    mailed = "; RoofLink was asked to e-mail it to the customer" if notify_customer else ""
    return Done(
        summary=f"Note {note.id} added to job {job_id}{mailed}.",
        record_id=note.id,
        record={"note_id": note.id, "job_id": job_id},
    )


async def rooflink_reply_to_note(
    ctx: Ctx,
    note_id: Annotated[Id, Field(description="From rooflink_list_notes")],
    message: Message,
) -> Write:
    """Add a reply to a note's thread in RoofLink. It needs the user's approval.

    Whom a reply reaches is not documented: it may be mailed, to a customer too. rooflink_add_note starts a new note.
    """
    app = app_context(ctx)
    operation = app.catalog["rooflink.reply_to_note"]
    path, body = operation.placed({"note_id": note_id})
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_replied, note_id),
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


def _replied(note_id: int, answer: JsonValue) -> Done:
    reply = Note.model_validate(answer)
    return Done(
        summary=f"Reply {reply.id} added to note {note_id}.",
        record_id=reply.id,
        record={"note_id": reply.id, "reply_to": note_id},
    )


TOOLS = (
    write_tool(rooflink_add_note, "rooflink.add_note", title="Add note"),
    write_tool(rooflink_reply_to_note, "rooflink.reply_to_note", title="Reply to note"),
)
