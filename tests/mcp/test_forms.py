"""What a form can come back as but a yes, and what is reported then: nothing is written, and the reason has a code."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult

from leadbridge.server.sandbox import Sandbox
from tests.support import Person, Time, Version, call, connected, data_of, text_of

ACCEPT: tuple[str, dict[str, Any]] = ("renovationfind_accept_lead", {"lead_id": 812})
WAY_ON = "LEADBRIDGE_APPROVALS=token"


class Reader:
    """A person who takes so many seconds, on the server's clock, to do something with a form."""

    def __init__(self, clock: Time, seconds: float, answer: ElicitResult) -> None:
        self._clock = clock
        self._seconds = seconds
        self._answer = answer

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self._clock.now += self._seconds
        return self._answer


async def reason_and_text(
    sandbox: Sandbox, time: Time, version: Version, seconds: float, answer: ElicitResult
) -> tuple[str, str]:
    """The code and the text of what comes of a form that is answered so, after so many seconds."""
    clock = Time(1_790_000_000.0)
    reader = Reader(clock, seconds, answer)
    async with connected(sandbox, version=version, time=time, clock=clock, person=reader) as client:
        result = await call(client, ACCEPT[0], **ACCEPT[1])
    assert sandbox.writes == []
    assert data_of(result)["outcome"] == "not_approved"
    text = text_of(result)
    assert "nothing was changed" in text.lower()
    assert "call again" not in text.lower()
    return data_of(result)["reason"], text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "empty"),
        ({}, "empty"),
        ({"yes": True}, "without an answer to confirm"),
        ({"confirm": "true"}, '"true"'),
        ({"confirm": "yes"}, '"yes"'),
        ({"confirm": "on"}, '"on"'),
        ({"confirm": 1}, "set to 1;"),
        ({"confirm": 1.0}, "set to 1"),
        ({"confirm": ["true"]}, '["true"]'),
    ],
)
async def test_an_accepted_form_without_the_boolean_true_is_not_a_yes_and_says_why(
    sandbox: Sandbox, time: Time, version: Version, content: Any, why: str
):
    reason, text = await reason_and_text(sandbox, time, version, 5, ElicitResult(action="accept", content=content))
    assert reason == "not_filled_in"
    assert why in text
    assert WAY_ON in text


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (ElicitResult(action="decline"), "declined", "declined"),
        (ElicitResult(action="cancel"), "closed", "closed without an answer"),
        (ElicitResult(action="accept", content={"confirm": False}), "not_confirmed", "false"),
    ],
)
async def test_a_form_that_a_person_could_read_is_reported_as_declined_closed_or_not_confirmed(
    sandbox: Sandbox, time: Time, version: Version, answer: ElicitResult, reason: str, says: str
):
    code, text = await reason_and_text(sandbox, time, version, 0.7, answer)
    assert code == reason
    assert says in text
    assert "not shown" not in text
    assert WAY_ON not in text


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_that_is_faster_than_a_reader_is_reported_as_perhaps_not_shown_with_the_way_on(
    sandbox: Sandbox, time: Time, version: Version, action: Any
):
    code, text = await reason_and_text(sandbox, time, version, 0.69, ElicitResult(action=action))
    assert code == "perhaps_not_shown"
    assert "0.7 s" in text
    assert "perhaps the form was not shown" in text
    assert WAY_ON in text


async def test_a_clock_that_goes_back_meanwhile_makes_no_slow_no_a_fast_one(
    sandbox: Sandbox, time: Time, version: Version
):
    code, _ = await reason_and_text(sandbox, time, version, -3, ElicitResult(action="decline"))
    assert code == "declined"


async def test_a_fast_yes_is_a_yes(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time, clock=Time(1_790_000_000.0), person=Person()) as client:
        assert data_of(await call(client, ACCEPT[0], **ACCEPT[1]))["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_auto_never_makes_a_token_of_a_no(sandbox: Sandbox, time: Time, version: Version):
    async with connected(sandbox, version=version, time=time, person=Person("decline")) as client:
        for _ in range(4):
            receipt = data_of(await call(client, ACCEPT[0], **ACCEPT[1]))
            assert receipt["outcome"] == "not_approved"
            assert "approval_token" not in receipt
    assert sandbox.writes == []


async def test_token_mode_never_asks_in_a_form_and_says_so(sandbox: Sandbox, time: Time, version: Version):
    person = Person()
    async with connected(sandbox, version=version, time=time, approvals="token", person=person) as client:
        assert "approval_required" in (client.instructions or "")
        status = await call(client, "server_status")
        assert "Approvals: token; with this client: by approval_token" in text_of(status)
        needed = data_of(await call(client, ACCEPT[0], **ACCEPT[1]))
        assert needed["outcome"] == "approval_required"
        assert sandbox.writes == []
        done = await call(client, ACCEPT[0], **ACCEPT[1], approval_token=needed["approval_token"])
        assert data_of(done)["outcome"] == "done"
    assert person.shown == []
    assert len(sandbox.writes) == 1


async def test_a_client_that_comes_back_without_an_answer_is_not_asked_for_ever(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time, person=Person()) as client:
        states: list[str] = []
        result = await _came_back(client, None)
        while isinstance(result, InputRequiredResult):
            states.append(result.request_state or "")
            result = await _came_back(client, states[-1])
    assert len(states) == 3
    assert data_of(result)["reason"] == "nobody_asked"
    assert sandbox.writes == []


async def _came_back(client: Client, state: str | None) -> Any:
    return await client.session.call_tool(*ACCEPT, request_state=state, allow_input_required=True)


async def test_while_a_form_waits_progress_is_reported_and_grows(sandbox: Sandbox, time: Time, loop_time: Time):
    """In the stateless version nothing waits: the call is over while the person reads."""
    reports: list[tuple[float, float | None, str | None]] = []
    at: list[float] = [loop_time.now]

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, total, message))
        at.append(loop_time.now)

    async def slow_reader(context: Any, params: Any) -> ElicitResult:
        await anyio.sleep(100)
        at.append(loop_time.now)
        return ElicitResult(action="accept", content={"confirm": True})

    async with connected(sandbox, version="legacy", time=time, person=slow_reader) as client:
        result = await client.call_tool(*ACCEPT, progress_callback=progress)
    assert isinstance(result, CallToolResult)
    assert data_of(result)["outcome"] == "done"
    assert max(later - earlier for earlier, later in pairwise(at)) <= 15
    values = [value for value, _, _ in reports]
    assert values == sorted(set(values))
    assert {total for _, total, _ in reports} == {None}
    assert {message for _, _, message in reports} == {"waiting for the user to answer the form"}


async def test_a_form_that_nobody_answers_is_taken_back_after_ten_minutes(
    sandbox: Sandbox, time: Time, loop_time: Time
):
    taken_back = anyio.Event()

    async def nobody(context: Any, params: Any) -> ElicitResult:
        try:
            await anyio.sleep_forever()
        finally:
            taken_back.set()
        raise AssertionError

    began = loop_time.now
    async with connected(sandbox, version="legacy", time=time, person=nobody) as client:
        result = await call(client, ACCEPT[0], **ACCEPT[1])
        await taken_back.wait()
    assert 600 <= loop_time.now - began < 610
    assert data_of(result)["reason"] == "timed_out"
    assert sandbox.writes == []
