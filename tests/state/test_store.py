"""The state store: opened late, private, whole or not at all, and shared by processes."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from sqlalchemy import Connection, inspect, text

from leadbridge import server
from leadbridge.server.catalog import load
from leadbridge.server.config.state_address import IN_MEMORY
from leadbridge.server.errors import Refused, StateError
from leadbridge.server.matching.profile import ContactDetails, profile_of
from leadbridge.server.prospects.cursor import coverage_of
from leadbridge.server.prospects.index import ProspectIndex, row_of
from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.state import Store, audit
from leadbridge.server.state.tables import SCHEMA_VERSION
from leadbridge.server.writes.approval import Approval
from leadbridge.server.writes.ledger import Ledger, WritePermit
from leadbridge.server.writes.model import Done, HttpWrite, Preview, Subject, Write
from leadbridge.server.writes.recovery import forget
from leadbridge.server.writes.write_rows import History
from tests.databases import beside
from tests.support import ACCOUNTS, DEFAULT_STORE, PATIENCE, Time, call, connected, data_of, make_sandbox, text_of

_ROOT = Path(server.__file__).parents[2]
STATUS = load()["renovationfind.update_job_status"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "leadbridge.db"


@pytest.fixture
def url(file: Path) -> str:
    """A file that is not there yet, or the empty database of `--store postgresql`."""
    return DEFAULT_STORE[0] if DEFAULT_STORE else f"sqlite:///{file}"


@pytest.fixture
def stores(url: str) -> Iterator[Any]:
    """Makes stores in the same place and closes them."""
    made: list[Store] = []

    def make(other: str = "") -> Store:
        made.append(Store(other or url))
        return made[-1]

    yield make
    for store in made:
        store.close()


def one(connection: Connection) -> int:
    return int(connection.execute(text("select 1")).scalar_one())


def counted(connection: Connection) -> int:
    return int(connection.execute(text("select count(*) from approvals")).scalar_one())


def insert(name: str) -> Any:
    def work(connection: Connection) -> None:
        row = {"approval_id": name, "operation": "x", "answer": "yes", "at": 1.0}
        from leadbridge.server.state.tables import approvals

        connection.execute(approvals.insert().values(**row))

    return work


def run_python(*arguments: str, code: str, **environment: str) -> subprocess.Popen[str]:
    """Another process of the same Python."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
    )


# Nothing is imported, opened or created before it is needed

_IMPORTS = """
import asyncio, json, sys
import mcp.server
bare = set(sys.modules)
from leadbridge.server.app import build_server
from leadbridge.server.config.settings import load_settings
servers = [build_server(load_settings(sandbox=sandbox)) for sandbox in (True, False)]
tools = [len(asyncio.run(server.list_tools())) for server in servers]
print(json.dumps([tools, sorted(set(sys.modules) - bare), sorted(sys.modules)]))
"""


@pytest.mark.sqlite
@pytest.mark.slow
def test_a_server_that_has_listed_its_tools_has_imported_nothing_that_only_calls_need(tmp_path: Path) -> None:
    keys = {"LEADBRIDGE_ROOFLINK_API_KEY": "k", "LEADBRIDGE_RENOVATIONFIND_TOKEN": "t"}
    process = run_python(code=_IMPORTS, XDG_STATE_HOME=str(tmp_path), **keys)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    tools, ours, loaded = json.loads(out)
    assert min(tools) >= 12
    late = {
        "sqlalchemy",
        "httpx",
        "httpcore",
        "leadbridge.server.sandbox",
        "zipcodes",
        "phonenumbers",
        "email_validator",
        "psycopg",
    }
    assert late & set(loaded) == set()
    # The SDK itself imports uvicorn; LeadBridge adds nothing of its kind, nor the SDK's own log.
    assert {
        "rich",
        "uvicorn",
        "typer",
        "numpy",
        "leadbridge.server.cli.demo",
        "leadbridge.server.doctor.checks",
        "leadbridge.server.state.tables",
    } & set(ours) == set()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite
