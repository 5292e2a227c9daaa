"""A client of one MCP server process over stdio: JSON lines out, JSON lines in, nothing between that takes time.

It makes the handshake of protocol 2025-11-25, which every peer and every host of today speaks.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

PROTOCOL = "2025-11-25"
PATIENCE = 30.0  # seconds until a server that does not answer is killed

Json = dict[str, Any]


class ServerFailedError(Exception):
    """The server ended, answered with an error, or did not answer in time; the text holds the end of its stderr."""


class Session:
    """One server process with the handshake made."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.sent = 0
        self.request(
            "initialize",
            {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
        )
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message: Json) -> None:
        """Write one message."""
        assert self.process.stdin is not None  # noqa: S101 - `started` asks for it
        self.process.stdin.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, params: Json) -> Json:
        """Send a request and return its result; notifications that come in between are skipped."""
        assert self.process.stdout is not None  # noqa: S101 - `started` asks for it
        self.sent += 1
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            self.send({"jsonrpc": "2.0", "id": self.sent, "method": method, "params": params})
            while line := self.process.stdout.readline():
                message = cast("Json", json.loads(line))
                if message.get("id") == self.sent:
                    break
            else:
                raise ServerFailedError(self.failure_text(f"no answer to {method}"))
        except (OSError, ValueError) as error:
            raise ServerFailedError(self.failure_text(f"{method}: {error!r}")) from error
        finally:
            watchdog.cancel()
        if "result" not in message:
            raise ServerFailedError(self.failure_text(f"{method}: {message.get('error')}"))
        return cast("Json", message["result"])

    def tools(self) -> list[Json]:
        """All tools, over all pages of the list."""
        result = self.request("tools/list", {})
        tools = cast("list[Json]", result["tools"])
        while cursor := result.get("nextCursor"):
            result = self.request("tools/list", {"cursor": cursor})
            tools += cast("list[Json]", result["tools"])
        return tools

    def call(self, tool: str, arguments: Json) -> Json:
        """Call a tool, which must not answer with an error."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise ServerFailedError(self.failure_text(f"{tool}: {result}"))
        return result

    def failure_text(self, what: str) -> str:
        """The failure, with the end of what the server wrote on stderr."""
        return f"{what}; stderr: {self.errors.read_text('utf-8', 'replace')[-1500:]}"


@contextmanager
def started(command: Sequence[str], env: Mapping[str, str]) -> Generator[Session]:
    """Start a server in an empty folder, so that no `.env` reaches it, and end it with the block.

    Only the variables given and those that a process needs to run are in its environment: keys of the caller's are not.
    """
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder:
        errors = Path(folder) / "stderr.txt"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=folder,
                env={**kept, **env},
            )
            with process:  # closes the pipes, which ends a stdio server
                try:
                    yield Session(process, errors)
                finally:
                    end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Close the server's stdin and wait; a server that stays is killed."""
    assert process.stdin is not None  # noqa: S101 - `started` asks for it
    try:
        process.stdin.close()
        process.wait(timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        process.kill()
