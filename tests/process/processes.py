"""LeadBridge as the process that a host starts, with nothing between a test and its pipes."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from mcp.client.stdio import StdioServerParameters

from tests.support import PATIENCE

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-P", "-m", "leadbridge.server.cli.main")

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}


def parameters(*arguments: str, **settings: str) -> StdioServerParameters:
    """A `leadbridge serve` for the SDK's client, which hands down only what it is given of the environment."""
    handed_down = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "XDG_"))}
    return StdioServerParameters(
        command=COMMAND[0],
        args=[*COMMAND[1:], "serve", *arguments],
        env={**handed_down, **named(settings)},
        cwd=Path.cwd(),
    )


def named(settings: dict[str, str]) -> dict[str, str]:
    """`read_only="1"` as `LEADBRIDGE_READ_ONLY`."""
    return {f"LEADBRIDGE_{name.upper()}": value for name, value in settings.items()}


def lower(environment: dict[str, str]) -> dict[str, str]:
    """The names of `LEADBRIDGE_` variables as keyword arguments."""
    return {name.removeprefix("LEADBRIDGE_").lower(): value for name, value in environment.items()}


def _outside() -> dict[str, str]:
    """The environment without settings of LeadBridge."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("LEADBRIDGE_")}


class Process:
    """A `leadbridge` command in a folder of its own, both of its outputs read as they come.

    With `stderr`, a descriptor that is closed here then, nobody reads what is said there.
    """

    def __init__(self, *arguments: str, stderr: Any = None, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._stderr_file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process is
        self._popen = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr_file if stderr is None else stderr,
            env={**_outside(), **named(settings)},
            cwd=self._folder.name,
        )
        if stderr is not None:
            os.close(stderr)
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._pipe(self._popen.stdout):
            self._lines.put(line)
        self._lines.put(b"")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe

    @property
    def stdin(self) -> IO[bytes]:
        return self._pipe(self._popen.stdin)

    @property
    def stderr(self) -> str:
        """What has come on stderr so far."""
        return os.pread(self._stderr_file.fileno(), 10_000_000, 0).decode()

    @property
    def code(self) -> int | None:
        return self._popen.poll()

    def line(self) -> str:
        """The next line of stdout; empty at its end."""
        return self._lines.get(timeout=PATIENCE).decode()

    def rest(self) -> list[str]:
        """All lines of stdout that nobody has taken, up to its end."""
        return list(iter(self.line, ""))

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self) -> int:
        return self._popen.wait(PATIENCE)

    def close_stdin(self) -> None:
        with suppress(BrokenPipeError):
            self.stdin.close()

    def stop(self) -> None:
        self.close_stdin()
        if self.code is None:
            self._popen.kill()
        self._popen.wait()
        self._reader.join()
        self._pipe(self._popen.stdout).close()
        self._stderr_file.close()
        self._folder.cleanup()


class RawServer(Process):
    """A stdio server and a client that sends what it likes; each line that comes back must be a JSON-RPC message."""

    _next_id = 0

    def write(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def send(self, method: str, *, capabilities: dict[str, Any] | None = None, **params: Any) -> int:
        """Send a request of the version without handshake, and give its id."""
        self._next_id += 1
        meta = {**ENVELOPE, "io.modelcontextprotocol/clientCapabilities": capabilities or {}}
        message = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": {**params, "_meta": meta}}
        self.write(json.dumps(message).encode() + b"\n")
        return self._next_id

    def receive(self) -> dict[str, Any]:
        """The next message."""
        line = self.line()
        assert line, f"the server ended ({self.code}): {self.stderr}"
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a request; the next message must be its answer."""
        sent = self.send(method, **params)
        message = self.receive()
        assert message["id"] == sent, message
        return message

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        return self.answer("tools/call", name=tool, arguments=arguments)["result"]


@contextmanager
def raw_server(*arguments: str, stderr: Any = None, **settings: str) -> Iterator[RawServer]:
    """A `leadbridge serve` on pipes."""
    server = RawServer("serve", *arguments, stderr=stderr, **settings)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def http_server(*arguments: str, **settings: str) -> Iterator[tuple[Process, str]]:
    """A `leadbridge serve --http` on a free port, once it listens, and its address."""
    server = Process("serve", "--http", "--port", "0", *arguments, **settings)
    try:
        yield server, _address(server)
    finally:
        server.stop()


def _address(server: Process) -> str:
    """Where the server says it listens; it says so on stderr, a file here, so there is nothing to block on."""
    found = eventually(lambda: re.search(r"^LeadBridge \S+ at (http://\S+)", server.stderr) or server.code is not None)
    assert isinstance(found, re.Match), server.stderr
    return found[1]


def without_introduction(stderr: str) -> str:
    """What a server said on stderr after the one line about what it serves and where."""
    first, _, rest = stderr.partition("\n")
    assert re.fullmatch(r"LeadBridge \S+ (on stdio|at http://\S+) \(.+, \d+ tools\)\. .+", first), stderr
    return rest


def eventually(look: Callable[[], T]) -> T:
    """What `look` gives once it is something; for what another process does in its own time."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return seen


@contextmanager
def sandbox_process() -> Iterator[tuple[Process, dict[str, str]]]:
    """A `leadbridge sandbox`, and the settings with which LeadBridge uses it."""
    process = Process("sandbox", "--port", "0")
    try:
        yield process, dict(pair.split("=", 1) for pair in process.line().split())
    finally:
        process.stop()


def copy_sources(into: Path) -> None:
    """What git has of this repository, and what it would take, as a clone has it."""
    listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, map(os.fsdecode, listed.split(b"\0"))):
        if (ROOT / name).exists():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, into / name, follow_symlinks=False)
