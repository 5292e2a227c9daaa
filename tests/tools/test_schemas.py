"""The public surface: every tool's definition as clients see it, as it is recorded and as facts.

`make schemas` writes `server/mcp/definitions/`; the difference belongs in the review.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import anyio
import jsonschema
import pytest
import quicktok

from leadbridge.server.cli.tool_table import default_tools
from scripts.schemas import current, kept
from tests.cases import BY_NAME
from tests.support import EVERY_TOOL, Time, Version, call, connected, make_sandbox, text_of

HINTS = {
    "read": (True, False, True),
    "reversible": (False, False, True),
    "additive": (False, False, False),
    "irreversible": (False, True, False),
}
"""Effect: read-only, destructive, idempotent."""
OBJECTS = {"extra_info", "extra_filters"}
BOUNDS = {
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "string": {"minLength", "maxLength", "enum"},
    "boolean": set(),
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties", "maxProperties"},
}
"""The keywords that hosts take, by type. One or another refuses `format: date`, `exclusiveMinimum`, `pattern`, `anyOf`,
`$ref`, lists of types and schemas without a type: the whole session ends with a 400, or the tool is not shown."""
PREFIXES = ("mcp__leadbridge__", "mcp__claude_ai_LeadBridge__", "mcp__plugin_leadbridge_leads__")
LONGEST_NAME = 64
"""Characters of a tool's name as models may be given it."""
JAVASCRIPTS_LARGEST = 2**53 - 1
ORDERS = re.compile(
    r"\b(never|always|do not|don't|must|should|please|make sure|ensure|remember|avoid|only if|rely on|leave \w+ out)\b"
    r"|\b(ask|tell|show) the user\b|\bcall (it|this|again|\w+_\w+)\b"
    r"|(^|[.:;] )(use|give|take|go on|call|look|check|ask|set|pass|provide|choose|prefer|wait|stop|say) ",
    re.IGNORECASE,
)
"""Orders to the assistant. Directories of connectors refuse them in a description as prompt injection."""


async def definitions_of(version: Version) -> dict[str, dict[str, Any]]:
    """Every tool as it goes over the wire, all toolsets on and every path known."""
    async with connected(make_sandbox(Time()), version=version, **EVERY_TOOL) as client:
        listed = await client.list_tools()
    assert listed.next_cursor is None
    return {tool.name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools}


@pytest.fixture(scope="module")
def definitions() -> dict[str, dict[str, Any]]:
    """All definitions, read once for all facts."""
    return anyio.run(definitions_of, "modern")


