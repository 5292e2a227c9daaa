"""Every write on record before it leaves, its outcome after, and each approval used up with what it allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.from_thread
import pytest
from sqlalchemy import Connection, Engine, event

from leadbridge.server.app import build_app_context
from leadbridge.server.catalog import SERVICES, load
from leadbridge.server.config.state_address import IN_MEMORY
from leadbridge.server.errors import Refused, StateError
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.state import Store
from leadbridge.server.state import writes as ledger_rows
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import Ledger, WritePermit
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.write_rows import History
from tests.support import Time, call, connected, data_of, make_settings, text_of

CATALOG = load()
FREE = Approval("not needed")


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(IN_MEMORY)
    yield store
    store.close()


@pytest.fixture
def ledger(store: Store, time: Time) -> Ledger:
    return Ledger(store, {service: f"account of {service}" for service in SERVICES}, SERVICES, clock=time)


def plan(lead_id: int, operation: str = "renovationfind.update_job_status", **arguments: Any) -> Write:
    return Write(
        action=HttpWrite(operation=CATALOG[operation], receive=lambda _: Done(summary="Done.")),
        subject=Subject(f"lead {lead_id}"),
        arguments={"lead_id": lead_id, "status": "QUOTE_SENT", **arguments},
        preview=Preview(lines=("Set it.",)),
    )


async def intend(ledger: Ledger, lead_id: int, approval: Approval = FREE, **arguments: Any) -> WritePermit:
    permit = await ledger.begin(plan(lead_id, **arguments), approval)
    assert isinstance(permit, WritePermit)
    return permit


async def test_a_write_goes_from_intended_to_sent_to_its_outcome(ledger: Ledger) -> None:
    permit = await intend(ledger, 785)
    states = [(await History(ledger).newest())[0][0].state]
    await permit.sending()
    states.append((await History(ledger).newest())[0][0].state)
    await ledger.record(permit.write_id, "done", "It is set.", 785)
    ((row,), total) = await History(ledger).newest()
    assert [*states, row.state] == ["intended", "sent", "done"]
    assert (row.write_id, row.summary, row.record_id, total) == (permit.write_id, "It is set.", 785, 1)


async def test_a_row_holds_what_a_person_needs_to_find_it_again(ledger: Ledger, time: Time) -> None:
    time.now = 1_750_000_000.0
    await intend(ledger, 785, Approval("token", "token-1"))
    ((row,), _) = await History(ledger).newest()
    assert (row.service, row.operation, row.target) == (
        "renovationfind",
        "renovationfind.update_job_status",
        "lead 785",
    )
    assert (row.approval, row.at, row.sandbox) == ("token", 1_750_000_000.0, True)
    assert row.arguments == {"lead_id": 785, "status": "QUOTE_SENT"}


async def test_a_permit_is_for_the_operation_that_was_intended(ledger: Ledger) -> None:
    assert (await intend(ledger, 785)).operation_id == "renovationfind.update_job_status"


async def test_a_call_that_is_cancelled_while_the_ledger_is_asked_has_sent_nothing(ledger: Ledger) -> None:
    permit = await intend(ledger, 785)
    scope = anyio.CancelScope()

    def cancel(_connection: Connection) -> None:
        anyio.from_thread.run_sync(scope.cancel)

    event.listen(Engine, "commit", cancel)
    try:
        with scope:
            await permit.sending()
    finally:
        event.remove(Engine, "commit", cancel)
    assert scope.cancelled_caught
    assert not permit.may_have_left
    await ledger.finish(permit, "failed", "The call was interrupted.")
    assert (await History(ledger).newest())[0][0].state == "failed"


async def test_a_later_state_does_not_wipe_out_what_was_reported(ledger: Ledger) -> None:
    permit = await intend(ledger, 785)
    await ledger.record(permit.write_id, "unknown", "The connection broke.", 785)
    await ledger.record(permit.write_id, "done")
    ((row,), _) = await History(ledger).newest()
    assert (row.state, row.summary, row.record_id) == ("done", "The connection broke.", 785)


async def test_each_approval_allows_one_write(ledger: Ledger) -> None:
    await intend(ledger, 785, Approval("asked", "asked-1"))
    with pytest.raises(Refused) as caught:
        await ledger.begin(plan(786), Approval("asked", "asked-1"))
    assert caught.value.reason == "approval_used"
    assert caught.value.reason == "approval_used"
    assert not caught.value.sent
    assert (await History(ledger).newest())[1] == 1
    await intend(ledger, 786, Approval("asked", "asked-2"))
    await intend(ledger, 787)
    await intend(ledger, 788)
    assert (await History(ledger).newest())[1] == 4


async def test_an_approval_that_was_used_for_one_operation_serves_no_other(ledger: Ledger) -> None:
    await intend(ledger, 785, Approval("token", "token-1"))
    with pytest.raises(Refused):
        await ledger.begin(plan(786, "renovationfind.mark_won", job_amount=5), Approval("token", "token-1"))


async def test_a_no_uses_up_a_question_and_leaves_no_write(ledger: Ledger) -> None:
    await ledger.use_up("asked-1", "renovationfind.mark_won", "no")
    with pytest.raises(Refused):
        await ledger.begin(plan(785), Approval("asked", "asked-1"))
    assert (await History(ledger).newest()) == ([], 0)


async def test_an_intent_that_cannot_be_kept_uses_up_no_approval(ledger: Ledger, store: Store) -> None:
    from sqlalchemy import text

    store.run_sync(lambda connection: connection.execute(text("alter table writes rename to gone")))
    with pytest.raises(StateError):
        await ledger.begin(plan(785), Approval("token", "token-1"))
    store.run_sync(lambda connection: connection.execute(text("alter table gone rename to writes")))
    await intend(ledger, 785, Approval("token", "token-1"))


async def test_the_history_shows_the_unresolved_first_and_then_the_newest(ledger: Ledger) -> None:
    wanted = ["done", "unknown", "failed", "done", "sent"]
    for number, state in enumerate(wanted):
        permit = await intend(ledger, 785 + number)
        await permit.sending()
        await ledger.record(permit.write_id, state)
    rows, total = await History(ledger).newest()
    assert [row.state for row in rows] == ["sent", "unknown", "done", "failed", "done"]
    assert total == 5
    few, of = await History(ledger).newest(limit=2)
    assert ([row.state for row in few], of) == (["sent", "unknown"], 5)


async def test_the_history_is_filtered_by_state_and_by_time(ledger: Ledger, time: Time) -> None:
    for number in range(4):
        time.now = 1_000.0 + number
        permit = await intend(ledger, 785 + number)
        await ledger.record(permit.write_id, "done" if number % 2 else "failed")
    assert [row.target for row in (await History(ledger).newest(outcome="done"))[0]] == ["lead 788", "lead 786"]
    rows, total = await History(ledger).newest(since=1_002.0)
    assert ([row.target for row in rows], total) == (["lead 788", "lead 787"], 2)
    assert (await History(ledger).newest(outcome="unknown")) == ([], 0)


async def test_the_history_shows_this_accounts_writes_only(store: Store, ledger: Ledger, time: Time) -> None:
    await intend(ledger, 785)
    other = Ledger(store, {service: f"another account of {service}" for service in SERVICES}, (), clock=time)
    assert (await History(other).newest()) == ([], 0)
    await intend(other, 785)
    assert (await History(other).newest())[1] == (await History(ledger).newest())[1] == 1


async def test_personal_data_is_in_the_row_only_as_its_length(ledger: Ledger, store: Store) -> None:
    from sqlalchemy import text

    await intend(ledger, 785, reason="Dana Miller moved to 12 Elm St", email="dana@example.com")
    stored = store.run_sync(lambda connection: connection.execute(text("select arguments from writes")).scalar_one())
    assert "Dana" not in str(stored)
    assert "dana@example.com" not in str(stored)
    ((row,), _) = await History(ledger).newest()
    assert row.arguments["reason"] == "<30 characters>"


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 10**30, -1, 0])
async def test_an_id_that_no_column_holds_does_not_lose_the_outcome(ledger: Ledger, number: int) -> None:
    permit = await intend(ledger, 785)
    await ledger.record(permit.write_id, "done", "It is set.", number)
    ((row,), _) = await History(ledger).newest()
    assert (row.state, row.summary) == ("done", "It is set.")


async def test_a_summary_of_any_length_and_content_is_kept(ledger: Ledger) -> None:
    permit = await intend(ledger, 785)
    await ledger.record(permit.write_id, "unknown", "x" * 1_000_000 + "\x00\u202e'; drop table writes; --")
    ((row,), _) = await History(ledger).newest()
    assert row.state == "unknown"
    assert 100 < len(row.summary) < 10_000


# Seen from a tool


async def test_the_intent_is_on_record_before_the_request_leaves_and_so_is_that_it_may_have_left(tmp_path: Any) -> None:
    import sqlite3

    import httpx
    from mcp import Client

    from leadbridge.server.app import build_server
    from tests.support import make_settings

    file = tmp_path / "state.db"
    seen: list[tuple[Any, ...]] = []

    def look(_: httpx.Request) -> httpx.Response:
        with sqlite3.connect(file) as other:
            seen.extend(other.execute("select operation, state from writes"))
        other.close()
        return httpx.Response(200, json={"success": True, "data": {"id": 785}})

    settings = make_settings(state_url=f"sqlite:///{file}")
    async with Client(build_server(settings, transport=lambda: httpx.MockTransport(look))) as client:
        await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
    assert seen == [("renovationfind.update_job_status", "sent")]


async def test_a_write_that_the_rate_limit_did_not_let_leave_is_failed(time: Time) -> None:
    sandbox = Sandbox(clock=time, prospects=5)
    async with connected(sandbox, time=time) as client:
        sandbox.faults.add(Fault(kind="rate_limited", seconds=300, times=None))
        for lead_id in (785, 786):
            result = await call(client, "renovationfind_update_job_status", lead_id=lead_id, status="QUOTE_SENT")
            assert data_of(result)["outcome"] == "refused"
        rows = data_of(await call(client, "write_history"))["rows"]
    assert [(row["target"], row["outcome"]) for row in rows] == [("lead 786", "refused"), ("lead 785", "refused")]
    assert [request.path for request in sandbox.requests] == ["/rest-api-v1/general-leads/785/status"]


async def test_the_names_and_addresses_of_a_new_lead_are_not_among_the_arguments_on_record(
    tmp_path: Any, time: Time
) -> None:
    import sqlite3

    file = tmp_path / "state.db"
    personal = {
        "first_name": "Zenobia", "last_name": "Quillfeather", "cell_phone": "(972) 555-0142",
        "home_phone": "(972) 555-0143", "email": "zenobia@example.com", "city": "Plano", "county": "Collin",
        "address": "4821 Juniper Hollow Dr", "extra_info": {"gate code": "9911"}, "external_id": "crm-77",
        "postal_code": "75024",
    }  # fmt: skip
    async with connected(Sandbox(clock=time, prospects=5), time=time, state_url=f"sqlite:///{file}") as client:
        result = await call(client, "rooflink_create_lead", state="TX", **personal)
    assert data_of(result)["outcome"] == "done"
    with sqlite3.connect(file) as other:
        (stored,) = other.execute("select arguments from writes").fetchone()
    other.close()
    for value in personal.values():
        assert json.dumps(value) not in stored
        assert str(value).strip("{}'") not in stored
    assert json.loads(stored)["state"] == "TX"


def many_writes(count: int, **values: Any) -> Any:
    """Puts so many writes on record, behind the ledger's back, all done unless `values` say otherwise."""

    def work(connection: Connection) -> None:
        from leadbridge.server.state.tables import writes

        row = {
            "account": "account of renovationfind", "service": "renovationfind", "target": "lead 785",
            "operation": "renovationfind.update_job_status", "subject": "lead 785 status", "repeat_digest": "0",
            "arguments": {}, "state": "done", "approval": "not needed", "sandbox": True, "owner": "",
            "lease_until": 0.0, "created_at": 1_000.0, "updated_at": 1_000.0,
        }  # fmt: skip
        connection.execute(writes.insert(), [{**row, **values} for _ in range(count)])

    return work


