"""Write tools: a typed function that returns a `Plan`. It cannot write; only what is here can.

The plan is made anew in each round of a question, so that an answer counts only for what would really be sent.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias

import anyio
import anyio.to_thread
from mcp.server.mcpserver import AcceptedElicitation, Elicit, ElicitationResult, Resolve
from mcp.types import CallToolResult
from pydantic import BaseModel, Field, JsonValue

from server.errors import OutcomeUnknown, ServiceError, StateError, Unavailable
from server.guard.approval import Approval, DryRun, TokenNeeded, asked
from server.guard.ledger import WritePermit
from server.guard.plan import Done, Plan
from server.models.receipts import Change, OutgoingRequest, WriteReceipt
from server.tooling.arguments import Flag
from server.tooling.context import Ctx, Deck, deck_of
from server.tooling.definition import Rules, ToolSpec
from server.tooling.questions import answered_question
from server.tooling.reply import receipt_result

_SECRET_ARGUMENTS = frozenset({"password"})


class Confirm(BaseModel):
    """The form a person fills in."""

    confirm: bool = Field(description="Yes, do exactly this.")


Decision: TypeAlias = Confirm | Approval | TokenNeeded | DryRun

DryRunArgument = Annotated[Flag, Field(description="true: show the request that would be sent, send nothing")]
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
    operation: str,
    effect: Any,
    rules: Rules | None = None,
) -> ToolSpec:
    """A tool that writes. `function` takes a `ctx: Ctx` and its arguments, checks them and returns the `Plan`."""
    gated = effect.gate != "none"
    decide = _decider(function, gated=gated)

    async def call(**arguments: Any) -> CallToolResult:
        deck = deck_of(arguments["ctx"])
        return receipt_result(await carry_out(deck, arguments["plan"], arguments["decision"]))

    signature = inspect.signature(function, eval_str=True)
    parameters = [*signature.parameters.values(), _parameter("dry_run", DryRunArgument, default=False)]
    if gated:
        parameters.append(_parameter("approval_token", TokenArgument, default=""))
    parameters.append(_parameter("plan", Annotated[Plan, Resolve(function)]))
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
        operations=(operation,),
        function=call,
        rules=rules,
    )


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _decider(function: Callable[..., Awaitable[Plan]], *, gated: bool) -> Callable[..., Any]:
    """The resolver that asks, or finds out why not to ask."""

    async def decide(plan: Plan, ctx: Ctx, approval_token: str = "", *, dry_run: bool) -> Any:
        if dry_run:
            return DryRun()
        approvals = deck_of(ctx).approvals
        if (approval := approvals.without_asking(plan)) is not None:
            return approval
        if can_ask(ctx):
            await anyio.to_thread.run_sync(deck_of(ctx).store.secret)
            return Elicit(plan.question, Confirm)
        return await approvals.by_token(plan, approval_token)

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


async def carry_out(deck: Deck, plan: Plan, decision: ElicitationResult[Any]) -> WriteReceipt:
    """Do what was decided about a plan, and tell what came of it."""
    decided = decision.data if isinstance(decision, AcceptedElicitation) else None
    if isinstance(decided, Confirm):
        decided = asked(answered_question()) if decided.confirm else None
    if decided is None:
        if question := answered_question():
            await deck.ledger.burn_no(f"asked-{question}", plan.operation.id)
        return _receipt(
            deck,
            plan,
            outcome="not_approved",
            summary=f"{plan.operation.title}: not approved. Nothing was changed.",
            next_steps=["Do not try again by yourself; ask the user what they want."],
        )
    if isinstance(decided, DryRun):
        return _dry_run(deck, plan)
    if isinstance(decided, TokenNeeded):
        return _receipt(
            deck,
            plan,
            outcome="approval_required",
            summary="The user has not been asked. Nothing was changed.",
            preview=[*plan.preview, *plan.warnings],
            next_steps=[
                "Only after the user says yes to exactly this, call again with the same arguments and the token."
            ],
            approval_token=decided.token,
        )
    permit = await deck.ledger.intend(plan, decided)
    return await _send(deck, plan, permit)


async def _send(deck: Deck, plan: Plan, permit: WritePermit) -> WriteReceipt:
    """Send a write whose intent is on record, and put its outcome on record, whatever happens."""
    client = deck.client(plan.operation.service)
    try:
        with anyio.fail_after(deck.settings.call_deadline):
            answer = await client.request(
                plan.operation, path=plan.path, query=plan.query, body=plan.body, permit=permit
            )
        done = plan.receive(answer)
    except ServiceError as error:
        return await _failed(deck, plan, permit, error)
    except StateError:
        await _record(deck, permit, "failed", "The state store failed before anything was sent.")
        raise
    except TimeoutError:
        return await _failed(deck, plan, permit, _out_of_time(plan, permit))
    except BaseException:
        with anyio.CancelScope(shield=True):
            state = "unknown" if permit.may_have_left else "failed"
            await _record(deck, permit, state, "The call was interrupted.")
        raise
    return await _done(deck, plan, permit, done)


def _out_of_time(plan: Plan, permit: WritePermit) -> ServiceError:
    what = "LEADBRIDGE_CALL_DEADLINE was over before the service answered."
    told = "The write may or may not have taken effect." if permit.may_have_left else "Nothing was sent."
    return Unavailable(
        what=f"{what} {told}",
        next_step="Look at the record on the service before trying again." if permit.may_have_left else "Try again.",
        service=plan.operation.service,
        operation=plan.operation.id,
        may_have_taken_effect=permit.may_have_left,
    )


async def _done(deck: Deck, plan: Plan, permit: WritePermit, done: Done) -> WriteReceipt:
    warnings = [*plan.warnings, *done.warnings]
    warnings += await _record(deck, permit, "done", done.summary, done.record_id)
    if done.remember is not None:
        try:
            await done.remember()
        except StateError as error:
            warnings.append(f"What the service answered could not be kept: {error}".replace(" Nothing was sent.", ""))
    names = [*plan.before, *(name for name in done.after if name not in plan.before)]
    changed = [
        Change(field=name, before=plan.before.get(name), after=done.after.get(name))
        for name in names
        if plan.before.get(name) != done.after.get(name)
    ]
    return _receipt(
        deck,
        plan,
        outcome="done",
        summary=done.summary,
        write_id=permit.write_id,
        record_id=done.record_id,
        record=dict(done.record),
        details=done.details,
        changed=changed,
        warnings=warnings,
        next_steps=done.next_steps,
    )


async def _failed(deck: Deck, plan: Plan, permit: WritePermit, error: ServiceError) -> WriteReceipt:
    unknown = isinstance(error, OutcomeUnknown) or error.may_have_taken_effect
    warnings = await _record(deck, permit, "unknown" if unknown else "failed", error.what)
    return _receipt(
        deck,
        plan,
        outcome="unknown" if unknown else "refused",
        summary=error.what,
        write_id=permit.write_id,
        warnings=warnings,
        next_steps=[step for step in (error.next_step, *error.hints) if step],
        reason=_reason(error),
    )


async def _record(deck: Deck, permit: WritePermit, state: str, summary: str, record_id: int | None = None) -> list[str]:
    """Put an outcome on record; if that fails, the outcome is still told, with a warning."""
    try:
        await deck.ledger.record(permit.write_id, state, summary, record_id)
    except StateError as error:
        return [f"The outcome could not be put on record: {error}".replace(" Nothing was sent.", "")]
    return []


def _dry_run(deck: Deck, plan: Plan) -> WriteReceipt:
    client = deck.client(plan.operation.service)
    body: dict[str, JsonValue] = {
        name: "***" if name in _SECRET_ARGUMENTS else value for name, value in (plan.body or {}).items()
    }
    needs = "It would need a person's approval." if plan.needs_approval else "It would need no approval."
    return _receipt(
        deck,
        plan,
        outcome="dry_run",
        summary=f"{plan.operation.title}: nothing was sent. {needs}",
        details=list(plan.preview),
        warnings=list(plan.warnings),
        request=OutgoingRequest(
            method=plan.operation.method,
            url=client.url(plan.operation, plan.path),
            query=dict(plan.query),
            body=body,
        ),
    )


def _receipt(deck: Deck, plan: Plan, **fields: Any) -> WriteReceipt:
    return WriteReceipt(operation=plan.operation.id, sandbox=deck.settings.sandbox, **fields)


def _reason(error: ServiceError) -> str:
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
