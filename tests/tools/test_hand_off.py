"""A lead goes from RenovationFind to RoofLink under one approval, and no finished step is repeated."""

from __future__ import annotations

import pytest

from tests.support import Era, Person, Time, call, connected, data_of, make_sandbox, text_of


def _operations(sandbox_writes: list[object]) -> list[str]:
    return [str(getattr(write, "operation", "")).split(" ")[1] for write in sandbox_writes]


async def test_one_approval_takes_a_lead_all_the_way(era: Era) -> None:
    time, person = Time(), Person()
    sandbox = make_sandbox(time)
    async with connected(sandbox, era=era, person=person, time=time) as client:
        receipt = data_of(await call(client, "hand_off_lead", lead_id=812))
        again = data_of(await call(client, "hand_off_lead", lead_id=812))
    assert receipt["outcome"] == "done"
    assert again["record_id"] == receipt["record_id"]
    assert len(person.shown) == 1
    assert "cannot be undone" in person.shown[0]
    job = sandbox.prospects[receipt["record_id"]]
    assert (job.address, job.city, job.state, job.zipcode) == ("4821 Juniper Hollow Dr", "Plano", "TX", "75024")
    assert job.extra_info is not None
    assert job.extra_info["renovationfind_lead_id"] == 812
    assert _operations(list(sandbox.writes))[:2] == [
        "/general-leads/{lead_id}/accept",
        "/light/jobs/create_customer_and_job/",
    ]


async def test_what_cannot_be_read_is_asked_for_and_the_lead_is_accepted_once(era: Era) -> None:
    time, person = Time(), Person()
    sandbox = make_sandbox(time)
    sandbox.leads[812].customer_address = "4821 Juniper Hollow Dr"
    async with connected(sandbox, era=era, person=person, time=time) as client:
        stopped = await call(client, "hand_off_lead", lead_id=812)
        assert data_of(stopped)["outcome"] == "refused"
        for name in ("address", "state", "postal_code"):
            assert f"{name}: is needed" in text_of(stopped)
        given = {"address": "4821 Juniper Hollow Dr", "city": "Plano", "state": "TX", "postal_code": "75024"}
        receipt = data_of(await call(client, "hand_off_lead", lead_id=812, **given))
    assert receipt["outcome"] == "done"
    assert (
        "Given in the call: address 4821 Juniper Hollow Dr, city Plano, state TX, postal_code 75024."
        in receipt["details"]
    )
    assert _operations(list(sandbox.writes)).count("/general-leads/{lead_id}/accept") == 1


@pytest.mark.parametrize("person", [Person("decline"), Person("cancel"), Person(confirm=False)])
async def test_without_a_yes_nothing_is_sent(era: Era, person: Person) -> None:
    time = Time()
    sandbox = make_sandbox(time)
    async with connected(sandbox, era=era, person=person, time=time) as client:
        receipt = data_of(await call(client, "hand_off_lead", lead_id=812))
    assert receipt["outcome"] == "not_approved"
    assert not sandbox.writes
