from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from leadbridge.server.errors import Unavailable
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects.duplicates import index_of
from leadbridge.server.prospects.reading import refresh
from leadbridge.server.sandbox.faults import Fault
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.state.tables import seen_prospects

HOUR = 3_600.0


def pages(sandbox) -> list[int]:
    """The pages that were asked for, in order."""
    queries = (dict(pair.split("=") for pair in row.query.split("&")) for row in sandbox.requests)
    return [int(query["page"]) for query in queries]


async def seen_at(app: AppContext) -> dict[int, float]:
    def work(connection):
        columns = (seen_prospects.c.prospect_id, seen_prospects.c.seen_at)
        return {row.prospect_id: row.seen_at for row in connection.execute(select(*columns))}

    return await app.store.run(work)


async def complete(app: AppContext, sandbox) -> None:
    assert await refresh(index_of(app), app.rooflink, 30) == ""
    sandbox.requests.clear()


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The client answers so many pages, then takes too long."""
    left, original = count, RoofLink.list_prospects

    async def list_prospects(self, filters, extra=None):
        nonlocal left
        if not left:
            raise TimeoutError
        left -= 1
        return await original(self, filters, extra)

    monkeypatch.setattr("leadbridge.server.services.rooflink.api.RoofLink.list_prospects", list_prospects)


async def test_what_was_read_lately_is_not_read_again(company, make_deck, wall):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    wall.now += HOUR - 1
    assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == ""
    assert pages(sandbox) == [1]


async def test_old_pages_of_a_complete_index_are_read_again(company, make_deck, wall):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    wall.now += 2 * HOUR
    told: list[tuple[int, int | None]] = []

    async def progress(checked: int, total: int | None) -> None:
        told.append((checked, total))

    assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR, progress=progress) == ""
    assert pages(sandbox) == [1, 2, 3, 4, 5]
    assert set((await seen_at(app)).values()) == {wall.now}
    assert told == [(45, 45), (55, 85), (65, 85), (75, 85), (85, 85)]
    assert (await index_of(app).coverage()).complete


async def test_the_duplicate_check_leaves_old_pages_alone(company, make_deck, wall):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    wall.now += 2 * HOUR
    await refresh(index_of(app), app.rooflink, 30)
    assert pages(sandbox) == [1]


async def test_when_the_time_is_up_the_next_goes_on_with_the_oldest(company, make_deck, wall, monkeypatch):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    wall.now += 2 * HOUR
    with monkeypatch.context() as patched:
        stop_after(patched, 3)
        assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == ""
    assert pages(sandbox) == [1, 2, 3]
    wall.now += 60
    sandbox.requests.clear()
    assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == ""
    assert pages(sandbox) == [1, 4, 5]


async def test_an_index_that_is_not_complete_is_completed_not_renewed(company, make_deck, wall, monkeypatch):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    with monkeypatch.context() as patched:
        stop_after(patched, 3)
        assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == "the time was up"
    wall.now += 2 * HOUR
    sandbox.requests.clear()
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR)
    assert pages(sandbox) == [1, 3]


async def test_a_row_that_vanished_does_not_make_its_page_old_for_ever(company, make_deck, wall):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    del sandbox.prospects[[*sandbox.prospects][20]]
    wall.now += 2 * HOUR
    await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR)
    sandbox.requests.clear()
    wall.now += 60
    await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR)
    assert pages(sandbox) == [1]
    assert sum(at < wall.now - HOUR for at in (await seen_at(app)).values()) == 1


async def test_a_row_that_came_into_the_middle_of_the_list_is_found(company, make_deck, wall, arrive):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    (new,) = arrive(sandbox)
    older = sorted(sandbox.prospects.values(), key=lambda row: row.created)[20]
    new.created = older.created + timedelta(seconds=1)
    wall.now += 2 * HOUR
    await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR)
    assert new.id in await seen_at(app)
    coverage = await index_of(app).coverage()
    assert (coverage.checked, coverage.total, coverage.complete) == (46, 46, True)


async def test_a_list_that_became_shorter_ends_the_renewal_without_an_error(company, make_deck, wall):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    oldest_first = sorted(sandbox.prospects.values(), key=lambda row: row.created)
    for row in oldest_first[:12]:
        del sandbox.prospects[row.id]
    wall.now += 2 * HOUR
    assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == ""
    assert pages(sandbox) == [1, 2, 3, 4, 5]


async def test_another_reader_ends_the_renewal(company, make_deck, wall, monkeypatch):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await complete(app, sandbox)
    wall.now += 2 * HOUR
    original = type(app.rooflink).list_prospects

    async def list_prospects(self, filters, extra=None):
        if filters["page"] == 3:
            wall.now += 100  # longer than the lease
            await refresh(index_of(app), type(app.rooflink)(self.client, app.catalog), 30)
        return await original(self, filters, extra)

    monkeypatch.setattr("leadbridge.server.services.rooflink.api.RoofLink.list_prospects", list_prospects)
    assert await refresh(index_of(app), app.rooflink, 30, renew_after=HOUR) == ""
    assert pages(sandbox) == [1, 2, 1, 3]


@pytest.mark.usefixtures("loop_time")
async def test_an_answer_may_take_its_grace_beyond_the_time(company, make_deck):
    sandbox = company(25, max_page_size=10)
    app = make_deck(sandbox)
    sandbox.faults.add(Fault(kind="slow", seconds=12))
    assert await refresh(index_of(app), app.rooflink, 10, grace=10) == "the time was up"
    assert (await index_of(app).coverage()).checked == 10
    sandbox.faults.add(Fault(kind="slow", seconds=12, times=None))
    sandbox.requests.clear()
    with pytest.raises(Unavailable):
        await refresh(index_of(app), app.rooflink, 10)
    assert set(pages(sandbox)) == {1}
