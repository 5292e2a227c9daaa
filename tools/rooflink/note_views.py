"""How notes are shown: one row each, their texts as long as the page allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.services.rooflink.notes import Note
from leadbridge.server.services.view import Identity, Omitted
from leadbridge.server.text import CLOSE, fence, label
from leadbridge.tools.list_pages import ListPage
from leadbridge.tools.rooflink.filters import contradicted
from leadbridge.tools.tables import moment

COLUMNS = ("id", "job_id", "date", "sender", "to", "tags", "reply_to", "replies", "read", "archived", "message")
ALL_MESSAGES = 15_000
"""Characters for the texts of a page; a page of one note shows a text that long."""
_MOST_NAMES = 10


class NoteRow(BaseModel):
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
    """Whether a row shows less than a note's text; a text that ends with an ellipsis of its own is told by length."""
    whole = (note.message or "").rstrip()
    return (row.message or "").endswith(f"…{CLOSE}") and (not whole.endswith("…") or len(whole) > limit)


def cells_of(row: NoteRow, columns: Sequence[str]) -> dict[str, object]:
    """A row for a table."""
    joined = {"to": ", ".join(row.to or ()), "tags": ", ".join(row.tags or ())}
    return {name: joined.get(name, getattr(row, name)) for name in columns}


def ignored_filters(filters: Mapping[str, Scalar], notes: Sequence[Note]) -> list[str]:
    """Filters that a note on the page contradicts."""
    return contradicted(filters, notes, _CHECKS)


def _labels(names: Sequence[str]) -> list[str] | None:
    shown = [label(name) for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        shown.append(f"and {len(names) - _MOST_NAMES} more")
    return shown or None


def _job(note: Note, value: Scalar) -> bool | None:
    return None if note.job_id is None else note.job_id == value


def _tags(note: Note, value: Scalar) -> bool | None:
    """Whether one or all of the tags must be there is not said; a note with none of them is out of place."""
    if "tags" not in note.model_fields_set:
        return None
    return not {tag.casefold() for tag in note.tags}.isdisjoint(str(value).casefold().split(","))


def _read(note: Note, value: Scalar) -> bool | None:
    return None if note.read is None else note.read == value


def _archived(note: Note, value: Scalar) -> bool | None:
    return None if note.archived is None else note.archived == value


_CHECKS = {"job_id": _job, "tags": _tags, "read": _read, "deleted": _archived}
