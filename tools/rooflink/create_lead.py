"""RoofLink: a new address-only lead.

Source: https://developers.rooflink.com/reference/create-customer-and-job
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, JsonValue

from leadbridge.server.errors import ArgumentsRefused, Problem
from leadbridge.server.mcp.arguments import (
    Email,
    FirstName,
    Flag,
    FreeObject,
    LastName,
    Latitude,
    Line,
    Longitude,
    Text60,
    Text100,
    Text200,
    Town,
)
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.services.rooflink.location import Location, locate
from leadbridge.server.services.rooflink.models import Created
from leadbridge.server.services.rooflink.places import LEAD_STATUSES, PLACES, PROVINCES
from leadbridge.server.writes.model import Done, HttpWrite, Preview, RepeatAllowed, Subject, Write
from leadbridge.server.writes.preview import PreviewLine, called, rendered
from leadbridge.server.writes.recovery import LARGEST_ID
from leadbridge.tools.rooflink.duplicate_check import again_if_deleted, check_duplicates

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails

StateCode = Annotated[Line, Field(min_length=2, max_length=5, description="US state or Canadian province code")]
PostalCode = Annotated[Line, Field(min_length=3, max_length=12, description="ZIP or postal code")]
LeadStatus = Annotated[
    Line, Field(min_length=1, max_length=50, description=f"Code: {', '.join(LEAD_STATUSES)}; u = unknown")
]
LeadSource = Annotated[Line, Field(min_length=1, max_length=50, description="Lead source id, or 'Door Knocking'")]


async def rooflink_create_lead(
    ctx: Ctx,
    address: Annotated[Text200, Field(description="Street address of the property")],
    state: StateCode,
    postal_code: PostalCode,
    latitude: Latitude | Omitted = None,
    longitude: Longitude | Omitted = None,
    lead_status: LeadStatus = "u",
    first_name: FirstName | Omitted = None,
    last_name: LastName | Omitted = None,
    city: Town | Omitted = None,
    county: Text100 | Omitted = None,
    cell_phone: Text60 | Omitted = None,
    home_phone: Text60 | Omitted = None,
    email: Email | Omitted = None,
    lead_source: LeadSource | Omitted = None,
    extra_info: Annotated[FreeObject | Omitted, Field(description="Free metadata, e.g. campaign")] = None,
    external_id: Annotated[Text100 | Omitted, Field(description="Id of the lead in another system")] = None,
    allow_duplicate: Annotated[
        Flag, Field(description="Create it although a likely duplicate exists; needs approval")
    ] = False,
) -> Write:
    """Create an address-only lead in RoofLink: a new customer and a new prospect job.

    RoofLink removes no duplicates, so LeadBridge looks for the address, phones and e-mail first and refuses a likely
    match; with allow_duplicate the user's approval decides. Without latitude and longitude, the centre of the ZIP or
    postal code's area is sent and marked approximate. All other values are sent as given.
    """
    from leadbridge.server.matching.profile import (
        ContactDetails,  # the rules of matching are many patterns: not at start
    )

    app = app_context(ctx)
    operation = app.catalog["rooflink.create_lead"]
    location, problems = locate(state.upper(), postal_code, latitude, longitude)
    if location is None:
        raise ArgumentsRefused(problems)
    _, contact_warnings = contact_problems({"cell_phone": cell_phone, "home_phone": home_phone}, {"email": email})
    latitude_text, longitude_text = location.as_texts()
    arguments: dict[str, JsonValue] = {
        "address": address,
        "state": state.upper(),
        "postal_code": postal_code,
        "latitude": latitude_text,
        "longitude": longitude_text,
        "lead_status": lead_status,
        "first_name": first_name,
        "last_name": last_name,
        "city": city,
        "county": county,
        "cell_phone": cell_phone,
        "home_phone": home_phone,
        "email": email,
        "lead_source": lead_source,
        "extra_info": extra_info,
        "external_id": external_id,
    }
    arguments = {name: value for name, value in arguments.items() if value is not None}
    place = " ".join(part for part in (address, city, state.upper(), postal_code) if part)
    contact = ContactDetails(
        address=address,
        city=city or "",
        state=state.upper(),
        postal_code=postal_code,
        phones=tuple((name, phone) for name, phone in (("cell", cell_phone), ("home", home_phone)) if phone),
        email=email or "",
        name=" ".join(part for part in (first_name, last_name) if part),
    )
    check = await check_duplicates(app, contact)

    async def look_for(since: float) -> Done | None:
        from leadbridge.server.prospects.own_lead import find_own_lead

        # What resembled it before it was sent is something else; what resembles it since may be it.
        known = check.ids if check.when <= since else frozenset[int]()
        own = await find_own_lead(app.rooflink, contact, since, known | await app.history.records(operation.id))
        return None if own is None else _created(app, contact, own.id, own.customer.id if own.customer else None, place)

    write = Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_receive, app, contact, place),
            body=operation.encode_body(arguments),
            marked_field=operation.body["extra_info"].wire,
            look_for=look_for,
            approximate=frozenset({"latitude", "longitude"} if location.approximate else ()),
            creates=contact,
            allow_duplicate=allow_duplicate,
        ),
        subject=Subject(place[:200]),
        arguments={**arguments, "allow_duplicate": allow_duplicate},
        preview=Preview(
            lines=(
                "Create a new prospect in RoofLink.",
                *(check.preview() if allow_duplicate else ()),
                called("Customer", contact.name),
                ("Address", place),
                *_codes(lead_status, location, state.upper()),
            ),
            said=_SAID,
            warnings=(
                *_warnings(lead_status, location, state.upper()),
                *contact_warnings,
                *_doubts(contact),
                *check.warnings(),
            ),
            notes=(check.message,),
            figures=check.figures,
        ),
        repeat=RepeatAllowed() if allow_duplicate else None,
        needs_approval=allow_duplicate or bool(check.missing),
        blocked=None if allow_duplicate else check.refusal(),
    )
    return write if allow_duplicate else await again_if_deleted(app, write)


def create_lead_rules(given: Mapping[str, Any]) -> list[Problem]:
    """The state's code, coordinates against state and ZIP code, phones and e-mail."""
    problems: list[Problem] = []
    state, postal_code = str(given.get("state", "")).upper(), given.get("postal_code")
    if state and state not in PLACES:
        problems.append(Problem("state", f"must be one of the 51 US and 13 Canadian codes: {' '.join(PLACES)}"))
    elif state and isinstance(postal_code, str):
        problems += locate(state, postal_code, given.get("latitude"), given.get("longitude"))[1]
    phones = {name: given.get(name) for name in ("cell_phone", "home_phone")}
    return problems + contact_problems(phones, {"email": given.get("email")})[0]


