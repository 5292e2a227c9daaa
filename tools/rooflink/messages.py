"""A message as it goes out: whole, and with nothing in it that a person who approves it cannot see."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from leadbridge.server.mcp.arguments import LongText

LONGEST = 10_000
MOST_LINES = 300
"""So that nothing hides below a thousand empty lines."""


def _seen(value: str) -> str:
    if value.count("\n") >= MOST_LINES:
        msg = f"must have at most {MOST_LINES} lines"
        raise ValueError(msg)
    return value


Message = Annotated[
    LongText, Field(min_length=1, max_length=LONGEST, description="The whole text"), AfterValidator(_seen)
]