async def test_reads_that_keep_nothing_leave_the_disk_alone(file: Path, time: Time) -> None:
    sandbox = Sandbox(clock=time, prospects=5)
    async with connected(sandbox, time=time, state_url=f"sqlite:///{file}") as client:
        await call(client, "server_status")
        assert not (await call(client, "rooflink_prospect_stats")).is_error
    assert not file.exists()  # noqa: ASYNC240  # nothing else runs any more


@pytest.mark.sqlite
def test_a_store_that_is_made_opens_nothing(stores: Any, file: Path) -> None:
    store = stores()
    store.close()
    assert not file.parent.exists()
    assert store.run_sync(one) == 1
    assert file.exists()


# Whose it is


@pytest.mark.sqlite
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_and_what_is_beside_it_are_readable_by_their_owner_only(stores: Any, file: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = stores()

        def look(_: Connection) -> dict[str, int]:
            return {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}

        insert_one = insert("a")
        store.run_sync(insert_one)
        modes = store.run_sync(look)
    finally:
        os.umask(before)
    assert set(modes) >= {"leadbridge.db", "leadbridge.db-wal"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


# All or nothing


def test_a_transaction_that_fails_leaves_nothing(stores: Any) -> None:
    store = stores()

    def half(connection: Connection) -> None:
        insert("a")(connection)
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        store.run_sync(half)
    assert store.run_sync(counted) == 0


@pytest.mark.sqlite
async def test_what_is_committed_is_on_disk_when_run_returns(stores: Any, file: Path) -> None:
    await stores().run(insert("a"))
    with sqlite3.connect(file) as other:
        assert other.execute("select count(*) from approvals").fetchone() == (1,)
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    other.close()


@pytest.mark.sqlite
@pytest.mark.parametrize("other", [IN_MEMORY, "sqlite:///:memory:", ""], ids=["memory", "memory by name", "file"])
async def test_many_tasks_share_one_store(stores: Any, other: str) -> None:
    store = stores(other)

    def count_up(connection: Connection) -> None:
        found = {counted(connection) for _ in range(20)}
        insert(str(found.pop()))(connection)

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(store.run, count_up)
    assert store.run_sync(counted) == 30


@pytest.mark.sqlite
def test_a_store_in_memory_is_nobody_elses(stores: Any) -> None:
    first, second = stores(IN_MEMORY), stores(IN_MEMORY)
    first.run_sync(insert("a"))
    assert (first.run_sync(counted), second.run_sync(counted)) == (1, 0)
    assert first.secret() != second.secret()


# What cannot be used


def expect_unusable(store: Store, words: str) -> str:
    with pytest.raises(StateError) as caught:
        store.run_sync(one)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_a_store_of_a_newer_leadbridge_is_refused_and_left_as_it_is(stores: Any, url: str) -> None:
    store = stores()
    store.run_sync(one)
    store.close()
    with beside(url) as newer:
        newer.execute(text("update meta set value = '999' where key = 'schema_version'"))
        newer.execute(text("drop table approvals"))
    message = expect_unusable(stores(), "newer LeadBridge")
    assert "999" in message
    assert "Update LeadBridge" in message
    with beside(url) as newer:
        assert not inspect(newer).has_table("approvals")


@pytest.mark.sqlite
def test_a_file_that_is_not_a_database_is_reported_and_left_as_it_is(stores: Any, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("Dear diary, " * 500)
    expect_unusable(stores(), "not a database")
    assert file.read_text() == "Dear diary, " * 500


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "made_by_another",
    [
        "CREATE TABLE people (name TEXT)",
        "CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('version', '9')",
        "CREATE TABLE meta (a); CREATE TABLE writes (a); PRAGMA application_id = 1",
        "PRAGMA application_id = 252006674",
        "PRAGMA journal_mode = WAL; CREATE VIEW today AS SELECT date()",
    ],
)
def test_another_program_s_file_is_refused_and_left_as_it_is(stores: Any, file: Path, made_by_another: str) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as other:
        other.executescript(made_by_another)
    file.chmod(0o644)
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    said = expect_unusable(stores(), "another program's SQLite file")
    assert "LEADBRIDGE_STATE_URL" in said
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.sqlite
def test_a_file_of_leadbridge_is_signed_also_one_of_a_leadbridge_that_did_not_sign(stores: Any, file: Path) -> None:
    for _ in range(2):
        store = stores()
        store.run_sync(one)
        store.close()
        with closing(sqlite3.connect(file)) as signed:
            assert signed.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"Lead"),)
            signed.execute("PRAGMA application_id = 0")


