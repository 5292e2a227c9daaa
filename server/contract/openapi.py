"""Operations out of an OpenAPI document: method, path, and the names of parameters and body fields.

What is read is data. Descriptions are not even looked at; names are checked when they are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from leadbridge.server.contract.documents import rows, table, text
from leadbridge.server.contract.web import DocumentationError

METHODS = ("get", "post", "put", "patch", "delete")
MOST_OPERATIONS = 2_000
MOST_FIELDS = 400
_DEEPEST = 4
"""Objects within objects of a body whose fields are named, as `customer.email`."""
_MOST_REFS = 30
_MOST_PARTS = 50
_LONGEST_PATH = 500
MOST_SCHEMAS = 200_000
"""Schemas looked at for one document, whatever refers to what; a large service's document has some 50,000."""


@dataclass(frozen=True, slots=True)
class DocumentedName:
    """A parameter or field: its type (empty if not given), whether it is required, and its allowed values."""

    type: str = ""
    required: bool = False
    values: tuple[str, ...] = ()
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Documented:
    """An operation as a service documents it. `None` for names that it does not give at all."""

    method: str
    path: str
    names: tuple[str, ...]
    """What it is called: operationId, summary, slug of its page."""
    server: str = ""
    query: Mapping[str, DocumentedName] | None = None
    body: Mapping[str, DocumentedName] | None = None


@dataclass(slots=True)
class Whole:
    """A document, what each reference in it means, and how many of its schemas may still be looked at."""

    root: Mapping[str, JsonValue]
    bodies: dict[str, Mapping[str, DocumentedName] | None] = field(
        default_factory=dict[str, Mapping[str, DocumentedName] | None]
    )
    """The fields of bodies that were referred to before."""
    _left: int = MOST_SCHEMAS
    _known: dict[str, Mapping[str, JsonValue]] = field(default_factory=dict[str, Mapping[str, JsonValue]])

    def resolved(self, value: object) -> Mapping[str, JsonValue]:
        """An object, its `$ref` within the document followed; a loop, or a reference elsewhere, gives nothing.

        Raises:
            DocumentationError: too many schemas were looked at.
        """
        self._left -= 1
        if self._left < 0:
            raise DocumentationError(f"its operations refer to more than {MOST_SCHEMAS:,} schemas")
        found = table(value)
        reference = found.get("$ref")
        if not isinstance(reference, str):
            return found
        if reference not in self._known:
            self._known[reference] = self._followed(reference)
        return self._known[reference]

    def _followed(self, reference: str) -> Mapping[str, JsonValue]:
        for _ in range(_MOST_REFS):
            if not reference.startswith("#/"):
                break
            target: object = self.root
            for part in reference[2:].split("/")[:_MOST_PARTS]:
                target = table(target).get(part.replace("~1", "/").replace("~0", "~"))
            found = table(target)
            following = found.get("$ref")
            if not isinstance(following, str):
                return found
            reference = following
        return {}


def operations_in(document: JsonValue) -> list[Documented]:
    """Every operation of an OpenAPI document, or of a Mintlify page's older form of one.

    Raises:
        DocumentationError: it takes too long to read.
    """
    whole = Whole(table(document))
    paths = table(whole.root.get("paths"))
    servers = whole.root.get("servers")
    if isinstance(paths.get("path"), str) and isinstance(paths.get("method"), str):
        return [_mintlify(paths)] if text(paths["method"]).lower() in METHODS else []
    found: list[Documented] = []
    for path, item in paths.items():
        shared = {**whole.resolved(item), **table(item)}
        for method in METHODS if len(path) <= _LONGEST_PATH else ():
            if method in shared and len(found) < MOST_OPERATIONS:
                given = {"servers": shared.get("servers", servers), "parameters": shared.get("parameters")}
                found.append(operation_of(path, method, shared[method], whole=whole, given=given))
    return found


def operation_of(
    path: str,
    method: str,
    value: JsonValue,
    *,
    whole: Whole,
    given: Mapping[str, JsonValue] | None = None,
) -> Documented:
    """One operation object of OpenAPI; `given` holds servers and parameters that its path or document gives."""
    operation, outer = table(value), given or {}
    listed = [*rows(outer.get("parameters")), *rows(operation.get("parameters"))][:MOST_FIELDS]
    parameters = [whole.resolved(item) for item in listed]
    query = {
        text(parameter.get("name")): _name(parameter.get("schema"), whole, required=parameter.get("required") is True)
        for parameter in parameters
        if parameter.get("in") == "query" and text(parameter.get("name"))
    }
    servers = rows(operation.get("servers", outer.get("servers")))
    names_given = "parameters" in operation or "requestBody" in operation or "responses" in operation
    return Documented(
        method=method.upper(),
        path=path,
        names=tuple(name for name in (text(operation.get("operationId")), text(operation.get("summary"))) if name),
        server=text(table(servers[0]).get("url")) if servers else "",
        query=query if names_given else None,
        body=body_of(operation.get("requestBody"), whole)
        if "requestBody" in operation
        else ({} if names_given else None),
    )


def body_of(value: JsonValue, whole: Whole) -> Mapping[str, DocumentedName] | None:
    """The fields of a request body, given as OpenAPI's object, its content, or the bare schema."""
    body = whole.resolved(value)
    content = table(body.get("content")) or {key: item for key, item in body.items() if "/" in key}
    schema = body
    if content:
        json_like = next((item for key, item in content.items() if "json" in key), next(iter(content.values())))
        schema = table(json_like).get("schema", {})
    elif "schema" in body:
        schema = body["schema"]
    reference = table(schema).get("$ref")
    if isinstance(reference, str) and reference in whole.bodies:
        return whole.bodies[reference]
    fields: dict[str, DocumentedName] = {}
    for name, found in _fields(schema, whole, "", _Budget()):
        fields.setdefault(name, found)
        if len(fields) >= MOST_FIELDS:
            break
    if isinstance(reference, str):
        whole.bodies[reference] = fields or None
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
    schema: object, whole: Whole, prefix: str, budget: _Budget, depth: int = 0
) -> Iterator[tuple[str, DocumentedName]]:
    """Fields of an object schema, those of objects in it with a dot. Loops end at a depth, and with the budget."""
    if depth > _DEEPEST or not budget.spend():
        return
    resolved = whole.resolved(schema)
    for part in (part for kind in ("allOf", "oneOf", "anyOf") for part in rows(resolved.get(kind))):
        yield from _fields(part, whole, prefix, budget, depth + 1)
    required = {name for name in rows(resolved.get("required")) if isinstance(name, str)}
    for name, value in table(resolved.get("properties")).items():
        if not budget.spend():
            return
        found = _name(value, whole, required=name in required)
        yield prefix + name, found
        if found.type == "object":
            yield from _fields(value, whole, f"{prefix}{name}.", budget, depth + 1)


def _name(schema: object, whole: Whole, *, required: bool) -> DocumentedName:
    resolved = whole.resolved(schema)
    for kind in ("allOf", "oneOf", "anyOf"):  # "this or null" is how many frameworks write what may be empty
        arms = [whole.resolved(arm) for arm in rows(resolved.get(kind))[:_MOST_PARTS]]
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


def _mintlify(paths: Mapping[str, JsonValue]) -> Documented:
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