def inner(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and every schema in it."""
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            for part in value.values() if key in {"properties", "$defs"} else [value]:
                yield from inner(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from inner(part)


def test_the_recorded_definitions_are_those_that_the_types_make():
    assert kept() == current(), "run `make schemas`"


async def test_clients_see_every_definition_as_it_was_reviewed(version: Version):
    assert await definitions_of(version) == {
        name.removesuffix(".json"): json.loads(text) for name, text in kept().items()
    }


def test_all_four_hints_follow_from_the_effect(definitions):
    for name, definition in definitions.items():
        case = BY_NAME[name]
        read_only, destructive, idempotent = HINTS[case.effect]
        hints = {
            "readOnlyHint": read_only, "destructiveHint": destructive, "idempotentHint": idempotent,
            "openWorldHint": bool(case.sends),
        }  # fmt: skip
        assert definition["annotations"] == hints, name


def test_every_tool_has_a_title_and_an_output_schema(definitions):
    for name, definition in definitions.items():
        assert 3 < len(definition["title"]) <= 60, name
        output = definition["outputSchema"]
        assert output["type"] == "object"
        assert output["properties"]
        jsonschema.Draft202012Validator.check_schema(output)


def test_every_input_schema_is_closed_and_valid(definitions):
    for name, definition in definitions.items():
        schema = definition["inputSchema"]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False, name
        assert set(schema) <= {"type", "properties", "required", "additionalProperties", "$schema"}, name


@pytest.mark.parametrize("kind", ["inputSchema", "outputSchema"])
def test_every_schema_has_one_type_and_the_keywords_that_every_host_takes(definitions, kind: str):
    for name, definition in definitions.items():
        for schema in inner(definition[kind]):
            told_id = kind == "outputSchema" and schema["type"] == ["integer", "string"]
            keywords = BOUNDS["integer" if told_id else schema["type"]] | {"type", "description", "default", "$schema"}
            assert set(schema) <= keywords, (name, schema)
            assert schema.get("additionalProperties", False) is False, (name, schema)
            assert schema.get("default", 0) is not None, (name, schema)
            assert None not in schema.get("enum", [])
            assert (schema["type"] == "array") == ("items" in schema), (name, schema)


def test_no_number_in_a_schema_is_larger_than_javascript_counts(definitions):
    for name, definition in definitions.items():
        for schema in (*inner(definition["inputSchema"]), *inner(definition["outputSchema"])):
            numbers = [value for value in schema.values() if isinstance(value, (int, float))]
            assert all(abs(number) <= JAVASCRIPTS_LARGEST for number in numbers), (name, schema)


def test_every_name_fits_behind_the_prefixes_of_hosts(definitions):
    assert {prefix + name for prefix in PREFIXES for name in definitions if len(prefix + name) > LONGEST_NAME} == set()


async def test_what_the_check_demands_the_schema_says_too():
    too_much = {
        "string": "x" * 25_000, "integer": JAVASCRIPTS_LARGEST, "number": 1e300, "array": [1] * 500, "boolean": True,
        "object": {f"key{number}": "x" for number in range(500)},
    }  # fmt: skip
    too_little = {"string": "x", "integer": 0, "number": 0, "array": [], "boolean": True, "object": {}}
    said = {
        r"must have at most (\d+) (?:characters|entries)": ("maxLength", "maxItems", "maxProperties"),
        r"must have at least (\d+) (?:characters|entries)": ("minLength", "minItems"),
        r"must be at most ([\d.e+]+)": ("maximum",),
        r"must be at least ([\d.-]+)": ("minimum",),
    }
    seen: set[str] = set()
    async with connected(make_sandbox(Time()), **EVERY_TOOL) as client:
        for tool in (await client.list_tools()).tools:
            properties = tool.input_schema["properties"]
            for values in (too_much, too_little):
                arguments = {name: values[schema["type"]] for name, schema in properties.items()}
                message = text_of(await call(client, tool.name, **arguments))
                for name, schema in properties.items():
                    for pattern, keywords in said.items():
                        if bound := re.search(rf"\b{name}: {pattern}", message):
                            seen.update(keywords)
                            assert float(bound[1]) in {schema.get(key) for key in keywords}, (tool.name, name, message)
    assert seen == {key for keywords in said.values() for key in keywords}


def test_every_argument_has_one_type_and_no_object_but_two(definitions):
    for name, definition in definitions.items():
        for argument, schema in definition["inputSchema"].get("properties", {}).items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", argument)
            assert schema["type"] in {"string", "integer", "number", "boolean", "object", "array"}, (name, argument)
            assert (schema["type"] == "object") == (argument in OBJECTS), (name, argument)
            if "enum" in schema:
                assert len(set(schema["enum"])) == len(schema["enum"]) > 1


def test_limits_stand_in_the_schemas(definitions):
    for tool in definitions:
        for name, schema in definitions[tool]["inputSchema"].get("properties", {}).items():
            if name.endswith("_id") and schema["type"] == "integer":
                assert schema["minimum"] == 1, (tool, name)
            if name == "reason":
                assert (schema["minLength"], schema["maxLength"]) == (1, 500), tool
            if name.endswith(("_date", "_from", "_to")) or name == "since":
                assert schema["type"] == "string", (tool, name)
                assert "YYYY-MM-DD" in schema["description"], (tool, name)


def test_every_write_has_a_dry_run_and_every_gated_one_a_token(definitions):
    for name, definition in definitions.items():
        arguments = definition["inputSchema"].get("properties", {})
        case = BY_NAME[name]
        assert ("dry_run" in arguments) == case.writes, name
        assert ("approval_token" in arguments) == case.may_ask, name
        if case.writes:
            assert arguments["dry_run"] == {**arguments["dry_run"], "type": "boolean", "default": False}
        assert {"dry_run", "approval_token"}.isdisjoint(definition["inputSchema"].get("required", []))
        # No argument is a yes by itself.
        assert not {"confirm", "confirmed", "approved", "force", "yes"} & set(arguments)


def test_every_description_fits_and_says_more_than_what_the_tool_does(definitions):
    for name, definition in definitions.items():
        first = re.split(r"(?<=[.:;])\s", definition["description"], maxsplit=1)[0]
        assert len(first) + 20 < len(definition["description"]) <= 1024, name
        for argument, schema in definition["inputSchema"].get("properties", {}).items():
            assert len(schema.get("description", "")) <= 200, (name, argument)


def test_descriptions_state_facts_and_give_no_orders(definitions):
    for name, definition in definitions.items():
        of_tool = definition["description"].partition(" ")[2]  # its first word is what the tool does
        schemas = (*inner(definition["inputSchema"]), *inner(definition["outputSchema"]))
        for text in (of_tool, *(schema["description"] for schema in schemas if "description" in schema)):
            assert not (order := ORDERS.search(" ".join(text.split()))), (name, order)


async def test_prompts_and_instructions_give_no_orders_in_what_hosts_list():
    async with connected(make_sandbox(Time()), **EVERY_TOOL) as client:
        prompts = (await client.list_prompts()).prompts
        instructions = client.instructions or ""
    texts = [str(prompt.description).partition(" ")[2] for prompt in prompts]  # its first word is what it does
    texts += [str(argument.description) for prompt in prompts for argument in prompt.arguments or []]
    assert len(texts) > 2 * len(prompts)
    for text in (*texts, instructions.replace("can never be changed again", "")):  # a fact of RenovationFind's
        assert not (order := ORDERS.search(" ".join(text.split()))), (text, order)


def test_no_description_promises_what_the_schema_does_not_have(definitions):
    """Names in descriptions are arguments or tools that exist."""
    everything = set(definitions)
    arguments = {name for row in definitions.values() for name in row["inputSchema"].get("properties", {})}
    outputs = [schema for row in definitions.values() for schema in inner(row["outputSchema"])]
    fields = {name for schema in outputs for name in schema.get("properties", {})}
    for name, definition in definitions.items():
        for word in re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", definition["description"]):
            assert word in everything | arguments | fields, (name, word)


def test_all_definitions_of_the_default_tools_cost_at_most_6500_tokens(definitions):
    encoding = quicktok.get_encoding("cl100k_base")
    keys = ("name", "title", "description", "inputSchema", "annotations")
    costs = {
        name: len(encoding.encode(json.dumps({key: row[key] for key in keys}, separators=(",", ":"))))
        for name, row in definitions.items()
    }
    assert all(50 < cost <= 600 for cost in costs.values()), costs
    default = {spec.name for spec in default_tools()}  # without those that wait for a path
    assert sum(costs[name] for name in default & set(costs)) <= 6500, costs
