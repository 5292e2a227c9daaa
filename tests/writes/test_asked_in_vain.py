"""Nobody is asked for a yes that could not be used, and nobody is asked twice for one write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult
from sqlalchemy import Connection, Engine, event

from leadbridge.server.sandbox import Fault, Sandbox
from tests.state.disks import disk_of
from tests.support import Person, Time, Version, call, connected, data_of, text_of
from tests.tools.pipeline.handing_off import CREATE, GIVEN, befall, hand_off

ACCEPT, DECLINE, REFER = (
    "renovationfind_accept_lead",
    "renovationfind_decline_lead",
    "renovationfind_create_referral",
)
WIN = "renovationfind_mark_won"
DANA: dict[str, Any] = {"first_name": "Dana", "last_name": "Miller", "email": "dana@example.com"}


def slow_down(sandbox: Sandbox, seconds: float) -> None:
    """The next write is refused with 429, and the service wants to be left alone."""
    sandbox.faults.add(Fault(kind="rate_limited", match="POST .", times=1, seconds=seconds))


async def test_while_a_service_wants_to_be_left_alone_nobody_is_asked(sandbox: Sandbox, time: Time, version: Version):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        slow_down(sandbox, 300)
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "refused"
        asked = len(person.shown)
        refused = await call(client, ACCEPT, lead_id=811)
        assert data_of(refused)["reason"] == "rate_limited"
        assert "no approval was used" in text_of(refused)
        assert "300 s" in text_of(refused)
        assert len(person.shown) == asked
        time.now += 301
        assert data_of(await call(client, ACCEPT, lead_id=811))["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_one_transaction_looks_at_the_ledger_before_a_person_is_asked(
    sandbox: Sandbox, time: Time, version: Version
):
    begun: list[Connection] = []
    looked: set[int] = set()
    before: list[int] = []

    class Counting(Person):
        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            before.append(len(looked))
            return await super().__call__(context, params)

    def executes(_connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if any(table in statement for table in ("writes", "approvals", "meta")):
            looked.add(len(begun))  # in memory, one transaction runs at a time

    def begins(connection: Connection) -> None:
        begun.append(connection)

    event.listen(Engine, "begin", begins)
    event.listen(Engine, "before_cursor_execute", executes)
    try:
        async with connected(sandbox, version=version, time=time, person=Counting()) as client:
            await call(client, WIN, lead_id=785, status="JOB_WON", job_amount=1000)  # opens the store
            looked.clear()
            won = await call(client, WIN, lead_id=786, status="JOB_WON", job_amount=1000)
            assert data_of(won)["outcome"] == "done"
    finally:
        event.remove(Engine, "begin", begins)
        event.remove(Engine, "before_cursor_execute", executes)
    assert before[1] == 1


async def test_meanwhile_no_token_is_made_and_a_given_one_is_not_used_up(
    sandbox: Sandbox, time: Time, version: Version
):
    async with connected(sandbox, version=version, time=time) as client:
        token = data_of(await call(client, ACCEPT, lead_id=811))["approval_token"]
        slow_down(sandbox, 300)
        other = data_of(await call(client, ACCEPT, lead_id=812))["approval_token"]
        assert data_of(await call(client, ACCEPT, lead_id=812, approval_token=other))["outcome"] == "refused"
        for given in ({}, {"approval_token": token}):
            refused = data_of(await call(client, ACCEPT, lead_id=811, **given))
            assert (refused["outcome"], refused["reason"]) == ("refused", "rate_limited")
            assert "approval_token" not in refused
        time.now += 301
        assert data_of(await call(client, ACCEPT, lead_id=811, approval_token=token))["outcome"] == "done"
    assert len(sandbox.writes) == 1


@pytest.mark.usefixtures("loop_time")
async def test_a_pause_that_is_over_once_somebody_has_read_keeps_nobody_from_being_asked(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person, call_deadline=20) as client:
        slow_down(sandbox, 30)  # longer than the first call has, so that it gives up
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "refused"
        time.now += 21
        assert data_of(await call(client, ACCEPT, lead_id=811))["outcome"] == "done"
    assert len(person.shown) == 2


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", ["full", "told full", "query only"])
async def test_while_nothing_can_be_recorded_nobody_is_asked(
    sandbox: Sandbox, time: Time, version: Version, tmp_path: Path, kind: str
):
    person = Person()
    with disk_of(kind, tmp_path / "disk") as disk:
        url = f"sqlite:///{disk.folder}/state.db"
        async with (
            connected(sandbox, version=version, time=time, state_url=url, person=person) as client,
            connected(sandbox, version=version, time=time, state_url=url) as mute,
        ):
            assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "done"
            disk.fail()
            # A referral that is meant to be one again is compared with nothing in the store before.
            for asking in (client, mute):
                for tool, arguments in ((ACCEPT, {"lead_id": 811}), (REFER, {**DANA, "skip_duplicates": False})):
                    refused = await call(asking, tool, **arguments)
                    assert refused.is_error
                    assert disk.error in text_of(refused)
            disk.heal()
    assert len(person.shown) == 1
    assert len(sandbox.writes) == 1


async def test_while_an_earlier_write_is_unresolved_nobody_is_asked(sandbox: Sandbox, time: Time, version: Version):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        sandbox.faults.add(Fault(kind="drop_after", match="POST accept"))
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "unknown"
        for tool, more in ((ACCEPT, {}), (DECLINE, {"reason": "Too far"})):
            assert data_of(await call(client, tool, lead_id=812, **more))["reason"] == "earlier_unknown"
    assert len(person.shown) == 1


async def test_while_another_write_may_have_created_the_same_nobody_is_asked(
    sandbox: Sandbox, time: Time, version: Version
):
    """A lead that is accepted already shows what would be created."""
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "done"
        befall(sandbox, CREATE, "drop_before")
        lost = await call(client, "rooflink_create_lead", **{**GIVEN, "address": "4821 JUNIPER HOLLOW DRIVE"})
        assert data_of(lost)["outcome"] == "unknown"
        assert (await hand_off(client, **GIVEN))["reason"] == "earlier_unknown"
    assert len(person.shown) == 1
    assert len(sandbox.writes) == 1


async def test_a_hand_off_asks_nobody_while_either_of_its_services_wants_to_be_left_alone(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        slow_down(sandbox, 300)
        assert data_of(await call(client, ACCEPT, lead_id=811))["outcome"] == "refused"
        assert (await hand_off(client, **GIVEN))["reason"] == "rate_limited"
    assert len(person.shown) == 1
    assert sandbox.writes == []


WON: dict[str, Any] = {"status": "JOB_WON", "job_amount": 5}
IN_VAIN = [
    (ACCEPT, 785, {}, "already_accepted", "already_accepted=true"),
    (ACCEPT, 797, {}, "already_declined", "who declined it"),
    (DECLINE, 785, {"reason": "Too far"}, "already_accepted", "LEAD_LOST"),
    (WIN, 794, WON, "final", "renovationfind_update_job_status"),
    ("hand_off_lead", 785, {}, "already_accepted", "already_accepted=true"),
    ("hand_off_lead", 797, {}, "already_declined", "who declined it"),
]


@pytest.mark.parametrize(("tool", "lead_id", "more", "reason", "instead"), IN_VAIN)
async def test_what_the_service_refused_for_good_is_not_asked_for_again_at_once(
    sandbox: Sandbox,
    time: Time,
    version: Version,
    tool: str,
    lead_id: int,
    more: dict[str, Any],
    reason: str,
    instead: str,
):
    person, clock = Person(), Time(1_790_000_000.0)
    async with connected(sandbox, version=version, time=time, clock=clock, person=person) as client:
        first = await call(client, tool, lead_id=lead_id, **more)
        assert data_of(first)["reason"] == "rejected"
        assert text_of(first).count(instead) == 1
        for _ in range(2):
            again = await call(client, tool, lead_id=lead_id, **more)
            assert data_of(again)["reason"] == reason
            assert "RenovationFind said (today " in text_of(again)
            assert instead in text_of(again)
        assert len(person.shown) == 1
        clock.now += 600
        assert data_of(await call(client, tool, lead_id=lead_id, **more))["reason"] == "rejected"
    assert "RenovationFind's last refusal: " in person.shown[1]
    assert "cannot tell" not in person.shown[1]
    assert len(person.shown) == 2
    assert sandbox.writes == []


async def test_without_forms_no_token_is_given_for_it(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time) as client:
        token = data_of(await call(client, WIN, lead_id=794, **WON))["approval_token"]
        assert data_of(await call(client, WIN, lead_id=794, **WON, approval_token=token))["reason"] == "rejected"
        assert data_of(await call(client, WIN, lead_id=794, **{**WON, "job_amount": 6}))["reason"] == "final"


async def test_once_the_service_shows_otherwise_it_is_asked_for_at_once(sandbox: Sandbox, time: Time, version: Version):
    """Support opened the won lead again, and took back a decline and an acceptance."""
    person, clock, wins = Person(), Time(1_790_000_000.0), {"lead_id": 794, **WON}
    async with connected(
        sandbox, version=version, time=time, clock=clock, person=person, toolsets="default,leads-read"
    ) as client:
        for tool, arguments in ((WIN, wins), (ACCEPT, {"lead_id": 797}), (ACCEPT, {"lead_id": 785})):
            assert data_of(await call(client, tool, **arguments))["reason"] == "rejected"
        sandbox.leads[794].status.status = "QUOTE_SENT"
        quoted = await call(client, "renovationfind_update_job_status", lead_id=794, status="QUOTE_SENT")
        assert data_of(quoted)["outcome"] == "done"
        assert data_of(await call(client, WIN, **wins))["outcome"] == "done"
        clock.now += 1
        read = await call(client, "renovationfind_get_lead", lead_id=797)  # still declined
        assert not read.is_error
        assert data_of(await call(client, ACCEPT, lead_id=797))["reason"] == "already_declined"
        sandbox.leads[797].action = "NONE"
        await call(client, "renovationfind_get_lead", lead_id=797)
        assert data_of(await call(client, ACCEPT, lead_id=797))["outcome"] == "done"
    assert len(person.shown) == 5
    assert len(sandbox.writes) == 3


class Thinking:
    """A person who answers once they are let."""

    def __init__(self) -> None:
        self.shown = 0
        self.asked = anyio.Event()
        self.answer = anyio.Event()

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.shown += 1
        self.asked.set()
        await self.answer.wait()
        return ElicitResult(action="accept", content={"confirm": True})


async def test_a_call_that_is_dispatched_twice_asks_once(sandbox: Sandbox, time: Time):
    person, results, again = Thinking(), list[CallToolResult](), list[CallToolResult]()
    async with connected(sandbox, version="legacy", time=time, person=person) as client:

        async def accept(lead_id: int) -> None:
            results.append(await call(client, ACCEPT, lead_id=lead_id))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept, 812)
            await person.asked.wait()
            again += [await call(client, ACCEPT, lead_id=812) for _ in range(2)]
            person.asked = anyio.Event()
            tasks.start_soon(accept, 811)  # another write has a question of its own
            await person.asked.wait()
            person.answer.set()
        assert [data_of(result)["reason"] for result in again] == ["being_asked"] * 2
        assert text_of(again[0]).startswith("REFUSED: Nothing was sent: another call")
        assert {data_of(result)["outcome"] for result in results} == {"done"}
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "already_done"
    assert person.shown == 2
    assert len(sandbox.writes) == 2


async def test_a_question_that_nobody_waits_for_any_more_can_be_asked_again(sandbox: Sandbox, time: Time):
    person = Thinking()
    async with connected(sandbox, version="legacy", time=time, person=person) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: call(client, ACCEPT, lead_id=812))
            await person.asked.wait()
            tasks.cancel_scope.cancel()
        await call(client, "server_status")
        person.answer.set()
        assert data_of(await call(client, ACCEPT, lead_id=812))["outcome"] == "done"
    assert person.shown == 2
    assert len(sandbox.writes) == 1


async def test_without_a_back_channel_a_second_call_of_the_same_moment_asks_nobody(sandbox: Sandbox, time: Time):
    clock = Time(1_790_000_000.0)
    async with connected(sandbox, time=time, clock=clock, person=Person()) as client:

        async def first_leg(lead_id: int) -> CallToolResult | InputRequiredResult:
            arguments = {"lead_id": lead_id}
            return await client.session.call_tool(ACCEPT, arguments, allow_input_required=True)

        assert isinstance(await first_leg(812), InputRequiredResult)
        second = await first_leg(812)
        assert isinstance(second, CallToolResult)
        assert data_of(second)["reason"] == "being_asked"
        assert isinstance(await first_leg(811), InputRequiredResult)
        clock.now += 5  # nobody says whether the form is still open
        assert isinstance(await first_leg(812), InputRequiredResult)
    assert sandbox.writes == []
