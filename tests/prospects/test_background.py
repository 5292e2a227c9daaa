"""The list is read while the server runs and nobody calls: one request at a time, in nobody's way, and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import anyio
import pytest
from mcp import Client

from leadbridge.server.app import build_server
from leadbridge.server.prospects.cursor import Coverage, coverage_of
from leadbridge.server.prospects.index import ProspectIndex
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.state import Store
from tests.support import MODES, Person, Time, Version, call, data_of, make_settings, text_of

Company = Callable[..., Sandbox]
LIST = r"GET /light/jobs/prospect/$"
FIND = "find_matching_prospects"
MINUTE = 60.0
LEAD: dict[str, Any] = {
    "address": "12 Hidden Hollow Drive", "city": "Marfa", "state": "TX", "postal_code": "79843", "first_name": "Dana",
    "last_name": "Miller",
}  # fmt: skip


@pytest.fixture
def time(loop_time: Time) -> Time:
    """One clock for the loop, the rate limiter and the sandbox."""
    return loop_time


class Office:
    """Servers with one store, on one clock."""

    def __init__(self, time: Time, state_url: str) -> None:
        self.time, self.state_url = time, state_url

    def wall(self) -> float:
        return 1.8e9 + self.time()

    def server(
        self, sandbox: Sandbox, person: Person | None = None, version: Version = "modern", **settings: Any
    ) -> Client:
        def limiter(*, service: str, requests: int, seconds: float, account: str = "") -> RateLimiter:
            del account
            return RateLimiter(service, requests, seconds, clock=self.time)

        made = make_settings(**{"background_reading": True, "state_url": self.state_url, **settings})
        server = build_server(made, sandbox=sandbox, rate_limiter=limiter, clock=self.wall)
        return Client(server, mode=MODES[version], elicitation_callback=person)

    async def coverage(self) -> Coverage:
        store = Store(self.state_url)
        try:
            return await coverage_of(ProspectIndex(store, "rooflink/sandbox/default", self.wall))
        finally:
            store.close()


@pytest.fixture
def office(time: Time, state_url: str) -> Office:
    return Office(time, state_url)


def pages(sandbox: Sandbox) -> list[Any]:
    """The requests for a page of the whole list."""
    rows = [row for row in sandbox.requests if row.path.endswith("/jobs/prospect/")]
    return [row for row in rows if "zipcode" not in row.query and "date_last_edited" not in row.query]


async def test_a_large_list_of_slow_pages_is_known_within_a_quarter_of_an_hour(
    company: Company, office: Office, time: Time
):
    sandbox = company(7_400, page_seconds=10.0)
    async with office.server(sandbox) as client:
        await anyio.sleep(15 * MINUTE)
        coverage = await office.coverage()
        assert (coverage.checked, coverage.total, coverage.complete) == (7_400, 7_400, True)
        moments = [row.at for row in sandbox.requests if row.path.endswith("/jobs/prospect/")]
        assert all(later - earlier >= 10.0 for earlier, later in pairwise(moments)), "one at a time"
        old = min(sandbox.prospects.values(), key=lambda row: row.created)
        before = time()
        found = await call(client, FIND, address=f"{old.address}, {old.city}, {old.state} {old.zipcode}")
    assert time() - before <= 2 * 10.0 + 1
    assert old.id in [row["id"] for row in data_of(found)["matches"]]
    assert "the oldest part read" in text_of(found)


async def test_a_question_says_how_long_the_rest_takes_to_be_read(company: Company, office: Office, version: Version):
    sandbox = company(3_000, page_seconds=10.0, honoured_filters=frozenset())
    person = Person("decline")
    async with office.server(sandbox, person, version) as client:
        await anyio.sleep(MINUTE + 2)
        data_of(await call(client, "rooflink_create_lead", **LEAD))
        await anyio.sleep(3 * MINUTE)
        data_of(await call(client, "rooflink_create_lead", **LEAD))
    doubt = "RoofLink may have this house already: {}."
    assert doubt.format("400 of 3,000 compared; the rest is read in about 4 minutes") in person.shown[0]
    assert doubt.format("2,200 of 3,000 compared; the rest is read in about 1 minute") in person.shown[1]


async def test_a_restart_goes_on_where_the_last_server_stopped(company: Company, office: Office):
    sandbox = company(1_500, page_seconds=10.0)
    async with office.server(sandbox):
        await anyio.sleep(70)
    known = (await office.coverage()).checked
    assert 400 <= known < 1_000
    before = len(pages(sandbox))
    async with office.server(sandbox):
        await anyio.sleep(3 * MINUTE)
    assert (await office.coverage()).complete
    assert len(pages(sandbox)) - before <= 15 - known // 100 + 4


async def test_of_two_servers_with_one_store_one_reads_and_the_other_follows_it(company: Company, office: Office):
    sandbox = company(2_000, page_seconds=10.0)
    ends = anyio.Event()

    async def serve(until: anyio.Event) -> None:
        async with office.server(sandbox):
            await until.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(serve, ends)
        await anyio.sleep(1)
        group.start_soon(serve, anyio.Event())
        await anyio.sleep(65)
        moments = [row.at for row in pages(sandbox)]
        assert all(later - earlier >= 10.0 for earlier, later in pairwise(moments))
        ends.set()
        await anyio.sleep(4 * MINUTE)
        group.cancel_scope.cancel()
    assert (await office.coverage()).complete
    numbers = [row.query for row in pages(sandbox)]
    assert len(numbers) <= 20 + 6


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (Fault(kind="rate_limited", match=LIST, after=2, times=2, seconds=5), 40),
        (Fault(kind="unavailable", match=LIST, after=2, times=1), 40),
        (Fault(kind="read_timeout", match=LIST, after=2, times=1), 40),
        (Fault(kind="status", status=401, match=LIST, after=2, times=None), 3),
        (Fault(kind="status", status=403, match=LIST, times=None), 1),
    ],
    ids=["429", "503", "no answer", "key refused", "no permission"],
)
async def test_an_error_ends_the_reading_for_a_while_or_for_good(
    company: Company, office: Office, fault: Fault, most: int
):
    sandbox = company(1_000)
    sandbox.faults.add(fault)
    async with office.server(sandbox) as client:
        await anyio.sleep(10 * MINUTE)
        asked = [row.at for row in pages(sandbox)]
        assert data_of(await call(client, "server_status"))
    assert len(asked) <= most
    failed = [row.at for row in pages(sandbox) if row.status != 200]
    assert all(later - earlier >= 60 for earlier, later in pairwise(failed))
    assert (await office.coverage()).complete is (most > 3)


async def test_a_caller_does_not_wait_for_the_background(company: Company, office: Office, time: Time):
    sandbox = company(5_000, max_page_size=10)
    async with office.server(sandbox) as client:
        await anyio.sleep(20)
        waits = list[float]()
        for prospect_id in [*sandbox.prospects][:20]:
            await anyio.sleep(1)
            before = time()
            await call(client, "rooflink_get_prospect", prospect_id=prospect_id)
            waits.append(time() - before)
    assert max(waits[1:]) <= 0.1, "two places of the limit stay free"
    assert {row.status for row in sandbox.requests} == {200}


@pytest.mark.slow
async def test_a_fast_service_is_read_in_the_time_that_its_limit_allows(company: Company, office: Office, time: Time):
    sandbox = company(12_000)
    began = time()
    async with office.server(sandbox):
        while not (await office.coverage()).complete:
            await anyio.sleep(1)
            assert time() - began <= 5 + 1.05 * 120 / 5
    moments = [row.at for row in sandbox.requests if "/jobs/prospect/" in row.path]
    assert all(later - earlier >= 1 for earlier, later in zip(moments, moments[5:], strict=False))


@pytest.mark.parametrize(
    ("settings", "reads"),
    [
        ({}, True),
        ({"read_only": True}, True),
        ({"background_reading": False}, False),
        ({"toolsets": "leads"}, False),
    ],
)
async def test_it_reads_where_a_tool_looks_prospects_up(
    company: Company, office: Office, settings: dict[str, Any], reads: bool
):
    sandbox = company(30)
    async with office.server(sandbox, **settings):
        await anyio.sleep(MINUTE)
    assert bool(sandbox.requests) is reads


async def test_what_is_edited_deep_in_the_list_is_known_a_minute_later(company: Company, office: Office):
    sandbox = company(900, page_seconds=2.0, now=lambda: datetime.fromtimestamp(office.wall(), UTC))
    for row in [*sandbox.prospects.values()][:3]:
        row.edited = sandbox.options.now()
    async with office.server(sandbox) as client:
        await anyio.sleep(4 * MINUTE)
        old = min((row for row in sandbox.prospects.values() if not row.deleted), key=lambda row: row.created)
        old.address = "906 Pine Road"
        old.edited = sandbox.options.now()
        await anyio.sleep(1.5 * MINUTE)
        sandbox.faults.add(Fault(kind="unavailable", match=LIST, times=None))
        found = await call(client, FIND, address=f"906 Pine Rd, {old.city}, {old.state}")
    assert [row["id"] for row in data_of(found)["matches"]] == [old.id]
