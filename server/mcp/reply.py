"""What tools answer: typed data for programs, and complete compact text for the model, both within bounds.

No list in an answer is longer than a model can read, and what is left out is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import from_json

from leadbridge.server.text import legend_for

Omitted = SkipJsonSchema[None]

LARGEST_EXACT = 2**53 - 1
"""The largest integer that a host written in JavaScript passes on as it is (RFC 8259, section 6)."""


class View(BaseModel):
    """Structured content of an answer. Its validator is built at the first answer, not at start."""

    model_config = ConfigDict(defer_build=True)


class Result(View):
    """The whole structured content of a read. Some hosts show the model this alone, and not the text."""

    PAGED: ClassVar[frozenset[str]] = frozenset()
    """Lists of which the next page has the rest."""

    note: str | Omitted = Field(default=None, description="What the other fields leave open, and what ⟦ ⟧ mean")
    unreadable_rows: int | Omitted = Field(default=None, description="Rows of the service without a usable id")
    left_out: dict[str, int] | Omitted = Field(default=None, description="Entries left out for length, by field")


def _exactly(value: JsonValue) -> JsonValue:
    """The value, with integers that JavaScript would round as texts."""
    if isinstance(value, dict):
        return {name: _exactly(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exactly(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) > LARGEST_EXACT else value


EXACTLY = PlainSerializer(_exactly, when_used="json")
"""In an annotation: shown as a text where JavaScript would round it."""
Identity = Annotated[int, EXACTLY, WithJsonSchema({"type": ["integer", "string"]})]
"""Of a service's record, as an argument takes it."""
ServiceValue = Annotated[JsonValue, EXACTLY]
"""A value as a service sent it, or as it is sent."""

R = TypeVar("R", bound=Result)
ResultType = TypeVar("ResultType")
Part: TypeAlias = BaseModel | dict[str, Any] | list[Any] | str | float | None
"""What an answer is made of."""

LONGEST_TEXT = 20_000
"""Characters of a text that a model reads; longer lists page."""
LONGEST_DATA = 2 * LONGEST_TEXT
"""Characters of the same as JSON, which repeats the names of the fields. Hosts cut or refuse 25,000 tokens."""
_SPARE = 600
"""Characters for what is said beside the data, such as how to go on."""
_TAIL = 4_000
"""Characters of the end that are shown of a text that is cut."""


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """A read's answer: data for programs, and the lines of text that the model reads of it."""

    data: R
    lines_of: Callable[[R], list[str]]
    """The text of data like this, its headline first."""
    remarks: Sequence[str] = ()
    """What the headline needs beside it to be understood, and no other field says: a filter that did not count, a list
    that is not whole. They stand below the headline, and in the data's `note`."""
    shorter: Callable[[], Reply[R]] | None = None
    """Of a list that pages: the same with fewer rows, where all of them are too long."""

    def complete(self) -> tuple[dict[str, Any], str]:
        """Data and text, both within bounds, both with all remarks and the meaning of the marks."""
        data, lines, written = self.data, self._lines(self.data), as_json(self.data)
        if not fits(written, lines):
            if self.shorter is not None:
                return self.shorter().complete()
            data, lines = bounded(data, self._lines)
            written = as_json(data)
        remarks: list[str] = []
        if data.unreadable_rows:
            which = "1 row is" if data.unreadable_rows == 1 else f"{data.unreadable_rows:,} rows are"
            remarks.append(f"WARNING: {which} missing here: the service sent no usable id, or no record at all.")
        if data.left_out:
            counts = ", ".join(f"{count:,} of {name}" for name, count in data.left_out.items())
            remarks.append(f"Left out for length: {counts}.")
        lines[1:1] = remarks
        content: dict[str, Any] = from_json(written)
        legend = legend_for(written, *self.remarks)
        if note := " ".join([*remarks, *self.remarks, *legend]):
            content = {"note": note, **content}
        return content, readable("\n".join([*lines, *legend_for(*lines)]))

    def _lines(self, data: R) -> list[str]:
        lines = self.lines_of(data)
        return [*lines[:1], *self.remarks, *lines[1:]]


MakeReply: TypeAlias = Callable[[], Reply[R]]
"""What a read tool returns: makes the reply of what was read. It runs in a worker thread if that is much."""


def result_of(make: MakeReply[R]) -> CallToolResult:
    """A read's result."""
    content, text = make().complete()
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=content)


def error_result(text: str) -> CallToolResult:
    """A failure that the model reads."""
    return CallToolResult(content=[TextContent(type="text", text=readable(text))], is_error=True)


def with_notes(result: ResultType, notes: Sequence[str]) -> ResultType:
    """A call's result, with what else is to be known of it at the end of its text, and in the note of its data."""
    if isinstance(result, CallToolResult):
        result.content.append(TextContent(type="text", text="\n".join(f"Note: {note}" for note in notes)))
        if result.structured_content is not None:
            result.structured_content["note"] = " ".join([*notes, result.structured_content.get("note", "")]).rstrip()
    return result


def readable(text: str) -> str:
    """A text within the ceiling: its beginning and its end, and how much is left out between them."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = text[: LONGEST_TEXT - _TAIL - 200], text[-_TAIL:]
    head = head[: head.rfind("\n")] if "\n" in head[LONGEST_TEXT // 2 :] else head
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[: _TAIL // 2] else tail
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n[{left_out} characters are left out here; the structured content has more]\n{tail}"


def as_json(data: BaseModel) -> str:
    """The data as it is sent."""
    return data.model_dump_json(exclude_none=True)


def fits(written: str, lines: Sequence[str]) -> bool:
    """Whether an answer is within the bounds, as JSON and as lines of text."""
    return len(written) <= LONGEST_DATA - _SPARE and sum(map(len, lines)) + len(lines) <= LONGEST_TEXT - _SPARE


def bounded(data: R, lines_of: Callable[[R], list[str]]) -> tuple[R, list[str]]:
    """Data that is too long, as far as it fits, with `left_out`, and its lines.

    Every list, and every object with free keys, keeps the same largest number of entries. The lists that page are left
    alone: their next page has the rest.
    """

    def too_long(most: int) -> bool:
        cut = _shortened(data, most)
        return not fits(as_json(cut), lines_of(cut))

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
