"""Forgets the history and what is known of leads and prospects, in one transaction, while servers use the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadbridge.server.errors import StateError
from leadbridge.server.state import Store, audit
from leadbridge.server.writes.recovery import settle_orphans

if TYPE_CHECKING:
    from sqlalchemy import Connection

USED_YES = 24 * 3600.0
"""Seconds for which a yes that was used up is remembered: longer than any lives."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was forgotten, and which writes stay because nobody knows what became of them."""

    writes: int
    records: int
    """Leads and prospects."""
    unresolved: tuple[int, ...]


def forget(store: Store, now: float) -> Forgotten:
    """Forget every write that is resolved, the audit trail, and all that is known of leads and prospects.

    Unresolved writes stay, with what they would create: without them the same could be written twice. So do the keys'
    fingerprints, the secret, and what was used up of approvals within a day.

    Raises:
        StateError: something is being written right now.
    """

    def work(connection: Connection) -> Forgotten:
        from sqlalchemy import func, select

        from leadbridge.server.state import tables
        from leadbridge.server.state.tables import approvals, being_created, writes

        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")  # or what was deleted stays in the file
        settle_orphans(connection, now)
        busy = connection.execute(select(writes.c.id).where(writes.c.state.in_(("intended", "sent")))).scalars().all()
        if busy:
            msg = f"Nothing was forgotten: write {busy[0]} is being sent right now. Try again when that is over."
            raise StateError(msg)
        kept = connection.execute(select(writes).where(writes.c.state == "unknown").order_by(writes.c.id)).all()
        ids = [row.id for row in kept]
        newest = connection.execute(select(func.max(writes.c.id))).scalar()
        connection.execute(being_created.delete().where(being_created.c.write_id.not_in(ids)))
        # The newest stays as an empty row, so that no number is given twice.
        gone = connection.execute(writes.delete().where(writes.c.id.not_in([*ids, newest or 0]))).rowcount
        if newest is not None and newest not in ids:
            gone += 1
            empty: dict[str, Any] = dict.fromkeys(("target", "subject", "repeat_digest", "approval_id"), "")
            empty |= {"operation": "leadbridge.history_forget", "state": "done", "arguments": {}, "record_id": None}
            summary = f"{gone} writes up to this one were forgotten."
            values = {**empty, "approval": "asked", "summary": summary, "updated_at": now}
            connection.execute(writes.update().where(writes.c.id == newest).values(**values))
        connection.execute(approvals.delete().where(approvals.c.at <= now - USED_YES))
        records = sum(connection.execute(table.delete()).rowcount for table in (tables.leads, tables.seen_prospects))
        for table in (tables.seen_keys, tables.seen_sweeps, tables.seen_coverage, tables.observations):
            connection.execute(table.delete())
        audit.begin_anew(connection)
        audit.append(connection, now, {"forgot": gone, "by": "person"})
        for row in kept:
            audit.append(connection, now, {"write": row.id, "state": row.state, "by": "kept"})
        return Forgotten(gone, records, tuple(ids))

    return store.run_sync(work)
