"""Whether a write counts as a repeat, what a repeat returns, and how an unknown write is resolved.

Every test counts what the service wrote.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr
from sqlalchemy import text

from leadbridge.server.app import build_server
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.writes.model import digest_of
from tests.cases import BY_NAME
from tests.databases import beside
from tests.support import Person, Time, Version, call, connected, data_of, make_settings, text_of

CREATE, UPDATE, WIN, ACCEPT, DECLINE, RESOLVE = (
    "rooflink_create_lead",
    "renovationfind_update_job_status",
    "renovationfind_mark_won",
    "renovationfind_accept_lead",
    "renovationfind_decline_lead",
    "resolve_write",
)
REFER = "renovationfind_create_referral"
EVERY = {tool: BY_NAME[tool].arguments for tool in (CREATE, UPDATE, WIN, ACCEPT, DECLINE, REFER)}
LEAD, SENT, WON, FRIEND = (EVERY[tool] for tool in (CREATE, UPDATE, WIN, REFER))
CONTACTED = {**SENT, "status": "HOMEOWNER_CONTACTED"}
DAY = 24 * 3600
WRITE_PATHS = "* create_customer|general-leads|referral"
"""Nothing befalls the reads that look for duplicates."""


@pytest.fixture
def clock() -> Time:
    """The ledger's clock."""
    return Time(1_900_000_000.0)


Open = Callable[..., Any]


@pytest.fixture
def opened(sandbox: Sandbox, time: Time, clock: Time, state_url: str) -> Open:
    """Clients of servers on one store, on the tests' clocks."""

    @asynccontextmanager
    async def open_(**options: Any) -> AsyncIterator[Client]:
        given = {"clock": clock, "state_url": state_url, **options}
        async with connected(sandbox, time=time, **given) as client:
            yield client

    return open_


