"""Fixtures shared by all tests."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services.client import ServiceClient
from tests import postgres
from tests.support import DEFAULT_STORE, VERSIONS, Time, Version, make_sandbox
from tests.texts import texts

__all__ = ["texts"]

_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
settings.register_profile("search", _UNHURRIED, max_examples=500)
settings.register_profile("same", _UNHURRIED, derandomize=True)
settings.load_profile("same")
"""The same examples each time: a suite that fails now and then helps nobody. What `--hypothesis-profile search` finds
by chance becomes an example of its test."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts and bytes are numbered: a clock may stand in them, and every worker must collect the same names."""
    long = isinstance(val, (bytes, bytearray)) or (isinstance(val, str) and len(val) > 60)
    return argname if long else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--store postgresql` runs every test that names no store of its own on a real PostgreSQL."""
    parser.addoption("--store", choices=["memory", "postgresql"], default="memory")
    parser.addoption("--update-texts", action="store_true", help="record the texts that users read anew")


EXHAUSTIVE = (
    "tests/agents/",
    "tests/services/test_fault_matrix.py",
    "tests/contract/test_first_day.py",
    "tests/crash/",
    "tests/process/test_doctor_live.py",
    "tests/state/test_disk.py",
    "tests/tools/test_arguments_property.py",
    "tests/tools/test_floods.py",
    "tests/tools/pipeline/test_hand_off_failures.py",
    "tests/tools/test_untrusted_everywhere.py",
)
"""Tests that take long and cover what shorter ones cover, in more depth: `make test-all` runs them."""
_KILL = "tests/crash/test_kills.py::test_a_killed_write_is_reported_truthfully_and_never_doubled"
ONE_OF_EACH = (
    f"{_KILL}[after the intent-0]",
    f"{_KILL}[after `sent`, nothing left-0]",
    f"{_KILL}[after the outcome-0]",
    "tests/crash/test_races.py::test_of_two_processes_attempting_the_same_write_one_goes",
)
"""Of these a kill in each state of the ledger, and a race, which `make test` runs too."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what only `make test-all` runs; with `--store postgresql`, leave out what is about SQLite's file.

    A test in the legacy protocol version repeats the one in the modern version: `make test` runs one of the two.
    """
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.nodeid not in ONE_OF_EACH and (
            item.nodeid.startswith(EXHAUSTIVE)
            or item.get_closest_marker("slow")
            or parameters.get("version") == "legacy"
        ):
            item.add_marker(pytest.mark.exhaustive)
    if config.getoption("--store") != "postgresql":
        return
    about_sqlite = [item for item in items if item.get_closest_marker("sqlite")]
    config.hook.pytest_deselected(items=about_sqlite)
    items[:] = [item for item in items if item not in about_sqlite]


@pytest.fixture(scope="session", autouse=True)
def _schemas_are_checked_once() -> Iterator[None]:
    """Each new client checks the schema of each answer it gets against the meta-schema, which takes longer than a call.

    The same schema is checked once in a run, and a schema that fails is checked again.
    """
    check, passed = Draft202012Validator.check_schema, set[str]()

    def once(schema: Mapping[str, Any], *rest: Any, **options: Any) -> None:
        text = json.dumps(schema, sort_keys=True)
        if text not in passed:
            check(schema, *rest, **options)
            passed.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", once)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL, started for the first test that needs it and stopped after the last.

    Not in pytest's own temporary directory, which another run may clean up meanwhile; in memory where there is such a
    folder, for the disk is what takes time.
    """
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="leadbridge-postgres-", dir=where, ignore_cleanup_errors=True) as directory,
        postgres.running(Path(directory)) as server,
    ):
        yield server


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A new, empty database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(autouse=True)
def _default_store(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.config.getoption("--store") == "postgresql":
        DEFAULT_STORE.append(request.getfixturevalue("postgres_url"))
    yield
    DEFAULT_STORE.clear()


@pytest.fixture
def state_url(tmp_path: Path) -> str:
    """A store that outlives a server: a file, or the database of `--store postgresql`."""
    return DEFAULT_STORE[0] if DEFAULT_STORE else f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No `LEADBRIDGE_` variable, `.env` file or state directory of the machine reaches a test."""
    for name in list(os.environ):
        if name.upper().startswith("LEADBRIDGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    """Both protocol versions: 2026-07-28 without handshake, 2025-11-25 with it."""
    return request.param


@pytest.fixture
def time() -> Time:
    """A clock that only moves when somebody sleeps on it."""
    return Time()


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """A simulator on the test's clock."""
    return make_sandbox(time)


@pytest.fixture
async def loop_time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Deadlines and sleeps on a clock that stops while anything is done, and jumps on when everything waits.

    For what happens in one process: the loop does not know of others, nor of threads that are not anyio's.
    """
    loop: Any = asyncio.get_running_loop()
    clock = Time(loop.time())
    threads, select = anyio.to_thread.current_default_thread_limiter(), loop._selector.select

    def select_or_jump(timeout: float | None) -> Any:
        if not timeout or threads.borrowed_tokens:
            return select(None if timeout else timeout)
        ready = select(0)
        if not ready:
            clock.now += timeout + 1e-6
        return ready

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(loop._selector, "select", select_or_jump)
    monkeypatch.setattr("leadbridge.server.services.services.ServiceClient", partial(ServiceClient, clock=clock))
    return clock
