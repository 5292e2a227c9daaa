"""Lists that come in pages: what every page says, and its lines of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from server.models.rooflink import Page
from server.models.view import View
from tools.paging import cut_for
from tools.tables import table

Nothing = SkipJsonSchema[None]
R = TypeVar("R")


class ListPage(View):
    """What a page of any list says of itself."""

    count: int | Nothing = None
    from_index: int | Nothing = None
    to_index: int | Nothing = None
    next_page: int | Nothing = None
    filters_ignored: list[str] = Field(default_factory=list, description="Filters the service did not apply")
    filters_unverified: list[str] = Field(
        default_factory=list, description="Sent under an inferred name, not checkable"
    )
    page_size: int | Nothing = Field(default=None, description="Size of the pages that next_page counts")


class Numbers(TypedDict):
    """The envelope's numbers, as fields of a `ListPage`."""

    count: int | None
    from_index: int | None
    to_index: int | None
    next_page: int | None


def numbers_of(page: Page) -> Numbers:
    """The envelope's numbers, as fields of a `ListPage`."""
    return {
        "count": page.count,
        "from_index": page.from_index,
        "to_index": page.to_index,
        "next_page": page.next_page,
    }


def shown_rows(
    page: ListPage, rows: list[R], text_of: Callable[[Sequence[R]], str], *, asked: tuple[int, int]
) -> tuple[list[R], str]:
    """The rows that are shown and their text: all, or the first of them where the text would be too long.

    `asked` are the page and the page size that were asked for. Where the page is cut, it says how to go on.
    """
    first = page.from_index
    cut = cut_for(rows, text_of, page=asked[0], page_size=asked[1], first=first)
    if cut is None:
        return rows, text_of(rows)
    page.next_page, page.page_size = cut.next_page, cut.page_size
    page.to_index = None if first is None else first + cut.rows - 1
    kept = rows[: cut.rows]
    return kept, f"{text_of(kept)}\n{cut.told}"


def page_lines(noun: str, page: ListPage, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Which rows these are, which filters did not count, and the table."""
    if rows:
        total = "?" if page.count is None else page.count
        head = f"{noun} {page.from_index or '?'}-{page.to_index or '?'} of {total}"
    else:
        head = f"No {noun.lower()} on this page"
    lines = [head + (f", next_page={page.next_page}" if page.next_page else ", last page")]
    if page.filters_ignored:
        ignored = ", ".join(page.filters_ignored)
        lines.append(f"WARNING, ignored by the service, so these rows are not filtered by: {ignored}")
    if page.filters_unverified:
        unverified = ", ".join(page.filters_unverified)
        lines.append(f"Filter names inferred, effect not provable from these rows: {unverified}")
    return [*lines, *(table(columns, rows) if rows else [])]
