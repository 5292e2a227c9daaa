"""A tool as LeadBridge defines it, how it becomes the SDK's `Tool`, and how every call of one begins and ends."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar, cast, get_args, get_origin

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, SecretStr, ValidationError

from leadbridge.server.call_scope import call_scope, off_loop
from leadbridge.server.catalog import load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import ArgumentsRefused, LeadBridgeError, Problem, Refused, ServiceError
from leadbridge.server.mcp.context import Ctx, Progress, app_context
from leadbridge.server.mcp.receipt import WriteReceipt, receipt_result
from leadbridge.server.mcp.reply import MakeReply, Result, error_result, result_of, with_notes
from leadbridge.server.mcp.schemas import Arguments, argument_model, made, output_model, recorded
from leadbridge.server.mcp.wording import (
    TOO_LONG,
    bad_arguments,
    before_sending,
    broke_off,
    in_words,
    problems_of,
    where_ids_come_from,
)
from leadbridge.server.services.client import on_wait

logger = logging.getLogger("leadbridge")

P = ParamSpec("P")
R = TypeVar("R", bound=Result)

Rules = Callable[[Mapping[str, Any]], list[Problem]]
"""Checks between arguments, in a worker thread; gets those that are given and well-formed, parsed."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool: its typed function, the catalog rows it uses, and how it is built."""

    name: str
    title: str
    toolset: str
    effect: Effect
    operations: tuple[str, ...]
    function: Callable[..., Any]
    """The function to register: its docstring is the description."""
    signature: Callable[[], inspect.Signature]
    """Its arguments, and the model of its answer; a start does without them, where the schemas are recorded."""
    rules: Rules | None = None
    gated: bool = False
    """Whether a call of it may need a person's approval."""
    reads_files: bool = False
    """Whether it sends files of this machine; without LEADBRIDGE_UPLOAD_ROOT it is not offered."""

    @property
    def local(self) -> bool:
        """Whether the tool looks at this server only, not at a service."""
        return not self.operations

    def build(self, *, anew: bool = False) -> GuardedTool:
        """The SDK's tool: checked arguments, slim schema, hints from the effect.

        Put together from the SDK's parts instead of by `Tool.from_function`, which would make a model and its schema:
        the schemas are recorded, unless they are to be made `anew`, and the model is made at the first call.
        """
        hints = self.effect.hints
        schemas = None if anew else recorded(self.name)
        parameters, output_schema = schemas or made(self.argument_model(), self.output_model())
        return GuardedTool(
            fn=self.function,
            name=self.name,
            title=self.title,
            description=inspect.cleandoc(self.function.__doc__ or ""),
            parameters=parameters,
            fn_metadata=FuncMetadata(
                arg_model=Arguments,
                output_schema=output_schema,
            ),
            is_async=True,
            context_kwarg="ctx",
            annotations=ToolAnnotations(
                read_only_hint=hints.read_only,
                destructive_hint=hints.destructive,
                idempotent_hint=hints.idempotent,
                open_world_hint=not self.local,
            ),
            spec=self,
        )

    def argument_model(self) -> type[Arguments]:
        """The model that checks the arguments."""
        return argument_model(self.name, self.signature(), frozenset({"ctx"}))

    def output_model(self) -> type[BaseModel]:
        """The model of the structured content."""
        return output_model(self.signature())


