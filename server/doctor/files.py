"""What `leadbridge doctor` says of files: the store that is there or not yet, its disk, and who else can read what."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from leadbridge.server import state
from leadbridge.server.doctor.findings import Finding
from leadbridge.server.errors import StateError

if TYPE_CHECKING:
    from leadbridge.server.config.settings import Settings
    from leadbridge.server.state import Store

LITTLE, TOO_LITTLE = 200_000_000, 5_000_000
"""Bytes of free disk: the store's writes are small, but every write needs one."""
REFUSED = "Writes are refused until the store can be written."
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BESIDE = ("", "-wal", "-shm", ".rates", ".leads.json")
"""SQLite's and LeadBridge's own files beside the state."""


def with_exposure(finding: Finding, paths: Iterable[Path | None], forbidden: int = _OTHERS) -> Finding:
    """The finding, as a warning with the `chmod` that helps if others may do with a file what `forbidden` says."""
    open_files = [path for path in paths if path is not None and _mode(path) & forbidden]
    if not open_files or os.name == "nt":
        return finding
    changed = any(_mode(path) & (stat.S_IWGRP | stat.S_IWOTH) for path in open_files)
    may = "change" if forbidden == stat.S_IWOTH else "read and change" if changed else "read"
    named = " ".join(shlex.quote(str(path)) for path in open_files)
    mode = "o-w" if forbidden == stat.S_IWOTH else "600"
    return replace(
        finding,
        state="warning" if finding.state == "ok" else finding.state,
        found=f"{finding.found}; other users can {may} {named}",
        do=f"{finding.do}{' ' if finding.do else ''}Run: chmod {mode} {named}",
    )


def store_findings(store: Store, settings: Settings) -> Iterator[Finding]:
    """The state store and its disk. One that is not there yet is not made."""
    there = [path for end in _BESIDE if _mode(path := Path(f"{store.file}{end}"))]  # before it is opened here
    try:
        if store.in_memory or store.is_made():
            store.secret()
            store.check()
            finding = Finding("ok", "state store", f"{store.description}, writable")
        else:
            finding = _absent(store)
    except StateError as error:
        yield Finding("failure", "state store", str(error), REFUSED)
        return
    yield with_exposure(finding, [*there, settings.state_url_file])
    if finding.state == "ok" and store.exists:
        yield Finding("ok", "state schema", f"version {state.tables.SCHEMA_VERSION}, this LeadBridge's own")
    if store.file is not None and finding.state == "ok":
        yield from _folder(_nearest(store.file.parent))


def _absent(store: Store) -> Finding:
    """What would come of making it."""
    if store.file is None:
        return Finding("ok", "state store", f"{store.description}, empty: the first write makes its tables")
    folder = _nearest(store.file.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("ok", "state store", f"{store.file}, not there yet: the first write makes it")
    message = f"{store.file} cannot be written: LeadBridge may not write to the folder {folder}"
    return Finding("failure", "state store", message, REFUSED)


def _folder(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    state = "failure" if free < TOO_LITTLE else "warning" if free < LITTLE else "ok"
    do = "" if state == "ok" else "Make room: a write that cannot be put on record is not sent."
    yield Finding(state, "disk", f"{free // 1_000_000} MB free for the state store", do)
    if not _mode(folder) & stat.S_ISVTX:
        finding = with_exposure(Finding("ok", "state folder", str(folder)), [folder], stat.S_IWOTH)
        if finding.state != "ok":
            yield finding


def _nearest(folder: Path) -> Path:
    """The folder itself or the nearest above it that is there."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
