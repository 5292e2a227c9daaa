"""What a host's model reads: the tools' definitions, and the text of a page of ten prospects."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any

from bench.peers import ARGUMENTS, TOOL, Setup
from bench.results import Budget, Row

COUNTED = ("name", "title", "description", "inputSchema", "annotations")


def measure(setup: Setup) -> list[Row]:
    """List and call each peer once: counts, not times, so once is enough."""
    counts: dict[str, float] = {}
    definitions: dict[str, float] = {}
    longest: dict[str, float] = {}
    page: dict[str, float] = {}
    for peer in setup.peers:
        with peer.started() as session:
            tools = session.tools()
            answer = session.call(TOOL, ARGUMENTS)
        counts[peer.name] = len(tools)
        definitions[peer.name] = sum(tokens(definition(tool)) for tool in tools)
        longest[peer.name] = max(len(tool.get("description", "")) for tool in tools)
        page[peer.name] = tokens("\n".join(part["text"] for part in answer["content"] if part["type"] == "text"))
    return [
        Row("default tools", "", counts),
        Row("definitions of the default tools", "tokens", definitions, Budget(6500)),
        Row("longest description", "characters", longest, Budget(1024)),
        Row("a page of 10 prospects, as text", "tokens", page, Budget(1200)),
    ]


def definition(tool: dict[str, Any]) -> str:
    """One tool's definition as compact JSON, without its output schema."""
    counted = {key: tool[key] for key in COUNTED if tool.get(key) is not None}
    return json.dumps(counted, ensure_ascii=False, separators=(",", ":"))


def tokens(text: str) -> int:
    """Length in tokens of cl100k."""
    return len(tokenizer().encode(text))


@cache
def tokenizer() -> Any:
    """The tokenizer, from a package without type hints."""
    return import_module("quicktok").get_encoding("cl100k_base")
