"""What the server runs with: every setting, where it may stand, and what is refused in one line without a secret."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import keyring
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from leadbridge.server.app import build_app_context
from leadbridge.server.catalog import load
from leadbridge.server.config.loopback import is_loopback
from leadbridge.server.config.settings import Settings, load_settings
from leadbridge.server.errors import SettingsError
from leadbridge.server.mcp.toolsets import (
    DEFAULT,
    OPT_IN,
    READ_ONLY,
    SwitchedOff,
    chosen_toolsets,
    hidden_tools,
    no_key,
)
from leadbridge.tools import ALL_TOOLS
from tests.install.keychains import Working
from tests.support import EVERY_PATH, make_settings

unhurried = settings(deadline=None)  # a busy machine is no failure
KEY = "rl-5f3a9c1e7b2d"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
STATE = "postgresql://leads:hunter2@db.example/leads"

# Every setting with a value, and what it is read as.
READINGS: dict[str, tuple[str, Any]] = {
    "rooflink_api_key": (KEY, SecretStr(KEY)),
    "rooflink_api_key_file": ("key.txt", Path("key.txt")),
    "background_reading": ("false", False),
    "rooflink_base_url": ("https://crm.example/api/", "https://crm.example/api"),
    "renovationfind_token": (TOKEN, SecretStr(TOKEN)),
    "renovationfind_token_file": ("token.txt", Path("token.txt")),
    "renovationfind_base_url": ("http://127.0.0.1:8322/rest-api-v1", "http://127.0.0.1:8322/rest-api-v1"),
    "keychain": ("leads", "leads"),
    "state_url": (STATE, SecretStr(STATE)),
    "state_url_file": ("state.txt", Path("state.txt")),
    "company": ("  Acme  Roofing ", "Acme Roofing"),
    "read_only": ("1", True),
    "toolsets": ("default,-photos", "default,-photos"),
    "approvals": ("human", "human"),
    "call_deadline": ("12.5", 12.5),
    "upload_root": ("/", Path("/")),
    "contract_file": ("contract.toml", Path("contract.toml")),
    "sandbox": ("true", True),
    "log_level": ("debug", "DEBUG"),
    "time_zone": ("America/Chicago", "America/Chicago"),
}


@pytest.fixture(autouse=True)
def _empty_keychain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEST_KEYCHAIN", str(tmp_path / "keychain.json"))
    keyring.set_keyring(Working())


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets variables by their names without the prefix."""

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"LEADBRIDGE_{name.upper()}", value)

    return put


def refused(env_file: str | None = None) -> str:
    """The one line that reports a wrong environment."""
    with pytest.raises(SettingsError) as caught:
        load_settings(env_file=env_file)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    for secret in (KEY, TOKEN, "hunter2"):
        assert secret not in message
    assert caught.value.__cause__ is None
    return message


# Every setting


@pytest.mark.parametrize("name", sorted(READINGS))
def test_a_setting_is_read_from_the_environment(name: str, env: Any) -> None:
    value, expected = READINGS[name]
    env(sandbox="1")
    if name.endswith("_file") and name != "contract_file":
        Path(value).write_text(f"  {STATE if name == 'state_url_file' else KEY}\n")
    env(**{name: value})
    assert getattr(load_settings(), name) == expected


def test_the_table_above_holds_every_setting_there_is() -> None:
    assert {*READINGS, "env_file"} == set(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(READINGS))
@pytest.mark.parametrize("named_by", ["option", "variable"])
def test_a_setting_is_read_from_an_env_file_that_is_named(name: str, named_by: str, env: Any) -> None:
    value, expected = READINGS[name]
    if name.endswith("_file") and name != "contract_file":
        Path(value).write_text(STATE if name == "state_url_file" else KEY)
    Path("my.env").write_text(f"LEADBRIDGE_SANDBOX=1\nLEADBRIDGE_{name.upper()}={value}\n")
    if named_by == "variable":
        env(env_file=str(Path("my.env").absolute()))
    settings = load_settings(env_file="my.env" if named_by == "option" else None)
    assert getattr(settings, name) == expected
    assert settings.env_file == Path("my.env").absolute()


