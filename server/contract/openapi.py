"""Operations out of an OpenAPI document: method, path, and the names of parameters and body fields.

What is read is data. Descriptions are not even looked at; names are checked when they are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from server.contract.documents import rows, table, text

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 2_000
MOST_FIELDS = 400
_DEEPEST = 4
"""Objects within objects of a body whose fields are named, as `customer.email`."""
_MOST_REFS = 30
_MOST_PARTS = 50


@dataclass(frozen=True, slots=True)
class DocumentedName:
    """A parameter or field: its type (empty if not told), whether it is required, and its allowed values."""

    type: str = ""
    required: bool = False
    values: tuple[str, ...] = ()
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Documented:
    """An operation as a service documents it. `None` for names that it does not tell at all."""

    method: str
    path: str
    names: tuple[str, ...]
    """What it is called: operationId, summary, slug of its page."""
    server: str = ""
    query: Mapping[str, DocumentedName] | None = None
    body: Mapping[str, DocumentedName] | None = None
    page: str = field(default="", compare=False)


def operations_in(document: JsonValue, page: str = "") -> list[Documented]:
    """Every operation of an OpenAPI document, or of a Mintlify page's older form of one."""
    root = table(document)
    paths = table(root.get("paths"))
    servers = root.get("servers")
    if isinstance(paths.get("path"), str) and isinstance(paths.get("method"), str):
        return [_mintlify(paths, page)] if text(paths["method"]).lower() in METHODS else []
    found: list[Documented] = []
    for path, item in paths.items():
        shared = table(item)
        for method in METHODS:
            if method in shared and len(found) < MOST_OPERATIONS:
                given = {"servers": shared.get("servers", servers), "parameters": shared.get("parameters")}
                found.append(operation_of(path, method, shared[method], root=root, given=given, page=page))
    return found


def operation_of(
    path: str,
    method: str,
    value: JsonValue,
    *,
    root: Mapping[str, JsonValue],
    given: Mapping[str, JsonValue] | None = None,
    page: str = "",
) -> Documented:
    """One operation object of OpenAPI; `given` holds servers and parameters that its path or document tell."""
    operation, outer = table(value), given or {}
    parameters = [
        _resolved(item, root) for item in (*rows(outer.get("parameters")), *rows(operation.get("parameters")))
    ]
    query = {
        text(parameter.get("name")): _name(parameter.get("schema"), root, required=parameter.get("required") is True)
        for parameter in parameters[:MOST_FIELDS]
        if parameter.get("in") == "query" and text(parameter.get("name"))
    }
    servers = rows(operation.get("servers", outer.get("servers")))
    told = "parameters" in operation or "requestBody" in operation or "responses" in operation
    return Documented(
        method=method.upper(),
        path=path,
        names=tuple(name for name in (text(operation.get("operationId")), text(operation.get("summary"))) if name),
        server=text(table(servers[0]).get("url")) if servers else "",
        query=query if told else None,
        body=body_of(operation.get("requestBody"), root) if "requestBody" in operation else ({} if told else None),
        page=page,
    )


def body_of(value: JsonValue, root: Mapping[str, JsonValue]) -> Mapping[str, DocumentedName] | None:
    """The fields of a request body, given as OpenAPI's object, its content, or the bare schema."""
    body = _resolved(value, root)
    content = table(body.get("content")) or {key: item for key, item in body.items() if "/" in key}
    schema = body
    if content:
        json_like = next((item for key, item in content.items() if "json" in key), next(iter(content.values())))
        schema = table(json_like).get("schema", {})
    elif "schema" in body:
        schema = body["schema"]
    fields: dict[str, DocumentedName] = {}
    for name, found in _fields(schema, root, "", _Budget()):
        fields.setdefault(name, found)
        if len(fields) >= MOST_FIELDS:
            break
    return fields or None


@dataclass(slots=True)
class _Budget:
    """How many schemas are looked at for one body, whatever refers to what."""

    left: int = 3_000

    def spend(self) -> bool:
        """Whether there is one more."""
        self.left -= 1
        return self.left >= 0


