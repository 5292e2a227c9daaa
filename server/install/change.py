"""Changes of hosts' configuration files: what one would be, and writing it so that no file is ever half written."""

from __future__ import annotations

import difflib
import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leadbridge.server.install.configuration import UnreadableConfigurationError, entry_in, with_entry, without_entry
from leadbridge.server.install.entry import Launch
from leadbridge.server.install.hosts import Host

LARGEST = 10_000_000
"""Bytes of a configuration; Claude Code keeps whole histories in it."""
BACKUP = ".before-leadbridge"
"""Behind the name of a configuration: what it was before LeadBridge was added."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a file would become. `new` is `None` for a file that is to go."""

    file: Path
    old: str | None
    """`None` where there is no file."""
    new: str | None
    backup: Path | None
    """Where `old` is kept."""
    restores: bool = False
    """The file is again what it was before LeadBridge was added."""

    @property
    def needed(self) -> bool:
        """Whether the file is not so already."""
        return self.old != self.new

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = ((text or "").splitlines(keepends=True) for text in (self.old, self.new))
        lines = difflib.unified_diff(old, new, str(self.file), str(self.file), n=1)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def carry_out(self) -> None:
        """Write the file, at once or not at all, with the old one beside it.

        Raises:
            OSError: the folder or the file cannot be written.
        """
        if self.old is not None and not self.file.stat().st_mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, "it is read-only")
        if self.backup is not None and self.old is not None and not self.restores:
            write_whole(self.backup, self.old, like=self.file)
        if self.new is None:
            self.file.unlink()
        else:
            _make_folder(self.file.parent)
            write_whole(self.file, self.new, like=self.file)
        if self.restores and self.backup is not None:
            self.backup.unlink(missing_ok=True)


def adding(file: Path, host: Host, launch: Launch) -> Change:
    """LeadBridge added to a configuration, or its entry brought up to date.

    Raises:
        UnreadableConfigurationError: the file cannot be changed; nothing is.
    """
    file = _behind_links(file)
    old = _text_of(file)
    before = entry_in(old or "", host)
    new = with_entry(old or "", host, launch.entry(host.form, before))
    backup = _beside(file)
    return Change(file, old, new, backup if before is None or not backup.exists() else None)


def removing(file: Path, host: Host) -> Change:
    """LeadBridge taken out of a configuration. A file that was only added to becomes what it was, byte by byte.

    Raises:
        UnreadableConfigurationError: the file cannot be changed; nothing is.
    """
    file = _behind_links(file)
    old = _text_of(file)
    if old is None:
        return Change(file, None, None, None)
    new = without_entry(old, host)
    if new == old:
        return Change(file, old, old, None)
    backup = _beside(file)
    before = _text_of(backup)
    if _added_to(before, host, old):
        return Change(file, old, before, backup, restores=True)
    return Change(file, old, new, None)


def _added_to(before: str | None, host: Host, now: str) -> bool:
    """Whether a configuration is what it was before, and LeadBridge's entry."""
    entry = entry_in(now, host)
    with suppress(UnreadableConfigurationError):
        return entry is not None and with_entry(before or "", host, entry) == now
    return False


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}{BACKUP}")


def _behind_links(file: Path) -> Path:
    """The file itself: people keep configurations elsewhere and link to them."""
    return Path(os.path.realpath(file))


def _text_of(file: Path) -> str | None:
    try:
        if not file.exists():
            return None
        if file.is_dir():
            raise UnreadableConfigurationError("it is a folder")
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise UnreadableConfigurationError(f"it is not a file of at most {LARGEST // 1_000_000} MB")
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableConfigurationError("it is not UTF-8 text") from None
    except OSError as error:
        raise UnreadableConfigurationError(f"it cannot be read: {error.strerror}") from None


def _make_folder(folder: Path) -> None:
    """Make a folder, and those above it, for whoever has the one that is there."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _give(folder, like=folder.parent)


def _give(path: Path, *, like: Path) -> None:
    """To the owner of `like`: an administrator may prepare somebody else's home folder."""
    owner, give = like.stat(), getattr(os, "chown", None)
    with suppress(PermissionError):
        if give is not None:
            give(path, owner.st_uid, owner.st_gid)


def write_whole(file: Path, text: str, *, like: Path | None = None) -> None:
    """Write by way of a file beside it, which takes its place: who looks in between sees the old one or the new one.

    It belongs to the owner of `like`, or of the folder. Others may do with it what they may do with `like`; without
    that, or if that is not there, nobody else can read it.

    Raises:
        OSError: the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        model = like if like is not None and like.exists() else None
        _give(Path(name), like=model or file.parent)
        if model is not None:
            Path(name).chmod(stat.S_IMODE(model.stat().st_mode))
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
