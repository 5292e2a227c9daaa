"""The tools' schemas, made from their types once and kept in `schemas.json`: making them anew would be most of a start.

`python -m scripts.schemas` writes the file; a test and `make check` compare it with the types.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, JsonValue, create_model

from leadbridge.server.services.view import LARGEST_EXACT

FILE = "schemas.json"


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


def input_schema(name: str, model: type[Arguments] | None = None) -> dict[str, Any] | None:
    """A tool's input schema as it is kept; made from its model, if one is given."""
    return _kept()["inputs"].get(name) if model is None else published(model.model_json_schema())


def output_schema(signature: inspect.Signature) -> dict[str, Any]:
    """The schema of what a tool returns, as it is kept; else from its model."""
    model = output_model(signature)
    return _kept()["outputs"].get(_key(model)) or _made(model)


def output_model(signature: inspect.Signature) -> type[BaseModel]:
    """The model in `Annotated[CallToolResult, Model]`."""
    return get_args(signature.return_annotation)[1]


def made(tools: Iterable[tuple[str, type[Arguments], type[BaseModel]]]) -> dict[str, dict[str, Any]]:
    """All schemas, from the types: what the file must hold."""
    inputs: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name, arguments, output in tools:
        inputs[name] = published(arguments.model_json_schema())
        outputs[_key(output)] = _made(output)
    return {"inputs": inputs, "outputs": dict(sorted(outputs.items()))}


def published(schema: Any) -> Any:
    """A JSON schema as hosts take it: nothing to look up, nothing that one of them refuses, nothing that says nothing.

    References are filled in. Left out are titles and null defaults, bounds beyond what JavaScript counts exactly, and
    the schemas of free keys; the check of an argument still holds them.
    """
    return _published(schema, schema.get("$defs", {}))


@cache
def _kept() -> Mapping[str, dict[str, Any]]:
    return json.loads(files("leadbridge.server.mcp").joinpath(FILE).read_text("utf-8"))


@cache
def _made(model: type[BaseModel]) -> dict[str, Any]:
    return published(model.model_json_schema(mode="serialization"))


def _key(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


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
    return key in {"$ref", "$defs"} or (key == "default" and value is None)
