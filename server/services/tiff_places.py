"""The GPS directory of a TIFF block, which is also what EXIF is: found, and removed in place.

Source: TIFF 6.0, section 2 (directories); EXIF 2.32, 4.6.3 (the pointer 0x8825 to the GPS directory).
"""

from __future__ import annotations

import struct

_GPS, _DEEPER = 0x8825, frozenset({0x8769, 0x014A})
"""Tags whose value is the offset of another directory: the GPS one; EXIF's own and those of smaller pictures."""
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)
"""Bytes of one value, by its type."""
_ENTRY = 12
_MOST = 200
"""Directories of one block; a longer chain is a loop."""
_LONGEST_VALUE = 4_096


class Unreadable(Exception):
    """Not what the format's description says."""


def take_out(data: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Take the GPS directory out of the block between `start` and `end`; the parts that are changed by that.

    Its values are overwritten with zeros, and its pointer leaves the directory that has it.

    Raises:
        Unreadable: the block is damaged; nothing is changed.
    """
    try:
        return _Block(data, start, end).without_gps()
    except struct.error:
        raise Unreadable from None


class _Block:
    def __init__(self, data: bytearray, start: int, end: int) -> None:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[start : start + 4]))
        if order is None:
            raise Unreadable
        self._data, self._start, self._end, self._order = data, start, end, order

    def without_gps(self) -> list[tuple[int, int]]:
        holders, blanks = self._found()
        changed: list[tuple[int, int]] = []
        for start, end in blanks:
            self._data[start:end] = bytes(end - start)
            changed.append((start, end))
        for directory, entry, end in reversed(holders):  # the last first: those behind an entry move up
            self._data[entry:end] = self._data[entry + _ENTRY : end] + bytes(_ENTRY)
            struct.pack_into(f"{self._order}H", self._data, directory, self._number("H", directory) - 1)
            changed.append((directory, end))
        return changed

    def _found(self) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
        """GPS pointers, each between the beginning and the end of its directory; and what is where they point."""
        holders: list[tuple[int, int, int]] = []
        blanks: list[tuple[int, int]] = []
        waiting, seen = [self._number("I", self._start + 4)], set[int]()
        while waiting:
            offset = waiting.pop()
            if not offset or offset in seen:
                continue
            seen.add(offset)
            if len(seen) > _MOST:
                raise Unreadable
            directory = self._start + offset
            count = self._number("H", directory)
            end = directory + 2 + count * _ENTRY
            for entry in range(directory + 2, end, _ENTRY):
                tag = self._number("H", entry)
                if tag == _GPS:
                    holders.append((directory, entry, min(end + 4, self._end)))
                    blanks += self._directory(self._number("I", entry + 8))
                elif tag in _DEEPER:
                    waiting += self._pointers(entry)
            if end + 4 <= self._end:
                waiting.append(self._number("I", end))
        return holders, blanks

    def _directory(self, offset: int) -> list[tuple[int, int]]:
        """A directory and its values."""
        directory = self._start + offset
        end = directory + 2 + self._number("H", directory) * _ENTRY
        parts = [(directory, end)]
        for entry in range(directory + 2, end, _ENTRY):
            kind, count = self._number("H", entry + 2), self._number("I", entry + 4)
            size = _SIZES[kind] * count if kind < len(_SIZES) else 0
            if size > 4:
                value = self._start + self._number("I", entry + 8)
                if size > _LONGEST_VALUE or value + size > self._end:
                    raise Unreadable
                parts.append((value, value + size))
        return parts

    def _pointers(self, entry: int) -> list[int]:
        count = self._number("I", entry + 4)
        at = entry + 8 if count == 1 else self._start + self._number("I", entry + 8)
        return [self._number("I", at + 4 * number) for number in range(min(count, _MOST))]

    def _number(self, form: str, at: int) -> int:
        """A number of the block; none of it is outside."""
        if not self._start <= at <= self._end - struct.calcsize(form):
            raise Unreadable
        (number,) = struct.unpack_from(self._order + form, self._data, at)
        return int(number)
