"""RoofLink's photos and documents: rows of their lists, and the form with which the file of a new one is uploaded.

What is still without its file is kept, so that a later call goes on with it.
Sources: https://developers.rooflink.com/reference/photos-create; the lists are known from public client code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue

from leadbridge.server import state
from leadbridge.server.services.rooflink.notes import identity, words
from leadbridge.server.services.values import Answer, Integer, Moment, RecordId, Text
from leadbridge.server.state import Store

MOST_FIELDS = 60
LARGEST_FORM = 64_000
"""Characters of all fields together; a form that signs an upload has about 2,000."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Where the file goes, and the fields before it. Whoever has it can upload: it is shown nowhere."""

    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """For the store."""
        return {"url": self.url, "fields": dict(self.fields)}

    @classmethod
    def of(cls, value: object) -> UploadForm | None:
        """A form from `{url, fields: {name: text}}`, in the order of its fields; nothing if it is none."""
        if not isinstance(value, dict):
            return None
        url, fields = value.get("url"), value.get("fields")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(url, str) or not isinstance(fields, dict):
            return None
        texts: dict[str, str] = {}
        for name, text in fields.items():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(text, bool) or not isinstance(name, str) or not isinstance(text, (str, int, float)):
                return None
            texts[name] = str(text)
        too_large = sum(len(name) + len(text) for name, text in texts.items()) > LARGEST_FORM
        return None if not texts or len(texts) > MOST_FIELDS or too_large or "file" in texts else cls(url, texts)


class StoredFile(Answer):
    """A photo or document in a list. Its addresses open the file for whoever has them; a document's expire."""

    id: RecordId
    name: Text = None
    ext: Text = None
    date_created: Moment = None
    tags: Annotated[list[str], BeforeValidator(words)] = Field(default_factory=list[str])
    job: Annotated[Integer, BeforeValidator(identity)] = None
    url: Text = None
    file: Text = None
    preview_url: Text = None

    @property
    def address(self) -> str | None:
        """Where the file itself is."""
        return self.url or self.file


class CreatedFile(Answer):
    """A new photo or document."""

    id: RecordId
    upload_url: JsonValue = None

    @property
    def form(self) -> UploadForm | None:
        """The form, if there is a usable one."""
        return UploadForm.of(self.upload_url)


KEPT_FOR = 24 * 3600.0
"""Seconds after which a form is thrown away: it is a credential, and has expired long before."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A record on RoofLink without its file, or whose file was not yet reported as complete."""

    record_id: int
    form: UploadForm | None = field(repr=False)
    """Nothing if it has expired or never came."""
    uploaded: bool = False


@dataclass(frozen=True, slots=True)
class UnfinishedUploads:
    """Unfinished uploads of one account. `upload` is a digest of kind, job, content and name."""

    store: Store
    account: str
    clock: Callable[[], float] = time.time

    async def get(self, upload: str) -> Unfinished | None:
        """What an upload has created."""
        row = await self.store.run(lambda connection: state.photo_uploads.find(connection, self.account, upload))
        if row is None:
            return None
        form = UploadForm.of(row.form) if row.created_at > self.clock() - KEPT_FOR else None
        return Unfinished(row.photo_id, form, row.uploaded)

    async def keep(self, upload: str, job_id: int, digest: str, record: Unfinished) -> None:
        """Keep a record in place of the one before, and throw away forms that are too old."""
        now = self.clock()
        values = {
            "photo_id": record.record_id,
            "job_id": job_id,
            "digest": digest,
            "form": record.form.as_json() if record.form else {},
            "uploaded": record.uploaded,
            "created_at": now,
        }
        await self.store.run(
            lambda connection: state.photo_uploads.put(connection, self.account, upload, values, now - KEPT_FOR)
        )

    async def file_is_there(self, upload: str) -> None:
        """The file has arrived; only the last step is missing."""
        await self.store.run(lambda connection: state.photo_uploads.set_uploaded(connection, self.account, upload))

    async def forget(self, upload: str) -> None:
        """The upload is complete; its form is of no use any more."""
        await self.store.run(lambda connection: state.photo_uploads.remove(connection, self.account, upload))
