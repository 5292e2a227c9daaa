"""Photos and documents that RoofLink has created without their file, kept so that a later call goes on with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leadbridge.server.services.rooflink.files import UploadForm
from leadbridge.server.state import Store

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

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

        def work(connection: Connection) -> Unfinished | None:
            from leadbridge.server.state.tables import photo_uploads as table

            row = connection.execute(table.select().where(*self._where(upload))).first()
            if row is None:
                return None
            form = UploadForm.of(row.form) if row.created_at > self.clock() - KEPT_FOR else None
            return Unfinished(row.photo_id, form, row.uploaded)

        return await self.store.run(work)

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

        def work(connection: Connection) -> None:
            from leadbridge.server.state.tables import photo_uploads as table

            connection.execute(table.update().where(table.c.created_at <= now - KEPT_FOR).values(form={}))
            connection.execute(table.delete().where(*self._where(upload)))
            connection.execute(table.insert().values(account=self.account, upload=upload, **values))

        await self.store.run(work)

    async def file_is_there(self, upload: str) -> None:
        """The file has arrived; only the last step is missing."""

        def work(connection: Connection) -> None:
            from leadbridge.server.state.tables import photo_uploads as table

            connection.execute(table.update().where(*self._where(upload)).values(uploaded=True))

        await self.store.run(work)

    async def forget(self, upload: str) -> None:
        """The upload is complete; its form is of no use any more."""

        def work(connection: Connection) -> None:
            from leadbridge.server.state.tables import photo_uploads as table

            connection.execute(table.delete().where(*self._where(upload)))

        await self.store.run(work)

    def _where(self, upload: str) -> tuple[ColumnElement[bool], ...]:
        from leadbridge.server.state.tables import photo_uploads as table

        return (table.c.account == self.account, table.c.upload == upload)
