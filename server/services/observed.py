"""What this process has seen of a service that its documentation does not say: names only, counted, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leadbridge.server.catalog.operation import Operation, Scalar
from leadbridge.server.services.values import Answer

MOST_NAMES = 200
"""Of one service, so that a service that makes up names fills no memory."""
_LONGEST = 60

Key = tuple[str, str, str]
"""Operation, kind (`field`, `value`, `path`), name."""


@dataclass(slots=True)
class Observed:
    """Counts of one service's unexpected names, and of answers of 404 where the path is inferred."""

    counts: Counter[Key] = field(default_factory=Counter[Key])
    worked: set[str] = field(default_factory=set[str])
    """Operations that were answered well: their path is right."""
    last_date: str = ""
    """The `Date` header of the last answer."""
    _turn: int = -1
    _flushed: dict[Key, int] = field(default_factory=dict[Key, int])

    def sample_row(self, operation_id: str, records: Sequence[Answer]) -> None:
        """Look at one row of a page, each time at the next: a field that is new is in all of them."""
        if records:
            self._turn += 1
            self.record_unexpected(operation_id, records[self._turn % len(records)])

    def record_unexpected(self, operation_id: str, record: Answer, within: str = "") -> None:
        """Count the fields of a record and its customer that their models do not know, and values that no list has.

        Every read comes through here, so that it works on the record's own dictionaries.
        """
        extra, values = record.model_extra, record.__dict__
        if extra and record.EXPECTED is not None and not extra.keys() <= record.EXPECTED:
            for name in extra.keys() - record.EXPECTED:
                self._count(operation_id, "field", within + name)
        for name, known in record.VALUES.items():
            value = values[name]
            if value is not None and value not in known:
                self._count(operation_id, "value", f"{within}{name}={value}")
        if (inner := values.get("customer")) is not None and not within and isinstance(inner, Answer):
            self.record_unexpected(operation_id, inner, "customer.")

    def not_found(self, operation: Operation, query: Mapping[str, Scalar]) -> None:
        """Count an answer of 404 where the path is inferred. After the first page it may be the end of the list."""
        page = str(query.get("page", ""))
        later = page.isdecimal() and int(page) > 1
        if not operation.path_is_certain and not later:
            self._count(operation.id, "path", operation.path)

    def unsaved(self) -> dict[Key, int]:
        """Counts since they were last saved; a path that worked since is none."""
        return {
            key: count - self._flushed.get(key, 0)
            for key, count in self.counts.items()
            if count > self._flushed.get(key, 0) and not (key[1] == "path" and key[0] in self.worked)
        }

    def saved(self, counts: Mapping[Key, int]) -> None:
        """These are saved."""
        for key, count in counts.items():
            self._flushed[key] = self._flushed.get(key, 0) + count

    def _count(self, operation_id: str, kind: str, name: str) -> None:
        key = (operation_id, kind, name[:_LONGEST])
        if key in self.counts or len(self.counts) < MOST_NAMES:
            self.counts[key] += 1
