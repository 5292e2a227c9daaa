"""A disk that is full or read-only: nothing is sent that cannot be put on record, and everything else goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from leadbridge.server.app import build_server
from leadbridge.server.errors import StateError
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.state import Store, audit
from tests.cases import SINGLE
from tests.services.faults import STATUS, line
from tests.state.disks import Disk, disk_of, read_only
from tests.support import Time, call, connected, data_of, make_settings, patient_rate_limiter, text_of

pytestmark = pytest.mark.sqlite

READS: dict[str, dict[str, Any]] = {
    "rooflink_list_prospects": {},
    "rooflink_prospect_stats": {},
    "server_status": {},
}


@pytest.fixture(params=["full", "told full", "query only"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with disk_of(request.param, tmp_path / "disk") as made:
        yield made


@pytest.fixture(params=["full", "told full"])
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with disk_of(request.param, tmp_path / "disk") as made:
        yield made


async def assert_reads_are_served(client: Client) -> None:
    for tool, arguments in READS.items():
        result = await call(client, tool, **arguments)
        assert not result.is_error, text_of(result)


async def test_while_nothing_can_be_written_no_write_is_sent_and_reads_are_served(disk: Disk) -> None:
    async with line(state_url=f"sqlite:///{disk.folder}/state.db") as one:
        assert (await one.play(STATUS)).row.outcome == "done"
        before = len(one.sandbox.writes)
        disk.fail()
        for number, tool in enumerate(SINGLE):
            one.sandbox.requests.clear()
            one.time.now += 1_000_000
            result = await call(one.client, tool.name, **tool.about(50 + number))
            assert result.is_error
            assert disk.error in text_of(result)
            assert "Nothing was sent." in text_of(result)
            assert [seen for seen in one.sandbox.requests if seen.method != "GET"] == []
            await assert_reads_are_served(one.client)
        history = await call(one.client, "write_history")
        assert text_of(history).startswith("1 of 1 writes" if "full" in disk.error else "The state store")
        assert len(one.sandbox.writes) == before
        disk.heal()
        assert (await one.play(STATUS)).row.outcome == "done"
        history = data_of(await call(one.client, "write_history"))
    assert [row["outcome"] for row in history["rows"]] == ["done", "done"]


async def test_a_store_that_cannot_be_made_for_want_of_room_is_made_when_there_is_some(
    full_disk: Disk, time: Time, sandbox: Sandbox
) -> None:
    full_disk.fail()
    async with connected(sandbox, time=time, state_url=f"sqlite:///{full_disk.folder}/state.db") as client:
        refused = await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
        assert refused.is_error
        assert "Nothing was sent." in text_of(refused)
        assert (sandbox.requests, sandbox.writes) == ([], [])
        assert not (await call(client, "rooflink_list_prospects")).is_error
        full_disk.heal()
        done = await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
        assert data_of(done)["outcome"] == "done"


@pytest.mark.parametrize("there_already", [False, True], ids=["new", "there already"])
async def test_a_folder_that_is_read_only_is_reported_and_nothing_is_sent(
    tmp_path: Path, time: Time, sandbox: Sandbox, there_already: bool
) -> None:
    folder = tmp_path / "locked"
    with read_only(folder):
        nested = "" if there_already else "state/"
        url = f"sqlite:///{folder}/{nested}state.db"
        with pytest.raises(StateError, match=r"cannot be written: (Read-only file system|Permission denied)"):
            Store(url).run_sync(lambda _: None)
        async with connected(sandbox, time=time, state_url=url) as client:
            result = await call(client, "renovationfind_accept_lead", lead_id=812)
            assert result.is_error
            assert "cannot be written" in text_of(result)
            assert (sandbox.requests, sandbox.writes) == ([], [])
            assert not (await call(client, "rooflink_list_prospects")).is_error


# Between the intent and the outcome


class _Fills(httpx.AsyncBaseTransport):
    """The sandbox; the disk is full by the time that it answers a write."""

    def __init__(self, sandbox: Sandbox, fail: Callable[[], None]) -> None:
        self._inner = sandbox.transport()
        self._fail = fail

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method != "GET":
            self._fail()
        return answer


@asynccontextmanager
async def filling(disk: Disk, sandbox: Sandbox, time: Time) -> AsyncIterator[Client]:
    """A client of a server whose disk fills up while a write is under way."""
    settings = make_settings(state_url=f"sqlite:///{disk.folder}/state.db", approvals="off")
    server = build_server(
        settings,
        sandbox=sandbox,
        transport=lambda: _Fills(sandbox, disk.fail),
        rate_limiter=patient_rate_limiter(time),
    )
    async with Client(server) as client:
        yield client


@pytest.mark.parametrize(
    ("fault", "outcome", "state"),
    [(None, "done", "done"), (422, "refused", "failed"), (500, "unknown", "unknown")],
    ids=["done", "refused", "unknown"],
)
async def test_an_outcome_for_which_there_is_no_room_is_reported_with_a_warning_and_kept_when_there_is(
    full_disk: Disk, sandbox: Sandbox, time: Time, fault: int | None, outcome: str, state: str
) -> None:
    write = {"lead_id": 785, "status": "QUOTE_SENT"}
    async with filling(full_disk, sandbox, time) as client:
        if fault is not None:
            sandbox.faults.add(Fault(kind="status", status=fault))
        receipt = data_of(await call(client, STATUS.name, **write))
        assert receipt["outcome"] == outcome
        assert any("could not be recorded" in warning for warning in receipt["warnings"])
        assert not any("Nothing was sent" in warning for warning in receipt["warnings"])
        sent = len([seen for seen in sandbox.requests if seen.method == "PUT"])
        again = await call(client, STATUS.name, **write)
        assert again.is_error
        assert "disk is full" in text_of(again)
        full_disk.heal()
        (row,) = data_of(await call(client, "write_history"))["rows"]
        assert (row["write_id"], row["outcome"]) == (receipt["write_id"], {"failed": "refused"}.get(state, state))
        assert receipt["summary"].startswith(row["summary"].partition(" It says: ")[0])
        assert len([seen for seen in sandbox.requests if seen.method == "PUT"]) == sent == 1
        if outcome == "done":
            assert data_of(await call(client, STATUS.name, **write))["outcome"] == "already_done"
    store = Store(f"sqlite:///{full_disk.folder}/state.db")
    assert audit.verify(store).broken_at is None
    store.close()
    assert len(sandbox.writes) == (outcome == "done")
