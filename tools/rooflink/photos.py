"""RoofLink photos: a file of this machine onto a job, in three steps that a later call can go on with.

Source: https://developers.rooflink.com/reference/photos-create
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeGuard

import anyio
import anyio.to_thread
from pydantic import Field, JsonValue

from leadbridge.server.catalog.effects import Effect
from leadbridge.server.errors import ArgumentsRefused, Problem, Refused, StateError, Unavailable
from leadbridge.server.mcp.arguments import Id, Line, Remark, Tag
from leadbridge.server.mcp.context import AppContext, Ctx, app_context
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.photo_uploads import PhotoUploads, Unfinished
from leadbridge.server.services.rooflink.photos import CreatedPhoto
from leadbridge.server.services.upload_files import UploadFile, inspect_file, opened
from leadbridge.server.services.uploads import FormExpired, Outgoing
from leadbridge.server.services.view import Omitted
from leadbridge.server.writes.model import (
    Done,
    HttpWrite,
    LocalOperation,
    MultiStepWrite,
    Preview,
    SameWithinADay,
    Subject,
    Write,
    digest_of,
)
from leadbridge.server.writes.outcomes import Applied
from leadbridge.server.writes.preview import rendered
from leadbridge.server.writes.steps import StepRunner

LONGEST_NAME = 150
"""Documented: https://developers.rooflink.com/reference/photos-create."""
Name = Annotated[Line, Field(min_length=1, max_length=LONGEST_NAME)]
Tags = Annotated[list[Tag], Field(min_length=1, max_length=20)]
_LAST_WORD = 2.0
"""Seconds kept back of the call's deadline, to tell how far the upload came."""
CREATE, SEND, FINISH = "create the photo in RoofLink", "upload the file", "report the file as complete"

PLACE_OUT = "The place where it was taken is in the file, and is left out of the copy that is sent."
PLACE_UNSURE = "Not everything in this file could be read: if it says where it was taken, that is sent too."

UPLOAD = LocalOperation("leadbridge.upload_photo", "rooflink", "Upload photo", Effect.ADDITIVE)
"""The three steps as one; on record are the first and the last, under their own names."""


async def rooflink_upload_photo(
    ctx: Ctx,
    job_id: Annotated[Id, Field(description="A prospect's id too")],
    file_path: Annotated[
        str, Field(min_length=1, max_length=1000, strict=True, description="Below the server's upload folder")
    ],
    name: Annotated[Name | Omitted, Field(description="Default: the file's name")] = None,
    description: Annotated[Remark | Omitted, Field(description="Caption")] = None,
    tags: Annotated[Tags | Omitted, Field(description="The company's photo tags")] = None,
) -> Write:
    """Upload a photo or video from the server's upload folder to a RoofLink job.

    At most 50 MB. If it stops half way, the same call continues, without a second photo.
    """
    app = app_context(ctx)
    root = app.settings.upload_root
    if root is None:
        raise Refused("no_upload_root", "LEADBRIDGE_UPLOAD_ROOT is not set.")
    file = await anyio.to_thread.run_sync(inspect_file, root, file_path)
    title = _title(name, file)
    upload = digest_of(job_id, file.digest, title)
    uploads = PhotoUploads(app.store, app.services.account("rooflink"), app.ledger.clock)
    kept = await uploads.get(upload)
    given: dict[str, JsonValue] = {
        "job_id": job_id,
        "name": title,
        "description": description,
        "tags": [*tags] if tags else None,
    }
    given = {key: value for key, value in given.items() if value is not None}
    photo = _Photo(app, root, file, job_id, title, upload, uploads, given)
    create = photo.create(kept)
    size = f"{file.size / 1024:,.0f} KB" if file.size < 1024 * 1024 else f"{file.size / 1024 / 1024:,.1f} MB"
    return Write(
        action=MultiStepWrite(
            operation=UPLOAD, run=lambda run: photo.carry_out(run, kept), foreseen=() if _usable(kept) else (create,)
        ),
        subject=Subject(f"job {job_id}", photo.subject),
        arguments={"file_path": file.shown, **given, "digest": file.digest},
        preview=Preview(
            lines=(
                f"Upload a file to RoofLink job {job_id}: {file.content_type}, {size}.",
                *((PLACE_OUT,) if file.place.changes else ()),
                *((f"It goes on with photo {kept.photo_id}, which an earlier call created.",) if _usable(kept) else ()),
            ),
            said=frozenset({"job_id", "digest"}),
            warnings=(PLACE_UNSURE,) if file.place.unsure else (),
        ),
        repeat=SameWithinADay(whole_subject=True),
    )


