"""Where a photo was taken does not leave: in each format that says it, and nothing else of the file is lost."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services.photo_places import Place, changed, place_in
from tests.support import Version, call, connected, text_of

LATITUDE, AREA = b"\x00\x00\x00\x21\x00\x00\x00\x01CANARY-LATITUDE!", b"CANARY-AREA\0"
CAMERA = b"Pocket 7\0"
XMP = b"<x:xmpmeta><rdf:RDF xmlns:rdf='r'><rdf:Description exif:GPSLatitude='33,CANARY-XMPN'/></rdf:RDF></x:xmpmeta>"
ISO6709 = b"+33.0701-096.7704+212.000/"


def exif(order: str = "<") -> bytes:
    """Orientation and a camera's name in the first directory, a GPS directory with long values behind it."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    first, gps = 8, 8 + 2 + 3 * 12 + 4
    values = gps + 2 + 2 * 12 + 4

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        return struct.pack(f"{order}HHI", tag, kind, count) + (
            struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        )

    camera = values + len(LATITUDE) + len(AREA)
    directory = struct.pack(f"{order}H", 3) + entry(0x0112, 3, 1, 6) + entry(0x8825, 4, 1, gps)
    directory = (
        struct.pack(f"{order}H", 3) + entry(0x0110, 2, len(CAMERA), camera) + directory[2:] + struct.pack("<I", 0)
    )
    places = struct.pack(f"{order}H", 2) + entry(2, 5, 3, values) + entry(0x1C, 7, len(AREA), values + len(LATITUDE))
    assert len(head) == first
    return head + directory + places + struct.pack("<I", 0) + LATITUDE + AREA + CAMERA


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg(block: bytes, *, xmp: bytes = XMP, after: bytes = b"") -> bytes:
    xap = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0d\x1c\x02\x5a\0\x0bCANARY-CITY")
    scan = segment(0xDA, b"\x01\x01\0\0?\0") + b"pixels" + b"\xff\xd9"
    return b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + block) + xap + iptc + scan + after


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(block: bytes) -> bytes:
    itxt = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP
    raw = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n" + block.hex().encode())
    chunks = [(b"IHDR", bytes(13)), (b"eXIf", block), (b"iTXt", itxt), (b"zTXt", raw), (b"IDAT", b"x"), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def webp(block: bytes) -> bytes:
    parts = [(b"VP8X", bytes(10)), (b"EXIF", block), (b"XMP ", XMP)]
    body = b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) + 8) + kind + payload


def heic(block: bytes) -> bytes:
    meta = box(b"meta", b"\0\0\0\0" + box(b"infe", b"\x02\0\0\0\0\x01\0\0Exif"))
    return box(b"ftyp", b"heic\0\0\0\0") + meta + box(b"mdat", b"\0\0\0\x06Exif\0\0" + block + b"pixels")


def film(_block: bytes) -> bytes:
    udta = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(ISO6709), 0) + ISO6709))
    keys = box(b"keys", b"\0\0\0\0\0\0\0\x01" + box(b"mdta", b"com.apple.quicktime.location.ISO6709"))
    ilst = box(b"ilst", box(b"\0\0\0\x01", box(b"data", b"\0\0\0\x01\0\0\0\0" + ISO6709)))
    loci = box(b"loci", b"\0\0\0\0\0\0CANARY-TOWN\0")
    moov = box(b"moov", box(b"mvhd", bytes(20)) + udta + box(b"meta", keys + ilst) + loci)
    return box(b"ftyp", b"qt  \0\0\0\0") + box(b"mdat", b"pixels \xa9xyz loci") + moov


FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "image/jpeg": jpeg,
    "image/png": png,
    "image/webp": webp,
    "image/tiff": lambda block: block,
    "image/heic": heic,
    "video/quicktime": film,
}


def sent(content: bytes, content_type: str) -> tuple[bytes, Place]:
    place = place_in(content, content_type)
    return changed(content, 0, place.changes), place


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("content_type", FORMATS)
def test_the_place_is_taken_out_and_the_rest_stays(content_type: str, order: str):
    content = FORMATS[content_type](exif(order))
    copy, place = sent(content, content_type)
    assert not place.unsure
    assert place.changes
    assert len(copy) == len(content)
    for said in (b"CANARY", LATITUDE[:8], b"33.07", struct.pack(f"{order}H", 0x8825)):
        assert said not in copy
    for kept in (CAMERA, struct.pack(f"{order}HHIH", 0x0112, 3, 1, 6)) if content_type != "video/quicktime" else ():
        assert kept in copy
    assert copy.count(b"pixels") == content.count(b"pixels")
    assert sent(copy, content_type) == (copy, Place())


def test_a_png_s_checksums_are_right_afterwards():
    copy, _ = sent(png(exif()), "image/png")
    at = 8
    while at < len(copy):
        (length,) = struct.unpack_from(">I", copy, at)
        assert struct.unpack_from(">I", copy, at + 8 + length) == (zlib.crc32(copy[at + 4 : at + 8 + length]),)
        at += 12 + length
    assert at == len(copy)


