"""RenovationFind referral requests.

Source: https://docs.renovationfind.com/api-reference/referral-requests/create-a-referral-request
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import Field, JsonValue

from leadbridge.server.catalog import Operation
from leadbridge.server.errors import Problem
from leadbridge.server.mcp.arguments import Email, FirstName, Flag, LastName, Text60
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.answers import unreadable
from leadbridge.server.services.renovationfind.models import Envelope
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.text import as_meant, in_sentence
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.preview import rendered

_SAYS_YES = re.compile(r"\b(?:created?|sent|success\w*)\b", re.IGNORECASE)


async def renovationfind_create_referral(
    ctx: Ctx,
    first_name: Annotated[FirstName, Field(description="Of the customer who is asked")],
    last_name: Annotated[LastName, Field(description="Of the customer who is asked")],
    email: Email | Omitted = None,
    phone: Text60 | Omitted = None,
    send_gift: Annotated[Flag, Field(description="With a gift")] = False,
    renewal: Annotated[Flag, Field(description="A renewal referral request")] = False,
    skip_duplicates: Annotated[Flag, Field(description="A known e-mail or phone is skipped")] = True,
) -> Write:
    """Send a referral request to a customer through RenovationFind: a real person is contacted, which cannot be undone.

    It takes email, phone or both, and needs the user's approval. With skip_duplicates a person asked before is skipped,
    and the receipt says so.
    """
    from leadbridge.server.matching.profile import ContactDetails  # patterns: not at start

    app = app_context(ctx)
    operation = app.catalog["renovationfind.create_referral_request"]
    _, warnings = contact_problems({"phone": phone}, {"email": email})
    body: dict[str, JsonValue] = {
        "first_name": first_name,
        "last_name": last_name,
        "email": email,
        "phone": phone,
        "send_gift": send_gift,
        "renewal": renewal,
    }
    body = {name: value for name, value in body.items() if value is not None}
    reached = " and ".join(way for way, given in (("e-mail", email), ("phone", phone)) if given)
    extras = "".join(text for flag, text in ((send_gift, ", with a gift"), (renewal, ", as a renewal")) if flag)
    return Write(
        action=HttpWrite(
            operation=operation,
            receive=partial(_receive, app, operation, f"{first_name} {last_name}", skip=skip_duplicates),
            query=operation.encode_query({"skip_duplicates": skip_duplicates}),
            body=operation.encode_body(body),
            creates=ContactDetails(
                phones=(("phone", phone),) if phone else (), email=email or "", name=f"{first_name} {last_name}"
            ),
            allow_duplicate=True,
        ),
        subject=Subject(f"{first_name} {last_name}"[:200], f"referral to {as_meant(email or phone or '')}"[:200]),
        arguments={**body, "skip_duplicates": skip_duplicates},
        preview=Preview(
            lines=(
                f"Send a referral request by {reached}{extras}.",
                "A real person is contacted. This cannot be undone.",
                "A person asked before is skipped." if skip_duplicates else "A person asked before is asked AGAIN.",
            ),
            said=frozenset({"send_gift", "renewal", "skip_duplicates"}),
            warnings=tuple(warnings),
        ),
    )


def referral_rules(given: Mapping[str, Any]) -> list[Problem]:
    """One of the two ways to reach the person; nothing documented, but without one there is nobody to ask."""
    if given.get("email") is None and given.get("phone") is None:
        return [Problem("email, phone", "give at least one of them (LeadBridge's rule)")]
    return contact_problems({"phone": given.get("phone")}, {"email": given.get("email")})[0]


def _receive(app: AppContext, operation: Operation, name: str, answer: JsonValue, *, skip: bool) -> Done:
    envelope = Envelope.model_validate(answer)
    message = envelope.message or ""
    skipped = "skipped" in message.lower() or "duplicate" in message.lower()
    if skipped and not skip:
        why = f"“{in_sentence(message, limit=200)}”, although duplicates were not to be skipped"
        raise unreadable(why, operation, app.catalog.services[operation.service])
    number = f" {envelope.record_id}" if envelope.record_id else ""
    summary = f"Referral request{number} created."
    if skipped:
        summary = "Skipped: this person was asked before, nobody was contacted."
    elif not number and not _SAYS_YES.search(message):
        summary = "RenovationFind took the referral request, and does not say what it did."
    return Done(summary=summary, record_id=envelope.record_id, details=rendered([("Customer", name)]))


TOOLS = (
    write_tool(
        renovationfind_create_referral,
        "renovationfind.create_referral_request",
        title="Create referral request",
        rules=referral_rules,
    ),
)
