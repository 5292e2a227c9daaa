"""Reads JSON and YAML that somebody else wrote: bounded in size and depth, and without YAML's aliases.

An alias lets a short text stand for a huge one; OpenAPI has `$ref` instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from server.contract.web import LARGEST_ANSWER, DocumentationError

LARGEST_YAML = 3_000_000
"""Characters; YAML is read far more slowly than JSON."""
DEEPEST = 60


def document_of(text: str, what: str) -> JsonValue:
    """The value of a JSON or YAML text.

    Raises:
        DocumentationError: `what` is neither, or out of bounds.
    """
    if len(text) > LARGEST_ANSWER:
        raise DocumentationError(f"{what} is larger than {LARGEST_ANSWER // 1_000_000} MB")
    if text.lstrip()[:1] in {"{", "["}:
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
    depth = 0
    try:
        for event in cast("Any", yaml).parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise DocumentationError(f"{what} is YAML with aliases, which is not read")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise DocumentationError(f"{what} is nested too deeply")
        value: JsonValue = yaml.load(text, Loader=loader)  # noqa: S506  # the safe loader, in C where there is one
    except (yaml.YAMLError, ValueError, RecursionError):
        raise DocumentationError(f"{what} is neither JSON nor YAML") from None
    return value


def table(value: object) -> Mapping[str, JsonValue]:
    """An object's entries with text keys; nothing if it is no object."""
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in cast("dict[object, JsonValue]", value).items() if isinstance(key, str)}


def rows(value: object) -> list[JsonValue]:
    """A list's items; nothing if it is no list."""
    return cast("list[JsonValue]", value) if isinstance(value, list) else []


def text(value: object, limit: int = 200) -> str:
    """A text, cut; empty if it is none."""
    return value[:limit] if isinstance(value, str) else ""
