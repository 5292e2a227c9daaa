"""Every home folder that people have: none, one that cannot be written, one with blanks and umlauts, Windows'."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner

from leadbridge.server.cli.main import app
from leadbridge.server.install import entry
from leadbridge.server.install.hosts import Machine, known_hosts
from tests.install.nobody import NUMBER, as_nobody
from tests.process.processes import COMMAND, PATIENCE

Kind = Literal["none", "read-only", "blanks and umlauts", "gone"]
KINDS: tuple[Kind, ...] = ("none", "read-only", "blanks and umlauts", "gone")
KEY = {"LEADBRIDGE_ROOFLINK_API_KEY": "a-key-of-the-office"}
LITTLE = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "COVERAGE"))}
NO_HOME = "this user has no home folder: set HOME to one, or "
# What each command says, and its exit code: where nothing can be written, and where there is no home at all.
COMMANDS: list[tuple[tuple[str, ...], dict[str, str], tuple[int, str], tuple[int, str]]] = [
    (("--version",), {}, (0, "leadbridge "), (0, "leadbridge ")),
    (("doctor", "--sandbox"), {}, (0, "No failures"), (0, "No failures")),
    (("doctor",), KEY, (1, "cannot be written"), (1, f"{NO_HOME}say with LEADBRIDGE_STATE_URL where")),
    (("history", "list"), {}, (0, "No writes yet"), (2, f"{NO_HOME}say with LEADBRIDGE_STATE_URL where")),
    (("install", "--sandbox", "--dry-run", "cursor"), {}, (0, "This was a dry run"), (2, f"{NO_HOME}name one with")),
    (("install", "--sandbox", "--yes", "cursor"), {}, (1, "could not be written"), (2, f"{NO_HOME}name one with")),
    (("uninstall", "cursor"), {}, (0, "LeadBridge is not there"), (2, f"{NO_HOME}name one with")),
    (("setup", "--yes"), {}, (2, "this is not a terminal"), (2, f"{NO_HOME}say with --env-file where")),
    (("serve",), {"LEADBRIDGE_CONTRACT_FILE": "$HOME/no.toml", **KEY}, (2, "no.toml"), (2, "has no home folder")),
]


@pytest.fixture(params=KINDS)
def home(request: pytest.FixtureRequest) -> Iterator[tuple[Kind, Path]]:
    kind: Kind = request.param
    with tempfile.TemporaryDirectory() as folder:  # pytest's own cannot be entered by another user
        Path(folder).chmod(0o755)
        path = Path(folder) / ("Jörg Müller's home" if kind == "blanks and umlauts" else "home")
        if kind != "gone":
            path.mkdir(mode=0o555 if kind == "read-only" else 0o700)
        if kind == "blanks and umlauts" and os.geteuid() == 0:
            os.chown(path, NUMBER, NUMBER)
        yield kind, path


def environment(home: tuple[Kind, Path], **settings: str) -> dict[str, str]:
    kind, path = home
    return {**LITTLE, **({} if kind == "none" else {"HOME": str(path)}), **settings}


def nowhere(kind: Kind) -> None:
    if kind == "none" and os.geteuid() != 0:
        pytest.skip("this user has a home folder in the list of users")


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "settings", "unwritable", "homeless"), COMMANDS)
def test_each_command_does_what_it_can_or_says_why_not(
    arguments: tuple[str, ...],
    settings: dict[str, str],
    unwritable: tuple[int, str],
    homeless: tuple[int, str],
    home: tuple[Kind, Path],
):
    nowhere(home[0])
    done = subprocess.run(
        as_nobody([*COMMAND, *arguments]),
        env=environment(home, **settings),
        cwd=home[1].parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "~" not in [path.name for path in home[1].parent.iterdir()]
    if home[0] == "blanks and umlauts":
        assert done.returncode == (2 if arguments[0] in {"setup", "serve"} else 0), said
    else:
        code, text = homeless if home[0] == "none" else unwritable
        assert (done.returncode, text in said) == (code, True), said


@pytest.mark.slow
async def test_the_server_starts_and_offers_its_tools(home: tuple[Kind, Path]):
    nowhere(home[0])
    ways = [(["--sandbox"], {})]
    ways += [([], KEY)] if home[0] != "none" else [([], {**KEY, "LEADBRIDGE_STATE_URL": "sqlite://"})]
    for arguments, settings in ways:
        command, *rest = as_nobody([*COMMAND, "serve", *arguments])
        server = StdioServerParameters(
            command=command, args=rest, env=environment(home, **settings), cwd=home[1].parent
        )
        async with Client(stdio_client(server), read_timeout_seconds=PATIENCE) as client:
            assert "rooflink_create_lead" in {tool.name for tool in (await client.list_tools()).tools}


def test_a_host_s_file_is_where_windows_has_it():
    home: Any = PureWindowsPath(r"C:\Users\Jörg Müller")
    for name, host in known_hosts().items():
        file = PureWindowsPath(str(Machine(home, "windows").configuration(host)))
        assert file.is_relative_to(home), name
        assert file.suffix in {".json", ".toml", ".yaml"}
    roaming = Machine(home, "windows", {"APPDATA": r"D:\Roaming"}).configuration(known_hosts()["claude-desktop"])
    assert PureWindowsPath(str(roaming)) == PureWindowsPath(r"d:\roaming\claude\claude_desktop_config.json")


@pytest.mark.parametrize(
    ("flavour", "url", "path"),
    [
        ("posix", "file:///home/J%C3%B6rg%20M/leadbridge.whl", "/home/Jörg M/leadbridge.whl"),
        ("nt", "file:///C:/Users/J%C3%B6rg%20M/leadbridge.whl", r"C:\Users\Jörg M\leadbridge.whl"),
        ("nt", "file://server/share/leadbridge.whl", r"\\server\share\leadbridge.whl"),
    ],
)
def test_what_uvx_installed_from_is_found_again(flavour: str, url: str, path: str, monkeypatch: pytest.MonkeyPatch):
    class Installed:
        def read_text(self, _name: str) -> str:
            return f'{{"url": "{url}"}}'

    monkeypatch.setattr(entry, "distribution", lambda _name: Installed())
    monkeypatch.setattr(entry, "find_spec", lambda module: module == "keyring" or None)
    if flavour == "nt":
        import nturl2path

        monkeypatch.setattr(entry, "url2pathname", nturl2path.url2pathname)
    found: type[PurePath] = PureWindowsPath if flavour == "nt" else PurePosixPath
    assert found(entry._origin()) == found(f"{path}[keychain]")


def test_a_configuration_that_answers_to_another_case_is_changed_as_the_one_file_that_it_is(tmp_path: Path):
    """As on macOS and Windows, where `.cursor/mcp.json` opens `.Cursor/MCP.json`."""
    file = tmp_path / ".Cursor" / "MCP.json"
    file.parent.mkdir()
    file.write_text('{"mcpServers": {}}\n', "utf-8")
    (tmp_path / ".cursor").symlink_to(".Cursor")
    (file.parent / "mcp.json").symlink_to("MCP.json")
    where = ["cursor", "--home", str(tmp_path), "--system", "macos", "--yes"]
    assert CliRunner().invoke(app, ["install", "--sandbox", *where]).exit_code == 0
    assert "leadbridge" in json.loads(file.read_text("utf-8"))["mcpServers"]
    assert CliRunner().invoke(app, ["uninstall", *where]).exit_code == 0
    assert file.read_text("utf-8") == '{"mcpServers": {}}\n'
    assert {path.name for path in file.parent.iterdir()} == {"MCP.json", "mcp.json"}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
def test_what_a_pipe_cannot_show_is_replaced(encoding: str, tmp_path: Path):
    """As on Windows, where a pipe has the old code page of the country."""
    done = subprocess.run(
        [*COMMAND, "demo", "--yes"],
        env={**LITTLE, "HOME": str(tmp_path), "PYTHONIOENCODING": encoding},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert "Demo complete" in done.stdout.decode(encoding)
