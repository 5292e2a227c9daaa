"""The first day with an account whose contract is not what was guessed, as README describes it, with real processes."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from mcp import Client
from typer.testing import CliRunner, Result

from leadbridge.server.cli.main import app
from tests.contract.standin import Documentation, serving
from tests.process.processes import Process, lower, parameters
from tests.support import call, data_of, text_of

OPTIONS = {
    "create_lead_path": "/light/leads/quick/",
    "create_lead_names": {
        "postal_code": "zip_code", "latitude": "lat", "longitude": "lng", "cell_phone": "mobile", "home_phone": "home",
    },
}  # fmt: skip
LEAD = {
    "address": "4821 Juniper Hollow Dr", "city": "Plano", "state": "TX", "postal_code": "75024", "first_name": "Dana",
    "cell_phone": "(972) 555-0142", "home_phone": "(972) 555-0143",
}  # fmt: skip


async def created(tmp_path: Path, settings: dict[str, str]) -> Any:
    server = parameters(state_url=f"sqlite:///{tmp_path / 'state.db'}", **settings)
    async with Client(server) as client:
        return await call(client, "rooflink_create_lead", **LEAD)


def leadbridge(arguments: list[str]) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def writes_at(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(address) as answer:
        return json.load(answer)


@pytest.mark.slow
async def test_a_contract_that_was_checked_and_written_creates_the_lead_without_another_change(tmp_path: Path):
    options, contract = tmp_path / "options.json", tmp_path / "contract.toml"
    options.write_text(json.dumps(OPTIONS), "utf-8")
    process = Process("sandbox", "--port", "0", "--options", str(options))
    try:
        settings = lower(dict(pair.split("=", 1) for pair in process.line().split()))
        refused = await created(tmp_path, settings)
        assert refused.is_error
        assert "`leadbridge contract check` looks for the documented one" in text_of(refused)

        with serving(Documentation().app()) as origin:
            arguments = ["contract", "check", "--service", "rooflink", "--mcp", f"{origin}/mcp"]
            done = await anyio.to_thread.run_sync(leadbridge, [*arguments, "--write", str(contract)])
        assert done.exit_code == 0, done.output

        made = await created(tmp_path, {**settings, "contract_file": str(contract)})
        assert data_of(made)["outcome"] == "done", text_of(made)
        address = settings["rooflink_base_url"].replace("/roof_link_endpoints/api", "/_sandbox/writes")
        (write,) = await anyio.to_thread.run_sync(writes_at, address)
    finally:
        process.stop()
    assert write["operation"] == "POST /light/leads/quick/"
    assert write["body"]["zip_code"] == "75024"
    assert write["body"]["mobile"] == "(972) 555-0142"
    assert write["body"]["home"] == "(972) 555-0143"
    assert float(write["body"]["lat"]) == pytest.approx(33, abs=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"no_such_option": 1}', "unknown option"),
        ("[1]", "must be a JSON object"),
        ("{", "is not valid JSON (line 1, column 2)"),
    ],
)
def test_options_of_a_sandbox_that_are_none_are_reported_in_one_line(tmp_path: Path, content: str, message: str):
    (tmp_path / "options.json").write_text(content, "utf-8")
    result = CliRunner().invoke(app, ["sandbox", "--port", "0", "--options", str(tmp_path / "options.json")])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert message in line
