"""RoofLink's documentation as its MCP server gives it: which operations there are, and what each one takes.

The server is ReadMe's: streamable HTTP that answers as events, protocol 2024-11-05, no sign-in. Its tools
`list-endpoints`, `get-endpoint` and `get-request-body` are called; none of the tools that execute requests is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import anyio
import httpx2
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import TextContent
from pydantic import JsonValue

from leadbridge.server.contract.documents import document_of, rows, table, text
from leadbridge.server.contract.openapi import (
    METHODS,
    MOST_OPERATIONS,
    Documented,
    Whole,
    body_of,
    operation_of,
    operations_in,
)
from leadbridge.server.contract.web import ANSWER_SECONDS, LARGEST_ANSWER, DocumentationError, Origin, reading

MOST_ASKED = 60
"""Operations whose details are asked for: those that may be ours."""
MOST_SPECS = 5
_LINE = re.compile(r"\W*\b(GET|POST|PUT|PATCH|DELETE)\b\W*?(/[^\s`'\",)]*)\W*(.{0,200})", re.IGNORECASE)
_DEEPEST = 6
_CLOSED = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


async def operations_from(url: str, wanted: Callable[[Documented], bool]) -> list[Documented]:
    """The operations that the documentation server lists; those that are `wanted` with what they take.

    Raises:
        DocumentationError: it cannot be reached, is no such server, or is out of bounds.
    """
    async with reading(url) as (origin, http), _session(url, http, origin) as session:
        tools = {tool.name: tool.input_schema for tool in (await session.list_tools()).tools}
        if "list-endpoints" not in tools:
            raise DocumentationError(f"{origin.name} offers no tool list-endpoints")
        listed: list[tuple[Documented, str]] = []
        for spec in await _specs(session, tools):
            text_of_answer = await _call(session, "list-endpoints", tools, _named(spec))
            listed += [(operation, spec) for operation in _listed(text_of_answer)]
        if not listed:
            raise DocumentationError(f"{origin.name} lists no operations")
        asked = 0
        detailed: list[Documented] = []
        for operation, spec in listed[:MOST_OPERATIONS]:
            if asked < MOST_ASKED and (len(listed) <= MOST_ASKED or wanted(operation)):
                asked += 1
                detailed.append(await _detailed(session, tools, operation, spec))
            else:
                detailed.append(operation)
        return detailed


async def _specs(session: ClientSession, tools: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The titles of the documents that the server has, where it has several; one without a title otherwise."""
    if "list-specs" not in tools or not rows(table(tools["list-endpoints"]).get("required")):
        return [""]
    text_of_answer = await _call(session, "list-specs", tools, {})
    try:
        value = document_of(text_of_answer, "the list of documents")
    except DocumentationError:
        value = text_of_answer.splitlines()
    found = rows(value) or rows(next(iter(table(value).values()), None))
    titles = [text(item) or text(table(item).get("title")) or text(table(item).get("name")) for item in found]
    return [title for title in titles if title][:MOST_SPECS] or [""]


def _named(spec: str) -> dict[str, str]:
    """A document's title under the names that an argument for it may have."""
    return dict.fromkeys(("title", "spec", "specTitle", "specName"), spec) if spec else {}


@asynccontextmanager
async def _session(url: str, http: object, origin: Origin) -> AsyncGenerator[ClientSession]:
    """A session of the handshake's version; everything that goes wrong in it is one error of ours."""
    logs = logging.getLogger("mcp.client.streamable_http")
    level = logs.level
    logs.setLevel(logging.CRITICAL + 1)  # it logs what the server sent
    try:
        async with (
            streamable_http_client(url, http_client=http, max_sse_event_size=LARGEST_ANSWER) as (incoming, outgoing),  # pyright: ignore[reportArgumentType]
            ClientSession(incoming, outgoing, read_timeout_seconds=ANSWER_SECONDS) as session,
        ):
            await session.initialize()
            yield session
    except Exception as error:  # noqa: BLE001  # task groups wrap everything; sorted out there
        raise _failure(error, origin) from None
    finally:
        logs.setLevel(level)


