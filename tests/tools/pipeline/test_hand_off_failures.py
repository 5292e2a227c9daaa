"""Each step of a hand-off fails in turn: what is reported is true, and the next call sends only what is not done."""

from __future__ import annotations

import asyncio
import time as clocks
from typing import Any

import pytest
from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Person, Time, Version, call, connected, data_of
from tests.tools.pipeline.handing_off import (
    ACCEPT,
    ALL,
    CREATE,
    GIVEN,
    LEAD,
    NOTE,
    approved,
    befall,
    blind,
    hand_off,
    posts_of,
    writes_of,
)

NOT_CARRIED_OUT: list[dict[str, Any]] = [
    {"kind": "status", "status": 400, "body": '{"detail": "No"}'},
    {"kind": "status", "status": 404, "body": "{}"},
    {"kind": "rate_limited", "seconds": 300, "times": None},
    {"kind": "connection_refused", "times": None},
    {"kind": "success_false_200"},
]
LOST: list[dict[str, Any]] = [{"kind": "drop_after"}, {"kind": "server_error", "commits": True}, {"kind": "html_200"}]


async def settle(client: Client, write_id: int, outcome: str, **record: Any) -> None:
    """As a person who looked at the service says."""
    assert (
        data_of(await call(client, "resolve_write", write_id=write_id, outcome=outcome, **record))["outcome"] == "done"
    )


def wait(sandbox: Sandbox, time: Time) -> None:
    """Nothing more happens, and every cool-off is over."""
    sandbox.faults.clear()
    time.now += 1_000_000


# The first step


