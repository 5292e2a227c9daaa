"""Write tools: a typed function that returns a `Plan`. It cannot write; only what is here can.

The plan is made anew in each round of a question, so that an answer counts only for what would really be sent.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Annotated, Any

import anyio
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import Field

from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.mcp.arguments import Flag
from leadbridge.server.mcp.context import Ctx, deck_of
from leadbridge.server.mcp.deciding import Decision, carry_out, not_approved, unchanged
from leadbridge.server.mcp.definition import Rules, ToolSpec
from leadbridge.server.mcp.elicitation import ask
from leadbridge.server.mcp.progress import tell_progress
from leadbridge.server.mcp.questions import answered_question, given_answer
from leadbridge.server.mcp.receipt import WriteReceipt
from leadbridge.server.mcp.reply import receipt_result
from leadbridge.server.mcp.sending import done_before, reason_of, refuse_unsendable
from leadbridge.server.mcp.texts import doubts
from leadbridge.server.writes.approval import DryRun, asked_id
from leadbridge.server.writes.plan import Plan

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
    make_plan = _in_time(function, {name.partition(".")[0] for name in operations})

    async def call(**arguments: Any) -> CallToolResult | InputRequiredResult:
        ctx, dry_run = arguments["ctx"], arguments.pop("dry_run")
        token = arguments.pop("approval_token", "")
        deck = deck_of(ctx)
        plan = await make_plan(**arguments)
        decision = await _without_asking(ctx, plan, token=token, dry_run=dry_run)
        if decision is not None:
            return receipt_result(await carry_out(deck, plan, decision, tell_progress()))
        answer = await ask(ctx, plan)
        if isinstance(answer, InputRequiredResult):
            return answer
        try:
            if answer.approval is None:
                return receipt_result(await not_approved(deck, plan, answer))
            if not answered_question():  # the person thought while the call waited
                plan = unchanged(plan, await make_plan(**arguments))
            return receipt_result(await carry_out(deck, plan, answer.approval, tell_progress()))
        finally:
            deck.questions.end(plan)

    signature = inspect.signature(function, eval_str=True)
    parameters = [*signature.parameters.values(), _parameter("dry_run", DryRunArgument, default=False)]
    if gated:
        parameters.append(_parameter("approval_token", TokenArgument, default=""))
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


def _in_time(function: Callable[..., Awaitable[Plan]], services: Collection[str]) -> Callable[..., Awaitable[Plan]]:
    """The same, within its share of the call's deadline: it may look at the service before it writes there.

    It is made only with keys that are this company's.
    """

    @functools.wraps(function)
    async def make_plan(**arguments: Any) -> Plan:
        deck = deck_of(arguments["ctx"])
        whole = deck.settings.call_deadline
        began = anyio.current_time()
        try:
            with anyio.fail_after(min(whole, max(whole * PLAN_SHARE, LEAST_FOR_PLAN))):
                await deck.company.confirm(*services)
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
        doubtful = (*plan.warnings, *doubts(arguments))
        return replace(plan, took=anyio.current_time() - began, warnings=doubtful)

    return make_plan


async def _without_asking(ctx: Ctx, plan: Plan, *, token: str, dry_run: bool) -> Decision | None:
    """What is to be done without a form, or nothing: the person is to be asked.

    Raises:
        Refused: this is not sent, whatever a person would say.
    """
    if dry_run:
        if plan.refusal is not None:
            raise plan.refusal
        return DryRun()
    deck = deck_of(ctx)
    asks = asks_in_forms(ctx)
    opened = await deck.approvals.opened(plan, token) if plan.needs_approval and not asks and token else None
    await deck.approvals.refuse_used(asked_id(answered_question()))
    if (found := await done_before(deck, plan)) is not None:
        return found
    if plan.refusal is not None:
        raise plan.refusal
    if (approval := deck.approvals.without_asking(plan)) is not None:
        return approval
    if not asks:
        deck.approvals.refuse_without_tokens()
    if given_answer() is None:
        await refuse_unsendable(deck, plan)
    if asks:
        return None
    return deck.approvals.by_token(plan, opened) if opened else await deck.approvals.token_needed(plan)


def asks_in_forms(ctx: Ctx) -> bool:
    """Whether a person is asked in a form: the client can show one, and this server is not told to use tokens only.

    An empty `elicitation` capability means forms.
    """
    if deck_of(ctx).approvals.mode == "token":
        return False
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
