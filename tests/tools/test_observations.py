"""What the services were seen to do is known: ignored filters, paths that are not there, new names in answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadbridge.server.sandbox import Fault, Sandbox
from tests.support import Time, call, connected, data_of, text_of

LIST, STATUS = "rooflink_list_prospects", "server_status"


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """It ignores the filter `state`."""
    return Sandbox(clock=time)


def none_in(sandbox: Sandbox) -> str:
    """A state code without any prospect."""
    return next(code for code in ("AK", "HI") if all(row.state != code for row in sandbox.prospects.values()))


async def test_a_filter_found_ignored_is_reported_at_once_by_the_next_server(
    sandbox: Sandbox, time: Time, store_url: str
):
    store = store_url
    async with connected(sandbox, time=time, state_url=store) as client:
        assert data_of(await call(client, LIST, state=none_in(sandbox)))["filters_ignored"] == ["state"]
    here = next(iter(sandbox.prospects.values())).state
    kept = {key: row for key, row in sandbox.prospects.items() if row.state == here}
    sandbox.prospects.clear()
    sandbox.prospects.update(kept)
    async with connected(sandbox, time=time, state_url=store) as client:
        result = await call(client, LIST, state=here)  # every row fits, by chance
        assert data_of(result)["filters_ignored"] == ["state"]
        assert "WARNING: the service ignored these filters" in text_of(result)
        status = await call(client, STATUS)
    assert any(
        data.startswith("rooflink.list_prospects: filter state is ignored") for data in data_of(status)["learnt"]
    )
    assert "Seen: rooflink.list_prospects: filter state is ignored" in text_of(status)
    assert sandbox.writes == []


async def test_a_filter_that_was_corrected_is_not_held_to_what_the_old_name_did(
    sandbox: Sandbox, time: Time, store: str, tmp_path: Path
):
    async with connected(sandbox, time=time, state_url=store) as client:
        await call(client, LIST, state=none_in(sandbox))
    contract = tmp_path / "contract.toml"
    contract.write_text('[operations."rooflink.list_prospects".query]\nstate = "customer__state"', "utf-8")
    async with connected(sandbox, time=time, state_url=store, contract_file=contract) as client:
        assert data_of(await call(client, STATUS))["learnt"] == []


async def test_a_list_without_a_filter_of_an_inferred_name_opens_no_store(sandbox: Sandbox, time: Time, tmp_path: Path):
    file = tmp_path / "state.db"
    async with connected(sandbox, time=time, state_url=f"sqlite:///{file}") as client:
        await call(client, LIST)
        await call(client, LIST, include_deleted=True, page_size=50)
        assert data_of(await call(client, STATUS))["learnt"] == []
    assert not file.exists()


async def test_a_store_that_cannot_be_used_stops_no_list(sandbox: Sandbox, time: Time, tmp_path: Path):
    (tmp_path / "file").write_text("", "utf-8")
    async with connected(sandbox, time=time, state_url=f"sqlite:///{tmp_path / 'file' / 'state.db'}") as client:
        result = await call(client, LIST, state=none_in(sandbox))
        assert data_of(result)["filters_ignored"] == ["state"]
        assert not (await call(client, STATUS)).is_error


async def test_an_inferred_path_that_answers_404_is_listed_until_it_works(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        sandbox.faults.add(Fault(kind="status", status=404))
        result = await call(client, "rooflink_prospect_stats")
        assert "`leadbridge contract check` looks for the documented one" in text_of(result)
        (data,) = data_of(await call(client, STATUS))["learnt"]
        assert data.startswith("rooflink.prospect_stats: nothing found at ")
        assert "LEADBRIDGE_CONTRACT_FILE" in data


async def test_a_page_after_the_end_of_a_list_is_not_a_wrong_path(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time, toolsets="all") as client:
        assert (await call(client, "rooflink_list_events", page=999)).is_error
        assert data_of(await call(client, STATUS))["learnt"] == []
        sandbox.faults.add(Fault(kind="status", status=404))
        await call(client, "rooflink_list_events")
        (data,) = data_of(await call(client, STATUS))["learnt"]
    assert data.startswith("rooflink.list_events: nothing found at ")


async def test_a_record_that_is_not_there_is_no_wrong_path_where_the_path_has_worked(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        await call(client, "rooflink_get_prospect", prospect_id=next(iter(sandbox.prospects)))
        assert (await call(client, "rooflink_get_prospect", prospect_id=1)).is_error
        assert data_of(await call(client, STATUS))["learnt"] == []


async def test_a_path_that_works_later_is_no_longer_held_against_a_missing_record(
    sandbox: Sandbox, time: Time, store: str
):
    """A first 404 may be the record's or the path's; once the path has worked, every 404 is the record's."""
    get = "rooflink_get_prospect"
    for prospect_id, held in ((1, True), (next(iter(sandbox.prospects)), False), (1, False)):
        async with connected(sandbox, time=time, state_url=store) as client:
            await call(client, get, prospect_id=prospect_id)
            learnt = data_of(await call(client, STATUS))["learnt"]
        assert bool(learnt) is held


async def test_a_required_field_that_went_missing_is_named(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        sandbox.faults.add(
            Fault(kind="status", status=200, body='{"count": 1, "results": [{"name": "x"}, {"name": "y"}]}')
        )
        assert "without a usable 'id'" in text_of(await call(client, LIST))
        sandbox.faults.add(Fault(kind="status", status=200, body='{"count": 1}'))
        assert "no list of results" in text_of(await call(client, LIST))


async def test_a_note_about_an_inferred_path_is_not_a_next_step(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        sandbox.faults.add(Fault(kind="status", status=404, match="POST create_customer"))
        given = {"address": "1 Juniper Hollow Dr", "state": "TX", "postal_code": "75024"}
        lines = text_of(await call(client, "rooflink_create_lead", **given)).splitlines()
    assert any(line.startswith("Note: the path of this operation") for line in lines)
    assert not any("Next: Note" in line for line in lines)
