from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from leadbridge.server.app import build_app_context
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects.cursor import cursor_of, keep_page
from leadbridge.server.prospects.index import ProspectRow
from leadbridge.server.prospects.sources import index_of
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import Prospect
from leadbridge.server.services.rooflink.models import Page
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
            new.edited = max(new.created, new.edited)
            sandbox.prospects[new.id] = new
            added.append(new)
        return added

    return add


@pytest.fixture
def read_whole() -> Callable[..., Awaitable[None]]:
    """Put rows into an app's index as if they had been read this moment, and were all there are."""

    async def read(app: AppContext, rows: list[ProspectRow]) -> None:
        await keep_page(index_of(app), await cursor_of(index_of(app)), "rest", Page(count=len(rows)), rows, 0.1)

    return read
