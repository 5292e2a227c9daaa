"""Lists: what every page says, its lines of text as a table, and values in its cells. And records shown in full: names
and values on one level, other people's text marked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypedDict, TypeVar

from pydantic import Field, JsonValue

from leadbridge.server.mcp.arguments import WHOLE
from leadbridge.server.mcp.reply import EXACTLY, Identity, Omitted, Reply, Result, as_json, fits
from leadbridge.server.services.rooflink.models import Page as Envelope
from leadbridge.server.services.values import Answer
from leadbridge.server.text import fence, label

Page = Annotated[int, Field(ge=1, le=1_000_000, strict=True), WHOLE]
PageSize = Annotated[int, Field(ge=1, le=100, strict=True), WHOLE]
SmallPageSize = Annotated[int, Field(ge=1, le=10, strict=True), WHOLE]
"""Of lists where RoofLink takes no more than ten."""


class FilteredRows(Result):
    """Rows, and the filters that the service did not apply to them."""

    filters_ignored: list[str] = Field(default_factory=list, description="Filters the service did not apply")
    filters_unverified: list[str] = Field(
        default_factory=list, description="Sent under an inferred name, not checkable"
    )
    rows: list[Any]

    @property
    def doubts(self) -> list[str]:
        """What is said of filters."""
        lines: list[str] = []
        if self.filters_ignored:
            ignored = ", ".join(self.filters_ignored)
            lines.append(f"WARNING: the service ignored these filters, so the rows are not limited by them: {ignored}")
        if self.filters_unverified:
            unverified = ", ".join(self.filters_unverified)
            lines.append(f"LeadBridge cannot confirm that the service applied these filters: {unverified}")
        return lines


class ListPage(FilteredRows):
    """What a page of any list says of itself."""

    PAGED: ClassVar[frozenset[str]] = frozenset({"rows"})

    count: int | Omitted = None
    from_index: int | Omitted = None
    to_index: int | Omitted = None
    next_page: int | Omitted = None
    page_size: int | Omitted = Field(default=None, description="Size of the pages that next_page counts")


_NOTHING: tuple[object, ...] = (None, "", [])
"""Values of a cell that say nothing."""
P = TypeVar("P", bound=ListPage)
R = TypeVar("R")


class Numbers(TypedDict):
    """The envelope's numbers, as fields of a `ListPage`."""

    count: int | None
    from_index: int | None
    to_index: int | None
    next_page: int | None
    unreadable_rows: int | None


def numbers_of(page: Envelope) -> Numbers:
    """The envelope's numbers, as fields of a `ListPage`."""
    return {
        "count": page.count,
        "from_index": page.from_index,
        "to_index": page.to_index,
        "next_page": page.next_page,
        "unreadable_rows": page.unreadable or None,
    }


def page_reply(
    noun: str,
    page: P,
    columns: Sequence[str],
    *,
    asked: tuple[int, int],
    cells: Callable[[Any], Mapping[str, object]] = vars,
    remarks: Sequence[str] = (),
    fields: Sequence[str] | None = None,
) -> Reply[P]:
    """A page and its text: all rows, or the first of them where that would be too long, and how to go on.

    `asked` are the page and the page size that were asked for; `cells` makes a table's row of a row; `fields` are the
    columns that were asked for.
    """

    def lines_of(data: P) -> list[str]:
        return [_headline(noun, data), *(table(columns, [cells(row) for row in data.rows]) if data.rows else [])]

    def fit(rows: Sequence[Any]) -> bool:
        shown = page.model_copy(update={"rows": rows})
        return fits(as_json(shown), [*lines_of(shown), *remarks])

    def shorter() -> Reply[P]:
        first = page.from_index
        cut = cut_for(page.rows, fit, page=asked[0], page_size=asked[1], first=first)
        if cut is None:
            return Reply(page, lines_of, remarks)
        last = None if first is None else first + cut.rows - 1
        update = {"rows": page.rows[: cut.rows], "next_page": cut.next_page, "page_size": cut.page_size}
        return Reply(page.model_copy(update={**update, "to_index": last}), lines_of, [*remarks, cut.message])

    remarks = [*page.doubts, *without_value(fields, [cells(row) for row in page.rows]), *remarks]
    return Reply(page, lines_of, remarks, shorter)


