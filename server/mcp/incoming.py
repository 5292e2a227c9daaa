"""What hosts make of a call's arguments on the way, undone before they are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

ADDED_BY_HOSTS = {
    "toolCallId": "https://github.com/n8n-io/n8n/issues/21500",
    "tool": "https://github.com/n8n-io/n8n/issues/21500",
    "sessionId": "https://github.com/n8n-io/n8n/issues/22787",
    "action": "https://github.com/n8n-io/n8n/issues/22787",
    "chatInput": "https://github.com/n8n-io/n8n/issues/22787",
}
"""Names that a host puts into every call, which no person and no model chose, and where that was reported."""

_TEXTS = frozenset({str, SecretStr})


def undone(given: Mapping[str, Any], fields: Mapping[str, FieldInfo], *, reads: bool) -> dict[str, Any]:
    """The arguments as they were meant.

    Left out are names that hosts add, and `null`. Of a tool that only reads also an empty text, list or object for what
    is optional; a write takes none of them for silence. Lists and objects are read from JSON texts, a single value
    for a list is a list of it, and what is not a free text has no blanks at its ends.
    """
    meant: dict[str, Any] = {}
    for name, value in given.items():
        field = fields.get(name)
        if field is None:
            if name not in ADDED_BY_HOSTS:
                meant[name] = value
            continue
        kinds = _kinds(field.annotation)
        bare = value.strip() if isinstance(value, str) and kinds.isdisjoint(_TEXTS) else value
        shaped = _as_object(bare) if dict in kinds else _as_list(bare) if list in kinds else bare
        empty = shaped is None or (reads and not field.is_required() and _is_empty(shaped))
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
