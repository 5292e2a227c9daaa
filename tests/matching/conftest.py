from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from leadbridge.server.app import build_app_context
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import Prospect
from tests.support import Time, make_sandbox, make_settings, patient_rate_limiter


@pytest.fixture
def wall() -> Time:
    """The wall clock of the index, which no rate limit moves."""
    return Time(1_800_000_000.0)


@pytest.fixture
def make_deck(time: Time, wall: Time) -> Iterator[Callable[..., AppContext]]:
    """Decks on a sandbox; two of them with one `state_url` are two processes."""
    made: list[AppContext] = []

    def make(sandbox: Sandbox, **settings) -> AppContext:
        made.append(
            build_app_context(
                make_settings(**settings), sandbox=sandbox, rate_limiter=patient_rate_limiter(time), clock=wall
            )
        )
        return made[-1]

    yield make
    for app in made:
        app.store.close()


@pytest.fixture
def company(time: Time) -> Callable[..., Sandbox]:
    """RoofLink with so many prospects."""

    def make(prospects: int, **options) -> Sandbox:
        return make_sandbox(time, prospects=prospects, **options)

    return make


@pytest.fixture
def arrive() -> Callable[..., list[Prospect]]:
    """New prospects come in, the newest last."""

    def add(sandbox: Sandbox, count: int = 1, **fields) -> list[Prospect]:
        added: list[Prospect] = []
        for _ in range(count):
            model = next(iter(sandbox.prospects.values()))
            new = copy.deepcopy(model)
            new.id = max(sandbox.prospects) + 1
            new.created = new.edited = datetime.now(UTC) + timedelta(seconds=new.id % 1_000_000)
            new.deleted = None
            new.address = f"{new.id} Newcomer Ln"
            for name, value in fields.items():
                setattr(new, name, value)
            sandbox.prospects[new.id] = new
            added.append(new)
        return added

    return add
