from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.processes import STATE_URL_FILE, Service, Zygote, crash_site
from tests.support import DEFAULT_STORE


@pytest.fixture(scope="session")
def _processes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Zygote]]:
    store = "postgresql" if request.config.getoption("--store") == "postgresql" else "sqlite"
    with crash_site(tmp_path_factory.mktemp("site"), store) as made:
        yield made


@pytest.fixture
def site(_processes: tuple[Service, Zygote]) -> tuple[Service, Zygote]:
    """The services and a zygote, started once; no test finds what another wrote to the services."""
    _processes[0].reset()
    return _processes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the servers of one test have their state."""
    if DEFAULT_STORE:
        (tmp_path / STATE_URL_FILE).write_text(DEFAULT_STORE[0])
    return tmp_path
