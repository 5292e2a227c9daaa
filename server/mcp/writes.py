"""Write tools: a typed function that returns a `Write`. It cannot write; only what is here can.

The write is made anew in each round of a question, so that an answer counts only for what would really be sent.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any

import anyio
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from leadbridge.server.catalog import Operation, load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import Refused
from leadbridge.server.mcp.arguments import Flag
from leadbridge.server.mcp.context import AppContext, Ctx, app_context, progress_of_call
from leadbridge.server.mcp.definition import Rules, ToolSpec
from leadbridge.server.mcp.elicitation import ask, returned_by
from leadbridge.server.mcp.instructions import SIMULATED
from leadbridge.server.mcp.receipt import WriteReceipt, receipt_result
from leadbridge.server.mcp.receipts import not_approved, receipt_of
from leadbridge.server.mcp.scalars import doubts
from leadbridge.server.writes.approval import Asked, changed_since_asked
from leadbridge.server.writes.model import Write
from leadbridge.server.writes.pipeline import Call, Decision
from leadbridge.server.writes.write_rows import WriteRow, effect_in_words

PLAN_SHARE, LEAST_FOR_PLAN = 0.6, 2.0
"""Of the call's deadline, for making a write, and the seconds that it has at least; sending has what is left."""
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
MOST_UNRESOLVED = 3
"""Unresolved writes that a question names one by one."""

DryRunArgument = Annotated[Flag, Field(description="Show the request, send nothing")]
TokenArgument = Annotated[
    str, Field(strict=True, max_length=1000, description="From the preview that the user said yes to")
]


def write_tool(
    function: Callable[..., Awaitable[Write]],
    *operations: str,
    title: str,
    toolset: str = "",
    effect: Effect = Effect.READ,
    rules: Rules | None = None,
    reads_files: bool = False,
) -> ToolSpec:
    """A tool that writes. `function` takes a `ctx: Ctx` and its arguments, checks them and returns the `Write`.

    Several operations for a plan of several steps, none for what sends nothing to a service. The catalog says the
    toolset, unless it is given, and the effect: the worst of all, or what is given where there is no operation.
    """
    rows = [load()[operation] for operation in operations]
    effect = max((effect, *(row.effect_at_worst or row.effect for row in rows)), key=list(Effect).index)
    services = {row.service for row in rows}

    async def call(**arguments: Any) -> CallToolResult | InputRequiredResult:
        ctx, dry_run = arguments["ctx"], arguments.pop("dry_run")
        token = arguments.pop("approval_token", "")
        app, back, took = app_context(ctx), returned_by(ctx), 0.0
        asked = app.pipeline.approvals.questions.get(back.shown, app.pipeline.approvals.clock())
        if asked is None:
            write, took = await _made(function, services, arguments)
            brought = Call(asks_in_forms(ctx), token, dry_run, back.approval_id, answered=back.answer is not None)
            found = await app.pipeline.look(write, brought)
            write = _as_shown(app, write, arguments, found.open_about)
            decision = await app.pipeline.decide(write, brought, found)
            if decision is not None:
                return await _carried_out(app, write, decision, took)
            asked = Asked(write, found.newest, app.pipeline.approvals.clock())
        answer = await ask(ctx, asked, back)
        if isinstance(answer, InputRequiredResult):
            return answer
        try:
            write = asked.write
            if answer.approval is None:
                if back.approval_id:  # it cannot be answered with yes later
                    await app.ledger.use_up(back.approval_id, write.operation.id, "no")
                return receipt_result(not_approved(app, write, answer.reason, answer.message), app.reachable)
            if not asked.is_fresh(app.pipeline.approvals.clock()):  # the person thought while the call waited
                write, again = await _made(function, services, arguments)
                if write.blocked is not None:
                    raise write.blocked
                found = await app.ledger.look(write, only_open=True)
                write = _as_shown(app, write, arguments, found.open_about)
                if write.question != asked.question:
                    raise changed_since_asked()
                took += again
            return await _carried_out(app, write, answer.approval, took)
        finally:
            app.pipeline.approvals.questions.end(asked)

    gated = effect.always_needs_approval or "allow_duplicate" in function.__annotations__

    @cache
    def signature() -> inspect.Signature:
        written = inspect.signature(function, eval_str=True).parameters.values()
        parameters = [*written, inspect.Parameter("dry_run", KEYWORD_ONLY, annotation=DryRunArgument, default=False)]
        if gated:
            token = inspect.Parameter("approval_token", KEYWORD_ONLY, annotation=TokenArgument, default="")
            parameters.append(token)
        keyword_only = [parameter.replace(kind=KEYWORD_ONLY) for parameter in parameters]
        return inspect.Signature(keyword_only, return_annotation=Annotated[CallToolResult, WriteReceipt])

    call.__name__ = call.__qualname__ = function.__name__
    call.__module__ = function.__module__
    call.__doc__ = function.__doc__
    return ToolSpec(
        name=function.__name__,
        title=title,
        toolset=toolset or rows[0].toolset,
        effect=effect,
        operations=operations,
        function=call,
        signature=signature,
        rules=rules,
        gated=gated,
        reads_files=reads_files,
    )


