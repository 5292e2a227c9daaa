"""RoofLink's photos: created with a form, uploaded to another host, reported as complete.

From https://developers.rooflink.com/reference/photos-create. The upload host is a bucket of an object store: it knows
nothing of keys, and refuses a form that is incomplete, changed or too old.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import cast

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.options import UPLOAD_ROOT, Options
from leadbridge.server.sandbox.prospect_rows import display_date
from leadbridge.server.sandbox.records import Photo, Upload
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

_PHOTOS = "/light/photos/"
_UPLOAD_HOST = "https://uploads.sandbox.invalid"
_LOOPBACK = ("127.", "localhost", "[::1]")
_VALID_FOR = timedelta(hours=1)
_LARGEST_PART = 200 * 1024 * 1024
_KEY_HEADERS = ("x-api-key", "authorization", "cookie")


class Photos:
    """The two operations of RoofLink, and the upload host between them, over one state."""

    def __init__(self, options: Options, state: State) -> None:
        self._options = options
        self._state = state

    def routes(self) -> drf.Routes:
        """What RoofLink answers."""
        return {_PHOTOS: {"POST": self.create}, f"{_PHOTOS}{{photo_id}}/uploaded/": {"PUT": self.finish}}

    def upload_host(self) -> Starlette:
        """The other host, below `UPLOAD_ROOT`."""
        return Starlette(routes=[Route("/bucket/", self.receive, methods=["POST"])])

    async def create(self, request: Request) -> Response:
        """A photo without its file, and the form to upload it with."""
        body = await drf.read_object(request)
        if isinstance(body, Response):
            return body
        fields = drf.Fields(body)
        name = fields.text("name", required=True, limit=150)
        # assumption photo-names
        description = fields.text("description")
        job = fields.related("job", self._state.prospects)
        tags = fields.items("tags")
        if not all(isinstance(tag, str) for tag in tags):
            fields.refuse("tags", drf.NOT_TEXT)
        if fields.errors:
            return JSONResponse(fields.errors, 400)
        photo_id = self._state.next_id("photo")
        # assumption upload-form
        key = f"photos/{name}-{secrets.token_hex(4)}"
        form = {
            "key": key,
            "Content-Disposition": f'inline; filename="{photo_id}"',
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": f"SANDBOX/{photo_id}",
            "policy": secrets.token_urlsafe(60),
            "x-amz-signature": secrets.token_hex(32),
        }
        photo = Photo(
            id=photo_id,
            name=name,
            description=description,
            job_id=job.id if job else None,
            tags=tuple(cast("list[str]", tags)),
            created=self._options.now(),
            form=form,
        )
        self._state.photos[photo_id] = photo
        self._state.record_write("rooflink", f"POST {_PHOTOS}", {}, body, photo_id)
        row = _row(photo) | {"upload_url": {"url": self._address(request), "fields": form}}
        return JSONResponse(row, 201)

    async def receive(self, request: Request) -> Response:
        """The file, as the last part after all fields of its form."""
        if any(name in request.headers for name in _KEY_HEADERS):
            return _refused(400, "InvalidRequest")
        async with request.form(max_part_size=_LARGEST_PART) as form:
            parts = form.multi_items()
            if not parts or parts[-1][0] != "file" or not isinstance(parts[-1][1], UploadFile):
                return _refused(400, "MalformedPOSTRequest")
            file = parts[-1][1]
            given = [(name, value) for name, value in parts[:-1] if isinstance(value, str)]
            content = await file.read()
        sent = dict(given)
        photo = next((photo for photo in self._state.photos.values() if photo.form["key"] == sent.get("key")), None)
        if photo is None or sent != photo.form or len(given) != len(parts) - 1:
            return _refused(403, "AccessDenied")
        if self._options.now() > photo.created + _VALID_FOR:
            return _refused(403, "AccessDenied")
        self._state.uploads.append(
            Upload(
                photo_id=photo.id,
                fields=tuple(given),
                filename=file.filename or "",
                content_type=file.content_type or "",
                content=content,
            )
        )
        photo.has_file = True
        return Response(status_code=204)

    async def finish(self, request: Request) -> Response:
        """The file is there: the photo is shown on its job."""
        photo_id = positive_int(str(request.path_params["photo_id"]))
        if photo_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        photo = self._state.photos.get(photo_id)
        if photo is None:
            return drf.detail(404, "Not found.")
        if not photo.has_file:
            # assumption file-first
            return drf.detail(400, "The file has not been uploaded.")
        if not photo.complete:
            photo.complete = True
            job = self._state.prospects.get(photo.job_id or 0)
            if job is not None:
                job.photos += 1
        self._state.record_write(
            "rooflink", f"PUT {_PHOTOS}{{photo_id}}/uploaded/", {"photo_id": photo_id}, None, photo_id
        )
        return JSONResponse(_row(photo)) if self._options.finished_photo_body else Response(status_code=200)

    def _address(self, request: Request) -> str:
        """Another origin; a simulator that is served on loopback is itself all there is to reach."""
        host = request.headers.get("host", "")
        origin = self._options.upload_origin
        if not origin:
            origin = f"http://{host}" if host.startswith(_LOOPBACK) else _UPLOAD_HOST
        return f"{origin}{UPLOAD_ROOT}/bucket/"


def _row(photo: Photo) -> JsonObject:
    return {
        "id": photo.id,
        "name": photo.name,
        "description": photo.description or None,
        "is_video": False,
        "tags": list(photo.tags),
        "date_created": display_date(photo.created),
        "created_by": None,
        "url": None,
    }


def _refused(status: int, code: str) -> Response:
    """In the manner of the store, which quotes the request in its errors."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Invalid according to Policy</Message></Error>"
    return Response(text, status, media_type="application/xml")
