"""Reads JSON and YAML that somebody else wrote: bounded in size and depth, and without YAML's aliases.

An alias lets a short text stand for a huge one; OpenAPI has `$ref` instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from leadbridge.server.contract.web import LARGEST_ANSWER, DocumentationError

LARGEST_YAML = 3_000_000
"""Characters; YAML is read far more slowly than JSON."""
MOST_VALUES = 500_000
"""Of JSON; a large service's OpenAPI has some 200,000."""
MOST_YAML_VALUES = 250_000
"""Each takes some 400 bytes while it is read."""
LONGEST_NUMBER = 300
"""Characters of what YAML may take for a number, which it reads in quadratic time."""
DEEPEST = 60


def document_of(text: str, what: str) -> JsonValue:
    """The value of a JSON or YAML text.

    Raises:
        DocumentationError: `what` is neither, or out of bounds.
    """
    if len(text) > LARGEST_ANSWER:
        raise DocumentationError(f"{what} is larger than {LARGEST_ANSWER // 1_000_000} MB")
    if text.lstrip()[:1] in {"{", "["}:
        if sum(text.count(sign) for sign in ",[{") > MOST_VALUES:
            raise DocumentationError(f"{what} has more than {MOST_VALUES:,} values")
        try:
            return json.loads(text)
        except RecursionError:
            raise DocumentationError(f"{what} is nested too deeply") from None
        except ValueError:
            pass  # YAML may begin so too
    return _yaml(text, what)


def _yaml(text: str, what: str) -> JsonValue:
    import yaml

    if len(text) > LARGEST_YAML:
        raise DocumentationError(f"{what} is YAML of more than {LARGEST_YAML // 1_000_000} MB")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = values = 0
    try:
        for event in cast("Any", yaml).parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise DocumentationError(f"{what} is YAML with aliases, which is not read")
            values += isinstance(event, yaml.NodeEvent)
            if values > MOST_YAML_VALUES:
                raise DocumentationError(f"{what} is YAML of more than {MOST_YAML_VALUES:,} values")
            if isinstance(event, yaml.ScalarEvent) and _is_long_number(event.value):
                raise DocumentationError(f"{what} holds a number of more than {LONGEST_NUMBER} digits")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise DocumentationError(f"{what} is nested too deeply")
        value: JsonValue = yaml.load(text, Loader=loader)  # noqa: S506  # the safe loader, in C where there is one
    except (yaml.YAMLError, ValueError, RecursionError):
        raise DocumentationError(f"{what} is neither JSON nor YAML") from None
    return _with_text_keys(value)


def _is_long_number(text: str) -> bool:
    return len(text) > LONGEST_NUMBER and text[:1] in "+-.0123456789" and not text[:LONGEST_NUMBER].count(" ")


def _with_text_keys(value: object) -> JsonValue:
    """The same as JSON has it: entries whose key is no text are left out, and a date is a text."""
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value).items()
        return {key: _with_text_keys(item) for key, item in entries if isinstance(key, str)}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in cast("list[object]", value)]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def table(value: object) -> Mapping[str, JsonValue]:
    """An object's entries; nothing if it is no object."""
    return cast("dict[str, JsonValue]", value) if isinstance(value, dict) else {}


def rows(value: object) -> list[JsonValue]:
    """A list's items; nothing if it is no list."""
    return cast("list[JsonValue]", value) if isinstance(value, list) else []


def text(value: object, limit: int = 200) -> str:
    """A text, cut; empty if it is none."""
    return value[:limit] if isinstance(value, str) else ""
