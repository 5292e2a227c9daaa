"""Photos and documents of a RoofLink job, as lists: what each is called, and where its file can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, View
from leadbridge.server.services.rooflink.files import StoredFile
from leadbridge.server.services.values import moment
from leadbridge.server.text import label
from leadbridge.tools.lists import ListPage, columns_for, numbers_of, page_reply
from leadbridge.tools.rooflink.filters import doubts_of

LONGEST_ADDRESS = 2_000
FileField = Literal["name", "ext", "created", "tags", "url", "preview_url"]
FileFields = Annotated[list[FileField], Field(min_length=1, description="Columns; url opens the file for anybody")]
_USUAL = ("id", "name", "ext", "created", "tags")


class FileRow(View):
    """A photo or document."""

    id: Identity
    name: str | Omitted = None
    ext: str | Omitted = None
    created: str | Omitted = None
    tags: str | Omitted = None
    url: str | Omitted = None
    preview_url: str | Omitted = None


class FilePage(ListPage):
    """One page of photos or documents."""

    rows: list[FileRow]


async def files_of_job(
    app: AppContext, operation_id: str, job_id: int, paging: tuple[int, int], fields: Sequence[FileField] | None
) -> MakeReply[FilePage]:
    """One page of a job's files. A row that names another job shows that the filter was ignored."""
    operation = app.catalog[operation_id]
    page, page_size = paging
    query: dict[str, Scalar | None] = {"page": page, "page_size": page_size, "job_id": job_id}
    envelope, files = await app.rooflink.page(operation_id, StoredFile, query)
    columns = columns_for(fields, _USUAL)
    doubts = await doubts_of(app, operation, {"job_id": job_id}, files, {"job_id": _is_of_job})
    return lambda: page_reply(
        operation.name.removeprefix("list_").capitalize(),
        FilePage(**numbers_of(envelope), **doubts, rows=[_row(file, columns) for file in files]),
        columns,
        asked=paging,
        fields=fields,
    )


def _is_of_job(file: StoredFile, job_id: Scalar) -> bool | None:
    return None if file.job is None else file.job == job_id


def _row(file: StoredFile, columns: Sequence[str]) -> FileRow:
    cells = {
        "name": label(file.name) or None,
        "ext": label(file.ext) or None,
        "created": moment(file.date_created),
        "tags": ", ".join(filter(None, map(label, file.tags))) or None,
        "url": label(file.address, limit=LONGEST_ADDRESS) or None,
        "preview_url": label(file.preview_url, limit=LONGEST_ADDRESS) or None,
    }
    return FileRow.model_validate({"id": file.id, **{name: cells[name] for name in columns if name in cells}})