def _fields(
    schema: object, root: Mapping[str, JsonValue], prefix: str, budget: _Budget, depth: int = 0
) -> Iterator[tuple[str, DocumentedName]]:
    """Fields of an object schema, those of objects in it with a dot. Loops end at a depth, and with the budget."""
    if depth > _DEEPEST or not budget.spend():
        return
    resolved = _resolved(schema, root)
    for part in (part for kind in ("allOf", "oneOf", "anyOf") for part in rows(resolved.get(kind))):
        yield from _fields(part, root, prefix, budget, depth + 1)
    required = {name for name in rows(resolved.get("required")) if isinstance(name, str)}
    for name, value in table(resolved.get("properties")).items():
        if not budget.spend():
            return
        found = _name(value, root, required=name in required)
        yield prefix + name, found
        if found.type == "object":
            yield from _fields(value, root, f"{prefix}{name}.", budget, depth + 1)


def _name(schema: object, root: Mapping[str, JsonValue], *, required: bool) -> DocumentedName:
    resolved = _resolved(schema, root)
    for kind in ("allOf", "oneOf", "anyOf"):  # "this or null" is how many frameworks write what may be empty
        arms = [_resolved(arm, root) for arm in rows(resolved.get(kind))[:_MOST_PARTS]]
        if "type" not in resolved and (
            arm := next((arm for arm in arms if arm.get("type") not in {None, "null"}), None)
        ):
            resolved = {**resolved, **arm}
    kind = resolved.get("type")
    kinds = [kind] if isinstance(kind, str) else [item for item in rows(kind) if isinstance(item, str)]
    if not kinds and "properties" in resolved:
        kinds = ["object"]
    maximum = resolved.get("maximum")
    return DocumentedName(
        type=next((item for item in kinds if item != "null"), ""),
        required=required,
        values=tuple(item for item in rows(resolved.get("enum"))[:_MOST_PARTS] if isinstance(item, str)),
        maximum=maximum if isinstance(maximum, int) and not isinstance(maximum, bool) else None,
    )


def _resolved(value: object, root: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """An object, its `$ref` within the document followed; a loop, or a reference elsewhere, gives nothing."""
    found = table(value)
    for _ in range(_MOST_REFS):
        reference = found.get("$ref")
        if not isinstance(reference, str):
            return found
        if not reference.startswith("#/"):
            return {}
        target: object = root
        for part in reference[2:].split("/"):
            target = table(target).get(part.replace("~1", "/").replace("~0", "~"))
        found = table(target)
    return {}


def _mintlify(paths: Mapping[str, JsonValue], page: str) -> Documented:
    """Mintlify's older form: one operation, its schemas in lists."""
    request = table(paths.get("request"))
    parameters = table(request.get("parameters"))
    query = {name: _first_schema(value) for name, value in table(parameters.get("query")).items()}
    content = next(iter(table(request.get("body")).values()), None)
    schemas = rows(table(content).get("schemaArray"))
    fields: dict[str, DocumentedName] = {}
    for name, value in table(table(schemas[0] if schemas else None).get("properties")).items():
        arms = rows(table(value).get("allOf"))
        fields[name] = _first_schema({"schema": arms} if arms else value)
    servers = rows(paths.get("servers"))
    return Documented(
        method=text(paths.get("method")).upper(),
        path=text(paths.get("path")),
        names=(),
        server=text(table(servers[0]).get("url")) if servers else "",
        query=query,
        body=fields,
        page=page,
    )


def _first_schema(value: JsonValue) -> DocumentedName:
    schemas = rows(table(value).get("schema")) or [value]
    first = table(schemas[0])
    kind = text(first.get("type")).removeprefix("enum<").removesuffix(">")
    return DocumentedName(
        type=kind,
        required=first.get("required") is True,
        values=tuple(item for item in rows(first.get("enum"))[:_MOST_PARTS] if isinstance(item, str)),
    )
