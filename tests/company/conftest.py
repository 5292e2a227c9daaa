from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client

from leadbridge.server.app import build_server
from tests.company.offices import Network, Opened, settings_of
from tests.support import Person, Time, Version, make_sandbox, patient_rate_limiter, unhurried


@pytest.fixture
def network(time: Time) -> Network:
    """The other company has other records."""
    other = make_sandbox(time, prospects=0, lead_reads=True)
    other.leads.clear()
    return Network(make_sandbox(time, prospects=20, lead_reads=True), other)


@pytest.fixture
def opened(network: Network, time: Time, version: Version, state_url: str) -> Opened:
    """Opens a client of a new server on one store, with the keys that are given."""

    @asynccontextmanager
    async def open_client(**values: Any) -> AsyncIterator[Client]:
        settings = settings_of(state_url, **values)
        with unhurried():
            server = build_server(settings, transport=lambda: network, rate_limiter=patient_rate_limiter(time))
        mode = "legacy" if version == "legacy" else "auto"
        async with Client(server, mode=mode, elicitation_callback=Person()) as client:
            yield client

    return open_client
