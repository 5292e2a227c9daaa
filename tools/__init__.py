"""The tools: what an assistant sees, by service. Each tool is a typed function; its module lists it in `TOOLS`.

A read tool returns a `Reply`; a write tool returns a `Write`, and `leadbridge.server.mcp.writes` does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from leadbridge.server.mcp.definition import ToolSpec

FOLDERS = ("rooflink", "renovationfind", "pipeline", "records")
NOT_AT_START = {"lead_parts"}
"""Modules without a tool, whose many patterns only a hand-off needs."""


def _found() -> Iterator[ToolSpec]:
    for folder in FOLDERS:
        package = import_module(f"{__name__}.{folder}")
        for module in iter_modules(package.__path__):
            if module.name not in NOT_AT_START:
                yield from getattr(import_module(f"{package.__name__}.{module.name}"), "TOOLS", ())


ALL_TOOLS: tuple[ToolSpec, ...] = tuple(_found())
