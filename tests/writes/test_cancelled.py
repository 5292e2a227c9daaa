"""A call that ends before its write does: the service's answer is awaited a while longer, and put on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
from mcp import Client

from leadbridge.server.app import build_server
from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Time, Version, call, data_of, make_settings, patient_rate_limiter, text_of

STATUS: tuple[str, dict[str, Any]] = ("renovationfind_update_job_status", {"lead_id": 785, "status": "QUOTE_SENT"})


class Held(httpx.AsyncBaseTransport):
    """The sandbox, which carries a write out and keeps its answer until it is let."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = sandbox.transport()
        self.there = anyio.Event()
        self.answer = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method != "GET":
            self.there.set()
            await self.answer.wait()
        return response


def held_client(sandbox: Sandbox, network: Held, time: Time, version: Version, **settings: Any) -> Client:
    server = build_server(
        make_settings(**settings), sandbox=sandbox, transport=lambda: network, rate_limiter=patient_rate_limiter(time)
    )
    return Client(server, mode="legacy" if version == "legacy" else "auto")


@asynccontextmanager
async def cancelled(client: Client, network: Held, tool: str, arguments: dict[str, Any]) -> AsyncIterator[None]:
    """The host takes a call back whose write the service has; at the end the service answers, if it was let."""
    taken_back = anyio.CancelScope()

    async def host() -> None:
        with taken_back:
            await client.call_tool(tool, arguments)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(host)
        await network.there.wait()
        taken_back.cancel()
        await anyio.wait_all_tasks_blocked()
        yield


async def settled(client: Client) -> list[dict[str, Any]]:
    """The history, once no write is under way."""
    while True:
        rows = data_of(await call(client, "write_history"))["rows"]
        if not any(row["outcome"] == "in_progress" for row in rows):
            return rows


async def test_the_answer_to_a_cancelled_write_goes_on_record(sandbox: Sandbox, time: Time, version: Version):
    network = Held(sandbox)
    async with held_client(sandbox, network, time, version) as client:
        async with cancelled(client, network, *STATUS):
            meanwhile = await call(client, STATUS[0], **STATUS[1])
            assert data_of(meanwhile)["reason"] == "in_progress"
            network.answer.set()
        (row,) = await settled(client)
        assert row["outcome"] == "done"
        assert data_of(await call(client, STATUS[0], **STATUS[1]))["outcome"] == "already_done"
    assert len(sandbox.writes) == 1


async def test_a_refusal_of_a_cancelled_write_goes_on_record_too(sandbox: Sandbox, time: Time, version: Version):
    network = Held(sandbox)
    sandbox.faults.add(Fault(kind="status", status=422, match="* status"))
    async with held_client(sandbox, network, time, version) as client:
        async with cancelled(client, network, *STATUS):
            network.answer.set()
        (row,) = await settled(client)
    assert row["outcome"] == "refused"
    assert sandbox.writes == []


async def test_a_write_that_stays_without_an_answer_is_unknown_after_a_few_seconds(
    sandbox: Sandbox, time: Time, version: Version, loop_time: Time
):
    network, states = Held(sandbox), list[str]()
    async with held_client(sandbox, network, time, version) as client:
        async with cancelled(client, network, *STATUS):
            for _ in range(2):
                await anyio.sleep(3)
                states += [row["outcome"] for row in data_of(await call(client, "write_history"))["rows"]]
        again = await call(client, STATUS[0], **STATUS[1])
    assert states == ["in_progress", "unknown"]
    assert data_of(again)["reason"] == "earlier_unknown", text_of(again)
    assert len(sandbox.writes) == 1


async def test_of_several_steps_the_one_under_way_is_finished_and_the_next_not_begun(
    sandbox: Sandbox, time: Time, version: Version
):
    network = Held(sandbox)
    arguments = {"lead_id": 812}
    async with held_client(sandbox, network, time, version, approvals="off") as client:
        async with cancelled(client, network, "hand_off_lead", arguments):
            network.answer.set()
        (row,) = await settled(client)
        assert (row["operation"], row["outcome"]) == ("renovationfind.accept_lead", "done")
        assert len(sandbox.writes) == 1
        assert data_of(await call(client, "hand_off_lead", **arguments))["outcome"] == "done"
    assert [write.operation for write in sandbox.writes].count("POST /general-leads/{lead_id}/accept") == 1
