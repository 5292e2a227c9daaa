from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from sqlalchemy import func, select

from leadbridge.server.errors import AuthError, RateLimited, ServiceError
from leadbridge.server.matching.profile import ContactDetails
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.prospects import duplicates
from leadbridge.server.prospects.duplicates import index_of, likely_duplicates, refresh, remember_created
from leadbridge.server.prospects.runs import begin
from leadbridge.server.sandbox.faults import Fault
from leadbridge.server.state.tables import seen_coverage, seen_keys, seen_prospects, seen_sweeps
from tests.support import Time

NOBODY = ContactDetails(address="1 Nowhere Pl, Nome, AK 99762")


def pages(sandbox) -> list[str]:
    """The pages that were asked for, in order."""
    queries = (dict(pair.split("=") for pair in row.query.split("&")) for row in sandbox.requests)
    return [query["page"] for query in queries]


def limited(count: int) -> Callable[..., object]:
    """A sandbox's client that answers so many pages, then takes too long."""

    def patch(app: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
        left = count
        original = type(app.rooflink).list_prospects

        async def list_prospects(self, filters, extra=None):
            nonlocal left
            if not left:
                raise TimeoutError
            left -= 1
            return await original(self, filters, extra)

        monkeypatch.setattr("leadbridge.server.services.rooflink.api.RoofLink.list_prospects", list_prospects)

    return patch


async def ids_in(app: AppContext) -> set[int]:
    def work(connection):
        return set(connection.execute(select(seen_prospects.c.prospect_id)).scalars())

    return await app.store.run(work)


async def sweeps_in(app: AppContext) -> list[tuple[int, int, bool]]:
    """Each run: its number, its rows, whether it reached the end of the list."""

    def work(connection):
        rows = connection.execute(select(seen_sweeps).order_by(seen_sweeps.c.sweep)).all()
        count = select(func.count()).select_from(seen_prospects)
        return [
            (
                row.sweep,
                connection.execute(count.where(seen_prospects.c.sweep == row.sweep)).scalar_one(),
                row.reached_end,
            )
            for row in rows
        ]

    return await app.store.run(work)


async def test_the_whole_list_is_read_once_newest_first(company, make_deck):
    sandbox = company(250)
    app = make_deck(sandbox)
    report = await likely_duplicates(app, NOBODY, 30)
    assert (report.coverage.checked, report.coverage.total, report.coverage.complete) == (250, 250, True)
    assert (report.checked, report.stopped, report.matches) == ("checked 250 of 250 prospects", "", ())
    assert pages(sandbox) == ["1", "2", "3"]
    assert await ids_in(app) == set(sandbox.prospects)


async def test_a_page_size_smaller_than_asked_is_normal(company, make_deck):
    sandbox = company(45, max_page_size=10)
    report = await likely_duplicates(make_deck(sandbox), NOBODY, 30)
    assert (report.coverage.checked, report.coverage.complete) == (45, True)
    assert pages(sandbox) == ["1", "2", "3", "4", "5"]


async def test_an_empty_company_is_complete(company, make_deck):
    sandbox = company(0)
    report = await likely_duplicates(make_deck(sandbox), NOBODY, 30)
    assert (report.coverage.checked, report.coverage.total, report.coverage.complete) == (0, 0, True)


async def test_right_after_a_look_nothing_is_fetched_and_within_a_minute_only_the_first_page(
    company, make_deck, wall, arrive
):
    sandbox = company(250)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 4
    assert (await likely_duplicates(app, NOBODY, 30)).coverage.complete
    assert pages(sandbox) == ["1", "2", "3"]
    wall.now += 30
    (new,) = arrive(sandbox)
    report = await likely_duplicates(app, ContactDetails(address=new.full_address), 30)
    assert pages(sandbox) == ["1", "2", "3", "1"]
    assert [found.prospect_id for found in report.likely] == [new.id]
    assert (report.coverage.checked, report.coverage.complete) == (251, True)


async def test_a_later_look_reads_only_until_it_meets_what_is_known(company, make_deck, wall, arrive):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 3_600
    arrive(sandbox, 12)
    sandbox.requests.clear()
    report = await likely_duplicates(app, NOBODY, 30)
    assert pages(sandbox) == ["1", "2", "3"]
    assert (report.coverage.checked, report.coverage.complete) == (57, True)


async def test_a_reading_that_runs_out_of_time_is_kept_and_the_next_goes_on(company, make_deck, wall, monkeypatch):
    sandbox = company(100, max_page_size=10)
    app = make_deck(sandbox)
    with monkeypatch.context() as patched:
        limited(4)(app, patched)
        report = await likely_duplicates(app, NOBODY, 30)
    assert report.checked == "checked 40 of 100 prospects"
    assert (report.stopped, report.coverage.complete) == ("the time was up", False)
    wall.now += 600
    sandbox.requests.clear()
    report = await likely_duplicates(app, NOBODY, 30)
    assert pages(sandbox) == ["1", "4", "5", "6", "7", "8", "9", "10"]
    assert (report.coverage.checked, report.coverage.complete) == (100, True)
    assert await ids_in(app) == set(sandbox.prospects)


async def test_gaps_between_earlier_readings_are_closed(company, make_deck, wall, arrive, monkeypatch):
    sandbox = company(100, max_page_size=10)
    app = make_deck(sandbox)
    for newcomers in (0, 60, 60):
        arrive(sandbox, newcomers)
        wall.now += 600
        with monkeypatch.context() as patched:
            limited(4)(app, patched)
            await likely_duplicates(app, NOBODY, 30)
    assert [rows for _, rows, _ in await sweeps_in(app)] == [40, 40, 40]
    wall.now += 600
    sandbox.requests.clear()
    report = await likely_duplicates(app, NOBODY, 30)
    assert report.coverage.complete
    assert await ids_in(app) == set(sandbox.prospects)
    assert [(rows, end) for _, rows, end in await sweeps_in(app)] == [(220, True)]
    assert len(pages(sandbox)) < 22


async def test_within_a_minute_an_incomplete_index_only_looks_for_new_prospects(company, make_deck, wall, monkeypatch):
    sandbox = company(60, max_page_size=10)
    app = make_deck(sandbox)
    with monkeypatch.context() as patched:
        limited(2)(app, patched)
        await likely_duplicates(app, NOBODY, 30)
    wall.now += 30
    sandbox.requests.clear()
    report = await likely_duplicates(app, NOBODY, 30)
    assert pages(sandbox) == ["1"]
    assert (report.coverage.checked, report.coverage.complete) == (20, False)
    assert report.stopped == "the rest was left for the next call"


async def test_a_prospect_that_vanished_from_the_service_vanishes_from_the_index(company, make_deck, wall):
    sandbox = company(30)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    gone = [*sandbox.prospects][4]
    del sandbox.prospects[gone]
    wall.now += 8 * 86_400
    report = await likely_duplicates(app, NOBODY, 30)
    assert (report.coverage.checked, report.coverage.total, report.coverage.complete) == (29, 29, True)
    assert await ids_in(app) == set(sandbox.prospects)

    def keys_of_the_gone(connection):
        return connection.execute(select(seen_keys).where(seen_keys.c.prospect_id == gone)).all()

    assert await app.store.run(keys_of_the_gone) == []


async def test_rows_that_vanish_while_the_list_is_read_hide_no_others(company, make_deck, monkeypatch):
    sandbox = company(40, max_page_size=10)
    app = make_deck(sandbox)
    original = type(app.rooflink).list_prospects
    newest = sorted(sandbox.prospects.values(), key=lambda row: row.created, reverse=True)

    async def list_prospects(self, filters, extra=None):
        if filters["page"] == 2:
            for row in newest[:7]:
                sandbox.prospects.pop(row.id, None)
        return await original(self, filters, extra)

    monkeypatch.setattr("leadbridge.server.services.rooflink.api.RoofLink.list_prospects", list_prospects)
    await likely_duplicates(app, NOBODY, 30)
    assert set(sandbox.prospects) <= await ids_in(app)


async def test_a_list_that_became_much_shorter_is_read_on_from_where_it_is_known(company, make_deck, wall, monkeypatch):
    sandbox = company(90, max_page_size=10)
    app = make_deck(sandbox)
    with monkeypatch.context() as patched:
        limited(8)(app, patched)
        await likely_duplicates(app, NOBODY, 30)
    newest = sorted(sandbox.prospects.values(), key=lambda row: row.created, reverse=True)
    for row in newest[10:76]:
        del sandbox.prospects[row.id]
    wall.now += 600
    report = await likely_duplicates(app, NOBODY, 30)
    assert report.coverage.complete
    assert set(sandbox.prospects) <= await ids_in(app)


async def test_a_changed_prospect_is_found_by_what_it_is_now(company, make_deck, wall):
    sandbox = company(60)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    active = [row for row in sandbox.prospects.values() if row.deleted is None]
    changed = max(active, key=lambda row: row.created)
    before, changed.address = changed.full_address, "77 Altered Way"
    wall.now += 600
    report = await likely_duplicates(app, ContactDetails(address=changed.full_address), 30)
    assert [found.prospect_id for found in report.likely] == [changed.id]
    report = await likely_duplicates(app, ContactDetails(address=before), 30)
    assert changed.id not in [found.prospect_id for found in report.likely]


async def test_a_deleted_prospect_is_told_but_is_no_likely_duplicate(company, make_deck):
    sandbox = company(60)
    app = make_deck(sandbox)
    deleted = next(row for row in sandbox.prospects.values() if row.deleted is not None)
    report = await likely_duplicates(app, ContactDetails(address=deleted.full_address), 30)
    assert (deleted.id, True) in [(found.prospect_id, found.deleted) for found in report.matches]
    assert deleted.id not in [found.prospect_id for found in report.likely]


async def test_what_was_just_created_is_known_without_another_look(company, make_deck):
    sandbox = company(20)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    await remember_created(app, 99, ContactDetails(address="12 Fresh Ct, Plano, TX 75024", name="Dana Miller"))
    report = await likely_duplicates(app, ContactDetails(address="12 Fresh Court, Plano, Texas 75024"), 30)
    assert [found.prospect_id for found in report.likely] == [99]
    assert len(sandbox.requests) == 1


async def test_other_rules_of_normalising_read_everything_again(company, make_deck, wall, monkeypatch):
    sandbox = company(20)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    monkeypatch.setattr("leadbridge.server.prospects.runs.RULES", 999)
    wall.now += 600
    sandbox.requests.clear()
    assert (await likely_duplicates(app, NOBODY, 30)).coverage.complete
    assert pages(sandbox) == ["1"]


async def test_a_failing_service_leaves_what_is_known(company, make_deck, wall):
    sandbox = company(20)
    app = make_deck(sandbox)
    known = next(row for row in sandbox.prospects.values() if row.deleted is None)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 600
    sandbox.faults.add(Fault(kind="status", status=503, times=None))
    report = await likely_duplicates(app, ContactDetails(address=known.full_address), 5)
    assert known.id in [found.prospect_id for found in report.likely]
    assert report.stopped
    assert not report.coverage.complete


async def test_a_failing_service_is_an_error_when_nothing_is_known(company, make_deck):
    sandbox = company(20)
    sandbox.faults.add(Fault(kind="status", status=503, times=None))
    with pytest.raises(ServiceError):
        await likely_duplicates(make_deck(sandbox), NOBODY, 5)


async def test_a_refused_key_is_an_error_whatever_is_known(company, make_deck, wall):
    sandbox = company(20)
    app = make_deck(sandbox)
    await likely_duplicates(app, NOBODY, 30)
    wall.now += 600
    sandbox.faults.add(Fault(kind="status", status=401, times=None))
    with pytest.raises(AuthError):
        await likely_duplicates(app, NOBODY, 5)


async def test_two_processes_do_not_read_at_once(company, make_deck, state_url):
    sandbox = company(20)
    first, second = make_deck(sandbox, state_url=state_url), make_deck(sandbox, state_url=state_url)
    reading = await begin(index_of(first), 30)
    assert reading is not None
    assert await refresh(index_of(second), second.rooflink, 0.3) == "another LeadBridge process is reading the list"
    await reading.release()
    assert await refresh(index_of(second), second.rooflink, 30) == ""
    assert await index_of(first).coverage() == await index_of(second).coverage()


async def test_a_reader_that_died_blocks_nobody_for_long(company, make_deck, wall, state_url):
    app = make_deck(company(20), state_url=state_url)
    assert await begin(index_of(app), 30) is not None
    wall.now += 36
    assert await refresh(index_of(app), app.rooflink, 30) == ""


async def test_a_reader_that_lost_its_turn_stops(company, make_deck, wall):
    sandbox = company(20)
    app = make_deck(sandbox)
    reading = await begin(index_of(app), 1)
    assert reading is not None
    wall.now += 10
    assert await begin(index_of(app), 30) is not None
    written = await reading.write([], total=120, first=True, last=False, joining=False)
    assert written.lost


async def test_many_calls_at_once_agree(company, make_deck):
    sandbox = company(45, max_page_size=10)
    app = make_deck(sandbox)
    reports = []

    async def one() -> None:
        reports.append(await likely_duplicates(app, NOBODY, 30))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(one)
    assert [report.coverage.checked for report in reports] == [45] * 4
    assert await ids_in(app) == set(sandbox.prospects)


async def test_progress_tells_how_far_it_is(company, make_deck):
    told: list[tuple[int, int | None]] = []

    async def progress(checked: int, total: int | None) -> None:
        told.append((checked, total))

    app = make_deck(company(250))
    await likely_duplicates(app, NOBODY, 30, progress)
    assert told == [(100, 250), (200, 250), (250, 250)]


async def test_an_office_phone_of_many_prospects_tells_nobody_apart(company, make_deck):
    sandbox = company(40)
    app = make_deck(sandbox)
    for row in [*sandbox.prospects.values()][:8]:
        row.customer.cell = "(800) 555-0199"
    report = await likely_duplicates(
        app, ContactDetails(address="1 Nowhere Pl, Nome, AK", phones=(("cell", "8005550199"),)), 30
    )
    assert report.matches == ()


async def test_the_rate_limit_of_the_client_holds(company, make_deck, time):
    sandbox = company(120, max_page_size=10)
    await likely_duplicates(make_deck(sandbox), NOBODY, 30)
    moments = [row.at for row in sandbox.requests]
    assert len(moments) == 12
    assert all(later - earlier >= 1 for earlier, later in zip(moments, moments[5:], strict=False))
    assert {row.status for row in sandbox.requests} == {200}


async def test_no_time_at_all_fetches_nothing(company, make_deck):
    sandbox = company(20)
    report = await likely_duplicates(make_deck(sandbox), NOBODY, 0)
    assert sandbox.requests == []
    assert (report.coverage.checked, report.coverage.complete, report.stopped) == (0, False, "the time was up")


async def test_the_tables_stand_alone(make_deck, company, wall: Time):
    app = make_deck(company(20))
    await likely_duplicates(app, NOBODY, 30)

    def held_until(connection):
        return connection.execute(select(seen_coverage.c.held_until)).scalar_one()

    assert await app.store.run(held_until) == 0
    assert duplicates.STILL_FRESH < duplicates.NEARLY_FRESH
    assert issubclass(RateLimited, ServiceError)
