"""A photo in three steps: what leaves for which host, and how a later call goes on after a failure."""

from __future__ import annotations

import json
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from leadbridge.server.config.settings import load_settings
from leadbridge.server.errors import SettingsError
from leadbridge.server.sandbox import SANDBOX_ROOFLINK_KEY, Fault, Sandbox
from leadbridge.server.sandbox.people import HOSTILE_TEXTS
from tests.support import Time, Version, call, connected, data_of, make_settings, text_of

UPLOAD = "rooflink_upload_photo"
NOW = datetime(2026, 5, 4, 15, 30, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 400
CREATE, FINISH = "POST /light/photos/$", "PUT /light/photos/"
BUCKET = "POST /_uploads/"


class Moment:
    """The sandbox's and the server's calendar."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def sandbox(time: Time, moment: Moment) -> Sandbox:
    return Sandbox(clock=time, now=moment, prospects=10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "roof.jpg").write_bytes(JPEG)
    return folder


@pytest.fixture
def job(sandbox: Sandbox) -> int:
    return next(iter(sandbox.prospects))


def operations(sandbox: Sandbox) -> list[str]:
    return [write.operation.split("/light/")[0] + write.operation.split("/light/")[1] for write in sandbox.writes]


DONE = ["POST photos/", "PUT photos/{photo_id}/uploaded/"]


async def test_a_photo_is_created_uploaded_and_reported_as_complete(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int
):
    before = sandbox.prospects[job].photos
    async with connected(sandbox, version=version, time=time, upload_root=root) as client:
        result = await call(
            client, UPLOAD, job_id=job, file_path="roof.jpg", name="North slope", description="Hail", tags=["Before"]
        )
    data = data_of(result)
    (arrived,) = sandbox.uploads
    photo = sandbox.photos[arrived.file_id]
    assert (data["outcome"], data["record_id"], data["record"]["job_id"]) == ("done", photo.id, job)
    assert (photo.name, photo.description, photo.tags, photo.job_id) == ("North slope", "Hail", ("Before",), job)
    assert photo.complete
    assert sandbox.prospects[job].photos == before + 1
    assert (arrived.content, arrived.content_type, arrived.filename) == (JPEG, "image/jpeg", "roof.jpg")
    assert list(arrived.fields) == list(photo.form.items())
    assert operations(sandbox) == DONE
    assert [line.partition(" (write")[0] for line in data["details"]] == [
        "Step 1, create the photo in RoofLink: done",
        "Step 2, upload the file: done.",
        "Step 3, report the file as complete: done",
        "Name: North slope",
    ]
    (write, _) = sandbox.writes
    assert write.body == {"job": job, "name": "North slope", "description": "Hail", "tags": ["Before"]}


async def test_the_key_goes_to_rooflink_only(sandbox: Sandbox, time: Time, version: Version, root: Path, job: int):
    async with connected(sandbox, version=version, time=time, upload_root=root) as client:
        await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    create, upload, finish = sandbox.requests
    assert (create.host, upload.host, finish.host) == (
        "integrate.rooflink.com", "uploads.sandbox.invalid", "integrate.rooflink.com",
    )  # fmt: skip
    assert "x-api-key" in create.header_names
    assert "x-api-key" in finish.header_names
    assert not {"x-api-key", "authorization", "cookie"} & set(upload.header_names)
    assert "content-length" in upload.header_names
    assert "content-length" not in finish.header_names or finish.status == 200
    assert upload.status == 204


async def test_progress_names_each_step(sandbox: Sandbox, time: Time, root: Path, job: int):
    reports: list[tuple[float, str]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, message or ""))

    async with connected(sandbox, time=time, upload_root=root) as client:
        await client.call_tool(UPLOAD, {"job_id": job, "file_path": "roof.jpg"}, progress_callback=progress)
    steps = ["create the photo in RoofLink", "upload the file", "report the file as complete"]
    assert [message for _, message in reports] == steps
    assert sorted(set(reports)) == reports


async def test_the_name_is_the_file_s_own_unless_given(sandbox: Sandbox, time: Time, root: Path, job: int):
    (root / "sub").mkdir()
    (root / "sub" / "Dach – Süd.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    async with connected(sandbox, time=time, upload_root=root) as client:
        await call(client, UPLOAD, job_id=job, file_path="sub/Dach – Süd.png")
    assert sandbox.writes[0].body == {"job": job, "name": "Dach – Süd.png"}
    assert (sandbox.uploads[0].filename, sandbox.uploads[0].content_type) == ("Dach – Süd.png", "image/png")


async def test_a_dry_run_shows_the_first_request_and_sends_nothing(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int
):
    async with connected(sandbox, version=version, time=time, upload_root=root) as client:
        result = await call(client, UPLOAD, job_id=job, file_path="roof.jpg", dry_run=True)
    assert data_of(result)["outcome"] == "dry_run"
    assert "It would need no approval." in text_of(result)
    assert f"Upload a file to RoofLink job {job}: image/jpeg, 100 KB.\n" in text_of(result)
    assert "\nFile path: ⟦roof.jpg⟧\n" in text_of(result)
    assert "POST https://integrate.rooflink.com/roof_link_endpoints/api/light/photos/ with " in text_of(result)
    assert f'{{"job": {job}, "name": "roof.jpg"}}' in text_of(result)
    assert (sandbox.requests, sandbox.writes) == ([], [])


async def test_the_same_photo_is_not_uploaded_twice_within_a_day(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int, moment: Moment
):
    async with connected(sandbox, version=version, time=time, upload_root=root, clock=moment.seconds) as client:
        first = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
        (root / "copy.jpg").write_bytes(JPEG)
        again = data_of(await call(client, UPLOAD, job_id=job, file_path="copy.jpg", name="roof.jpg", tags=["x"]))
        other = data_of(await call(client, UPLOAD, job_id=job, file_path="copy.jpg"))
        moment.now += timedelta(hours=25)
        later = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
    assert (again["outcome"], again["record_id"]) == ("already_done", first["record_id"])
    assert (other["outcome"], later["outcome"]) == ("done", "done")
    assert operations(sandbox) == DONE * 3
    assert len(sandbox.uploads) == 3


# Failures between the steps


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="drop_before", match=BUCKET),
        Fault(kind="drop_after", match=BUCKET),
        Fault(kind="connection_refused", match=BUCKET),
        Fault(kind="dns_failure", match=BUCKET),
        Fault(kind="write_timeout", match=BUCKET),
        Fault(kind="server_error", match=BUCKET),
        Fault(kind="unavailable", match=BUCKET),
        Fault(kind="status", status=400, body="<Error><Code>EntityTooLarge</Code></Error>", match=BUCKET),
        Fault(kind="redirect", location="https://elsewhere.example.org/", match=BUCKET),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
async def test_a_failed_upload_says_so_and_the_same_call_goes_on_with_the_same_photo(
    sandbox: Sandbox, time: Time, root: Path, job: int, fault: Fault
):
    sandbox.faults.add(fault)
    async with connected(sandbox, time=time, upload_root=root) as client:
        stopped = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        assert operations(sandbox) == DONE[:1]
        gone_on = await call(client, UPLOAD, job_id=job, file_path="roof.jpg", description="Said later")
    assert data_of(stopped)["outcome"] == "partly_done"
    assert "LeadBridge could not upload the file." in text_of(stopped)
    assert "what is done is not repeated" in text_of(stopped)
    data = data_of(gone_on)
    assert data["outcome"] == "done", text_of(gone_on)
    assert f"Step 1, create the photo in RoofLink: done before (photo {data['record_id']})." in data["details"]
    assert operations(sandbox) == DONE
    assert len(sandbox.photos) == 1
    assert sandbox.uploads[-1].content == JPEG
    assert not any("elsewhere" in request.host for request in sandbox.requests)


async def test_a_failed_report_goes_on_without_a_second_upload(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int
):
    sandbox.faults.add(Fault(kind="unavailable", match=FINISH, seconds=60))
    async with connected(sandbox, version=version, time=time, upload_root=root) as client:
        stopped = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        time.now += 100
        gone_on = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    assert "LeadBridge could not report the file as complete." in text_of(stopped)
    assert data_of(gone_on)["outcome"] == "done"
    assert "Step 2, upload the file: done before." in data_of(gone_on)["details"]
    assert operations(sandbox) == DONE
    assert len(sandbox.uploads) == 1


async def test_a_creation_that_nobody_knows_of_blocks_until_it_is_resolved(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int
):
    sandbox.faults.add(Fault(kind="drop_before", match=CREATE, exception="ReadError"))
    async with connected(sandbox, version=version, time=time, upload_root=root, approvals="off") as client:
        unknown = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
        blocked = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
        await call(client, "resolve_write", write_id=unknown["write_id"], outcome="failed")
        done = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
    assert unknown["outcome"] == "unknown"
    assert "Nobody knows whether there is a new photo" in unknown["summary"]
    assert blocked["reason"] == "earlier_unknown"
    assert done["outcome"] == "done"
    assert operations(sandbox) == DONE


async def test_a_photo_whose_form_was_lost_is_named_and_the_next_call_creates_another(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int
):
    sandbox.faults.add(Fault(kind="drop_after", match=CREATE))
    async with connected(sandbox, version=version, time=time, upload_root=root, approvals="off") as client:
        unknown = data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))
        (orphan,) = sandbox.photos
        await call(client, "resolve_write", write_id=unknown["write_id"], outcome="done", record_id=orphan)
        lost = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        done = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    assert data_of(lost)["reason"] == "no_upload_form"
    assert f"Delete photo {orphan} in RoofLink; the next call creates a new one." in text_of(lost)
    assert data_of(done)["outcome"] == "done"
    assert data_of(done)["record_id"] != orphan
    assert f"Photo {orphan} of an earlier try has no file; delete it in RoofLink." in text_of(done)


@pytest.mark.parametrize(
    "upload_url",
    [None, {}, "https://x", {"url": "https://x.example"}, {"url": 5, "fields": {"key": "k"}},
     {"url": "https://x", "fields": {}},
     {"url": "https://x.example/", "fields": {"key": ["k"]}}, {"url": "https://x.example/", "fields": {"file": "k"}},
     {"url": "https://x.example/", "fields": {"key": "k" * 70_000}}],
)  # fmt: skip
async def test_an_answer_without_a_usable_form_causes_no_crash(
    sandbox: Sandbox, time: Time, root: Path, job: int, upload_url: Any
):
    body = json.dumps({"id": 7, "upload_url": upload_url})
    sandbox.faults.add(Fault(kind="status", status=201, body=body, match=CREATE))
    async with connected(sandbox, time=time, upload_root=root) as client:
        result = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        done = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    assert data_of(result)["reason"] == "no_upload_form"
    assert "photo 7 was created" in text_of(result)
    assert data_of(done)["outcome"] == "done"


async def test_an_expired_form_is_reported_with_what_to_do(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int, moment: Moment
):
    sandbox.faults.add(Fault(kind="drop_before", match=BUCKET))
    async with connected(sandbox, version=version, time=time, upload_root=root, clock=moment.seconds) as client:
        await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        moment.now += timedelta(hours=2)
        expired = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
        done = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    first, second = sandbox.photos
    assert "(403, AccessDenied): it has probably expired" in text_of(expired)
    assert f"Delete photo {first} in RoofLink; the next call creates a new one." in text_of(expired)
    assert data_of(done)["record_id"] == second
    assert f"Photo {first} of an earlier try has no file" in text_of(done)
    assert not sandbox.photos[first].has_file


async def test_another_server_on_the_same_store_goes_on(
    sandbox: Sandbox, time: Time, version: Version, root: Path, job: int, store_url: str
):
    settings: dict[str, Any] = {"upload_root": root, "state_url": SecretStr(store_url)}
    sandbox.faults.add(Fault(kind="drop_before", match=BUCKET))
    async with connected(sandbox, version=version, time=time, **settings) as client:
        assert data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))["outcome"] == "partly_done"
    sandbox.faults.add(Fault(kind="unavailable", match=FINISH, seconds=60))
    async with connected(sandbox, version=version, time=time, **settings) as client:
        assert data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))["outcome"] == "partly_done"
    time.now += 100
    async with connected(sandbox, version=version, time=time, **settings) as client:
        assert data_of(await call(client, UPLOAD, job_id=job, file_path="roof.jpg"))["outcome"] == "done"
    assert operations(sandbox) == DONE
    assert (len(sandbox.photos), len(sandbox.uploads)) == (1, 1)


@pytest.mark.parametrize("finished_photo_body", [True, False])
async def test_an_empty_last_answer_is_a_success(time: Time, root: Path, finished_photo_body: bool):
    sandbox = Sandbox(clock=time, prospects=3, finished_photo_body=finished_photo_body)
    async with connected(sandbox, time=time, upload_root=root) as client:
        result = await call(client, UPLOAD, job_id=next(iter(sandbox.prospects)), file_path="roof.jpg")
    assert data_of(result)["outcome"] == "done"


# The form is a credential, and so is the key


async def test_the_form_is_in_no_answer_log_or_history_and_is_gone_after_the_end(
    sandbox: Sandbox,
    time: Time,
    version: Version,
    root: Path,
    job: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG, logger="leadbridge")  # of other packages, nothing below a warning is ever written
    database = tmp_path / "state.db"
    body = "<Error><Code>AccessDenied</Code><StringToSign>{}</StringToSign></Error>"
    outputs: list[str] = []
    async with connected(
        sandbox, version=version, time=time, upload_root=root, state_url=SecretStr(f"sqlite:///{database}")
    ) as client:
        for fault in (Fault(kind="drop_before", match=BUCKET), Fault(kind="server_error", match=BUCKET, body=body)):
            sandbox.faults.add(fault)
            outputs.append((await call(client, UPLOAD, job_id=job, file_path="roof.jpg")).model_dump_json())
        with sqlite3.connect(database) as connection:
            assert "policy" in connection.execute("SELECT form FROM photo_uploads").fetchone()[0]
        outputs.append((await call(client, UPLOAD, job_id=job, file_path="roof.jpg")).model_dump_json())
        outputs.append((await call(client, "write_history")).model_dump_json())
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM photo_uploads").fetchone() == (0,)
        audit = str(connection.execute("SELECT * FROM audit").fetchall())
        writes = str(connection.execute("SELECT * FROM writes").fetchall())
    (photo,) = sandbox.photos.values()
    everything = [*outputs, caplog.text, audit, writes]
    secret = [photo.form[name] for name in ("policy", "x-amz-signature", "x-amz-credential")]
    for text in everything:
        assert not any(value in text for value in [*secret, SANDBOX_ROOFLINK_KEY, "StringToSign", "_uploads/bucket"])


@pytest.mark.parametrize(
    "url",
    [
        "http://uploads.example.com/", "http://127.0.0.1:8000/", "https://127.0.0.1/", "https://localhost/",
        "https://169.254.169.254/latest/", "https://10.0.0.5/", "https://[::1]/",
        "https://2130706433/", "https://0x7f000001/", "https://127.1/",
        "https://0251.0376.0251.0376/", "https://localhost./", "https://a.localhost/",
        "https://[64:ff9b::7f00:1]/",
        "https://[::ffff:10.0.0.5]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25eth0]/", "https://10.0.0.5./",
        "ftp://uploads.example.com/",
        "file:///etc/passwd", "https://user:word@uploads.example.com/", "https://uploads.example.com/#x", "//x/", "",
        "https://", "https://up loads.example.com/", "https://uploads.example.com:99999/", "https://\u2100.example.com/",
    ],
)  # fmt: skip
async def test_no_file_goes_to_an_address_that_is_none_for_files(
    sandbox: Sandbox, time: Time, root: Path, job: int, url: str
):
    body = json.dumps({"id": 7, "upload_url": {"url": url, "fields": {"key": "k"}}})
    sandbox.faults.add(Fault(kind="status", status=201, body=body, match=CREATE))
    async with connected(sandbox, time=time, upload_root=root) as client:
        result = await call(client, UPLOAD, job_id=job, file_path="roof.jpg")
    assert data_of(result)["reason"] == "upload_address", text_of(result)
    assert "LeadBridge could not upload the file." in text_of(result)
    assert len(sandbox.requests) == 1
    assert sandbox.uploads == []


async def test_names_and_fields_of_a_form_cannot_add_parts(sandbox: Sandbox, time: Time, root: Path, job: int):
    hostile = 'x"\r\nContent-Type: text/html\r\n\r\nhello\r\n--boundary'
    (root / 'a"b\r\nc.jpg').write_bytes(JPEG)
    async with connected(sandbox, time=time, upload_root=root) as client:
        done = await call(client, UPLOAD, job_id=job, file_path='a"b\r\nc.jpg', name=hostile[:20])
    assert data_of(done)["outcome"] == "done"
    assert sandbox.uploads[0].content == JPEG
    assert len(sandbox.uploads[0].fields) == len(sandbox.photos[sandbox.uploads[0].file_id].form)


async def test_hostile_names_are_only_data(sandbox: Sandbox, time: Time, root: Path, job: int):
    async with connected(sandbox, time=time, upload_root=root) as client:
        for text in HOSTILE_TEXTS:
            given = {"name": text[:150], "description": text}
            result = await call(client, UPLOAD, job_id=job, file_path="roof.jpg", **given)
            hides = bool({"\u202e", "\x07"} & set(text))
            assert ("cannot be seen" in text_of(result)) == hides
            assert hides or data_of(result)["outcome"] == "done"
    assert 0 < len(sandbox.uploads) < len(HOSTILE_TEXTS)


# Arguments and settings


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"file_path": "../roof.jpg"}, "file_path"),
        ({"file_path": "/etc/hostname"}, "file_path"),
        ({"file_path": "nothing.jpg"}, "file_path"),
        ({"file_path": "notes.txt"}, "file_path"),
        ({"file_path": "."}, "file_path"),
        ({"file_path": ""}, "file_path"),
        ({"file_path": "x\0.jpg"}, "file_path"),
        ({"file_path": "\ud800.jpg"}, "file_path"),
        ({"name": "x" * 151}, "name"),
        ({"name": "  "}, "name"),
        ({"tags": []}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"job_id": 0}, "job_id"),
        ({"description": "x" * 501}, "description"),
        ({"approval_token": "x"}, "approval_token"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_its_argument(
    sandbox: Sandbox, root: Path, job: int, arguments: dict[str, Any], argument: str
):
    (root / "notes.txt").write_text("not a photo", "utf-8")
    async with connected(sandbox, upload_root=root) as client:
        result = await call(client, UPLOAD, **{"job_id": job, "file_path": "roof.jpg", **arguments})
    assert result.is_error
    assert "Nothing was sent" in text_of(result)
    assert f"- {argument}: " in text_of(result), text_of(result)
    assert str(root) not in text_of(result)
    assert sandbox.requests == []


async def test_a_job_that_rooflink_does_not_know_stops_at_the_first_step(
    sandbox: Sandbox, time: Time, version: Version, root: Path
):
    async with connected(sandbox, version=version, time=time, upload_root=root) as client:
        result = await call(client, UPLOAD, job_id=5, file_path="roof.jpg")
    assert data_of(result)["outcome"] == "refused"
    assert "LeadBridge could not create the photo" in text_of(result)
    assert "job: " in text_of(result)
    assert (sandbox.photos, sandbox.uploads) == ({}, [])


async def test_without_an_upload_folder_the_tool_is_hidden_with_its_reason(sandbox: Sandbox, version: Version):
    async with connected(sandbox, version=version, upload_root=None) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        status = data_of(await call(client, "server_status"))
    assert UPLOAD not in names
    assert status["hidden_tools"][UPLOAD].startswith("LEADBRIDGE_UPLOAD_ROOT is not set")


def test_an_upload_folder_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    for value in (tmp_path / "nothing", tmp_path / "file"):
        monkeypatch.setenv("LEADBRIDGE_UPLOAD_ROOT", str(value))
        with pytest.raises(SettingsError, match="LEADBRIDGE_UPLOAD_ROOT: must be a folder that exists"):
            load_settings(sandbox=True)
    assert make_settings(upload_root=tmp_path).upload_root == tmp_path
