"""The list of prospects is read into the index in two parts, from wherever a reading stopped, whatever moves in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from leadbridge.server.config.state_address import IN_MEMORY
from leadbridge.server.errors import AuthError, ServiceError
from leadbridge.server.matching.profile import ContactDetails
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects.cursor import Coverage, Schedule, coverage_of
from leadbridge.server.prospects.duplicates import likely_duplicates, remember_created
from leadbridge.server.prospects.reading import read_list
from leadbridge.server.prospects.sources import index_of
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.records import Prospect
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.state.tables import seen_keys, seen_prospects
from tests.support import Time

Company = Callable[..., Sandbox]
MakeDeck = Callable[..., AppContext]
Arrive = Callable[..., list[Prospect]]
NOBODY = ContactDetails(name="Nobody Atall")
SAME_PAGE = "RoofLink sent the same page again; read 10 prospects"
HOURLY = Schedule(whole=3_600.0)


def pages(sandbox: Sandbox) -> list[int]:
    """The pages of the list that were asked for, in order; then they are forgotten."""
    queries = [dict(pair.split("=") for pair in row.query.split("&")) for row in sandbox.requests if row.query]
    sandbox.requests.clear()
    return [int(query["page"]) for query in queries]


def by_age(sandbox: Sandbox) -> list[Prospect]:
    """The prospects as the list has them."""
    return sorted(sandbox.prospects.values(), key=lambda row: (row.created, row.id), reverse=True)


def set_option(sandbox: Sandbox, name: str, value: object) -> None:
    """RoofLink behaves in another way from now on."""
    object.__setattr__(sandbox.options, name, value)


async def ids_in(app: AppContext) -> set[int]:
    return await app.store.run(
        lambda connection: set(connection.execute(select(seen_prospects.c.prospect_id)).scalars())
    )


def between_pages(monkeypatch: pytest.MonkeyPatch, happens: Callable[[int], None]) -> None:
    """Something happens right before the request for a page, which is given."""
    original = RoofLink.list_prospects

    async def list_prospects(self: RoofLink, filters: Any, extra: Any = None) -> Any:
        happens(filters["page"])
        return await original(self, filters, extra)

    monkeypatch.setattr(RoofLink, "list_prospects", list_prospects)


def out_of_time_at(page: int) -> Callable[[int], None]:
    def happens(number: int) -> None:
        if number == page:
            raise TimeoutError

    return happens


@pytest.mark.parametrize("page_size", [100, 10])
async def test_the_whole_list_is_read_once_whatever_its_pages_hold(
    company: Company, make_deck: MakeDeck, page_size: int
):
    sandbox = company(250, max_page_size=page_size)
    app = make_deck(sandbox)
    report = await likely_duplicates(app, NOBODY, 600)
    assert (report.coverage.checked, report.coverage.total, report.complete) == (250, 250, True)
    assert report.checked == "checked 250 of 250 prospects (the oldest part read just now)"
    assert pages(sandbox) == [*range(1, 250 // page_size + (2 if 250 % page_size else 1))]
    assert await ids_in(app) == set(sandbox.prospects)


async def test_an_empty_company_is_complete(company: Company, make_deck: MakeDeck):
    report = await likely_duplicates(make_deck(company(0)), NOBODY, 30)
    assert (report.coverage.checked, report.coverage.total, report.complete) == (0, 0, True)


async def test_the_next_process_goes_on_where_the_last_one_was_killed(
    company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch, state_url: str, time: Time
):
    sandbox = company(95, max_page_size=10)
    with monkeypatch.context() as patched:
        between_pages(patched, out_of_time_at(5))
        report = await likely_duplicates(make_deck(sandbox, state_url=state_url), NOBODY, 30)
    assert report.checked.startswith("checked 40 of 95 prospects")
    assert report.missing == "40 of 95 compared"
    pages(sandbox)
    time.now += 10
    later = make_deck(sandbox, state_url=state_url)
    assert (await likely_duplicates(later, NOBODY, 30)).complete
    assert pages(sandbox) == [5, 6, 7, 8, 9, 10]
    assert await ids_in(later) == set(sandbox.prospects)


@pytest.mark.parametrize(
    ("counted", "shown", "stopped"),
    [(True, 1, SAME_PAGE), (False, 1, SAME_PAGE), (True, 3, ""), (False, 3, "RoofLink sent the same page again; ")],
    ids=["page ignored", "page ignored and nothing counted", "endless", "endless and nothing counted"],
)
async def test_a_page_that_repeats_ends_the_reading_and_is_said(
    company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch, counted: bool, shown: int, stopped: str
):
    sandbox = company(30, max_page_size=10)
    original = RoofLink.list_prospects

    async def list_prospects(self: RoofLink, filters: Any, extra: Any = None) -> Any:
        page, rows = await original(self, {**filters, "page": min(filters["page"], shown)}, extra)
        count = page.count if counted else None
        return page.model_copy(update={"count": count, "from_index": None, "next_page": filters["page"] + 1}), rows

    monkeypatch.setattr(RoofLink, "list_prospects", list_prospects)
    app = make_deck(sandbox)
    report = await likely_duplicates(app, NOBODY, 600)
    assert len(pages(sandbox)) == shown + 1
    assert report.stopped.startswith(stopped)
    assert report.coverage.checked == shown * 10
    assert report.complete is (counted and shown == 3)


async def test_only_the_newest_are_looked_at_again_until_something_known_comes(
    company: Company, make_deck: MakeDeck, wall: Time, arrive: Arrive
):
    sandbox = company(95, max_page_size=10)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    pages(sandbox)
    wall.now += 4
    await likely_duplicates(app, NOBODY, 30)
    assert pages(sandbox) == []
    wall.now += 86_400
    arrive(sandbox, 12)
    report = await likely_duplicates(app, NOBODY, 30)
    assert pages(sandbox) == [1, 2]
    assert (report.coverage.checked, report.complete) == (107, True)
    assert report.checked == "checked 107 of 107 prospects (the oldest part read 24 hours ago)"


async def test_newcomers_that_could_not_all_be_read_are_read_by_the_next_call(
    company: Company, make_deck: MakeDeck, wall: Time, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 600
    arrive(sandbox, 35)
    with monkeypatch.context() as patched:
        between_pages(patched, out_of_time_at(3))
        assert (await likely_duplicates(app, NOBODY, 30)).stopped == "the time was up"
    arrive(sandbox, 3)
    wall.now += 60
    await likely_duplicates(app, NOBODY, 30)
    assert await ids_in(app) == set(sandbox.prospects)


async def test_a_lead_of_leadbridges_own_hides_nobody_elses(
    company: Company, make_deck: MakeDeck, wall: Time, arrive: Arrive
):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 600
    arrive(sandbox, 5)
    for mine in arrive(sandbox, 10):
        await remember_created(app, mine.id, ContactDetails(address=mine.full_address, name=mine.customer.name))
    await likely_duplicates(app, NOBODY, 30)
    assert await ids_in(app) == set(sandbox.prospects)


@pytest.mark.parametrize("then", [10, 7, 100])
async def test_the_service_may_change_the_size_of_its_pages_on_the_way(
    company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch, then: int
):
    sandbox = company(230, max_page_size=40)
    app = make_deck(sandbox)
    between_pages(monkeypatch, lambda page: set_option(sandbox, "max_page_size", then) if page == 3 else None)
    assert (await likely_duplicates(app, NOBODY, 600)).complete
    assert await ids_in(app) == set(sandbox.prospects)


@pytest.mark.parametrize("order", ["created", "edited"])
async def test_rows_that_move_while_the_list_is_read_are_not_missed(
    company: Company, make_deck: MakeDeck, arrive: Arrive, monkeypatch: pytest.MonkeyPatch, wall: Time, order: str
):
    sandbox = company(90, max_page_size=10, prospect_order=order)
    app, done = make_deck(sandbox), set[int]()

    def happens(page: int) -> None:
        rows = sorted(sandbox.prospects.values(), key=lambda row: (getattr(row, order), row.id), reverse=True)
        if page in done:
            return
        done.add(page)
        match page:
            case 3:
                arrive(sandbox, 4)
            case 4:
                for row in rows[:7]:
                    del sandbox.prospects[row.id]
            case 6:
                rows[-1].edited = rows[0].edited + timedelta(days=1)
            case _:
                return

    between_pages(monkeypatch, happens)
    await likely_duplicates(app, NOBODY, 600)
    wall.now += 10
    await likely_duplicates(app, NOBODY, 600)
    assert set(sandbox.prospects) <= await ids_in(app)


async def test_a_list_that_became_much_shorter_is_read_to_its_new_end(
    company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch
):
    sandbox = company(95, max_page_size=10)
    app = make_deck(sandbox)
    with monkeypatch.context() as patched:
        between_pages(patched, out_of_time_at(9))
        await likely_duplicates(app, NOBODY, 30)
    for row in by_age(sandbox)[10:76]:
        del sandbox.prospects[row.id]
    assert (await likely_duplicates(app, NOBODY, 30)).complete
    assert set(sandbox.prospects) <= await ids_in(app)


async def test_the_whole_is_read_again_on_a_schedule_and_what_is_gone_goes(
    company: Company, make_deck: MakeDeck, wall: Time, monkeypatch: pytest.MonkeyPatch
):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await read_list(app, HOURLY, 30)
    pages(sandbox)
    oldest, gone = by_age(sandbox)[-1], by_age(sandbox)[30]
    oldest.address = "77 Altered Way"
    del sandbox.prospects[gone.id]
    wall.now += 3_000
    await read_list(app, HOURLY, 30)
    assert pages(sandbox) == [1]
    wall.now += 3_000
    with monkeypatch.context() as patched:
        between_pages(patched, out_of_time_at(4))
        await read_list(app, HOURLY, 30)
    assert pages(sandbox) == [1, 2, 3]
    wall.now += 60
    await read_list(app, HOURLY, 30)
    assert pages(sandbox) == [1, 4, 5]
    assert await ids_in(app) == set(sandbox.prospects)
    assert (await coverage_of(index_of(app))).oldest_at == wall.now - 60
    keys = select(seen_keys.c.prospect_id).where(seen_keys.c.prospect_id == gone.id)
    assert await app.store.run(lambda connection: connection.execute(keys).all()) == []
    report = await likely_duplicates(app, ContactDetails(address=oldest.full_address), 30)
    assert oldest.id in [found.prospect_id for found in report.findings.matches]


async def test_other_rules_of_comparing_read_everything_again(
    company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch
):
    sandbox = company(20)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    monkeypatch.setattr("leadbridge.server.prospects.cursor.RULES", 999)
    assert (await coverage_of(index_of(app))).checked == 0
    assert (await likely_duplicates(app, NOBODY, 30)).complete


async def test_many_calls_at_once_read_each_page_once(company: Company, make_deck: MakeDeck):
    sandbox = company(45, max_page_size=10)
    app, reports = make_deck(sandbox), list[Coverage]()

    async def one() -> None:
        reports.append((await likely_duplicates(app, NOBODY, 30)).coverage)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(one)
    assert [(report.checked, report.complete) for report in reports] == [(45, True)] * 4
    assert pages(sandbox) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("fault", [Fault(kind="status", status=503, times=None), Fault(kind="html_200", times=None)])
async def test_a_failing_service_leaves_what_is_known(company: Company, make_deck: MakeDeck, wall: Time, fault: Fault):
    sandbox = company(20)
    app = make_deck(sandbox)
    known = next(row for row in sandbox.prospects.values() if row.deleted is None)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 7_200
    sandbox.faults.add(fault)
    report = await likely_duplicates(app, ContactDetails(address=known.full_address), 5)
    assert known.id in [found.prospect_id for found in report.likely]
    assert report.stopped
    assert "the oldest part read 2 hours ago" in report.checked
    with pytest.raises(ServiceError):
        await likely_duplicates(make_deck(sandbox, state_url=IN_MEMORY), NOBODY, 5)


async def test_a_refused_key_is_an_error_whatever_is_known(company: Company, make_deck: MakeDeck, wall: Time):
    sandbox = company(20)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 600
    sandbox.faults.add(Fault(kind="status", status=401, times=None))
    with pytest.raises(AuthError):
        await likely_duplicates(app, NOBODY, 5)


async def test_two_rows_of_one_prospect_are_one(company: Company, make_deck: MakeDeck, monkeypatch: pytest.MonkeyPatch):
    sandbox = company(30, max_page_size=10)
    app = make_deck(sandbox)
    first = by_age(sandbox)[0]

    def happens(page: int) -> None:
        if page == 2:
            sandbox.prospects[10_000_000] = copy.deepcopy(first)

    between_pages(monkeypatch, happens)
    report = await likely_duplicates(app, NOBODY, 30)
    assert report.coverage.complete
    assert await ids_in(app) == {row.id for row in sandbox.prospects.values()}
