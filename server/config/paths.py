"""Paths in settings: `~` and variables are filled in, because no shell does it for what a host's configuration says."""

from __future__ import annotations

import os
import re
from pathlib import Path

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}|%(\w+(?:\(x86\))?)%", re.ASCII)
_SLASH_BEFORE = re.compile(rf"^[/\\]+(?=~|{_VARIABLE.pattern})", re.ASCII)
_UNFILLED = re.compile(r"\$\{[^}]*\}|\{\{")


def fill_in(text: str) -> str:
    """The path with `~`, `$NAME`, `${NAME}` and `%NAME%` filled in, also behind a slash that does not belong there.

    Raises:
        ValueError: a variable is not set, or a character that no path has.
    """
    filled = os.path.expanduser(_VARIABLE.sub(_value, _SLASH_BEFORE.sub("", text)))  # noqa: PTH111  # for a text
    if _UNFILLED.search(filled):
        raise ValueError("has a placeholder that was not filled in")
    if not filled.isprintable():
        raise ValueError("has a character that no path has, such as a line break")
    return filled


def _value(found: re.Match[str]) -> str:
    name = next(group for group in found.groups() if group)
    value = os.environ.get(name, "")
    if not value and name == "HOME":
        value = str(Path.home())
    if not value:
        raise ValueError(f"names the variable {name}, which is not set")
    return value
