"""The audit trail: rows are only ever added, a change is found with its position, nobody's data is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from typer.testing import CliRunner, Result

from leadbridge.server.cli.main import app
from leadbridge.server.sandbox import Fault
from leadbridge.server.state import Store, audit, tables
from tests.databases import beside
from tests.support import Person, Time, call, connected, data_of, make_sandbox

PERSONAL: dict[str, dict[str, Any]] = {
    "rooflink_create_lead": {
        "address": "4821 Juniper Hollow Dr",
        "state": "TX",
        "postal_code": "75024",
        "city": "Plano",
        "county": "Collin",
        "first_name": "Marguerite",
        "last_name": "Delacroix",
        "cell_phone": "972-555-0142",
        "home_phone": "972-555-0143",
        "email": "marguerite@example.com",
        "latitude": 33.0761,
        "longitude": -96.7724,
        "extra_info": {"campaign": "Spring hail"},
        "external_id": "CRM-99817",
    },
    "renovationfind_decline_lead": {"lead_id": 811, "reason": "Mr Okonkwo moved away"},
    "renovationfind_mark_won": {"lead_id": 786, "status": "JOB_WON", "job_amount": 18500, "reason": "Called by Amara"},
    "renovationfind_accept_lead": {"lead_id": 812},
    "renovationfind_create_referral": {
        "first_name": "Siobhan",
        "last_name": "Kelleher",
        "email": "siobhan@example.com",
        "phone": "214-555-0177",
    },
}
PLAIN = {"lead_id", "state", "status", "job_amount", "skip_duplicates"}
"""Arguments above that may stand as they are."""
START = "0" * 64
"""What the first row follows."""
ROWS = 9
"""Rows of `trail`: three writes, each intended, sent and done."""


async def write_all(url: str) -> None:
    """Make every write of PERSONAL; the last stays unknown."""
    time = Time()
    sandbox = make_sandbox(time)
    async with connected(sandbox, time=time, person=Person(), state_url=url) as client:
        for number, (tool, arguments) in enumerate(PERSONAL.items()):
            if number == len(PERSONAL) - 1:
                sandbox.faults.add(Fault(kind="drop_after"))
            receipt = data_of(await call(client, tool, **arguments))
            assert receipt["outcome"] in {"done", "unknown"}, receipt


async def write_three(url: str) -> None:
    time = Time()
    sandbox = make_sandbox(time)
    async with connected(sandbox, time=time, state_url=url) as client:
        for lead in (785, 786, 787):
            await call(client, "renovationfind_update_job_status", lead_id=lead, status="QUOTE_SENT")


@pytest.fixture
def trail(state_url: str) -> str:
    """The address of a store with three writes on record."""
    anyio.run(write_three, state_url)
    return state_url


def change(url: str, *statements: str) -> None:
    """Change the rows behind the product's back."""
    with beside(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def verdict_of(url: str) -> audit.Verdict:
    store = Store(url)
    try:
        return audit.verify(store)
    finally:
        store.close()


def rows_of(url: str) -> list[audit.AuditRow]:
    store = Store(url)
    try:
        return list(audit.read(store))
    finally:
        store.close()


def test_a_trail_that_nobody_touched_holds(trail: str) -> None:
    assert verdict_of(trail) == audit.Verdict(ROWS)


def test_an_empty_trail_holds(state_url: str) -> None:
    assert verdict_of(state_url) == audit.Verdict(0)


def test_each_change_of_state_is_a_row(trail: str) -> None:
    rows = rows_of(trail)
    assert [row.position for row in rows] == list(range(1, ROWS + 1))
    assert [row.event["state"] for row in rows] == ["intended", "sent", "done"] * 3
    assert [row.event["write"] for row in rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [row.previous for row in rows] == [START, *(row.hash for row in rows[:-1])]


def test_what_comes_later_changes_no_row(trail: str) -> None:
    before = rows_of(trail)
    anyio.run(write_all, trail)
    after = rows_of(trail)
    assert after[:ROWS] == before
    assert len(after) > ROWS
    assert verdict_of(trail) == audit.Verdict(len(after))


@pytest.mark.parametrize("position", [1, 5, ROWS])
@pytest.mark.parametrize(
    "values",
    [
        """event = replace(event, '"write":', '"write":1')""",
        "at = at + 1",
        "hash = replace(hash, substr(hash, 1, 1), 'x')",
        "previous = replace(previous, substr(previous, 1, 1), 'x')",
    ],
    ids=["event", "time", "hash", "link"],
)
def test_a_changed_row_is_found(trail: str, position: int, values: str) -> None:
    change(trail, f"UPDATE audit SET {values} WHERE position = {position}")
    verdict = verdict_of(trail)
    assert verdict.broken_at == position
    assert str(position) in verdict.why


@pytest.mark.parametrize("position", [1, 5, ROWS - 1])
def test_a_changed_row_with_its_hash_made_anew_is_found_at_the_next(trail: str, position: int) -> None:
    row = rows_of(trail)[position - 1]
    event = json.dumps({**row.event, "state": "failed"}, sort_keys=True, separators=(",", ":"))
    digest = audit._digest(position, row.at, event, row.previous)
    change(trail, f"UPDATE audit SET event = '{event}', hash = '{digest}' WHERE position = {position}")
    assert verdict_of(trail).broken_at == position + 1


@pytest.mark.parametrize("position", [1, 5, ROWS])
def test_a_removed_row_is_found(trail: str, position: int) -> None:
    change(trail, f"DELETE FROM audit WHERE position = {position}")
    verdict = verdict_of(trail)
    assert verdict.broken_at == position
    assert "missing" in verdict.why


@pytest.mark.parametrize("position", [1, 5])
def test_a_removed_row_whose_successors_moved_up_is_found(trail: str, position: int) -> None:
    change(
        trail,
        f"DELETE FROM audit WHERE position = {position}",
        f"UPDATE audit SET position = -position WHERE position > {position}",
        "UPDATE audit SET position = -position - 1 WHERE position < 0",
    )
    assert verdict_of(trail).broken_at == position


@pytest.mark.parametrize("last", [0, 1, 5, ROWS - 1])
def test_a_trail_cut_short_is_found_where_it_ends(trail: str, last: int) -> None:
    change(trail, f"DELETE FROM audit WHERE position > {last}")
    assert verdict_of(trail).broken_at == last + 1


@pytest.mark.parametrize(("first", "second"), [(1, 2), (4, 5), (2, 8), (ROWS - 1, ROWS)])
def test_reordered_rows_are_found_at_the_first(trail: str, first: int, second: int) -> None:
    change(
        trail,
        f"UPDATE audit SET position = -1 WHERE position = {first}",
        f"UPDATE audit SET position = {first} WHERE position = {second}",
        f"UPDATE audit SET position = {second} WHERE position = -1",
    )
    assert verdict_of(trail).broken_at == first


def test_a_row_put_at_the_end_is_found(trail: str) -> None:
    last = rows_of(trail)[-1]
    position = ROWS + 1
    digest = audit._digest(position, last.at, '{"state":"done"}', last.hash)
    change(
        trail,
        f"INSERT INTO audit VALUES ({position}, {last.at!r}, '{{\"state\":\"done\"}}', '{last.hash}', '{digest}')",
    )
    assert verdict_of(trail).broken_at == position


def test_a_forgotten_head_is_found(trail: str) -> None:
    change(trail, "DELETE FROM meta WHERE key = 'audit_head'")
    assert verdict_of(trail).broken_at is not None


# What decides


@pytest.mark.parametrize(
    ("statement", "position", "why"),
    [
        ("UPDATE writes SET state = 'failed' WHERE id = 2", 6, "write 2 was changed in its table"),
        ("UPDATE writes SET target = 'lead 1', summary = 'x' WHERE id = 1", 3, "write 1 was changed in its table"),
        ("UPDATE writes SET subject = 'x' WHERE id = 3", 9, "write 3 was changed in its table"),
        ("UPDATE writes SET repeat_digest = 'x' WHERE id = 3", 9, "write 3 was changed in its table"),
        ("UPDATE writes SET record_id = 5 WHERE id = 3", 9, "write 3 was changed in its table"),
        ("UPDATE writes SET created_at = 1 WHERE id = 3", 9, "write 3 was changed in its table"),
        ("DELETE FROM writes WHERE id = 2", 6, "write 2 was removed from its table"),
        ("DELETE FROM writes", 3, "write 1 was removed from its table"),
    ],
)
def test_a_change_of_what_decides_is_found_where_the_trail_says_otherwise(
    trail: str, statement: str, position: int, why: str
) -> None:
    change(trail, statement)
    assert verdict_of(trail) == audit.Verdict(ROWS, position, why)


def test_a_write_that_something_else_recorded_is_found(trail: str) -> None:
    columns = ", ".join(column.name for column in tables.writes.columns if column.name != "id")
    change(trail, f"INSERT INTO writes (id, {columns}) SELECT 77, {columns} FROM writes WHERE id = 1")
    assert verdict_of(trail).why == "write 77 was put into its table by something else"


async def accept(url: str) -> None:
    sandbox = make_sandbox(Time())
    async with connected(sandbox, time=Time(), person=Person(), state_url=url) as client:
        assert data_of(await call(client, "renovationfind_accept_lead", lead_id=812))["outcome"] == "done"


NOT_SEALED = {"writes": {"account", "lease_until", "updated_at"}, "approvals": {"operation", "at"}}
"""What SECURITY.md says that a change of is not found, of what decides and is shown."""


@pytest.mark.parametrize("table", [tables.writes, tables.approvals], ids=lambda table: table.name)
def test_a_change_of_any_column_is_found_but_for_those_that_security_md_names(state_url: str, table: Any) -> None:
    anyio.run(accept, state_url)
    kept = Store(state_url)
    (row,) = kept.run_sync(lambda connection: connection.execute(table.select()).mappings().all())
    for name, was in row.items():
        values = {name: "x" if isinstance(was, str) else {"x": 1} if isinstance(was, dict) else not was}
        if isinstance(was, (int, float)) and not isinstance(was, bool):
            values = {name: was + 100}
        kept.run_sync(lambda connection, values=values: connection.execute(table.update().values(values)))
        assert (audit.verify(kept).broken_at is None) is (name in NOT_SEALED[table.name]), name
        kept.run_sync(lambda connection: connection.execute(table.update().values(dict(row))))
        assert audit.verify(kept).broken_at is None
    kept.close()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM approvals", "was removed from its table"),
        ("UPDATE approvals SET answer = 'no'", "was changed in its table"),
        ("UPDATE approvals SET approval_id = 'x'", "was removed from its table"),
    ],
)
def test_a_used_approval_that_was_freed_is_found(state_url: str, statement: str, why: str) -> None:
    anyio.run(accept, state_url)
    assert verdict_of(state_url).broken_at is None
    change(state_url, statement)
    assert verdict_of(state_url).broken_at == 1
    assert verdict_of(state_url).why.startswith("the used approval ")
    assert verdict_of(state_url).why.endswith(why)


