"""RoofLink's "Create customer and address only job": what it takes and what it makes.

Types and limits are those of https://developers.rooflink.com/reference/create-customer-and-job. Nothing is
de-duplicated: each request that passes makes a customer, a user and a job.
"""

from __future__ import annotations

import re

from leadbridge.server.sandbox.drf import Fields
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.records import Customer, LeadSource, Prospect
from leadbridge.server.sandbox.seed import region_at
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject

STATES = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA", "ME",
    "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA",
    "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "DC",
    "AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT",
})  # fmt: skip
"""51 codes of the United States and 13 of Canada; case matters."""

_DOOR_KNOCKING = "Door Knocking"
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def create_lead(options: Options, state: State, body: JsonObject) -> Prospect | dict[str, list[str]]:
    """Make the customer and the prospect, or say what is wrong with each field; then nothing is made."""
    fields = Fields(body)
    name = options.lead_name
    address = fields.text(name("address"), required=True, limit=200)
    code = fields.choice(name("state"), STATES, 5)
    zipcode = fields.text(name("postal_code"), required=True, limit=12)
    latitude = fields.coordinate(name("latitude"), 90)
    longitude = fields.coordinate(name("longitude"), 180)
    # assumption lead-status-required
    # assumption unknown-lead-status
    lead_status = fields.text(name("lead_status"), required=True, limit=50)
    extra_info = fields.json_object(name("extra_info"))
    texts = {key: fields.text(name(key)) for key in _OPTIONAL_TEXTS}
    source = _lead_source(fields, name("lead_source"), state)
    # assumption email-format
    if texts["email"] and not EMAIL.fullmatch(texts["email"]):
        fields.refuse(name("email"), "Enter a valid email address.")
    if fields.errors:
        return fields.errors
    now = options.now()
    customer = Customer(
        id=state.next_id("customer"),
        user_id=state.next_id("customer_user"),
        first_name=texts["first_name"],
        last_name=texts["last_name"],
        cell=texts["cell_phone"],
        phone=texts["home_phone"],
        email=texts["email"],
        region=region_at(latitude, longitude),
        lead_source=source,
    )
    prospect = Prospect(
        id=state.next_id("job"),
        customer=customer,
        address=address,
        city=texts["city"],
        county=texts["county"],
        state=code,
        zipcode=zipcode,
        latitude=latitude,
        longitude=longitude,
        created=now,
        edited=now,
        lead_status=lead_status,
        extra_info=extra_info,
        external_id=texts["external_id"],
    )
    state.prospects[prospect.id] = prospect
    return prospect


_OPTIONAL_TEXTS = ("external_id", "first_name", "last_name", "city", "county", "cell_phone", "home_phone", "email")


def _lead_source(fields: Fields, name: str, state: State) -> LeadSource | None:
    """The id of a lead source as text, or the words `Door Knocking`."""
    text = fields.text(name)
    if not text:
        return None
    for source in state.lead_sources.values():
        if text == str(source.id) or text == source.name == _DOOR_KNOCKING:
            return source
    fields.refuse(name, "Must be a valid LeadSource ID for the company, or 'Door Knocking'.")
    return None
