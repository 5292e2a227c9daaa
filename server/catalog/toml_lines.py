"""On which line of a TOML text something is. Python's own reader says so for broken texts only."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import cast


def line_of(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, on which the statement begins that first gives `keys`; 0 if nothing gives them.

    `text` is valid TOML. It is cut after ever fewer lines: what the reader finds in the first lines is there. A
    cut inside a value of several lines is no TOML; then the last one before it counts.
    """
    lines = text.split("\n")
    if not _has(_parsed(lines, len(lines))[0], keys):
        return 0
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if _has(_parsed(lines, middle)[0], keys):
            high = middle
        else:
            low = middle
    return _parsed(lines, high - 1)[1] + 1


def _parsed(lines: Sequence[str], count: int) -> tuple[object, int]:
    """What the first `count` lines say, or as many of them as are whole statements, and how many those are."""
    for kept in range(count, 0, -1):
        try:
            return tomllib.loads("\n".join(lines[:kept]) + "\n"), kept
        except tomllib.TOMLDecodeError:
            continue
    return {}, 0


def _has(value: object, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = cast("dict[str, object]", value)[key]
    return True
