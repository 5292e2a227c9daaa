"""A token that says when it expires: what the start, `server_status`, `doctor` and a 401 say of it."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr
from typer.testing import CliRunner

from leadbridge.server.app import build_server
from leadbridge.server.cli.main import app
from leadbridge.server.sandbox import Sandbox
from tests.process.processes import raw_server
from tests.support import Time, Version, call, data_of, jwt, jwt_for, make_settings, patient_rate_limiter, text_of

TOKEN = "LEADBRIDGE_RENOVATIONFIND_TOKEN"
EXPIRED = jwt({"sub": "42", "exp": datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()})
ODD = [jwt("{"), jwt({"exp": "soon"}), jwt({"exp": 1e300}), jwt({"exp": None}), "a.b.c", "no-jwt-at-all-0123456789"]


def client_with(token: str, sandbox: Sandbox, time: Time, version: Version) -> AbstractAsyncContextManager[Client]:
    settings = make_settings(sandbox=False, renovationfind_token=SecretStr(token), state_url=SecretStr("sqlite://"))
    server = build_server(settings, transport=sandbox.transport, rate_limiter=patient_rate_limiter(time))
    return Client(server, mode="legacy" if version == "legacy" else "auto")


async def status_change(client: Client) -> str:
    result = await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
    assert result.is_error
    return text_of(result)


@pytest.mark.parametrize(
    ("days", "said"), [(3, "expires in 3 days"), (400, "expires in 400 days"), (0.2, "expires in 5 hours")]
)
async def test_the_status_says_when_the_token_expires(
    days: float, said: str, sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with client_with(jwt_for(days), sandbox, time, version) as client:
        result = await call(client, "server_status")
    assert f"key {said}" in text_of(result)
    rows = {row["service"]: row["key_expiry"] for row in data_of(result)["services"]}
    assert said in rows["RenovationFind"]
    assert not rows["RoofLink"]


async def test_a_401_after_the_expiry_says_when_that_was(sandbox: Sandbox, time: Time, version: Version) -> None:
    async with client_with(EXPIRED, sandbox, time, version) as client:
        assert "key expired on 2026-11-02" in text_of(await call(client, "server_status"))
        said = await status_change(client)
    assert "RenovationFind refused the key (401): it expired on 2026-11-02." in said
    assert "disabled" not in said
    assert TOKEN in said
    assert sandbox.writes == []


@pytest.mark.parametrize("token", [jwt_for(3), *ODD])
async def test_a_401_of_a_token_that_is_not_expired_speaks_of_no_day(
    token: str, sandbox: Sandbox, time: Time, version: Version
) -> None:
    async with client_with(token, sandbox, time, version) as client:
        said = await status_change(client)
        assert not (await call(client, "server_status")).is_error
    assert "refused the key (401)." in said
    assert "expired on" not in said


@pytest.mark.parametrize(
    ("token", "state", "said"),
    [
        (EXPIRED, "failure", "expired on 2026-11-02"),
        (jwt_for(3), "warning", "expires in 3 days"),
        (jwt_for(90), "ok", "expires in 90 days"),
        (jwt({"sub": "42"}), "ok", "characters"),
        (jwt({"exp": "soon"}), "ok", "characters"),
        (ODD[0], "warning", "does not look like a RenovationFind token"),
    ],
)
def test_doctor_says_when_the_token_expires(token: str, state: str, said: str) -> None:
    result = CliRunner().invoke(app, ["doctor", "--json"], env={TOKEN: token}, catch_exceptions=False)
    found: dict[str, dict[str, Any]] = {row["subject"]: row for row in json.loads(result.stdout)}
    assert found["RenovationFind key"]["state"] == state
    assert said in found["RenovationFind key"]["found"]
    assert token not in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "said"), [(EXPIRED, "expired on 2026-11-02"), (jwt_for(3), "expires in 3 days"), (jwt_for(90), "")]
)
def test_an_expired_token_is_named_at_the_start_and_the_server_starts_all_the_same(token: str, said: str) -> None:
    with raw_server(renovationfind_token=token, rooflink_api_key="rl-5f3a9c1e7b2d") as server:
        assert "result" in server.answer("tools/list")
        lines = [line for line in server.stderr.splitlines() if TOKEN in line]
    assert len(lines) == bool(said)
    assert all(said in line for line in lines)
