"""Write tools: a typed function that returns a `Plan`. It cannot write; only what is here can.

The plan is made anew in each round of a question, so that an answer counts only for what would really be sent.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, TypeAlias

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import Field

from server.errors import Refused, ServiceError
from server.guard.approval import Approval, DryRun, TokenNeeded, asked_id
from server.guard.plan import Plan
from server.guard.repeats import EarlierWrite
from server.models.receipts import WriteReceipt
from server.tooling.arguments import Flag
from server.tooling.context import Ctx, deck_of
from server.tooling.deciding import Confirm, carry_out, says_yes, unchanged
from server.tooling.definition import Rules, ToolSpec
from server.tooling.progress import tell_progress
from server.tooling.questions import answered_question
from server.tooling.reply import receipt_result
from server.tooling.sending import done_before, reason_of

Decision: TypeAlias = Confirm | Approval | TokenNeeded | DryRun | EarlierWrite

PLAN_SHARE, LEAST_FOR_PLAN = 0.45, 2.0
"""Of the call's deadline, for making a plan, and the seconds that it has at least; sending has what is left."""

DryRunArgument = Annotated[Flag, Field(description="true: the request is shown, and nothing is sent")]
TokenArgument = Annotated[
    str,
    Field(
        strict=True, max_length=1000, description="From approval_required, once the user has said yes to its preview"
    ),
]


def write_tool(
    function: Callable[..., Awaitable[Plan]],
    *,
    title: str,
    toolset: str,
    operation: str | tuple[str, ...] = (),
    effect: Any,
    rules: Rules | None = None,
    never_asks: bool = False,
) -> ToolSpec:
    """A tool that writes. `function` takes a `ctx: Ctx` and its arguments, checks them and returns the `Plan`.

    Several operations for a plan of several steps, none for what sends nothing to a service. `never_asks`: its plans
    need no approval whatever their arguments.
    """
    gated = effect.gate != "none" and not never_asks
    operations = (operation,) if isinstance(operation, str) else operation
    make_plan = _in_time(function)
    decide = _decider(make_plan, gated=gated)

    async def call(**arguments: Any) -> CallToolResult:
        deck, plan, decision = deck_of(arguments["ctx"]), arguments["plan"], arguments["decision"]
        if says_yes(decision):
            plan = unchanged(plan, await make_plan(**{name: arguments[name] for name in signature.parameters}))
        return receipt_result(await carry_out(deck, plan, decision, tell_progress()))

    signature = inspect.signature(function, eval_str=True)
    parameters = [*signature.parameters.values(), _parameter("dry_run", DryRunArgument, default=False)]
    if gated:
        parameters.append(_parameter("approval_token", TokenArgument, default=""))
    parameters.append(_parameter("plan", Annotated[Plan, Resolve(make_plan)]))
    parameters.append(_parameter("decision", Annotated[ElicitationResult[Any], Resolve(decide)]))
    returned = Annotated[CallToolResult, WriteReceipt]
    keyword_only = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    call.__signature__ = inspect.Signature(keyword_only, return_annotation=returned)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": returned}
    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    return ToolSpec(
        name=function.__name__,
        title=title,
        toolset=toolset,
        effect=effect,
        operations=operations,
        function=call,
        rules=rules,
        local=not operations,
    )


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _in_time(function: Callable[..., Awaitable[Plan]]) -> Callable[..., Awaitable[Plan]]:
    """The same, within its share of the call's deadline: it may look at the service before it writes there."""

    @functools.wraps(function)
    async def make_plan(**arguments: Any) -> Plan:
        whole = deck_of(arguments["ctx"]).settings.call_deadline
        began = anyio.current_time()
        try:
            with anyio.fail_after(min(whole, max(whole * PLAN_SHARE, LEAST_FOR_PLAN))):
                plan = await function(**arguments)
        except TimeoutError:
            raise Refused(
                "no_look",
                "Nothing was sent: the service did not answer in time to the look that comes before the write.",
                "Try again later.",
            ) from None
        except ServiceError as error:
            steps = [step for step in (error.next_step, *error.hints) if step]
            raise Refused(reason_of(error), f"Nothing was sent: {error.what}", *steps) from None
        return replace(plan, took=anyio.current_time() - began)

    return make_plan


def _decider(function: Callable[..., Awaitable[Plan]], *, gated: bool) -> Callable[..., Any]:
    """The resolver that asks, or finds out why not to ask."""

    async def decide(plan: Plan, ctx: Ctx, approval_token: str = "", *, dry_run: bool) -> Any:
        if dry_run:
            if plan.refusal is not None:
                raise plan.refusal
            return DryRun()
        deck = deck_of(ctx)
        asks = can_ask(ctx)
        token = None
        if plan.needs_approval and not asks and approval_token:
            token = await deck.approvals.opened(plan, approval_token)
        await deck.approvals.refuse_used(asked_id(answered_question()))
        if (found := await done_before(deck, plan)) is not None:
            return found
        if plan.refusal is not None:
            raise plan.refusal
        if (approval := deck.approvals.without_asking(plan)) is not None:
            return approval
        if asks:
            await anyio.to_thread.run_sync(deck.store.secret)
            return Elicit(plan.question, Confirm)
        return deck.approvals.by_token(plan, token) if token else await deck.approvals.token_needed(plan)

    async def decide_without_token(plan: Plan, ctx: Ctx, *, dry_run: bool) -> Any:
        return await decide(plan, ctx, dry_run=dry_run)

    chosen = decide if gated else decide_without_token
    chosen.__annotations__ = {
        "plan": Annotated[Plan, Resolve(function)],
        "dry_run": bool,
        "ctx": Ctx,
        "approval_token": str,
        "return": Decision | Elicit[Confirm],
    }
    return chosen


def can_ask(ctx: Ctx) -> bool:
    """Whether the client can put a form before a person (an empty `elicitation` capability means forms)."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
