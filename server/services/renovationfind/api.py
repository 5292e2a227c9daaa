"""RenovationFind's read operations, typed. No page documents them: their paths and names are inferred.

A list of leads is read in each of the usual envelopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from leadbridge.server.call_scope import off_loop
from leadbridge.server.catalog import Catalog
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.renovationfind.models import Envelope, Lead
from leadbridge.server.services.values import readable_rows


class RenovationFind:
    """Typed reads over the shared client. Errors are those of `ServiceClient.request`."""

    def __init__(self, client: ServiceClient, catalog: Catalog) -> None:
        self.client = client
        self._catalog = catalog

    async def list_leads(
        self, query: Mapping[str, Scalar | None], extra: Mapping[str, str] | None = None
    ) -> tuple[LeadRows, list[Lead]]:
        """One page of leads, or all of them; `query` by our argument names, `extra` by the service's own."""
        operation = self._catalog["renovationfind.list_leads"]
        answer = await self.client.request(operation, query={**operation.encode_query(query), **(extra or {})})
        found = lead_rows_of(answer)
        if found is None:
            raise self._odd(operation.id, "no list of leads that can be recognised")
        leads = await off_loop(readable_rows, Lead, found.rows)
        if not leads and len(found.rows) > 1:
            raise self._odd(operation.id, "leads without a usable id")
        return found, leads

    async def get_lead(self, lead_id: int) -> Lead:
        """One lead in full, in the `{success, data}` envelope or bare."""
        operation = self._catalog["renovationfind.get_lead"]
        answer = await self.client.request(operation, path={"lead_id": lead_id})
        bare = isinstance(answer, dict) and "data" not in answer
        try:
            data = answer if bare else Envelope.model_validate(answer).data
            lead = await off_loop(self._lead, data, operation.id)
        except ValidationError:
            raise self._odd(operation.id, "an answer that is no object") from None
        if lead.id != lead_id:
            raise self._odd(operation.id, f"lead {lead.id} instead of the one asked for, {lead_id}")
        return lead

    def _lead(self, value: JsonValue | object, operation_id: str) -> Lead:
        try:
            return Lead.model_validate(value)
        except ValidationError:
            raise self._odd(operation_id, "a lead without a usable id") from None

    def _odd(self, operation_id: str, why: str) -> Exception:
        return unreadable(why, self._catalog[operation_id], self.client.service)


_ROWS = ("data", "items", "content", "results", "leads", "rows")
_TOTALS = ("total", "totalCount", "totalElements", "count")
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class LeadRows:
    """The rows as they came, and what the envelope said of the whole."""

    rows: list[JsonValue]
    total: int | None = None
    goes_on: bool | None = None
    """Whether there is a next page; `None` where the envelope does not say."""


def lead_rows_of(answer: JsonValue) -> LeadRows | None:
    """Rows of an array, of `{data: [...]}`, of `{data: {items|content|results: [...]}}`, or of pages like RoofLink's.

    Nothing where no list of objects can be recognised.
    """
    envelope: dict[str, JsonValue] = {}
    value: JsonValue = answer
    for _ in range(_DEEPEST):
        if isinstance(value, list):
            usable = not value or any(isinstance(row, dict) for row in value)
            return LeadRows(value, _total(envelope), _goes_on(envelope)) if usable else None
        if not isinstance(value, dict):
            return None
        envelope |= value
        value = _inner(value)
    return None


def _inner(envelope: dict[str, JsonValue]) -> JsonValue:
    found = (envelope.get(name) for name in _ROWS)
    return next((inner for inner in found if isinstance(inner, (list, dict))), None)


def _total(envelope: dict[str, JsonValue]) -> int | None:
    found = (envelope.get(name) for name in _TOTALS)
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= 0), None)


def _goes_on(envelope: dict[str, JsonValue]) -> bool | None:
    if isinstance(last := envelope.get("last"), bool):
        return not last
    for name in ("hasNext", "hasMore"):
        if isinstance(more := envelope.get(name), bool):
            return more
    return bool(envelope["next"]) if "next" in envelope else None