@pytest.mark.sqlite
@pytest.mark.parametrize("journal", ["", "PRAGMA journal_mode = WAL"])
def test_an_empty_file_may_be_used(stores: Any, file: Path, journal: str) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as empty:
        empty.executescript(journal)
    assert stores().run_sync(one) == 1


@pytest.mark.parametrize("version", ["one", ""])
def test_a_store_whose_version_is_none_is_reported(stores: Any, url: str, version: str) -> None:
    store = stores()
    store.run_sync(one)
    store.close()
    with beside(url) as other:
        other.execute(text("update meta set value = :version where key = 'schema_version'"), {"version": version})
    expect_unusable(stores(), "schema")


BEFORE_STANDINGS = ("drop table being_created", "alter table seen_prospects drop column standing")
BEFORE_THE_TRAIL = ("delete from meta where key = 'audit_head'", "delete from audit")
BEFORE_POSITIONS = (
    "drop table seen_coverage",
    """create table seen_coverage (account varchar(64) primary key, rules integer not null, total integer,
    checked_at float not null, holder varchar(32) not null, held_until float not null)""",
    "insert into seen_coverage values ('account', 9, 300, 1.0, 'another', 2.0)",
    """create table seen_sweeps (account varchar(64), sweep bigint, started_at float not null,
    reached_end boolean not null, primary key (account, sweep))""",
    "insert into seen_sweeps values ('account', 1, 1.0, false)",
    "drop index seen_prospects_by_age",
    "alter table seen_prospects drop column listed",
    "alter table seen_prospects add column sweep bigint not null default 1",
    "create index seen_prospects_by_sweep on seen_prospects (account, sweep)",
)


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
async def test_a_store_of_an_earlier_leadbridge_is_brought_up_to_date_and_keeps_its_rows(
    stores: Any, url: str, version: int
) -> None:
    first, dana = stores(), ContactDetails("4821 Juniper Hollow Dr, Plano, TX 75024", name="Dana Miller")
    await Ledger(first, ACCOUNTS, ACCOUNTS).begin(_plan(), Approval("token", "token-1"))
    await ProspectIndex(first, "account").put([row_of(785, dana)])
    first.close()
    steps = [(8, BEFORE_POSITIONS), (6, BEFORE_STANDINGS), (2, BEFORE_THE_TRAIL)]
    with beside(url) as earlier:
        earlier.execute(text("update meta set value = :version where key = 'schema_version'"), {"version": version})
        for change in [change for before, changes in steps if version < before for change in changes]:
            earlier.execute(text(change))
    store = stores()
    (row,), _ = await History(Ledger(store, ACCOUNTS, ACCOUNTS)).newest()
    assert row.target == "lead 785"
    index = ProspectIndex(store, "account")
    assert [found.prospect_id for found in (await index.find(profile_of(dana))).matches] == [785]
    coverage = await coverage_of(index)
    assert (coverage.checked, coverage.total, coverage.complete) == (1, None, False)
    with beside(url) as now:
        tables = inspect(now)
        assert tables.has_table("being_created")
        assert not tables.has_table("seen_sweeps")
        columns = {column["name"] for column in tables.get_columns("seen_prospects")}
        assert {"standing", "listed"} <= columns
        assert "sweep" not in columns
        found = now.execute(text("select value from meta where key = 'schema_version'")).scalar_one()
    assert int(found) == SCHEMA_VERSION


@pytest.mark.sqlite
def test_a_file_with_two_names_is_refused_under_both_until_one_is_gone(stores: Any, file: Path) -> None:
    """SQLite keeps a log for each name, and a file that was written under both cannot be read any more."""
    stores().run_sync(lambda _: None)
    other = file.with_name("other.db")
    other.hardlink_to(file)
    for name in (file, other):
        said = expect_unusable(stores(f"sqlite:///{name}"), "has another name as well")
        assert "Remove the other name" in said
    other.unlink()
    stores().run_sync(lambda _: None)


