"""Reads small text files that a person names: keys, corrections, options. Never waits, and never fills memory."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

MEGABYTE = 1_000_000
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class UnreadableFileError(Exception):
    """Why a file cannot be read, in words that fit behind its name."""


def read_text(path: Path, limit: int) -> str:
    """The text of a regular file of at most `limit` bytes: UTF-8, or UTF-16 and UTF-32 with their mark.

    Nothing is read of what is not a regular file: opening a pipe would wait for its writer, and a device has no end.

    Raises:
        UnreadableFileError: with the reason.
    """
    try:
        data = _bytes_of(path, limit + 1)
    except OSError as error:
        raise UnreadableFileError(error.strerror or type(error).__name__) from None
    except ValueError:
        raise UnreadableFileError("its name is not a file name") from None
    if len(data) > limit:
        raise UnreadableFileError(f"larger than {_size(limit)}")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableFileError("not UTF-8 text") from None


def _bytes_of(path: Path, most: int) -> bytes:
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableFileError(f"{_KINDS.get(stat.S_IFMT(mode), 'not a file')}, not a regular file")
        data = bytearray()
        while len(data) < most and (chunk := os.read(descriptor, min(most - len(data), 65_536))):
            data += chunk
        return bytes(data)
    finally:
        os.close(descriptor)


def _size(limit: int) -> str:
    return f"{limit // MEGABYTE} MB" if limit >= MEGABYTE else f"{limit // 1000} kB"
