"""Operations out of a Postman collection (v2.0 and v2.1): its saved requests, which are examples and no schemas.

A request shows names that a service takes, and never that it takes no others: where it has no query or no body,
nothing is said of them.

Source: https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import parse_qsl

from pydantic import JsonValue

from leadbridge.server.contract.documents import rows, table, text
from leadbridge.server.contract.openapi import METHODS, MOST_FIELDS, MOST_OPERATIONS, Documented, DocumentedName

_DEEPEST = 20
"""Folders within each other."""
_DEEPEST_FIELD = 4
_LONGEST_BODY = 200_000
_VARIABLE = re.compile(r"\{\{([^{}]{1,100})\}\}")
_ORIGIN = re.compile(r"(https?://[^/?#]+)(.*)", re.IGNORECASE)
_TYPES: Mapping[type, str] = {
    bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
}  # fmt: skip


def is_postman(document: Mapping[str, JsonValue]) -> bool:
    """Whether it is a collection: saved requests, with what Postman says of them."""
    info = table(document.get("info"))
    marked = "_postman_id" in info or "postman" in text(info.get("schema")).lower()
    return isinstance(document.get("item"), list) and (marked or "paths" not in document)


def requests_in(document: Mapping[str, JsonValue]) -> list[Documented]:
    """Every saved request of a collection."""
    variables = {
        text(one.get("key")): text(one.get("value")) for one in map(table, rows(document.get("variable"))[:MOST_FIELDS])
    }
    found = (_documented(name, request, variables) for name, request in _requests(document.get("item")))
    return list(islice((one for one in found if one is not None), MOST_OPERATIONS))


def _requests(items: JsonValue, depth: int = 0) -> Iterator[tuple[str, JsonValue]]:
    for item in map(table, rows(items) if depth <= _DEEPEST else ()):
        if "request" in item:
            yield text(item.get("name")), item["request"]
        yield from _requests(item.get("item"), depth + 1)


def _documented(name: str, value: JsonValue, variables: Mapping[str, str]) -> Documented | None:
    request = table(value)
    method = text(request.get("method")).lower() or "get"
    url = request.get("url", value)
    raw, _, asked = _whole(text(url if isinstance(url, str) else table(url).get("raw")), variables).partition("?")
    origin = _ORIGIN.fullmatch(raw)
    server, path = (origin[1], origin[2]) if origin else ("", re.sub(r"^\{[^{}]*\}", "", raw))
    if method not in METHODS or not path.startswith("/"):
        return None
    listed = [text(one.get("key")) for one in map(table, rows(table(url).get("query"))[:MOST_FIELDS])]
    names = listed or [key for key, _ in parse_qsl(asked, keep_blank_values=True)]
    return Documented(
        method=method.upper(),
        path="/".join("{id}" if part.isdecimal() else part for part in path.split("/")),
        names=(name,) if name else (),
        server=server,
        query={one: DocumentedName() for one in names if one} or None,
        body=_body(table(request.get("body"))),
    )


def _whole(url: str, variables: Mapping[str, str]) -> str:
    """The address with the collection's variables filled in; another one stays, in OpenAPI's notation."""
    return _VARIABLE.sub(lambda found: variables.get(found[1]) or f"{{{found[1]}}}", url)


def _body(body: Mapping[str, JsonValue]) -> Mapping[str, DocumentedName] | None:
    mode = text(body.get("mode"))
    if mode == "raw":
        given = text(body.get("raw"), _LONGEST_BODY)
        try:
            # A variable has no quotes where a number is meant.
            value: JsonValue = json.loads(re.sub(r'(?<!["\w])\{\{[^{}]*\}\}(?!["\w])', "null", given))
        except (ValueError, RecursionError):
            return None
        return dict(list(_fields(table(value)))[:MOST_FIELDS]) or None
    listed = [text(one.get("key")) for one in map(table, rows(body.get(mode))[:MOST_FIELDS])]
    return {one: DocumentedName() for one in listed if one} or None


def _fields(value: Mapping[str, JsonValue], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, DocumentedName]]:
    for name, inner in value.items():
        yield prefix + name, DocumentedName(type=_TYPES.get(type(inner), ""))
        if depth < _DEEPEST_FIELD:
            yield from _fields(table(inner), f"{prefix}{name}.", depth + 1)
