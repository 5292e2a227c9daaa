"""RoofLink's regions and the lists behind its reports: approved jobs, their statistics, all jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_rows import COMPANY_TIME, display_date, list_row
from leadbridge.server.sandbox.public_jobs import job_row
from leadbridge.server.sandbox.records import Prospect, Region
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

Bound: TypeAlias = Literal["date_from", "date_to"]
_BAD_DATE = "Enter a valid date/time."
_ORDERINGS: Mapping[str, Callable[[Prospect], datetime]] = {
    "date_created": lambda job: job.created,
    "date_last_edited": lambda job: job.edited,
}
_LARGEST_REPORT = 250


class Reports:
    """The operations over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state

    def routes(self) -> drf.Routes:
        """What is answered."""
        return {
            "/light/regions/": {"GET": self.regions},
            "/light/regions/{region_id}/": {"GET": self.region},
            "/light/jobs/approved/": {"GET": self.approved},
            "/light/jobs/approved/stats/": {"GET": self.approved_stats},
            "/light/public/jobs/": {"GET": self.jobs},
        }

    async def regions(self, request: Request) -> Response:
        """All regions, or those whose name has the searched text."""
        # assumption regions
        wanted = request.query_params.get("search", "").casefold()
        rows = [region for region in self._state.regions.values() if wanted in region.name.casefold()]
        return drf.page(request, rows, _region_row, self._options.max_page_size, self._options.next_origin)

    async def region(self, request: Request) -> Response:
        """One region in full."""
        region_id = positive_int(str(request.path_params["region_id"]))
        if region_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        found = self._state.regions.get(region_id)
        return drf.detail(404, "Not found.") if found is None else JSONResponse(self._region_detail(found))

    async def approved(self, request: Request) -> Response:
        """Approved jobs, the newest approval first."""
        found = self._approved(request.query_params)
        if isinstance(found, Response):
            return found
        return drf.page(request, found, _approved_row, _LARGEST_REPORT, self._options.next_origin)

    async def approved_stats(self, request: Request) -> Response:
        """How many jobs are approved, in all and by status."""
        found = self._approved(request.query_params)
        if isinstance(found, Response):
            return found
        # assumption approved-stats
        by_status = Counter(_job_status(job) for job in found)
        return JSONResponse({"total": len(found), "by_status": [{"name": k, "count": n} for k, n in by_status.items()]})

    async def jobs(self, request: Request) -> Response:
        """All jobs; `ordering` and `date_last_edited__gte` are those that were seen to work."""
        query = request.query_params
        rows = list(self._state.prospects.values())
        if edited := query.get("date_last_edited__gte"):
            try:
                # UTC: so the authors of public code send it
                since = datetime.strptime(f"{edited}+0000", "%Y-%m-%d %H:%M:%S%z")
            except ValueError:
                return JSONResponse({"date_last_edited__gte": [_BAD_DATE]}, 400)
            rows = [job for job in rows if job.edited >= since]
        ordering = query.get("ordering", "")
        if key := _ORDERINGS.get(ordering.removeprefix("-")):
            rows.sort(key=key, reverse=ordering.startswith("-"))
        return drf.page(request, rows, job_row, self._options.max_page_size, self._options.next_origin)

    def _approved(self, query: Mapping[str, str]) -> list[Prospect] | Response:
        # assumption approved-jobs
        rows = [job for job in self._state.prospects.values() if job.submitted and not job.deleted]
        rows.sort(key=_approved_at, reverse=True)
        for name in ("date_from", "date_to"):
            if not (text := query.get(name)):
                continue
            try:
                day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=COMPANY_TIME).date()
            except ValueError:
                return JSONResponse({name: [_BAD_DATE]}, 400)
            rows = [job for job in rows if (there := _approved_at(job).astimezone(COMPANY_TIME).date()) == day
                    or (there > day) == (name == "date_from")]  # fmt: skip
        return rows

    def _region_detail(self, region: Region) -> JsonObject:
        # assumption region-detail
        manager = next(iter(self._state.users.values()))
        return {
            **_region_row(region),
            "dba": f"{region.name} Roofing",
            "phone": "(972) 555-0190",
            "email": "office@example.com",
            "timezone": "America/Chicago",
            "overhead": 12.5,
            "office_manager": {"id": manager.id, "name": manager.name, "email": manager.email},
            "supplier_config": {"branch": "0042", "ship_to": ""},
            "notes": region.notes,
            "job_count": sum(job.customer.region.id == region.id for job in self._state.prospects.values()),
        }


def _region_row(region: Region) -> JsonObject:
    return {"id": region.id, "name": region.name, "color": region.color, "is_active": True}


def _approved_at(job: Prospect) -> datetime:
    return job.submitted.at if job.submitted else job.edited


def _job_status(job: Prospect) -> str:
    return ("Production", "Completed", "Closed")[job.id % 3]


def _approved_row(job: Prospect) -> JsonObject:
    row = list_row(job)
    for name in ("photo_count", "pipeline"):
        del row[name]
    closed = _job_status(job) == "Closed"
    return {
        **row,
        "date_approved": display_date(_approved_at(job)),
        "date_closed": display_date(job.edited) if closed else "",
        "job_status": {"label": _job_status(job), "color": "#2ca02c"},
        "last_note": job.description or None,
    }
