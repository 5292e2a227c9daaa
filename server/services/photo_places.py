"""Where a photo or video was taken, taken out of the copy that leaves.

Cameras and phones write it into EXIF (a GPS directory), XMP, IPTC and, for videos, into atoms of their own. It is
overwritten in place: the size, the picture and everything else stay, so that a file can be sent as a stream.

Sources: EXIF 2.32 (JPEG, PNG, WebP and HEIC carry its TIFF block), XMP part 3 (where XMP is in each format), PNG 1.3
(eXIf), ISO 14496-12 and QuickTime's file format (`moov`, `udta`, `©xyz`), 3GPP TS 26.244 (`loci`).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from leadbridge.server.services.tiff_places import Unreadable, take_out

Change = tuple[int, bytes]
"""Where in a file, and what is there in the copy; of the same length."""

_EXIF = b"Exif\0\0"
_TIFF = (b"II*\0", b"MM\0*")
_XMP, _XMP_REST = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_IPTC_PLACE = re.compile(rb"\x1c\x02[\x5a\x5c\x5f\x64\x65]")
_NAMES_PLACE = re.compile(
    rb"G[Pp][Ss][A-Z :=]|[Ll]atitude|[Ll]ongt?itude|Location(?:Created|Shown)|"
    rb"Iptc4xmpCore:(?:Location|CountryCode)|photoshop:(?:City|State|Country)"
)
"""Names of EXIF and XMP, and of drones (DJI's `GpsLatitude`, `GpsLongtitude`)."""
_COMMENT, _LARGEST_SEGMENT = 0xFE, 65_535
_ISO6709 = re.compile(rb"[+-]\d{2,6}(?:\.\d+)?[+-]\d{3,7}(?:\.\d+)?(?:[+-]\d+(?:\.\d+)?)?/")
_LARGEST_ATOM = 1_024
_TRACKS = (b"gpmd", b"camm", b"djmd", b"rtmd", b"tx3g", b"gps ")
"""Tracks of GoPro's, Android's, DJI's and Sony's cameras, which contain places beside other measures; the subtitles in
which drones write them; and what dashboard cameras have."""
_UNSURE_TYPES = frozenset({"video/x-msvideo", "video/webm"})


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the place in a file."""

    changes: tuple[Change, ...] = ()
    """What takes it out; nothing if the file says no place."""
    unsure: bool = False
    """Whether it may say one that is not found here."""


@dataclass(slots=True)
class _Copy:
    data: bytearray
    changed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    unsure: bool = False

    def fill(self, start: int, end: int, byte: bytes = b"\0") -> None:
        """Overwrite a part with one byte."""
        self.data[start:end] = byte * (end - start)
        self.changed.append((start, end))

    def exif(self, start: int, end: int) -> None:
        """Take the place out of a TIFF block that holds nothing but what is said of the photo."""
        try:
            self.changed += take_out(self.data, start, end)
        except Unreadable:
            self.fill(start, end)

    def xmp(self, start: int, end: int) -> None:
        """Blank XMP or another text that names a place."""
        if _names_place(self.data[start:end]):
            self.fill(start, end, b" ")


def _names_place(text: bytes | bytearray) -> bool:
    """Whether a text does, in UTF-8 or UTF-16."""
    return _NAMES_PLACE.search(text.replace(b"\0", b"")) is not None


def place_in(content: bytes, content_type: str) -> Place:
    """The changes that take the place out of a file of this type; `content` is all of it."""
    copy = _Copy(bytearray(content), unsure=content_type in _UNSURE_TYPES)
    look = _LOOKS.get(content_type)
    try:
        if look is not None:
            look(copy)
    except (struct.error, IndexError, Unreadable):
        copy.unsure = True
    changes = ((start, bytes(copy.data[start:end])) for start, end in sorted(copy.changed))
    return Place(tuple(one for one in changes if content[one[0] : one[0] + len(one[1])] != one[1]), copy.unsure)


def changed(part: bytes, at: int, changes: Sequence[Change]) -> bytes:
    """A part of a file, which begins at `at`, with the changes."""
    if not changes:
        return part
    copy = bytearray(part)
    for start, new in changes:
        first, last = max(start, at), min(start + len(new), at + len(part))
        if first < last:
            copy[first - at : last - at] = new[first - start : last - start]
    return bytes(copy)


def _jpeg(copy: _Copy) -> None:
    data, at = copy.data, 2
    rest_of_xmp: list[tuple[int, int]] = []
    while at < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in {0xD9, 0xDA}:
            break
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        start, end = at + 4, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data) or end < start:
            raise Unreadable
        if data.startswith(_EXIF, start):
            copy.exif(start + len(_EXIF), end)
        elif data.startswith(_XMP, start):
            copy.xmp(start + len(_XMP), end)
        elif data.startswith(_XMP_REST, start):
            rest_of_xmp.append((start + len(_XMP_REST), end))
        elif data.startswith(b"Photoshop 3.0\0", start) and _IPTC_PLACE.search(data, start, end):
            copy.fill(start, end)
        elif marker == _COMMENT:
            copy.xmp(start, end)
        at = end
    else:
        copy.unsure = True
    head = 40  # of each part of long XMP: a digest, the length and the offset
    if _names_place(b"".join(data[start + head : end] for start, end in rest_of_xmp)):
        for start, end in rest_of_xmp:
            copy.fill(start + head, end, b" ")
    _blocks(copy, at, longest_xmp=_LARGEST_SEGMENT)  # smaller pictures and films that follow the photo
    film = data.find(b"ftyp", at)
    _film(copy, film if film >= 0 else len(data), len(data))


def _png(copy: _Copy) -> None:
    data, at = copy.data, 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start, end = at + 8, at + 8 + length
        if end + 4 > len(data):
            raise Unreadable
        before = len(copy.changed)
        if kind == b"eXIf":
            copy.exif(start, end)
        elif kind in {b"tEXt", b"zTXt", b"iTXt"}:
            keyword = bytes(data[start : min(start + 80, end)]).partition(b"\0")[0]
            text = start + len(keyword) + 1
            if keyword == b"XML:com.adobe.xmp" and not any(data[text : text + 1]):
                copy.xmp(text + 4, end)
            elif (
                keyword == b"XML:com.adobe.xmp"
                or keyword.startswith(b"Raw profile type")
                or keyword.lower() == b"location"
                or _names_place(data[start:end])
            ):
                # Packed, as hexadecimal digits, or under a name such as `exif:GPSLatitude`: all of it becomes a
                # comment that says nothing.
                copy.fill(start, end, b" ")
                data[at + 4 : start + 8] = b"tEXtComment\0"
                copy.changed.append((at + 4, start + 8))
        if len(copy.changed) > before:
            struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
            copy.changed.append((end, end + 4))
        at = end + 4
        if kind == b"IEND":
            return
    copy.unsure = True


def _webp(copy: _Copy) -> None:
    data, at = copy.data, 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        start, end = at + 8, at + 8 + length
        if end > len(data):
            raise Unreadable
        if kind == b"EXIF":
            copy.exif(start + (len(_EXIF) if data.startswith(_EXIF, start) else 0), end)
        elif kind == b"XMP ":
            copy.xmp(start, end)
        at = end + length % 2


def _tiff(copy: _Copy) -> None:
    copy.changed += take_out(copy.data, 0, len(copy.data))
    _blocks(copy, 8)


def _gif(copy: _Copy) -> None:
    _blocks(copy, 6)


def _iso_media(copy: _Copy) -> None:
    """HEIC, AVIF, MP4, QuickTime and 3GP."""
    found = _blocks(copy, 0)
    for kind, start, end in _boxes(copy.data, 0, len(copy.data)):
        if kind != b"mdat":  # pictures and sound: megabytes, in which a pattern would be looked for long
            _film(copy, start, end)
        if kind == b"moov":
            copy.unsure |= any(copy.data.find(track, start, end) >= 0 for track in _TRACKS)
        elif kind == b"meta" and not found and copy.data.find(b"Exif", start, end) >= 0:
            copy.unsure = True


def _film(copy: _Copy, start: int, end: int) -> None:
    """Take the place out of a film's atoms, wherever they lie."""
    data = copy.data
    for kind in (b"\xa9xyz", b"loci"):
        at = data.find(kind, start, end)
        while at >= 0:
            size = int.from_bytes(data[at - 4 : at], "big")
            if 8 <= size <= _LARGEST_ATOM and at - 4 + size <= end:
                copy.fill(at, at - 4 + size)
                data[at : at + 4] = b"free"
            at = data.find(kind, at + 4, end)
    if data.find(b"com.apple.quicktime.location.", start, end) >= 0:
        for found in list(_ISO6709.finditer(data, start, end)):
            copy.fill(*found.span(), b" ")


def _boxes(data: bytearray, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of each box."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or end - at
        if size < head or at + size > end:
            raise Unreadable
        yield kind, at + head, at + size
        at += size


def _blocks(copy: _Copy, start: int, longest_xmp: int = 0) -> bool:
    """Take the place out of EXIF and XMP wherever they lie; whether there was EXIF."""
    data, found = copy.data, False
    at = data.find(_EXIF, start)
    while at >= 0:
        block = at + len(_EXIF)
        if data.startswith(_TIFF, block):
            found = True
            try:
                copy.changed += take_out(data, block, len(data))
            except Unreadable:
                copy.unsure = True
        at = data.find(_EXIF, block)
    at = data.find(b"<rdf:RDF", start)
    while at >= 0:
        end = data.find(b"</rdf:RDF>", at)
        if end < 0:
            break
        if not longest_xmp or end - at < longest_xmp:
            copy.xmp(at, end + len(b"</rdf:RDF>"))
        elif _names_place(data[at:end]):
            copy.unsure = True
        at = data.find(b"<rdf:RDF", end)
    return found


_LOOKS: dict[str, Callable[[_Copy], None]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/tiff": _tiff,
    "image/gif": _gif,
    **dict.fromkeys(
        ("image/heic", "image/heif", "image/avif", "video/mp4", "video/quicktime", "video/3gpp"), _iso_media
    ),
}
