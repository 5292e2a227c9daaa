"""What an answer to a probe looks like, and whether the tool of its operation could read it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.services.renovationfind.api import lead_rows_of
from leadbridge.server.services.rooflink.models import counts_of, steps_of


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer: in words, whether it fits, and what is of use for the probes that follow."""

    message: str
    fits: bool
    rows: int = 0
    first_id: int | None = None


def shape_of(operation: Operation, answer: JsonValue) -> Seen:
    """Statistics and a checklist by their own readers; anything else as a list of rows, or as a record."""
    shape = "an array" if isinstance(answer, list) else "an object"
    if operation.name.endswith("stats"):
        counts = len(counts_of(answer))
        return Seen(f"{shape} with {counts} counts", bool(counts) or answer in ({}, []))
    if operation.name.endswith("checklist"):
        steps = sum(isinstance(step, dict) for step in steps_of(answer))
        return Seen(f"{shape} with {steps} steps", bool(steps))
    rows = rows_of(answer)
    if rows is None:
        inner = answer.get("data", answer) if isinstance(answer, dict) else answer
        record = isinstance(inner, dict) and ("id" in inner or not operation.variables)
        return Seen("a record" if record else "neither a list nor a record", record)
    if not rows:
        return Seen("a list without rows", fits=True)
    first = rows[0].get("id") if isinstance(rows[0], dict) else None
    identity = first if isinstance(first, int) and first > 0 else None
    return Seen("a list with rows", first is not None, rows=len(rows), first_id=identity)


def rows_of(answer: JsonValue) -> list[JsonValue] | None:
    """The rows of a list, bare or in an envelope; `None` if it is no list of records."""
    found = lead_rows_of(answer)
    return found.rows if found else None
