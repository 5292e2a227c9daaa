from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator

import pytest

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.serve import addresses, bind
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
    """The services on a real port, and the settings that reach them: to LeadBridge they are no sandbox."""
    server, sock = bind(simulator, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield lower(addresses(sock))
    server.should_exit = True
    thread.join()
    sock.close()
