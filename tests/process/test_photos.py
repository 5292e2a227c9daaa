"""Photos over real sockets: what goes over the wire, and a server that is killed between the steps."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.services.upload_files import LARGEST
from tests.process.processes import eventually, raw_server
from tests.support import PATIENCE

pytestmark = pytest.mark.slow

UPLOAD = "rooflink_upload_photo"
JPEG = b"\xff\xd8\xff\xe0"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "roof.jpg").write_bytes(JPEG + bytes(range(256)) * 1000)
    return folder


def settings(live: dict[str, str], photos: Path, **more: str) -> dict[str, str]:
    return {**live, "upload_root": str(photos), "state_url": f"sqlite:///{photos.parent / 'state.db'}", **more}


def operations(simulator: Sandbox) -> list[str]:
    return [write.operation for write in simulator.writes]


DONE = ["POST /light/photos/", "PUT /light/photos/{photo_id}/uploaded/"]


def test_a_large_video_goes_over_a_real_connection(live: dict[str, str], simulator: Sandbox, photos: Path):
    content = b"\0\0\0\x18ftypisom" + b"frame" * 4_000_000
    assert 15_000_000 < len(content) < LARGEST
    (photos / "drone.mp4").write_bytes(content)
    job = next(iter(simulator.prospects))
    with raw_server(**settings(live, photos)) as server:
        result = server.call(UPLOAD, job_id=job, file_path="drone.mp4")
    assert result["structuredContent"]["outcome"] == "done", result
    (arrived,) = simulator.uploads
    assert (len(arrived.content), arrived.content == content, arrived.content_type) == (len(content), True, "video/mp4")
    upload = next(request for request in simulator.requests if request.path.startswith("/_uploads/"))
    assert not {"x-api-key", "authorization", "cookie"} & set(upload.header_names)
    assert "transfer-encoding" not in upload.header_names


@pytest.mark.parametrize(
    ("match", "writes", "outcome"),
    [
        ("POST /_uploads/", 1, "done"),
        ("PUT /light/photos/", 2, "refused"),
        ("POST /light/photos/$", 1, "refused"),
    ],
    ids=["while the file is sent", "while it is reported", "while the photo is created"],
)
def test_after_a_kill_the_next_server_goes_on_or_says_what_is_not_known(
    live: dict[str, str], simulator: Sandbox, photos: Path, match: str, writes: int, outcome: str
):
    """What may have taken effect is never sent again by itself; the file's upload is, because it changes nothing."""
    job = next(iter(simulator.prospects))
    arguments: dict[str, Any] = {"job_id": job, "file_path": "roof.jpg"}
    simulator.faults.add(Fault(kind="slow_after_commit", seconds=10 * PATIENCE, match=match))
    with raw_server(**settings(live, photos)) as server:
        server.send("tools/call", name=UPLOAD, arguments=arguments)
        eventually(lambda: len(simulator.writes) == writes and (simulator.uploads or "_uploads" not in match))
        server.signal(signal.SIGKILL)
        server.wait()
    with raw_server(**settings(live, photos)) as server:
        result = server.call(UPLOAD, **arguments)["structuredContent"]
        assert result["outcome"] == outcome, result
        if outcome == "refused":
            assert result["reason"] == "earlier_unknown"
            assert "resolve_write" in " ".join(result["next_steps"])
    assert len(simulator.photos) == 1
    assert operations(simulator).count(DONE[0]) == 1
    if outcome == "done":
        assert operations(simulator) == DONE
        assert len(simulator.uploads) == 2
