"""What tests of the hand-off share: its three writes, and how it is called."""

from __future__ import annotations

from typing import Any

from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import call, data_of

LEAD = 812
ACCEPT = "POST /general-leads/{lead_id}/accept"
CREATE = "POST /light/jobs/create_customer_and_job/"
NOTE = "POST /light/notes/"
ALL = [ACCEPT, CREATE, NOTE]
GIVEN = {"address": "4821 Juniper Hollow Dr", "city": "Plano", "state": "TX", "postal_code": "75024"}
PATHS = {ACCEPT: "POST /accept$", CREATE: "POST create_customer_and_job", NOTE: "POST /light/notes/$"}
"""Each write as a fault matches it."""


def writes_of(sandbox: Sandbox) -> list[str]:
    """What took effect, in order."""
    return [write.operation for write in sandbox.writes]


def posts_of(sandbox: Sandbox) -> int:
    """Requests that might have changed something, whatever came of them."""
    return sum(request.method != "GET" for request in sandbox.requests)


async def hand_off(client: Client, **arguments: Any) -> dict[str, Any]:
    """The receipt of the hand-off of the lead."""
    return data_of(await call(client, "hand_off_lead", **{"lead_id": LEAD, **arguments}))


async def approved(client: Client, **arguments: Any) -> dict[str, Any]:
    """The same, with a token where the client could not be asked."""
    receipt = await hand_off(client, **arguments)
    if receipt["outcome"] == "approval_required":
        receipt = await hand_off(client, **arguments, approval_token=receipt["approval_token"])
    return receipt


def befall(sandbox: Sandbox, write: str, kind: Any, **options: Any) -> None:
    """Let something happen to the next request of a write."""
    sandbox.faults.add(Fault(kind=kind, match=PATHS[write], **options))


def blind(sandbox: Sandbox) -> None:
    """Let RoofLink's list be read no more."""
    sandbox.faults.add(Fault(kind="status", status=400, match="GET /prospect/$", times=None))
