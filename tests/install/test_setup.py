"""`leadbridge setup` at a real terminal: keys go where only their owner finds them, and the server finds them there."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner

from leadbridge.server.cli import setup
from leadbridge.server.cli.main import app
from leadbridge.server.config.env_file import settings_in, with_settings
from tests.contract.standin import Documentation, serving
from tests.documents.examples import ROOT
from tests.process.processes import COMMAND, PATIENCE, sandbox_process

KEYS = {"LEADBRIDGE_ROOFLINK_API_KEY": "rooflink.key", "LEADBRIDGE_RENOVATIONFIND_TOKEN": "renovationfind.token"}
HIDDEN = "It is not shown; Enter skips it: "  # with the blank: by then the terminal shows nothing that is typed
ANYWAY = "Use it all the same?"
KEEP = "Keep what you gave in the system's keychain (Test Keychain), under leadbridge?"
READ, TRY, CHANGE = "It is read without a key. Read it?", "Try them?", "Change "
STOP = "Ctrl-C"
WAYS = [("Working", "y"), ("Working", "n"), ("Weak", ""), ("Locked", "y"), ("Forgetful", "y"), ("fail", "")]
"""A keychain, and whether it is to be used; none is asked about that is not safe."""


class Office:
    """A home folder with Cursor in it, and both services simulated on this machine."""

    def __init__(self, home: Path, services: dict[str, str], keychain: str = "Working") -> None:
        self.home, self.services = home, services
        (home / ".cursor").mkdir(parents=True, exist_ok=True)
        backend = "keyring.backends.fail" if keychain == "fail" else "tests.install.keychains"
        self.environment = {
            **{name: os.environ[name] for name in os.environ if name.startswith(("PATH", "COVERAGE"))},
            **{name: value for name, value in services.items() if name not in KEYS},
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "PYTHON_KEYRING_BACKEND": f"{backend}.{'Keyring' if keychain == 'fail' else keychain}",
            "TEST_KEYCHAIN": str(home / "keychain.json"),
            "TERM": "dumb",
        }
        self.settings = home / ".config" / "leadbridge" / "leadbridge.env"

    def at_a_terminal(self, answers: Sequence[tuple[str, str]], *arguments: str) -> tuple[int, str]:
        """What comes of it, and all that the terminal shows; each answer is typed when its question is there."""
        ours, theirs = pty.openpty()
        seen, asked, left = "", 0, list(answers)
        with closing(os.fdopen(ours, "r+b", buffering=0)) as person:
            command = [*COMMAND, "setup", *arguments]
            process = subprocess.Popen(
                command, stdin=theirs, stdout=theirs, stderr=theirs, env=self.environment, cwd=self.home,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it  # noqa: PLW1509
            )  # fmt: skip
            try:
                os.close(theirs)
                with suppress(OSError):  # how Linux says that the other end is closed
                    while chunk := person.read(65536):
                        seen += chunk.decode(errors="replace")
                        if left and (found := seen.find(left[0][0], asked)) >= 0:
                            asked = found + len(left[0][0])
                            if (answer := left.pop(0)[1]) == STOP:
                                process.send_signal(signal.SIGINT)
                            else:
                                person.write(f"{answer}\n".encode())
                assert not left, f"{left[0][0]} was not asked:\n{seen}"
                return process.wait(PATIENCE), seen
            finally:
                process.kill()
                process.wait()

    def without_terminal(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "setup", *arguments],
            input="secret-key-0123456789\n" * 9,
            env={**self.environment, **settings},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def stored(self) -> dict[str, str]:
        """What is in the files of the home now, by path."""
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.home)): path.read_bytes().decode(errors="replace") for path in files}

    async def prospects(self) -> int:
        """How many of two prospects the server gets that Cursor starts."""
        entry = json.loads((self.home / ".cursor" / "mcp.json").read_text("utf-8"))["mcpServers"]["leadbridge"]
        server = StdioServerParameters(
            command=entry["command"],
            args=entry["args"],
            env={**self.environment, **entry.get("env", {})},
            cwd=self.home,
        )
        async with Client(stdio_client(server), read_timeout_seconds=PATIENCE) as client:
            result = await client.call_tool("rooflink_list_prospects", {"page_size": 2})
            assert not result.is_error, result
            return len((result.structured_content or {})["rows"])


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, str]]:
    with sandbox_process() as (_, environment):
        yield environment


@pytest.fixture
def office(services: dict[str, str], tmp_path: Path) -> Office:
    return Office(tmp_path / "A home with Umläuts", services)


@pytest.mark.slow
@pytest.mark.parametrize(("keychain", "keep"), WAYS)
async def test_keys_that_are_typed_are_kept_and_found_by_the_server_that_an_assistant_starts(
    keychain: str, keep: str, services: dict[str, str], tmp_path: Path
):
    office = Office(tmp_path / "A home with Umläuts", services, keychain)
    key, token = (services[name] for name in KEYS)
    answers = [(HIDDEN, "YOUR_API_KEY"), (HIDDEN, f"  Bearer {key} "), (HIDDEN, token), (ANYWAY, "y")]
    answers += [(KEEP, keep)] if keep else []
    tried = "y" if keychain == "Working" else "n"
    code, seen = office.at_a_terminal([*answers, (READ, "n"), (TRY, tried), (CHANGE, "y")])
    assert "What you gave is a placeholder" in seen
    assert (code, key in seen, token in seen) == (0, False, False), seen
    stored = office.stored()
    in_files = not (keychain == "Working" and keep == "y")
    places = {f".config/leadbridge/{file}" for file in KEYS.values()} if in_files else {"keychain.json"}
    assert {path for path, text in stored.items() if key in text or token in text} == places
    for path in places if in_files else ():
        assert stat.S_IMODE((office.home / path).stat().st_mode) == 0o600
        assert stat.S_IMODE((office.home / path).parent.stat().st_mode) == 0o700
    assert ("ok       RoofLink" in seen) == (tried == "y")
    assert "Cursor: LeadBridge was added." in seen
    assert await office.prospects() == 2


def test_an_empty_answer_leaves_each_step_for_later_and_nothing_is_stored(office: Office):
    code, seen = office.at_a_terminal([(HIDDEN, ""), (HIDDEN, ""), (READ, "n")])
    assert code == 0
    assert office.stored() == {}
    for command in ("leadbridge setup", "leadbridge contract check", "leadbridge doctor --live", "leadbridge install"):
        assert command in seen.partition("Left for later:")[2]


@pytest.mark.slow
@pytest.mark.parametrize("asked", range(6))
def test_who_stops_at_a_question_is_told_what_is_stored_and_what_is_left(asked: int, office: Office):
    key = office.services["LEADBRIDGE_ROOFLINK_API_KEY"]
    answers = [(HIDDEN, key), (HIDDEN, ""), (KEEP, "n"), (READ, "n"), (TRY, "n"), (CHANGE, "")]
    code, seen = office.at_a_terminal([*answers[:asked], (answers[asked][0], STOP)])
    assert (code, "Traceback" in seen) == (1, False), seen
    keys = {".config/leadbridge/leadbridge.env", ".config/leadbridge/rooflink.key"}
    assert {*office.stored()} == (keys if asked > 2 else set())
    left = seen.partition("Stopped.")[2].partition("Left for later:")[2]
    named = f"--env-file '{office.settings}'" if asked > 2 else ""
    assert ("leadbridge setup" in left) == (asked < 3)
    assert f"leadbridge doctor --live {named}".strip() in left
    assert f"leadbridge install {named}".strip() in left


def test_a_no_to_the_change_leaves_it_for_later_with_a_command_that_runs(office: Office):
    key = office.services["LEADBRIDGE_ROOFLINK_API_KEY"]
    answers = [(HIDDEN, key), (HIDDEN, ""), (KEEP, "n"), (CHANGE, "n")]
    code, seen = office.at_a_terminal(answers, "--skip", "contract", "--skip", "live")
    assert code == 0, seen
    (command,) = re.findall(r"- connect an assistant: (.+?)\r?\n", seen)
    assert not (office.home / ".cursor" / "mcp.json").exists()
    subprocess.run(command, shell=True, check=True, env=office.environment, stdin=subprocess.DEVNULL)
    assert str(office.settings) in (office.home / ".cursor" / "mcp.json").read_text("utf-8")


def test_a_skipped_step_is_left_only_if_something_of_it_is(office: Office):
    everything = [part for step in ("keys", "contract", "live", "install") for part in ("--skip", step)]
    assert "leadbridge setup" in office.at_a_terminal([], *everything)[1]
    key = office.services["LEADBRIDGE_ROOFLINK_API_KEY"]
    code, _ = office.at_a_terminal([(HIDDEN, key), (HIDDEN, ""), (KEEP, "n")], *everything[2:])
    assert code == 0
    left = office.at_a_terminal([], *everything)[1].partition("Left for later:")[2]
    assert "your keys" not in left
    assert "leadbridge doctor --live" in left


def test_without_a_terminal_it_says_so_and_stores_nothing(office: Office):
    for arguments in ((), ("--yes",), ("--store", "files")):
        done = office.without_terminal(*arguments)
        assert (done.returncode, office.stored()) == (2, {})
        assert re.fullmatch(r"leadbridge: setup asks for keys, and this is not a terminal: .+\n", done.stderr)


async def test_without_a_terminal_it_takes_the_files_that_are_named(office: Office):
    named = {}
    for variable, file in KEYS.items():
        (office.home / file).write_text(office.services[variable])
        (office.home / file).chmod(0o600)
        named[f"{variable}_FILE"] = file
    done = office.without_terminal("--yes", "--skip", "contract", "--skip", "live", "cursor", **named)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(settings_in(office.settings).values()) == {str(office.home / file) for file in KEYS.values()}
    assert await office.prospects() == 2


@pytest.mark.parametrize("reachable", [True, False])
def test_the_documentation_is_compared_and_what_cannot_be_reached_waits(
    reachable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In this process, so that the documentation can be put elsewhere; nobody listens where it is not reachable."""
    key = tmp_path / "rooflink.key"
    key.write_text("a-key-of-the-office")
    (tmp_path / ".cursor").mkdir()
    for name, value in {"HOME": str(tmp_path), "LEADBRIDGE_ROOFLINK_API_KEY_FILE": str(key)}.items():
        monkeypatch.setenv(name, value)
    file, documentation = tmp_path / "leadbridge.env", Documentation()
    with serving(documentation.app()) as origin:
        monkeypatch.setattr(setup, "MCP", f"{origin if reachable else 'http://127.0.0.1:9'}/mcp")
        result = CliRunner().invoke(app, ["setup", "--yes", "--skip", "live", "--env-file", str(file)])
    assert result.exit_code == (0 if reachable else 1)
    assert (documentation.asked[-1:] == ["get-request-body"]) == reachable
    assert (tmp_path / "contract.toml").exists() == reachable
    assert ("leadbridge contract check" in result.output.partition("Left for later:")[2]) != reachable
    assert "CONTRACT" not in file.read_text("utf-8")  # a person reads the corrections first
    assert "Cursor: LeadBridge was added." in result.output


