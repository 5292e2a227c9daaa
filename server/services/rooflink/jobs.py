"""A RoofLink job as an answer shows it, read by the names that the catalog gives its fields on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.services.values import Answer, RecordId

_DELETION = ("date_deleted", "pipeline")


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of an answer: its value, for a person or region the id, and its text, empty for nothing."""

    value: str | int | float | bool | None
    text: str


class JobRecord(Answer):
    """A job or a prospect; all that is said of it but the id is kept as it came."""

    id: RecordId

    @property
    def deleted(self) -> bool:
        """Whether RoofLink shows it as deleted, by its date or by its delete step."""
        extra = self.model_extra or {}
        return Prospect.model_validate({"id": self.id, **{name: extra.get(name) for name in _DELETION}}).deleted

    def shows(self, wire: str) -> Shown | None:
        """The field at a name such as `city` or `customer.first_name`; `None` where the answer does not have it.

        The prospect's answer has the assigned persons, the region and the lead source in its customer.
        """
        found = self._at(wire)
        if found is _ABSENT and "." not in wire:
            inner = self._at(f"customer.{wire}")
            found = _ABSENT if isinstance(inner, str) and inner else inner
        return None if isinstance(found, (_Absent, list)) else _shown(found)

    def _at(self, wire: str) -> JsonValue | _Absent:
        found: JsonValue | _Absent = dict(self.model_extra or {})
        for part in wire.split("."):
            if not isinstance(found, dict) or part not in found:
                return _ABSENT
            found = found[part]
        return found


class _Absent:
    """Not in the answer, which is something else than null."""


_ABSENT = _Absent()


def _shown(value: JsonValue) -> Shown:
    if isinstance(value, dict):
        identity = value.get("id")
        number = identity if isinstance(identity, (int, str)) else None
        name = next((text for key in ("name", "full_name", "label") if isinstance(text := value.get(key), str)), "")
        return Shown(number, f"{name} (id {number})" if name and number is not None else name or str(number or ""))
    if value is None or isinstance(value, list):
        return Shown(None, "")
    return Shown(value, str(value))