def _usable(kept: Unfinished | None) -> TypeGuard[Unfinished]:
    return kept is not None and (kept.form is not None or kept.uploaded)


def _title(name: str | None, file: UploadFile) -> str:
    title = name if name is not None else file.name
    try:
        title.encode()
    except UnicodeEncodeError:
        raise ArgumentsRefused([Problem("name", "give one: the file's own name is no readable text")]) from None
    if len(title) > LONGEST_NAME:
        raise ArgumentsRefused([Problem("name", f"give one: the file's own has more than {LONGEST_NAME} characters")])
    if not title.strip():
        raise ArgumentsRefused([Problem("name", "must not be blank (LeadBridge's own rule)")])
    return title


@dataclass(slots=True)
class _Photo:
    """One upload: what goes where, and how far it is."""

    app: AppContext
    root: Path
    file: UploadFile
    job_id: int
    title: str
    upload: str
    uploads: PhotoUploads
    given: Mapping[str, JsonValue]
    received: list[Unfinished] = field(default_factory=list[Unfinished])
    """The answer of this call's own first step."""

    @property
    def subject(self) -> str:
        """Of the last step: once that is done, the photo is there."""
        return f"photo {self.upload[:40]} of job {self.job_id}"

    async def carry_out(self, run: StepRunner, kept: Unfinished | None) -> Done:
        """The three steps, from where an earlier call stopped."""
        await self._same_file()
        if _usable(kept):
            photo = kept
            run.passed(CREATE, f"done before (photo {kept.photo_id})")
        else:
            photo = await self._created(run, kept)
        await run.tell(SEND)
        if not photo.uploaded:
            await self._send(photo)
            await self.uploads.file_is_there(self.upload)
        run.passed(SEND, "done before" if photo.uploaded else "done")
        await run.write(self._finish(photo.photo_id), FINISH)
        await self._forget()
        left = (
            f"Photo {kept.photo_id} of an earlier try has no file; delete it in RoofLink."
            if kept and photo is not kept
            else ""
        )
        return Done(
            summary=f"Photo {photo.photo_id} is on RoofLink job {self.job_id}.",
            record_id=photo.photo_id,
            details=[*rendered([("Name", self.title)]), *([PLACE_OUT] if self.file.place.changes else [])],
            record={"photo_id": photo.photo_id, "job_id": self.job_id, "sha256": self.file.digest},
            warnings=[left] if left else [],
        )

    def create(self, kept: Unfinished | None) -> Write:
        """Step 1. After a photo whose form is lost or expired, it is a write of its own, not a repeat."""
        operation = self.app.operation("rooflink.create_photo")

        def receive(answer: JsonValue) -> Done:
            created = CreatedPhoto.model_validate(answer)
            self.received.append(Unfinished(created.id, created.form))
            return Done(
                summary=f"Photo {created.id} created for job {self.job_id}, still without its file.",
                record_id=created.id,
                remember=lambda: self._keep(self.received[-1]),
            )

        after = f" after {kept.photo_id}" if kept is not None else ""
        return Write(
            action=HttpWrite(operation=operation, receive=receive, body=operation.encode_body(self.given)),
            subject=Subject(f"job {self.job_id}", f"{self.subject}, created{after}"),
            arguments={**self.given, "digest": self.file.digest},
            preview=Preview(lines=(f"Create a photo for RoofLink job {self.job_id}.",)),
            repeat=SameWithinADay(whole_subject=True),
        )

    async def _created(self, run: StepRunner, kept: Unfinished | None) -> Unfinished:
        """The new photo with its form.

        Raises:
            Refused: the photo was created, but its form never came here; it cannot get its file.
        """
        outcome = await run.write(self.create(kept), CREATE)
        photo = self.received[-1] if self.received else await self.uploads.get(self.upload)
        if photo is not None and photo.form is not None:
            return photo
        made = outcome.done if isinstance(outcome, Applied) else outcome
        photo_id = (made and made.record_id) or 0
        await self._keep(Unfinished(photo_id, None))
        raise Refused(
            "no_upload_form",
            f"RoofLink's photo {photo_id} was created, but a usable upload form for it did not come, so that it cannot "
            "get its file.",
            f"Delete photo {photo_id} in RoofLink; the next call creates a new one.",
        )

    async def _send(self, photo: Unfinished) -> None:
        """Step 2: to the host of the form, without the key.

        Raises:
            Refused, ServiceError: the file is not there; what is kept lets the next call try again.
        """
        assert photo.form is not None  # noqa: S101  # narrows the type: only a photo with its form comes here
        left = anyio.current_effective_deadline() - anyio.current_time() - _LAST_WORD
        with opened(self.root, self.file.parts) as stream, anyio.move_on_after(max(left, 0.0)):
            file = self.file
            outgoing = Outgoing(stream, file.name, file.content_type, file.size, file.digest, file.place.changes)
            try:
                await self.app.services.uploads.send(photo.form, outgoing)
            except FormExpired as error:
                await self._keep(Unfinished(photo.photo_id, None))
                error.next_step = f"Delete photo {photo.photo_id} in RoofLink; the next call creates a new one."
                raise
            return
        raise Unavailable(
            what="The upload did not end within LEADBRIDGE_CALL_DEADLINE. The file is not on the photo yet.",
            next_step="Raise LEADBRIDGE_CALL_DEADLINE, or use a smaller file.",
            service="rooflink",
        )

    def _finish(self, photo_id: int) -> Write:
        """Step 3."""
        return Write(
            action=HttpWrite(
                operation=self.app.operation("rooflink.finish_photo"),
                receive=lambda _answer: Done(
                    summary=f"Photo {photo_id} is on RoofLink job {self.job_id}.", record_id=photo_id
                ),
                path={"photo_id": photo_id},
            ),
            subject=Subject(f"job {self.job_id}", self.subject),
            arguments={"photo_id": photo_id, "job_id": self.job_id},
            preview=Preview(lines=(f"Report the file of photo {photo_id} as complete.",)),
            repeat=SameWithinADay(whole_subject=True),
        )

    async def _keep(self, photo: Unfinished) -> None:
        await self.uploads.keep(self.upload, self.job_id, self.file.digest, photo)

    async def _forget(self) -> None:
        """The photo is complete: that the store fails now does not change it, and an old form is thrown away later."""
        with suppress(StateError):
            await self.uploads.forget(self.upload)

    async def _same_file(self) -> None:
        """The file that was looked at, still.

        Raises:
            Refused: it is another by now.
        """
        try:
            now = await anyio.to_thread.run_sync(inspect_file, self.root, self.file.shown)
        except ArgumentsRefused:
            now = None
        if now is None or now.digest != self.file.digest:
            raise Refused(
                "file_changed",
                f"{self.file.shown} has changed since it was looked at.",
                "Call again once nothing writes to the file.",
            )


TOOLS = (
    write_tool(
        rooflink_upload_photo,
        "rooflink.create_photo",
        "rooflink.finish_photo",
        title="Upload photo",
        reads_files=True,
    ),
)
