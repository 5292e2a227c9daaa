"""A new lead whose answer was lost is found again later, and nothing else is taken for it."""

from __future__ import annotations

import time as clocks
from typing import Any

import pytest
from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Time, call, connected, data_of

LEAD = {"address": "17 Heron Trail", "state": "TX", "postal_code": "75024"}


async def create(client: Client, **more: Any) -> dict[str, Any]:
    return data_of(await call(client, "rooflink_create_lead", **LEAD, **more))


def lose_the_answer(sandbox: Sandbox, kind: Any) -> None:
    """And let nobody look for the record afterwards."""
    sandbox.faults.add(Fault(kind=kind, match="POST create_customer"))
    sandbox.faults.add(Fault(kind="status", status=400, match="GET /prospect/$", times=None))


@pytest.mark.parametrize("minutes", [0, 2, 60])
async def test_it_is_found_by_the_next_call_though_the_index_has_seen_it_by_then(
    sandbox: Sandbox, time: Time, minutes: int
) -> None:
    clock = Time(clocks.time())
    async with connected(sandbox, time=time, clock=clock) as client:
        await call(client, "find_matching_prospects", address="1 Nowhere Rd")
        lose_the_answer(sandbox, "drop_after")
        assert (await create(client))["outcome"] == "unknown"
        sandbox.faults.clear()
        clock.now += 60 * minutes + 1
        await call(client, "find_matching_prospects", address=LEAD["address"], name="Dana Miller")
        again = await create(client)
    assert again["outcome"] == "already_done"
    assert again["record_id"] == sandbox.writes[0].record_id
    assert len(sandbox.writes) == 1


async def test_a_duplicate_that_somebody_else_made_is_not_taken_for_it(sandbox: Sandbox, time: Time) -> None:
    clock = Time(clocks.time())
    async with connected(sandbox, time=time, clock=clock, approvals="off") as client:
        theirs = (await create(client))["record_id"]
        sandbox.prospects[theirs].extra_info = {"campaign": "theirs"}
    async with connected(sandbox, time=time, clock=clock, approvals="off") as client:
        lose_the_answer(sandbox, "drop_before")
        await call(client, "find_matching_prospects", address=LEAD["address"])
        first = await create(client, allow_duplicate=True)
        assert first["outcome"] == "unknown"
        sandbox.faults.clear()
        clock.now += 90
        again = await create(client)
    assert (again["outcome"], again["reason"]) == ("refused", "earlier_unknown")
    assert len(sandbox.writes) == 1
