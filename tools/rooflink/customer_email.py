"""The e-mail address of a RoofLink job's customer.

Source: https://developers.rooflink.com/reference/customers
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import Field, JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.errors import Problem, Refused, Rejected
from leadbridge.server.mcp.arguments import Email
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.services.rooflink.jobs import JobRecord, Shown
from leadbridge.server.text import in_sentence, label
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, UntilChanged, Write
from leadbridge.server.writes.preview import Becomes
from leadbridge.tools.rooflink.job_changes import read_job_before_change, text_before
from leadbridge.tools.rooflink.jobs import JobId


async def rooflink_update_customer_email(
    ctx: Ctx, job_id: JobId, email: Annotated[Email, Field(description="The customer's new address")]
) -> Write:
    """Set the e-mail address of a RoofLink job's customer.

    The receipt shows before and after. rooflink_update_job changes other contact data.
    """
    app = app_context(ctx)
    operation = app.operation("rooflink.update_customer_email")
    record, unknown = await read_job_before_change(app, job_id)
    before = record.shows("customer.email") if record else None
    ids = {"job_id": job_id}
    if "customer_id" in operation.variables:
        ids["customer_id"] = _customer_of(record, job_id, unknown)
    path, body = operation.placed(ids)
    change = partial(_changed, app, operation, job_id, email, before)

    async def look_for(_since: float) -> Done | None:
        found = await app.rooflink.one("rooflink.get_prospect", JobRecord, {"prospect_id": job_id})
        shown = found.shows("customer.email")
        return change(shown) if shown is not None and shown.is_like(email) else None

    def receive(answer: JsonValue) -> Done:
        shown = _email_in(answer)
        if shown is None and answer is not None and not _is_record(answer):
            what = "an answer without the address and without a record"
            raise unreadable(what, operation, app.catalog.services["rooflink"], None)
        return change(shown)

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive,
            path=path,
            body=operation.encode_body({**body, "email": email}),
            look_for=look_for,
        ),
        subject=Subject(f"job {job_id}", f"job {job_id}"),
        arguments={"job_id": job_id, "email": email},
        preview=Preview(
            lines=(
                f"Set the e-mail address of job {job_id}'s customer in RoofLink.",
                ("E-mail", Becomes(text_before(before), email)),
            ),
            said=frozenset({"job_id", "email"}),
            notes=(unknown,) if unknown else (),
            before={"email": _text(before)} if before is not None else {},
        ),
        repeat=UntilChanged(
            sets=frozenset({"email", "customer_email"}), changed=before is not None and not before.is_like(email)
        ),
    )


def _customer_of(record: JobRecord | None, job_id: int, unknown: str) -> int:
    shown = record.shows("customer.id") if record else None
    if shown is None or not isinstance(shown.value, int) or shown.value <= 0:
        raise Refused(
            "customer_unknown",
            f"the path of this operation needs the customer's id. {unknown}".strip(),
            f"Set it in RoofLink, on job {job_id}.",
        )
    return shown.value


def _is_record(answer: JsonValue) -> bool:
    """Whether an answer is about a record at all: a customer or a job."""
    return isinstance(answer, dict) and isinstance(answer.get("id"), int)


def _email_in(answer: JsonValue) -> Shown | None:
    """The address in an answer about a customer or a job, whatever else it is."""
    if not isinstance(answer, dict):
        return None
    record = JobRecord.model_validate({"id": 1, **{name: value for name, value in answer.items() if name != "id"}})
    return record.shows("email") or record.shows("customer.email")


def _changed(
    app: AppContext, operation: Operation, job_id: int, email: str, before: Shown | None, shown: Shown | None
) -> Done:
    warnings: list[str] = []
    told = f"The e-mail address of job {job_id}'s customer is set."
    if shown is None:
        told = f"RoofLink took the new e-mail address of job {job_id}'s customer."
        warnings.append("Not confirmed: the answer does not show the address.")
    elif not shown.is_like(email):
        if before is not None and shown.value == before.value:
            raise Rejected(
                what=f"RoofLink took the request and left job {job_id} as it was: it still shows {_said(shown)}.",
                service=app.catalog.services["rooflink"].id,
                operation=operation.id,
            )
        told = f"RoofLink answers with another e-mail address of job {job_id}'s customer."
        warnings.append(f"The service answers with email {_said(shown)}, not with what was sent.")
    after = shown if shown is not None else before
    return Done(
        summary=told,
        record_id=job_id,
        after={"email": _text(after)} if after is not None else {},
        record={"job_id": job_id},
        warnings=warnings,
    )


def _said(shown: Shown) -> str:
    return in_sentence(shown.text, limit=254) or "none"


def _text(shown: Shown) -> str:
    return label(shown.text, limit=254) or "none"


def email_rules(given: Mapping[str, Any]) -> list[Problem]:
    """An address that can be one."""
    email = given.get("email")
    return contact_problems({}, {"email": email if isinstance(email, str) else None})[0]


TOOLS = (
    write_tool(
        rooflink_update_customer_email,
        "rooflink.update_customer_email",
        title="Update customer e-mail",
        rules=email_rules,
    ),
)