async def test_a_long_history_is_counted_so_far_and_no_further(sandbox: Sandbox, time: Time, state_url: str) -> None:
    app = build_app_context(make_settings(state_url=state_url), sandbox=sandbox)
    account = app.services.accounts["renovationfind"]
    app.store.run_sync(many_writes(ledger_rows.COUNTED + 1, account=account))
    app.store.run_sync(many_writes(1, account=account, state="unknown", target="lead 786", created_at=1.0))
    app.store.close()
    async with connected(sandbox, time=time, state_url=state_url) as client:
        result = await call(client, "write_history", limit=3)
        few = await call(client, "write_history", outcome="unknown")
    assert text_of(result).startswith("3 of 10,000 or more writes of company")
    assert [row["target"] for row in data_of(result)["rows"]] == ["lead 786", "lead 785", "lead 785"]
    assert data_of(result)["total"] == ledger_rows.COUNTED
    assert text_of(few).startswith("1 of 1 writes of company")


@pytest.mark.sqlite
async def test_the_history_takes_no_more_steps_where_it_is_long(
    store: Store, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_rows, "COUNTED", 100)
    steps: list[int] = []

    def step(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: steps.append(1), 100)

    async def steps_of(**given: Any) -> int:
        steps.clear()
        rows, total = await History(ledger).newest(limit=5, **given)
        assert (len(rows), total) == (5, 100)
        return len(steps)

    store.run_sync(many_writes(200))
    store.run_sync(step)
    before = [await steps_of(), await steps_of(outcome="done"), await steps_of(since=900.0)]
    store.run_sync(many_writes(6_000))
    store.run_sync(many_writes(6_000, account="another company's"))
    after = [await steps_of(), await steps_of(outcome="done"), await steps_of(since=900.0)]
    assert all(late < 2 * early for early, late in zip(before, after, strict=True)), (before, after)
