"""What a host is to start: the command that runs this LeadBridge, in the form that the host expects."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname  # pyright: ignore[reportDeprecated]  # of Windows' module behind it

from leadbridge.server import __version__
from leadbridge.server.install.hosts import Form

NAME = "leadbridge"
"""The server's name in every host; short, because hosts put it before each tool's name."""

_EXTRAS = {"keychain": "keyring", "postgres": "psycopg"}
"""What is there only if it was wanted, and the module by which that is known."""

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | None"


@dataclass(frozen=True, slots=True)
class Launch:
    """A command, its arguments, and variables of the environment."""

    command: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    def entry(self, form: Form, old: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """The host's entry. Variables and switches that a person added to the old one stay."""
        kept = {name: value for name, value in (old or {}).items() if name not in {"cmd", "command", "args"}}
        where = "envs" if form == "goose" else "env"
        before = kept.pop(where, None)
        variables: dict[str, Json] = {**(before if isinstance(before, Mapping) else {}), **self.variables}
        entry: dict[str, Json] = {}
        if form == "typed":
            entry["type"] = "stdio"
        if form == "zed" and "enabled" not in kept:
            entry["source"] = "custom"
        if form == "goose":
            entry |= {"name": NAME, "description": "RoofLink and RenovationFind", "enabled": True, "type": "stdio"}
            entry |= {"cmd": self.command, "args": list(self.arguments), "timeout": 300}
        else:
            entry |= {"command": self.command, "args": list(self.arguments)}
        if variables or form in {"goose", "zed"}:
            entry[where] = variables
        return {**entry, **kept}


def launch(arguments: Sequence[str], variables: Mapping[str, str]) -> Launch:
    """How a host starts the LeadBridge that runs now, from whatever folder: by absolute paths.

    An environment that uvx made for one run may be gone tomorrow, so a host is to make it again with uvx.
    """
    rest = tuple(arguments)
    if _made_for_one_run() and (uvx := shutil.which("uvx")):
        return Launch(uvx, ("--from", _origin(), NAME, *rest), variables)
    script = Path(sys.executable).with_name(f"{NAME}.exe" if sys.platform == "win32" else NAME)
    if script.is_file():
        return Launch(str(script), rest, variables)
    return Launch(sys.executable, ("-P", "-m", "leadbridge.server.cli.main", *rest), variables)


def starts_leadbridge(entry: object) -> bool:
    """Whether a host's entry starts LeadBridge, however it was written, and not another server of the same name."""
    if not isinstance(entry, Mapping):
        return False
    known = cast("Mapping[str, Json]", entry)
    arguments = known.get("args")
    words = [known.get("cmd"), known.get("command"), *(arguments if isinstance(arguments, list) else ())]
    return "serve" in words and any(NAME in str(word).lower() for word in words)


def _made_for_one_run() -> bool:
    return any(part.startswith(("archive-v", "environments-v", "builds-v")) for part in Path(sys.prefix).parts)


def _origin() -> str:
    """What uvx installs LeadBridge from: the file that it came from, or this version of the package; with extras."""
    extras = [extra for extra, module in _EXTRAS.items() if find_spec(module)]
    chosen = f"[{','.join(extras)}]" if extras else ""
    try:
        origin = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        origin = None
    address = urlsplit(str(json.loads(origin).get("url", ""))) if origin else None
    if address is not None and address.scheme == "file":
        path = url2pathname(f"//{address.netloc}{address.path}" if address.netloc else address.path)  # pyright: ignore[reportDeprecated]  # same
        return f"{path}{chosen}"
    return f"{NAME}{chosen}=={__version__}"
