"""One lead in two notations, attempted at the same instant by two processes: one goes, the other learns why not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from tests.crash.processes import Service, Zygote
from tests.crash.test_races import outcome_of, race, two_held
from tests.support import DEFAULT_STORE, Person, Time, call, connected, data_of, text_of

forked = pytest.mark.skipif(not hasattr(os, "fork"), reason="the servers are forked")
CREATE = "rooflink_create_lead"
PLANO = {"state": "TX", "postal_code": "75024"}
REASONS = {"in_progress", "likely_duplicate"}


def lead(address: str, **more: Any) -> dict[str, Any]:
    return {"address": address, **PLANO, **more}


SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (lead("12 Main Street"), lead("12 main st.")),
    (lead("340 North Oak Avenue", city="Plano"), lead("340 N. OAK AVE")),
    (lead("77 Mill Creek Road Apartment 4"), lead("77 Mill Creek Rd #4")),
    (lead("5 Elm Ct"), lead("5  ELM COURT", postal_code="75024-1234")),
    (
        lead("18 Heron Way", last_name="Novak", cell_phone="(214) 555-0188"),
        lead("18 Heron Wy", last_name="Novak", home_phone="214.555.0188"),
    ),
]
OTHERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (lead("77 Falcon Road Apt 4"), lead("77 Falcon Rd Apt 5")),
    (lead("77 Lantern Road Unit 1A"), lead("77 Lantern Rd Unit 1B", last_name="Other")),
    (lead("12 Juniper Street"), lead("12 Juniper Lane")),
    (lead("12 Orchard Street"), lead("14 Orchard Street")),
    (lead("12 N Velvet Street"), lead("12 S Velvet Street")),
    (lead("12 Granite Street"), lead("12 Granite Street", postal_code="78701")),
    (  # another property of the same customer is another job
        lead("900 Quarry Ln", first_name="Ada", last_name="Byron", email="ada@byronroofs.com"),
        lead("14 Tanager Pl", first_name="Ada", last_name="Byron", email="ADA@byronroofs.com", cell_phone="2145550177"),
    ),
]


def created(service: Service) -> int:
    return sum(write["operation"].endswith("/create_customer_and_job/") for write in service.writes())


@forked
@pytest.mark.slow
@pytest.mark.parametrize("pair", SAME, ids=[one["address"] for one, _ in SAME])
async def test_one_lead_in_two_notations_is_created_once(
    site: tuple[Service, Zygote], folder: Path, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    service, zygote = site
    hold = folder / "hold"
    async with two_held(zygote, folder, hold) as clients:
        outcomes = await race(hold, *((client, CREATE, given) for client, given in zip(clients, pair, strict=True)))
    assert outcomes.count("done") == 1
    assert set(outcomes) - {"done"} <= REASONS
    assert created(service) == 1


@forked
@pytest.mark.slow
async def test_different_doors_are_both_created(site: tuple[Service, Zygote], folder: Path) -> None:
    service, zygote = site
    for number, pair in enumerate(OTHERS[:2] if DEFAULT_STORE else OTHERS):
        service.reset()
        hold = folder / f"hold-{number}"
        async with two_held(zygote, folder, hold) as clients:
            outcomes = await race(hold, *((client, CREATE, given) for client, given in zip(clients, pair, strict=True)))
        assert outcomes == ["done", "done"], pair
        assert created(service) == 2


# In one process, each state of the first write


async def slow_first(one: Client, other: Client, sandbox: Sandbox, fault: Fault) -> tuple[Any, Any]:
    """What both received; the second comes while the first is under way."""
    outcomes: dict[str, Any] = {}
    sandbox.faults.add(fault)

    async def second() -> None:
        while not any(seen.method == "POST" for seen in sandbox.requests):  # noqa: ASYNC110  # it is on its way
            await anyio.sleep(0.005)
        outcomes["second"] = await call(other, CREATE, **SAME[0][1])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second)
        outcomes["first"] = await call(one, CREATE, **SAME[0][0])
    return outcomes["first"], outcomes["second"]


@pytest.mark.usefixtures("loop_time")
async def test_while_the_first_is_under_way_the_second_learns_which_write_it_is(
    sandbox: Sandbox, time: Time, state_url: str
) -> None:
    async with (
        connected(sandbox, time=time, state_url=state_url) as one,
        connected(sandbox, time=time, state_url=state_url) as other,
    ):
        fault = Fault(kind="slow", match="POST /light/jobs/", seconds=1.0)
        first, second = await slow_first(one, other, sandbox, fault)
        assert data_of(first)["outcome"] == "done"
        assert outcome_of(data_of(second)) == "in_progress"
        assert f"(write {data_of(first)['write_id']})" in text_of(second)
        assert "same address" in text_of(second)
        assert "allow_duplicate=true" in text_of(second)
        assert len(sandbox.writes) == 1
        assert data_of(await call(one, "write_history"))["total"] == 1


async def test_an_unresolved_one_blocks_the_other_notation_until_it_is_resolved(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time, person=Person()) as client:
        sandbox.faults.add(Fault(kind="drop_before", match="POST /light/jobs/"))
        lost = data_of(await call(client, CREATE, **SAME[0][0]))
        assert lost["outcome"] == "unknown"
        other = await call(client, CREATE, **SAME[0][1])
        assert outcome_of(data_of(other)) == "earlier_unknown"
        assert f"write_id={lost['write_id']}" in text_of(other)
        assert sandbox.writes == []
        await call(client, "resolve_write", write_id=lost["write_id"], outcome="failed")
        assert data_of(await call(client, CREATE, **SAME[0][1]))["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_a_person_may_have_it_created_all_the_same(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    async with connected(sandbox, time=time, person=person) as client:
        sandbox.faults.add(Fault(kind="drop_before", match="POST /light/jobs/"))
        await call(client, CREATE, **SAME[0][0])
        receipt = data_of(await call(client, CREATE, **SAME[0][1], allow_duplicate=True))
    assert receipt["outcome"] == "done"
    assert len(person.shown) == 1
    assert len(sandbox.writes) == 1


async def test_a_failed_one_is_forgotten(sandbox: Sandbox, time: Time) -> None:
    async with connected(sandbox, time=time) as client:
        sandbox.faults.add(Fault(kind="status", match="POST /light/jobs/", status=422))
        assert data_of(await call(client, CREATE, **SAME[0][0]))["outcome"] == "refused"
        assert data_of(await call(client, CREATE, **SAME[0][1]))["outcome"] == "done"
    assert len(sandbox.writes) == 1