def test_a_key_in_the_shell_is_refused_before_anything_is_asked(office: Office):
    done = office.without_terminal("--yes", LEADBRIDGE_ROOFLINK_API_KEY="secret-key-0123456789")
    assert (done.returncode, done.stdout, office.stored()) == (2, "", {})
    assert "LEADBRIDGE_ROOFLINK_API_KEY is set in this shell" in done.stderr
    assert "secret-key" not in done.stderr


def test_a_new_key_takes_the_place_of_the_old_one_and_other_settings_stay(office: Office):
    office.settings.parent.mkdir(parents=True)
    office.settings.write_text(
        "# ours\nLEADBRIDGE_RENOVATIONFIND_TOKEN=an-old-one-0123456789\nLEADBRIDGE_READ_ONLY=1\n"
    )
    token = office.services["LEADBRIDGE_RENOVATIONFIND_TOKEN"]
    answers = [(HIDDEN, ""), (HIDDEN.replace("skips", "keeps"), token), (ANYWAY, "y")]
    later = [word for step in ("contract", "live", "install") for word in ("--skip", step)]
    code, seen = office.at_a_terminal(answers, "--store", "files", *later)
    assert code == 0, seen
    file = office.settings.with_name("renovationfind.token")
    assert file.read_text("utf-8").strip() == token
    assert office.settings.read_text("utf-8").startswith("# ours\nLEADBRIDGE_READ_ONLY=1\n")
    assert settings_in(office.settings)["LEADBRIDGE_RENOVATIONFIND_TOKEN_FILE"] == str(file)


