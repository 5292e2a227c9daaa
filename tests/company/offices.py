"""Two companies on both services, and what is done with their keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
from mcp import Client
from pydantic import SecretStr

from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox_keys import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY
from tests.support import call, data_of, make_settings

NOTE_TOOL, UPDATE, ACCEPT = "rooflink_add_note", "renovationfind_update_job_status", "renovationfind_accept_lead"
MATCH, CREATE = "find_matching_prospects", "rooflink_create_lead"
STATUS = {"lead_id": 785, "status": "CONTACT_MADE"}
NOTE = {"job_id": 7000152, "message": "Called, wants a quote"}
HOUSE = {
    "first_name": "Ann", "last_name": "Poe", "address": "900 Pine Rd", "city": "Austin", "state": "TX",
    "postal_code": "78701", "cell_phone": "512-555-0100",
}  # fmt: skip

Opened = Callable[..., AbstractAsyncContextManager[Client]]


def jwt(subject: str, nonce: str = "") -> str:
    """A token as RenovationFind issues them, without a signature that counts."""
    parts = ({"alg": "HS256"}, {"sub": subject, "jti": nonce})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@dataclass
class Network(httpx.AsyncBaseTransport):
    """Both services as two companies' keys open them; a key that is nobody's is 401."""

    acme: Sandbox
    other: Sandbox
    of_other: set[str] = field(default_factory=set)
    nobodys: set[str] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        rooflink = "x-api-key" in request.headers
        key = request.headers["x-api-key"] if rooflink else request.headers["authorization"].removeprefix("Bearer ")
        if key not in self.nobodys:
            opens = SANDBOX_ROOFLINK_KEY if rooflink else f"Bearer {SANDBOX_RENOVATIONFIND_TOKEN}"
            request.headers["x-api-key" if rooflink else "authorization"] = opens
        company = self.other if key in self.of_other else self.acme
        return await company.transport().handle_async_request(request)


def settings_of(state_url: str, **values: Any) -> Settings:
    """A live server's, with the first keys unless others are given."""
    given = {"rooflink_api_key": "first-rooflink-key", "renovationfind_token": "first-token", **values}
    return make_settings(sandbox=False, state_url=SecretStr(state_url), **given)


async def targets(client: Client) -> list[str]:
    """What the history holds, the newest first."""
    return [row["target"] for row in data_of(await call(client, "write_history"))["rows"]]


async def outcome(client: Client, tool: str, **arguments: Any) -> str:
    """What came of a write, or why it was refused."""
    data = data_of(await call(client, tool, **arguments))
    return str(data.get("reason") or data["outcome"])
