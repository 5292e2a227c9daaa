"""Which kind of document a file is: the two that are read, and what the others are called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from leadbridge.server.contract.documents import document_of, table
from leadbridge.server.contract.openapi import Documented, operations_in
from leadbridge.server.contract.postman import is_postman, requests_in
from leadbridge.server.contract.web import DocumentationError

READ = "an OpenAPI document (JSON or YAML) or a Postman collection is needed"

_BY_TEXT = (
    (re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE), "a web page"),
    (re.compile(r"\s*<\?xml|\s*<[a-z]", re.IGNORECASE), "XML"),
    (re.compile(r"#%RAML"), "RAML"),
    (re.compile(r"FORMAT:\s*\w+"), "an API Blueprint"),
    (
        re.compile(
            r'(?:[\s,]++|#[^\n]*+|"""(?s:.*?)""")*+(?:extend\s+)?'
            r"(?:schema|(?:type|input|interface|enum)\s+\w+)\s[^{\n]*+\s*+\{"
        ),
        "a GraphQL schema",
    ),
    (re.compile(r"(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s+\S+|curl\s"), "a list of requests"),
    (re.compile(r"%PDF"), "a PDF"),
    (re.compile(r"#+ "), "Markdown"),
)
"""How texts begin that are neither JSON nor YAML, or that YAML takes for one long word."""

_BY_KEY = (
    ("swagger", "a Swagger 2.0 document; https://converter.swagger.io makes OpenAPI 3 of it"),
    ("asyncapi", "an AsyncAPI document"),
    ("_postman_variable_scope", "a Postman environment; export the collection"),
    ("collections", "a Postman backup of several collections; export one collection"),
    ("_type", "an Insomnia export; export it as OpenAPI"),
    ("log", "a recording of a browser (HAR)"),
    ("__schema", "a GraphQL schema"),
    ("data", "an answer of a service"),
    ("results", "an answer of a service"),
    ("operations", "a contract file of LeadBridge"),
    ("$schema", "a JSON Schema"),
    ("requests", "a Postman collection of version 1; export it as v2.1"),
)
"""Names at the top of documents that are not read, the more telling ones first."""


def described_in(text: str, what: str) -> list[Documented]:
    """The operations of an OpenAPI document or a Postman collection.

    Raises:
        DocumentationError: `what` is something else, says what, or is out of bounds.
    """
    named = next((name for form, name in _BY_TEXT if form.match(text.lstrip("\ufeff"))), "")
    if named and named != "Markdown":
        raise _another(what, named)
    document = table(value := document_of(text, what))
    if is_postman(document):
        found = requests_in(document)
        if not found:
            raise DocumentationError(f"{what} is a Postman collection without a request that can be read")
        return found
    if "swagger" not in document and isinstance(document.get("paths"), dict):
        return operations_in(value)
    raise _another(what, named or _kind_of(document, value))


def _kind_of(document: Mapping[str, JsonValue], value: JsonValue) -> str:
    if document:
        known = (name for key, name in _BY_KEY if key in document)
        return next(known, "an OpenAPI document without paths" if "openapi" in document else "something else")
    return "a list" if isinstance(value, list) else "plain text" if isinstance(value, str) else "empty"


def _another(what: str, named: str) -> DocumentationError:
    return DocumentationError(f"{what} is {named}, and {READ}")
