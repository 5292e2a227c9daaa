"""What the command line says, whole: its help, its checks, its lists, and what it refuses, in `texts/` beside this."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click import unstyle
from typer.testing import CliRunner

from leadbridge.server.cli.main import app
from tests.texts import Texts

KEY = "4f1c9e0a7d2b8c3f6e5a"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
KEYS = {"LEADBRIDGE_ROOFLINK_API_KEY": KEY, "LEADBRIDGE_RENOVATIONFIND_TOKEN": JWT}
HELP = (
    "", "serve", "sandbox", "demo", "doctor", "setup", "install", "uninstall", "tools", "contract", "contract show",
    "contract check", "history", "history list", "history verify", "history export", "history forget", "company",
)  # fmt: skip
SAID: dict[str, tuple[str, dict[str, str]]] = {
    "no key": ("serve", {}),
    "an unknown setting": ("serve", {**KEYS, "LEADBRIDGE_READONLY": "1"}),
    "not a flag": ("serve", {**KEYS, "LEADBRIDGE_READ_ONLY": "maybe"}),
    "not a toolset": ("serve", {**KEYS, "LEADBRIDGE_TOOLSETS": "prospect"}),
    "no tool left": ("serve", {"LEADBRIDGE_ROOFLINK_API_KEY": KEY, "LEADBRIDGE_TOOLSETS": "leads"}),
    "not a contract file": ("serve --sandbox", {"LEADBRIDGE_CONTRACT_FILE": "nowhere.toml"}),
    "not loopback": ("serve --sandbox --http --host 0.0.0.0", {}),
    "not a command": ("fly", {}),
    "not options of the sandbox": ("sandbox --options nowhere.json", {}),
    "doctor without a key": ("doctor", {}),
    "doctor with keys": ("doctor", KEYS),
    "doctor with one key": ("doctor", {"LEADBRIDGE_ROOFLINK_API_KEY": "x"}),
    "doctor on the sandbox": ("doctor --sandbox", {}),
    "doctor, read only": ("doctor --sandbox", {"LEADBRIDGE_READ_ONLY": "1"}),
    "no history yet": ("history list", KEYS),
    "no audit trail yet": ("history verify", KEYS),
    "an unknown outcome": ("history list --outcome lost", KEYS),
    "the contract": ("contract show", {}),
}


def output_of(arguments: str, environment: dict[str, str]) -> str:
    """What a command prints in a terminal of 100 columns, and its exit code."""
    # `COLUMNS` is what rich measures, `TERMINAL_WIDTH` what typer's help takes.
    terminal = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
    result = CliRunner().invoke(app, arguments.split(), env={**terminal, **environment}, catch_exceptions=False)
    settings = "".join(f"{name}=... " for name in environment)
    return f"$ {settings}leadbridge {arguments}\n{unstyle(result.output)}[exit code {result.exit_code}]\n"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What stands for folders of this machine, whose certificates and proxies do not matter."""
    for name in (
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    folders = {"XDG_STATE_HOME": tmp_path / "state", "HOME": tmp_path / "home", "XDG_CONFIG_HOME": tmp_path / "config"}
    for name, folder in folders.items():
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(folders["HOME"])
    return {str(folder): f"${name}" for name, folder in folders.items()}


def test_help_says_what_is_recorded(texts: Texts, names: dict[str, str]) -> None:
    shown = "\n".join(output_of(f"{command} --help".strip(), {}) for command in HELP)
    texts.check(Path(__file__).parent / "texts" / "help.txt", shown, names)


def test_a_dry_run_of_install_says_what_is_recorded(texts: Texts, names: dict[str, str]) -> None:
    for folder in (".cursor", ".codex"):
        Path(folder).mkdir()
    names |= {str(Path(sys.executable).parent): "$BIN"}
    shown = output_of("install --sandbox --dry-run cursor codex", {})
    texts.check(Path(__file__).parent / "texts" / "install_dry_run.txt", shown, names)


@pytest.mark.parametrize("title", SAID)
def test_a_command_says_what_is_recorded(title: str, texts: Texts, names: dict[str, str]) -> None:
    name = title.replace(" ", "_").replace(",", "")
    texts.check(Path(__file__).parent / "texts" / f"{name}.txt", output_of(*SAID[title]), names)
