"""A file of settings, read only if somebody names it. One that is merely in the working directory decides nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from leadbridge.server.config.pasted import unwrapped
from leadbridge.server.config.paths import fill_in
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.errors import SettingsError

PREFIX = "LEADBRIDGE_"
NAMED_BY = f"{PREFIX}ENV_FILE"
LARGEST = 64_000
"""Bytes."""
_OURS = re.compile(rf"^\s*(?:export\s+)?({PREFIX}[A-Z_]+)\s*=", re.IGNORECASE | re.MULTILINE)


def named_file(option: str | None, environ: Mapping[str, str]) -> Path | None:
    """The file that the command line (`option`) or else `LEADBRIDGE_ENV_FILE` names.

    A relative path of the command line counts from the working directory, as the person who types it sees it. In a
    variable it is refused: a host starts the server in a folder of its choice.

    Raises:
        SettingsError: the path cannot be meant.
    """
    named = next((value for name, value in environ.items() if name.upper() == NAMED_BY), "")
    label, text = ("--env-file", option) if option is not None else (NAMED_BY, unwrapped(named))
    if not text:
        if option is None:
            return None
        raise SettingsError("--env-file is empty; give it the path of a file")
    try:
        path = Path(fill_in(text))
    except ValueError as error:
        raise SettingsError(f"{label}: {error}") from None
    if option is None and not path.is_absolute():
        raise SettingsError(f"{NAMED_BY}: must be an absolute path, or begin with ~ or $HOME")
    return path.absolute()


def settings_in(path: Path) -> dict[str, str]:
    """The names of the file with their values, as they are written: no `${NAME}` is filled in.

    Raises:
        SettingsError: it cannot be read, or a line of it cannot: that could be any setting.
    """
    from dotenv.parser import parse_stream

    try:
        text = read_text(path, LARGEST)
    except UnreadableFileError as error:
        raise SettingsError(f"the env file {path} cannot be read: {error}") from None
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        ours = (binding.key or "").upper().startswith(PREFIX)
        if binding.error or (ours and binding.value is None):
            before = binding.original.string[: -len(binding.original.string.lstrip()) or None]
            line = binding.original.line + before.count("\n")
            raise SettingsError(f"the env file {path}, line {line}, cannot be read; write NAME=value")
        if binding.key:
            found[binding.key] = binding.value or ""
    return found


def with_settings(text: str, values: Mapping[str, str | None]) -> str:
    """The text of an env file with these settings, in place of earlier ones; `None` takes one out. Other lines stay."""
    from dotenv.parser import parse_stream

    kept = [one.original.string for one in parse_stream(io.StringIO(text)) if (one.key or "").upper() not in values]
    before = "".join(kept)
    before += "\n" if before and not before.endswith("\n") else ""
    given = {name: re.sub(r"([\\'])", r"\\\1", value) for name, value in values.items() if value is not None}
    return before + "".join(f"{name}='{value}'\n" for name, value in given.items())


def unread_settings(named: Path | None) -> str:
    """One line if a `.env` in the working directory holds settings and is not read; its values are not looked at."""
    path = Path(".env")
    with suppress(UnreadableFileError, OSError):
        if named is None or not named.samefile(path):
            names = sorted({name.upper() for name in _OURS.findall(read_text(path, LARGEST))})
            if names:
                more = f" and {len(names) - 1} more" if len(names) > 1 else ""
                return (
                    f"the .env in the working directory is not read; it sets {names[0]}{more}. "
                    f"If it is yours, name it with --env-file or {NAMED_BY}"
                )
    return ""
