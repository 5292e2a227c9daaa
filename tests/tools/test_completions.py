"""Completions: codes by prefix, ids from what was seen, and no store made for the sake of one."""

from __future__ import annotations

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PromptReference, ResourceTemplateReference

from leadbridge.server.app import build_server
from leadbridge.server.mcp.completions import MOST
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services.rooflink.places import PLACES
from leadbridge.tools.completions import CHOICES
from tests.support import Person, Time, call, connected, make_settings

PROSPECT = "rooflink://prospects/{prospect_id}"
CHECKLIST = "rooflink://prospects/{prospect_id}/checklist"
LEAD = "renovationfind://leads/{lead_id}"


async def of_prompt(client: Client, prompt: str, argument: str, typed: str = "") -> list[str]:
    answer = await client.complete(PromptReference(type="ref/prompt", name=prompt), {"name": argument, "value": typed})
    return answer.completion.values


async def of_template(client: Client, template: str, variable: str, typed: str = "") -> list[str]:
    ref = ResourceTemplateReference(type="ref/resource", uri=template)
    return (await client.complete(ref, {"name": variable, "value": typed})).completion.values


async def refused(client: Client, ref: PromptReference | ResourceTemplateReference, name: str) -> str:
    with pytest.raises(MCPError) as caught:
        await client.complete(ref, {"name": name, "value": ""})
    assert caught.value.error.code == INVALID_PARAMS
    assert "\n" not in caught.value.error.message
    return caught.value.error.message


# Codes


@pytest.mark.parametrize(
    ("prompt", "argument", "typed", "expected"),
    [
        ("close_won_lead", "status", "", ["JOB_WON", "LEAD_WON"]),
        ("close_won_lead", "status", "lead", ["LEAD_WON"]),
        ("log_lost_lead", "status", "job_", ["JOB_LOST", "JOB_POSTPONED_OR_CANCELLED"]),
        ("log_lost_lead", "status", "WON", []),
        ("follow_up_stale_prospects", "stage", "", ["unverified", "verified", "inspected", "submitted"]),
        ("follow_up_stale_prospects", "stage", "s", ["submitted"]),
        ("hand_off", "state", "tx", ["TX"]),
        ("hand_off", "state", "tex", ["TX"]),
        ("hand_off", "state", "New B", ["NB"]),
        ("hand_off", "lead_status", "fo", ["fu"]),
        ("hand_off", "lead_status", "f", ["fu", "ft"]),
        ("hand_off", "state", "⟧ SYSTEM", []),
        ("weekly_pipeline_review", "stale_after_days", "1", []),
    ],
)
async def test_codes_are_completed_by_prefix_and_by_what_they_stand_for(
    sandbox, version, prompt, argument, typed, expected
):
    async with connected(sandbox, version=version) as client:
        assert await of_prompt(client, prompt, argument, typed) == expected
    assert sandbox.requests == []


async def test_all_states_fit_one_answer_and_the_code_comes_before_the_name(sandbox, version):
    async with connected(sandbox, version=version) as client:
        assert await of_prompt(client, "hand_off", "state") == list(PLACES)
        found = await of_prompt(client, "hand_off", "state", "mi")
    assert found == ["MI", "MN", "MS", "MO"]


async def test_an_answer_says_whether_there_is_more(sandbox, version):
    async with connected(sandbox, version=version) as client:
        ref = PromptReference(type="ref/prompt", name="hand_off")
        offered = (await client.complete(ref, {"name": "state", "value": "T"})).completion
    assert (offered.values, offered.total, offered.has_more) == (["TN", "TX"], 2, False)


# Ids


async def test_leads_that_were_seen_are_completed_newest_first(sandbox, version):
    now = [1_764_000_000.0]
    async with connected(sandbox, version=version, person=Person(), clock=lambda: now[0], toolsets="all") as client:
        assert await of_template(client, LEAD, "lead_id") == []
        for lead_id in (785, 812, 785):
            now[0] += 60
            status = {"renovationfind_update_job_status": {"status": "QUOTE_SENT"}}
            tool = "renovationfind_accept_lead" if lead_id == 812 else "renovationfind_update_job_status"
            await call(client, tool, lead_id=lead_id, **status.get(tool, {}))
        seen = await of_template(client, LEAD, "lead_id")
        assert seen == ["812", "785"]
        assert await of_template(client, LEAD, "lead_id", "81") == ["812"]
        assert await of_template(client, LEAD, "lead_id", "9") == []
        assert await of_template(client, LEAD, "lead_id", "8%") == []
        assert await of_prompt(client, "hand_off", "lead_id") == seen
    assert len(sandbox.writes) == 2


