"""`leadbridge contract show`: what is sent, and where it is known from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadbridge.server.catalog import load
from leadbridge.server.cli.main import app
from leadbridge.server.contract import show

CATALOG = load()
CONTRACT = """
[operations."rooflink.create_lead"]
path = "/light/leads/"
[operations."rooflink.create_lead".body]
postal_code = "zip"
[operations."rooflink.list_prospects"]
max_page_size = 10
[operations."rooflink.list_prospects".values.stage]
signed = "signed"
[operations."rooflink.reply_to_note"]
method = "POST"
path = "/light/notes/{note_id}/reply/"
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "contract.toml"
    path.write_text(CONTRACT, "utf-8")
    return path


def shown(*arguments: str, contract: Path | None = None) -> str:
    environment = {"LEADBRIDGE_CONTRACT_FILE": str(contract)} if contract else {}
    result = CliRunner().invoke(app, ["contract", "show", *arguments], env=environment, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_every_operation_is_shown_with_its_route_provenance_and_source_without_a_key():
    listed = json.loads(shown("--json"))
    assert [row["operation"] for row in listed] == [row.id for row in CATALOG]
    for row in listed:
        known = CATALOG[row["operation"]]
        assert (row["method"], row["path"]) == (known.method, known.path)
        assert (row["operation_provenance"], row["path_provenance"]) == (
            known.provenance.operation,
            known.provenance.path,
        )
        assert row["source"] == known.source
        assert {name["argument"]: name["wire"] for name in row["names"] if name["part"] == "body"} == {
            name: field.wire for name, field in known.body.items()
        }
        assert row["changed"] == []


def test_the_text_calls_nothing_documented_that_is_inferred():
    lines = shown().splitlines()
    at = lines.index("rooflink.create_lead: POST /light/jobs/create_customer_and_job/ [additive]")
    assert lines[at + 1] == "  tool rooflink_create_lead; operation documented, path inferred"
    assert lines[at + 3] == "  body, documented: state, extra_info"
    assert lines[at + 4].startswith("  body, inferred: address, postal_code as zipcode, latitude")
    assert "rooflink.reply_to_note: no path known [irreversible]" in lines


def test_only_what_is_unverified_can_be_asked_for():
    listed = json.loads(shown("--unverified", "--json"))
    assert {row["operation"] for row in listed} >= {"rooflink.create_lead", "rooflink.list_prospects"}
    assert not {"renovationfind.accept_lead", "rooflink.finish_photo"} & {row["operation"] for row in listed}
    for row in listed:
        assert {name["provenance"] for name in row["names"]} <= {"inferred"}
        assert row["names"] or row["path_provenance"] in {"inferred", "unknown"}


def test_a_correction_is_shown_with_what_it_was(contract: Path):
    listed = {row["operation"]: row for row in json.loads(shown("--json", contract=contract))}
    assert listed["rooflink.create_lead"]["changed"] == [
        "path /light/leads/, was /light/jobs/create_customer_and_job/ (inferred)",
        "body postal_code as zip, was zipcode (inferred)",
    ]
    assert listed["rooflink.list_prospects"]["changed"] == [
        "max_page_size 10, was 100",
        "value stage=signed as signed, was si",
    ]
    assert listed["rooflink.reply_to_note"]["changed"] == [
        "method POST, was not known",
        "path /light/notes/{note_id}/reply/, was not known (unknown)",
    ]
    assert listed["rooflink.create_lead"]["path_provenance"] == "override"
    text = shown(contract=contract)
    assert "  changed by LEADBRIDGE_CONTRACT_FILE: body postal_code as zip, was zipcode (inferred)" in text
    assert "  body, override: postal_code as zip" in text


def test_the_command_prints_what_the_resource_renders(contract: Path):
    assert shown(contract=contract).rstrip("\n") == show.as_text(load(contract))


def test_a_wrong_contract_file_is_reported_in_one_line(tmp_path: Path):
    result = CliRunner().invoke(app, ["contract", "show"], env={"LEADBRIDGE_CONTRACT_FILE": "nowhere.toml"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "leadbridge: LEADBRIDGE_CONTRACT_FILE nowhere.toml: No such file or directory\n"
