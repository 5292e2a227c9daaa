"""RoofLink's jobs below `/light/public/jobs/`, where their general data is changed. Each prospect is a job.

Types and rules of the change: https://developers.rooflink.com/reference/public-jobs-partial-update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.new_lead import EMAIL, STATES
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.prospect_rows import iso_date
from leadbridge.server.sandbox.records import Customer, Prospect, User
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

PATH = "/light/public/jobs/{job_id}/"
_JOB_TYPES = ("c", "r", "d", "m")
_BID_TYPES = ("c", "i", "r", "f")
_ROLES = ("rep", "rep_2", "marketing_rep", "project_manager")
_CREATE_ONLY = ("insurance_claim", "note")

Change = Callable[[], None]


def routes(options: Options, state: State) -> drf.Routes:
    """One job: shown, or changed in part."""

    def job_of(request: Request) -> Prospect | Response:
        job_id = positive_int(str(request.path_params["job_id"]))
        if job_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        return state.prospects.get(job_id) or drf.detail(404, "Not found.")

    async def show(request: Request) -> Response:
        job = job_of(request)
        return job if isinstance(job, Response) else JSONResponse(job_row(job))

    async def change(request: Request) -> Response:
        job = job_of(request)
        if isinstance(job, Response):
            return job
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        errors = change_job(options, state, job, body)
        if errors:
            return JSONResponse(errors, 400)
        state.record_write("rooflink", f"PATCH {PATH}", {"job_id": job.id}, body, job.id)
        return JSONResponse(job_row(job))

    return {PATH: {"GET": show, "PATCH": change}}


def change_job(options: Options, state: State, job: Prospect, body: JsonObject) -> Mapping[str, object]:
    """Set the fields that were sent, or say what is wrong with each; then nothing is set."""
    # assumption job-names
    sent = {name: value for name, value in body.items() if name not in options.unknown_job_fields}
    fields = drf.Fields(sent)
    for name in _CREATE_ONLY:
        if name in sent:
            # assumption create-only
            fields.refuse(name, "This field is for the creation of a job only.")
    changes = [*_texts(fields, sent, job), *_choices(fields, sent, job), *_related(fields, sent, state, job.customer)]
    errors: dict[str, object] = {**fields.errors}
    inner = fields.json_object("customer")
    if inner is not None:
        known = {name: value for name, value in inner.items() if f"customer.{name}" not in options.unknown_job_fields}
        customer_changes, wrong = _customer(known, job.customer)
        changes += customer_changes
        if wrong:
            errors["customer"] = wrong
    errors |= fields.errors
    if not errors:
        for apply in changes:
            apply()
        job.edited = options.now()
    return errors


def _texts(fields: drf.Fields, sent: JsonObject, job: Prospect) -> list[Change]:
    return [
        _setting(job, attribute, fields.text(name, limit=limit))
        for name, attribute, limit in (
            ("name", "title", None),
            ("address", "address", 200),
            ("city", "city", None),
            ("county", "county", None),
            ("zipcode", "zipcode", 12),
        )
        if name in sent
    ]


def _choices(fields: drf.Fields, sent: JsonObject, job: Prospect) -> list[Change]:
    changes: list[Change] = []
    if "job_type" in sent:
        changes.append(_setting(job, "job_type", fields.choice("job_type", _JOB_TYPES, 20)))
    for name, choices in (("bid_type", _BID_TYPES), ("state", STATES)):
        if name in sent:
            value = "" if sent[name] is None else fields.choice(name, choices, 20)
            changes.append(_setting(job, name, value))
    return changes


def _related(fields: drf.Fields, sent: JsonObject, state: State, customer: Customer) -> list[Change]:
    changes = [_setting(customer, name, fields.related(name, state.users)) for name in _ROLES if name in sent]
    if "lead_source" in sent:
        changes.append(_setting(customer, "lead_source", fields.related("lead_source", state.lead_sources)))
    if "region" in sent:
        region = fields.related("region", state.regions)
        if region is not None:
            changes.append(_setting(customer, "region", region))
    return changes


def _customer(sent: JsonObject, customer: Customer) -> tuple[list[Change], dict[str, list[str]]]:
    fields = drf.Fields(sent)
    changes: list[Change] = []
    for name in ("first_name", "last_name", "company_name", "email", "cell", "phone"):
        if name not in sent:
            continue
        value = fields.text(name, required=name == "first_name")
        if name == "email" and value and not EMAIL.fullmatch(value):
            fields.refuse(name, "Enter a valid email address.")
        changes.append(_setting(customer, name, value))
    return changes, fields.errors


def _setting(record: Prospect | Customer, attribute: str, value: object) -> Change:
    return lambda: setattr(record, attribute, value)


def _person(user: User | None) -> JsonObject | None:
    return {"id": user.id, "full_name": user.name, "email": user.email, "color": user.color} if user else None


def job_row(job: Prospect) -> JsonObject:
    """A job as this part of the API shows it; persons have a `full_name` here, and dates are ISO 8601."""
    # assumption job-body
    customer = job.customer
    source = customer.lead_source
    return {
        "id": job.id,
        "number": None,
        "name": job.title or None,
        "job_type": job.job_type,
        "bid_type": job.bid_type,
        "address": job.address,
        "city": job.city,
        "state": job.state,
        "zipcode": job.zipcode,
        "full_address": job.full_address,
        "region": {"id": customer.region.id, "name": customer.region.name, "color": customer.region.color},
        **{role: _person(getattr(customer, role)) for role in _ROLES},
        "customer": {
            "id": customer.id,
            "name": customer.name,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "company_name": customer.company_name or None,
        },
        "lead_source": {"id": source.id, "name": source.name} if source else None,
        "lead_status": {"label": job.lead_status, "color": "#7f7f7f"},
        "insurance_claim": None,
        "date_created": iso_date(job.created),
        "date_signed": None,
        "date_completed": "",
        "date_last_edited": iso_date(job.edited),
        "primary_estimate": None,
        "estimates": [],
        "custom_steps": {},
        "exclude_from_qb": False,
        "warranty_voided": False,
    }
