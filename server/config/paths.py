"""Paths in settings: `~` and variables are filled in, because no shell does it for what a host's configuration says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from leadbridge.server.errors import SettingsError

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}|%(\w+(?:\(x86\))?)%", re.ASCII)
_SLASH_BEFORE = re.compile(rf"^[/\\]+(?=~|{_VARIABLE.pattern})", re.ASCII)
SETTINGS_FILE = "leadbridge.env"
"""In the folder of settings: what setup writes."""
_UNFILLED = re.compile(r"\$\{[^}]*\}|\{\{")


def own_folder(kind: Literal["state", "config"]) -> Path:
    """Where LeadBridge keeps this user's state or settings, unless a setting says elsewhere.

    Raises:
        SettingsError: the user has no home folder, as in some containers.
    """
    import platformdirs

    of_kind = platformdirs.user_state_path if kind == "state" else platformdirs.user_config_path
    try:
        return of_kind("leadbridge")
    except RuntimeError:
        instead = "LEADBRIDGE_STATE_URL" if kind == "state" else "--env-file"
        raise SettingsError(f"this user has no home folder: set HOME to one, or say with {instead} where") from None


def fill_in(text: str) -> str:
    """The path with `~`, `$NAME`, `${NAME}` and `%NAME%` filled in, also behind a slash that does not belong there.

    Raises:
        ValueError: a variable is not set, or a character that no path has.
    """
    filled = os.path.expanduser(_VARIABLE.sub(_value, _SLASH_BEFORE.sub("", text)))  # noqa: PTH111  # for a text
    if _UNFILLED.search(filled):
        raise ValueError("has a placeholder that was not filled in")
    if not filled.isprintable():
        raise ValueError("has a character that no path has, such as a line break")
    return filled


def _value(found: re.Match[str]) -> str:
    name = next(group for group in found.groups() if group)
    value = os.environ.get(name, "")
    if not value and name == "HOME":
        try:
            value = str(Path.home())
        except RuntimeError:
            raise ValueError("names HOME, and this user has no home folder") from None
    if not value:
        raise ValueError(f"names the variable {name}, which is not set")
    return value
