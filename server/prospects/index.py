"""Prospects that were seen in RoofLink's list, kept in the state store under the keys by which they are found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from leadbridge.server.matching.profile import ContactDetails, Profile, details_to_json, profile_of
from leadbridge.server.prospects.search import Findings, candidates_for, judge, kept_profiles
from leadbridge.server.services.rooflink.progress import ProspectProgress
from leadbridge.server.state import Store
from leadbridge.server.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

UNREAD = ProspectProgress()
"""Of a prospect that was not read in the list."""


@dataclass(frozen=True, slots=True)
class SeenRow:
    """A prospect as RoofLink told it, and as it is compared."""

    prospect_id: int
    told: ContactDetails
    deleted: bool
    profile: Profile
    standing: ProspectProgress = UNREAD


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of RoofLink's list the index holds; `complete` when the last reading reached its end."""

    checked: int = 0
    total: int | None = None
    complete: bool = False
    checked_at: float = 0.0

    @property
    def unreadable(self) -> int:
        """Prospects that the list counts but did not bring, read to its end: rows that cannot be used."""
        return max(0, self.total - self.checked) if self.complete and self.total is not None else 0


@dataclass(frozen=True, slots=True)
class SeenProspects:
    """The index of one RoofLink account. SQLAlchemy is imported when a method runs."""

    store: Store
    account: Callable[[str], str]
    clock: Callable[[], float] = time.time

    @property
    def key(self) -> str:
        """The account as the tables name it."""
        return self.account("rooflink")

    async def find(self, profile: Profile) -> Findings:
        """Prospects that resemble the profile, the likeliest first; at equal scores the newest."""
        if not (keys := profile.lookup_keys()):
            return Findings()
        candidates = await self.store.run(lambda connection: candidates_for(connection, self.key, keys))
        return await anyio.to_thread.run_sync(judge, profile, candidates)

    async def coverage(self) -> Coverage:
        """How much is in the index."""
        return await self.store.run(lambda connection: _coverage(connection, self.key))

    async def remember(self, row: SeenRow) -> None:
        """Keep a prospect that was not seen in the list, because it was made just now."""

        def work(connection: Connection) -> None:
            put_rows(connection, self.key, [row], sweep=0, now=self.clock())

        await self.store.run(work)


def row_of(
    prospect_id: int, told: ContactDetails, *, deleted: bool = False, standing: ProspectProgress = UNREAD
) -> SeenRow:
    """A row for the index; takes some 0.2 ms, so many are made in a worker thread."""
    kept = ContactDetails(
        address=storable(told.address),
        city=storable(told.city),
        state=storable(told.state),
        postal_code=storable(told.postal_code),
        phones=tuple((kind, storable(phone)) for kind, phone in told.phones),
        email=storable(told.email),
        name=storable(told.name),
    )
    return SeenRow(prospect_id, kept, deleted, profile_of(kept), standing)


def put_rows(connection: Connection, account: str, rows: Sequence[SeenRow], *, sweep: int, now: float) -> None:
    """Insert or replace rows and their keys, in the order of their ids, so that no two callers deadlock."""
    from sqlalchemy import select

    from leadbridge.server.state.tables import seen_keys, seen_prospects

    if not rows:
        return
    ordered = sorted({row.prospect_id: row for row in rows}.values(), key=lambda row: row.prospect_id)
    ids = [row.prospect_id for row in ordered]
    table = seen_prospects
    before = {
        row.prospect_id: row.told
        for row in connection.execute(
            select(table.c.prospect_id, table.c.told).where(table.c.account == account, table.c.prospect_id.in_(ids))
        )
    }
    told = {row.prospect_id: details_to_json(row.told) for row in ordered}
    values = [
        {
            "account": account,
            "prospect_id": row.prospect_id,
            "sweep": sweep,
            "told": told[row.prospect_id],
            "profile": kept_profiles().dump_json(row.profile).decode(),
            "standing": row.standing.as_json(),
            "deleted": row.deleted,
            "seen_at": now,
        }
        for row in ordered
    ]
    upsert(connection, table, values)
    changed = [row for row in ordered if before.get(row.prospect_id) != told[row.prospect_id]]
    if known := [row.prospect_id for row in changed if row.prospect_id in before]:
        connection.execute(seen_keys.delete().where(seen_keys.c.account == account, seen_keys.c.prospect_id.in_(known)))
    keys = [
        {"account": account, "key": key, "prospect_id": row.prospect_id}
        for row in changed
        for key in sorted(row.profile.keys())
    ]
    upsert(connection, seen_keys, keys)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, replace: bool = True) -> None:
    """Insert rows; one that is there already gets the new values, or stays as it is without `replace`."""
    from sqlalchemy.dialects import postgresql, sqlite

    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    key = [column.name for column in table.primary_key.columns]
    changing = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in key}
    statement = (
        insert.on_conflict_do_update(index_elements=key, set_=changing)
        if replace and changing
        else insert.on_conflict_do_nothing(index_elements=key)
    )
    connection.execute(statement, list(rows))


def _coverage(connection: Connection, account: str) -> Coverage:
    from sqlalchemy import func, select

    from leadbridge.server.state.tables import seen_coverage, seen_prospects, seen_sweeps

    row = connection.execute(seen_coverage.select().where(seen_coverage.c.account == account)).first()
    if row is None:
        return Coverage()
    checked = connection.execute(
        select(func.count()).select_from(seen_prospects).where(seen_prospects.c.account == account)
    ).scalar_one()
    newest = connection.execute(
        seen_sweeps.select().where(seen_sweeps.c.account == account).order_by(seen_sweeps.c.sweep.desc()).limit(1)
    ).first()
    complete = newest is not None and newest.reached_end
    if row.total is not None:
        checked = min(checked, row.total)
    return Coverage(checked, row.total, complete, row.checked_at)
