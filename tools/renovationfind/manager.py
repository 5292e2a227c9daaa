"""RenovationFind's Internal Manager API: new vendors and their subscriptions.

Sources: https://docs.renovationfind.com/api-reference/vendors/create-a-new-vendor and
.../vendor-subscription/update-subscription-details
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import anyio.to_thread
from pydantic import AfterValidator, Field, JsonValue, SecretStr, WithJsonSchema

from leadbridge.server.errors import Problem
from leadbridge.server.mcp.arguments import Email, Flag, Id, LongText, OptionalDay, Text60, Text200
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.scalars import reads_as_nothing
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.renovationfind.models import Envelope
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import rendered

Package = Literal["NONE", "BASIC", "PREMIUM", "PLATINUM", "DISCOUNT_PARTNER"]
_SHORTEST, _LONGEST = 8, 200


def _usable(value: SecretStr) -> SecretStr:
    """The text of an error never holds the value."""
    text = value.get_secret_value()
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be printable, without a space at its beginning or end (LeadBridge's rule)")
    if reads_as_nothing(text):
        raise ValueError("reads like no value; take it from the user")
    return value


Password = Annotated[
    SecretStr,
    Field(min_length=_SHORTEST, max_length=_LONGEST),
    AfterValidator(_usable),
    WithJsonSchema({"type": "string", "minLength": _SHORTEST, "maxLength": _LONGEST}),
]
Description = Annotated[LongText, Field(min_length=1, max_length=2048)]


async def renovationfind_create_vendor(
    ctx: Ctx,
    vendor_name: Annotated[Text200, Field(description="The company's name")],
    email: Annotated[Email, Field(description="For the login; a new one")],
    password: Annotated[Password, Field(description="Chosen by the user; not shown or kept anywhere")],
    sales_email: Annotated[Email, Field(description="For customers")],
    city_id: Annotated[Id, Field(description="City of the primary listing; no operation looks ids up")],
    vendor_type: Literal["COMPANY", "REALTOR"] = "COMPANY",
    activated: Annotated[Flag | Omitted, Field(description="Account active")] = None,
    pq_vendor: Annotated[Flag | Omitted, Field(description="In the Pre-Qualified programme")] = None,
    address: Text200 | Omitted = None,
    address_2: Text200 | Omitted = None,
    city: Text60 | Omitted = None,
    province: Text60 | Omitted = None,
    postal_code: Text60 | Omitted = None,
    phone: Annotated[Text60 | Omitted, Field(description="Real and displayed number")] = None,
    description: Description | Omitted = None,
    website_url: Text200 | Omitted = None,
    bbb_url: Text200 | Omitted = None,
    name_keywords: Text200 | Omitted = None,
    category_keywords: Text200 | Omitted = None,
    duns_number: Text60 | Omitted = None,
) -> Write:
    """Create a vendor account on RenovationFind (Manager API). No operation deletes it again.

    All values are sent as given. It needs the user's approval.
    """
    from leadbridge.server.matching.profile import ContactDetails  # patterns: not at start

    app = app_context(ctx)
    operation = app.catalog["renovationfind.create_vendor"]
    body: dict[str, JsonValue] = {
        "vendor_name": vendor_name,
        "email": email.lower(),
        "sales_email": sales_email,
        "city_id": city_id,
        "vendor_type": vendor_type,
        "activated": activated,
        "pq_vendor": pq_vendor,
        "address": address,
        "address_2": address_2,
        "city": city,
        "province": province,
        "postal_code": postal_code,
        "phone": phone,
        "description": description,
        "website_url": website_url,
        "bbb_url": bbb_url,
        "name_keywords": name_keywords,
        "category_keywords": category_keywords,
        "duns_number": duns_number,
    }
    given = {name: value for name, value in body.items() if value is not None}
    key = await anyio.to_thread.run_sync(app.store.secret)

    def receive(answer: JsonValue) -> Done:
        record = Envelope.model_validate(answer).record_id
        return Done(
            summary="The vendor is created" + (f", id {record}." if record else "; the answer shows no id."),
            record_id=record,
            details=rendered([("Vendor name", vendor_name)]),
            next_steps=["renovationfind_update_subscription sets its package."] if record else [],
        )

    return Write(
        action=HttpWrite(
            operation=operation,
            receive=receive,
            body=operation.encode_body(given),
            secrets={operation.body["password"].wire: password},
            creates=ContactDetails(phones=(("phone", phone),) if phone else (), email=email, name=vendor_name),
            allow_duplicate=True,
        ),
        subject=Subject(f"vendor {given['email']}"[:200], f"vendor {given['email']}"[:200]),
        arguments={**given, "password": _fingerprint(password, key)},
        preview=Preview(
            lines=(
                f"Create a {vendor_type} vendor account on RenovationFind, with the password that was given.",
                "This cannot be undone: no page documents how a vendor is deleted.",
            ),
            said=frozenset({"vendor_type"}),
            warnings=tuple(contact_problems({"phone": phone}, {})[1]),
        ),
    )


def _fingerprint(password: SecretStr, key: bytes) -> str:
    """What binds an approval to this password, and reveals neither it nor its length without the store's secret."""
    return hmac.new(key, b"vendor password\n" + password.get_secret_value().encode(), hashlib.sha256).hexdigest()