class GuardedTool(Tool):
    """The SDK's tool with our words for every failure.

    It reads its arguments itself: the SDK would read JSON inside texts, which turns the text `"null"` into nothing.
    Results are not validated a second time: they are dumped from the very model whose schema is published.
    """

    spec: Any
    kinds: dict[str, set[Any]] | None = None
    """The types of each argument, known from the first call on."""
    droppable: frozenset[str] = frozenset()
    """Arguments of which an empty value is none."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:  # noqa: FBT001, FBT002  # the SDK's signature
        """Check all arguments at once, run, and turn every failure into a text that says what did not happen."""
        del convert_result  # the tools make results themselves
        if self.kinds is None:
            self.fn_metadata.arg_model = self.spec.argument_model()
            fields = self.fn_metadata.arg_model.model_fields
            self.kinds = {name: _kinds(field.annotation) for name, field in fields.items()}
            if not self.spec.effect.writes:
                self.droppable = frozenset(name for name, field in fields.items() if not field.is_required())
        model = self.fn_metadata.arg_model
        meant = undone(arguments, self.kinds, self.droppable)
        try:
            given = model.model_validate(meant).model_dump_one_level()
        except ValidationError as error:
            return self._refused(await self._problems(error, meant), context)
        if problems := await self._broken_rules({name: value for name, value in given.items() if value is not None}):
            return self._refused(problems, context)
        waiting = on_wait.set(Progress(context))
        started = time.monotonic()
        try:
            with call_scope() as scope:
                result = await self.fn(**given, ctx=context)
                return with_notes(result, scope.notes) if scope.notes else result
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001  # the model gets our words, the log the traceback
            return self._failure(error, context)
        finally:
            on_wait.reset(waiting)
            logger.info("tool %s took %.2f s", self.name, time.monotonic() - started)

    async def _problems(self, error: ValidationError, meant: dict[str, Any]) -> list[Problem]:
        """What is wrong with single arguments, and what rules the others break."""
        model, bad = self.fn_metadata.arg_model, bad_arguments(error)
        good, parsed = meant.keys() - bad, model.model_construct()
        for name in good:
            model.__pydantic_validator__.validate_assignment(parsed, name, meant[name])
        broken = await self._broken_rules({name: getattr(parsed, name) for name in good})
        return problems_of(error, model) + [row for row in broken if bad.isdisjoint(row.argument.split(", "))]

    async def _broken_rules(self, given: dict[str, Any]) -> list[Problem]:
        spec: ToolSpec = self.spec
        return await anyio.to_thread.run_sync(spec.rules, given) if spec.rules else []

    def _refused(self, problems: list[Problem], context: Context[Any, Any]) -> CallToolResult:
        return error_result(app_context(context).reachable(in_words(ArgumentsRefused(problems))))

    def _failure(self, cause: BaseException, context: Context[Any, Any]) -> CallToolResult:
        spec: ToolSpec = self.spec
        app = app_context(context)
        writes = spec.effect.writes
        if writes and isinstance(cause, (Refused, ServiceError)):  # once a write has left, its failure is an outcome
            return receipt_result(
                WriteReceipt(
                    outcome="refused",
                    operation=", ".join(spec.operations),
                    summary=before_sending(cause, local=spec.local, gated=spec.gated),
                    next_steps=[*where_ids_come_from(app.hidden, cause), *cause.next_steps],
                    reason=cause.reason if isinstance(cause, Refused) else cause.kind,
                    sandbox=app.services.all_simulated,
                ),
                app.reachable,
            )
        if isinstance(cause, LeadBridgeError):
            return error_result(app.reachable(" ".join([in_words(cause), *where_ids_come_from(app.hidden, cause)])))
        if isinstance(cause, TimeoutError):
            return error_result(app.reachable(broke_off(TOO_LONG, writes=writes)))
        logger.error("tool %s failed inside", self.name, exc_info=cause)
        why = f"LeadBridge failed inside {self.name}; the server's log says more."
        return error_result(app.reachable(broke_off(why, writes=writes)))


ADDED_BY_HOSTS = {
    "toolCallId": "https://github.com/n8n-io/n8n/issues/21500",
    "tool": "https://github.com/n8n-io/n8n/issues/21500",
    "sessionId": "https://github.com/n8n-io/n8n/issues/22787",
    "action": "https://github.com/n8n-io/n8n/issues/22787",
    "chatInput": "https://github.com/n8n-io/n8n/issues/22787",
}
"""Names that a host puts into every call, which no person and no model chose, and where that was reported."""

_TEXTS = frozenset({str, SecretStr})


def undone(given: Mapping[str, Any], kinds: Mapping[str, set[Any]], droppable: Collection[str]) -> dict[str, Any]:
    """The arguments as they were meant.

    Left out are names that hosts add, and `null`; of what is `droppable`, which is what is optional for a tool that
    only reads, also an empty text, list or object: a write takes none of them for silence. Lists and objects are read
    from JSON texts, a single value for a list is a list of it, and what is not a free text has no blanks at its ends.
    """
    meant: dict[str, Any] = {}
    for name, value in given.items():
        if name not in kinds:
            if name not in ADDED_BY_HOSTS:
                meant[name] = value
            continue
        bare = value.strip() if isinstance(value, str) and kinds[name].isdisjoint(_TEXTS) else value
        shaped = _as_object(bare) if dict in kinds[name] else _as_list(bare) if list in kinds[name] else bare
        empty = shaped is None or (name in droppable and _is_empty(shaped))
        if not empty:
            meant[name] = shaped
    return meant


def _kinds(annotation: Any) -> set[Any]:
    """The types that an annotation is a union of, without what describes them."""
    parts = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _kinds(parts[0])
    origin = get_origin(annotation)
    if origin in {list, dict}:
        return {origin}
    return set[Any]().union(*map(_kinds, parts)) if parts else {annotation}


def _is_empty(value: Any) -> bool:
    return value in ([], {}) or (isinstance(value, str) and not value.strip())


def _as_object(value: Any) -> Any:
    return _parsed(value) if isinstance(value, str) and value.startswith("{") else value


def _as_list(value: Any) -> Any:
    """A text with a comma or a line break may be one value or several: it is left, and refused as no list."""
    if isinstance(value, str):
        if value.startswith("["):
            return _parsed(value)
        if not value or any(sign in value for sign in ",;\n"):
            return value
    return [value] if isinstance(value, (str, int, float)) else value


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def read_tool(
    function: Callable[P, Awaitable[MakeReply[R]]], *operations: str, title: str, toolset: str = ""
) -> ToolSpec:
    """A tool that changes nothing. `function` takes a `ctx: Ctx` and its arguments, and returns `MakeReply[Model]`.

    Its toolset is that of its first operation, unless it is given.
    """

    @functools.cache
    def signature() -> inspect.Signature:
        written = inspect.signature(function, eval_str=True)
        (model,) = get_args(get_args(written.return_annotation)[-1])
        return written.replace(return_annotation=Annotated[CallToolResult, model])

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        with anyio.fail_after(app_context(cast("Ctx", kwargs["ctx"])).settings.call_deadline):
            return await off_loop(result_of, await function(*args, **kwargs))

    return ToolSpec(
        name=function.__name__,
        title=title,
        toolset=toolset or load()[operations[0]].toolset,
        effect=Effect.READ,
        operations=operations,
        function=call,
        signature=signature,
    )
