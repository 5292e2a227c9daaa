"""Lists that a model can read: columns to choose from, and a page that is cut short before it is too long."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import Field

from leadbridge.server.mcp.arguments import WHOLE

R = TypeVar("R")

Page = Annotated[int, Field(ge=1, le=1_000_000, strict=True), WHOLE]
PageSize = Annotated[int, Field(ge=1, le=100, strict=True), WHOLE]
SmallPageSize = Annotated[int, Field(ge=1, le=10, strict=True), WHOLE]
"""Of lists where RoofLink takes no more than ten."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A page of which only the first rows are shown, and where a list goes on after them."""

    rows: int
    next_page: int
    page_size: int

    @property
    def told(self) -> str:
        """What the model reads about it."""
        return (
            f"Only the first {self.rows} rows are shown, for length. Go on with page={self.next_page} and "
            f"page_size={self.page_size}, or choose fewer columns with fields."
        )


def cut_for(
    rows: Sequence[R], fit: Callable[[Sequence[R]], bool], *, page: int, page_size: int, first: int | None = None
) -> Cut | None:
    """How to cut a page that is too long, so that no row is left out on the way; `None` if all rows fit.

    `first` is the index of the page's first row as the service told it, from 1: it may use another page size than the
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