async def _made(
    function: Callable[..., Awaitable[Write]], services: Collection[str], arguments: Mapping[str, Any]
) -> tuple[Write, float]:
    """The write and the seconds it took to make it, within its share of the call's deadline.

    It may read a record at the service first. It is made only with keys that are this company's.
    """
    app = app_context(arguments["ctx"])
    whole = app.settings.call_deadline
    began = anyio.current_time()
    try:
        with anyio.fail_after(min(whole, max(whole * PLAN_SHARE, LEAST_FOR_PLAN))):
            await app.company.confirm(*services)
            write = await function(**arguments)
    except TimeoutError:
        why = "the service did not answer in time when the current record was read."
        raise Refused("no_look", why, "Try again later.") from None
    return write, anyio.current_time() - began


def _as_shown(app: AppContext, write: Write, given: Mapping[str, Any], unresolved: Sequence[WriteRow]) -> Write:
    """The write with what else a person is told: what is simulated, is perhaps not meant, is not documented, or may
    have taken effect about the same already.
    """
    undocumented = {
        name: None
        for one in write.requests
        if isinstance(one.operation, Operation)
        for name in one.operation.undocumented
        if one.arguments.get(name) is not None
    }
    warnings = [*map(app.reachable, write.preview.warnings), *doubts(given)]
    if undocumented:
        message = "is not in the documentation that was checked, so the service may ignore it."
        names = f"The name under which {', '.join(undocumented)} goes out"
        warnings.append(f"{names} {message} `leadbridge contract check` says more.")
    warnings += [
        f"Write {row.write_id} about the same ({row.operation}, {app.time.shown(row.at)}) is unresolved: "
        f"nobody knows whether {effect_in_words(row.operation, row.target, row.arguments)}."
        for row in unresolved[:MOST_UNRESOLVED]
    ]
    if len(unresolved) > MOST_UNRESOLVED:
        warnings.append(f"{len(unresolved) - MOST_UNRESOLVED} more are unresolved.")
    simulated = (SIMULATED,) if write.operation.service in app.services.simulated else ()
    lines = (*write.preview.lines, *simulated)
    return replace(write, preview=replace(write.preview, lines=lines, warnings=tuple(warnings)))


async def _carried_out(app: AppContext, write: Write, decision: Decision, took: float) -> CallToolResult:
    progress = progress_of_call()
    seconds = app.settings.call_deadline - took
    outcome = await app.pipeline.carry_out(write, decision, seconds, progress.step if progress else None)
    return receipt_result(receipt_of(app, write, outcome), app.reachable)


def asks_in_forms(ctx: Ctx) -> bool:
    """Whether a person is asked in a form: the client can show one, and this server is not set to use tokens only.

    An empty `elicitation` capability means forms.
    """
    if app_context(ctx).pipeline.approvals.mode == "token":
        return False
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
