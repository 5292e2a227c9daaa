"""RoofLink's photos and documents: listed; created with a form, uploaded to another host, reported as complete.

From https://developers.rooflink.com/reference/photos-create, and what public code received from the lists. The
upload host is a bucket of an object store: it knows nothing of keys, and refuses a form that is incomplete, changed or
too old.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Literal, cast

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadbridge.server.sandbox import drf
from leadbridge.server.sandbox.options import UPLOAD_ROOT, Options
from leadbridge.server.sandbox.prospect_rows import display_date, photo_row
from leadbridge.server.sandbox.records import Photo, Prospect, Upload
from leadbridge.server.sandbox.state import State
from leadbridge.server.sandbox.wire import JsonObject, positive_int

_UPLOAD_HOST = "https://uploads.sandbox.invalid"
_LOOPBACK = ("127.", "localhost", "[::1]")
_VALID_FOR = timedelta(hours=1)
_LARGEST_PART = 200 * 1024 * 1024
_KEY_HEADERS = ("x-api-key", "authorization", "cookie")


def upload_host(options: Options, state: State) -> Starlette:
    """The other host, below `UPLOAD_ROOT`."""

    async def receive(request: Request) -> Response:
        return await _receive(options, state, request)

    return Starlette(routes=[Route("/bucket/", receive, methods=["POST"])])


class Files:
    """The operations on photos or on documents over one state."""

    def __init__(self, options: Options, state: State, kind: Literal["photo", "document"]) -> None:
        self._options = options
        self._state = state
        self._kind = kind
        self._files = state.photos if kind == "photo" else state.documents
        self._path = f"/light/{kind}s/"
        self._finished = f"{self._path}{{{kind}_id}}/uploaded/"

    def routes(self) -> drf.Routes:
        """What RoofLink answers."""
        return {self._path: {"GET": self.list, "POST": self.create}, self._finished: {"PUT": self.finish}}

    async def list(self, request: Request) -> Response:
        """A job's files: those that it has from the start, and those that are complete."""
        # assumption job-files
        job = self._state.prospects.get(positive_int(request.query_params.get("job", "")) or 0)
        stored = [file for file in self._files.values() if job and file.complete and file.job_id == job.id]
        rows = [_row(file, self._kind) for file in reversed(stored)]
        if job and self._kind == "photo":
            rows += [photo_row(job, number) for number in range(1, job.photos + 1 - len(stored))]
        elif job:
            rows += [_document_row(job, number) for number in range(job.id % 3)]
        return drf.page(request, rows, dict, self._options.max_page_size, self._options.next_origin)

    async def create(self, request: Request) -> Response:
        """A record without its file, and the form to upload it with."""
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
        file_id = self._state.next_id(self._kind)
        # assumption upload-form
        key = f"{self._kind}s/{name}-{secrets.token_hex(4)}"
        form = {
            "key": key,
            "Content-Disposition": f'inline; filename="{file_id}"',
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": f"SANDBOX/{file_id}",
            "policy": secrets.token_urlsafe(60),
            "x-amz-signature": secrets.token_hex(32),
        }
        file = Photo(
            id=file_id,
            name=name,
            description=description,
            job_id=job.id if job else None,
            tags=tuple(cast("list[str]", tags)),
            created=self._options.now(),
            form=form,
        )
        self._files[file_id] = file
        self._state.record_write("rooflink", f"POST {self._path}", {}, body, file_id)
        row = _row(file, self._kind) | {"upload_url": {"url": self._address(request), "fields": form}}
        return JSONResponse(row, 201)

    async def finish(self, request: Request) -> Response:
        """The file is there: it is shown on its job."""
        file_id = positive_int(str(request.path_params[f"{self._kind}_id"]))
        if file_id is None:
            return drf.detail(400, "The id must be a positive integer.")
        file = self._files.get(file_id)
        if file is None:
            return drf.detail(404, "Not found.")
        if not file.has_file:
            # assumption file-first
            return drf.detail(400, "The file has not been uploaded.")
        if not file.complete:
            file.complete = True
            job = self._state.prospects.get(file.job_id or 0)
            if job is not None and self._kind == "photo":
                job.photos += 1
        self._state.record_write("rooflink", f"PUT {self._finished}", {f"{self._kind}_id": file_id}, None, file_id)
        return JSONResponse(_row(file, self._kind)) if self._options.finished_photo_body else Response(status_code=200)

    def _address(self, request: Request) -> str:
        """Another origin; a simulator that is served on loopback is itself all there is to reach."""
        host = request.headers.get("host", "")
        origin = self._options.upload_origin
        if not origin:
            origin = f"http://{host}" if host.startswith(_LOOPBACK) else _UPLOAD_HOST
        return f"{origin}{UPLOAD_ROOT}/bucket/"


async def _receive(options: Options, state: State, request: Request) -> Response:
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
    records = (*state.photos.values(), *state.documents.values())
    record = next((record for record in records if record.form["key"] == sent.get("key")), None)
    if record is None or sent != record.form or len(given) != len(parts) - 1:
        return _refused(403, "AccessDenied")
    if options.now() > record.created + _VALID_FOR:
        return _refused(403, "AccessDenied")
    state.uploads.append(
        Upload(
            file_id=record.id,
            fields=tuple(given),
            filename=file.filename or "",
            content_type=file.content_type or "",
            content=content,
        )
    )
    record.has_file = True
    return Response(status_code=204)


def _row(file: Photo, kind: str) -> JsonObject:
    row: JsonObject = {"id": file.id, "name": file.name, "date_created": display_date(file.created)}
    address = f"https://{kind}s.example.com/{file.id}" if file.complete else None
    if kind == "document":
        return row | {"ext": file.name.rpartition(".")[2], "url": address and f"{address}?signature=sandbox"}
    return row | {
        "description": file.description or None,
        "is_video": False,
        "tags": list(file.tags),
        "created_by": None,
        "url": address,
        "preview_url": address and f"{address}_preview.jpg",
    }


def _document_row(job: Prospect, number: int) -> JsonObject:
    """A document that a job has from the start."""
    file_id = job.id * 10 + number
    name = ("Contract.pdf", "Scope of loss.pdf")[number]
    url = f"https://documents.example.com/{file_id}.pdf?signature=sandbox"
    return {"id": file_id, "name": name, "ext": "pdf", "date_created": display_date(job.created), "url": url}


def _refused(status: int, code: str) -> Response:
    """In the manner of the store, which quotes the request in its errors."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Invalid according to Policy</Message></Error>"
    return Response(text, status, media_type="application/xml")
