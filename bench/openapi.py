"""An OpenAPI document of the catalog's operations, for FastMCP's `from_openapi`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from leadbridge.server.catalog import load

RENOVATIONFIND_PATH = "/rest-api-v1"


def document(tools: Collection[str], rooflink_path: str) -> dict[str, Any]:
    """Describe the operations behind these tools, both services under one origin.

    The catalog holds names, not types: ids and page numbers are integers, everything else is text, an answer is an
    object. A vendor's document says more, so the definitions made of this one are smaller than they would be.
    """
    prefixes = {"rooflink": rooflink_path, "renovationfind": RENOVATIONFIND_PATH}
    paths: dict[str, dict[str, Any]] = {}
    for operation in load():
        if not operation.path or operation.tool not in tools or operation.api:
            continue
        parameters = [_parameter(name, "path") for name in re.findall(r"\{(\w+)\}", operation.path)]
        parameters += [_parameter(field.wire, "query") for field in operation.query.values()]
        row: dict[str, Any] = {
            "operationId": operation.id.replace(".", "_"),
            "summary": operation.title,
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": _json({"type": "object"})}},
        }
        if operation.body:
            properties = {field.wire: _schema(field.wire) for field in operation.body.values()}
            row["requestBody"] = {"content": _json({"type": "object", "properties": properties})}
        paths.setdefault(prefixes[operation.service] + operation.path, {})[operation.method.lower()] = row
    return {"openapi": "3.1.0", "info": {"title": "Lead services", "version": "1"}, "paths": paths}


def _parameter(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": _schema(name)}


def _schema(name: str) -> dict[str, str]:
    return {"type": "integer" if name in {"page", "page_size"} or name.endswith("_id") else "string"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
