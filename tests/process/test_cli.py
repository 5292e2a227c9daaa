"""The command line as its user meets it: exit codes 0, 1 and 2, and one line for what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from typer.main import get_command
from typer.testing import CliRunner, Result

import leadbridge as leadbridge_package
from leadbridge.server import __version__
from leadbridge.server.app import build_server
from leadbridge.server.cli import tool_table
from leadbridge.server.cli.main import app
from leadbridge.server.doctor import checks as doctor
from leadbridge.server.install.hosts import known_hosts
from leadbridge.server.sandbox import serve as sandbox_serve
from tests.process.processes import COMMAND
from tests.support import (
    EVERY_TOOL,
    PATIENCE,
    Time,
    Version,
    call,
    connected,
    data_of,
    make_sandbox,
    make_settings,
    text_of,
)

KEY = "4f1c9e0a7d2b8c3f6e5a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
KEYS = {"LEADBRIDGE_ROOFLINK_API_KEY": KEY, "LEADBRIDGE_RENOVATIONFIND_TOKEN": JWT}


def leadbridge(*arguments: str, **environment: str) -> Result:
    """Run a command in this process. An exception that nobody caught is the test's own failure."""
    return CliRunner().invoke(app, list(arguments), env=environment, catch_exceptions=False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [["serve", "--sandbox"], ["tools"]], ids=" ".join)
def test_a_stream_that_was_closed_before_it_started_is_the_null_device(command: list[str], closed: str) -> None:
    ran = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *command],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (ran.returncode, b"Traceback" in ran.stderr) == (0, False)


