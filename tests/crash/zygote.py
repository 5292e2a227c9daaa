"""A process that has imported everything and built the server, and forks a `leadbridge serve` in milliseconds.

It is steered over the Unix socket whose descriptor is its only argument, one JSON object a message:
`{"settings": {...}, "folder": ...}` once, then `{"start": point, "hold": folder}` with three descriptors (stdin,
stdout, stderr of the new server) or `{"wait": pid}`. It has one thread and no event loop, so that forking it is safe.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from leadbridge.server import app
from leadbridge.server.cli import main as command_line
from leadbridge.server.config.settings import load_settings
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.rooflink.location import locate
from tests.crash import points

_WHEN_FIRST_USED = (
    "anyio._backends._asyncio",
    "h11",
    "httpcore",
    "httpx",
    "psutil",
    "leadbridge.server.logs",
    "leadbridge.server.state.tables",
    "sqlalchemy.dialects.sqlite",
)
"""What a server imports only with its first write; imported here, once for all rounds."""


def main(descriptor: int) -> None:
    """Serve until the other side hangs up."""
    control = socket.socket(fileno=descriptor)
    command, _ = _receive(control)
    for module in _WHEN_FIRST_USED:
        importlib.import_module(module)
    locate("TX", "75024", None, None)  # reads the table of ZIP codes
    address = command["settings"].pop("LEADBRIDGE_STATE_URL")
    os.environ.update(command["settings"])
    os.chdir(command["folder"])
    if address.startswith("postgresql"):
        importlib.import_module("sqlalchemy.dialects.postgresql.psycopg")
        importlib.import_module("psycopg")
    apps = _what_is_built()
    # Relative, which no setting may be: what is beside the state is in each server's own folder.
    built = app.build_server(load_settings().model_copy(update={"state_url": SecretStr(address)}))
    app.build_server = lambda _settings: built  # type: ignore[assignment]  # of the same settings, once for all
    gc.collect()
    gc.freeze()
    _answer(control, ready=True)
    while True:
        command, descriptors = _receive(control)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            _answer(control, code=os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if not pid:
            control.close()
            apps[0].store.url = command["state_url"]
            _serve(descriptors, command, apps[0])
        for received in descriptors:
            os.close(received)
        _answer(control, pid=pid)


def _what_is_built() -> list[AppContext]:
    """The parts of the server that is built next: nothing of its store is opened before the fork, so it can move."""
    made: list[AppContext] = []
    build_app_context = app.build_app_context

    def build_and_keep(*args: Any, **named: Any) -> Any:
        app = build_app_context(*args, **named)
        made.append(app)
        return app

    app.build_app_context = build_and_keep
    return made


def _serve(descriptors: list[int], command: dict[str, Any], built: AppContext) -> None:
    """Be a `leadbridge serve`; never returns."""
    code = 1
    try:
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        # What was opened on files before the fork would seek in these pipes.
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode, 1, "utf-8") for fd, mode in enumerate("rww"))
        if command["folder"]:
            os.chdir(command["folder"])
        if command["ahead"]:
            points.move_clock(built, command["ahead"])
        if command["blind"]:
            points.see_no_process()
        if command["hold"]:
            points.hold_before_intent(Path(command["hold"]))
        if command["start"]:
            points.install(command["start"])
        sys.argv = ["leadbridge", "serve"]
        command_line.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:  # noqa: BLE001  # whatever it is, it must not get back into the zygote
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, descriptors, _, _ = socket.recv_fds(control, 65_536, 3)
    if not data:
        sys.exit(0)
    return json.loads(data), descriptors


def _answer(control: socket.socket, **fields: Any) -> None:
    control.sendall(json.dumps(fields).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
