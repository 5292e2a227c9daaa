"""The notes on RoofLink's jobs: one row each, their texts as long as the page allows.

Source: https://developers.rooflink.com/reference/notes-list
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.arguments import Flag, Id, Tag, Text100
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, View
from leadbridge.server.services.rooflink.notes import Note
from leadbridge.server.services.values import moment
from leadbridge.server.text import CLOSE, fence, label
from leadbridge.tools.lists import ListPage, Page, SmallPageSize, columns_for, numbers_of, page_reply
from leadbridge.tools.rooflink.filters import contradicted
from leadbridge.tools.rooflink.jobs import JobId

COLUMNS = ("id", "job_id", "date", "sender", "to", "tags", "reply_to", "replies", "read", "archived", "message")
ALL_MESSAGES = 15_000
"""Characters for the texts of a page; a page of one note shows a text that long."""
_MOST_NAMES = 10


Column = Literal["job_id", "date", "sender", "to", "tags", "reply_to", "replies", "read", "archived", "message"]
Columns = Annotated[list[Column], Field(min_length=1)]


def _without_commas(tags: list[str]) -> list[str]:
    if any("," in tag for tag in tags):
        raise ValueError("a tag to look for cannot hold a comma, which stands between tags on the wire")
    return tags


TagFilter = Annotated[list[Tag], Field(min_length=1, max_length=20), AfterValidator(_without_commas)]


class NoteRow(View):
    """A note."""

    id: Identity
    job_id: Identity | Omitted = None
    date: str | Omitted = None
    sender: str | Omitted = None
    to: list[str] | Omitted = None
    tags: list[str] | Omitted = None
    reply_to: Identity | Omitted = None
    replies: int | Omitted = None
    read: bool | Omitted = None
    archived: bool | Omitted = None
    message: str | Omitted = None


class NotePage(ListPage):
    """One page of notes, newest first."""

    rows: list[NoteRow]


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
) -> MakeReply[NotePage]:
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
    ignored = contradicted({**given, "deleted": deleted}, notes, _CHECKS)

    def reply() -> Reply[NotePage]:
        whole = [row_of(note, limit=limit) for note in notes]
        rows = [NoteRow(**row.model_dump(include=set(columns))) for row in whole]
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
            "Notes",
            NotePage(**numbers_of(envelope), filters_ignored=ignored, rows=rows),
            columns,
            asked=(page, page_size),
            fields=fields,
            cells=partial(cells_of, columns=columns),
            remarks=hints,
        )

    return reply


def row_of(note: Note, *, limit: int) -> NoteRow:
    """A note as a row, its text cut at `limit`."""
    return NoteRow(
        id=note.id,
        job_id=note.job_id,
        date=moment(note.date),
        sender=label(note.sender) or None,
        to=_labels(note.recipients),
        tags=_labels(note.tags),
        reply_to=note.reply_to,
        replies=note.replies,
        read=note.read,
        archived=note.archived,
        message=fence(note.message, limit=limit) or None,
    )


def is_cut(note: Note, row: NoteRow, *, limit: int) -> bool:
    """Whether a row shows less than a note's text; a text that itself ends with an ellipsis is recognised by length."""
    whole = (note.message or "").rstrip()
    return (row.message or "").endswith(f"…{CLOSE}") and (not whole.endswith("…") or len(whole) > limit)


def cells_of(row: NoteRow, columns: Sequence[str]) -> dict[str, object]:
    """A row for a table."""
    joined = {"to": ", ".join(row.to or ()), "tags": ", ".join(row.tags or ())}
    return {name: joined.get(name, getattr(row, name)) for name in columns}


def _labels(names: Sequence[str]) -> list[str] | None:
    shown = [label(name) for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        shown.append(f"and {len(names) - _MOST_NAMES} more")
    return shown or None


def _is(field: str) -> Callable[[Note, Scalar], bool | None]:
    return lambda note, value: None if (shown := getattr(note, field)) is None else shown == value


def _tags(note: Note, value: Scalar) -> bool | None:
    """Whether one or all of the tags must be there is not said; a note with none of them is out of place."""
    if "tags" not in note.model_fields_set:
        return None
    return not {tag.casefold() for tag in note.tags}.isdisjoint(str(value).casefold().split(","))


_CHECKS = {"job_id": _is("job_id"), "tags": _tags, "read": _is("read"), "deleted": _is("archived")}


TOOLS = (read_tool(rooflink_list_notes, "rooflink.list_notes", title="List notes"),)
