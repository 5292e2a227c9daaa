"""Questions to a person in the stateless protocol (2026-07-28): sealed with a key all processes of a store share.

The SDK's sealed `requestState` expires and is bound to its arguments, but can be sent again as often as a client likes.
Each sealed state therefore gets an identity here, which the ledger uses up together with the write it allowed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.request_state import AESGCMRequestStateCodec
from mcp.shared.exceptions import MCPError

from leadbridge.server.errors import Refused
from leadbridge.server.mcp.reply import error_result
from leadbridge.server.mcp.wording import in_words
from leadbridge.server.state import Store

QUESTION = "leadbridge_approval"
"""The name of our one question among a call's input requests."""

_answered: ContextVar[str] = ContextVar("answered_question", default="")
_ends: ContextVar[float] = ContextVar("end_of_the_answered_question", default=0.0)
_given: ContextVar[Any] = ContextVar("given_answer", default=None)


def answered_question() -> str:
    """The identity of the sealed question this request answers; empty in the version that asks within the call."""
    return _answered.get()


def given_answer() -> Any:
    """What this request brings as the answer, just as the client sent it; None for no answer."""
    return _given.get()


class SealedQuestions:
    """The SDK's codec under a key of the state store and the company, read when the first question is asked."""

    def __init__(self, store: Store, company: str) -> None:
        self._store = store
        self._company = company
        self._codec: AESGCMRequestStateCodec | None = None

    def seal(self, payload: bytes) -> str:
        """Seal one question's state."""
        return self._ready().seal(payload)

    def unseal(self, token: str) -> bytes:
        """Open an echoed state and note which question it was."""
        payload = self._ready().unseal(token)
        _answered.set(hashlib.sha256(token.encode()).hexdigest()[:32])
        _ends.set(_end_of(payload))
        return payload

    def _ready(self) -> AESGCMRequestStateCodec:
        if self._codec is None:
            what = f"leadbridge request state\n{self._company}".encode()
            key = hmac.new(self._store.secret(), what, hashlib.sha256).digest()
            self._codec = AESGCMRequestStateCodec([key])
        return self._codec


async def explain_refused_answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, outermost: keeps questions of different requests apart, and words an answer that cannot be used.

    In process, one task may serve several requests, so that the identity of a question must not outlive its request.
    The answer is taken out before the SDK reads it: one that is malformed would be a protocol error to it.
    """
    before, given_before = _answered.set(""), _given.set(None)
    if ctx.method == "tools/call" and ctx.params is not None and "inputResponses" in ctx.params:
        params = dict(ctx.params)
        _given.set(_answer_among(params.pop("inputResponses")))
        ctx = replace(ctx, params=params)
    try:
        return await call_next(ctx)
    except MCPError as error:
        if ctx.method != "tools/call" or error.error.data != {"reason": "invalid_request_state"}:
            raise
        return error_result(f"REFUSED: {in_words(_unusable())}")
    finally:
        _answered.reset(before)
        _given.reset(given_before)


def _answer_among(responses: Any) -> Any:
    """The answer to our question; what is there and says nothing, or is no list of answers at all, is unreadable."""
    if not isinstance(responses, dict):
        return None if responses is None else {}
    answers = cast("dict[str, Any]", responses)
    return (answers[QUESTION] or {}) if QUESTION in answers else None


def _end_of(payload: bytes) -> float:
    """When a question's state expires, in seconds since 1970, as the SDK stamped it; 0 if that cannot be read."""
    try:
        end = json.loads(payload)["exp"]
    except (ValueError, KeyError, TypeError):
        return 0.0
    return float(end) if isinstance(end, (int, float)) else 0.0


def _unusable() -> Refused:
    reason, why = "question_for_other_arguments", "the question was asked for other arguments or for another user"
    if not _answered.get():
        reason, why = "question_forged", "it does not belong to a question of this server"
    elif _ends.get() <= time.time():
        reason, why = "question_expired", "the question has expired, after 10 minutes"
    step = "Call the tool again so that the user is asked again."
    return Refused(reason, f"the user's answer could not be used: {why} ({reason}).", step)
