"""A disk fills up under a real server between a write's intent and its outcome."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from leadbridge.server.state import Store, audit
from tests.crash.points import SUSPEND
from tests.crash.processes import Service, Zygote, eventually, server_on
from tests.crash.rounds import create_lead, history_of, update_status
from tests.state.disks import SmallDisk, mounted
from tests.support import call, data_of


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sees in /proc that a process sleeps")
@pytest.mark.parametrize("write", [create_lead(400), update_status(401)], ids=["lead", "status"])
async def test_a_server_whose_disk_filled_up_is_killed_and_the_next_one_tells_the_truth(
    site: tuple[Service, Zygote], tmp_path: Path, write: Any
) -> None:
    service, zygote = site
    with mounted(tmp_path / "disk", "2m") as folder:
        disk = SmallDisk(folder)
        async with server_on(zygote, folder, f"{SUSPEND}after the answer", codes=(-9,)) as server:
            messages: list[dict[str, Any]] = []

            async def ask(client: Client) -> None:
                messages.append(data_of(await call(client, write.tool, **write.arguments)))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, server.client)
                await eventually(lambda: server.sleeps)
                disk.fail()
                os.kill(server.pid, signal.SIGCONT)
            assert messages[0]["outcome"] == "done"
            assert any("could not be recorded" in warning for warning in messages[0]["warnings"])
            assert not (await call(server.client, "rooflink_list_prospects")).is_error
            server.kill()
        disk.heal()
        async with server_on(zygote, folder) as server:
            assert await history_of(server.client) == {messages[0]["write_id"]: "unknown"}
            again = data_of(await call(server.client, write.tool, **write.arguments))
            if write.tool == "rooflink_create_lead":
                assert (again["outcome"], again["record_id"]) == ("already_done", messages[0]["record_id"])
            else:
                assert again["reason"] == "earlier_unknown"
        assert write.effects(service) == 1
        store = Store(f"sqlite:///{folder}/state.db")
        assert audit.verify(store).broken_at is None
        store.close()