def test_writes_of_an_earlier_version_are_sealed_when_it_is_brought_up_to_date(trail: str) -> None:
    with beside(trail) as earlier:
        earlier.exec_driver_sql("UPDATE meta SET value = '8' WHERE key = 'schema_version'")
        earlier.exec_driver_sql("DELETE FROM audit")
        earlier.exec_driver_sql(f"UPDATE meta SET value = '0 {START}' WHERE key = 'audit_head'")
    assert verdict_of(trail) == audit.Verdict(3)
    assert [row.event["by"] for row in rows_of(trail)] == ["upgrade"] * 3
    change(trail, "UPDATE writes SET state = 'failed' WHERE id = 2")
    assert verdict_of(trail) == audit.Verdict(3, 2, "write 2 was changed in its table")


def test_what_is_sealed_is_not_sealed_anew_by_a_version_that_was_changed(trail: str) -> None:
    change(
        trail,
        "UPDATE writes SET state = 'failed' WHERE id = 2",
        "UPDATE meta SET value = '8' WHERE key = 'schema_version'",
    )
    expected = audit.Verdict(ROWS, 6, "write 2 was changed in its table")
    assert verdict_of(trail) == expected
    with beside(trail) as now:
        version = now.exec_driver_sql("SELECT value FROM meta WHERE key = 'schema_version'").scalar_one()
    assert version == "8", "to verify brought it up to date"
    assert len(rows_of(trail)) == ROWS
    assert verdict_of(trail) == expected


