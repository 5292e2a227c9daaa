"""Processes that may be killed: the services, the zygote, and servers on pipes with the SDK's client before them."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from unittest.mock import AsyncMock
from urllib.parse import urlsplit

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import Client
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from tests.support import PATIENCE

T = TypeVar("T")
ReadStream: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
WriteStream: TypeAlias = MemoryObjectSendStream[SessionMessage]

ROOT = Path(__file__).resolve().parents[2]
STATE_FILE = "state.db"
STATE_URL_FILE = "state_url"
"""Holds the address of the store where that is not a file in the same folder."""
_LONGEST_LINE = 2**24


def state_url(folder: Path) -> str:
    """Where the servers of a folder keep their state."""
    payload = folder / STATE_URL_FILE
    return payload.read_text("utf-8") if payload.exists() else f"sqlite:///{folder / STATE_FILE}"


_BUILT_WITH = {"sqlite": f"sqlite:///{STATE_FILE}", "postgresql": "postgresql:///named-when-it-is-forked"}


class Service:
    """Both services in another process, over loopback HTTP, and what they saw."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = settings
        address = urlsplit(settings["LEADBRIDGE_ROOFLINK_BASE_URL"])
        self._http = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PATIENCE)

    def writes(self) -> list[dict[str, Any]]:
        """Every write that took effect, in order."""
        return self._ask("GET", "writes")

    def requests(self) -> list[dict[str, Any]]:
        """Every request that arrived, in order."""
        return self._ask("GET", "requests")

    def let_happen(self, kind: str, match: str, seconds: float = PATIENCE) -> None:
        """Befall the next request that matches with a fault."""
        self._ask("POST", "faults", {"kind": kind, "match": match, "seconds": seconds})

    def no_more_faults(self) -> None:
        """Let nothing more happen."""
        self._ask("DELETE", "faults")

    def reset(self) -> None:
        """Forget what was seen; the records are those of a fresh sandbox."""
        self._ask("POST", "reset")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body)
        self._http.close()  # one connection a question: a kept one may be closed as idle at that moment
        self._http.request(method, f"/_sandbox/{path}", content, {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        payload = json.loads(answer.read())
        assert answer.status in {200, 201}, payload
        return payload


@dataclass(frozen=True, slots=True)
class Ends:
    """The other ends of a server's pipes."""

    pid: int
    stdin: int
    stdout: int


class Zygote:
    """A process that forks servers."""

    def __init__(self, control: socket.socket, errors: Path) -> None:
        self._control = control
        self._errors = errors

    @property
    def stderr(self) -> str:
        """What the zygote and its servers have written there."""
        return self._errors.read_text("utf-8", "replace")[-3000:]

    def start(
        self, folder: Path, point: str = "", hold: Path | None = None, *, ahead: float = 0.0, blind: bool = False
    ) -> Ends:
        """Fork a server with its state in this folder, that dies at this point or waits in this folder's hold.

        `ahead`: so many seconds its clock is; `blind`: it sees no other process.
        """
        server_in, stdin = os.pipe()
        stdout, server_out = os.pipe()
        with self._errors.open("ab") as errors:
            payload = json.dumps(
                {
                    "start": point,
                    "folder": str(folder),
                    "hold": str(hold or ""),
                    "ahead": ahead,
                    "blind": blind,
                    "state_url": state_url(folder),
                }
            ).encode()
            socket.send_fds(self._control, [payload], [server_in, server_out, errors.fileno()])
        os.close(server_in)
        os.close(server_out)
        return Ends(self._answer()["pid"], stdin, stdout)

    def wait(self, pid: int) -> int:
        """Wait for the end of a server; what it returned, or the negative number of the signal that ended it."""
        self._control.sendall(json.dumps({"wait": pid}).encode())
        return self._answer()["code"]

    def build(self, settings: dict[str, str], folder: Path) -> None:
        """Build the server that is forked."""
        self._control.sendall(json.dumps({"settings": settings, "folder": str(folder)}).encode())
        self._answer()

    def _answer(self) -> dict[str, Any]:
        data = self._control.recv(65_536)
        assert data, f"the zygote ended: {self.stderr}"
        return json.loads(data)


@contextmanager
def crash_site(folder: Path, store: str = "sqlite") -> Generator[tuple[Service, Zygote]]:
    """The services, and a zygote whose servers use them. `store` is the kind of store that all of them have."""
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("LEADBRIDGE_")}
    # Nothing here speaks TLS, and reading certificates takes each server a tenth of a second.
    environment = {**environment, "SSL_CERT_FILE": "", "SSL_CERT_DIR": str(folder)}
    ours, theirs = socket.socketpair()
    errors = folder / "stderr.txt"
    with closing(ours), errors.open("ab") as stderr:
        with closing(theirs):
            zygote = _python(
                "tests.crash.zygote", str(theirs.fileno()), stderr=stderr, env=environment, pass_fds=(theirs.fileno(),)
            )
        services = _python("tests.crash.service", stdout=subprocess.PIPE, stderr=stderr, env=environment)
        try:
            assert services.stdout is not None
            line = services.stdout.readline().decode()
            assert line, f"the services ended: {errors.read_text('utf-8', 'replace')[-3000:]}"
            service = Service(dict(pair.split("=", 1) for pair in line.split()))
            with closing(service):
                ours.settimeout(PATIENCE)
                made = Zygote(ours, errors)
                made.build({**service.settings, "LEADBRIDGE_STATE_URL": _BUILT_WITH[store]}, folder)
                yield service, made
        finally:
            ours.close()
            services.terminate()
            for process in (services, zygote):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE)
                process.kill()
                process.wait()
            if services.stdout is not None:
                services.stdout.close()