@pytest.mark.parametrize("fault", NOT_CARRIED_OUT, ids=lambda fault: str(fault["kind"]))
async def test_an_acceptance_that_was_refused_ends_it_and_can_be_tried_again(
    sandbox: Sandbox, time: Time, version: Version, fault: dict[str, Any]
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        befall(sandbox, ACCEPT, **fault)
        stopped = await hand_off(client)
        assert stopped["outcome"] == "refused"
        assert f"LeadBridge could not accept lead {LEAD} on RenovationFind." in stopped["summary"]
        assert sandbox.writes == []
        wait(sandbox, time)
        assert (await hand_off(client))["outcome"] == "done"
    assert writes_of(sandbox) == ALL
    assert len(person.shown) == 2


async def test_a_lead_that_was_accepted_in_the_portal_is_handed_off_with_what_is_given(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    sandbox.leads[LEAD].action = "ACCEPTED"
    async with connected(sandbox, version=version, time=time) as client:
        stopped = await approved(client)
        assert "already_accepted=true" in " ".join(stopped["next_steps"])
        refused = await call(client, "hand_off_lead", lead_id=LEAD, already_accepted=True)
        assert refused.is_error
        receipt = await approved(client, already_accepted=True, **GIVEN)
    assert receipt["outcome"] == "done"
    assert writes_of(sandbox) == [CREATE, NOTE]


async def test_a_lead_that_is_not_there_is_reported_as_missing(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time, approvals="off") as client:
        stopped = await hand_off(client, lead_id=99_999)
    assert (stopped["outcome"], stopped["reason"]) == ("refused", "not_found")
    assert sandbox.writes == []


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: str(fault["kind"]))
async def test_an_acceptance_of_which_nobody_knows_blocks_until_it_is_resolved(
    sandbox: Sandbox, time: Time, version: Version, fault: dict[str, Any]
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        befall(sandbox, ACCEPT, **fault)
        stopped = await hand_off(client)
        assert stopped["outcome"] == "unknown"
        sent = posts_of(sandbox)
        for arguments in ({}, GIVEN, {"dry_run": True}):
            blocked = await hand_off(client, **arguments)
            assert (blocked["outcome"], blocked["reason"]) == ("refused", "earlier_unknown")
        assert posts_of(sandbox) == sent
        assert len(person.shown) == 1  # nobody is asked about what cannot be done
        took_effect = bool(sandbox.writes)
        await settle(client, stopped["write_id"], "done" if took_effect else "failed")
        receipt = await hand_off(client, **GIVEN)
    assert receipt["outcome"] == "done"
    assert writes_of(sandbox) == ALL
    assert ("The lead is accepted already." in person.shown[-1]) is took_effect


# The second


@pytest.mark.parametrize("fault", NOT_CARRIED_OUT[:4], ids=lambda fault: str(fault["kind"]))
async def test_a_creation_that_was_refused_leaves_the_lead_accepted_and_is_tried_again(
    sandbox: Sandbox, time: Time, version: Version, fault: dict[str, Any]
) -> None:
    async with connected(sandbox, version=version, person=Person(), time=time) as client:
        befall(sandbox, CREATE, **fault)
        stopped = await hand_off(client)
        assert stopped["outcome"] == "partly_done"
        assert f"Lead {LEAD} is accepted. LeadBridge could not create the prospect in RoofLink." in stopped["summary"]
        assert stopped["details"][0].startswith(f"Step 1, accept lead {LEAD} on RenovationFind: done (write ")
        assert writes_of(sandbox) == [ACCEPT]
        wait(sandbox, time)
        assert (await hand_off(client))["outcome"] == "done"
    assert writes_of(sandbox) == ALL


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: str(fault["kind"]))
async def test_a_creation_whose_answer_is_lost_is_found_by_a_look_at_once(
    sandbox: Sandbox, time: Time, version: Version, fault: dict[str, Any]
) -> None:
    async with connected(sandbox, version=version, person=Person(), time=time) as client:
        befall(sandbox, CREATE, **{**fault, "commits": True})
        receipt = await hand_off(client)
    assert receipt["outcome"] == "done"
    assert receipt["record_id"] == sandbox.writes[1].record_id
    assert any("it was done once" in warning for warning in receipt["warnings"])
    assert writes_of(sandbox) == ALL


async def test_a_creation_that_cannot_be_looked_for_is_found_by_the_next_call_without_asking_again(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person, clock = Person(), Time(clocks.time())
    async with connected(sandbox, version=version, person=person, time=time, clock=clock) as client:
        await call(client, "find_matching_prospects", address="1 Nowhere Rd")
        befall(sandbox, CREATE, "drop_after")
        blind(sandbox)
        assert (await hand_off(client))["outcome"] == "unknown"
        assert writes_of(sandbox) == [ACCEPT, CREATE]
        wait(sandbox, time)
        clock.now += 120
        receipt = await hand_off(client)
    assert receipt["outcome"] == "done"
    assert writes_of(sandbox) == ALL
    assert len(person.shown) == 1


async def test_a_creation_that_stays_lost_is_resolved_by_a_person(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        befall(sandbox, CREATE, "drop_before", times=None)
        stopped = await hand_off(client)
        assert stopped["outcome"] == "unknown"
        wait(sandbox, time)
        blocked = await hand_off(client, lead_source="Door Knocking")
        assert blocked["reason"] == "earlier_unknown"
        assert len(person.shown) == 1
        await settle(client, stopped["write_id"], "failed")
        assert (await hand_off(client))["outcome"] == "done"
    assert writes_of(sandbox) == ALL


@pytest.mark.parametrize("answered", [True, False])
async def test_a_creation_resolved_as_done_is_not_repeated(sandbox: Sandbox, time: Time, answered: bool) -> None:
    async with connected(sandbox, time=time, approvals="off", clock=Time(clocks.time())) as client:
        await call(client, "find_matching_prospects", address="1 Nowhere Rd")
        befall(sandbox, CREATE, "drop_after")
        blind(sandbox)
        stopped = await hand_off(client)
        wait(sandbox, time)
        record = {"record_id": sandbox.writes[1].record_id} if answered else {}
        await settle(client, stopped["write_id"], "done", **record)
        receipt = await hand_off(client)
    if answered:
        assert (receipt["outcome"], receipt["record_id"]) == ("done", sandbox.writes[1].record_id)
    else:
        assert (receipt["outcome"], receipt["reason"]) == ("refused", "no_record")
    assert writes_of(sandbox) == (ALL if answered else ALL[:2])


# The last


@pytest.mark.parametrize("fault", [*NOT_CARRIED_OUT[:4], *LOST], ids=lambda fault: str(fault["kind"]))
async def test_a_note_that_failed_is_a_warning_and_the_next_call_adds_only_it(
    sandbox: Sandbox, time: Time, version: Version, fault: dict[str, Any]
) -> None:
    person = Person()
    async with connected(sandbox, version=version, person=person, time=time) as client:
        befall(sandbox, NOTE, **fault)
        receipt = await hand_off(client)
        assert receipt["outcome"] == "done"
        assert [w for w in receipt["warnings"] if w.startswith("Step 3, note the link in RoofLink, is not done:")]
        wait(sandbox, time)
        sent = posts_of(sandbox)
        again = await hand_off(client)
    assert (again["outcome"], again["record_id"]) == ("done", receipt["record_id"])
    lost = fault in LOST
    assert posts_of(sandbox) == sent + (not lost)
    assert bool([w for w in again["warnings"] if "is unresolved" in w]) is lost
    assert len(person.shown) == 1
    assert writes_of(sandbox)[:2] == [ACCEPT, CREATE]
    assert writes_of(sandbox).count(NOTE) == (0 if fault["kind"] == "html_200" else 1)


# All of it at once


async def test_of_many_hand_offs_at_the_same_instant_each_step_is_carried_out_once(
    sandbox: Sandbox, time: Time, tmp_path: Any
) -> None:
    store = f"sqlite:///{tmp_path / 'state.db'}"
    async with (
        connected(sandbox, time=time, approvals="off", state_url=store) as one,
        connected(sandbox, time=time, approvals="off", state_url=store) as other,
    ):
        receipts = await asyncio.gather(*(hand_off(client) for client in (one, other) * 4))
        last = await hand_off(one)
    assert {receipt["outcome"] for receipt in receipts} <= {"done", "already_done", "refused", "partly_done"}
    assert {r["reason"] for r in receipts if r["outcome"] != "done" and "reason" in r} <= {"in_progress"}
    assert last["outcome"] in {"done", "already_done"}
    assert writes_of(sandbox) == ALL


@pytest.mark.usefixtures("loop_time")
async def test_a_deadline_in_the_middle_is_gone_on_from(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time, approvals="off", call_deadline=5) as client:
        sandbox.faults.add(Fault(kind="read_timeout", match="GET /prospect/$", times=None))
        befall(sandbox, CREATE, "read_timeout")
        stopped = await hand_off(client)
        assert stopped["outcome"] in {"unknown", "partly_done"}
        assert writes_of(sandbox) == [ACCEPT]
        wait(sandbox, time)
        if stopped["outcome"] == "unknown":
            await settle(client, stopped["write_id"], "failed")
        assert (await hand_off(client))["outcome"] == "done"
    assert writes_of(sandbox) == ALL
