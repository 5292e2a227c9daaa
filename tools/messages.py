"""A message as it goes out: whole, and with nothing in it that a person who approves it cannot see."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from server.untrusted import CLOSE, OPEN

LONGEST = 10_000
MOST_LINES = 300
"""So that nothing hides below a thousand empty lines."""
_JOINERS = frozenset("\u200c\u200d\ufe0f")
"""Invisible, but parts of emoji and of Persian and Indian words."""
_BREAKS = frozenset("\n\t")
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters that show nothing."""


def _plain(value: object) -> object:
    """Without the marks around other people's text, which a model may have copied along; one kind of line break."""
    if not isinstance(value, str):
        return value
    return value.replace(OPEN, "").replace(CLOSE, "").replace("\r\n", "\n").replace("\r", "\n")


def _seen(value: str) -> str:
    if not value.strip():
        msg = "must not be blank (LeadBridge's own rule)"
        raise ValueError(msg)
    hidden = [character for character in value if _is_hidden(character)]
    if hidden:
        msg = f"holds a character that cannot be seen (U+{ord(hidden[0]):04X}); leave it out"
        raise ValueError(msg)
    if value.count("\n") >= MOST_LINES:
        msg = f"must have at most {MOST_LINES} lines"
        raise ValueError(msg)
    return value


def _is_hidden(character: str) -> bool:
    if character in _JOINERS or character in _BREAKS:
        return False
    return character in _FILLERS or unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


Message = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST, strict=True, description="The whole text"),
    BeforeValidator(_plain),
    AfterValidator(_seen),
]


def message_lines(message: str) -> tuple[str, ...]:
    """Each line of a message behind a sign of ours, so that none passes for a line of the preview."""
    return tuple(f"> {line}" for line in message.split("\n"))
