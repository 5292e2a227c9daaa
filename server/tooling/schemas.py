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
    return _kept()["inputs"].get(name) if model is None else slim(model.model_json_schema())


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
        inputs[name] = slim(arguments.model_json_schema())
        outputs[_key(output)] = _made(output)
    return {"inputs": inputs, "outputs": dict(sorted(outputs.items()))}


def slim(schema: Any) -> Any:
    """A JSON schema without titles and null defaults, which cost tokens and tell nothing."""
    return _slim(schema)


@cache
def _kept() -> Mapping[str, dict[str, Any]]:
    return json.loads(files("server.tooling").joinpath(FILE).read_text("utf-8"))


@cache
def _made(model: type[BaseModel]) -> dict[str, Any]:
    return slim(model.model_json_schema(mode="serialization"))


def _key(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _slim(schema: JsonValue) -> JsonValue:
    if isinstance(schema, list):
        return [_slim(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, JsonValue] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            kept[key] = {name: _slim(row) for name, row in value.items()}
        elif not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None):
            kept[key] = _slim(value)
    return kept
