"""What a person is asked, line by line: LeadBridge's sentences, and values that cannot leave the marks around them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from leadbridge.server.text import one_line, quoted

LONGEST_VALUE = 500
"""Characters of a value that are shown; of a longer one, its size too. A remark is shown whole."""
LONGEST_INNER = 200
"""The same for each value of an object."""
LONGEST_NAME = 60
LONGEST_MESSAGE = 10_000
SECRET = "***"  # noqa: S105  # shown in its place


@dataclass(frozen=True, slots=True)
class Becomes:
    """A value, and what it is set to; `None` where it is not known what it was."""

    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Whole:
    """A message to people, which is shown whole to whoever approves it."""

    text: str


_TITLES = {"notify_customer": "E-mail to the customer", "notify_rep": "E-mail to the rep"}
PreviewLine: TypeAlias = str | tuple[str, object]
"""A sentence made from us alone, or our label and a value that others wrote: a service, or a model in an argument."""


def rendered(lines: Iterable[PreviewLine]) -> list[str]:
    """Sentences as they are, each value on a line of its own behind its label."""
    return [
        shown
        for line in lines
        for shown in ([one_line(line)] if isinstance(line, str) else _value_lines(line[0], line[1]))
    ]


def called(title: str, name: str) -> PreviewLine:
    """Somebody's name behind a title, or that there is none, in our words."""
    return (title, name) if name else f"{title}: no name"


def titled(name: str) -> str:
    """An argument's name as people read it: `Lead source`."""
    return _TITLES.get(name) or name.replace("_", " ").capitalize()


def in_line(value: object, limit: int = LONGEST_VALUE) -> str:
    """A value on one line. Numbers, `yes` and `no` cannot be anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    if value is None:
        return "nothing"
    if value == "":
        return "none"
    return quoted(value if isinstance(value, str) else json.dumps(cast("Any", value), ensure_ascii=False), limit=limit)


def _value_lines(title: str, value: object) -> list[str]:
    if isinstance(value, Whole):
        return _block(title, value.text, LONGEST_MESSAGE)
    if isinstance(value, str) and "\n" in value:
        return _block(title, value, LONGEST_VALUE)
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        return [
            f"{title}, {quoted(name, limit=LONGEST_NAME)}: {in_line(each, LONGEST_INNER)}"
            for name, each in inner.items()
        ] or [f"{title}: empty"]
    if isinstance(value, list):
        entries = (in_line(each, LONGEST_INNER) for each in cast("list[object]", value))
        return [f"{title}: {', '.join(entries) or 'none'}"]
    if isinstance(value, Becomes):
        before = "not known" if value.before is None else in_line(value.before)
        return [f"{title}: {before} -> {in_line(value.after)}"]
    return [f"{title}: {in_line(value)}"]


def _block(title: str, text: str, limit: int) -> list[str]:
    """A text of several lines keeps them, each behind a sign of ours: none passes for a line of the question."""
    return [f"{title}:", *(f"> {line}" for line in quoted(text, limit=limit, lines=True).split("\n"))]