def vendor_rules(given: Mapping[str, Any]) -> list[Problem]:
    """E-mail addresses have the form of one, a phone number has digits."""
    emails = {"email": given.get("email"), "sales_email": given.get("sales_email")}
    return contact_problems({"phone": given.get("phone")}, emails)[0]


async def renovationfind_update_subscription(
    ctx: Ctx,
    vendor_id: Annotated[Id, Field(description="RenovationFind vendor id")],
    package_type: Annotated[Package, Field(description="The package from now on")],
    subscription_end_date: Annotated[OptionalDay, Field(description="YYYY-MM-DD")] = None,
) -> Write:
    """Set a vendor's subscription package on RenovationFind (Manager API), and until when it runs.

    It can be set again, but no operation reads what was set before. What leaving the date out does is not documented.
    """
    app = app_context(ctx)
    operation = app.catalog["renovationfind.update_subscription"]
    end = subscription_end_date if isinstance(subscription_end_date, date) else None
    arguments: dict[str, JsonValue] = {"package_type": package_type}
    sent: dict[str, JsonValue] = {"package_type": operation.body["package_type"].names[package_type]}
    if end is not None:
        arguments["subscription_end_date"] = end.isoformat()
        sent["subscription_end_date"] = f"{end:%d/%m/}{end.year:04d}"
    until = f" until {end.isoformat()}" if end else ""

    def receive(_answer: JsonValue) -> Done:
        return Done(
            summary=f"Vendor {vendor_id} has the package {package_type}{until}.", record_id=vendor_id, after=arguments
        )

    return Write(
        action=HttpWrite(
            operation=operation, receive=receive, path={"vendor_id": vendor_id}, body=operation.encode_body(sent)
        ),
        subject=Subject(f"vendor {vendor_id}", f"vendor {vendor_id} subscription"),
        arguments={"vendor_id": vendor_id, **arguments},
        preview=Preview(
            lines=(f"Set vendor {vendor_id} on RenovationFind to the package {package_type}{until}.",),
            said=frozenset(arguments),
            warnings=tuple(app.time.odd_dates({"end date": end}))
            if end
            else ("No end date is sent; whether RenovationFind then keeps or clears the old one is not documented.",),
        ),
    )


TOOLS = (
    write_tool(renovationfind_create_vendor, "renovationfind.create_vendor", title="Create vendor", rules=vendor_rules),
    write_tool(renovationfind_update_subscription, "renovationfind.update_subscription", title="Update subscription"),
)