# The command


@pytest.fixture
def history(trail: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`leadbridge history ...` on the trail."""
    monkeypatch.setenv("LEADBRIDGE_SANDBOX", "1")
    monkeypatch.setenv("LEADBRIDGE_STATE_URL", trail)
    return lambda *arguments: CliRunner().invoke(app, ["history", *arguments])


def test_history_verify_says_that_the_trail_holds(history: Callable[..., Result]) -> None:
    result = history("verify")
    assert (result.exit_code, result.stdout) == (0, f"The audit trail holds: {ROWS} rows.\n")


def test_history_verify_fails_and_names_the_position(history: Callable[..., Result], trail: str) -> None:
    change(trail, "UPDATE audit SET at = 0 WHERE position = 6")
    result = history("verify")
    assert result.exit_code == 1
    assert "position 6" in result.stdout


def test_history_verify_changes_nothing(history: Callable[..., Result], trail: str) -> None:
    before = rows_of(trail)
    history("verify")
    history("export")
    history("list")
    assert rows_of(trail) == before


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("statement", "verified", "listed"),
    [
        (
            "UPDATE writes SET state = cast('done' AS blob) WHERE id = 2",
            "write 2 was changed",
            "Not shown: 1 in a state",
        ),
        ("UPDATE writes SET state = 'lost' WHERE id = 2", "write 2 was changed", "Not shown: 1 in a state"),
        ("UPDATE writes SET state = 7 WHERE id = 2", "write 2 was changed", "Not shown: 1 in a state"),
        ("UPDATE writes SET arguments = 'no JSON' WHERE id = 2", "write 2 was changed", "another program: arguments"),
        ("UPDATE writes SET arguments = '[7]' WHERE id = 2", "write 2 was changed", "another program: arguments"),
        ("UPDATE writes SET created_at = 'x' WHERE id = 2", "write 2 was changed", "another program: created_at"),
        ("UPDATE writes SET record_id = 1e400 WHERE id = 2", "write 2 was changed", "another program: record_id"),
        ("UPDATE writes SET target = cast(x'ff41' AS text) WHERE id = 2", "write 2 was changed", "\ufffdA"),
        ("UPDATE writes SET summary = x'ff41' WHERE id = 2", "write 2 was changed", "another program: summary"),
        ("UPDATE audit SET event = cast(x'ff' AS text) WHERE position = 5", "row 5 was changed", ""),
        ("UPDATE audit SET event = '[7]' WHERE position = 5", "row 5 was changed", ""),
        ("UPDATE audit SET at = 'x' WHERE position = 5", "row 5 was changed", ""),
        ("UPDATE meta SET value = 'zz' WHERE key = 'audit_head'", "the record of the last row is missing", ""),
        ("UPDATE meta SET value = x'00' WHERE key = 'audit_head'", "the record of the last row is missing", ""),
        ("UPDATE meta SET value = 'zz' WHERE key = 'secret'", "secret was changed: it is not hexadecimal", ""),
    ],
)
def test_what_another_program_wrote_of_another_kind_is_said_in_words(
    history: Callable[..., Result], trail: str, statement: str, verified: str, listed: str
) -> None:
    change(trail, statement)
    result = history("verify")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert verified in result.output
    shown = history("list")
    assert shown.exit_code == 0
    assert listed in " ".join(shown.stdout.replace("│", " ").split())
    assert history("export").exit_code == 0


def test_history_export_is_json_lines_that_can_be_checked_elsewhere(history: Callable[..., Result]) -> None:
    result = history("export")
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["position"] for row in rows] == list(range(1, ROWS + 1))
    assert all(set(row) == {"position", "at", "event", "previous", "hash"} for row in rows)
    previous = START
    for row in rows:
        event = json.dumps(row["event"], sort_keys=True, separators=(",", ":"))
        assert row["previous"] == previous
        assert row["hash"] == audit._digest(row["position"], row["at"], event, previous)
        previous = row["hash"]


def test_nobody_is_found_in_the_exported_trail(history: Callable[..., Result], trail: str) -> None:
    anyio.run(write_all, trail)
    message = history("export").stdout
    assert len(message.splitlines()) > ROWS
    for arguments in PERSONAL.values():
        for name, value in arguments.items():
            if name in PLAIN:
                continue
            values = value.values() if isinstance(value, dict) else [value]
            for each in values:
                assert str(each) not in message, name
    # Nor is what the services said of the homeowners.
    for revealed in ("Dana", "Miller", "555-01", "@example"):
        assert revealed not in message


def test_masked_arguments_keep_their_length_and_codes_stay(history: Callable[..., Result], trail: str) -> None:
    anyio.run(write_all, trail)
    events = [json.loads(line)["event"] for line in history("export").stdout.splitlines()]
    created = next(event for event in events if event.get("operation") == "rooflink.create_lead")
    assert created["arguments"]["first_name"] == "<10 characters>"
    assert created["arguments"]["state"] == "TX"
    won = next(event for event in events if event.get("operation") == "renovationfind.mark_won")
    assert won["arguments"]["job_amount"] == 18500
    assert won["approval"] == "asked"
