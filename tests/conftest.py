"""Fixtures shared by all tests."""

from __future__ import annotations

import os

import pytest

from server.sandbox import Sandbox
from tests.support import ERAS, Era, Time, make_sandbox


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No `LEADBRIDGE_` variable, `.env` file or state directory of the machine reaches a test."""
    for name in list(os.environ):
        if name.upper().startswith("LEADBRIDGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both protocol eras: 2026-07-28 without handshake, 2025-11-25 with it."""
    return request.param


@pytest.fixture
def time() -> Time:
    """A clock that only moves when somebody sleeps on it."""
    return Time()


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """A simulator on the test's clock."""
    return make_sandbox(time)