_ADDRESS, _NAME = ("address", "city", "state", "postal_code"), ("first_name", "last_name")
_SAID = frozenset({*_ADDRESS, *_NAME, "latitude", "longitude", "lead_status", "allow_duplicate"})


def status_line(status: str) -> PreviewLine:
    """The code of a lead status, with what it means."""
    known = LEAD_STATUSES.get(status)
    return f"Lead status: {status} ({known})" if known else ("Lead status", status)


def _codes(status: str, location: Location, state: str) -> tuple[PreviewLine, ...]:
    centre = f" (approximate: the {_area(state)}'s centre)" if location.approximate else ""
    return (
        status_line(status),
        f"Coordinates: {location.latitude:.6f}, {location.longitude:.6f}{centre}",
    )


def _area(state: str) -> str:
    return "postal code area" if state in PROVINCES else "ZIP code"


def _warnings(lead_status: str, location: Location, state: str) -> list[str]:
    warnings = list(location.doubts)
    if location.approximate:
        warnings.append(f"The coordinates are approximate: the centre of the {_area(state)}, not the house.")
    if lead_status not in LEAD_STATUSES:
        warnings.append("lead_status is not one of the documented codes; it is sent as it is.")
    return warnings


def _doubts(contact: ContactDetails) -> list[str]:
    """What goes out as given, and cannot be compared or believed."""
    from leadbridge.server.matching.addresses import address_of
    from leadbridge.server.matching.phones import is_placeholder

    doubts: list[str] = []
    if not address_of(contact.address, contact.city, contact.state, contact.postal_code).known:
        doubts.append("The address could not be compared with other prospects: it names no house on a street.")
    contacts = [*((f"{kind}_phone", phone) for kind, phone in contact.phones), ("email", contact.email)]
    return doubts + [
        f"{name} looks like a placeholder, not like anybody's; it is sent as given."
        for name, value in contacts
        if value and is_placeholder(value)
    ]


def _receive(app: AppContext, contact: ContactDetails, place: str, answer: JsonValue) -> Done:
    created = Created.model_validate(answer)
    return _created(app, contact, created.job_id or created.id, created.customer_identity, place)


def _created(app: AppContext, contact: ContactDetails, job: int, customer: int | None, place: str) -> Done:
    from leadbridge.server.prospects.duplicates import remember_created

    return Done(
        summary=f"Prospect {job} created in RoofLink.",
        record_id=job,
        record={"job_id": job, **({"customer_id": customer} if customer is not None else {})},
        details=[
            *rendered([("Address", place)]),
            f"Customer id: {customer}" if customer is not None else "The answer named no customer id.",
        ],
        next_steps=[f"rooflink_prospect_checklist with prospect_id={job} shows what to do next."],
        remember=partial(remember_created, app, job, contact) if job <= LARGEST_ID else None,
    )


TOOLS = (write_tool(rooflink_create_lead, "rooflink.create_lead", title="Create lead", rules=create_lead_rules),)
