"""The tools' schemas, made from their types once and recorded: making them anew would be most of a start.

`definitions/` has every tool's definition as clients see it, in a file of its own. `python -m scripts.schemas` writes
the files; `make check` and a test compare them with the types.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, JsonValue, create_model

from leadbridge.server.mcp.reply import LARGEST_EXACT

DEFINITIONS = Path(__file__).with_name("definitions")


class Arguments(ArgModelBase):
    """Base of what a tool takes: nothing that it does not name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


@cache
def argument_model(name: str, signature: inspect.Signature, injected: frozenset[str]) -> type[Arguments]:
    """The model of a tool's arguments: its parameters but for those that the server fills in."""
    fields: dict[str, Any] = {
        parameter.name: (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
        for parameter in signature.parameters.values()
        if parameter.name not in injected
    }
    return create_model(f"{name}Arguments", __base__=Arguments, **fields)


def recorded(name: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A tool's input and output schema, unless it is new."""
    try:
        definition = json.loads((DEFINITIONS / f"{name}.json").read_bytes())
    except FileNotFoundError:
        return None
    return definition["inputSchema"], definition["outputSchema"]


def made(arguments: type[Arguments], output: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both, from the types."""
    return published(arguments.model_json_schema()), published(output.model_json_schema(mode="serialization"))


def output_model(signature: inspect.Signature) -> type[BaseModel]:
    """The model in `Annotated[CallToolResult, Model]`."""
    return get_args(signature.return_annotation)[1]


def published(schema: Any) -> Any:
    """A JSON schema as hosts take it: nothing to look up, nothing that one of them refuses, nothing that says nothing.

    References are filled in. Left out are titles, defaults that are nothing, bounds beyond what JavaScript counts
    exactly, and the schemas of free keys; the check of an argument still holds them.
    """
    return _published(schema, schema.get("$defs", {}))


def _published(schema: JsonValue, parts: Mapping[str, dict[str, JsonValue]]) -> JsonValue:
    if isinstance(schema, list):
        return [_published(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = parts[str(schema["$ref"]).rpartition("/")[2]] | schema
    kept: dict[str, JsonValue] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            kept[key] = {name: _published(row, parts) for name, row in value.items()}
        elif not _left_out(key, value):
            kept[key] = _published(value, parts)
    return kept


def _left_out(key: str, value: JsonValue) -> bool:
    if key in {"minimum", "maximum"}:
        return isinstance(value, (int, float)) and abs(value) > LARGEST_EXACT
    if key == "additionalProperties":
        return value is not False
    if key == "title":
        return isinstance(value, str)
    return key in {"$ref", "$defs"} or (key == "default" and value in (None, ""))
