"""Answers within bounds: no list in them is longer than a model can read, and what is left out is counted."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel

from leadbridge.server.services.view import Result

R = TypeVar("R", bound=Result)
Part: TypeAlias = BaseModel | dict[str, Any] | list[Any] | str | float | None
"""What an answer is made of."""

LONGEST_TEXT = 20_000
"""Characters of a text that a model reads; longer lists page."""
LONGEST_DATA = 2 * LONGEST_TEXT
"""Characters of the same as JSON, which repeats the names of the fields. Hosts cut or refuse 25,000 tokens."""
_SPARE = 600
"""Characters for what is said beside the data, such as how to go on."""


def fits(data: BaseModel, lines: Sequence[str]) -> bool:
    """Whether an answer is within the bounds, as data and as lines of text."""
    if sum(len(line) + 1 for line in lines) > LONGEST_TEXT - _SPARE:
        return False
    return len(data.model_dump_json(exclude_none=True)) <= LONGEST_DATA - _SPARE


def bounded(data: R, lines_of: Callable[[R], list[str]]) -> tuple[R, list[str]]:
    """The data as far as it fits, with `left_out`, and its lines.

    Every list, and every object with free keys, keeps the same largest number of entries. The lists that page are left
    alone: their next page has the rest.
    """
    lines = lines_of(data)
    if fits(data, lines):
        return data, lines

    def too_long(most: int) -> bool:
        cut = _shortened(data, most)
        return not fits(cut, lines_of(cut))

    most = bisect_left(range(1, _longest(data)), x=True, key=too_long)
    cut = _shortened(data, max(most, 1))
    return cut, lines_of(cut)


def _shortened(data: R, most: int) -> R:
    left_out = Counter[str]()

    def cut(value: Part, path: str) -> Any:
        if isinstance(value, BaseModel):
            return value.model_copy(update={name: cut(part, f"{path}.{name}") for name, part in vars(value).items()})
        if not isinstance(value, (list, dict)):
            return value
        kept = len(value) if path[1:] in data.PAGED else min(most, len(value))
        left_out[path[1:]] += len(value) - kept
        if isinstance(value, dict):
            return {name: cut(part, path) for name, part in list(value.items())[:kept]}
        return [cut(part, path) for part in value[:kept]]

    return cut(data, "").model_copy(update={"left_out": dict(+left_out) or None})


def _longest(value: Part) -> int:
    if isinstance(value, BaseModel):
        return max(map(_longest, vars(value).values()), default=0)
    if isinstance(value, dict):
        value = list(value.values())
    return max(len(value), *map(_longest, value), 0) if isinstance(value, list) else 0
