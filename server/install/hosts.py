"""The hosts, and where each keeps its configuration on this machine."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

System = Literal["linux", "macos", "windows"]
Format = Literal["json", "jsonc", "toml", "yaml"]
Form = Literal["plain", "typed", "zed", "goose"]


class Host(BaseModel):
    """A row of hosts.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    format: Format
    key: str
    """Where the servers are in the file."""
    form: Form
    macos: str
    windows: str
    linux: str
    package: str = ""
    """The Windows package that has its own AppData, as a pattern; empty where the host has none."""
    project: str = ""
    """The file in a project's folder; empty where the host has none."""
    next: str
    """What a person does after the change."""
    source: str


@cache
def known_hosts() -> Mapping[str, Host]:
    """Every host, by its name on the command line."""
    text = files("leadbridge.server.install").joinpath("hosts.toml").read_text("utf-8")
    return TypeAdapter(dict[str, Host]).validate_python(tomllib.loads(text))


def this_system() -> System:
    """The system that this process runs on."""
    return "windows" if sys.platform == "win32" else "macos" if sys.platform == "darwin" else "linux"


@dataclass(frozen=True, slots=True)
class Machine:
    """A home folder, and the variables that move a host's configuration out of it."""

    home: Path
    system: System
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, home: Path | None = None, system: System | None = None) -> Machine:
        """This one, for the person who runs the command; or a home folder of somebody else, without our variables.

        Raises:
            RuntimeError: the person has no home folder.
        """
        if home is not None:
            return cls(home.absolute(), system or this_system())
        return cls(Path.home(), this_system(), os.environ)

    def configuration(self, host: Host) -> Path:
        """The file in which the host keeps the servers of all projects."""
        home = self.home
        local = self.variables.get("LOCALAPPDATA") or home / "AppData" / "Local"
        packages = sorted(Path(str(local), "Packages").glob(host.package)) if host.package else []
        appdata = self.variables.get("APPDATA") or home / "AppData" / "Roaming"
        return Path(
            str(getattr(host, self.system)).format(
                home=home,
                config=self.variables.get("XDG_CONFIG_HOME") or home / ".config",
                appdata=packages[0] / "LocalCache" / "Roaming" if packages else appdata,
                codex=self.variables.get("CODEX_HOME") or home / ".codex",
                claude=self.variables.get("CLAUDE_CONFIG_DIR") or home,
            )
        )

    def has(self, host: Host) -> bool:
        """Whether the host has been here: its file is there, or the folder that only it uses."""
        file = self.configuration(host)
        return file.exists() or (file.parent != self.home and file.parent.is_dir())
