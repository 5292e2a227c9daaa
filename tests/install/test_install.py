"""`leadbridge install` and `uninstall` on home folders of three systems, as a host reads them afterwards."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from typer.testing import CliRunner, Result

from leadbridge.server.cli import install
from leadbridge.server.cli.main import app
from leadbridge.server.install import jsonc
from leadbridge.server.install.hosts import Host, Machine, System, known_hosts
from tests.install.nobody import NUMBER
from tests.support import PATIENCE

SYSTEMS: tuple[System, ...] = ("linux", "macos", "windows")
HOSTS = tuple(known_hosts())
WRITTEN_BEFORE = {
    "json": '{\r\n    "KEY": {\r\n        "other": {"command": "a", "args": []}\r\n    },\r\n    "x": [1, 2]\r\n}',
    "jsonc": '// mine\n{\n\t"KEY": {\n\t\t"other": {"command": "a"}, // stays\n\t\t/* last */\n\t},\n\t"x": "ü",\n}\n',
    "toml": '# mine\nmodel = "x"\n\n[KEY.other]\ncommand = "a" # stays\n\n[profiles.p]\nb = 1\n',
    "yaml": '# mine\nMODEL: "x"\nKEY:\n    other:\n        enabled: true   # stays\n\n# the end\nlast: [1,\n  2]\n',
}


def run(*arguments: str | Path, answer: str = "") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=answer)


def configuration(host: Host, home: Path, system: System) -> Path:
    return Machine.of(home, system).configuration(host)


def prepared(name: str, home: Path, system: System = "linux") -> Path:
    """A configuration as a person wrote it, with another server in it."""
    host = known_hosts()[name]
    file = configuration(host, home, system)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(WRITTEN_BEFORE[host.format].replace("KEY", host.key).encode())
    return file


def as_the_host_reads_it(host: Host, text: str) -> dict[str, Any]:
    """Read without LeadBridge's own reader."""
    if host.format == "toml":
        return tomllib.loads(text)
    if host.format == "yaml":
        return yaml.safe_load(text)
    if host.format == "jsonc":
        text = re.sub(r"^\s*//.*$|(?<=[,{]) // .*$|/\* last \*/", "", text, flags=re.MULTILINE)
        text = re.sub(r",(\s*[}\]])", r"\1", text)
    return json.loads(text)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", HOSTS)
