"""Puts a plan before a person in a form, and reads what came back, in both protocol versions.

In the handshake version (2025-11-25) the question goes out within the call, which waits. In the stateless version
(2026-07-28) the call is answered with the question, and the client calls again with the answer and the sealed state.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import anyio
import anyio.to_thread
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import ValidationError

from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.progress import progress_of_call
from leadbridge.server.mcp.questions import QUESTION, answered_question, given_answer
from leadbridge.server.text import clean
from leadbridge.server.writes.approval import Approval, asked_id
from leadbridge.server.writes.model import Write, digest_of
from leadbridge.server.writes.open_questions import Asked, question_key

STATELESS = "2026-07-28"
"""The first protocol version whose servers cannot call back; versions are dates and sort as such."""
FORM: dict[str, Any] = {
    "type": "object",
    "title": "Confirm",
    "properties": {"confirm": {"type": "boolean", "title": "Confirm", "description": "Yes, do exactly this."}},
    "required": ["confirm"],
}
LIFETIME = 600.0
"""Seconds for which a question can be answered, in both eras."""
FASTEST_READER = 0.7
"""Seconds; a no that comes faster was given by no person who read the form."""
TELL_EVERY = 10.0
"""Seconds between two reports of progress while a form waits; hosts end a call that is silent for 60."""
MOST_ROUNDS = 3
"""How often a client that calls again without an answer is asked the same; it would go on for ever."""
SAME_MOMENT = 5.0
"""Seconds in which a second equal call counts as dispatched twice, where nobody says whether the form is still open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a form: an approval, or why it is none."""

    approval: Approval | None = None
    reason: str = ""
    """`declined`, `closed`, `not_confirmed`, `not_filled_in`, `perhaps_not_shown` or `nobody_asked`."""
    told: str = ""


async def ask(ctx: Ctx, asked: Asked) -> Answer | InputRequiredResult:
    """A person's answer about this write, or the question with which the call is answered.

    Whoever gets an `Answer` ends the open question once it is acted upon.

    Raises:
        Refused: another call is asking exactly this.
    """
    if (ctx.protocol_version or "") >= STATELESS:
        return await _by_answering(ctx, asked)
    return await _within_call(ctx, asked)


def _since(answer: Answer, seen: int) -> Answer:
    """The answer, of which a yes does not count if there is a newer write about the subject than was `seen`."""
    return replace(answer, approval=replace(answer.approval, seen=seen)) if answer.approval else answer


async def _within_call(ctx: Ctx, asked: Asked) -> Answer:
    app = app_context(ctx)
    began = app.approvals.clock()
    app.questions.begin(asked.write, began, LIFETIME)
    answer = _unreadable()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tell_that_it_waits)
            try:
                result = await ctx.session.send_request(
                    _form(asked.write),
                    ElicitResult,
                    request_read_timeout_seconds=LIFETIME,
                    metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
                )
            except MCPError as error:
                answer = _failed(error.error.code, error.error.message)
            except ValidationError:
                answer = _unreadable()
            else:
                answer = _read(result.action, result.content, app.approvals.clock() - began)
            tasks.cancel_scope.cancel()
    except BaseException:
        app.questions.end(asked)
        raise
    return _since(answer, asked.seen)


async def _by_answering(ctx: Ctx, asked: Asked) -> Answer | InputRequiredResult:
    app, write = app_context(ctx), asked.write
    now, shown = app.approvals.clock(), digest_of(write.question)
    state, given = _state(ctx.request_state), given_answer()
    rounds = int(state.get("rounds", 0))
    if state.get("shown") == shown:
        if given is not None:
            return _since(_read_raw(given, now - float(state["at"])), int(state.get("seen", asked.seen)))
        if rounds >= MOST_ROUNDS:
            return Answer(
                None, "nobody_asked", f"The client called again {rounds} times without an answer to the form."
            )
    if ctx.request_state is None and given is None:
        app.questions.begin(write, now, SAME_MOMENT)
    await anyio.to_thread.run_sync(app.store.secret)  # sealing needs it, and would read it in the event loop
    sealed = {"shown": shown, "write": write.digest(), "seen": asked.seen, "at": now, "rounds": rounds + 1}
    return InputRequiredResult(input_requests={QUESTION: _form(write)}, request_state=json.dumps(sealed))


def key_of_question(ctx: Ctx) -> str:
    """Which question this call answers, as `Asked.key` says it."""
    state = _state(ctx.request_state)
    return question_key(str(state.get("write")), str(state.get("shown")))


def _form(write: Write) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=write.question, requested_schema=FORM))


def _state(text: str | None) -> Mapping[str, Any]:
    """What was sealed with the question; nothing for a state of another version of LeadBridge."""
    try:
        return _fields(json.loads(text or ""))
    except ValueError:
        return {}


def _fields(value: object) -> Mapping[str, Any]:
    """The fields of an object, none of anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


async def _tell_that_it_waits() -> None:
    progress = progress_of_call()
    while progress is not None:
        await anyio.sleep(TELL_EVERY)
        await progress.tell("waiting for the user to answer the form")


def _read_raw(given: object, seconds: float) -> Answer:
    """An answer as a client of the stateless version sent it, which may be anything."""
    answer = _fields(given)
    if error := _fields(answer.get("error")):
        return _failed(error.get("code"), error.get("message"))
    return _read(answer.get("action"), answer.get("content"), seconds)


def _read(action: object, content: object, seconds: float) -> Answer:
    if action == "accept":
        filled_in = _fields(content)
        if filled_in.get("confirm") is True:
            return Answer(Approval("asked", asked_id(answered_question() or secrets.token_hex(16))))
        reason, told = _not_a_yes(filled_in)
    elif action == "decline":
        reason, told = "declined", "The form was declined."
    elif action == "cancel":
        reason, told = "closed", "The form was closed without an answer."
    else:
        return _unreadable()
    if 0 <= seconds < FASTEST_READER:
        reason = reason if action == "accept" else "perhaps_not_shown"
        told += f" That took {seconds:.1f} s, less than a person needs to read it: perhaps the form was not shown."
    return Answer(None, reason, told)


def _not_a_yes(filled_in: Mapping[str, Any]) -> tuple[str, str]:
    """Why a form that was accepted is not a yes."""
    if not filled_in:
        return "not_filled_in", "The form came back accepted, but empty."
    if "confirm" not in filled_in:
        return "not_filled_in", "The form came back accepted, but without an answer to confirm."
    if filled_in["confirm"] is False:
        return "not_confirmed", "The form came back with confirm set to false."
    came = clean(json.dumps(filled_in["confirm"], default=str), limit=40)
    return "not_filled_in", f"The form came back with confirm set to {came}; only the boolean true is a yes."


def _failed(code: object, message: object) -> Answer:
    shown = clean(f"{code}: {message}", limit=120)
    return Answer(None, "nobody_asked", f"The client answered the form with an error ({shown}).")


def _unreadable() -> Answer:
    return Answer(None, "nobody_asked", "The client's answer to the form could not be read.")