def test_the_environment_wins_over_the_env_file(env: Any) -> None:
    Path("my.env").write_text("LEADBRIDGE_SANDBOX=1\nLEADBRIDGE_APPROVALS=off\nleadbridge_read_only=0\n")
    env(approvals="human", read_only="1")
    settings = load_settings(env_file="my.env")
    assert (settings.approvals, settings.read_only, settings.sandbox) == ("human", True, True)


@pytest.mark.parametrize("name", sorted(READINGS))
def test_an_env_file_that_is_merely_in_the_working_directory_is_not_read(name: str, env: Any) -> None:
    env(rooflink_api_key=KEY)
    before = load_settings()
    Path(".env").write_text(f"LEADBRIDGE_{name.upper()}={READINGS[name][0]}\n")
    assert load_settings() == before
    (warning,) = before.warnings()
    assert warning.startswith(f"the .env in the working directory is not read; it sets LEADBRIDGE_{name.upper()}. ")
    assert warning.endswith("name it with --env-file or LEADBRIDGE_ENV_FILE")


@pytest.mark.parametrize(
    "content",
    [b"LEADBRIDGE_READONLY=1\n", b"\xff\xfeL\x00", b"caf\xe9", b"no assignment", b'KEY="-----BEGIN\nabc\n', None],
)
def test_what_is_wrong_with_a_file_that_is_not_read_stops_no_start(content: bytes | None, env: Any) -> None:
    env(rooflink_api_key=KEY)
    if content is None:
        os.mkfifo(".env")
    else:
        Path(".env").write_bytes(content)
    settings = load_settings()
    assert len(list(settings.warnings())) == (content == b"LEADBRIDGE_READONLY=1\n")


def test_an_env_file_that_is_named_is_not_called_unread(env: Any) -> None:
    Path(".env").write_text(f"LEADBRIDGE_ROOFLINK_API_KEY={KEY}\n")
    assert ".env in the working directory is not read" in refused()
    assert list(load_settings(env_file=".env").warnings()) == []
    env(env_file=str(Path(".env").absolute()))
    assert list(load_settings().warnings()) == []


def test_a_path_of_an_env_file_begins_at_home_or_is_absolute_or_is_typed(
    env: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env(rooflink_api_key=KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my.env").write_text("LEADBRIDGE_APPROVALS=human\n")
    for named in ("~/my.env", "$HOME/my.env", f'"{tmp_path}/my.env"\r'):
        env(env_file=named)
        assert load_settings().approvals == "human"
    for named in ("~/my.env", "$HOME/my.env", f"{tmp_path}/my.env"):
        env(env_file="")
        assert load_settings(env_file=named).approvals == "human"
    env(env_file="my.env")
    assert refused().startswith("LEADBRIDGE_ENV_FILE: must be an absolute path")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no assignment\n", "line 1, cannot be read"),
        (b"\nLEADBRIDGE_READ_ONLY\n", "line 2, cannot be read"),
        (b'A=1\nKEY="-----BEGIN\nabc\n', "line 2, cannot be read"),
        (b"LEADBRIDGE_ENV_FILE=/srv/other.env\n", "cannot name another one"),
        (b"\xff\x80", "not UTF-8 text"),
        (b"#" * 70_000, "larger than 64 kB"),
        (None, "a pipe, not a regular file"),
    ],
)
def test_a_named_env_file_that_cannot_be_read_is_refused_in_one_line(content: bytes | None, why: str, env: Any) -> None:
    env(rooflink_api_key=KEY)
    if content is None:
        os.mkfifo("my.env")
    else:
        Path("my.env").write_bytes(content)
    said = refused(env_file="my.env")
    assert why in said
    assert "my.env" in said


def test_an_env_file_that_is_not_there_or_has_no_name_is_refused(env: Any) -> None:
    env(rooflink_api_key=KEY)
    assert "nowhere.env cannot be read: No such file" in refused(env_file="nowhere.env")
    assert refused(env_file="") == "--env-file is empty; give it the path of a file"
    assert "NOT_SET" in refused(env_file="$NOT_SET/my.env")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_env_file_is_read_in_every_usual_encoding(encoding: str, end: str, env: Any) -> None:
    env(rooflink_api_key=KEY)
    lines = ["LEADBRIDGE_READ_ONLY=true", "export LEADBRIDGE_APPROVALS='human'", "# caf\xe9", "OTHER=1", ""]
    Path("my.env").write_bytes(end.join(lines).encode(encoding))
    settings = load_settings(env_file="my.env")
    assert (settings.read_only, settings.approvals) == (True, "human")