def test_it_is_added_once_beside_what_is_there_and_taken_out_to_the_byte(name: str, system: System, tmp_path: Path):
    host, file = known_hosts()[name], prepared(name, tmp_path, system)
    before = file.read_bytes()
    where = ("--home", tmp_path, "--system", system)
    assert run("install", name, "--sandbox", *where).exit_code == 0
    after = file.read_bytes()
    old, new = (as_the_host_reads_it(host, text.decode()) for text in (before, after))
    entry = new[host.key].pop("leadbridge")
    assert new == old
    assert [*(entry["args"])] == ["serve", "--sandbox"]
    assert Path(entry["cmd" if name == "goose" else "command"]).is_absolute()
    again = run("install", name, "--sandbox", *where)
    assert (file.read_bytes(), again.exit_code) == (after, 0)
    assert "there already" in again.output
    assert run("uninstall", name, *where).exit_code == 0
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("name", ["cursor", "vscode", "codex", "goose"])
@pytest.mark.parametrize("around", ["as on Windows", "", " \n\n", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_stay_as_they_are(name: str, around: str, tmp_path: Path):
    file, where = prepared(name, tmp_path), ("--home", tmp_path, "--system", "linux")
    if around == "as on Windows":
        around = "\ufeff" + file.read_bytes().decode().replace("\r\n", "\n").replace("\n", "\r\n")
    file.write_bytes(around.encode())
    assert run("install", name, "--sandbox", *where).exit_code == 0
    after = file.read_bytes().decode()
    assert "leadbridge" in after
    assert after.startswith("\ufeff") is around.startswith("\ufeff") or name == "codex"
    if "\r" in around:
        assert "\n" not in after.replace("\r\n", "")
    assert run("uninstall", name, *where).exit_code == 0
    assert file.read_bytes() == around.encode()


def test_a_folder_in_its_place_is_left_alone(tmp_path: Path):
    file = configuration(known_hosts()["cursor"], tmp_path, "linux")
    file.mkdir(parents=True)
    result = run("install", "cursor", "--sandbox", "--home", tmp_path, "--system", "linux")
    assert (result.exit_code, "it is a folder" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("given", "meant"), [("windsrf", "windsurf"), ("Claude Desktop", "claude-desktop"), ("vs-code", "vscode")]
)
def test_a_misspelt_host_is_refused_with_the_one_that_was_meant(given: str, meant: str, tmp_path: Path):
    result = run("install", given, "--sandbox", "--home", tmp_path, "--system", "linux")
    assert (result.exit_code, f"did you mean {meant}?" in result.output) == (2, True)


@pytest.mark.parametrize("name", HOSTS)
def test_a_file_that_was_not_there_is_made_and_goes_again(name: str, tmp_path: Path):
    file = configuration(known_hosts()[name], tmp_path, "linux")
    run("install", name, "--sandbox", "--home", tmp_path, "--system", "linux")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    run("uninstall", name, "--home", tmp_path, "--system", "linux")
    assert not file.exists()


@pytest.mark.parametrize("name", HOSTS)
def test_what_a_person_changed_since_stays_when_it_is_taken_out(name: str, tmp_path: Path):
    host, file = known_hosts()[name], prepared(name, tmp_path)
    where = ("--home", tmp_path, "--system", "linux")
    run("install", name, "--sandbox", *where)
    file.write_bytes(file.read_bytes().replace(b'"a"', b'"changed"').replace(b"true   #", b"false   #"))
    changed = as_the_host_reads_it(host, file.read_bytes().decode())
    del changed[host.key]["leadbridge"]
    run("uninstall", name, *where)
    assert as_the_host_reads_it(host, file.read_bytes().decode()) == changed


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_client_that_reads_the_configuration_starts_and_calls_the_server(system: System, tmp_path: Path):
    names = ("claude-desktop", "cursor", "vscode")
    assert run("install", "--sandbox", *names, "--home", tmp_path, "--system", system).exit_code == 0
    for name in names:
        host = known_hosts()[name]
        text = configuration(host, tmp_path, system).read_text("utf-8")
        entry = json.loads(text)[host.key]["leadbridge"]
        server = StdioServerParameters(command=entry["command"], args=entry["args"], cwd=tmp_path)
        async with Client(stdio_client(server), read_timeout_seconds=PATIENCE) as client:
            result = await client.call_tool("server_status", {})
            assert not result.is_error


def test_without_a_host_it_takes_those_that_are_here_and_a_no_changes_nothing(tmp_path: Path):
    file = prepared("cursor", tmp_path)
    before = file.read_bytes()
    result = run("install", "--sandbox", "--home", tmp_path, "--system", "linux", answer="n\n")
    assert "Cursor: nothing was changed" in result.output
    assert "Claude Desktop" not in result.output
    assert file.read_bytes() == before
    shown = run("install", "--sandbox", "--dry-run", "--home", tmp_path, "--system", "linux")
    assert '+\t\t"leadbridge"' in shown.output
    assert file.read_bytes() == before


def test_what_this_shell_sets_reaches_the_host_but_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = prepared("cursor", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {
        "LEADBRIDGE_TIME_ZONE": "America/Chicago",
        "LEADBRIDGE_TOOLSETS": "all",
        "LEADBRIDGE_STATE_URL_FILE": "$HOME/state-url",
        "LEADBRIDGE_ROOFLINK_API_KEY_FILE": " ~/rooflink.key ",
        "LEADBRIDGE_CONTRACT_FILE": "contract.toml",
    }
    secret = {
        "LEADBRIDGE_RENOVATIONFIND_TOKEN": "a-token-of-the-office",
        "LEADBRIDGE_STATE_URL": "postgresql://leads:hunter2@db/leads",
    }
    for name, value in {**given, **secret}.items():
        monkeypatch.setenv(name, value)
    result = run("install", "cursor", "--yes", "--home", tmp_path, "--system", "linux")
    assert result.exit_code == 0
    entry = as_the_host_reads_it(known_hosts()["cursor"], file.read_text("utf-8"))["mcpServers"]["leadbridge"]
    assert entry["env"] == {
        **given,
        "LEADBRIDGE_STATE_URL_FILE": str(tmp_path / "state-url"),
        "LEADBRIDGE_ROOFLINK_API_KEY_FILE": str(tmp_path / "rooflink.key"),
        "LEADBRIDGE_CONTRACT_FILE": str(tmp_path / "contract.toml"),
    }
    for name, value in secret.items():
        assert f"{name} is a secret and is not passed on: put it into a file" in result.stderr
        assert value not in result.output + file.read_text("utf-8")


def test_a_file_of_settings_that_this_shell_names_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = prepared("cursor", tmp_path)
    monkeypatch.setenv("LEADBRIDGE_ENV_FILE", str(tmp_path / "leadbridge.env"))
    where = ("--yes", "--home", tmp_path, "--system", "linux")
    assert run("install", "cursor", *where).exit_code == 0
    assert '"LEADBRIDGE_ENV_FILE"' in file.read_text("utf-8")
    other = tmp_path / "other.env"
    other.touch()
    run("uninstall", "cursor", *where)
    assert run("install", "cursor", "--env-file", other, *where).exit_code == 0
    assert '"LEADBRIDGE_ENV_FILE"' not in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("claude-desktop", '{"mcpServers": {"a": 1}'),
        ("claude-desktop", '{"mcpServers": []}'),
        ("cursor", '{"mcpServers": {}, "mcpServers": {}}'),
        ("vscode", "[1]"),
        ("zed", '{"a": 1 "b": 2}'),
        ("codex", "[mcp_servers\nx = 1"),
        ("codex", 'mcp_servers = "x"'),
        ("goose", "extensions:\n  - [unclosed"),
        ("goose", "extensions: {dev: {enabled: true}}\n"),
        ("goose", "'extensions':\n  dev: {}\n"),
        ("goose", "extensions: " + "[" * 5_000),
        ("claude-desktop", "\udfff"),
        ("cursor", '{"mcpServers": {"leadbridge": {"command": "/opt/other/leadbridge", "args": ["--port", "1"]}}}'),
        ("vscode", '{"servers": {"leadbridge": {"type": "http", "url": "https://example.com/mcp"}}}'),
        ("zed", '{"context_servers": {"leadbridge": "x"}}'),
        ("codex", '[mcp_servers.leadbridge]\ncommand = "other" # mine\n'),
        ("goose", "extensions:\n  leadbridge:\n    cmd: other\n    args: [serve]\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_alone_and_the_next_is_changed(name: str, broken: str, tmp_path: Path):
    file = configuration(known_hosts()[name], tmp_path, "linux")
    file.parent.mkdir(parents=True)
    data = broken.encode("utf-8", "surrogatepass")
    file.write_bytes(data)
    result = run("install", name, "windsurf", "--sandbox", "--home", tmp_path, "--system", "linux")
    assert result.exit_code == 1
    assert "was left as it is" in result.stderr
    assert file.read_bytes() == data
    run("uninstall", name, "--home", tmp_path, "--system", "linux")
    assert file.read_bytes() == data
    assert "leadbridge" in configuration(known_hosts()["windsurf"], tmp_path, "linux").read_text("utf-8")


def test_keys_stay_in_their_files_and_what_a_person_added_to_the_entry_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = configuration(known_hosts()["cursor"], tmp_path, "linux")
    where = ("cursor", "--home", tmp_path, "--system", "linux")
    monkeypatch.setenv("LEADBRIDGE_ROOFLINK_API_KEY", "a-key-that-must-not-be-written")
    assert run("install", *where).exit_code == 2
    assert not file.exists()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADBRIDGE_ROOFLINK_API_KEY_FILE", "rooflink.key")
    run("install", *where)
    text = file.read_text("utf-8")
    assert "must-not-be-written" not in text
    servers = json.loads(text)
    assert servers["mcpServers"]["leadbridge"]["env"] == {
        "LEADBRIDGE_ROOFLINK_API_KEY_FILE": str(tmp_path / "rooflink.key")
    }
    servers["mcpServers"]["leadbridge"] |= {"disabled": True, "command": "/old/leadbridge"}
    servers["mcpServers"]["leadbridge"]["env"]["LEADBRIDGE_LOG_LEVEL"] = "INFO"
    file.write_text(json.dumps(servers), "utf-8")
    run("install", *where)
    entry = json.loads(file.read_text("utf-8"))["mcpServers"]["leadbridge"]
    assert entry["disabled"] is True
    assert entry["command"] != "/old/leadbridge"
    assert entry["env"]["LEADBRIDGE_LOG_LEVEL"] == "INFO"


def test_a_configuration_behind_a_link_stays_behind_it(tmp_path: Path):
    file = configuration(known_hosts()["cursor"], tmp_path, "linux")
    real = tmp_path / "dotfiles" / "mcp.json"
    real.parent.mkdir()
    real.write_text("{}\n", "utf-8")
    file.parent.mkdir()
    file.symlink_to(real)
    run("install", "cursor", "--sandbox", "--home", tmp_path, "--system", "linux")
    assert file.is_symlink()
    assert "leadbridge" in real.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cursor", ""),
        ("cursor", "\ufeff{}"),
        ("vscode", '\ufeff{\r\n  // mine\r\n  "servers": {"o": {"command": "x",},},\r\n}\r\n'),
        ("codex", '# mine\r\n[mcp_servers.o] # o\r\ncommand = "x"'),
        ("codex", 'mcp_servers = { o = { command = "x" } }\n'),
        ("goose", "extensions: # mine\nz: 1\n"),
        ("goose", "extensions: {}  # none yet\n"),
        ("goose", "\ufeffextensions:\r\n  # mine\r\n  dev:\r\n    enabled: true"),
    ],
)
def test_a_file_as_other_programs_leave_it_is_added_to_and_given_back(name: str, text: str, tmp_path: Path):
    file, where = configuration(known_hosts()[name], tmp_path, "linux"), ("--home", tmp_path, "--system", "linux")
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode())
    result = run("install", name, "--sandbox", *where)
    assert result.exit_code == 0, result.output
    after = file.read_bytes()
    assert b"leadbridge" in after
    assert run("install", name, "--sandbox", *where).exit_code == 0
    assert file.read_bytes() == after
    run("uninstall", name, *where)
    assert file.read_bytes() == text.encode()


def test_a_file_that_its_owner_made_read_only_is_left_alone(tmp_path: Path):
    """Windows would not replace it, and elsewhere it would be replaced in spite of its mark."""
    file = prepared("cursor", tmp_path)
    before = file.read_bytes()
    file.chmod(0o444)
    result = run("install", "cursor", "--sandbox", "--home", tmp_path, "--system", "linux")
    assert (result.exit_code, "could not be written: it is read-only" in result.stderr) == (1, True)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator may write for somebody else")
@pytest.mark.parametrize("there", [True, False])
def test_what_an_administrator_prepares_belongs_to_the_person_whose_home_it_is(there: bool, tmp_path: Path):
    os.chown(tmp_path, NUMBER, NUMBER)
    if there:
        file = prepared("cursor", tmp_path)
        os.chown(file.parent, NUMBER, NUMBER)
        os.chown(file, NUMBER, NUMBER)
    run("install", "cursor", "vscode", "--sandbox", "--home", tmp_path, "--system", "linux")
    made = [*tmp_path.rglob("*")]
    assert {path.name for path in made} >= {"mcp.json", ".cursor", "Code", "User"}
    assert {path.stat().st_uid for path in made} == {NUMBER}


def test_who_takes_it_out_reads_what_stays_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    prepared("cursor", tmp_path)
    assert "stay" not in run("uninstall", "cursor", "--yes").output
    settings = tmp_path / "leadbridge" / "leadbridge.env"
    settings.parent.mkdir()
    settings.write_text("LEADBRIDGE_KEYCHAIN=office\n")
    said = run("uninstall", "cursor", "--yes").output
    for where in (f"your keys and settings, in {settings.parent}.", f"under the name that {settings} says."):
        assert where in said
    assert "stay" not in run("uninstall", "cursor", "--dry-run").output


def test_what_a_host_writes_while_the_person_reads_the_change_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Claude Code writes its file again and again."""
    file = prepared("claude-code", tmp_path)

    def agreed(_question: str) -> bool:
        file.write_bytes(file.read_bytes().replace(b"[1, 2]", b"[1, 2, 3]"))
        return True

    monkeypatch.setattr(install, "_agreed", agreed)
    assert run("install", "claude-code", "--sandbox", "--home", tmp_path, "--system", "linux").exit_code == 0
    now = json.loads(file.read_bytes())
    assert (now["x"], {*now["mcpServers"]}) == ([1, 2, 3], {"other", "leadbridge"})


@pytest.mark.parametrize(
    ("name", "variable", "where"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
    ],
)
def test_a_variable_that_moves_a_host_s_folder_is_followed(name: str, variable: str, where: str, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    assert (
        Machine(tmp_path, "linux", {variable: str(elsewhere)}).configuration(known_hosts()[name]) == elsewhere / where
    )


def test_claude_desktop_from_windows_store_reads_the_configuration_of_its_package(tmp_path: Path):
    file = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/claude_desktop_config.json"
    file.parent.mkdir(parents=True)
    other = tmp_path / "AppData/Roaming/Claude/claude_desktop_config.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}", "utf-8")
    before = other.read_bytes()
    assert run("install", "--sandbox", "--home", tmp_path, "--system", "windows").exit_code == 0
    assert "leadbridge" in json.loads(file.read_text("utf-8"))["mcpServers"]
    assert other.read_bytes() == before
    run("uninstall", "claude-desktop", "--home", tmp_path, "--system", "windows")
    assert not file.exists()


def test_two_builds_of_one_host_are_two_hosts(tmp_path: Path):
    where = ("--home", tmp_path, "--system", "macos")
    files = [prepared(name, tmp_path, "macos") for name in ("vscode", "vscode-insiders")]
    assert run("install", "--sandbox", *where).exit_code == 0
    assert all("leadbridge" in file.read_text("utf-8") for file in files)
    run("uninstall", "vscode-insiders", *where)
    assert ["leadbridge" in file.read_text("utf-8") for file in files] == [True, False]


def test_a_project_has_its_own_configuration_where_the_host_reads_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert run("install", "vscode", "--sandbox", "--scope", "project").exit_code == 0
    assert "leadbridge" in json.loads((tmp_path / ".vscode" / "mcp.json").read_text("utf-8"))["servers"]
    refused = run("install", "windsurf", "--sandbox", "--scope", "project")
    assert (refused.exit_code, "has no configuration for a single project" in refused.stderr) == (2, True)
    unknown = run("install", "curser", "--sandbox")
    assert (unknown.exit_code, "choose from: claude-desktop" in unknown.stderr) == (2, True)


def test_the_links_and_commands_that_are_printed_hold_the_entry(tmp_path: Path):
    import base64
    import shlex
    from urllib.parse import parse_qs, unquote, urlsplit

    shown = run("install", "claude-code", "cursor", "vscode", "--sandbox", "--print", "--home", tmp_path).output
    link = next(line for line in shown.splitlines() if "cursor://" in line).split()[-1]
    assert json.loads(base64.b64decode(parse_qs(urlsplit(link).query)["config"][0]))["args"] == ["serve", "--sandbox"]
    link = next(line for line in shown.splitlines() if "vscode:" in line).split()[-1]
    assert json.loads(unquote(link.partition("?")[2]))["name"] == "leadbridge"
    command = shlex.split(next(line for line in shown.splitlines() if "claude mcp" in line))
    assert command[:2] == ["Or:", "claude"]
    assert json.loads(command[-1])["type"] == "stdio"
    assert not list(tmp_path.iterdir())


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["C"]), max_size=6)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)
_BETWEEN = st.sampled_from(["", " ", "\n", "\t", " // a\n", "/* b */", "\r\n  "])


@st.composite
def commented(draw: st.DrawFn, value: Any = None) -> str:
    """A JSON text of an object, with blanks, comments and commas as people leave them."""

    def written(value: Any) -> str:
        if not isinstance(value, (dict, list)):
            return json.dumps(value, ensure_ascii=False)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        rows = (
            [
                f"{json.dumps(key, ensure_ascii=False)}{draw(_BETWEEN)}:{draw(_BETWEEN)}{written(inner)}"
                for key, inner in value.items()
            ]
            if isinstance(value, dict)
            else [written(inner) for inner in value]
        )
        text = ",".join(f"{draw(_BETWEEN)}{row}{draw(_BETWEEN)}" for row in rows)
        last = draw(st.sampled_from(["", ","])) if rows else ""
        return f"{opening}{text}{last}{draw(_BETWEEN)}{closing}"

    return f"{draw(_BETWEEN)}{written(draw(st.dictionaries(_NAMES, _VALUES, max_size=4)))}{draw(_BETWEEN)}"


@given(text=commented(), path=st.lists(_NAMES, min_size=1, max_size=3, unique=True))
def test_a_member_is_put_in_and_taken_out_and_nothing_else_changes(text: str, path: list[str]):
    before = jsonc.read(text)
    way = ("servers", *path)
    assert isinstance(before, dict)
    before.pop("servers", None)
    text = jsonc.take_out(text, ("servers",))
    assert jsonc.read(text) == before
    added = jsonc.put(text, way, {"command": "x"})
    now = jsonc.read(added)
    assert isinstance(now, dict)
    inner = now.pop("servers")
    for key in path:
        assert isinstance(inner, dict)
        inner = inner[key]
    assert (now, inner) == (before, {"command": "x"})
    assert jsonc.put(added, way, {"command": "x"}) == added
    assert jsonc.read(jsonc.take_out(added, ("servers",))) == before
    for comment in re.findall(r"// a|/\* b \*/", text):
        assert comment in added