def _headline(noun: str, page: ListPage) -> str:
    """Which rows these are."""
    if page.rows:
        total = "?" if page.count is None else page.count
        head = f"{noun} {page.from_index or '?'}-{page.to_index or '?'} of {total}"
    else:
        head = f"No {noun.lower()} {'match' if page.count == 0 else 'on this page'}"
    return head + (f", next_page={page.next_page}" if page.next_page else ", last page")


@dataclass(frozen=True, slots=True)
class Cut:
    """A page of which only the first rows are shown, and where a list goes on after them."""

    rows: int
    next_page: int
    page_size: int

    @property
    def message(self) -> str:
        """What the model reads about it."""
        return (
            f"Only the first {self.rows} rows are shown, for length. Go on with page={self.next_page} and "
            f"page_size={self.page_size}, or choose fewer columns with fields."
        )


def cut_for(
    rows: Sequence[R], fit: Callable[[Sequence[R]], bool], *, page: int, page_size: int, first: int | None = None
) -> Cut | None:
    """How to cut a page that is too long, so that no row is left out on the way; `None` if all rows fit.

    `first` is the index of the page's first row as the service gave it, from 1: it may use another page size than the
    one it was asked for.
    """
    if len(rows) <= 1 or fit(rows):
        return None
    fitting = bisect_left(range(1, len(rows)), x=True, key=lambda count: not fit(rows[:count]))
    offset = (page - 1) * page_size if first is None else first - 1
    size = next((size for size in range(fitting, 1, -1) if offset % size == 0), 1)
    return Cut(size, offset // size + 2, size)


def columns_for(fields: Sequence[str] | None, usual: Sequence[str]) -> list[str]:
    """The columns to show: the usual ones, or those that were asked for, `id` always first."""
    return list(usual) if not fields else ["id", *(name for name in dict.fromkeys(fields) if name != "id")]


def without_value(fields: Sequence[str] | None, rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Which of the columns that were asked for are left out, because no row has a value in them."""
    empty = [name for name in fields or () if rows and all(_says_nothing(row.get(name)) for row in rows)]
    return [f"Left out, because it is empty, or no, in every row: {', '.join(empty)}."] if empty else []


def _says_nothing(value: object) -> bool:
    return value is False or value in _NOTHING


def table(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Lines of a table with `|` between the cells; columns that are empty, or no, in every row are left out."""
    shown = [name for name in columns if not all(_says_nothing(row.get(name)) for row in rows)]
    return [" | ".join(shown), *(" | ".join(_cell(row.get(name)) for name in shown) for row in rows)]


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 event`, `2 events`, `2 matches`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value).replace("|", "/").replace("\n", " ")


Plain = Annotated[str | int | float | bool, EXACTLY]

_MOST_IN_A_FIELD = 20
_SHORT = 60
"""Characters of a text that is shown as a label; longer ones are fenced."""


class FlatRecord(Result):
    """A record in full."""

    id: Identity
    fields: dict[str, Plain] = Field(description="What the service answered, under its own names")


def record_lines(noun: str, data: FlatRecord) -> list[str]:
    """A record in full, as text."""
    return [f"{noun} {data.id}", *(f"{name}: {value}" for name, value in data.fields.items())]


def flat_fields(record: Answer) -> dict[str, Plain]:
    """Its fields with a value, without the id; those of objects in it under `object.field`."""
    fields: dict[str, JsonValue] = record.model_dump(mode="json", exclude={"id"})
    rows: list[tuple[str, Plain]] = []
    for key, value in fields.items():
        name = label(key, limit=_SHORT)
        if isinstance(value, dict):
            rows += [(f"{name}.{label(part, limit=_SHORT)}", shown) for part, inner in value.items()
                     if (shown := _plain(inner)) is not None]  # fmt: skip
        elif (shown := _plain(value)) is not None:
            rows.append((name, shown))
    return dict(rows)


def _plain(value: JsonValue) -> Plain | None:
    if isinstance(value, list):
        names = [label(part) for part in value if isinstance(part, (str, int, float))]
        more = [f"and {len(names) - _MOST_IN_A_FIELD} more"] if len(names) > _MOST_IN_A_FIELD else []
        return ", ".join([*names[:_MOST_IN_A_FIELD], *more]) or None
    if isinstance(value, str):
        return (label(value) if len(value) <= _SHORT else fence(value)) or None
    return value if isinstance(value, (bool, int, float)) else None
