from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest

from tests.sandbox.conftest import NOW

PHOTOS = "/light/photos/"
JPEG = b"\xff\xd8\xffpixels"


@pytest.fixture
def upload(sandbox, open_clients):
    """Posts a form to the upload host."""
    client = httpx.AsyncClient(transport=sandbox.transport())
    open_clients.append(client)

    async def send(form, *, fields=None, content=JPEG, **settings):
        data = form["fields"] if fields is None else fields
        files = {"file": ("roof.jpg", content, "image/jpeg")}
        return await client.post(form["url"], data=data, files=files, **settings)

    return send


async def new_photo(rooflink, sandbox, **change):
    body = {"name": "Roof", "job": next(iter(sandbox.prospects)), **change}
    return await rooflink.post(PHOTOS, json=body)


async def test_a_photo_takes_three_steps(rooflink, sandbox, upload):
    answer = await new_photo(rooflink, sandbox, tags=["Before"], description="North slope")
    assert answer.status_code == 201
    row = answer.json()
    assert row["upload_url"]["url"] == "https://uploads.sandbox.invalid/_uploads/bucket/"
    finish = f"{PHOTOS}{row['id']}/uploaded/"
    assert (await rooflink.put(finish)).status_code == 400
    assert (await upload(row["upload_url"])).status_code == 204
    assert (await rooflink.put(finish)).status_code == 200
    (arrived,) = sandbox.uploads
    assert (arrived.file_id, arrived.content, arrived.filename) == (row["id"], JPEG, "roof.jpg")
    assert list(arrived.fields) == list(row["upload_url"]["fields"].items())
    assert [write.operation for write in sandbox.writes] == [
        "POST /light/photos/",
        "PUT /light/photos/{photo_id}/uploaded/",
    ]
    assert sandbox.photos[row["id"]].complete


@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": ""}, "name"), ({"name": "x" * 151}, "name"), ({"job": 1}, "job"), ({"tags": "x"}, "tags"),
     ({"tags": [1]}, "tags"), ({"description": 5}, "description")],
)  # fmt: skip
async def test_a_wrong_body_is_refused_by_its_field(rooflink, sandbox, change, field):
    answer = await new_photo(rooflink, sandbox, **change)
    assert (answer.status_code, set(answer.json())) == (400, {field})
    assert sandbox.photos == {}


async def test_the_upload_host_wants_every_field_and_no_key(rooflink, sandbox, upload):
    form = (await new_photo(rooflink, sandbox)).json()["upload_url"]
    for name in form["fields"]:
        rest = {key: value for key, value in form["fields"].items() if key != name}
        assert (await upload(form, fields=rest)).status_code == 403
        assert (await upload(form, fields={**form["fields"], name: "other"})).status_code == 403
    assert (await upload(form, fields={**form["fields"], "acl": "public-read"})).status_code == 403
    for header in ("X-API-KEY", "Authorization", "Cookie"):
        assert (await upload(form, headers={header: "x"})).status_code == 400
    assert sandbox.uploads == []


async def test_the_file_is_the_last_part(rooflink, sandbox, open_clients):
    form = (await new_photo(rooflink, sandbox)).json()["upload_url"]
    client = httpx.AsyncClient(transport=sandbox.transport())
    open_clients.append(client)
    parts = [("file", ("roof.jpg", JPEG, "image/jpeg"))]
    parts += [(name, (None, value)) for name, value in form["fields"].items()]
    answer = await client.post(form["url"], files=parts)
    assert (answer.status_code, b"MalformedPOSTRequest" in answer.content) == (400, True)


async def test_a_form_is_valid_for_an_hour(make_sandbox, client_of, open_clients):
    now: list[datetime] = [NOW]
    sandbox = make_sandbox(now=lambda: now[0])
    form = (await new_photo(client_of(sandbox, "rooflink"), sandbox)).json()["upload_url"]
    now[0] += timedelta(hours=1, seconds=1)
    client = httpx.AsyncClient(transport=sandbox.transport())
    open_clients.append(client)
    answer = await client.post(form["url"], data=form["fields"], files={"file": JPEG})
    assert answer.status_code == 403


async def test_a_photo_that_does_not_exist_is_404(rooflink):
    assert (await rooflink.put(f"{PHOTOS}99/uploaded/")).status_code == 404
    assert (await rooflink.put(f"{PHOTOS}0/uploaded/")).status_code == 400


async def test_the_origin_and_the_last_answer_can_be_chosen(make_sandbox, client_of, open_clients):
    sandbox = make_sandbox(upload_origin="https://bucket.example.com", finished_photo_body=False)
    rooflink = client_of(sandbox, "rooflink")
    row = (await new_photo(rooflink, sandbox)).json()
    assert row["upload_url"]["url"] == "https://bucket.example.com/_uploads/bucket/"
    client = httpx.AsyncClient(transport=sandbox.transport())
    open_clients.append(client)
    await client.post(row["upload_url"]["url"], data=row["upload_url"]["fields"], files={"file": JPEG})
    answer = await rooflink.put(f"{PHOTOS}{row['id']}/uploaded/")
    assert (answer.status_code, answer.content) == (200, b"")