def test_no_variable_is_filled_into_a_value_of_an_env_file(env: Any) -> None:
    Path("my.env").write_text("LEADBRIDGE_ROOFLINK_API_KEY=${HOME}\n")
    assert "placeholder" in refused(env_file="my.env")
    env(rooflink_api_key=KEY)
    Path("my.env").write_text("LEADBRIDGE_READ_ONLY=${NOT_SET}\n")
    assert refused(env_file="my.env").startswith("LEADBRIDGE_READ_ONLY: ")


def test_the_defaults_are_the_careful_ones(env: Any) -> None:
    env(rooflink_api_key=KEY)
    settings = load_settings()
    assert (settings.approvals, settings.read_only, settings.sandbox) == ("auto", False, False)
    assert (settings.toolsets, settings.call_deadline, settings.log_level) == ("default", 50.0, "WARNING")
    assert (settings.rooflink_base_url, settings.renovationfind_base_url) == ("", "")
    assert settings.state_url is settings.upload_root is settings.contract_file is None


def test_an_empty_variable_is_as_good_as_none(env: Any) -> None:
    env(**{**dict.fromkeys(READINGS, ""), "rooflink_api_key": KEY})
    assert load_settings() == Settings(rooflink_api_key=SecretStr(KEY))


def test_settings_cannot_be_changed_once_they_are_read() -> None:
    with pytest.raises(ValidationError):
        make_settings().read_only = True  # type: ignore[misc]


@pytest.mark.parametrize("text", ["1", "true", "True", "TRUE", "yes", "on", "t", "y"])
def test_read_only_is_on_for_every_usual_word_of_yes(text: str, env: Any) -> None:
    env(rooflink_api_key=KEY, read_only=text)
    assert load_settings().read_only is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("read_only", "maybe"),
        ("read_only", "2"),
        ("sandbox", "x"),
        ("approvals", "never"),
        ("approvals", "true"),
        ("call_deadline", "0"),
        ("call_deadline", "-1"),
        ("call_deadline", "601"),
        ("call_deadline", "nan"),
        ("call_deadline", "inf"),
        ("call_deadline", "soon"),
        ("log_level", "LOUD"),
        ("company", "Acme / Roofing"),
        ("company", "A" * 41),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_its_name(name: str, value: str, env: Any) -> None:
    env(rooflink_api_key=KEY)
    env(**{name: value})
    assert refused().startswith(f"LEADBRIDGE_{name.upper()}: ")


# Unknown names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LEADBRIDGE_READONLY", "LEADBRIDGE_READ_ONLY"),
        ("LEADBRIDGE_ROOFLINK_APIKEY", "LEADBRIDGE_ROOFLINK_API_KEY"),
        ("LEADBRIDGE_ROOFLINK_TOKEN", "LEADBRIDGE_ROOFLINK"),
        ("LEADBRIDGE_APPROVAL", "LEADBRIDGE_APPROVALS"),
        ("LEADBRIDGE_TOOLSET", "LEADBRIDGE_TOOLSETS"),
        ("leadbridge_readonly", "LEADBRIDGE_READ_ONLY"),
        ("LEADBRIDGE_DEADLINE", "LEADBRIDGE_CALL_DEADLINE"),
        ("LEADBRIGE_READ_ONLY", "LEADBRIDGE_READ_ONLY"),
        ("LEAD_BRIDGE_APPROVALS", "LEADBRIDGE_APPROVALS"),
        ("LEADBRDIGE_SANDBOX", "LEADBRIDGE_SANDBOX"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "env file"])