def _python(module: str, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, **options)


@asynccontextmanager
async def over_pipes(ends: Ends) -> AsyncGenerator[tuple[ReadStream, WriteStream]]:
    """The stdio transport of the SDK's client, for a process that somebody else has started."""
    to_client, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sent, from_client = anyio.create_memory_object_stream[SessionMessage](0)
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), os.fdopen(ends.stdout, "rb", 0)
    )

    async def read() -> None:
        async with to_client:
            while line := await lines.readline():
                if line.endswith(b"\n"):
                    await to_client.send(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))

    async def write() -> None:
        async with from_client:
            async for message in from_client:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                with suppress(BrokenPipeError):
                    os.write(ends.stdin, text.encode() + b"\n")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(write)
        try:
            yield received, sent
        finally:
            os.close(ends.stdin)
            tasks.cancel_scope.cancel()
            pipe.close()
            for stream in (received, sent, to_client, from_client):
                stream.close()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and its client."""

    client: Client
    pid: int

    @property
    def sleeps(self) -> bool:
        """Whether it is suspended."""
        return Path(f"/proc/{self.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """SIGKILL, from outside."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@asynccontextmanager
async def server_on(
    zygote: Zygote, folder: Path, point: str = "", *, hold: Path | None = None, codes: Sequence[int] = (0,), **seen: Any
) -> AsyncGenerator[Server]:
    """A server on this folder's state and a client that cannot be asked; it must end with one of these codes."""
    ends = zygote.start(folder, point, hold, **seen)
    try:
        async with Client(over_pipes(ends), mode="auto") as client:
            # What a server says is held against the service here; that its schema fits, other tests hold.
            client.session.validate_tool_result = AsyncMock(return_value=None)
            yield Server(client, ends.pid)
    finally:
        code = await anyio.to_thread.run_sync(zygote.wait, ends.pid)
    assert code in codes, f"the server ended with {code}, not with one of {codes}: {zygote.stderr}"


async def eventually(look: Callable[[], T]) -> T:
    """What `look` gives once it is something."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not come"
        await anyio.sleep(0.002)
    return seen