@pytest.mark.sqlite
def test_a_folder_where_the_file_should_be_is_reported(stores: Any, file: Path) -> None:
    file.mkdir(parents=True)
    expect_unusable(stores(), str(file))


@pytest.mark.sqlite
def test_a_place_where_no_folder_can_be_made_is_reported(stores: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    expect_unusable(stores(f"sqlite:///{tmp_path}/file/state/x.db"), "cannot be written")


@pytest.mark.sqlite
def test_a_locked_database_is_reported_and_works_again_when_it_is_free(stores: Any, file: Path) -> None:
    store = stores()
    store.run_sync(insert("a"))
    store.run_sync(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=20"))
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin immediate")
    expect_unusable(store, "locked")
    holder.execute("rollback")
    holder.close()
    assert store.run_sync(counted) == 1


@pytest.mark.parametrize(
    "other",
    [
        "postgresql://leads:hunter2@127.0.0.1:1/leads",
        "postgresql://127.0.0.1:1/leads?user=leads&password=hunter2",
        "postgresql://leads:hunter2@127.0.0.1:port/leads",
    ],
)
def test_a_store_that_cannot_be_reached_is_reported_without_its_password(stores: Any, other: str) -> None:
    store = stores(other)
    message = expect_unusable(store, "state store")
    assert "hunter2" not in message
    assert "hunter2" not in store.description


@pytest.mark.sqlite
async def test_a_write_whose_intent_cannot_be_kept_is_not_sent(time: Time, tmp_path: Path) -> None:
    broken = tmp_path / "diary.db"
    broken.write_text("Dear diary, " * 500)
    sandbox = Sandbox(clock=time, prospects=5)
    async with connected(sandbox, time=time, state_url=f"sqlite:///{broken}", approvals="off") as client:
        result = await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
    assert result.is_error
    assert "Nothing was sent" in text_of(result)
    assert (sandbox.requests, sandbox.writes) == ([], [])


@pytest.mark.sqlite
async def test_a_write_between_whose_intent_and_sending_the_store_is_locked_is_not_sent(time: Time, file: Path) -> None:
    """The other process takes the lock in the moment in which the request is about to leave."""
    store = Store(f"sqlite:///{file}")
    ledger = Ledger(store, ACCOUNTS, ACCOUNTS)
    permit = await ledger.begin(_plan(), Approval("not needed"))
    assert isinstance(permit, WritePermit)
    store.run_sync(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=20"))
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(StateError):
        await permit.sending()
    holder.execute("rollback")
    holder.close()
    (row,), _ = await History(ledger).newest()
    store.close()
    assert row.state == "intended"


# The secret, and approvals that were used


def test_the_secret_is_made_once_and_outlives_the_process(stores: Any) -> None:
    first = stores()
    secret = first.secret()
    assert len(secret) == 32
    assert first.secret() == secret
    first.close()
    assert stores().secret() == secret


_SECRET = """
import sys
from leadbridge.server.state import Store
import sqlalchemy
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(store.secret().hex(), flush=True)
"""


@pytest.mark.slow
def test_processes_that_make_the_secret_at_the_same_moment_get_the_same_one(url: str) -> None:
    processes = [run_python(url, code=_SECRET) for _ in range(4)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [error for _, error in answers if error] == []
    assert len({out.strip() for out, _ in answers}) == 1
    assert len(bytes.fromhex(answers[0][0].strip())) == 32


async def test_threads_that_make_the_secret_at_the_same_moment_get_the_same_one(stores: Any) -> None:
    store = stores()
    found: list[bytes] = []

    async def make() -> None:
        found.append(await anyio.to_thread.run_sync(store.secret))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(make)
    assert len(set(found)) == 1


def _plan(lead_id: int = 785, status: str = "QUOTE_SENT") -> Write:
    return Write(
        action=HttpWrite(operation=STATUS, receive=lambda _: Done(summary="Done.")),
        subject=Subject(f"lead {lead_id}"),
        arguments={"lead_id": lead_id, "status": status},
        preview=Preview(lines=("Set it.",)),
    )


async def test_an_approval_that_was_used_stays_used_after_the_store_is_opened_again(stores: Any) -> None:
    first = stores()
    await Ledger(first, ACCOUNTS, ACCOUNTS).begin(_plan(785), Approval("token", "token-1"))
    first.close()
    ledger = Ledger(stores(), ACCOUNTS, ACCOUNTS)
    with pytest.raises(Refused) as caught:
        await ledger.begin(_plan(786), Approval("token", "token-1"))
    assert caught.value.reason == "approval_used"
    assert (await History(ledger).newest())[1] == 1


async def test_a_question_that_was_answered_with_no_stays_answered_after_the_store_is_opened_again(stores: Any) -> None:
    first = stores()
    await Ledger(first, ACCOUNTS, ACCOUNTS).use_up("asked-1", STATUS.id, "no")
    first.close()
    with pytest.raises(Refused):
        await Ledger(stores(), ACCOUNTS, ACCOUNTS).begin(_plan(), Approval("asked", "asked-1"))


async def test_a_token_that_was_used_is_refused_by_a_restarted_server(state_url: str, time: Time) -> None:
    sandbox = Sandbox(clock=time, prospects=5)
    async with connected(sandbox, time=time, state_url=state_url) as client:
        asked = data_of(await call(client, "renovationfind_accept_lead", lead_id=812))
        token = asked["approval_token"]
    async with connected(sandbox, time=time, state_url=state_url) as client:
        done = data_of(await call(client, "renovationfind_accept_lead", lead_id=812, approval_token=token))
        assert done["outcome"] == "done"
    async with connected(sandbox, time=time, state_url=state_url) as client:
        again = await call(client, "renovationfind_accept_lead", lead_id=812, approval_token=token)
        assert data_of(again)["outcome"] in {"refused", "already_done"}
    assert len(sandbox.writes) == 1


@pytest.mark.sqlite
async def test_a_server_in_memory_forgets_its_tokens_together_with_what_was_used(time: Time) -> None:
    """Nobody gets a second write for one yes when the last session ends and another begins."""
    from mcp import Client

    from leadbridge.server.app import build_server
    from tests.support import make_settings, patient_rate_limiter

    sandbox = Sandbox(clock=time, prospects=5)
    server_ = build_server(make_settings(), sandbox=sandbox, rate_limiter=patient_rate_limiter(time))
    arguments = {"first_name": "Ada", "last_name": "Byron", "phone": "(403) 555-0199", "skip_duplicates": False}
    name = "renovationfind_create_referral"
    async with Client(server_) as client:
        token = data_of(await call(client, name, **arguments))["approval_token"]
        assert data_of(await call(client, name, **arguments, approval_token=token))["outcome"] == "done"
    async with Client(server_) as client:
        again = data_of(await call(client, name, **arguments, approval_token=token))
    assert again["outcome"] in {"refused", "already_done"}
    assert len(sandbox.writes) == 1


@pytest.mark.sqlite
def test_a_new_file_that_many_open_at_the_same_instant_is_opened_by_all(tmp_path: Path):
    together = threading.Barrier(4)

    def opened(path: Path) -> bytes:
        store = Store(f"sqlite:///{path}")
        together.wait()
        try:
            return store.secret()
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        for number in range(25):
            path = tmp_path / f"{number}.db"
            assert len(set(pool.map(opened, [path] * 4))) == 1


# Another file at the path


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["deleted", "replaced", "deleted and made anew"])
async def test_a_file_that_was_replaced_under_a_server_lets_nothing_be_written(
    time: Time, file: Path, url: str, how: str
) -> None:
    sandbox = make_sandbox(time)
    referral = {"first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}
    settings: dict[str, Any] = {"state_url": url, "approvals": "off"}
    async with connected(sandbox, time=time, **settings) as client:
        assert data_of(await call(client, "renovationfind_create_referral", **referral))["outcome"] == "done"
        if how == "replaced":
            other = file.with_name("other.db")
            with closing(sqlite3.connect(other)) as copy:
                copy.execute("CREATE TABLE x (y)")
            other.replace(file)
        else:
            for path in file.parent.glob(f"{file.name}*"):
                path.unlink()
        if how == "deleted and made anew":
            async with connected(sandbox, time=time, **settings) as other_server:
                row = data_of(await call(other_server, "write_history"))
                assert row["total"] == 0
        again = await call(client, "renovationfind_create_referral", **{**referral, "first_name": "Anna"})
        read = await call(client, "rooflink_list_prospects", page_size=3)
    assert again.is_error
    assert "was deleted or replaced while it was in use" in text_of(again)
    assert "history forget" in text_of(again)
    assert len(sandbox.writes) == 1
    assert data_of(read)["rows"]


_BEFORE_THE_MOVE = """
import sys
from leadbridge.server.errors import StateError
from leadbridge.server.state import Store
store = Store(sys.argv[1])
def put(name):
    store.run_sync(lambda kept: kept.exec_driver_sql(f"insert into approvals values ('{name}', 'x', 'y', 1)"))
for number in range(30):
    put(f"before {number}")
print("there", flush=True)
sys.stdin.readline()
try:
    put("too")
    print("one", flush=True)
except StateError as error:
    print(error, flush=True)
sys.stdin.readline()
store.close()
"""


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize("at", ["file", "folder"])
def test_who_opened_a_file_before_it_was_moved_and_left_a_link_sees_what_is_written_since_or_writes_nothing(
    stores: Any, url: str, file: Path, at: str
) -> None:
    first = run_python(url, code=_BEFORE_THE_MOVE)
    assert first.stdin
    assert first.stdout
    assert first.stdout.readline() == "there\n"
    moved = file if at == "file" else file.parent
    new = file.parent.with_name("new") / moved.name
    new.parent.mkdir()
    moved.rename(new)
    moved.symlink_to(new)
    second = stores()
    for number in range(120):
        second.run_sync(insert(f"after {number}"), checkpoint=True)
    first.stdin.write("\n")
    first.stdin.flush()
    said = first.stdout.readline()
    assert ("was deleted or replaced while it was in use" in said) if at == "file" else said == "one\n"
    second.close()
    first.communicate("\n", timeout=PATIENCE)
    second.check()  # when the first one closed, it put nothing of before over it
    assert second.run_sync(counted) >= 120


async def test_what_is_forgotten_is_gone_while_a_server_runs_and_what_is_unresolved_stays(
    time: Time, file: Path, url: str
) -> None:
    sandbox = make_sandbox(time)
    lead = {"address": "17 Quillfeather St", "state": "TX", "postal_code": "75024"}
    async with connected(sandbox, time=time, state_url=url, approvals="off") as client:
        assert data_of(await call(client, "rooflink_create_lead", **lead))["outcome"] == "done"
        sandbox.faults.add(Fault(kind="drop_after", match="PUT status"))
        lost = {"lead_id": 785, "status": "QUOTE_SENT"}
        assert data_of(await call(client, "renovationfind_update_job_status", **lost))["outcome"] == "unknown"
        assert data_of(await call(client, "renovationfind_accept_lead", lead_id=812))["outcome"] == "done"
        store = Store(url)
        found = await anyio.to_thread.run_sync(forget, store, 4_000_000_000.0)
        assert (found.writes, found.unresolved) == (2, (2,))
        assert audit.verify(store).broken_at is None
        rows = data_of(await call(client, "write_history"))["rows"]
        assert [(row["write_id"], row["outcome"], row["target"]) for row in rows] == [
            (2, "unknown", "lead 785"), (3, "done", "")
        ]  # fmt: skip
        again = data_of(await call(client, "renovationfind_update_job_status", **lost))
        assert again["reason"] == "earlier_unknown"
        new = data_of(await call(client, "renovationfind_update_job_status", lead_id=786, status="QUOTE_SENT"))
        assert (new["outcome"], new["write_id"]) == ("done", 4)
        assert audit.verify(store).broken_at is None
        store.close()
    if not DEFAULT_STORE:
        assert b"Quillfeather" not in await anyio.Path(file).read_bytes()


async def test_nothing_is_forgotten_while_something_is_being_sent(stores: Any) -> None:
    store = stores()
    ledger = Ledger(store, ACCOUNTS, ())
    permit = await ledger.begin(_plan(), Approval("not needed"))
    assert isinstance(permit, WritePermit)
    await permit.sending()
    with pytest.raises(StateError, match="write 1 is being sent right now"):
        forget(store, 4_000_000_000.0)
    assert (await History(ledger).newest())[1] == 1
