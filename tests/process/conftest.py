from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from leadbridge.server.sandbox import SANDBOX_RENOVATIONFIND_TOKEN, SANDBOX_ROOFLINK_KEY, Sandbox
from leadbridge.server.sandbox.serve import addresses, bind
from tests.contract.standin import serving
from tests.process.processes import lower


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that runs in the test's own process sets up logging for good."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def simulator() -> Sandbox:
    """Both services, without a rate limit that a test would have to wait for."""
    return Sandbox(prospects=20, clock=itertools.count(step=2).__next__)


@pytest.fixture
def live(simulator) -> Iterator[dict[str, str]]:
    """The services on a real port, and the settings that reach them, as `leadbridge sandbox` prints them."""
    server, sock = bind(simulator, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield lower(addresses(sock))
    server.should_exit = True
    thread.join()
    sock.close()


def taking_any_key(app: ASGIApp) -> ASGIApp:
    """A simulator that passes for the services: every key opens it, and it does not name itself."""
    opening = {b"x-api-key": SANDBOX_ROOFLINK_KEY, b"authorization": f"Bearer {SANDBOX_RENOVATIONFIND_TOKEN}"}

    async def opened(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, opening[name].encode() if name in opening else value) for name, value in scope["headers"]]
        await app({**scope, "headers": headers}, receive, send)

    return opened


@pytest.fixture
def office(simulator) -> Iterator[dict[str, str]]:
    """The settings of an office with keys of its own, to whose LeadBridge the services are live."""
    with serving(taking_any_key(simulator.app)) as origin:
        yield {
            "rooflink_base_url": f"{origin}/roof_link_endpoints/api",
            "rooflink_api_key": "key-of-one-office",
            "renovationfind_base_url": f"{origin}/rest-api-v1",
            "renovationfind_token": "token-of-one-office",
        }
