"""Which files may leave this machine: those inside LEADBRIDGE_UPLOAD_ROOT that are of a known type by their content.

A path is resolved first, and what is inside by then is opened part by part without following a link, so that a link
that is put there in between leads nowhere.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from leadbridge.server.errors import ArgumentsRefused, Problem
from leadbridge.server.services.photo_places import Place, changed, place_in

LARGEST = 50 * 1024 * 1024
"""Bytes; RoofLink names no limit. This one keeps a call within its deadline."""
_HEAD = 64
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = _FLAGS | getattr(os, "O_DIRECTORY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
"""A pipe without a writer must not hold the call up before it is refused."""

# What cameras, phones and offices write. LeadBridge's own table: a package for all types would let all of them leave.
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
)
_BRANDS = {
    b"heic": "image/heic", b"heix": "image/heic", b"hevc": "image/heic", b"mif1": "image/heif", b"msf1": "image/heif",
    b"avif": "image/avif", b"qt  ": "video/quicktime", b"isom": "video/mp4", b"iso2": "video/mp4",
    b"iso4": "video/mp4", b"iso5": "video/mp4", b"iso6": "video/mp4", b"mp41": "video/mp4", b"mp42": "video/mp4",
    b"avc1": "video/mp4", b"M4V ": "video/mp4", b"MSNV": "video/mp4", b"3gp4": "video/3gpp", b"3gp5": "video/3gpp",
    b"3gp6": "video/3gpp",
}  # fmt: skip
"""Of the ISO base media format: the four bytes after `ftyp`."""
_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NAMES = {
    "application": "PDF, Word (.docx), Excel (.xlsx)",
    "image": "JPEG, PNG, GIF, WebP, TIFF, HEIC, AVIF",
    "video": "MP4, MOV, 3GP, AVI, WebM",
}
"""What is known, in words."""


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file that may leave: where it is below the root, and what it holds."""

    parts: tuple[str, ...]
    size: int
    content_type: str
    digest: str
    """SHA-256 of what leaves, as hexadecimal."""
    place: Place
    """What takes the place it was taken at out of what leaves."""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def shown(self) -> str:
        """Its path below the root."""
        return "/".join(self.parts)


def inspect_file(root: Path, text: str, types: Collection[str] = ("image", "video")) -> UploadFile:
    """The file at a path, absolute or below the root, read once from beginning to end.

    `types`: which may leave, by the first part of the content type.

    Raises:
        ArgumentsRefused: it is not below the root, not a plain file, empty, too large, or of another type.
    """
    parts = inside(root, text)
    with opened(root, parts) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:  # it has grown since it was opened
        raise _too_large()
    content_type = _type_of(content)
    if content_type.partition("/")[0] not in types:
        known = ", ".join(name for kind, name in _NAMES.items() if kind in types)
        raise _refused(f"must be of a type that is known by its content: {known}")
    place = place_in(content, content_type)
    digest = hashlib.sha256(changed(content, 0, place.changes))
    return UploadFile(parts, len(content), content_type, digest.hexdigest(), place)


def inside(root: Path, text: str) -> tuple[str, ...]:
    """The parts of a path below the root, all links resolved.

    Raises:
        ArgumentsRefused: it leads out of the root, or nowhere.
    """
    if "\0" in text or ".." in Path(text).parts:
        raise _refused("must not contain '..' or null characters")
    try:
        base = root.resolve(strict=True)
        found = (base / text).resolve(strict=True) if not Path(text).is_absolute() else Path(text).resolve(strict=True)
        parts = found.relative_to(base).parts
    except FileNotFoundError:
        raise _refused("there is no such file below LEADBRIDGE_UPLOAD_ROOT") from None
    except ValueError:
        raise _refused("must lie below LEADBRIDGE_UPLOAD_ROOT; a link must not lead out of it") from None
    except (OSError, RuntimeError) as error:  # too long, a loop of links, no permission
        raise _refused(f"cannot be read: {getattr(error, 'strerror', None) or 'a loop of links'}") from None
    if not parts:
        raise _refused("must be a file, not LEADBRIDGE_UPLOAD_ROOT itself")
    return parts


@contextmanager
def opened(root: Path, parts: tuple[str, ...]) -> Generator[BinaryIO]:
    """A plain file of a fitting size, opened below the root without following any link.

    Raises:
        ArgumentsRefused: it is something else by now.
    """
    try:
        descriptor = _open(root.resolve(strict=True), parts)
    except OSError as error:
        raise _refused(f"cannot be opened: {error.strerror}") from None
    try:
        _check(os.fstat(descriptor))
    except ArgumentsRefused:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _check(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise _refused("must be a plain file, not a directory, device or pipe")
    if not state.st_size:
        raise _refused("is empty")
    if state.st_size > LARGEST:
        raise _too_large()


def _open(base: Path, parts: tuple[str, ...]) -> int:
    if os.open not in os.supports_dir_fd:  # Windows
        return _open_and_compare(base, parts)
    directory = os.open(base, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER | _NOFOLLOW, dir_fd=directory)
            os.close(directory)
            directory = inner
        return os.open(parts[-1], _FLAGS | _NOFOLLOW | _NO_WAIT, dir_fd=directory)
    finally:
        os.close(directory)


def _open_and_compare(base: Path, parts: tuple[str, ...]) -> int:
    """Open by path, then see that the path still leads to what is open, and still below the root."""
    path = base.joinpath(*parts)
    descriptor = os.open(path, _FLAGS | _NO_WAIT)
    if not os.path.samestat(os.fstat(descriptor), os.lstat(path)) or not path.resolve().is_relative_to(base):
        os.close(descriptor)
        raise OSError(0, "it was exchanged meanwhile")
    return descriptor


def _type_of(content: bytes) -> str:
    """The type, known by how the content begins; nothing for any other."""
    head = content[:_HEAD]
    if head[4:8] == b"ftyp" and (found := _BRANDS.get(head[8:12])):
        return found
    for offset, signature, content_type in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature and (not offset or head[:4] == b"RIFF"):
            return content_type
    return _office_type_of(content) if head[:4] == b"PK\x03\x04" else ""


def _office_type_of(content: bytes) -> str:
    """The type of a Word or Excel file, which is a ZIP archive with parts of known names; nothing for any other."""
    import zipfile

    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return ""
    return next((kind for part, kind in _OFFICE.items() if {"[Content_Types].xml", part} <= names), "")


def _too_large() -> ArgumentsRefused:
    return _refused(f"must have at most {LARGEST // 1024 // 1024} MB (LeadBridge's own limit)")


def _refused(why: str) -> ArgumentsRefused:
    return ArgumentsRefused([Problem("file_path", why)])
