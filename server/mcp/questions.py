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
from dataclasses import dataclass, replace
from functools import cached_property
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


returned: ContextVar[Returned] = ContextVar("returned", default=Returned())  # noqa: B039  # it is frozen


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
        returned.set(replace(returned.get(), approval_id=f"asked-{which}", sealed=payload))
        return payload


async def explain_refused_answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Middleware, outermost: keeps questions of different requests apart, and words an answer that cannot be used.

    In process, one task may serve several requests, so that the identity of a question must not outlive its request.
    The answer is taken out before the SDK reads it: one that is malformed would be a protocol error to it.
    """
    answer = None
    if ctx.method == "tools/call" and ctx.params is not None and "inputResponses" in ctx.params:
        params = dict(ctx.params)
        answer = _answer_among(params.pop("inputResponses"))
        ctx = replace(ctx, params=params)
    before = returned.set(Returned(answer))
    try:
        return await call_next(ctx)
    except MCPError as error:
        if ctx.method != "tools/call" or error.error.data != {"reason": "invalid_request_state"}:
            raise
        return error_result(f"REFUSED: {in_words(_unusable(returned.get().sealed))}")
    finally:
        returned.reset(before)


def _answer_among(responses: Any) -> Any:
    """The answer to our question; what is there and says nothing, or is no list of answers at all, is unreadable."""
    if not isinstance(responses, dict):
        return None if responses is None else {}
    answers = cast("dict[str, Any]", responses)
    return (answers[QUESTION] or {}) if QUESTION in answers else None


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
