"""`leadbridge history`: what was written, and whether the trail of it still holds."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from mcp import Client
from rich.text import Text
from typer.testing import CliRunner, Result

from leadbridge.server.app import build_server
from leadbridge.server.cli.main import app
from tests.process.processes import named
from tests.support import Person, call, make_settings
from tests.texts import Texts

TRAIL = "The audit trail "
ROTATED = {"LEADBRIDGE_ROOFLINK_API_KEY": "another-key", "LEADBRIDGE_RENOVATIONFIND_TOKEN": "another-token"}


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def account(office, state) -> dict[str, str]:
    """The environment of an account whose store holds three writes: unattended, approved by a person, and refused."""
    return work_of(office, state)


def work_of(keys: dict[str, str], state: Path) -> dict[str, str]:
    settings = {**keys, "state_url": f"sqlite:///{state}"}

    async def work() -> None:
        async with Client(
            build_server(make_settings(sandbox=False, **settings)), elicitation_callback=Person()
        ) as client:
            await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
            await call(client, "renovationfind_accept_lead", lead_id=812)
            await call(client, "renovationfind_update_job_status", lead_id=9999, status="QUOTE_SENT")

    anyio.run(work)
    return named(settings)


def history(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["history", *arguments], env=environment, catch_exceptions=False)


def test_the_newest_writes_are_listed_with_their_approval(account: dict[str, str], texts: Texts) -> None:
    shown = history({**account, "COLUMNS": "120"}, "list").stdout
    shown = re.sub(r"today \d\d:\d\d", "today HH:MM", shown)
    texts.check(Path(__file__).parent / "texts" / "history_list.txt", shown)


def test_the_list_fits_a_terminal_of_80_columns(account):
    shown = history(account | {"COLUMNS": "80", "TTY_COMPATIBLE": "1"}, "list").stdout
    assert max(Text.from_ansi(line).cell_len for line in shown.splitlines()) <= 80
    assert "Lead 812 is accepted." in shown


def test_times_are_those_of_the_office(account):
    def shown(zone: str) -> str:
        return history(account | {"LEADBRIDGE_TIME_ZONE": zone}, "list").stdout

    assert " JST" in shown("Asia/Tokyo")
    assert " -05 " in shown("Etc/GMT+5")


@pytest.mark.parametrize(
    "street",
    ["12 Heron Rd [/b]", "12 [black on black]Heron", "12 [link=https://x.example]Heron[/link]", "12 :house: Rd"],
)
def test_what_looks_like_markup_in_an_address_is_shown_as_it_is(live, state, street):
    settings = {**live, "state_url": f"sqlite:///{state}"}
    lead = {"address": street, "state": "TX", "postal_code": "75024", "last_name": "Kestrel"}

    async def create() -> None:
        server = build_server(make_settings(sandbox=False, **settings))
        async with Client(server, elicitation_callback=Person()) as client:
            await call(client, "rooflink_create_lead", **lead)

    anyio.run(create)
    result = history(named({**settings}) | {"COLUMNS": "200"}, "list")
    assert result.exit_code == 0
    shown = " ".join(result.stdout.replace("│", " ").split())
    assert all(word in shown for word in street.split())


def test_a_list_can_be_limited_by_outcome_day_service_and_number(account):
    assert "1 of 1 writes" in history(account, "list", "--outcome", "refused").stdout
    assert "No writes of company default, outcome unknown" in history(account, "list", "--outcome", "unknown").stdout
    assert "3 of 3 writes" in history(account, "list", "--since", "2026-01-01", "--service", "renovationfind").stdout
    assert "No writes of company default, since 2999-01-01" in history(account, "list", "--since", "2999-01-01").stdout
    assert "No writes of company default, service rooflink" in history(account, "list", "--service", "rooflink").stdout
    assert "2 of 3 writes" in history(account, "list", "--limit", "2").stdout
    for day in ("today", "Yesterday"):
        assert "3 of 3 writes" in history(account, "list", "--since", day, "--service", "RenovationFind").stdout
    assert "1 of 1 writes" in history(account, "list", "--outcome", "REFUSED").stdout


@pytest.mark.parametrize(
    ("option", "given", "says"),
    [
        ("--outcome", "unkown", "did you mean unknown?"),
        ("--service", "Roofling", "did you mean rooflink?"),
        *(("--since", day, "must be a day such as 2026-05-06, or today or yesterday")
          for day in ("28.11.2026", "2026-13-01", "monday", "")),
    ],
)  # fmt: skip
def test_a_filter_that_does_not_exist_is_wrong_use_and_no_empty_list(account, option, given, says):
    result = history(account, "list", option, given)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())


def test_a_terminal_s_own_width_is_used(account, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in history(account, "list").stdout


def test_an_untouched_trail_holds(account):
    result = history(account, "verify")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{TRAIL}holds: ")


def test_a_changed_trail_is_broken_where_it_was_changed(account, state):
    with closing(sqlite3.connect(state)) as store, store:
        (table,) = [name for (name,) in store.execute("SELECT name FROM sqlite_master") if name.startswith("audit")][:1]
        store.execute(f"UPDATE {table} SET event = replace(event, '812', '813') WHERE event LIKE '%812%'")
    result = history(account, "verify")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{TRAIL}is broken at position ")


def test_the_trail_is_exported_as_json_lines_without_a_key(account):
    result = history(account, "export")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["position"] for row in rows] == sorted(row["position"] for row in rows)
    assert "renovationfind.accept_lead" in result.stdout
    for name in ("LEADBRIDGE_ROOFLINK_API_KEY", "LEADBRIDGE_RENOVATIONFIND_TOKEN"):
        assert account[name] not in result.stdout


def without(environment: dict[str, str], *words: str) -> dict[str, str]:
    """The environment without the settings whose names hold one of these words."""
    return {name: value for name, value in environment.items() if not any(word in name for word in words)}


@pytest.mark.parametrize("command", ["list", "verify", "export"])
def test_one_s_own_history_is_read_without_a_key(account, command):
    with_keys = history(account, command)
    result = history(without(account, "KEY", "TOKEN", "BASE_URL"), command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == with_keys.stdout
    assert {"list": "3 of 3 writes", "verify": "holds: ", "export": "renovationfind.accept_lead"}[
        command
    ] in result.stdout


def test_without_a_key_what_was_simulated_is_listed_too_and_marked(account, live, state):
    """Nobody says then which of both is meant."""
    simulated = work_of(live, state)
    assert "Company default (simulated): 3 of 3 writes" in history(simulated, "list").stdout
    assert "Company default: 3 of 3 writes" in history(account, "list").stdout
    both = history(without(account, "KEY", "TOKEN", "BASE_URL"), "list").stdout
    assert "6 of 6 writes" in both
    assert len([line for line in both.splitlines() if line.rstrip(" │").endswith("simulated")]) == 3


def test_with_one_key_only_the_other_service_s_writes_are_listed_too(account):
    assert "3 of 3 writes" in history(without(account, "TOKEN"), "list").stdout


def test_the_history_is_the_company_s_whatever_the_key(account):
    assert "Company default: 3 of 3 writes" in history({**account, **ROTATED}, "list").stdout
    other = {**account, "LEADBRIDGE_COMPANY": "Second Roofing"}
    assert "No writes of company Second Roofing in " in (shown := " ".join(history(other, "list").stdout.split()))
    assert "Also in this store: 3 writes of company default." in shown


def company(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["company", *arguments], env=environment, catch_exceptions=False)


def test_a_person_renames_a_company_and_its_history_goes_along(account):
    named_so = {**account, "LEADBRIDGE_COMPANY": "Acme Roofing"}
    result = company(named_so, "rename", "default")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Company default is company Acme Roofing now." in result.stdout
    assert "Company Acme Roofing: 3 of 3 writes" in history(named_so, "list").stdout
    again = company(named_so, "rename", "default")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "Nothing is on record for company default" in again.stderr
    taken = company(account, "rename", "Acme Roofing")
    assert "Company Acme Roofing is company default now." in taken.stdout


def test_two_companies_are_not_made_one(account):
    other = {**account, **ROTATED, "LEADBRIDGE_COMPANY": "Second Roofing"}
    assert company(other, "accept").exit_code == 0
    result = company(other, "rename", "default")
    assert result.exit_code == 1
    assert "Company Second Roofing has records of its own" in result.stderr


def test_what_a_person_says_of_a_key_is_on_the_audit_trail(account):
    result = company({**account, **ROTATED}, "accept")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "The RoofLink key is company default's from now on." in result.stdout
    assert '"by": "person", "key": "rooflink"' in history(account, "export").stdout
    assert f"{TRAIL}holds: " in history(account, "verify").stdout


def test_without_a_key_there_is_none_to_accept(account):
    assert company(without(account, "KEY", "TOKEN", "BASE_URL"), "accept").exit_code == 2


@pytest.mark.parametrize("command", ["list", "verify", "export"])
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            {"LEADBRIDGE_STATE_ULR": "sqlite:///state.db"},
            "LEADBRIDGE_STATE_ULR is not a setting; did you mean LEADBRIDGE_",
        ),
        ({"LEADBRIDGE_STATE_URL": "mysql://host/state"}, "LEADBRIDGE_STATE_URL: must be sqlite:///FILE or postgresql:"),
        ({"LEADBRIDGE_TOOLSETS": "prospekts"}, "prospekts"),
    ],
)
def test_a_wrong_setting_is_wrong_use_reported_in_one_line(command, environment, message):
    result = history(environment, command)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("leadbridge: ")
    assert message in line


@pytest.mark.parametrize("command", ["list", "verify", "export"])
def test_a_store_that_cannot_be_read_is_a_failure_reported_in_one_line(command, live):
    result = history(named({**live, "state_url": "sqlite:////dev/null/state.db"}), command)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "cannot be written" in line


@pytest.mark.parametrize("command", ["list", "verify", "export"])
def test_an_empty_store_is_not_a_failure(command, live, state):
    result = history(named({**live, "state_url": f"sqlite:///{state}"}), command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ("" if command == "export" else f"No writes yet: there is no state store ({state}).\n")
    assert list(state.parent.glob("state*")) == []


@pytest.mark.parametrize("command", ["list", "verify", "export"])
def test_damage_in_the_file_is_found_wherever_it_is(command, account, state):
    with closing(sqlite3.connect(state)) as store:
        store.execute("pragma wal_checkpoint(truncate)")
        (page,) = store.execute("select rootpage from sqlite_schema where name = 'being_created'").fetchone()
    data = bytearray(state.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(range(256)) * 16
    state.write_bytes(data)
    result = history(account, command)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "The state store" in line


def test_the_history_is_forgotten_after_a_yes_only(account):
    asked = CliRunner().invoke(app, ["history", "forget"], env=account, input="no\n")
    assert (asked.exit_code, "Nothing was forgotten." in asked.stdout) == (1, True)
    assert "3 of 3 writes" in history(account, "list").stdout
    forgotten = history(account, "forget", "--yes")
    assert (forgotten.exit_code, "Forgotten: 3 writes" in forgotten.stdout) == (0, True)
    assert "lead 812" not in history(account, "list").stdout
    assert history(account, "verify").exit_code == 0
