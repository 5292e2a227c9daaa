"""RoofLink's customers, who come into being with their jobs.

From https://developers.rooflink.com/reference/customers, and what public code received from the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.new_lead import EMAIL
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_rows import iso_date
from leadbridge.server.sandbox.public_jobs import job_row
from leadbridge.server.sandbox.records import Prospect
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

PATH = "/light/customers/"


class Customers:
    """The operations on customers over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state

    def routes(self) -> drf.Routes:
        """What is answered."""
        routes: dict[str, Mapping[str, drf.Handler]] = {}
        if self._options.update_customer_email_path:
            change = self.update_email
            routes[self._options.update_customer_email_path] = {"POST": change, "PUT": change, "PATCH": change}
        if self._options.search_jobs_path:
            routes[self._options.search_jobs_path] = {"GET": self.search_jobs}
        # The chosen paths come first: `email` would be read as an id.
        return {**routes, PATH: {"GET": self.list}, f"{PATH}{{customer_id}}/": {"GET": self.retrieve}}

    def _jobs(self) -> Iterable[Prospect]:
        """One job of each customer, the newest customer first."""
        return sorted(self._state.prospects.values(), key=lambda job: job.customer.id, reverse=True)

    async def list(self, request: Request) -> Response:
        """Customers by rep and region, as far as these filters are honoured."""
        # assumption customer-filters
        rows = list(self._jobs())
        for name in ("rep", "region"):
            value = request.query_params.get(name, "")
            if not value or name not in self._options.customer_filters:
                continue
            wanted = positive_int(value)
            if wanted is None:
                return JSONResponse({name: ["Enter a number."]}, 400)
            rows = [job for job in rows if _id_of(job, name) == wanted]
        return drf.page(request, rows, customer_row, self._options.max_page_size, self._options.next_origin)

    async def retrieve(self, request: Request) -> Response:
        """One customer in full."""
        customer_id = positive_int(str(request.path_params["customer_id"]))
        if customer_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        job = next((job for job in self._jobs() if job.customer.id == customer_id), None)
        return drf.detail(404, "Not found.") if job is None else JSONResponse(_detail(job))

    async def update_email(self, request: Request) -> Response:
        """Another e-mail address for the customer of a job."""
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        job = self._state.prospects.get(_variable(request, "job_id", body.get("job")))
        if job is None:
            return drf.detail(404, "Not found.")
        fields = drf.Fields(body)
        email = fields.text("email", required=True)
        if email and not EMAIL.fullmatch(email):
            fields.refuse("email", "Enter a valid email address.")
        if fields.errors:
            return JSONResponse(fields.errors, 400)
        job.customer.email = email
        operation = f"{request.method} {self._options.update_customer_email_path}"
        self._state.record_write("rooflink", operation, {"job_id": job.id}, body, job.customer.id)
        return JSONResponse(_detail(job))

    async def search_jobs(self, request: Request) -> Response:
        """The jobs of a customer."""
        customer_id = _variable(request, "customer_id", request.query_params.get("customer"))
        rows = [job for job in self._state.prospects.values() if job.customer.id == customer_id]
        return drf.page(request, rows, job_row, self._options.max_page_size, self._options.next_origin)


def _variable(request: Request, name: str, otherwise: object) -> int:
    """An id in the path, else where the caller put it; 0 for none."""
    return positive_int(str(request.path_params.get(name, otherwise))) or 0


def _id_of(job: Prospect, name: str) -> int | None:
    if name == "region":
        return job.customer.region.id
    return job.customer.rep.id if job.customer.rep else None


def customer_row(job: Prospect) -> JsonObject:
    """A row of the list of customers, by one of the customer's jobs."""
    customer = job.customer
    rep, region = customer.rep, customer.region
    return {
        "id": customer.id,
        "user_id": customer.user_id,
        "name": customer.name,
        "email": customer.email,
        "cell": customer.cell,
        "phone": customer.phone,
        "phone_ext": "",
        "region": {"id": region.id, "name": region.name, "color": region.color},
        "rep": {"id": rep.id, "name": rep.name, "email": rep.email, "color": rep.color} if rep else None,
    }


def _detail(job: Prospect) -> JsonObject:
    # assumption customer-detail
    customer = job.customer
    return {
        **customer_row(job),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "company_name": customer.company_name or None,
        "address": job.address,
        "city": job.city,
        "state": job.state,
        "zipcode": job.zipcode,
        "date_created": iso_date(job.created),
    }
