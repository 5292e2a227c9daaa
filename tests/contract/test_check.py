"""`leadbridge contract check`: what the services document against what is sent, and the corrections that mend it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
from mcp import Client
from typer.testing import CliRunner, Result

from leadbridge.server.app import build_server
from leadbridge.server.catalog import load
from leadbridge.server.cli.main import app
from leadbridge.server.contract import web
from tests.contract.standin import Documentation, create_lead, serving
from tests.process.processes import COMMAND
from tests.support import call, make_settings, text_of

CATALOG = load()


def check(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["contract", "check", *arguments], env=environment, catch_exceptions=False)


def from_mcp(documentation: Documentation, *arguments: str, **environment: str) -> Result:
    with serving(documentation.app()) as origin:
        return check("--service", "rooflink", "--mcp", f"{origin}/mcp", *arguments, **environment)


def test_the_documentation_server_corrects_path_and_names(tmp_path: Path):
    documentation, file = Documentation(), tmp_path / "contract.toml"
    result = from_mcp(documentation, "--write", str(file))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    at = lines.index("rooflink.create_lead: differs")
    assert "  path /light/leads/quick/, was /light/jobs/create_customer_and_job/ (inferred)" in lines[at:]
    assert "  body postal_code as zip_code, was zipcode (inferred)" in lines[at:]
    assert result.stdout.index("zip_code") < result.stdout.index(f"Written to {file}")
    assert tomllib.loads(file.read_text("utf-8"))["operations"] == {
        "rooflink.create_lead": {
            "method": "POST",
            "path": "/light/leads/quick/",
            "body": {
                "postal_code": "zip_code", "latitude": "lat", "longitude": "lng", "cell_phone": "mobile",
                "home_phone": "home",
            },
        }
    }  # fmt: skip
    row = load(file)["rooflink.create_lead"]
    assert row.path == "/light/leads/quick/"
    assert row.body["latitude"].wire == "lat"
    assert set(documentation.asked) == {
        "initialize", "notifications/initialized", "tools/list", "list-endpoints", "get-endpoint", "get-request-body",
    }  # fmt: skip
    for line in file.read_text("utf-8").splitlines():
        assert "execute-request" not in line


def test_yaml_answers_are_read_as_well():
    assert "body latitude as lat, was latitude (inferred)" in from_mcp(Documentation(as_yaml=True)).stdout


def test_a_server_of_several_documents_is_asked_for_each_by_its_title():
    tools = ("list-specs", *Documentation().tools)
    result = from_mcp(Documentation(specs=("RoofLink API", "Other"), tools=tools))
    assert "body latitude as lat, was latitude (inferred)" in result.stdout


def test_a_server_that_is_not_there_is_reported_as_such():
    result = check("--service", "rooflink", "--mcp", "http://127.0.0.1:1/mcp")
    assert result.stdout.startswith("RoofLink's documentation server: 127.0.0.1:1 was not reached: the connection to ")
    assert result.stdout.count("\n") == 1


def test_nothing_is_written_that_was_not_asked_for_or_is_there_already(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = from_mcp(Documentation())
    assert "Nothing was written; --write FILE writes it." in result.stdout
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "mine.toml"
    file.write_text("# mine\n", "utf-8")
    result = from_mcp(Documentation(), "--write", str(file))
    assert (result.exit_code, file.read_text("utf-8")) == (1, "# mine\n")
    assert "is there already: nothing was written" in result.stderr
    assert from_mcp(Documentation(), "--write", str(file), "--overwrite").exit_code == 0
    assert "zip_code" in file.read_text("utf-8")


def test_the_users_own_corrections_stay_and_what_is_settled_needs_nothing(tmp_path: Path):
    mine, both = tmp_path / "mine.toml", tmp_path / "both.toml"
    mine.write_text('[operations."rooflink.list_prospects".query]\nrep_id = "my_rep"\n', "utf-8")
    from_mcp(Documentation(), "--write", str(both), LEADBRIDGE_CONTRACT_FILE=str(mine))
    assert load(both)["rooflink.list_prospects"].query["rep_id"].wire == "my_rep"
    assert load(both)["rooflink.create_lead"].body["latitude"].wire == "lat"
    again = from_mcp(Documentation(), "--write", str(tmp_path / "x.toml"), LEADBRIDGE_CONTRACT_FILE=str(both))
    assert "rooflink.create_lead: ok" in again.stdout
    assert "No differences found" in again.stdout
    assert not (tmp_path / "x.toml").exists()


def test_what_is_the_same_is_ok_and_what_is_not_there_is_missing():
    same = create_lead(
        CATALOG["rooflink.create_lead"].path,
        **{name: field.wire for name, field in CATALOG["rooflink.create_lead"].body.items()},
    )
    lines = from_mcp(Documentation(openapi=same)).stdout.splitlines()
    assert "rooflink.create_lead: ok" in lines
    assert "rooflink.get_prospect: missing, not in this documentation" in lines
    assert "1 ok, 0 differs" in lines[-1]


def test_a_slash_or_the_name_of_a_variable_is_not_a_difference(tmp_path: Path):
    operation = {"summary": "x", "parameters": [], "responses": {}}
    paths = {
        "/light/jobs/prospect/{id}": {"get": operation},
        "/light/jobs/prospect/{jobId}/checklist/": {"get": operation},
    }
    result = from_mcp(Documentation(openapi={"paths": paths}))
    assert "rooflink.get_prospect: ok" in result.stdout
    assert "rooflink.prospect_checklist: ok" in result.stdout


def test_a_name_that_may_be_one_of_two_is_reported_and_not_guessed():
    document = create_lead(postal_code="zip")
    properties = document["paths"]["/light/leads/quick/"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    properties["properties"] |= {"zip_code": {"type": "string"}, "roof_colour": {"type": "string"}}
    properties["required"].append("roof_colour")
    result = from_mcp(Documentation(openapi=document))
    assert "  body postal_code: may be zip or zip_code; not guessed" in result.stdout
    assert "  body: required by the documentation, filled by no argument: zip, roof_colour" in result.stdout
    assert "postal_code =" not in result.stdout


def test_filters_values_and_page_sizes_are_compared():
    parameters = [
        {"name": "page", "in": "query", "schema": {"type": "integer"}},
        {"name": "page_size", "in": "query", "schema": {"type": "integer", "maximum": 10}},
        {"name": "stage", "in": "query", "schema": {"type": "string", "enum": ["unverified", "verified", "si"]}},
        {"name": "customer__rep", "in": "query", "schema": {"type": "integer"}},
        {"name": "date_deleted__isnull", "in": "query", "schema": {"type": "boolean"}},
    ]
    operation = {"operationId": "light_jobs_prospect_list", "parameters": parameters, "responses": {}}
    message = from_mcp(Documentation(openapi={"paths": {"/light/jobs/prospect/": {"get": operation}}})).stdout
    assert "  max_page_size 10, was 100" in message
    assert "  query stage as stage, was status (inferred)" in message
    assert "  value stage=verified as verified, was v" in message
    assert "  query stage: the documentation does not list what goes out for inspected, submitted" in message
    assert "  query rep_id as customer__rep, was rep (inferred)" in message
    assert "query: not documented under any known name: rep_2_id, project_manager_id" in message


def test_an_operation_without_a_path_is_given_the_documented_one(tmp_path: Path):
    paths = {
        "/light/customers/{id}/update_email/": {
            "patch": {"summary": "Update customer email", "requestBody": {"content": {"application/json": {
                "schema": {"type": "object", "properties": {"email": {"type": "string"}}}}}}}},
        "/light/notes/{id}/reply/": {"post": {"operationId": "notes_reply_create", "responses": {}}},
    }  # fmt: skip
    from_mcp(Documentation(openapi={"paths": paths}), "--write", str(tmp_path / "c.toml"))
    catalog = load(tmp_path / "c.toml")
    row = catalog["rooflink.update_customer_email"]
    assert (row.method, row.path) == ("PATCH", "/light/customers/{customer_id}/update_email/")
    assert catalog["rooflink.reply_to_note"].path == "/light/notes/{note_id}/reply/"


# OpenAPI


OPENAPI_YAML = """
openapi: 3.0.1
servers:
  - url: https://www.renovationfind.com/rest-api-v1
