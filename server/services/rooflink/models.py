"""RoofLink's answers: prospects, their checklist steps, pages and statistics.

Shapes: public client code run against the live API; see `provenance` in the catalog. Everything but `id`
may be missing.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from leadbridge.server.services.values import (
    Answer,
    Count,
    Flag,
    Integer,
    Moment,
    Number,
    ObjectOnly,
    RecordId,
    Text,
    objects,
)

MARK = "leadbridge_write"
"""In a new record's free data, the name of the number of the write that made it."""
DEEPEST = 20
"""Statistics nested deeper than that do not count."""
COUNT_DIGITS = 18
"""A text of more digits is not a count."""


class Person(Answer):
    """An employee, as `{id, name}` or `{id, full_name}`, depending on the path tree."""

    id: Integer = None
    name: Text = None
    full_name: Text = None
    email: Text = None

    @property
    def label(self) -> str | None:
        """The name under whichever key it came."""
        return self.name or self.full_name


class Named(Answer):
    """A region or a lead source."""

    id: Integer = None
    name: Text = None


class Step(Answer):
    """One step of a prospect's pipeline or checklist."""

    key: Text = None
    name: Text = None
    complete: Flag = None
    date: Moment = None
    completed_by: Annotated[Person | None, ObjectOnly] = None
    deleted_by: Annotated[Person | None, ObjectOnly] = None
    permissions: Annotated[dict[str, JsonValue] | None, ObjectOnly] = None


class Photo(Answer):
    """A photo of a prospect's detail answer."""

    id: Integer = None
    name: Text = None


class Customer(Answer):
    """The customer of a prospect, with the assigned employees."""

    id: Integer = None
    name: Text = None
    cell: Text = None
    phone: Text = None
    email: Text = None
    lead_source: Annotated[Named | None, ObjectOnly] = None
    region: Annotated[Named | None, ObjectOnly] = None
    rep: Annotated[Person | None, ObjectOnly] = None
    rep_2: Annotated[Person | None, ObjectOnly] = None
    marketing_rep: Annotated[Person | None, ObjectOnly] = None
    project_manager: Annotated[Person | None, ObjectOnly] = None


class Prospect(Answer):
    """A prospect job; the detail answer is a superset of the list's row."""

    id: RecordId
    name: Text = None
    job_number: Text = None
    job_type: Text = None
    bid_type: Text = None
    customer: Annotated[Customer | None, ObjectOnly] = None
    date_created: Moment = None
    date_last_edited: Moment = None
    date_deleted: Moment = None
    full_address: Text = None
    city: Text = None
    state: Text = None
    zipcode: Text = None
    latitude: Number = None
    longitude: Number = None
    photo_count: Integer = None
    pipeline: list[Step] = Field(default_factory=list[Step])
    photos: Annotated[list[Photo], BeforeValidator(objects)] = Field(default_factory=list[Photo])

    @model_validator(mode="before")
    @classmethod
    def _steps_as_list(cls, value: JsonValue) -> JsonValue:
        if isinstance(value, dict) and "pipeline" in value:
            return {**value, "pipeline": objects(steps_of(value["pipeline"]))}
        return value

    def step(self, key: str) -> Step | None:
        """The pipeline step with this key."""
        return next((step for step in self.pipeline if step.key == key), None)

    @property
    def deleted(self) -> bool:
        """Whether the prospect is deleted, by its date or by its delete step."""
        step = self.step("delete")
        return bool(self.date_deleted or (step and step.complete))


class Page(Answer):
    """The envelope of a RoofLink list, without its rows."""

    count: Count = None
    from_index: Count = None
    to_index: Count = None
    next_page: Count = None
    unreadable: int = 0
    """Rows that cannot be used: not objects, or without a valid id. Counted here, not a field of the service."""


class Created(Answer):
    """What a create answers: ids under the names seen in RoofLink's other answers; all but `id` are assumed."""

    id: RecordId
    job_id: Integer = None
    customer_id: Integer = None
    customer: JsonValue = None

    @property
    def customer_identity(self) -> int | None:
        """The new customer's id, wherever it came."""
        if self.customer_id is not None:
            return self.customer_id
        found = self.customer.get("id") if isinstance(self.customer, dict) else self.customer
        return found if isinstance(found, int) and not isinstance(found, bool) else None


def steps_of(value: JsonValue) -> list[JsonValue]:
    """Checklist steps from an object keyed by step, an array of steps, or either inside a wrapper."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    for wrapper in ("steps", "checklist", "results", "items"):
        if isinstance(value.get(wrapper), (list, dict)):
            return steps_of(value[wrapper])
    return [{"key": key, **row} for key, row in value.items() if isinstance(row, dict)]


def counts_of(value: JsonValue, prefix: str = "", depth: int = 0) -> list[tuple[str, int]]:
    """Statistics as (filter, count) rows from an object, an array of named counts, or a nesting of them."""
    if depth > DEEPEST:
        return []
    if isinstance(value, list):
        return [row for item in value for row in counts_of(item, prefix, depth + 1)]
    if not isinstance(value, dict):
        return []
    names = [value.get(key) for key in ("name", "label", "key", "filter")]
    name = next((text for text in names if isinstance(text, str)), None)
    count = next((found for key in ("count", "total", "value") if (found := _count(value.get(key))) is not None), None)
    if name is not None and count is not None:
        return [(prefix + name, count)]
    rows: list[tuple[str, int]] = []
    for key, item in value.items():
        number = _count(item)
        rows += [(f"{prefix}{key}", number)] if number is not None else counts_of(item, f"{prefix}{key}: ", depth + 1)
    return rows


def _count(value: JsonValue) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() and len(value) <= COUNT_DIGITS else None
    return value if isinstance(value, int) else None


class CustomerRecord(Answer):
    """A customer; `user_id` is another number than `id` for the same person. What else there is, is kept."""

    id: RecordId
    user_id: Integer = None
    name: Text = None
    email: Text = None
    cell: Text = None
    phone: Text = None
    phone_ext: Text = None
    region: Annotated[Named | None, ObjectOnly] = None
    rep: Annotated[Person | None, ObjectOnly] = None
    date_created: Moment = None
