"""Documents that somebody else wrote: whatever refers to whatever in them, one of them is read within its bounds."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

import pytest

from leadbridge.server.contract.documents import document_of
from leadbridge.server.contract.openapi import MOST_OPERATIONS, Documented, operations_in
from leadbridge.server.contract.web import DocumentationError


def referring(count: int, end: dict[str, Any]) -> dict[str, Any]:
    """Schemas of which each refers to the next one."""
    chain = {f"C{n}": {"$ref": f"#/components/schemas/C{n + 1}"} for n in range(count)}
    return {**chain, f"C{count}": end}


def document(schemas: dict[str, Any], body: Any, operations: int = 50) -> dict[str, Any]:
    content = {"application/json": {"schema": body}}
    one = {"requestBody": {"content": content}, "responses": {}}
    return {
        "components": {"schemas": schemas},
        "paths": {f"/p{n}/": {"post": one, "put": one} for n in range(operations)},
    }


FIRST = {"$ref": "#/components/schemas/C0"}
BODY = {"$ref": "#/components/schemas/B"}
WIDE = {f"f{n}": {"$ref": f"#/components/schemas/S{n}"} for n in range(400)}
FIELDS = {f"f{n}": FIRST for n in range(400)}
KNOTS = {f"K{n}": {"allOf": [{"$ref": f"#/components/schemas/K{k}"} for k in range(40)]} for n in range(40)}
PARAMETERS = [{"in": "query", "name": f"q{n}", "schema": {"anyOf": [FIRST] * 50}} for n in range(400)]
HEAVY: dict[str, Any] = {
    "a chain in each field": document(referring(28, {"type": "string"}), {"properties": FIELDS}),
    "one body for all": document({**referring(28, {}), "B": {"properties": FIELDS}}, BODY, 1_000),
    "knots": document(KNOTS, {"$ref": "#/components/schemas/K0"}, 1_000),
    "a loop": document({"C0": {"$ref": "#/components/schemas/C0"}}, {"properties": FIELDS}),
    "deep references": document({}, {"$ref": "#/" + "a/" * 10_000}),
    "parameters": {
        "paths": {f"/p{n}/": {"get": {"parameters": PARAMETERS}} for n in range(4)},
        "components": {"schemas": referring(25, {})},
    },
    "long paths": {"paths": {"/" + "light/" * 30_000 + f"{n}": {"get": {"responses": {}}} for n in range(20)}},
    "wide components": document({f"S{n}": {} for n in range(60_000)}, {"properties": WIDE}),
}  # fmt: skip


def read(text: str) -> list[Documented] | str:
    """The operations, or why they are not read."""
    try:
        return operations_in(document_of(text, "It"))
    except DocumentationError as error:
        return str(error)


@pytest.mark.parametrize("kind", HEAVY)
def test_a_document_whose_parts_stand_for_many_others_is_read_or_refused_soon(kind: str) -> None:
    text = json.dumps(HEAVY[kind])
    began = time.process_time()
    found = read(text)
    assert time.process_time() - began < 5
    assert "more than 200,000 schemas" in found if isinstance(found, str) else len(found) <= MOST_OPERATIONS


def test_a_body_that_many_operations_share_is_read_for_each_of_them() -> None:
    found = read(json.dumps(HEAVY["one body for all"]))
    assert isinstance(found, list)
    assert {len(one.body or {}) for one in found} == {400}
    assert len(found) == MOST_OPERATIONS


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x: [" + "a," * 400_000 + "a]\n", "YAML of more than 250,000 values"),
        ("x: &a [1]\ny: *a\n", "aliases"),
        ("x: " + "[" * 200 + "]" * 200, "nested too deeply"),
        ("x: " + "1:" * 200_000 + "1\n", "a number of more than 300 digits"),
        ("x: " + "9" * 200_000 + "\n", "a number of more than 300 digits"),
        ('{"x": ' + "9" * 200_000 + "}", "a number of more than 300 digits"),
        ("[" + "{}," * 1_000_000 + "{}]", "more than 500,000 values"),
        ("[" * 200_000, "nested too deeply"),
        ("x: " + "? " * 500, "neither JSON nor YAML|nested too deeply"),
    ],
    ids=lambda value: value[:12],
)
def test_a_text_that_would_fill_memory_or_time_is_refused_in_words(text: str, why: str) -> None:
    began = time.process_time()
    with pytest.raises(DocumentationError, match=why):
        document_of(text, "It")
    assert time.process_time() - began < 5


def test_yaml_gives_what_json_can_say() -> None:
    value = document_of("2026-01-02: x\na: 2026-01-02\n3: y\nb: [1, 2.5, null, yes]\n", "It")
    assert value == {"a": "2026-01-02", "b": [1, 2.5, None, True]}


PIECES = [
    "paths:", "  /a/{id}/:", "    get:", "      parameters:", "        - {in: query, name: q, schema: {$ref: '#/x'}}",
    "      requestBody: {$ref: '#/paths'}", "    post: [", "]", "x: &a 1", "y: *a", "? [a, b]", "<<: {a: 1}",
    "!!python/x y", "- - - -", "'", '"', "|", ">", "#", "%YAML 1.1", "---", "...", "{", "}", "\t", ": :", "1:1:1",
    "0x1F", ".inf", "~", "=",
]  # fmt: skip


def test_any_mixture_of_pieces_is_read_or_refused_in_words() -> None:
    for seed in range(600):
        random = Random(seed)
        text = random.choice(["\n", "\n  ", " ", ""]).join(random.choices(PIECES, k=random.randrange(1, 14)))
        read(text)
        read("{" + text)
