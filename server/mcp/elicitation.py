"""Puts a plan before a person in a form, and reads what came back, in both protocol versions.

In the handshake version (2025-11-25) the question goes out within the call, which waits. In the stateless version
(2026-07-28) the call is answered with the question, and the client calls again with the answer and the sealed state.

The SDK's sealed `requestState` expires and is bound to its arguments, but can be sent again as often as a client likes.
Each sealed state therefore gets an identity here, which the ledger uses up together with the write it allowed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import anyio
import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.types import REQUEST_TIMEOUT, ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import ValidationError

from leadbridge.server.errors import Refused
from leadbridge.server.mcp.context import AppContext, Ctx, app_context, progress_of_call
from leadbridge.server.mcp.reply import error_result
from leadbridge.server.mcp.wording import in_words
from leadbridge.server.state import Store
from leadbridge.server.text import clean
from leadbridge.server.writes.approval import CLOCKS_APART, Approval, Asked

QUESTION = "leadbridge_approval"
"""The name of our one question among a call's input requests."""
STATELESS = "2026-07-28"
"""The first protocol version whose servers cannot call back; versions are dates and sort as such."""
FORM: dict[str, Any] = {
    "type": "object",
    "title": "Confirm",
    "properties": {"confirm": {"type": "boolean", "title": "Confirm", "description": "Yes, do exactly this."}},
    "required": ["confirm"],
}
LIFETIME = 600.0
"""Seconds for which a question can be answered, in both protocol versions."""
FASTEST_READER = 0.7
"""Seconds; a no that comes faster was given by no person who read the form."""
TELL_EVERY = 10.0
"""Seconds between two reports of progress while a form waits; hosts end a call that is silent for 60."""
MOST_ROUNDS = 3
"""How often a client that calls again without an answer is asked the same; it would go on for ever."""
SAME_MOMENT = 5.0
"""Seconds in which a second equal call counts as dispatched twice, where nobody says whether the form is still open."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a request brings back for a question that was asked before; all empty in the version that asks within the
    call.
    """

    answer: Any = None
    """Just as the client sent it; None for no answer."""
    approval_id: str = ""
    """What a yes to the sealed question is used up as."""
    sealed: bytes = b""
    shown: str = ""
    """As `Asked.shown` says it; this and what follows was sealed with the question."""
    seen: int = 0
    at: float = 0.0
    rounds: int = 0
    """How often the same was asked."""


_returned: ContextVar[Returned] = ContextVar("returned", default=Returned())  # noqa: B039  # it is frozen


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a form: an approval, or why it is not one."""

    approval: Approval | None = None
    reason: str = ""
    """`declined`, `closed`, `timed_out`, `not_confirmed`, `not_filled_in`, `perhaps_not_shown` or `nobody_asked`."""
    message: str = ""


def returned_by(ctx: Ctx) -> Returned:
    """What this call comes back with; a state of another version of LeadBridge is none."""
    try:
        return replace(_returned.get(), **json.loads(ctx.request_state or ""))
    except (ValueError, TypeError):
        return _returned.get()


async def ask(ctx: Ctx, asked: Asked, back: Returned) -> Answer | InputRequiredResult:
    """A person's answer about this write, or the question with which the call is answered.

    Whoever gets an `Answer` ends the open question once it is acted upon.

    Raises:
        Refused: another call is asking exactly this.
    """
    app = app_context(ctx)
    if (ctx.protocol_version or "") < STATELESS:
        return await _within_call(ctx, app, asked)
    now = app.pipeline.approvals.clock()
    if back.shown == asked.shown and now - back.at >= -CLOCKS_APART:
        if back.answer is not None:
            return _read(back.answer, now - back.at, back.seen, back.approval_id)
        if back.rounds >= MOST_ROUNDS:
            message = f"The client called again {back.rounds} times without an answer to the form."
            return Answer(None, "nobody_asked", message)
    again = ctx.request_state is not None or back.answer is not None
    app.pipeline.approvals.questions.begin(asked, SAME_MOMENT, again=again)
    await anyio.to_thread.run_sync(app.store.secret)  # sealing needs it, and would read it in the event loop
    sealed = {"shown": asked.shown, "seen": asked.seen, "at": now, "rounds": back.rounds + 1}
    return InputRequiredResult(input_requests={QUESTION: _form(asked)}, request_state=json.dumps(sealed))


async def _within_call(ctx: Ctx, app: AppContext, asked: Asked) -> Answer:
    app.pipeline.approvals.questions.begin(asked, LIFETIME)
    answer = _read(None, 0.0, asked.seen)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tell_that_it_waits)
            try:
                result = await ctx.session.send_request(
                    _form(asked),
                    ElicitResult,
                    request_read_timeout_seconds=LIFETIME,
                    metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
                )
            except MCPError as error:
                answer = _failed(error.error.code, error.error.message)
            except ValidationError:
                pass
            else:
                given = {"action": result.action, "content": result.content}
                answer = _read(given, app.pipeline.approvals.clock() - asked.at, asked.seen)
            tasks.cancel_scope.cancel()
    except BaseException:
        app.pipeline.approvals.questions.end(asked)
        raise
    return answer


def _form(asked: Asked) -> ElicitRequest:
    message = "\n".join([asked.question, *asked.write.preview.figures])
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=FORM))


async def _tell_that_it_waits() -> None:
    progress = progress_of_call()
    while progress is not None:
        await anyio.sleep(TELL_EVERY)
        await progress.wait("waiting for the user to answer the form")


def _read(given: object, seconds: float, seen: int, approval_id: str = "") -> Answer:
    """An answer as a client sent it, which may be anything, so many seconds after the question."""
    answer = _fields(given)
    if error := _fields(answer.get("error")):
        return _failed(error.get("code"), error.get("message"))
    action, filled_in = answer.get("action"), _fields(answer.get("content"))
    if action == "accept":
        if filled_in.get("confirm") is True:
            return Answer(Approval("asked", approval_id or f"asked-{secrets.token_hex(16)}", seen))
        reason, message = _not_a_yes(filled_in)
    elif action == "decline":
        reason, message = "declined", "The form was declined."
    elif action == "cancel":
        reason, message = "closed", "The form was closed without an answer."
    else:
        return Answer(None, "nobody_asked", "The client's answer to the form could not be read.")
    if 0 <= seconds < FASTEST_READER:
        reason = reason if action == "accept" else "perhaps_not_shown"
        message += f" That took {seconds:.1f} s, less than a person needs to read it: perhaps the form was not shown."
    return Answer(None, reason, message)


def _fields(value: object) -> Mapping[str, Any]:
    """The fields of an object, none of anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


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
    if code == REQUEST_TIMEOUT:
        return Answer(None, "timed_out", f"The form was not answered within {LIFETIME / 60:.0f} minutes.")
    shown = clean(f"{code}: {message}", limit=120)
    return Answer(None, "nobody_asked", f"The client answered the form with an error ({shown}).")