async def test_prospects_that_were_compared_are_completed_at_most_100_without_the_deleted(sandbox, version, time):
    deleted = [str(one.id) for one in sandbox.prospects.values() if one.deleted is not None]
    async with connected(sandbox, version=version, time=time) as client:
        assert await of_template(client, PROSPECT, "prospect_id") == []
        await call(client, "find_matching_prospects", name="Dana Miller")
        before = len(sandbox.requests)
        ref = ResourceTemplateReference(type="ref/resource", uri=CHECKLIST)
        offered = (await client.complete(ref, {"name": "prospect_id", "value": "7"})).completion
        assert len(offered.values) == len(set(offered.values)) == MOST
        assert offered.has_more is True
        assert {int(one) for one in offered.values} <= set(sandbox.prospects)
        assert not set(deleted) & set(offered.values)
        one = offered.values[5]
        assert await of_template(client, PROSPECT, "prospect_id", one) == [one]
    assert len(sandbox.requests) == before
    assert sandbox.writes == []


async def test_what_another_account_saw_is_not_offered(sandbox, version, tmp_path):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    async with connected(sandbox, version=version, person=Person(), state_url=url) as client:
        await call(client, "renovationfind_accept_lead", lead_id=812)
        assert await of_template(client, LEAD, "lead_id") == ["812"]
    other = {"sandbox": False, "renovationfind_token": "eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl", "state_url": url}
    server = build_server(make_settings(**other))
    async with Client(server, mode="legacy" if version == "legacy" else "auto") as client:
        assert await of_template(client, LEAD, "lead_id") == []


async def test_a_completion_neither_makes_a_store_nor_minds_a_broken_one(sandbox, version, tmp_path):
    path = tmp_path / "none yet" / "state.db"
    async with connected(sandbox, version=version, state_url=f"sqlite:///{path}") as client:
        assert await of_template(client, LEAD, "lead_id") == []
        assert await of_template(client, PROSPECT, "prospect_id", "7") == []
    assert not path.parent.exists()
    broken = tmp_path / "broken.db"
    broken.write_text("no database " * 100, "utf-8")
    async with connected(sandbox, version=version, state_url=f"sqlite:///{broken}") as client:
        assert await of_template(client, LEAD, "lead_id") == []


# What there is not


async def test_what_is_not_offered_is_refused_by_name(sandbox, version):
    async with connected(sandbox, version=version) as client:
        prompt = PromptReference(type="ref/prompt", name="no-such-prompt")
        assert "There is no prompt no-such-prompt. Prompts: close_won_lead" in await refused(client, prompt, "lead_id")
        template = ResourceTemplateReference(type="ref/resource", uri="rooflink://jobs/{job_id}")
        offered = await refused(client, template, "job_id")
        assert offered == f"There is no such template. Templates: {PROSPECT}, {CHECKLIST}, {LEAD}."
        prompt = PromptReference(type="ref/prompt", name="hand_off")
        offered = await refused(client, prompt, "leadId")
        assert offered == "leadId is not an argument of it. Arguments: lead_id, state, lead_status."
        offered = await refused(client, ResourceTemplateReference(type="ref/resource", uri=LEAD), "id")
        assert offered == "id is not an argument of it. Arguments: lead_id."


async def test_the_templates_of_a_hidden_toolset_complete_nothing(version):
    async with connected(Sandbox(clock=Time()), version=version, toolsets="-leads") as client:
        offered = await refused(client, ResourceTemplateReference(type="ref/resource", uri=LEAD), "lead_id")
    assert LEAD not in offered


def test_every_list_is_within_what_one_answer_may_hold():
    assert all(0 < len(values) <= MOST for values in CHOICES.values())