def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(
    name: str, meant: str, place: str, env: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    env(rooflink_api_key=KEY)
    if place == "environment":
        monkeypatch.setenv(name, "1")
    else:
        Path("my.env").write_text(f"OTHER=1\n{name}=1\n")
    message = refused(None if place == "environment" else "my.env")
    assert message.startswith(name)
    assert "did you mean" in message
    assert meant in message


def test_a_name_like_no_other_is_refused_with_all_that_are_known(env: Any) -> None:
    env(rooflink_api_key=KEY, zzzzqqqq="1")
    message = refused()
    assert all(f"LEADBRIDGE_{name.upper()}" in message for name in Settings.model_fields)


def test_variables_of_others_are_nobodys_business(env: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    env(rooflink_api_key=KEY)
    monkeypatch.setenv("LEADBRIDG", "x")
    for name in ("READ_ONLY", "LEADERBOARD_TIME_ZONE", "LEAD_TOOLSETS", "BRIDGE_SANDBOX", "ACME_LEADBRIDGE_APPROVALS"):
        monkeypatch.setenv(name, "1")
    Path("my.env").write_text("DATABASE_URL=x\nREAD_ONLY=1\n")
    assert load_settings(env_file="my.env").read_only is False


def test_a_misspelt_name_on_the_first_line_of_a_file_with_a_byte_order_mark_is_refused(env: Any) -> None:
    env(rooflink_api_key=KEY)
    Path("my.env").write_text("LEADBRIDGE_READONLY=1\n", "utf-8-sig")
    assert "LEADBRIDGE_READ_ONLY" in refused("my.env")


# Keys


def test_without_a_key_and_without_the_sandbox_one_line_says_both_choices() -> None:
    message = refused()
    for word in ("LEADBRIDGE_ROOFLINK_API_KEY", "LEADBRIDGE_RENOVATIONFIND_TOKEN", "--sandbox"):
        assert word in message


def test_the_sandbox_needs_no_key_from_the_command_line_or_the_environment(env: Any) -> None:
    assert load_settings(sandbox=True).sandbox is True
    env(sandbox="1")
    assert load_settings().sandbox is True


def test_the_command_lines_sandbox_wins_over_an_environment_that_says_no(env: Any) -> None:
    env(sandbox="0", rooflink_api_key=KEY)
    assert load_settings(sandbox=True).sandbox is True


@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token"])
def test_one_key_is_enough_and_belongs_to_one_service(name: str, env: Any) -> None:
    env(**{name: KEY})
    settings = load_settings()
    found = {service: settings.secret(service) for service in ("rooflink", "renovationfind")}
    service = name.partition("_")[0]
    assert found.pop(service) == SecretStr(KEY)
    assert list(found.values()) == [None]


@pytest.mark.parametrize(
    "bad",
    [
        *(f"{KEY} x", f"{KEY}\n{KEY}", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f"{KEY}\x7f", f'{{"key":"{KEY}",', " ", '""'),
        *(f"https://crm.example/{KEY}", f"op://vault/{KEY}", f"{KEY[:6]}...", f"{KEY[:6]}****", KEY * 1000),
        *("\u2022" * 16, f"setx KEY {KEY}", f"{KEY[:8]}\u2013{KEY[8:]}"),
    ],
)
@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(name: str, bad: str, env: Any) -> None:
    env(**{name: bad})
    assert refused().startswith(f"LEADBRIDGE_{name.upper()}: ")


@pytest.mark.parametrize(
    "pasted",
    [
        *("{}\n", "\t{}\r\n", " {} ", "\ufeff{}", "{}\u200b", "\u2060{}\u00a0", '"{}"', "'{}'", "`{}`", '"{}', "{}\\n"),
        *("\u201c{}\u201d", "\u201e{}\u201c", "\u00ab{}\u00bb", "\u2018{}\u2019", "\"'{}'\"", '"{}",'),
        *(
            "Bearer {}",
            "bearer  {}",
            "Bearer%20{}",
            "Token {}",
            "Authorization: Bearer {}",
            "X-API-KEY: {}",
            "x-api-key:{}",
        ),
        *(
            "LEADBRIDGE_ROOFLINK_API_KEY={}",
            "export API_KEY='{}'",
            '$env:TOKEN = "{}"',
            '"token": "{}",',
            "Key: {}\r\n",
        ),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(("name", "key"), [("rooflink_api_key", KEY), ("renovationfind_token", TOKEN)])
def test_a_key_is_taken_without_what_was_pasted_with_it(pasted: str, place: str, name: str, key: str, env: Any) -> None:
    if place == "environment":
        env(**{name: pasted.format(key)})
    else:
        Path("key").write_text(pasted.format(key))
        env(**{f"{name}_file": "key"})
    assert getattr(load_settings(), name) == SecretStr(key)


@pytest.mark.parametrize(
    "key", ["k" * 12, "abc123==", "wrong-key", "sk_live_xyz9", "a/b+c=", "rl-secret-key-1", "my-9-key"]
)
def test_a_key_that_looks_odd_is_still_a_key(key: str, env: Any) -> None:
    env(rooflink_api_key=key)
    assert load_settings().rooflink_api_key == SecretStr(key)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "${input:rooflink-key}",
            "${ROOFLINK_API_KEY}",
            "${user_config.token}",
            "${env:KEY}",
            "$ROOFLINK_API_KEY",
            "{{key}}",
        ),
        *(
            "%ROOFLINK_API_KEY%",
            "$(cat key)",
            "<your key>",
            "<API_KEY>",
            "[your token]",
            "{token}",
            "input:rooflink-key",
        ),
        *("YOUR_API_KEY", "your-rooflink-api-key-here", "xxx", "XXXX-XXXX", "changeme", "REPLACE_ME", "todo", "null"),
        *("Bearer ${TOKEN}", '"${input:key}"', "paste your token here", "Bearer", "undefined", "API_KEY=your_key"),
    ],
)
@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token"])
def test_a_placeholder_that_nobody_filled_in_is_named(text: str, name: str, env: Any) -> None:
    env(**{name: text})
    said = refused()
    assert said.startswith(f"LEADBRIDGE_{name.upper()}: is a placeholder that was not filled in")


@pytest.mark.parametrize("text", ["", "\n", "<API_KEY>", f"{KEY}\nsecond line\n"])
@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token", "state_url"])
def test_what_is_wrong_in_a_file_of_a_key_is_said_of_the_file(text: str, name: str, env: Any) -> None:
    Path("key.txt").write_text(text)
    env(**{f"{name}_file": "key.txt"})
    assert refused().startswith(f"LEADBRIDGE_{name.upper()}_FILE: what is in the file ")


@pytest.mark.parametrize("around", ["{}\r", " {} ", '"{}"', "'{}'\r\n", "\ufeff{}", "\u201c{}\u201d"])
@pytest.mark.parametrize(
    "name",
    [
        "read_only",
        "approvals",
        "log_level",
        "toolsets",
        "call_deadline",
        "rooflink_base_url",
        "upload_root",
        "state_url",
    ],
)
def test_every_value_is_understood_with_blanks_line_ends_and_quotes_around_it(name: str, around: str, env: Any) -> None:
    value, expected = READINGS[name]
    env(rooflink_api_key=KEY, **{name: around.format(value)})
    assert getattr(load_settings(), name) == expected


@pytest.mark.parametrize("name", ["read_only", "approvals", "toolsets", "rooflink_base_url", "contract_file"])
@pytest.mark.parametrize("blank", [" ", "\r", '""', "\ufeff"])
def test_a_value_of_blanks_or_empty_quotes_is_as_good_as_none(name: str, blank: str, env: Any) -> None:
    env(rooflink_api_key=KEY)
    without = load_settings()
    env(**{name: blank})
    assert load_settings() == without


@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token", "state_url"])
def test_a_secret_can_stand_in_a_file_with_white_space_around_it(name: str, env: Any, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    secret = STATE if name == "state_url" else KEY
    file.write_text(f"\n  {secret}\r\n")
    env(sandbox="1", **{f"{name}_file": str(file)})
    assert getattr(load_settings(), name) == SecretStr(secret)


@pytest.mark.parametrize("name", ["rooflink_api_key", "renovationfind_token", "state_url"])
@pytest.mark.parametrize("place", ["environment", "env file"])
def test_a_secret_given_twice_is_refused(name: str, place: str, env: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(KEY)
    env(**{f"{name}_file": str(tmp_path / "secret")})
    if place == "environment":
        env(**{name: TOKEN})
    else:
        Path("my.env").write_text(f"LEADBRIDGE_{name.upper()}={TOKEN}\n")
    message = refused(None if place == "environment" else "my.env")
    assert f"LEADBRIDGE_{name.upper()} and LEADBRIDGE_{name.upper()}_FILE" in message


@pytest.mark.parametrize("name", ["missing", "empty", "bytes", "."])
def test_a_secret_file_that_is_missing_a_folder_empty_or_no_text_is_refused_by_its_name(
    env: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00" + KEY.encode())
    env(rooflink_api_key_file=str(tmp_path / name))
    assert refused().startswith("LEADBRIDGE_ROOFLINK_API_KEY")


def test_no_secret_is_in_any_repr_text_or_dump(env: Any) -> None:
    env(rooflink_api_key=KEY, renovationfind_token=TOKEN, state_url=STATE)
    settings = load_settings()
    for message in (
        repr(settings),
        str(settings),
        f"{settings!r:>1}",
        str(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert not re.search(f"{KEY}|{re.escape(TOKEN)}|hunter2", message)


@pytest.mark.parametrize("name", sorted(READINGS))
def test_a_wrong_value_anywhere_shows_no_secret(name: str, env: Any) -> None:
    env(rooflink_api_key=KEY, renovationfind_token=TOKEN, state_url=STATE)
    env(**{name: f"{TOKEN} \N{SNOWMAN} {KEY}"})
    try:
        load_settings()
    except SettingsError as error:
        assert KEY not in str(error)  # noqa: PT017  # some settings take any text
        assert TOKEN not in str(error)  # noqa: PT017
        assert error.__suppress_context__ or error.__context__ is None  # noqa: PT017


@pytest.mark.parametrize(
    "url",
    ["hunter2", "mysql://leads:hunter2@db.example/leads", "postgresql:leads:hunter2@db.example", "sqlite:hunter2"],
)
def test_a_state_store_of_another_kind_is_refused_without_being_shown(url: str, env: Any) -> None:
    env(rooflink_api_key=KEY, state_url=url)
    message = refused()
    assert message.startswith("LEADBRIDGE_STATE_URL: ")
    assert "sqlite:///" in message


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example",
        "https://crm.example:8443/a/b",
        "HTTPS://CRM.EXAMPLE/A",
        "http://127.0.0.1:8322",
        "http://127.8.9.10/x",
        "http://[::1]:8322/x",
        "http://localhost:8322",
        "http://LOCALHOST",
    ],
)
def test_an_address_with_tls_or_on_this_machine_is_taken(url: str, env: Any) -> None:
    env(rooflink_api_key=KEY, rooflink_base_url=url)
    assert load_settings().base_url("rooflink") == url.rstrip("/")
    assert load_settings().base_url("renovationfind") == ""


@pytest.mark.parametrize(
    "url",
    [
        # Without TLS, to elsewhere
        "http://crm.example",
        "http://127.0.0.1.collector.example",
        "http://localhost.collector.example",
        "http://0.0.0.0",
        "http://192.168.0.5",
        "http://[::]",
        # No plain address
        "crm.example",
        "//crm.example",
        "ftp://crm.example",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://crm.example/?a=b",
        "https://crm.example/#a",
        "https://crm.example:99999",
        "https://crm.example:x",
        "https://[::1",
        "unix:/run/x",
        "5",
        # With somebody's name or password
        "https://user@crm.example",
        f"https://user:{KEY}@crm.example",
        f"https://:{KEY}@crm.example",
        "https://crm.example@collector.example",
        # With what no address holds
        "https://crm .example",
        "https://crm.example/a b",
        "https://crm\t.example",
        "https://crm.example\\@collector.example",
    ],
)
@pytest.mark.parametrize("name", ["rooflink_base_url", "renovationfind_base_url"])
def test_an_address_that_is_not_safe_is_refused(name: str, url: str, env: Any) -> None:
    env(rooflink_api_key=KEY, **{name: url})
    assert refused().startswith(f"LEADBRIDGE_{name.upper()}: ")


@pytest.mark.parametrize("url", ["https://crm.example/a\n", " https://crm.example/a", "https://crm.example/a/ "])
def test_white_space_around_an_address_is_refused_or_taken_off(url: str, env: Any) -> None:
    env(rooflink_api_key=KEY, rooflink_base_url=url)
    try:
        assert load_settings().rooflink_base_url == "https://crm.example/a"
    except SettingsError as error:
        assert "LEADBRIDGE_ROOFLINK_BASE_URL" in str(error)  # noqa: PT017  # both ways out are right


@unhurried
@given(st.text(max_size=30))
def test_a_host_is_this_machine_only_by_name_or_by_a_loopback_address(host: str) -> None:
    assert is_loopback(host) is (
        host.lower() == "localhost" or re.fullmatch(r"127(\.\d{1,3}){3}|::1|0*(:0*){0,7}:0*1", host) is not None
    )


# Toolsets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("default", set(DEFAULT)),
        ("all", {*DEFAULT, *OPT_IN}),
        ("leads", {"leads"}),
        (" Leads , PROSPECTS ,", {"leads", "prospects"}),
        ("default,calendar", {*DEFAULT, "calendar"}),
        ("default,-photos", set(DEFAULT) - {"photos"}),
        ("-photos", set(DEFAULT) - {"photos"}),
        ("-photos,-notes", set(DEFAULT) - {"photos", "notes"}),
        ("all,-default", set(OPT_IN)),
        ("leads-read", {"leads-read"}),
        ("all,-leads-read", {*DEFAULT, *OPT_IN} - {"leads-read"}),
        ("leads,-leads,leads", {"leads"}),
    ],
)
def test_toolsets_are_added_and_dropped_in_their_order(text: str, expected: set[str]) -> None:
    assert chosen_toolsets(text) == expected


@pytest.mark.parametrize(
    "text", ["lead", "default,everything", "-photo", "--photos", "default;leads", "leads prospects"]
)
def test_a_toolset_that_does_not_exist_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        chosen_toolsets(text)
    assert str(caught.value).startswith("LEADBRIDGE_TOOLSETS")
    assert all(name in str(caught.value) for name in (*DEFAULT, *OPT_IN))


@pytest.mark.parametrize("text", ["", " , ", "leads,-leads", "all,-all", "-default"])
def test_toolsets_that_leave_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="LEADBRIDGE_TOOLSETS leaves no toolset"):
        chosen_toolsets(text)


@unhurried
@given(st.lists(st.sampled_from(["default", "all", *DEFAULT, *OPT_IN, *(f"-{name}" for name in (*DEFAULT, *OPT_IN))])))
def test_the_last_word_about_a_toolset_counts(words: list[str]) -> None:
    try:
        chosen = chosen_toolsets(",".join(words))
    except SettingsError:
        return
    if words[-1].startswith("-"):
        assert words[-1][1:] not in chosen
    elif words[-1] not in {"default", "all"}:
        assert words[-1] in chosen
    assert chosen <= {*DEFAULT, *OPT_IN}


BOTH = {"rooflink", "renovationfind"}


def hidden(keys: set[str], **values: Any) -> dict[str, SwitchedOff]:
    given = make_settings(**values)
    return hidden_tools(given, load(EVERY_PATH), ALL_TOOLS, keys, build_app_context(given).lead_paths)


def test_a_read_only_server_hides_every_write_and_says_why() -> None:
    found = hidden(BOTH, read_only=True)
    assert set(found) >= {spec.name for spec in ALL_TOOLS if spec.effect.writes}
    assert {why for name, why in found.items() if "list" not in name} >= {READ_ONLY}
    assert not {spec.name for spec in ALL_TOOLS if not spec.effect.writes and spec.toolset in DEFAULT} & set(found)


def test_read_only_beats_every_choice_of_toolsets() -> None:
    found = hidden(BOTH, read_only=True, toolsets="all", approvals="off")
    assert set(found) >= {spec.name for spec in ALL_TOOLS if spec.effect.writes}


@pytest.mark.parametrize("service", sorted(BOTH))
def test_a_service_without_a_key_has_no_tools(service: str) -> None:
    found = hidden(BOTH - {service}, toolsets="all")
    assert set(found) == {
        spec.name for spec in ALL_TOOLS if any(row.startswith(f"{service}.") for row in spec.operations)
    }
    assert {spec.name for spec in ALL_TOOLS if spec.name.startswith(f"{service}_")} <= set(found)
    assert set(found.values()) == {no_key(service)}


def test_what_is_not_chosen_is_hidden_by_the_name_of_its_toolset() -> None:
    found = hidden(BOTH, toolsets="leads")
    assert set(found) == {spec.name for spec in ALL_TOOLS if spec.toolset != "leads"}
    assert (
        str(found["rooflink_create_lead"])
        == "toolset prospects is not in LEADBRIDGE_TOOLSETS; set LEADBRIDGE_TOOLSETS=leads,prospects"
    )
