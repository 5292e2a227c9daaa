"""Only photos and videos below the upload folder may leave this machine."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from leadbridge.server.errors import ArgumentsRefused
from leadbridge.server.services.upload_files import LARGEST, inside, inspect_file, opened

JPEG = b"\xff\xd8\xff\xe0" + b"pixels" * 50


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    (folder / "miller").mkdir(parents=True)
    (folder / "miller" / "roof.jpg").write_bytes(JPEG)
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    return folder


def why(root: Path, text: str) -> str:
    with pytest.raises(ArgumentsRefused) as refused:
        inspect_file(root, text)
    (problem,) = refused.value.problems
    assert problem.argument == "file_path"
    return problem.message


@pytest.mark.parametrize("text", ["miller/roof.jpg", "./miller//roof.jpg", "{root}/miller/roof.jpg"])
def test_a_file_is_found_by_its_relative_and_its_absolute_path(root: Path, text: str):
    file = inspect_file(root, text.replace("{root}", str(root)))
    assert (file.shown, file.name, file.size) == ("miller/roof.jpg", "roof.jpg", len(JPEG))
    assert (file.content_type, file.digest) == ("image/jpeg", hashlib.sha256(JPEG).hexdigest())


def test_an_upload_folder_that_is_a_link_itself_is_fine(root: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(root)
    assert inspect_file(link, "miller/roof.jpg").shown == "miller/roof.jpg"
    assert inspect_file(link, str(link / "miller" / "roof.jpg")).shown == "miller/roof.jpg"
    assert inspect_file(link, str(root / "miller" / "roof.jpg")).shown == "miller/roof.jpg"


@pytest.mark.parametrize(
    "text", ["../secret.jpg", "miller/../../secret.jpg", "miller/../miller/roof.jpg", "..", "a\0b"]
)
def test_no_path_goes_up(root: Path, text: str):
    assert why(root, text) == "must not contain '..' or null characters"


@pytest.mark.parametrize("text", ["/etc/passwd", "/dev/zero", "/proc/self/environ", "/"])
def test_no_absolute_path_leads_elsewhere(root: Path, text: str):
    assert "must lie below LEADBRIDGE_UPLOAD_ROOT" in why(root, text)


def test_a_sibling_with_the_same_beginning_is_outside(root: Path, tmp_path: Path):
    sibling = tmp_path / "uploads-private"
    sibling.mkdir()
    (sibling / "x.jpg").write_bytes(JPEG)
    assert "must lie below" in why(root, str(sibling / "x.jpg"))


def test_a_link_may_stay_inside_and_must_not_lead_out(root: Path, tmp_path: Path):
    (root / "inner.jpg").symlink_to(root / "miller" / "roof.jpg")
    assert inspect_file(root, "inner.jpg").shown == "miller/roof.jpg"
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "folder").symlink_to(tmp_path)
    (root / "relative.jpg").symlink_to("../secret.jpg")
    for text in ("out.jpg", "folder/secret.jpg", "relative.jpg"):
        assert "a link must not lead out of it" in why(root, text)
    (root / "loop").symlink_to(root / "loop")
    assert "cannot be read" in why(root, "loop")
    (root / "dangling").symlink_to(root / "nothing")
    assert "no such file" in why(root, "dangling")


def test_a_file_exchanged_for_a_link_after_it_was_checked_is_not_opened(root: Path, tmp_path: Path):
    parts = inside(root, "miller/roof.jpg")
    (root / "miller" / "roof.jpg").unlink()
    (root / "miller" / "roof.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(ArgumentsRefused, match="cannot be opened"), opened(root, parts):
        pass


def test_a_folder_exchanged_for_a_link_after_it_was_checked_is_not_entered(root: Path, tmp_path: Path):
    parts = inside(root, "miller/roof.jpg")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "roof.jpg").write_bytes(JPEG)
    (root / "miller").rename(root / "old")
    (root / "miller").symlink_to(elsewhere)
    with pytest.raises(ArgumentsRefused, match="cannot be opened"), opened(root, parts):
        pass


def test_no_descriptor_stays_open(root: Path, tmp_path: Path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("no list of open files here")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        inspect_file(root, "miller/roof.jpg")
        why(root, "out.jpg")
        why(root, "miller")
    assert len(list(descriptors.iterdir())) == before


def test_only_plain_files_of_a_fitting_size(root: Path):
    (root / "empty.jpg").touch()
    assert why(root, "empty.jpg") == "is empty"
    assert "plain file" in why(root, "miller")
    assert "not LEADBRIDGE_UPLOAD_ROOT itself" in why(root, ".")
    assert "no such file" in why(root, "miller/other.jpg")
    assert "cannot be read" in why(root, "x" * 999) or "no such file" in why(root, "x" * 999)
    with (root / "large.jpg").open("wb") as file:
        file.write(JPEG)
        file.truncate(LARGEST + 1)
    assert "at most 50 MB" in why(root, "large.jpg")


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in a folder")
def test_a_pipe_is_refused_at_once(root: Path):
    os.mkfifo(root / "pipe.jpg")
    assert "plain file" in why(root, "pipe.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(root: Path):
    (root / "miller" / "roof.jpg").chmod(0)
    assert "cannot be opened: Permission denied" in why(root, "miller/roof.jpg")


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\xff\xd8\xff\xe1Exif", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0AVI LIST", "video/x-msvideo"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (b"\0\0\0\x18ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
    ],
)
def test_the_content_shows_the_type_whatever_the_name(root: Path, head: bytes, content_type: str):
    (root / "file.txt").write_bytes(head + b"x" * 40)
    assert inspect_file(root, "file.txt").content_type == content_type


@pytest.mark.parametrize(
    "content",
    [b"root:x:0:0:root", b"-----BEGIN PRIVATE KEY-----", b"%PDF-1.7", b"PK\x03\x04", b"<html>", b"\x7fELF",
     b"RIFF\0\0\0\0WAVE",
     b"SQLite format 3\0", b"\0", b"xxxx\0\0\0\0WEBP", b"\0\0\0\x18ftypM4A \0\0"],
)  # fmt: skip
def test_what_is_not_a_photo_stays_here_even_under_the_name_of_one(root: Path, content: bytes):
    (root / "photo.jpg").write_bytes(content)
    assert "must be of a type that is known by its content: JPEG" in why(root, "photo.jpg")