def test_a_picture_behind_the_picture_says_no_place_either():
    copy, place = sent(jpeg(exif(), after=jpeg(exif(">")) + film(b"")[:0]), "image/jpeg")
    assert b"CANARY-LATITUDE" not in copy
    assert not place.unsure


def drone(attributes: bytes) -> bytes:
    return jpeg(exif(), xmp=b"<rdf:RDF><rdf:Description " + attributes + b"/></rdf:RDF>")


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("image/jpeg", drone(b"drone-dji:GpsLatitude='+33.07CANARY' drone-dji:GpsLongtitude='-96.77'")),
        ("image/jpeg", drone(b"drone-dji:Latitude='+33.07CANARY' drone-dji:Longtitude='-96.77'")),
        ("image/jpeg", jpeg(exif(), xmp="<rdf:RDF exif:GPSLatitude='33.07'/>".encode("utf-16-be") + b"CANARY")),
        ("image/jpeg", jpeg(exif(), after=film(b""))),
        ("image/jpeg", b"\xff\xd8" + segment(0xFE, b"GPS: 33.07CANARY") + jpeg(exif())[2:]),
        ("image/png", png(exif())[:-12] + chunk(b"tEXt", b"exif:GPSLatitude\x0033.07CANARY") + chunk(b"IEND", b"")),
        ("image/png", png(exif())[:-12] + chunk(b"iTXt", b"Location\0\0\0\0\x0033.07CANARY") + chunk(b"IEND", b"")),
        ("video/mp4", box(b"ftyp", b"mp42\0\0\0\0") + box(b"moof", film(b"")) + box(b"moov", b"")),
    ],
    ids=["drone", "older drone", "UTF-16", "film behind", "comment", "text by EXIF's name", "location", "beside moov"],
)
def test_a_place_that_others_write_elsewhere_is_taken_out_too(content_type: str, content: bytes):
    copy, place = sent(content, content_type)
    assert not place.unsure
    assert len(copy) == len(content)
    assert b"CANARY" not in copy
    assert b"33.07" not in copy.replace(b"\0", b"")


@pytest.mark.parametrize("track", [b"gpmd", b"camm", b"djmd", b"rtmd", b"tx3g", b"gps "])
def test_a_film_with_a_track_that_may_say_the_place_is_said_to_be_unsure(track: bytes):
    """A drone's subtitles, a camera's measures: they are within the film."""
    content = box(b"ftyp", b"mp42\0\0\0\0") + box(b"moov", box(b"trak", track)) + box(b"mdat", b"GPS(-96.77,33.07)")
    assert place_in(content, "video/mp4").unsure


@pytest.mark.parametrize("content_type", FORMATS)
def test_a_file_without_a_place_leaves_as_it_is(content_type: str):
    plain = {
        "image/jpeg": b"\xff\xd8" + segment(0xDA, b"\x01\x01\0\0?\0") + b"GPSLatitude" + b"\xff\xd9",
        "image/png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b""),
        "image/webp": b"RIFF\x0e\0\0\0WEBP" + b"VP8 \x02\0\0\0xx",
        "image/tiff": b"II*\0\x08\0\0\0" + bytes(6),
        "image/heic": box(b"ftyp", b"heic\0\0\0\0") + box(b"mdat", b"pixels"),
        "video/quicktime": box(b"ftyp", b"qt  \0\0\0\0") + box(b"moov", box(b"mvhd", bytes(20))),
    }[content_type]
    assert place_in(plain, content_type) == Place()


@pytest.mark.parametrize("content_type", FORMATS)
def test_a_damaged_file_is_said_to_be_unsure_and_never_fails(content_type: str):
    whole = FORMATS[content_type](exif())
    for length in range(len(whole)):
        copy, _ = sent(whole[:length], content_type)
        assert len(copy) == length
    assert place_in(whole[: len(whole) // 2], content_type).unsure


def test_a_block_that_cannot_be_read_leaves_whole():
    copy, place = sent(jpeg(b"MM\0*" + b"CANARY 33.0701N" + bytes(40)), "image/jpeg")
    assert b"CANARY" not in copy
    assert place.changes


@pytest.mark.parametrize(("name", "content"), [("roof.jpg", jpeg(exif())), ("roof.avi", b"RIFF\0\0\0\0AVI LIST")])
async def test_the_receipt_of_an_upload_says_what_becomes_of_the_place(
    sandbox: Sandbox, version: Version, tmp_path: Path, name: str, content: bytes
):
    (tmp_path / name).write_bytes(content)
    job = next(iter(sandbox.prospects))
    async with connected(sandbox, version=version, upload_root=tmp_path) as client:
        shown = text_of(await call(client, "rooflink_upload_photo", job_id=job, file_path=name, dry_run=True))
        done = text_of(await call(client, "rooflink_upload_photo", job_id=job, file_path=name))
        again = text_of(await call(client, "rooflink_upload_photo", job_id=job, file_path=name))
    said = "is left out of the copy" if name == "roof.jpg" else "says where it was taken, that is sent too"
    assert said in shown
    assert said in done
    assert again.startswith("ALREADY DONE")
    (upload,) = sandbox.uploads
    assert b"CANARY" not in upload.content
    assert len(upload.content) == len(content)
