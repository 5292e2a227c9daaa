"""A hand-off is killed between and within its three writes; the next server goes on, and doubles nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError

from tests.crash import points
from tests.crash.processes import Service, Zygote, eventually, server_on
from tests.crash.rounds import COMMITTED, IN_FLIGHT, SIGKILLED, Kept
from tests.crash.service import NEW
from tests.crash.test_races import outcome_of, race, two_held
from tests.support import PATIENCE, call, data_of, text_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the servers are forked"),
]

PATHS = ("/accept$", "/create_customer_and_job/$", "/light/notes/$")
"""Of the three writes, in order."""
GIVEN = {"address": "4821 Juniper Hollow Dr", "city": "Plano", "state": "TX", "postal_code": "75024"}
ONCE = "before the receipt"


def sent(service: Service) -> Counter[str]:
    """How often each of the three was requested."""
    asked = [each["path"] for each in service.requests() if each["method"] != "GET"]
    return Counter(path for path in PATHS for each in asked if re.search(path, each))


def effects(service: Service) -> list[str]:
    """What took effect, in order."""
    return [path for write in service.writes() for path in PATHS if re.search(path, write["operation"])]


async def hand_off(client: Client, **arguments: Any) -> dict[str, Any]:
    """With a fresh token, and with the address where the answer with it was lost."""
    result = await call(client, "hand_off_lead", lead_id=NEW, **arguments)
    if "address: is needed" in text_of(result):
        return await hand_off(client, **GIVEN)
    receipt = data_of(result)
    if receipt["outcome"] == "approval_required":
        token = receipt["approval_token"]
        receipt = data_of(await call(client, "hand_off_lead", lead_id=NEW, **arguments, approval_token=token))
    return receipt


async def killed(service: Service, zygote: Zygote, folder: Path, point: str, step: int) -> None:
    """Let a server be killed at the point of the step."""
    inside = "" if point in {IN_FLIGHT, COMMITTED} else point if point == ONCE else f"{point}@{step}"
    async with server_on(zygote, folder, inside, codes=(SIGKILLED,)) as server:
        path = PATHS[step - 1]
        if not inside:
            service.let_happen("slow" if point == IN_FLIGHT else "slow_after_commit", f"POST {path}")

        async def ask() -> None:
            with suppress(MCPError):  # the connection ends with the server
                receipt = await hand_off(server.client)
                raise AssertionError(f"it was not killed but answered {receipt}")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            if point == IN_FLIGHT:
                await eventually(lambda: sent(service)[path])
                server.kill()
            elif point == COMMITTED:
                await eventually(lambda: path in effects(service))
                server.kill()


async def settled(client: Client, service: Service) -> bool:
    """Resolve what is unknown as a person who looked at the service would; whether there was anything."""
    rows = data_of(await call(client, "write_history", outcome="unknown"))["rows"]
    for row in rows:
        step = ("accept_lead", "create_lead", "add_note").index(row["operation"].partition(".")[2])
        made = [write["record_id"] for write in service.writes() if re.search(PATHS[step], write["operation"])]
        arguments: dict[str, Any] = {"write_id": row["write_id"], "outcome": "done" if made else "failed"}
        if made and step == 1:
            arguments["record_id"] = made[0]
        asked = data_of(await call(client, "resolve_write", **arguments))
        data = data_of(await call(client, "resolve_write", **arguments, approval_token=asked["approval_token"]))
        assert data["outcome"] == "done"
    return bool(rows)


@pytest.mark.parametrize("point", [*points.INSIDE, IN_FLIGHT, COMMITTED])
async def test_a_killed_hand_off_is_gone_on_with_and_nothing_is_doubled(
    site: tuple[Service, Zygote], folder: Path, point: str
) -> None:
    service, zygote = site
    for step in (1, 2, 3) if point != ONCE else (3,):
        home = folder / str(step)
        home.mkdir()
        service.reset()
        with anyio.fail_after(PATIENCE):
            await killed(service, zygote, home, point, step)
            service.no_more_faults()
            done = Counter(effects(service))
            kept = list(Kept.of(home).states.values())
            before = sent(service)
            async with server_on(zygote, home) as server:
                receipt = await hand_off(server.client)
                if "unknown" in str(receipt) or "unresolved" in str(receipt):
                    await settled(server.client, service)
                    receipt = await hand_off(server.client)
                assert receipt["outcome"] in {"done", "already_done"}, receipt
                last = await hand_off(server.client, **GIVEN)
                assert (last["outcome"], last["record_id"]) == ("already_done", receipt["record_id"])
        assert effects(service) == list(PATHS), (point, step)
        again = sent(service) - before
        assert all(not again[path] for path in done), (point, step, kept)
        assert kept.count("done") <= len(done)


async def test_a_lead_that_two_processes_hand_off_at_once_is_handed_off_once(
    site: tuple[Service, Zygote], folder: Path
) -> None:
    service, zygote = site
    for number in range(3):
        service.reset()
        home = folder / str(number)
        home.mkdir()
        async with two_held(zygote, home, home / "hold") as (one, other):
            calls = []
            for client in (one, other):
                asked = data_of(await call(client, "hand_off_lead", lead_id=NEW))
                arguments = {"lead_id": NEW, "approval_token": asked["approval_token"]}
                calls.append((client, "hand_off_lead", arguments))
            data = await race(home / "hold", *calls)
            last = await hand_off(one)
        assert set(data) <= {"done", "already_done", "in_progress"}, data
        assert outcome_of(last) in {"done", "already_done"}
        assert effects(service) == list(PATHS)
