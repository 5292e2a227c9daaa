"""Files that a person names are read within a limit and without waiting, whatever they turn out to be."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from leadbridge.server.config.text_files import UnreadableFileError, read_text

LIMIT = 1000
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read_text(path, LIMIT)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["", "key", "Zoë's key\r\n"])
def test_every_usual_encoding_is_read(text: str, encoding: str, tmp_path: Path) -> None:
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    (tmp_path / "file").write_bytes(marks.get(encoding, b"") + text.encode(encoding))
    assert read_text(tmp_path / "file", LIMIT) == text


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * LIMIT)
    assert read_text(file, LIMIT) == "x" * LIMIT
    file.write_bytes(b"x" * (LIMIT + 1))
    assert refusal(file) == "larger than 1 kB"


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(tmp_path / "sparse") == "larger than 1 kB"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused(device: str) -> None:
    if device == "/dev/tty" and not os.access(device, os.R_OK):
        pytest.skip("no terminal")
    assert "device" in refusal(Path(device))


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == refusal(tmp_path / "link") == "a pipe, not a regular file"


def test_a_pipe_that_is_already_open_is_refused() -> None:
    reading, writing = os.pipe()
    try:
        assert refusal(Path(f"/dev/fd/{reading}")) == "a pipe, not a regular file"
    finally:
        os.close(reading)
        os.close(writing)


def test_what_is_not_a_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "a folder, not a regular file"
    assert refusal(tmp_path / "nothing") == "No such file or directory"
    assert refusal(tmp_path / "nothing" / "below") == "No such file or directory"
    assert refusal(tmp_path / ("x" * 300)) == "File name too long"
    assert refusal(Path("a\0b")) == "its name is not a file name"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "symbolic links" in refusal(tmp_path / "loop")
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s")
        assert refusal(Path(short, "s"))


@pytest.mark.parametrize("data", [b"caf\xe9", b"\xff\xfea", b"\x80\x81"])
def test_bytes_that_are_not_text_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    assert refusal(tmp_path / "file") == "not UTF-8 text"
