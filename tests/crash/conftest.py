from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.processes import Service, Zygote, crash_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Zygote]]:
    """The services and a zygote, started once."""
    with crash_site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the servers of one test have their state."""
    return tmp_path
