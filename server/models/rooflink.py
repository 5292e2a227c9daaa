"""RoofLink's answers: prospects, their checklist steps, pages and statistics.

Shapes: public client code run against the live API; see `provenance` in the catalog. Everything but `id` may be missing.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from server.models.values import Answer, Flag, Integer, Moment, Number, ObjectOnly, Text


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
    permissions: Annotated[dict[str, Any] | None, ObjectOnly] = None


class Customer(Answer):
    """The customer of a prospect, with the assigned employees."""

    id: Integer = None
    user_id: Integer = None
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

    id: int
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
    pipeline: list[Step] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _steps_as_list(cls, value: Any) -> Any:
        if isinstance(value, dict) and "pipeline" in value:
            return {**value, "pipeline": steps_of(value["pipeline"])}
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
    """The envelope of a RoofLink list."""

    count: Integer = None
    from_index: Integer = None
    to_index: Integer = None
    next_page: Integer = None
    results: list[Any] = Field(default_factory=list)


class Created(Answer):
    """What a create answers: ids under the names seen in RoofLink's other answers; all but `id` are assumed."""

    id: int
    job_id: Integer = None
    customer_id: Integer = None
    customer: Any = None

    @property
    def customer_identity(self) -> int | None:
        """The new customer's id, wherever it came."""
        if self.customer_id is not None:
            return self.customer_id
        if isinstance(self.customer, dict):
            found = self.customer.get("id")
            return found if isinstance(found, int) else None
        return self.customer if isinstance(self.customer, int) else None


def steps_of(value: Any) -> list[dict[str, Any]]:
    """Checklist steps from an object keyed by step, an array of steps, or either inside a wrapper."""
    if isinstance(value, list):
        return [row for row in value if isinstance(row, dict)]
    if not isinstance(value, dict):
        return []
    for wrapper in ("steps", "checklist", "results", "items"):
        if isinstance(value.get(wrapper), (list, dict)):
            return steps_of(value[wrapper])
    return [{"key": key, **row} for key, row in value.items() if isinstance(row, dict)]


def counts_of(value: Any, prefix: str = "") -> list[tuple[str, int]]:
    """Statistics as (filter, count) rows from an object, an array of named counts, or a nesting of them."""
    rows: list[tuple[str, int]] = []
    if isinstance(value, list):
        for item in value:
            rows += counts_of(item, prefix)
    elif isinstance(value, dict):
        label = next((value[key] for key in ("name", "label", "key", "filter") if isinstance(value.get(key), str)), None)
        count = next((value[key] for key in ("count", "total", "value") if _is_count(value.get(key))), None)
        if label is not None and count is not None:
            return [(prefix + label, int(count))]
        for key, item in value.items():
            if _is_count(item):
                rows.append((f"{prefix}{key}", int(item)))
            elif isinstance(item, (dict, list)):
                rows += counts_of(item, f"{prefix}{key}: ")
    return rows


def _is_count(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and value.strip().isdigit())
