"""A file of this machine onto a RoofLink job, in three steps that a later call can go on with.

Source: https://developers.rooflink.com/reference/photos-create. That a document is uploaded as a photo is inferred.
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

from leadbridge.server.errors import ArgumentsRefused, Problem, Refused, StateError, Unavailable
from leadbridge.server.mcp.arguments import Id, Line
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.services.rooflink.files import CreatedFile, Unfinished, UnfinishedUploads
from leadbridge.server.services.upload_files import UploadFile, inspect_file, opened
from leadbridge.server.services.uploads import FormExpired, Outgoing
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
"""Documented for photos: https://developers.rooflink.com/reference/photos-create."""
JobId = Annotated[Id, Field(description="A prospect's id too")]
FilePath = Annotated[
    str, Field(min_length=1, max_length=1000, strict=True, description="Below the server's upload folder")
]
Name = Annotated[
    Annotated[Line, Field(min_length=1, max_length=LONGEST_NAME)] | Omitted,
    Field(description="Default: the file's name"),
]
_LAST_WORD = 2.0
"""Seconds kept back of the call's deadline, to report how far the upload came."""
SEND, FINISH = "upload the file", "report the file as complete"

PLACE_OUT = "The place where it was taken is in the file, and is left out of the copy that is sent."
PLACE_UNSURE = "Not everything in this file could be read: if it says where it was taken, that is sent too."


@dataclass(frozen=True, slots=True)
class FileKind:
    """What is uploaded: a photo, say, and the operations of its first and last step."""

    noun: str
    operation: LocalOperation
    """The three steps as one; on record are the first and the last, under their own names."""
    create: str
    finish: str
    types: frozenset[str]
    """The first parts of the content types that may leave: `image`, say."""

    @property
    def first_step(self) -> str:
        """Step 1 in words."""
        return f"create the {self.noun} in RoofLink"