def _failure(error: Exception, origin: Origin) -> Exception:
    """The error in words of ours; one that neither the server nor the network can cause stays as it is."""
    leaves = list(_leaves(error))
    ours = next((leaf for leaf in leaves if isinstance(leaf, DocumentationError)), None)
    if ours is not None:
        return ours
    expected = (MCPError, RuntimeError, ValueError, TimeoutError, OSError, httpx2.HTTPError, *_CLOSED)
    if not all(isinstance(leaf, expected) for leaf in leaves):
        return error
    return DocumentationError(origin.reason or f"{origin.name} does not answer as an MCP server")


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def _call(
    session: ClientSession, tool: str, tools: Mapping[str, Mapping[str, object]], known: Mapping[str, str]
) -> str:
    """The text of a tool's answer. Arguments are those of `known` that its schema names; no other is made up."""
    schema = table(tools.get(tool))
    properties = table(schema.get("properties"))
    arguments: dict[str, str] = {}
    for name, value in known.items():
        if name in properties or not properties:
            choices = rows(table(properties.get(name)).get("enum"))
            fitting = [choice for choice in choices if isinstance(choice, str) and choice.lower() == value.lower()]
            arguments[name] = fitting[0] if fitting else value
    missing = [name for name in rows(schema.get("required")) if name not in arguments]
    if missing:
        raise DocumentationError(f"{tool} asks for arguments that are not known here")
    result = await session.call_tool(tool, dict(arguments))
    if result.is_error:
        return ""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))[:LARGEST_ANSWER]


def _listed(answer: str) -> list[Documented]:
    if not answer.strip():
        return []
    try:
        value = document_of(answer, "the list of operations")
    except DocumentationError:
        value = None
    found = operations_in(value) or _from_table(value, 0)
    if not found:
        lines = (_LINE.match(line) for line in answer.splitlines())
        found = [_endpoint(match[2], match[1], match[3]) for match in lines if match]
    return list(dict.fromkeys(found))[:MOST_OPERATIONS]


def _from_table(value: JsonValue, depth: int) -> list[Documented]:
    """Operations from an object keyed by path, a list of objects with path and method, or either deeper inside."""
    if depth > _DEEPEST:
        return []
    found: list[Documented] = []
    for item in rows(value):
        row = table(item)
        if text(row.get("path")).startswith("/") and text(row.get("method")).lower() in METHODS:
            names = (text(row.get("operationId")), text(row.get("summary")), text(row.get("title")))
            found.append(_endpoint(text(row.get("path"), 400), text(row.get("method")), *names))
        else:
            found += _from_table(item, depth + 1)
    for path, item in table(value).items():
        methods = table(item) or dict.fromkeys((one for one in rows(item) if isinstance(one, str)), "")
        known = {method: details for method, details in methods.items() if method.lower() in METHODS}
        if not path.startswith("/") or not known:
            found += _from_table(item, depth + 1)
            continue
        for method, details in known.items():
            row = table(details)
            names = (text(row.get("operationId")), text(row.get("summary")), text(details))
            found.append(_endpoint(path, method, *names))
    return found[:MOST_OPERATIONS]


def _endpoint(path: str, method: str, *names: str) -> Documented:
    return Documented(method.upper(), path[:400], tuple(name.strip() for name in names if name.strip()))


async def _detailed(
    session: ClientSession, tools: Mapping[str, Mapping[str, object]], operation: Documented, spec: str
) -> Documented:
    """The operation with what it takes. What cannot be read stays out."""
    known = {"path": operation.path, "method": operation.method.lower(), **_named(spec)}
    whole = operation
    if "get-endpoint" in tools:
        value = _read(await _call(session, "get-endpoint", tools, known))
        inner = next((value[key] for key in ("operation", "endpoint") if table(value.get(key))), dict(value))
        found = operation_of(operation.path, operation.method, inner, whole=Whole(value))
        whole = replace(found, names=tuple(dict.fromkeys((*found.names, *operation.names))))
    if not whole.body and operation.method != "GET" and "get-request-body" in tools:
        value = _read(await _call(session, "get-request-body", tools, known))
        inner = next((value[key] for key in ("requestBody", "request_body") if table(value.get(key))), dict(value))
        whole = replace(whole, body=body_of(inner, Whole(value)) or whole.body)
    return whole


def _read(answer: str) -> Mapping[str, JsonValue]:
    try:
        return table(document_of(answer, "an answer")) if answer.strip() else {}
    except DocumentationError:
        return {}
