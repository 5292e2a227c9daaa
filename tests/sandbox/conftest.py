from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from leadbridge.server.sandbox import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY, Sandbox

NOW = datetime(2026, 5, 4, 15, 30, tzinfo=UTC)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def make_sandbox():
    def make(**choices: Any) -> Sandbox:
        # Few prospects, since each test makes its own sandbox; and two seconds between any two looks at the clock.
        defaults: dict[str, Any] = {"prospects": 20, "now": lambda: NOW, "clock": itertools.count(step=2).__next__}
        return Sandbox(**{**defaults, **choices})

    return make


@pytest.fixture
def sandbox(make_sandbox) -> Sandbox:
    return make_sandbox()


@pytest.fixture
async def open_clients() -> AsyncIterator[list[httpx.AsyncClient]]:
    clients: list[httpx.AsyncClient] = []
    yield clients
    for client in clients:
        await client.aclose()


@pytest.fixture
def client_of(open_clients):
    """Clients of a sandbox, by service, with the right key."""

    def make(sandbox: Sandbox, service: str, **settings) -> httpx.AsyncClient:
        base_url, headers = {
            "rooflink": (
                "https://integrate.rooflink.com/roof_link_endpoints/api",
                {"X-API-KEY": SANDBOX_ROOFLINK_KEY},
            ),
            "renovationfind": (
                "https://www.renovationfind.com/rest-api-v1",
                {"Authorization": f"Bearer {SANDBOX_RENOVATIONFIND_TOKEN}"},
            ),
        }[service]
        options = {"base_url": base_url, "headers": headers, "transport": sandbox.transport(), **settings}
        open_clients.append(httpx.AsyncClient(**options))
        return open_clients[-1]

    return make


@pytest.fixture
def rooflink(client_of, sandbox) -> httpx.AsyncClient:
    return client_of(sandbox, "rooflink")


@pytest.fixture
def renovationfind(client_of, sandbox) -> httpx.AsyncClient:
    return client_of(sandbox, "renovationfind")


@pytest.fixture
def new_lead() -> dict[str, object]:
    """A body that RoofLink takes: all that it requires, and no more."""
    return {
        "address": "4821 Juniper Hollow Dr",
        "state": "TX",
        "zipcode": "75024",
        "latitude": "33.0752",
        "longitude": "-96.7843",
        "lead_status": "u",
    }


@pytest.fixture
def clock() -> Clock:
    return Clock()
