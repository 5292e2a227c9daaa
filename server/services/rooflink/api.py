"""RoofLink's read operations, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from leadbridge.server.call_scope import off_loop, tell_cut
from leadbridge.server.catalog import Catalog
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.errors import NotFound
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.rooflink.models import Page, Prospect, Step, counts_of, steps_of
from leadbridge.server.services.values import Answer, readable_rows

M = TypeVar("M", bound=Answer)

MOST_ROWS = 100
"""Of one page, RoofLink's largest, whatever comes."""
MOST_COUNTS = 500
MOST_OF_DAYS = 1_000


class RoofLink:
    """Typed reads over the shared client. Errors are those of `ServiceClient.request`."""

    def __init__(self, client: ServiceClient, catalog: Catalog) -> None:
        self.client = client
        self._catalog = catalog

    async def page(
        self,
        operation_id: str,
        model: type[M],
        query: Mapping[str, Scalar | None],
        extra: Mapping[str, str] | None = None,
        path: Mapping[str, int] | None = None,
    ) -> tuple[Page, list[M]]:
        """One page of a list in RoofLink's envelope; `query` by our argument names, `extra` by the service's own.

        A page that does not exist is answered with 404, as Django REST framework does.
        """
        operation = self._catalog[operation_id]
        sent = {**operation.encode_query(query), **(extra or {})}
        try:
            answer = await self.client.request(operation, path=path, query=sent)
        except NotFound as error:
            if isinstance(number := query.get("page"), int) and number > 1:
                error.what = f"RoofLink has no page {number} here (404): most likely the list ends before."
                error.next_step, error.hints = "Begin with page=1 and go on with its next_page.", []
            raise
        rows = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(rows, list):
            raise self._odd(operation_id, "no list of results")
        most = max(size if isinstance(size := query.get("page_size"), int) else 0, MOST_ROWS)
        if len(rows) > most:
            tell_cut(f"RoofLink sent {len(rows):,} rows at once: the first {most} are read.")
            del rows[most:]
        page = self._read(Page, {name: value for name, value in answer.items() if name != "results"}, operation_id)
        records, page.unreadable = await off_loop(self._records, model, rows, operation_id)
        return page, records

    async def one(self, operation_id: str, model: type[M], path: Mapping[str, int]) -> M:
        """One record, by its id, the variable of the operation's path."""
        answer = await self.client.request(self._catalog[operation_id], path=path)
        record = await off_loop(self._read, model, answer, operation_id)
        (asked,) = path.values()
        if (identity := getattr(record, "id", asked)) != asked:
            raise self._odd(operation_id, f"record {identity} instead of the one asked for, {asked}")
        return record

    async def rows(self, operation_id: str, model: type[M], query: Mapping[str, Scalar | None]) -> tuple[list[M], int]:
        """A list that comes whole, without an envelope, and how many rows of it cannot be used."""
        operation = self._catalog[operation_id]
        answer = await self.client.request(operation, query=operation.encode_query(query))
        if not isinstance(answer, list):
            raise self._odd(operation_id, "no list")
        return await off_loop(self._records, model, answer, operation_id)

    async def by_day(
        self, operation_id: str, model: type[M], query: Mapping[str, Scalar | None]
    ) -> tuple[dict[str, list[M]], int]:
        """Lists keyed by day (`YYYY-MM-DD`), in the service's order, and how many rows or days cannot be used."""
        operation = self._catalog[operation_id]
        answer = await self.client.request(operation, query=operation.encode_query(query))
        days = {day: rows for day, rows in answer.items() if isinstance(rows, list)} if isinstance(answer, dict) else {}
        if not isinstance(answer, dict) or (answer and not days):
            raise self._odd(operation_id, "no lists by day")
        left = MOST_OF_DAYS
        for rows in days.values():
            del rows[left:]
            left -= len(rows)
        if not left:
            tell_cut(f"RoofLink sent very many rows: the first {MOST_OF_DAYS:,} are read.")
        read = {day: await off_loop(self._records, model, rows, operation_id) for day, rows in days.items()}
        unreadable = len(answer) - len(days) + sum(count for _, count in read.values())
        return {day: records for day, (records, _) in read.items()}, unreadable

    async def counts(self, operation_id: str, query: Mapping[str, Scalar | None]) -> list[tuple[str, int]]:
        """Statistics of whatever shape, as names and counts in the service's order."""
        operation = self._catalog[operation_id]
        answer = await self.client.request(operation, query=operation.encode_query(query))
        counts = await off_loop(counts_of, answer)
        if not counts and answer not in ({}, []):
            raise self._odd(operation_id, "no counts that can be recognised")
        if len(counts) > MOST_COUNTS:
            tell_cut(f"RoofLink sent {len(counts):,} counts: the first {MOST_COUNTS} are read.")
        return counts[:MOST_COUNTS]

    async def list_prospects(
        self, filters: Mapping[str, Scalar | None], extra: Mapping[str, str] | None = None
    ) -> tuple[Page, list[Prospect]]:
        """One page of prospects, newest first; `filters` by our argument names, `extra` by the service's own."""
        return await self.page("rooflink.list_prospects", Prospect, filters, extra)

    async def get_prospect(self, prospect_id: int) -> Prospect:
        """One prospect in full."""
        return await self.one("rooflink.get_prospect", Prospect, {"prospect_id": prospect_id})

    async def prospect_stats(self) -> list[tuple[str, int]]:
        """Counts by filter, predefined and custom, in the service's order."""
        return await self.counts("rooflink.prospect_stats", {})

    async def prospect_checklist(self, prospect_id: int) -> tuple[list[Step], int]:
        """The checklist's steps in the service's order, and how many of them cannot be used."""
        operation = self._catalog["rooflink.prospect_checklist"]
        answer = await self.client.request(operation, path={"prospect_id": prospect_id})
        steps, unreadable = await off_loop(self._records, Step, steps_of(answer), operation.id)
        if not steps and answer not in ({}, []):
            raise self._odd(operation.id, "no steps that can be recognised")
        return steps, unreadable

    def _records(self, model: type[M], rows: list[JsonValue], operation_id: str) -> tuple[list[M], int]:
        """The rows that can be used, and how many cannot. One bad row is no reason to lose the others.

        Raises:
            ServiceError: there are several, and none can be used: what came is something else.
        """
        records = readable_rows(model, rows)
        unreadable = len(rows) - len(records)
        if unreadable > 1 and not records:
            raise self._odd(operation_id, "rows without a usable 'id'")
        return records, unreadable

    def _read(self, model: type[M], value: JsonValue, operation_id: str) -> M:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"]) or "an object"
            raise self._odd(operation_id, f"an answer without a usable {where!r}") from None

    def _odd(self, operation_id: str, why: str) -> Exception:
        return unreadable(why, self._catalog[operation_id], self.client.service)