paths:
  /general-leads/{id}/decline:
    post:
      summary: Decline a lead
      requestBody:
        $ref: '#/components/requestBodies/Decline'
      responses: {}
  /leads/{id}/accept:
    post:
      summary: Accept a lead
      responses: {}
components:
  requestBodies:
    Decline:
      content:
        application/json:
          schema:
            allOf:
              - $ref: '#/components/schemas/Reason'
              - $ref: '#/components/schemas/Loop'
  schemas:
    Reason:
      type: object
      required: [reason]
      properties:
        reason: {type: string}
    Loop:
      allOf:
        - $ref: '#/components/schemas/Loop'
        - $ref: '#/components/schemas/Loop'
      properties:
        again:
          $ref: '#/components/schemas/Loop'
"""


def test_an_openapi_file_of_either_service_is_read_and_loops_in_it_end(tmp_path: Path):
    file = tmp_path / "openapi.yaml"
    file.write_text(OPENAPI_YAML, "utf-8")
    message = check("--openapi", str(file)).stdout
    assert "renovationfind.decline_lead: ok" in message
    assert "  path /leads/{lead_id}/accept, was /general-leads/{lead_id}/accept (documented)" in message
    assert "rooflink." not in message


@pytest.mark.parametrize(
    "text",
    [
        '{"openapi": "3.1.0", "paths": {}}',
        '{"info": {"_postman_id": "1"}, "item": [{"name": "Get", "request": "https://other.example/light/notes/"}]}',
        '{"openapi": "3.1.0", "paths": {"/users/": {"get": {"summary": "List users"}}}}',
    ],
    ids=["empty", "another host", "another program"],
)
def test_a_document_without_an_operation_of_the_service_that_was_named_is_no_success(tmp_path: Path, text: str):
    file = tmp_path / "document.json"
    file.write_text(text)
    result = check("--service", "rooflink", "--openapi", str(file))
    assert result.exit_code == 1
    assert "no operation of RoofLink is in it" in result.output
    assert "missing" not in result.output


def test_an_openapi_document_is_read_from_a_url():
    with serving(Documentation(pages={"/openapi.yaml": OPENAPI_YAML}).app()) as origin:
        assert "renovationfind.decline_lead: ok" in check("--openapi", f"{origin}/openapi.yaml").stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: &a [x]\nb: [*a, *a]", "YAML with aliases"),
        ("[" * 100_000, "nested too deeply"),
        ("a:\n  b: [1\n c", "neither JSON nor YAML"),
        ('{"openapi": "3.1.0", "paths": {}}', "no operation of either service"),
        ("", "is empty"),
        ("{}", "is empty"),
        ("just words", "is plain text"),
        ("[1]", "is a list"),
        ("<!DOCTYPE html><html></html>", "is a web page"),
        ("<?xml version='1.0'?><definitions/>", "is XML"),
        ("#%RAML 1.0\ntitle: x", "is RAML"),
        ("FORMAT: 1A\n# RoofLink", "is an API Blueprint"),
        ("type Query {\n  jobs: [Job]\n}", "is a GraphQL schema"),
        ('# jobs\n\n"""\nThe root\n"""\nextend type Query @key(fields: "id")\n{', "is a GraphQL schema"),
        ("\n" * 500_000 + "x", "is plain text"),
        ("# x\n\n" * 200_000 + "type Query", "is Markdown"),
        ("# RoofLink\n\nCall `GET /jobs`.", "is Markdown"),
        ("curl https://example.com/", "is a list of requests"),
        ('{"swagger": "2.0", "paths": {"/x": {}}}', "is a Swagger 2.0 document"),
        ('{"asyncapi": "2.6.0", "channels": {}}', "is an AsyncAPI document"),
        ('{"openapi": "3.1.0"}', "is an OpenAPI document without paths"),
        ('{"_postman_variable_scope": "environment", "values": []}', "is a Postman environment"),
        ('{"info": {"_postman_id": "x"}, "item": []}', "is a Postman collection without a request that can be read"),
        ('{"_type": "export", "resources": []}', "is an Insomnia export"),
        ('{"log": {"entries": []}}', "is a recording of a browser (HAR)"),
        ('{"results": [{"id": 7}]}', "is an answer of a service"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}', "is a JSON Schema"),
        ('{"operations": {}}', "is a contract file of LeadBridge"),
        (" " * (web.LARGEST_ANSWER + 1), "larger than 5 MB"),
    ],
)
def test_a_document_that_cannot_be_used_is_reported_in_one_line(tmp_path: Path, content: str, message: str):
    file = tmp_path / "openapi"
    file.write_text(content, "utf-8")
    result = check("--openapi", str(file))
    (line,) = result.stdout.splitlines()
    assert message in line
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "more",
    [
        "x-schema: {type: integer}\n",
        "x:\n- schema: { $ref: '#/components/schemas/Page' }\n",
        "x-note: |\n  type Query {\n    a: Int\n  }\n",
    ],
)
def test_an_openapi_document_in_which_braces_follow_a_schema_is_read(tmp_path: Path, more: str):
    file = tmp_path / "openapi.yaml"
    file.write_text(OPENAPI_YAML + more, "utf-8")
    assert "renovationfind.decline_lead: ok" in check("--openapi", str(file)).stdout


def test_a_path_that_refers_to_its_operations_is_read(tmp_path: Path):
    refers = OPENAPI_YAML.replace(
        "  /general-leads/{id}/decline:\n",
        "  /general-leads/{id}/decline: {$ref: '#/x-items/decline'}\nx-items:\n  decline:\n",
    ).replace("  /leads/{id}/accept:\n", "  accept:\n")
    file = tmp_path / "openapi.yaml"
    file.write_text(refers, "utf-8")
    assert "renovationfind.decline_lead: ok" in check("--openapi", str(file)).stdout


# What is left to a person


OTHER_NAMES = create_lead(
    CATALOG["rooflink.create_lead"].path,
    **{name: field.wire for name, field in CATALOG["rooflink.create_lead"].body.items()} | {
        "first_name": "given", "last_name": "surname"},
)  # fmt: skip


@pytest.fixture
def other_names(tmp_path: Path) -> str:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(OTHER_NAMES), "utf-8")
    return str(file)


def test_what_the_documentation_has_left_over_is_listed_and_can_be_settled(other_names: str, tmp_path: Path):
    message = check("--openapi", other_names).stdout
    assert "  body: not documented under any known name: first_name, last_name" in message
    assert "  body: documented, and sent by no argument: given, surname" in message
    file = tmp_path / "c.toml"
    more = ("--set", "create_lead.first_name=given", "--set", "rooflink.create_lead.last_name = surname")
    result = check("--openapi", other_names, *more, "--write", str(file))
    assert (result.exit_code, "sent by no argument" in result.stdout) == (0, False)
    assert "  body first_name as given, was first_name" in result.stdout
    row = load(file)["rooflink.create_lead"]
    assert (row.body["first_name"].wire, row.body["last_name"].wire, row.undocumented) == ("given", "surname", ())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("create_lead.first_name", "must be OPERATION.ARGUMENT=NAME"),
        ("make_lead.first_name=given", "must be OPERATION.ARGUMENT=NAME"),
        ("create_lead.given=surname", "no argument 'given'; it has: "),
        ("create_lead.first_name=first", "not a documented name of its body; left over there: given, surname"),
        ("create_lead.first_name=city", "have the same name 'city'"),
        ("get_prospect.prospect_id=job", "get_prospect"),
    ],
)
def test_a_name_that_cannot_be_settled_so_is_wrong_use(other_names: str, tmp_path: Path, given: str, message: str):
    result = check("--openapi", other_names, "--set", given, "--write", str(tmp_path / "c.toml"))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "c.toml").exists()


def test_in_a_terminal_each_name_is_asked_for(other_names: str, tmp_path: Path):
    file = tmp_path / "c.toml"
    command = [*COMMAND, "contract", "check", "--service", "rooflink", "--openapi", other_names, "--write", str(file)]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, b"given\n\n")
        shown = b""
        with suppress(OSError):  # the other end is closed at the end of the process
            while chunk := os.read(ours, 4096):
                shown += chunk
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"Which of them is first_name? (empty: none)" in shown
    assert b"Which of them is last_name? (empty: none)" in shown
    row = load(file)["rooflink.create_lead"]
    assert (row.body["first_name"].wire, row.undocumented) == ("given", ("last_name",))


@pytest.fixture
def checked_file(other_names: str, tmp_path: Path) -> Path:
    assert check("--openapi", other_names, "--write", str(tmp_path / "c.toml")).exit_code == 0
    return tmp_path / "c.toml"


def test_the_contract_shows_which_names_are_not_documented(checked_file: Path):
    shown = CliRunner().invoke(app, ["contract", "show"], env={"LEADBRIDGE_CONTRACT_FILE": str(checked_file)}).stdout
    assert "LEADBRIDGE_CONTRACT_FILE: not in the documentation that was checked: first_name, last_name" in shown


async def test_a_write_warns_of_a_name_that_is_not_in_the_documentation(checked_file: Path, version):
    lead = {"address": "17 Featherstone Rd", "state": "TX", "postal_code": "75024", "first_name": "Zoraida"}
    warning = "The name under which first_name goes out is not in the documentation that was checked"
    server = build_server(make_settings(contract_file=checked_file))
    async with Client(server, mode="legacy" if version == "legacy" else "auto") as client:
        for more, warned in (({"dry_run": True}, True), ({"dry_run": True, "first_name": None}, False), ({}, True)):
            result = await call(client, "rooflink_create_lead", **{**lead, **more})
            assert not result.is_error, text_of(result)
            assert (warning in text_of(result)) == warned


# Postman


POSTMAN = {
    "info": {"name": "RoofLink", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "variable": [{"key": "baseUrl", "value": "https://integrate.rooflink.com/roof_link_endpoints/api"}],
    "item": [
        {"name": "Jobs", "item": [
            {"name": "A prospect", "request": {"method": "GET", "url": "{{baseUrl}}/light/jobs/prospect/7000104/"}},
            {"name": "Checklist", "request": "{{baseUrl}}/light/jobs/prospect/:id/checklist/?x=1"},
            {"name": "All prospects", "request": {"method": "GET", "url": {
                "raw": "{{baseUrl}}/light/jobs/prospect/?page=1",
                "query": [{"key": "page", "value": "1"}, {"key": "customer__rep", "disabled": True}]}}},
        ]},
        {"name": "New lead", "request": {
            "method": "POST",
            "url": {"raw": "{{url}}/light/jobs/create_customer_and_job/"},
            "body": {
                "mode": "raw",
                "raw": '{"first": "{{name}}", "zip_code": "75024", "lat": {{lat}}, "nested": {"a": 1}}',
            },
        }},
        {"name": "Not a request", "request": {"method": "TRACE", "url": "x"}}, 5,
    ],
}  # fmt: skip


def test_a_postman_collection_is_read(tmp_path: Path):
    (tmp_path / "collection.json").write_text(json.dumps(POSTMAN), "utf-8")
    result = check("--openapi", str(tmp_path / "collection.json"))
    assert result.exit_code == 0
    message = result.stdout
    assert "rooflink.get_prospect: ok" in message
    assert "  query rep_id as customer__rep, was rep (inferred)" in message
    assert "  body postal_code as zip_code, was zipcode (inferred)" in message
    assert "  body latitude as lat, was latitude (inferred)" in message
    assert "documented, and sent by no argument: first, nested, nested.a" in message
    assert "renovationfind." not in message


@pytest.mark.parametrize("source", ["nowhere.json", "http://example.com/openapi.json", "https://u:p@example.com/x"])
def test_a_document_that_cannot_be_reached_is_reported_in_one_line(source: str):
    result = check("--openapi", source)
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)


# RenovationFind's index

INDEX = """# RenovationFind
- [Decline a lead](/api-reference/general-leads/decline-a-lead.md)
- [Accept a lead]({origin}/api-reference/general-leads/accept-a-lead.md): accept
- [Elsewhere](https://collector.example/api-reference/x.md)
- [Guide]({origin}/guide)
"""
DECLINE = "# Decline a lead\n\n````yaml openapi.json post /general-leads/{id}/decline\n" + OPENAPI_YAML + "````\n"
ACCEPT = """# Accept a lead

````yaml post /general-leads/{id}/accept
paths:
  path: /general-leads/{id}/accept
  method: post
  servers:
    - url: https://www.renovationfind.com/rest-api-v1
  request:
    parameters:
      path: {id: {schema: [{type: integer, required: true}]}}
      query: {}
      header: {}
    body: {}
````
"""


def test_the_pages_of_the_index_are_read_and_only_those_of_its_own_origin():
    pages = {
        "/api-reference/general-leads/decline-a-lead.md": DECLINE.replace("/leads/{id}/accept", "/leads/{id}/other"),
        "/api-reference/general-leads/accept-a-lead.md": ACCEPT,
    }
    documentation = Documentation(pages=pages)
    with serving(documentation.app()) as origin:
        pages["/llms.txt"] = INDEX.replace("{origin}", origin)
        result = check("--service", "renovationfind", "--llms", f"{origin}/llms.txt")
    assert result.exit_code == 0, result.output
    assert "1 links to other origins were not followed" in result.stdout
    assert "renovationfind.decline_lead: ok" in result.stdout
    assert "rooflink." not in result.stdout
    assert sorted(documentation.paths) == [
        "/api-reference/general-leads/accept-a-lead.md",
        "/api-reference/general-leads/decline-a-lead.md",
        "/llms.txt",
    ]
