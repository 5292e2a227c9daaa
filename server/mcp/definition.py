"""A tool as LeadBridge defines it, and how it becomes the SDK's `Tool`."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools.base import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, ValidationError

from leadbridge.server.call_scope import call_scope
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import ArgumentsRefused, LeadBridgeError, Problem, Refused, ServiceError
from leadbridge.server.mcp.context import Progress, app_context
from leadbridge.server.mcp.incoming import undone
from leadbridge.server.mcp.receipt import WriteReceipt
from leadbridge.server.mcp.reply import error_result, receipt_result, with_notes
from leadbridge.server.mcp.schemas import Arguments, argument_model, made, output_model, recorded
from leadbridge.server.mcp.wording import TOO_LONG, bad_arguments, before_sending, broke_off, in_words, problems_of
from leadbridge.server.services.client import on_wait

logger = logging.getLogger("leadbridge")

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
    """The function to register: its signature is the arguments, its docstring the description."""
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
        return argument_model(self.name, inspect.signature(self.function), frozenset({"ctx"}))

    def output_model(self) -> type[BaseModel]:
        """The model of the structured content."""
        return output_model(inspect.signature(self.function))


class GuardedTool(Tool):
    """The SDK's tool with our words for every failure.

    It reads its arguments itself: the SDK would read JSON inside texts, which turns the text `"null"` into nothing.
    Results are not validated a second time: they are dumped from the very model whose schema is published.
    """

    spec: Any
    ready: bool = False

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:  # noqa: FBT001, FBT002  # the SDK's signature
        """Check all arguments at once, run, and turn every failure into a text that says what did not happen."""
        del convert_result  # the tools make results themselves
        if not self.ready:
            self.fn_metadata.arg_model = self.spec.argument_model()
            self.ready = True
        model = self.fn_metadata.arg_model
        meant = undone(arguments, model.model_fields, reads=not self.spec.effect.writes)
        try:
            given = model.model_validate(meant).model_dump_one_level()
        except ValidationError as error:
            return error_result(in_words(ArgumentsRefused(await self._problems(error, meant))))
        if problems := await self._broken_rules({name: value for name, value in given.items() if value is not None}):
            return error_result(in_words(ArgumentsRefused(problems)))
        waiting = on_wait.set(Progress(context))
        started = time.monotonic()
        try:
            with call_scope() as scope:
                return with_notes(await self.fn(**given, ctx=context), scope.notes)
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

    def _failure(self, cause: BaseException, context: Context[Any, Any]) -> CallToolResult:
        spec: ToolSpec = self.spec
        writes = spec.effect.writes
        if writes and isinstance(cause, (Refused, ServiceError)):  # once a write has left, its failure is an outcome
            return receipt_result(
                WriteReceipt(
                    outcome="refused",
                    operation=", ".join(spec.operations),
                    summary=before_sending(cause, local=spec.local, gated=spec.gated),
                    next_steps=cause.next_steps,
                    reason=cause.reason if isinstance(cause, Refused) else cause.kind,
                    sandbox=app_context(context).services.all_simulated,
                )
            )
        if isinstance(cause, LeadBridgeError):
            return error_result(in_words(cause))
        if isinstance(cause, TimeoutError):
            return error_result(broke_off(TOO_LONG, writes=writes))
        logger.error("tool %s failed inside", self.name, exc_info=cause)
        why = f"LeadBridge failed inside {self.name}; the server's log says more."
        return error_result(broke_off(why, writes=writes))