def wrong_use(result: Result) -> str:
    """The one line on stderr that a wrong use gets, and nothing else."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("leadbridge: ")
    return line.removeprefix("leadbridge: ")


# serve


@pytest.mark.slow
def test_without_a_key_and_without_the_sandbox_one_line_on_stderr_names_both_choices():
    done = subprocess.run(
        [*COMMAND, "serve"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    for choice in ("LEADBRIDGE_ROOFLINK_API_KEY", "LEADBRIDGE_RENOVATIONFIND_TOKEN", "--sandbox"):
        assert choice in line


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "no key: set LEADBRIDGE_ROOFLINK_API_KEY"),
        ({"LEADBRIDGE_ROOFLINK_API_KEY": ""}, "no key: set LEADBRIDGE_ROOFLINK_API_KEY"),
        ({**KEYS, "LEADBRIDGE_READONLY": "1"}, "LEADBRIDGE_READONLY is not a setting; did you mean"),
        ({**KEYS, "leadbridge_readonly": "1"}, "leadbridge_readonly is not a setting; did you mean"),
        ({**KEYS, "LEADBRIDGE_0123456789": "1"}, "LEADBRIDGE_0123456789 is not a setting; known: LEADBRIDGE_APPROVALS"),
        ({**KEYS, "LEADBRIDGE_KEY": "1"}, "LEADBRIDGE_KEY is not a setting; did you mean LEADBRIDGE_ROOFLINK_API_KEY?"),
        ({**KEYS, "LEADBRIDGE_READ_ONLY": "perhaps"}, "LEADBRIDGE_READ_ONLY: must be true or false, not 'perhaps'"),
        ({**KEYS, "LEADBRIDGE_APPROVALS": "tokn"}, "'token' or 'off', not 'tokn'; did you mean token?"),
        ({**KEYS, "LEADBRIDGE_LOG_LEVEL": "warn"}, "not 'WARN'; did you mean WARNING?"),
        ({**KEYS, "LEADBRIDGE_CALL_DEADLINE": "soon"}, "LEADBRIDGE_CALL_DEADLINE: must be a number, not 'soon'"),
        ({**KEYS, "LEADBRIDGE_CALL_DEADLINE": "0"}, "LEADBRIDGE_CALL_DEADLINE: must be greater than 0"),
        ({**KEYS, "LEADBRIDGE_ROOFLINK_BASE_URL": "http://example.com"}, "LEADBRIDGE_ROOFLINK_BASE_URL: must be https"),
        ({**KEYS, "LEADBRIDGE_ROOFLINK_BASE_URL": f"https://u:{KEY}@example.com"}, "must be a plain URL"),
        ({"LEADBRIDGE_ROOFLINK_API_KEY": f"{KEY} {KEY}"}, "LEADBRIDGE_ROOFLINK_API_KEY: must be printable ASCII"),
        ({**KEYS, "LEADBRIDGE_ROOFLINK_API_KEY_FILE": "key"}, "are both set; keep one"),
        ({"LEADBRIDGE_ROOFLINK_API_KEY_FILE": "nowhere"}, "LEADBRIDGE_ROOFLINK_API_KEY_FILE cannot be read: No such"),
        ({**KEYS, "LEADBRIDGE_TOOLSETS": "xyz"}, "LEADBRIDGE_TOOLSETS: 'xyz' is not a toolset. Allowed: default, all"),
        (
            {**KEYS, "LEADBRIDGE_TOOLSETS": "-prospect"},
            "is not a toolset; did you mean prospects? Allowed: default",
        ),
        ({**KEYS, "LEADBRIDGE_TOOLSETS": "prospects,-prospects"}, "LEADBRIDGE_TOOLSETS leaves no toolset"),
        (
            {"LEADBRIDGE_ROOFLINK_API_KEY": KEY, "LEADBRIDGE_TOOLSETS": "leads"},
            "these settings leave no tool: Toolsets ",
        ),
        ({**KEYS, "LEADBRIDGE_CONTRACT_FILE": "nowhere.toml"}, "LEADBRIDGE_CONTRACT_FILE nowhere.toml: "),
    ],
)
def test_settings_that_describe_no_server_are_reported_in_one_line(environment, message):
    line = wrong_use(leadbridge("serve", **environment))
    assert message in line
    assert KEY not in line
    assert JWT not in line


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        ("operations = [", "LEADBRIDGE_CONTRACT_FILE contract.toml: "),
        (b"\xff\x80", "LEADBRIDGE_CONTRACT_FILE contract.toml: "),
        ("[paths]", "unknown key 'paths'; allowed: operations"),
        ('[operations."rooflink.make_coffee"]', "unknown operation 'rooflink.make_coffee'"),
        ('[operations]\n"rooflink.create_lead" = 5', "rooflink.create_lead: must be a table"),
        ('operations = "all"', "operations"),
        ('[operations."rooflink.create_lead"]\ncolour = "red"', "'colour' is not allowed"),
        ('[operations."rooflink.create_lead"]\nmethod = "FETCH"', "rooflink.create_lead: method"),
        ('[operations."rooflink.create_lead".body]\nshoe_size = "x"', "unknown argument 'shoe_size'"),
        ('[operations."rooflink.create_lead".body]\naddress = 5', "must be the name on the wire"),
    ],
)
def test_a_bad_contract_file_is_reported_in_one_line(contract, message):
    Path("contract.toml").write_bytes(contract if isinstance(contract, bytes) else contract.encode())
    line = wrong_use(leadbridge("serve", "--sandbox", LEADBRIDGE_CONTRACT_FILE="contract.toml"))
    assert message in line


@pytest.mark.parametrize("content", [b"LEADBRIDGE_READONLY=1\n", b"LEADBRIDGE_READ_ONLY=perhaps\n", b"\xff\x80\n"])
def test_a_bad_env_file_is_reported_in_one_line(content):
    Path("my.env").write_bytes(content)
    assert wrong_use(leadbridge("serve", "--sandbox", "--env-file", "my.env"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.com", ""])
def test_http_is_served_on_loopback_only(host):
    line = wrong_use(leadbridge("serve", "--sandbox", "--http", "--host", host))
    assert line.startswith(f"--host {host}: only loopback is served")


@pytest.mark.parametrize("option", [("--host", "127.0.0.1"), ("--port", "8400")])
def test_an_option_of_http_without_http_is_wrong_use(option):
    assert "--http" in wrong_use(leadbridge("serve", "--sandbox", *option))


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["serve", "--fast"],
        ["serve", "--port", "65536"],
        ["serve", "now"],
        ["sandbox", "--port", "x"],
        ["tools", "--check"],
        ["contract", "check", "--service", "roflink"],
        [],
    ],
)
def test_what_is_not_a_command_is_wrong_use(arguments):
    result = leadbridge(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.output or "Error" in result.output


def test_the_version_is_one_line():
    result = leadbridge("--version")
    assert (result.exit_code, result.output) == (0, f"leadbridge {__version__}\n")


async def test_verbose_says_what_is_installed_and_the_hash_of_what_a_client_is_shown(version: Version):
    said = leadbridge("--version", "--verbose")
    assert said.exit_code == 0
    parts = dict(line.split(": ", 1) for line in said.output.splitlines()[1:])
    assert parts["Files"] == str(Path(leadbridge_package.__file__).parent)
    assert parts["Installed"].startswith("editable, from file://")
    assert f"mcp {installed_version('mcp')}" in parts["With"]
    async with connected(make_sandbox(Time()), version=version, **EVERY_TOOL) as client:
        tools = sorted((await client.list_tools()).tools, key=lambda tool: tool.name)
    shown = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    lines = "".join(f"{json.dumps(tool, sort_keys=True, separators=(',', ':'))}\n" for tool in shown)
    assert parts["Tools"] == f"{len(shown)} definitions, sha256 {hashlib.sha256(lines.encode()).hexdigest()}"


def test_verbose_is_for_the_version():
    result = leadbridge("--verbose", "doctor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--verbose is for --version" in result.stderr


@pytest.mark.parametrize("command", [(), ("serve",), ("sandbox",), ("history",), ("history", "list"), ("contract",)])
def test_h_is_help_everywhere(command):
    short = leadbridge(*command, "-h")
    assert (short.exit_code, short.output) == (0, leadbridge(*command, "--help").output)
    assert "Usage" in short.stdout


def test_help_says_what_each_option_takes_as_a_person_would():
    groups = get_command(app).commands.items()  # type: ignore[attr-defined]
    paths = [
        (name, *more) for name, one in groups for more in [(), *((inner,) for inner in getattr(one, "commands", ()))]
    ]
    assert len(paths) > 15
    for path in paths:
        lines = leadbridge(*path, "-h").stdout.splitlines()
        odd = [line for line in lines if re.search(r"^│ --(?!help).*<(bool|str|path|%)", line)]
        assert odd == [], path


def test_help_says_what_is_meant_without_an_option():
    assert "8321" in leadbridge("serve", "-h").stdout
    words = leadbridge("setup", "-h").stdout.replace("│", " ").split()
    assert "leadbridge.env in your settings without it." in " ".join(words)


def test_help_names_every_host():
    for command in ("install", "uninstall", "setup"):
        assert {*known_hosts()} <= {*re.findall(r"[a-z-]+", leadbridge(command, "-h").stdout)}


# sandbox


def test_the_sandbox_is_served_on_loopback_only():
    assert "loopback only" in wrong_use(leadbridge("sandbox", "--host", "0.0.0.0"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("seed: 1", "--options x.yaml is not valid JSON (line 1, column 1)"),
        ('{"seed": 1,\n}', "--options x.yaml is not valid JSON (line 2, column 1)"),
        ("[]", "--options x.yaml must be a JSON object"),
        ('{"sead": 1}', "unknown option of the sandbox: 'sead'; did you mean seed?"),
        ('{"faults": [{"kind": "bad_gatway"}]}', "'bad_gatway'; did you mean bad_gateway?"),
    ],
)
def test_wrong_options_of_the_sandbox_are_named(options, message):
    Path("x.yaml").write_text(options, "utf-8")
    assert message in wrong_use(leadbridge("sandbox", "--options", "x.yaml"))


def test_a_port_in_use_is_reported_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = wrong_use(leadbridge("sandbox", "--port", str(taken.getsockname()[1])))
    assert "in use" in line


def test_a_sandbox_that_is_told_to_stop_ends_well(monkeypatch):
    monkeypatch.setattr(sandbox_serve.uvicorn.Server, "run", lambda *_, **__: None)
    result = leadbridge("sandbox", "--port", "0")
    assert result.exit_code == 0
    assert "/_sandbox/ Ctrl-C stops it." in result.stderr
    assert "LEADBRIDGE_ROOFLINK_BASE_URL=http://127.0.0.1:" in result.stdout


# A key that the service refuses


@pytest.mark.parametrize(
    ("tool", "arguments", "service", "setting"),
    [
        ("rooflink_list_prospects", {}, "RoofLink", "LEADBRIDGE_ROOFLINK_API_KEY"),
        ("rooflink_get_prospect", {"prospect_id": 1}, "RoofLink", "LEADBRIDGE_ROOFLINK_API_KEY"),
        (
            "renovationfind_update_job_status",
            {"lead_id": 785, "status": "QUOTE_SENT"},
            "RenovationFind",
            "LEADBRIDGE_RENOVATIONFIND_TOKEN",
        ),
    ],
)
async def test_a_wrong_key_is_reported_with_the_service_and_what_to_check_and_never_shown(
    live, simulator, caplog, tool, arguments, service, setting
):
    caplog.set_level("DEBUG")
    settings = make_settings(**{**live, "rooflink_api_key": KEY, "renovationfind_token": JWT, "sandbox": False})
    async with Client(build_server(settings)) as client:
        result = await call(client, tool, **arguments)
    text = text_of(result)
    assert result.is_error
    assert f"{service} refused the key (401)" in text
    assert f"Check {setting} against" in text
    assert simulator.writes == []
    if result.structured_content:
        assert (data_of(result)["outcome"], data_of(result)["reason"]) == ("refused", "auth_error")
    for secret in (KEY, JWT):
        assert secret not in text
        assert secret not in str(result.structured_content)
        assert secret not in caplog.text


# tools


def test_tools_shows_the_table():
    result = leadbridge("tools")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "renovationfind_mark_won" in result.stdout


def test_tools_markdown_prints_the_table_and_nothing_else():
    result = leadbridge("tools", "--markdown")
    assert (result.exit_code, result.stdout) == (0, tool_table.markdown() + "\n")


def test_tools_check_knows_a_current_file_from_an_old_one_and_tools_write_mends_it():
    page = Path("tools.md")
    page.write_text(f"before\n{tool_table.BEGIN}\n| old |\n{tool_table.END}\nafter\n", "utf-8")
    old = leadbridge("tools", "--check", "tools.md")
    assert (old.exit_code, old.stdout) == (1, "")
    assert old.stderr == "leadbridge: tools.md is out of date: run leadbridge tools --write tools.md\n"
    written = leadbridge("tools", "--write", "tools.md")
    assert (written.exit_code, written.output) == (0, "")
    checked = leadbridge("tools", "--check", "tools.md")
    assert (checked.exit_code, checked.output) == (0, "")
    both = leadbridge("tools", "--check", "tools.md", "--markdown")
    assert (both.exit_code, both.stdout) == (0, tool_table.markdown() + "\n")


@pytest.mark.parametrize("option", ["--check", "--write"])
@pytest.mark.parametrize("content", [None, b"no marks", tool_table.BEGIN.encode(), b"\xff\xfe"])
def test_a_file_without_marks_is_reported_in_one_line_and_left_as_it_is(option, content):
    path = Path("page.md")
    if content is not None:
        path.write_bytes(content)
    result = leadbridge("tools", option, "page.md")
    assert result.exit_code in {1, 2}
    (line,) = result.stderr.splitlines()
    assert "page.md" in line
    assert (path.read_bytes() if path.exists() else None) == content


# doctor


def findings(*arguments: str, code: int = 0, **environment: str) -> dict[str, dict[str, Any]]:
    """What `doctor --json` found, by subject."""
    result = leadbridge("doctor", "--json", *arguments, **environment)
    assert (result.exit_code, result.stderr) == (code, "")
    return {finding["subject"]: finding for finding in json.loads(result.stdout)}


def test_doctor_finds_the_sandbox_well():
    found = findings("--sandbox")
    assert {subject: found[subject]["state"] for subject in ("settings", "keys", "clock", "state store", "tools")} == (
        dict.fromkeys(("settings", "keys", "clock", "state store", "tools"), "ok")
    )
    assert found["state store"]["found"] == "in memory, writable"
    assert found["contract"]["state"] == "warning"
    assert "LEADBRIDGE_CONTRACT_FILE" in found["contract"]["do"]


def test_doctor_shows_the_same_as_text():
    result = leadbridge("doctor", "--sandbox")
    assert result.exit_code == 0
    assert "ok       settings: all names and values are known" in result.stdout
    assert "warning  contract: paths inferred, not documented: " in result.stdout


def test_doctor_ends_in_one_line_that_says_what_to_fix_first():
    last = leadbridge("doctor", LEADBRIDGE_TOOLSETS="prospect", **KEYS).stdout.splitlines()[-1]
    assert last.startswith("1 failure, ")
    assert "Fix first: server: LEADBRIDGE_TOOLSETS: 'prospect' is not a toolset; did you mean prospects?" in last
    assert leadbridge("doctor", "--sandbox").stdout.splitlines()[-1].startswith("No failures, ")
    misspelt = leadbridge("doctor", LEADBRIDGE_READONLY="1", **KEYS).stdout
    assert "did you mean LEADBRIDGE_READ_ONLY? Correct the environment" in misspelt
    assert misspelt.endswith("did you mean LEADBRIDGE_READ_ONLY?\n")


def test_doctor_says_each_cause_once():
    shown = leadbridge("doctor", LEADBRIDGE_RENOVATIONFIND_TOKEN=JWT).stdout
    assert shown.count("not set; its tools are hidden") == 1
    assert "rooflink_create_lead" not in shown
    shown = leadbridge("doctor", "--sandbox", LEADBRIDGE_READ_ONLY="1").stdout
    assert shown.count("LEADBRIDGE_READ_ONLY is set") <= 2  # the tools, and the approvals


def test_doctor_fails_without_a_key_and_says_what_to_do():
    result = leadbridge("doctor")
    assert result.exit_code == 1
    assert "failure  settings: no key: set LEADBRIDGE_ROOFLINK_API_KEY" in result.stdout
    assert findings(code=1)["settings"]["do"] == "Correct the environment or the env file."


@pytest.mark.parametrize(
    ("environment", "subject", "state", "said"),
    [
        (KEYS, "RoofLink key", "ok", f"set, {len(KEY)} characters"),
        (KEYS, "RenovationFind key", "ok", f"set, {len(JWT)} characters"),
        ({"LEADBRIDGE_RENOVATIONFIND_TOKEN": JWT}, "RoofLink key", "warning", "not set; its tools are hidden"),
        ({"LEADBRIDGE_ROOFLINK_API_KEY": "short"}, "RoofLink key", "warning", "only 5 characters long"),
        (
            {"LEADBRIDGE_RENOVATIONFIND_TOKEN": KEY},
            "RenovationFind key",
            "warning",
            "does not look like a RenovationFind token",
        ),
        ({**KEYS, "LEADBRIDGE_APPROVALS": "off"}, "approvals", "warning", "unattended"),
        ({**KEYS, "LEADBRIDGE_APPROVALS": "token"}, "approvals", "ok", "never a form"),
        ({**KEYS, "LEADBRIDGE_APPROVALS": "off", "LEADBRIDGE_READ_ONLY": "1"}, "approvals", "ok", "off"),
    ],
)
def test_doctor_says_what_works_and_what_is_doubtful(environment, subject, state, said):
    finding = findings(**environment)[subject]
    assert finding["state"] == state
    assert said in finding["found"]


@pytest.mark.parametrize(
    ("environment", "subject", "said"),
    [
        ({**KEYS, "LEADBRIDGE_READONLY": "1"}, "settings", "did you mean LEADBRIDGE_READ_ONLY"),
        ({**KEYS, "LEADBRIDGE_CONTRACT_FILE": "nowhere.toml"}, "server", "LEADBRIDGE_CONTRACT_FILE"),
        ({**KEYS, "LEADBRIDGE_TOOLSETS": "everything"}, "server", "is not a toolset"),
        ({"LEADBRIDGE_ROOFLINK_API_KEY": KEY, "LEADBRIDGE_TOOLSETS": "leads"}, "tools", "0 offered"),
        ({**KEYS, "LEADBRIDGE_STATE_URL": "sqlite:////dev/null/state.db"}, "state store", "cannot be written"),
        ({**KEYS, "LEADBRIDGE_STATE_URL": "nonsense://x"}, "settings", "must be sqlite"),
    ],
)
def test_doctor_fails_where_the_server_would(environment, subject, said):
    finding = findings(code=1, **environment)[subject]
    assert finding["state"] == "failure"
    assert said in finding["found"]


def test_doctor_does_not_trust_a_clock_that_is_too_early(monkeypatch):
    monkeypatch.setattr(doctor, "EARLIEST", doctor.datetime(9999, 1, 1, tzinfo=doctor.UTC))
    finding = findings("--sandbox", code=1)["clock"]
    assert finding["state"] == "failure"
    assert "too early" in finding["found"]


def test_doctor_says_nothing_of_the_contract_where_every_path_is_documented():
    result = leadbridge("doctor", "--json", **KEYS, LEADBRIDGE_TOOLSETS="leads")
    assert "contract" not in {finding["subject"] for finding in json.loads(result.stdout)}


def test_doctor_finds_a_missing_database_driver_without_a_traceback(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    finding = findings("--sandbox", code=1, LEADBRIDGE_STATE_URL="postgresql://user:secret-word@localhost/db")
    assert finding["state store"]["state"] == "failure"
    assert "secret-word" not in str(finding)


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://user:secret-word@host/db",
        "nonsense://host/db?password=secret-word",
        "postgresql:user:secret-word@host/db",
        "sqlite://user:secret-word@/db",
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_doctor_shows_no_password_of_a_state_store(url, options):
    result = leadbridge("doctor", *options, **KEYS, LEADBRIDGE_STATE_URL=url)
    assert result.exit_code == 1
    assert "secret-word" not in result.output


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    "environment", [{}, {"LEADBRIDGE_TOOLSETS": "everything"}, {"LEADBRIDGE_APPROVALS": "never"}, {"LEADBRIDGE_X": "1"}]
)
def test_doctor_shows_no_key(options, environment):
    result = leadbridge("doctor", *options, **KEYS, **environment)
    assert KEY not in result.output.replace("\n", "")
    assert JWT not in result.output.replace("\n", "")


def test_what_a_command_runs_with_is_imported_by_the_command() -> None:
    """`serve` first stops looking for garbage, which costs a tenth of the start among all that it imports."""
    program = (
        "import sys, leadbridge.server.cli.main\nprint([name for name in ('mcp', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_no_command_imports_what_a_stdio_start_does_not_need():
    program = (
        "import sys; from leadbridge.server.config.settings import load_settings; "
        "from leadbridge.server.app import build_server; "
        "import leadbridge.server.cli.main; build_server(load_settings(sandbox=True)); "
        "print([name for name in ('sqlalchemy', 'leadbridge.server.sandbox') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == "[]\n"
