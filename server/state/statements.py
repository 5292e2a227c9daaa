"""The statements that every write runs, built once: to build one anew costs more than to run it.

Imported when the store is first opened, never at start. Parameters are named after their columns; what is in a
WHERE is prefixed with `of_`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Float, String, Table, bindparam, cast, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from leadbridge.server.state.tables import AUDIT_HEAD, audit, meta, writes

UNRESOLVED = ("intended", "sent", "unknown")
"""States of writes that have no certain outcome."""

SECRET = select(meta.c.value).where(meta.c.key == "secret")
HEAD = select(meta.c.value).where(meta.c.key == AUDIT_HEAD).with_for_update()
MOVE_HEAD = update(meta).where(meta.c.key == AUDIT_HEAD)
ADD_AUDIT = insert(audit)

ADD_WRITE = insert(writes)
STATE_OF = select(writes.c.state).where(writes.c.id == bindparam("of_id")).with_for_update()
SET_WRITE = update(writes).where(writes.c.id == bindparam("of_id"))
SEND_AGAIN = update(writes).where(
    writes.c.id == bindparam("of_id"), writes.c.state == "sent", writes.c.owner == bindparam("of_owner")
)
UNFINISHED = (
    select(writes.c.id, writes.c.state, cast(writes.c.owner, String), cast(writes.c.lease_until, Float))
    .where(writes.c.state.in_(("intended", "sent")))
    .with_for_update()
)

_SUBJECT = (
    writes.c.account == bindparam("of_account"),
    writes.c.subject.in_(bindparam("of_subjects", expanding=True)),
)
_EARLIER = (
    writes.c.id,
    writes.c.state,
    writes.c.created_at,
    writes.c.repeat_digest,
    writes.c.summary,
    writes.c.record_id,
)
APPLIED = ("done", "unconfirmed")
"""States of what the service took, whether or not its answer showed all of it."""
DONE_ABOUT = select(*_EARLIER).where(*_SUBJECT, writes.c.state.in_(APPLIED)).order_by(writes.c.id.desc()).limit(1)
"""The newest write about a subject that the service took."""

OPEN_ABOUT = select(writes).where(*_SUBJECT, writes.c.state.in_(UNRESOLVED)).order_by(writes.c.id.desc())
"""What is under way or unresolved about a subject, newest first."""
OPEN_OF_ACCOUNT = (
    select(writes)
    .where(writes.c.account == bindparam("of_account"), writes.c.state.in_(UNRESOLVED))
    .order_by(writes.c.id.desc())
)
NEWEST_ABOUT = (
    select(writes)
    .where(
        writes.c.account == bindparam("of_account"),
        writes.c.subject == bindparam("of_subject"),
        writes.c.state != "failed",
    )
    .order_by(writes.c.id.desc())
    .limit(1)
)
"""The newest write about a subject that did not fail."""
DONE_SAME = DONE_ABOUT.where(writes.c.repeat_digest.in_(bindparam("of_digests", expanding=True)))
"""The newest one that was the same."""
NOT_FAILED_ABOUT = (
    select(*_EARLIER, writes.c.arguments).where(*_SUBJECT, writes.c.state != "failed").order_by(writes.c.id.desc())
)
"""Whatever may have been set of a subject, newest first; to be read only as far as needed."""


def upsert(connection: Connection, into: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool = True) -> None:
    """Insert rows; one that is there already gets the new values, or stays as it is without `replace`."""
    if not rows:
        return
    adding = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(into)
    key = [column.name for column in into.primary_key.columns]
    changing = {column.name: adding.excluded[column.name] for column in into.columns if column.name not in key}
    statement = (
        adding.on_conflict_do_update(index_elements=key, set_=changing)
        if replace and changing
        else adding.on_conflict_do_nothing(index_elements=key)
    )
    connection.execute(statement, list(rows))
