"""What this process has seen of a service: which paths work, and which inferred ones answered 404."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadbridge.server.catalog.operation import Operation, Scalar


@dataclass(slots=True)
class Observed:
    """Of one service."""

    missing: dict[str, str] = field(default_factory=dict[str, str])
    """By operation: its inferred path, which answered 404."""
    worked: set[str] = field(default_factory=set[str])
    """Operations that were answered well: their path is right."""
    last_date: str = ""
    """The `Date` header of the last answer."""

    def not_found(self, operation: Operation, query: Mapping[str, Scalar]) -> None:
        """Keep an answer of 404 where the path is inferred. After the first page it may be the end of the list."""
        page = str(query.get("page", ""))
        later = page.isdecimal() and int(page) > 1
        if not operation.path_is_certain and not later:
            self.missing[operation.id] = operation.path
