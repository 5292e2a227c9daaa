"""An error says where to go next: another tool, another name, what was switched off."""

from __future__ import annotations

from typing import Any

import pytest

from leadbridge.server.sandbox import Sandbox
from tests.support import Person, Time, Version, call, connected, data_of, text_of


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("rooflink_list_prospects", {"search": "Campbell"}, "find_matching_prospects"),
        ("rooflink_list_notes", {"q": "Campbell"}, "find_matching_prospects"),
        ("rooflink_list_notes", {"prospect_id": 7_000_120}, "did you mean job_id?"),
        ("rooflink_get_prospect", {"job_id": 7_000_120}, "did you mean prospect_id?"),
    ],
)
async def test_an_unknown_argument_points_to_what_does_it(
    sandbox: Sandbox, time: Time, version: Version, tool: str, arguments: dict[str, Any], says: str
) -> None:
    async with connected(sandbox, version=version, time=time) as client:
        assert says in text_of(await call(client, tool, **arguments))
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("settings", "tool", "says"),
    [
        ({"read_only": True}, "renovationfind_accept_lead", "LEADBRIDGE_READ_ONLY is set"),
        ({"toolsets": "default,-notes"}, "rooflink_add_note", "toolset notes is not in LEADBRIDGE_TOOLSETS"),
    ],
)
async def test_a_tool_that_is_switched_off_says_by_what(
    sandbox: Sandbox, time: Time, version: Version, settings: dict[str, Any], tool: str, says: str
) -> None:
    async with connected(sandbox, version=version, time=time, **settings) as client:
        result = await call(client, tool, lead_id=812)
    assert result.is_error
    assert says in text_of(result)


@pytest.mark.parametrize(
    ("tool", "status"),
    [
        ("renovationfind_mark_won", {"status": "JOB_WON", "job_amount": 18500}),
        ("renovationfind_update_job_status", {"status": "QUOTE_SENT"}),
    ],
)
async def test_a_status_of_a_lead_that_is_not_accepted_says_what_comes_first(
    sandbox: Sandbox, time: Time, version: Version, tool: str, status: dict[str, Any]
) -> None:
    async with connected(sandbox, version=version, time=time, person=Person()) as client:
        refused = data_of(await call(client, tool, lead_id=813, **status))
    assert refused["outcome"] == "refused"
    steps = " ".join(refused["next_steps"])
    assert all(name in steps for name in ("renovationfind_accept_lead", "renovationfind_decline_lead", "hand_off_lead"))