@pytest.mark.parametrize(
    ("keychain", "says"),
    [
        ("Locked", "LEADBRIDGE_KEYCHAIN: the system's keychain: it cannot be used: Failed to unlock the collection!"),
        ("Working", "no key: the system's keychain has none under the name leads; set LEADBRIDGE_ROOFLINK_API_KEY"),
    ],
)
def test_a_server_that_finds_no_key_in_the_keychain_says_why(keychain: str, says: str, office: Office):
    environment = {**office.environment, "LEADBRIDGE_KEYCHAIN": "leads"}
    environment["PYTHON_KEYRING_BACKEND"] = f"tests.install.keychains.{keychain}"
    done = subprocess.run([*COMMAND, "serve"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_start_without_the_setting_does_not_import_the_keychain(office: Office):
    code = (
        "import sys, leadbridge.server.cli.main; from leadbridge.server.config.settings import load_settings\n"
        "load_settings(sandbox=True); sys.exit('keyring' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=office.environment, check=False).returncode == 0


@settings(deadline=None)  # a busy machine is no failure
@given(value=st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1))
def test_what_is_written_into_a_file_of_settings_is_what_is_read(value: str, tmp_path_factory: Any):
    file = tmp_path_factory.getbasetemp() / "settings.env"
    file.write_text(with_settings("A=1\nLEADBRIDGE_COMPANY=old # x", {"LEADBRIDGE_COMPANY": value}), "utf-8")
    assert settings_in(file) == {"A": "1", "LEADBRIDGE_COMPANY": value}