async def write(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a write, by a fresh token where one is needed."""
    receipt = data_of(await call(client, tool, **arguments))
    if receipt["outcome"] == "approval_required":
        receipt = data_of(await call(client, tool, **arguments, approval_token=receipt["approval_token"]))
    return receipt


async def lose_answer(client: Client, sandbox: Sandbox, tool: str, arguments: dict[str, Any], *, after: bool) -> int:
    """Write so that nobody knows whether it took effect; the write's number."""
    sandbox.faults.add(Fault(kind="drop_after" if after else "drop_before", match=WRITE_PATHS))
    receipt = await write(client, tool, arguments)
    assert receipt["outcome"] == "unknown", receipt
    return receipt["write_id"]


async def states(client: Client) -> dict[int, str]:
    rows = data_of(await call(client, "write_history", limit=100))["rows"]
    return {row["write_id"]: row["outcome"] for row in rows}


# How long the same is a repeat


@pytest.mark.parametrize(("tool", "arguments"), [(CREATE, LEAD), (REFER, FRIEND)], ids=["lead", "referral"])
async def test_the_same_record_again_within_24_hours_is_reported_and_not_made(
    opened: Open, sandbox: Sandbox, clock: Time, tool: str, arguments: dict[str, Any]
) -> None:
    async with opened() as client:
        first = await write(client, tool, arguments)
        clock.now += DAY - 1
        again = await write(client, tool, arguments)
        assert (first["outcome"], again["outcome"]) == ("done", "already_done")
        assert (again["write_id"], again.get("record_id")) == (first["write_id"], first.get("record_id"))
        assert "24 hours" in " ".join(again["next_steps"])
        assert len(sandbox.writes) == 1


@pytest.mark.parametrize(("tool", "arguments"), [(UPDATE, SENT), (REFER, FRIEND)], ids=["status", "referral"])
async def test_the_same_after_24_hours_is_a_new_write(
    opened: Open, sandbox: Sandbox, clock: Time, tool: str, arguments: dict[str, Any]
) -> None:
    async with opened() as client:
        await write(client, tool, arguments)
        clock.now += DAY + 1
        assert (await write(client, tool, arguments))["outcome"] == "done"
        assert len(sandbox.writes) == 2


async def test_a_new_lead_after_24_hours_is_not_a_repeat(opened: Open, sandbox: Sandbox, clock: Time) -> None:
    """The ledger lets it pass; the check for duplicates may still want a person's yes."""
    async with opened() as client:
        first = await write(client, CREATE, LEAD)
        clock.now += DAY + 1
        again = data_of(await call(client, CREATE, **LEAD))
        assert again["outcome"] in {"done", "approval_required"} or again["reason"] == "likely_duplicate", again
        assert again.get("write_id") != first["write_id"]


async def test_a_repeat_does_not_prolong_the_24_hours(opened: Open, sandbox: Sandbox, clock: Time) -> None:
    async with opened() as client:
        await write(client, REFER, FRIEND)
        clock.now += DAY - 1
        assert (await write(client, REFER, FRIEND))["outcome"] == "already_done"
        clock.now += 2
        assert (await write(client, REFER, FRIEND))["outcome"] == "done"
        assert len(sandbox.writes) == 2


async def test_a_lead_that_differs_in_one_field_is_another(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        await write(client, CREATE, LEAD)
        assert (await write(client, CREATE, {**LEAD, "address": "912 Falcon Ridge Rd"}))["outcome"] == "done"
        assert len(sandbox.writes) == 2


async def test_the_same_status_again_is_a_repeat_until_another_was_set(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        assert (await write(client, UPDATE, SENT))["outcome"] == "done"
        assert (await write(client, UPDATE, SENT))["outcome"] == "already_done"
        assert (await write(client, UPDATE, CONTACTED))["outcome"] == "done"
        assert (await write(client, UPDATE, SENT))["outcome"] == "done"
        assert [each.body["status"] for each in sandbox.writes] == [  # type: ignore[index]
            "QUOTE_SENT",
            "HOMEOWNER_CONTACTED",
            "QUOTE_SENT",
        ]


async def test_a_status_of_another_lead_in_between_changes_nothing(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        await write(client, UPDATE, SENT)
        await write(client, UPDATE, {**SENT, "lead_id": 786})
        assert (await write(client, UPDATE, SENT))["outcome"] == "already_done"
        assert len(sandbox.writes) == 2


async def test_a_status_that_failed_in_between_changes_nothing(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        await write(client, UPDATE, SENT)
        sandbox.faults.add(Fault(kind="connection_refused", times=None))
        assert (await write(client, UPDATE, CONTACTED))["outcome"] == "refused"
        sandbox.faults.clear()
        assert (await write(client, UPDATE, SENT))["outcome"] == "already_done"
        assert len(sandbox.writes) == 1


@pytest.mark.parametrize("took_effect", [True, False])
async def test_a_status_is_not_reported_as_done_when_another_may_have_been_set_since(
    opened: Open, sandbox: Sandbox, took_effect: bool
) -> None:
    async with opened() as client:
        await write(client, UPDATE, SENT)
        await lose_answer(client, sandbox, UPDATE, CONTACTED, after=took_effect)
        again = await write(client, UPDATE, SENT)
        assert again["outcome"] != "already_done"
        if again["outcome"] == "done":
            assert sandbox.leads[785].status.status == "QUOTE_SENT"


@pytest.mark.parametrize("tool", [ACCEPT, DECLINE])
async def test_a_decision_is_made_once_for_good(opened: Open, sandbox: Sandbox, clock: Time, tool: str) -> None:
    async with opened() as client:
        first = await write(client, tool, EVERY[tool])
        clock.now += 400 * DAY
        again = data_of(await call(client, tool, **EVERY[tool]))
        assert (first["outcome"], again["outcome"]) == ("done", "already_done")
        assert again["write_id"] == first["write_id"]
        assert len(sandbox.writes) == len(sandbox.requests) == 1


async def test_a_repeat_is_reported_by_another_process_too(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as one:
        first = await write(one, UPDATE, SENT)
    async with opened() as other:
        again = await write(other, UPDATE, SENT)
    assert (again["outcome"], again["write_id"]) == ("already_done", first["write_id"])
    assert len(sandbox.writes) == 1


async def test_a_repeat_of_a_gated_write_asks_nobody(opened: Open, sandbox: Sandbox, version: Version) -> None:
    person = Person()
    async with opened(version=version, person=person) as client:
        assert (await write(client, WIN, WON))["outcome"] == "done"
        assert (await write(client, WIN, WON))["outcome"] == "already_done"
    assert len(person.shown) == 1
    assert len(sandbox.writes) == 1


# A person may want it twice


async def test_allow_duplicate_makes_another_record_after_a_yes(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        first = await write(client, CREATE, LEAD)
        asked = data_of(await call(client, CREATE, **LEAD, allow_duplicate=True))
        assert asked["outcome"] == "approval_required"
        assert len(sandbox.writes) == 1
        second = data_of(
            await call(client, CREATE, **LEAD, allow_duplicate=True, approval_token=asked["approval_token"])
        )
        assert second["outcome"] == "done"
        assert second["write_id"] != first["write_id"]
        assert len(sandbox.writes) == 2


async def test_allow_duplicate_after_a_no_makes_nothing(opened: Open, sandbox: Sandbox, version: Version) -> None:
    async with opened(version=version, person=Person("decline")) as client:
        await write(client, CREATE, LEAD)
        again = data_of(await call(client, CREATE, **LEAD, allow_duplicate=True))
    assert again["outcome"] == "not_approved"
    assert len(sandbox.writes) == 1


async def test_each_allowed_duplicate_needs_a_yes_of_its_own(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        arguments = {**LEAD, "allow_duplicate": True}
        asked = data_of(await call(client, CREATE, **arguments))
        token = asked["approval_token"]
        assert data_of(await call(client, CREATE, **arguments, approval_token=token))["outcome"] == "done"
        assert data_of(await call(client, CREATE, **arguments, approval_token=token))["outcome"] == "refused"
        assert data_of(await call(client, CREATE, **arguments))["outcome"] == "approval_required"
        assert len(sandbox.writes) == 1


async def test_an_allowed_duplicate_is_the_earlier_one_of_what_comes_after(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        done = await write(client, CREATE, {**LEAD, "allow_duplicate": True})
        again = await write(client, CREATE, LEAD)
        assert (again["outcome"], again["write_id"]) == ("already_done", done["write_id"])
        assert len(sandbox.writes) == 1


# What failed may be tried again, what is unknown may not


@pytest.mark.parametrize("tool", EVERY)
async def test_a_write_that_never_arrived_may_be_tried_again(opened: Open, sandbox: Sandbox, tool: str) -> None:
    async with opened() as client:
        sandbox.faults.add(Fault(kind="connection_refused", match=WRITE_PATHS, times=None))
        first = await write(client, tool, EVERY[tool])
        sandbox.faults.clear()
        assert first["outcome"] == "refused", first
        assert not sandbox.writes
        assert (await write(client, tool, EVERY[tool]))["outcome"] == "done"
        assert len(sandbox.writes) == 1
        assert sorted((await states(client)).values()) == ["done", "refused"]


@pytest.mark.parametrize("tool", EVERY)
async def test_an_unknown_write_blocks_its_repeat(opened: Open, sandbox: Sandbox, tool: str) -> None:
    async with opened() as client:
        write_id = await lose_answer(client, sandbox, tool, EVERY[tool], after=False)
        arrived = [each for each in sandbox.requests if each.method != "GET"]
        result = await call(client, tool, **EVERY[tool])
        data = data_of(result)
        assert (data["outcome"], data.get("reason")) == ("refused", "earlier_unknown"), data
        assert result.is_error
        assert f"write_id={write_id}" in text_of(result)
        assert [each for each in sandbox.requests if each.method != "GET"] == arrived
        assert not sandbox.writes


async def test_an_unknown_win_blocks_every_other_win_of_the_lead(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        await lose_answer(client, sandbox, WIN, WON, after=True)
        data = data_of(await call(client, WIN, **{**WON, "job_amount": 19000}))
        assert data["reason"] == "earlier_unknown"
        assert len(sandbox.writes) == 1


async def test_an_unknown_write_does_not_block_another(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        await lose_answer(client, sandbox, UPDATE, SENT, after=False)
        assert (await write(client, UPDATE, {**SENT, "lead_id": 786}))["outcome"] == "done"
        assert len(sandbox.writes) == 1


async def test_the_unresolved_come_first_in_the_history(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        unknown = await lose_answer(client, sandbox, UPDATE, SENT, after=False)
        later = await write(client, ACCEPT, EVERY[ACCEPT])
        assert list((await states(client)).items()) == [(unknown, "unknown"), (later["write_id"], "done")]
        only = data_of(await call(client, "write_history", outcome="unknown"))
        assert (only["total"], only["rows"][0]["write_id"]) == (1, unknown)


# Settling


async def settle(client: Client, write_id: int, outcome: str, **more: Any) -> dict[str, Any]:
    return await write(client, RESOLVE, {"write_id": write_id, "outcome": outcome, **more})


@pytest.mark.parametrize("person", [Person(), None], ids=["asked", "token"])
async def test_resolved_as_done_it_is_not_written_again(
    opened: Open, sandbox: Sandbox, version: Version, person: Person | None
) -> None:
    async with opened(version=version, person=person) as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=True)
        settled = await settle(client, write_id, "done", record_id=785)
        assert (settled["outcome"], settled["record_id"]) == ("done", 785)
        again = await write(client, UPDATE, SENT)
        assert await states(client) == {write_id: "done"}
    assert (again["outcome"], again["write_id"], again["record_id"]) == ("already_done", write_id, 785)
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize("person", [Person(), None], ids=["asked", "token"])
async def test_resolved_as_failed_it_may_be_written_again(
    opened: Open, sandbox: Sandbox, version: Version, person: Person | None
) -> None:
    async with opened(version=version, person=person) as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=False)
        assert (await settle(client, write_id, "failed"))["outcome"] == "done"
        again = await write(client, UPDATE, SENT)
        assert await states(client) == {write_id: "refused", again["write_id"]: "done"}
    assert again["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_settling_needs_a_yes(opened: Open, sandbox: Sandbox, version: Version) -> None:
    async with opened(version=version, person=Person("decline")) as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=True)
        data = data_of(await call(client, RESOLVE, write_id=write_id, outcome="failed"))
        assert data["outcome"] == "not_approved"
        assert await states(client) == {write_id: "unknown"}


async def test_one_token_resolves_once(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        arguments = {"write_id": await lose_answer(client, sandbox, UPDATE, SENT, after=True), "outcome": "done"}
        token = data_of(await call(client, RESOLVE, **arguments))["approval_token"]
        assert data_of(await call(client, RESOLVE, **arguments, approval_token=token))["outcome"] == "done"
        assert data_of(await call(client, RESOLVE, **arguments, approval_token=token))["outcome"] == "refused"


async def test_a_token_for_failed_does_not_resolve_as_done(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=True)
        token = data_of(await call(client, RESOLVE, write_id=write_id, outcome="failed"))["approval_token"]
        data = data_of(await call(client, RESOLVE, write_id=write_id, outcome="done", approval_token=token))
        assert data["reason"] == "token_other_arguments"
        assert await states(client) == {write_id: "unknown"}


async def test_a_write_that_does_not_exist_cannot_be_resolved(opened: Open) -> None:
    async with opened() as client:
        assert (await settle(client, 4711, "done"))["reason"] == "no_such_write"


@pytest.mark.parametrize("outcome", ["done", "failed"])
async def test_a_write_that_is_not_unknown_cannot_be_resolved(opened: Open, sandbox: Sandbox, outcome: str) -> None:
    async with opened() as client:
        done = await write(client, UPDATE, SENT)
        assert (await settle(client, done["write_id"], outcome))["reason"] == "not_unknown"
        assert await states(client) == {done["write_id"]: "done"}


async def test_a_write_is_resolved_once(opened: Open, sandbox: Sandbox) -> None:
    async with opened() as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=True)
        await settle(client, write_id, "done")
        assert (await settle(client, write_id, "failed"))["reason"] == "not_unknown"
        assert await states(client) == {write_id: "done"}


async def test_a_write_of_another_account_is_neither_reported_nor_resolved(
    opened: Open, sandbox: Sandbox, state_url: str
) -> None:
    async with opened() as client:
        write_id = await lose_answer(client, sandbox, UPDATE, SENT, after=True)
    keys = {"rooflink_api_key": SecretStr("another-key"), "renovationfind_token": SecretStr("another-token")}
    async with Client(build_server(make_settings(sandbox=False, state_url=state_url, **keys))) as other:
        assert await states(other) == {}
        assert (await settle(other, write_id, "failed"))["reason"] == "no_such_write"
    async with opened() as client:
        assert await states(client) == {write_id: "unknown"}


# The same in other words


@pytest.mark.parametrize(
    "other",
    [
        {"email": "Dana@Example.com"},
        {"first_name": "DANA", "last_name": "  miller "},
        {"first_name": "\uff24\uff41\uff4e\uff41"},  # wide letters
        {"phone": "(972) 555-0142"},
        {"first_name": "Daniela"},  # whoever has this address is asked once more
    ],
)
async def test_an_unknown_referral_is_not_sent_again_in_other_words(
    sandbox: Sandbox, opened: Open, other: dict[str, Any]
) -> None:
    friend = {**FRIEND, "phone": "+1 972-555-0142"}
    sandbox.faults.add(Fault(kind="drop_after", match=WRITE_PATHS))
    async with opened(approvals="off") as client:
        assert data_of(await call(client, REFER, **friend))["outcome"] == "unknown"
        again = data_of(await call(client, REFER, **{**friend, **other}))
    assert (again["outcome"], again["reason"]) == ("refused", "earlier_unknown")
    assert len(sandbox.writes) == 1


async def test_a_question_names_what_is_unresolved_about_the_same(
    sandbox: Sandbox, time: Time, version: Version
) -> None:
    person, house = Person(), {"address": "17 Elm St", "state": "TX", "postal_code": "75024"}
    sandbox.faults.add(Fault(kind="drop_after", match="POST /light/jobs/"))
    sandbox.faults.add(Fault(kind="drop_before", match=r"GET /light/jobs/prospect/\d+/$", times=99))
    async with connected(sandbox, time=time, version=version, person=person) as client:
        lost = data_of(await call(client, CREATE, **house))
        assert lost["outcome"] == "unknown"
        for lead in (house, {**house, "address": "17 ELM STREET"}):
            data = data_of(await call(client, CREATE, **lead, allow_duplicate=True, first_name="Ann"))
            assert f"Note: Write {lost['write_id']} about the same (rooflink.create_lead, " in person.shown[-1]
            assert "is unresolved: nobody knows whether there is a prospect for " in person.shown[-1]
            assert any("is unresolved" in warning for warning in data["warnings"])


@pytest.mark.parametrize(
    "other",
    [
        {"phone": "+1 972 555 0142"},
        {"first_name": "Ann", "phone": "972.555.0142"},
        {"first_name": "Jose", "last_name": "Nunez", "email": "jose@work.example"},
        {"first_name": "Núñez", "last_name": "José", "phone": "972-555-0199"},
    ],
)
async def test_a_question_about_a_person_names_what_is_unresolved_about_them(
    sandbox: Sandbox, time: Time, other: dict[str, Any]
) -> None:
    person = Person()
    jose = {"first_name": "José", "last_name": "Núñez", "email": "jose@example.com", "phone": "(972) 555-0142"}
    sandbox.faults.add(Fault(kind="drop_after", match=WRITE_PATHS))
    async with connected(sandbox, time=time, person=person) as client:
        lost = data_of(await call(client, REFER, **jose))
        assert lost["outcome"] == "unknown"
        await call(client, REFER, **{"first_name": "Ana", "last_name": "Ruiz", **other})
        await call(client, REFER, first_name="Ana", last_name="Ruiz", email="other@example.com", phone="780-428-1234")
    assert f"Note: Write {lost['write_id']} about the same" in person.shown[1]
    assert "unresolved" not in person.shown[2]


async def test_a_note_that_nobody_is_asked_about_names_what_is_unresolved_about_its_job(
    sandbox: Sandbox, time: Time
) -> None:
    note = BY_NAME["rooflink_add_note"].arguments
    note = {"job_id": note["job_id"], "message": "Call me tomorrow"}
    sandbox.faults.add(Fault(kind="drop_after", match="POST /light/notes/"))
    async with connected(sandbox, time=time, person=Person()) as client:
        lost = data_of(await call(client, "rooflink_add_note", **note, notify_customer=True))
        assert lost["outcome"] == "unknown"
        again = data_of(await call(client, "rooflink_add_note", **note))
    assert again["warnings"][0].startswith(f"Write {lost['write_id']} about the same (rooflink.add_note, ")


async def test_a_question_about_a_lead_names_what_is_unresolved_about_that_lead(sandbox: Sandbox, time: Time) -> None:
    person = Person()
    sandbox.faults.add(Fault(kind="drop_after", match="PUT status"))
    async with connected(sandbox, time=time, person=person) as client:
        lost = data_of(await call(client, UPDATE, **SENT))
        await call(client, ACCEPT, lead_id=785)
        await call(client, ACCEPT, lead_id=812)
    assert f"Write {lost['write_id']} about the same (renovationfind.update_job_status, " in person.shown[0]
    assert "unresolved" not in person.shown[1]


async def test_a_value_that_is_set_is_compared_letter_by_letter(sandbox: Sandbox, opened: Open) -> None:
    job = next(iter(sandbox.prospects))
    async with opened(approvals="off") as client:
        for name in ("ann's roof", "Ann's roof"):
            data = data_of(await call(client, "rooflink_update_job", job_id=job, name=name))
            assert data["outcome"] == "done"
    assert len(sandbox.writes) == 2


async def test_an_unknown_write_of_an_earlier_version_still_blocks_its_repeat(
    sandbox: Sandbox, time: Time, state_url: str
) -> None:
    """Until schema 9, the same was the same letter by letter."""
    sandbox.faults.add(Fault(kind="drop_after", match=WRITE_PATHS))
    settings: dict[str, Any] = {"state_url": state_url, "approvals": "off"}
    async with connected(sandbox, time=time, **settings) as client:
        assert data_of(await call(client, REFER, **FRIEND))["outcome"] == "unknown"
        given = {**FRIEND, "send_gift": False, "renewal": False}
        exact = digest_of("renovationfind.create_referral_request", given)
        with beside(state_url) as connection:
            values = {"digest": exact, "subject": f"renovationfind.create_referral_request {exact}"}
            connection.execute(text("UPDATE writes SET repeat_digest = :digest, subject = :subject"), values)
        again = data_of(await call(client, REFER, **FRIEND))
    assert again["reason"] == "earlier_unknown"
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize("field", ["first_name", "email"])
async def test_letters_that_look_like_others_are_said(sandbox: Sandbox, time: Time, field: str) -> None:
    person = Person("decline")
    async with connected(sandbox, time=time, person=person) as client:
        await call(client, REFER, **{**FRIEND, field: FRIEND[field].replace("a", "\u0430")})
        await call(client, REFER, **{**FRIEND, "first_name": "\u0410\u043d\u043d\u0430"})
    assert f"Note: {field} has a letter that looks like another one (cyrillic small letter a)" in person.shown[0]
    assert "looks like another" not in person.shown[1]