class SealedQuestions:
    """The SDK's codec under a key of the state store and the company, read when the first question is asked."""

    def __init__(self, store: Store, company: str) -> None:
        self._store = store
        self._company = company

    @cached_property
    def _codec(self) -> AESGCMRequestStateCodec:
        what = f"leadbridge request state\n{self._company}".encode()
        return AESGCMRequestStateCodec([hmac.new(self._store.secret(), what, hashlib.sha256).digest()])

    def seal(self, payload: bytes) -> str:
        """Seal one question's state."""
        return self._codec.seal(payload)

    def unseal(self, token: str) -> bytes:
        """Open an echoed state and note which question it was."""
        payload = self._codec.unseal(token)
        which = hashlib.sha256(token.encode()).hexdigest()[:32]
        _returned.set(replace(_returned.get(), approval_id=f"asked-{which}", sealed=payload))
        return payload


async def explain_refused_answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, outermost: keeps questions of different requests apart, and words an answer that cannot be used.

    In process, one task may serve several requests, so that the identity of a question must not outlive its request.
    The answer is taken out before the SDK reads it: one that is malformed would be a protocol error to it.
    """
    answer: Any = None
    if ctx.method == "tools/call" and ctx.params is not None and "inputResponses" in ctx.params:
        params = dict(ctx.params)
        answers: object = params.pop("inputResponses")
        # What is there and says nothing, or is no list of answers at all, is unreadable.
        if QUESTION in (given := _fields(answers)):
            answer = given[QUESTION] or {}
        elif not isinstance(answers, dict | None):
            answer = {}
        ctx = replace(ctx, params=params)
    before = _returned.set(Returned(answer))
    try:
        return await call_next(ctx)
    except MCPError as error:
        if ctx.method != "tools/call" or error.error.data != {"reason": "invalid_request_state"}:
            raise
        return error_result(f"REFUSED: {in_words(_unusable(_returned.get().sealed))}")
    finally:
        _returned.reset(before)


def _unusable(sealed: bytes) -> Refused:
    """Why a question's state was refused; `sealed` is what was in it, with the time at which the SDK lets it end."""
    reason, why = "question_for_other_arguments", "the question was asked for other arguments or for another user"
    if not sealed:
        reason, why = "question_forged", "it does not belong to a question of this server"
    else:
        try:
            ended = json.loads(sealed)["exp"] <= time.time()
        except (ValueError, KeyError, TypeError):
            ended = True
        if ended:
            reason, why = "question_expired", "the question has expired, after 10 minutes"
    step = "Call the tool again so that the user is asked again."
    return Refused(reason, f"the user's answer could not be used: {why} ({reason}).", step)
