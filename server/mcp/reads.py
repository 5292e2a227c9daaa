"""Read tools: a typed function that returns a `Reply`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, ParamSpec, TypeVar, cast, get_args

import anyio
from mcp.types import CallToolResult

from leadbridge.server.call_scope import off_loop
from leadbridge.server.catalog import load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import ToolSpec
from leadbridge.server.mcp.reply import Reply, result_of
from leadbridge.server.services.view import Result

P = ParamSpec("P")
R = TypeVar("R", bound=Result)


def read_tool(function: Callable[P, Awaitable[Reply[R]]], *operations: str, title: str, toolset: str = "") -> ToolSpec:
    """A tool that changes nothing. `function` takes a `ctx: Ctx` and its arguments, and returns `Reply[Model]`.

    Its toolset is that of its first operation, unless it is given.
    """
    signature = inspect.signature(function, eval_str=True)
    (model,) = get_args(signature.return_annotation)

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        with anyio.fail_after(app_context(cast("Ctx", kwargs["ctx"])).settings.call_deadline):
            return await off_loop(result_of, await function(*args, **kwargs))

    returned = Annotated[CallToolResult, model]
    call.__signature__ = signature.replace(return_annotation=returned)  # type: ignore[attr-defined]
    call.__annotations__ = {**function.__annotations__, "return": returned}
    return ToolSpec(
        name=function.__name__,
        title=title,
        toolset=toolset or load()[operations[0]].toolset,
        effect=Effect.READ,
        operations=operations,
        function=call,
    )