async def upload_write(
    app: AppContext, kind: FileKind, job_id: int, file_path: str, name: str | None, more: Mapping[str, JsonValue]
) -> Write:
    """The upload of a file as a write; `more` are the arguments of the first step beside job and name."""
    root = app.settings.upload_root
    if root is None:
        raise Refused("no_upload_root", "LEADBRIDGE_UPLOAD_ROOT is not set.")
    file = await anyio.to_thread.run_sync(inspect_file, root, file_path, kind.types)
    title = _title(name, file)
    # A photo's digest has been on record without its kind.
    upload = digest_of(job_id, file.digest, title, *(() if kind.noun == "photo" else (kind.noun,)))
    uploads = UnfinishedUploads(app.store, app.services.accounts["rooflink"], app.ledger.clock)
    kept = await uploads.get(upload)
    given: dict[str, JsonValue] = {"job_id": job_id, "name": title, **more}
    given = {key: value for key, value in given.items() if value is not None}
    steps = _Upload(app, kind, root, file, job_id, title, upload, uploads, given)
    create = steps.create(kept)
    size = f"{file.size / 1024:,.0f} KB" if file.size < 1024 * 1024 else f"{file.size / 1024 / 1024:,.1f} MB"
    goes_on = f"It goes on with {kind.noun} {{}}, which an earlier call created."
    return Write(
        action=MultiStepWrite(
            operation=kind.operation,
            run=lambda run: steps.carry_out(run, kept),
            count=2 if _usable(kept) else 3,
            foreseen=() if _usable(kept) else (create,),
        ),
        subject=Subject(f"job {job_id}", steps.subject),
        arguments={"file_path": file.shown, **given, "digest": file.digest},
        preview=Preview(
            lines=(
                f"Upload a file to RoofLink job {job_id}: {file.content_type}, {size}.",
                *((PLACE_OUT,) if file.place.changes else ()),
                *((goes_on.format(kept.record_id),) if _usable(kept) else ()),
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
        raise ArgumentsRefused([Problem("name", "give one: the file's own name cannot be read as text")]) from None
    if len(title) > LONGEST_NAME:
        raise ArgumentsRefused([Problem("name", f"give one: the file's own has more than {LONGEST_NAME} characters")])
    if not title.strip():
        raise ArgumentsRefused([Problem("name", "must not be blank (LeadBridge's rule)")])
    return title


@dataclass(slots=True)
class _Upload:
    """One upload: what goes where, and how far it is."""

    app: AppContext
    kind: FileKind
    root: Path
    file: UploadFile
    job_id: int
    title: str
    upload: str
    uploads: UnfinishedUploads
    given: Mapping[str, JsonValue]
    received: list[Unfinished] = field(default_factory=list[Unfinished])
    """The answer of this call's own first step."""

    @property
    def subject(self) -> str:
        """Of the last step: once that is done, the file is there."""
        return f"{self.kind.noun} {self.upload[:40]} of job {self.job_id}"

    def named(self, record_id: int) -> str:
        """The record in words: `photo 88001`; 0 where its id is not known."""
        return f"{self.kind.noun} {record_id}" if record_id else f"the new {self.kind.noun}"

    async def carry_out(self, run: StepRunner, kept: Unfinished | None) -> Done:
        """The three steps, from where an earlier call stopped."""
        await self._same_file()
        if _usable(kept):
            record = kept
            run.passed(self.kind.first_step, f"done before ({self.named(kept.record_id)})")
        else:
            record = await self._created(run, kept)
        await run.report_progress(SEND)
        if not record.uploaded:
            await self._send(record)
            await self.uploads.file_is_there(self.upload)
        run.passed(SEND, "done before" if record.uploaded else "done")
        finish = self._finish(record.record_id)
        await run.write(finish, FINISH)
        with suppress(StateError):  # the upload is complete; an old form is thrown away later
            await self.uploads.forget(self.upload)
        left = ""
        if kept and record is not kept:
            left = f"{self.named(kept.record_id).capitalize()} of an earlier try has no file; delete it in RoofLink."
        return Done(
            summary=self._on_its_job(record.record_id),
            record_id=record.record_id,
            details=[*rendered([("Name", self.title)]), *([PLACE_OUT] if self.file.place.changes else [])],
            record={**finish.arguments, "sha256": self.file.digest},
            warnings=[left] if left else [],
        )

    def create(self, kept: Unfinished | None) -> Write:
        """Step 1. After a record whose form is lost or expired, it is a write of its own, not a repeat."""
        operation = self.app.catalog[self.kind.create]

        def receive(answer: JsonValue) -> Done:
            created = CreatedFile.model_validate(answer)
            self.received.append(Unfinished(created.id, created.form))
            return Done(
                summary=f"{self.named(created.id).capitalize()} created for job {self.job_id}, still without its file.",
                record_id=created.id,
                remember=lambda: self._keep(self.received[-1]),
            )

        after = f" after {kept.record_id}" if kept is not None else ""
        return Write(
            action=HttpWrite(operation=operation, receive=receive, body=operation.encode_body(self.given)),
            subject=Subject(f"job {self.job_id}", f"{self.subject}, created{after}"),
            arguments={**self.given, "digest": self.file.digest},
            preview=Preview(lines=(f"Create a {self.kind.noun} for RoofLink job {self.job_id}.",)),
            repeat=SameWithinADay(whole_subject=True),
        )

    async def _created(self, run: StepRunner, kept: Unfinished | None) -> Unfinished:
        """The new record with its form.

        Raises:
            Refused: it was created, but its form never came here; it cannot get its file.
        """
        outcome = await run.write(self.create(kept), self.kind.first_step)
        record = self.received[-1] if self.received else await self.uploads.get(self.upload)
        if record is not None and record.form is not None:
            return record
        made = outcome.done if isinstance(outcome, Applied) else outcome
        record_id = (made and made.record_id) or 0
        await self._keep(Unfinished(record_id, None))
        raise Refused(
            "no_upload_form",
            f"{self.named(record_id)} was created in RoofLink, but without a usable upload form, so that it cannot get "
            "its file.",
            self._delete(record_id),
        )

    async def _send(self, record: Unfinished) -> None:
        """Step 2: to the host of the form, without the key.

        Raises:
            Refused, ServiceError: the file is not there; what is kept lets the next call try again.
        """
        assert record.form is not None  # noqa: S101  # narrows the type: only a record with its form comes here
        left = anyio.current_effective_deadline() - anyio.current_time() - _LAST_WORD
        with opened(self.root, self.file.parts) as stream, anyio.move_on_after(max(left, 0.0)):
            file = self.file
            outgoing = Outgoing(stream, file.name, file.content_type, file.size, file.digest, file.place.changes)
            try:
                await self.app.services.uploads.send(record.form, outgoing)
            except FormExpired as error:
                await self._keep(Unfinished(record.record_id, None))
                error.next_step = self._delete(record.record_id)
                raise
            return
        raise Unavailable(
            what="The upload did not end within LEADBRIDGE_CALL_DEADLINE. "
            f"The file is not on the {self.kind.noun} yet.",
            next_step="Raise LEADBRIDGE_CALL_DEADLINE, or use a smaller file.",
        )

    def _finish(self, record_id: int) -> Write:
        """Step 3."""
        record = {f"{self.kind.noun}_id": record_id}
        done = Done(summary=self._on_its_job(record_id), record_id=record_id)
        return Write(
            action=HttpWrite(operation=self.app.catalog[self.kind.finish], receive=lambda _answer: done, path=record),
            subject=Subject(f"job {self.job_id}", self.subject),
            arguments={**record, "job_id": self.job_id},
            preview=Preview(lines=(f"Report the file of {self.named(record_id)} as complete.",)),
            repeat=SameWithinADay(whole_subject=True),
        )

    def _on_its_job(self, record_id: int) -> str:
        return f"{self.named(record_id).capitalize()} is on RoofLink job {self.job_id}."

    def _delete(self, record_id: int) -> str:
        return f"Delete {self.named(record_id)} in RoofLink; the next call creates a new one."

    async def _keep(self, record: Unfinished) -> None:
        await self.uploads.keep(self.upload, self.job_id, self.file.digest, record)

    async def _same_file(self) -> None:
        """The file that was looked at, still.

        Raises:
            Refused: it is another by now.
        """
        try:
            now = await anyio.to_thread.run_sync(inspect_file, self.root, self.file.shown, self.kind.types)
        except ArgumentsRefused:
            now = None
        if now is None or now.digest != self.file.digest:
            raise Refused(
                "file_changed",
                f"{self.file.shown} has changed since it was looked at.",
                "Call again once nothing writes to the file.",
            )
