"""Photos and documents that RoofLink has created without their file, kept so that a later call goes on with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from leadbridge.server import state
from leadbridge.server.services.rooflink.files import UploadForm
from leadbridge.server.state import Store

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
