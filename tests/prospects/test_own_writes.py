"""What LeadBridge itself wrote is in the index at once, and what was deleted in RoofLink can be made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.sandbox.records import Done, User
from tests.support import Person, Time, Version, call, connected, data_of, text_of

Company = Callable[..., Sandbox]
CREATE, FIND, UPDATE, HAND_OFF = (
    "rooflink_create_lead", "find_matching_prospects", "rooflink_update_job", "hand_off_lead",
)  # fmt: skip
LEAD: dict[str, Any] = {
    "address": "12 Hidden Hollow Drive", "city": "Marfa", "state": "TX", "postal_code": "79843", "first_name": "Dana",
    "last_name": "Miller",
}  # fmt: skip


def delete(sandbox: Sandbox, prospect_id: int, *, gone: bool) -> None:
    """Somebody deletes a prospect in RoofLink, or RoofLink does not show it any more at all."""
    if gone:
        del sandbox.prospects[prospect_id]
    else:
        row = sandbox.prospects[prospect_id]
        row.deleted = Done(row.created, User(301, "Alex Romero", "", ""))


async def test_a_changed_address_is_found_at_once(company: Company, time: Time, version: Version):
    sandbox = company(250, honoured_filters=frozenset())
    oldest = min((row for row in sandbox.prospects.values() if not row.deleted), key=lambda row: row.created)
    async with connected(sandbox, version=version, time=time) as client:
        await call(client, FIND, name="Nobody Atall")
        before = f"{oldest.address}, {oldest.city}, {oldest.state}"
        await call(client, UPDATE, job_id=oldest.id, address="906 Pine Road")
        found = await call(client, FIND, address=f"906 Pine Rd, {oldest.city}, {oldest.state}")
        assert oldest.id in [row["id"] for row in data_of(found)["matches"]]
        found = await call(client, FIND, address=before)
        assert oldest.id not in [row["id"] for row in data_of(found)["matches"] if row["likely"]]


@pytest.mark.parametrize("gone", [False, True])
async def test_a_lead_whose_prospect_was_deleted_can_be_made_again_once(
    company: Company, time: Time, version: Version, gone: bool
):
    sandbox = company(30)
    async with connected(sandbox, version=version, time=time) as client:
        first = data_of(await call(client, CREATE, **LEAD))["record_id"]
        assert data_of(await call(client, CREATE, **LEAD))["outcome"] == "already_done"
        delete(sandbox, first, gone=gone)
        again = await call(client, CREATE, **LEAD)
        assert data_of(again)["outcome"] == "done", text_of(again)
        assert f"Prospect {first}, made by write 1, was deleted in RoofLink; this makes it again." in text_of(again)
        assert data_of(await call(client, CREATE, **LEAD))["outcome"] == "already_done"
        written = {**LEAD, "address": "12 Hidden Hollow Dr.", "first_name": "DANA"}
        assert data_of(await call(client, CREATE, **written))["outcome"] in {"refused", "already_done"}
    assert len(sandbox.writes) == 2


async def test_a_hand_off_whose_prospect_was_deleted_is_made_again_and_says_so(
    company: Company, time: Time, version: Version
):
    sandbox, person = company(30), Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        given = {
            "lead_id": 812,
            "address": "4821 Juniper Hollow Dr",
            "city": "Plano",
            "state": "TX",
            "postal_code": "75024",
        }
        first = data_of(await call(client, HAND_OFF, **given))["record_id"]
        assert data_of(await call(client, HAND_OFF, **given))["outcome"] == "already_done"
        delete(sandbox, first, gone=False)
        again = await call(client, HAND_OFF, **given)
        assert data_of(again)["outcome"] == "done", text_of(again)
    assert f"Prospect {first}, made by write" in person.shown[-1]
    posts = [write.operation for write in sandbox.writes if "create_customer_and_job" in write.operation]
    assert len(posts) == 2
    assert data_of(again)["record_id"] != first
