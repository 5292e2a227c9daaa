"""State addresses: one place whatever folder a host starts in, and a password that no output shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from leadbridge.server.config.state_address import description, sqlite_file, state_address
from leadbridge.server.errors import StateError
from leadbridge.server.state import Store
from tests.support import call, connected, make_sandbox, text_of

CANARY = "CANARYPW77"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("APPDATA", "/home/ann/appdata")
    monkeypatch.delenv("NOT_SET", raising=False)


@pytest.mark.parametrize(
    ("given_address", "address"),
    [
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite://"),
        ("sqlite:////srv/leads.db", "sqlite:////srv/leads.db"),
        ("SQLite:////srv/leads.db", "sqlite:////srv/leads.db"),
        ("sqlite+pysqlite:////srv/leads.db", "sqlite:////srv/leads.db"),
        ("sqlite:////srv/50 % #1 @home.db", "sqlite:////srv/50 % #1 @home.db"),
        ("sqlite:///~/leads.db", "sqlite:////home/ann/leads.db"),
        ("sqlite:////~/leads.db", "sqlite:////home/ann/leads.db"),
        ("sqlite:///$HOME/leads.db", "sqlite:////home/ann/leads.db"),
        ("sqlite:////$HOME/leads.db", "sqlite:////home/ann/leads.db"),
        ("sqlite:///${HOME}/leads.db", "sqlite:////home/ann/leads.db"),
        ("sqlite:///%APPDATA%/leads.db", "sqlite:////home/ann/appdata/leads.db"),
        ("postgresql://a:b@db.example/leads", "postgresql://a:b@db.example/leads"),
        ("postgres://a:b@db.example/leads", "postgresql://a:b@db.example/leads"),
        ("postgresql+psycopg:///leads", "postgresql:///leads"),
    ],
)
def test_an_address_has_one_form_and_an_absolute_path(given_address: str, address: str) -> None:
    assert state_address(given_address) == address
    assert state_address(address) == address


def test_a_home_that_is_not_in_the_environment_is_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    assert state_address("sqlite:///$HOME/leads.db") == f"sqlite:///{Path.home()}/leads.db"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("sqlite:///leads.db", "absolute"),
        ("sqlite:///./leads.db", "absolute"),
        ("sqlite:///../leads.db", "absolute"),
        ("sqlite:///home/ann/leads.db", "absolute"),
        ("sqlite:///~nobody-here/leads.db", "absolute"),
        ("sqlite:///file:/srv/leads.db", "absolute"),
        ("sqlite:///$NOT_SET/leads.db", "NOT_SET"),
        ("sqlite:////$NOT_SET/leads.db", "NOT_SET"),
        ("sqlite:////srv/${input:folder}/leads.db", "placeholder"),
        ("sqlite:///", "no file"),
        ("sqlite://leads.db", "three slashes"),
        ("sqlite://~/leads.db", "three slashes"),
        ("sqlite:leads.db", "sqlite:///FILE"),
        ("sqlite:////srv/leads.db?mode=memory", "options"),
        ("sqlite:////srv/le\nads.db", "line break"),
        ("sqlite:////srv/le\0ads.db", "line break"),
        ("/srv/leads.db", "sqlite:///FILE"),
        ("mysql://a:b@db.example/leads", "sqlite:///FILE"),
        ("postgresql+asyncpg://a:b@db.example/leads", "sqlite:///FILE"),
        ("postgresql://", "sqlite:///FILE"),
        (f"postgresql://a:b@{CANARY}@db.example/leads", "%40"),
        (f"postgresql://a/{CANARY}:b@db.example/leads", "%2F"),
        (f"postgresql://a:b@db.example/leads?options=@{CANARY}", "%40"),
        (f"postgresql://db.example/leads?password=x@{CANARY}", "%40"),
        (f"postgresql://db.example?password=x@{CANARY}", "%40"),
        (f"postgresql://db.example:5432/leads?user=a&password=x@{CANARY}", "%40"),
        (f"postgresql://db.example:5432?password=x@{CANARY}", "%40"),
        (f"postgresql://a:{CANARY} @db.example/leads", "blanks"),
        (f"postgresql://a:${{{CANARY}}}@db.example/leads", "placeholder"),
    ],
)
def test_an_address_that_could_mean_another_place_is_refused_with_the_reason(address: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        state_address(address)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "login", [f"office:ab/{CANARY}", f"office:ab#{CANARY}", f"office:ab?{CANARY}", f"office:{CANARY}:x", f":{CANARY}"]
)
def test_a_password_with_signs_in_it_is_a_password(login: str) -> None:
    address = state_address(f"postgresql://{login}@db.example:5432/leads")
    parts = make_url(address)
    assert (parts.host, parts.database) == ("db.example", "leads")
    assert CANARY in str(parts.password)
    assert description(address) == "postgresql://db.example/leads"


@given(st.text(st.sampled_from("ab:/@?#[]%&= ."), max_size=14), st.text(st.sampled_from(":/@?#[]%&=,"), max_size=3))
def test_no_part_of_a_password_is_shown_whatever_is_around_it(around: str, before: str) -> None:
    try:
        address = state_address(f"postgresql://office:{before}{CANARY}{around}@db.example/leads")
        shown = description(address)
    except ValueError as error:
        shown = str(error)
    assert CANARY not in shown


@pytest.mark.parametrize(
    "rest", ["h:port/leads", "[::1/leads", "h:99999999/leads", "h/le%ads", "h?foo=bar", ":5432", "h?"]
)
def test_an_odd_address_fails_in_words_when_it_is_used(rest: str) -> None:
    store = Store(
        state_address(
            f"postgresql://office:{CANARY}@{rest}&connect_timeout=1"
            if "?" in rest
            else f"postgresql://office:{CANARY}@{rest}"
        )
    )
    with pytest.raises(StateError) as caught:
        store.run_sync(bool)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "long name"])
async def test_a_state_file_that_is_not_a_file_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    path = {"device": Path("/dev/full"), "long name": tmp_path / ("x" * 300)}.get(kind, path)
    async with connected(make_sandbox(), state_url=f"sqlite:///{path}") as client:
        said = text_of(await call(client, "rooflink_add_note", job_id=7, message="Called the owner"))
        assert "The state store" in said
        assert not (await call(client, "server_status")).is_error
    assert "failed inside" not in said


def test_an_address_in_memory_has_no_file() -> None:
    assert sqlite_file("sqlite://") is sqlite_file("sqlite:///:memory:") is sqlite_file("postgresql:///x") is None
    assert sqlite_file("sqlite:////srv/leads.db") == Path("/srv/leads.db")
