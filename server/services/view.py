"""The base of everything that tools answer as data."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

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
