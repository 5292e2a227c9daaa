"""Unbroken runs of RoofLink's list, newest first: what was read of it, and where the next reading goes on.

Each reading begins at page 1 and labels what it reads as one run. Where it meets the rows of an earlier run, that run
is taken over whole and the reading jumps to its end. New prospects come in at the top only, so nothing can hide
in the middle of a run but a row that was changed since; a run is trusted for a week, then it is read again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from leadbridge.server.matching.profile import RULES
from leadbridge.server.prospects.index import SeenProspects, SeenRow, put_rows, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

UNBROKEN = 10
"""Known rows in a row that prove an earlier run was met. One would do if no row ever changed its place."""
TRUSTED_SECONDS = 7 * 86_400.0
LEASE_MARGIN = 5.0


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a page: `count` rows stand in this reading's run from the top of the list."""

    joined: bool = True
    """False when the page does not touch this reading's run; nothing of it was kept."""
    lost: bool = False
    """True when another process reads the list by now; nothing was kept."""
    met: bool = False
    """Whether earlier coverage was taken over."""
    ended: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True)
class OldPages:
    """Pages of the list whose rows were read long ago, the oldest first, and how many rows a page has."""

    numbers: tuple[int, ...] = ()
    size: int = 0


@dataclass(slots=True)
class Reading:
    """One reading of the list, held by one process at a time."""

    seen: SeenProspects
    holder: str
    sweep: int
    began: float
    _size: int = 0
    _run: int = 0
    _earlier: set[int] = field(default_factory=set[int])

    async def write(
        self, rows: Sequence[SeenRow], *, total: int | None, first: bool, last: bool, joining: bool
    ) -> Written:
        """Keep a page, in one transaction. `joining`: it was jumped to, and counts only if it touches the run."""
        return await self.seen.store.run(
            lambda connection: self._write(connection, rows, total=total, first=first, last=last, joining=joining)
        )

    async def old_pages(self, seconds: float) -> OldPages:
        """Pages whose rows were mostly read more seconds ago than that; none before the run reaches the end.

        A single old row makes no old page: it has vanished from the service, and reading its page would not bring it.
        """
        return await self.seen.store.run(lambda connection: self._old_pages(connection, self.seen.clock() - seconds))

    async def release(self) -> None:
        """Let others read."""

        def work(connection: Connection) -> None:
            from leadbridge.server.state.tables import seen_coverage as table

            connection.execute(
                table.update()
                .where(table.c.account == self.seen.key, table.c.holder == self.holder)
                .values(held_until=0.0)
            )

        await self.seen.store.run(work)

    def _write(
        self,
        connection: Connection,
        rows: Sequence[SeenRow],
        *,
        total: int | None,
        first: bool,
        last: bool,
        joining: bool,
    ) -> Written:
        from sqlalchemy import func, select

        from leadbridge.server.state.tables import seen_coverage, seen_prospects

        account, now, table = self.seen.key, self.seen.clock(), seen_prospects
        values: dict[str, Any] = {} if total is None else {"total": total}
        if first:
            values["checked_at"] = now
            self._size = len(rows)
        held = [seen_coverage.c.account == account, seen_coverage.c.holder == self.holder]
        if not connection.execute(seen_coverage.update().where(*held).values(holder=self.holder, **values)).rowcount:
            return Written(lost=True)
        ids = [row.prospect_id for row in rows]
        here = [table.c.account == account, table.c.prospect_id.in_(ids)]
        labels = {
            row.prospect_id: row.sweep
            for row in connection.execute(select(table.c.prospect_id, table.c.sweep).where(*here))
        }
        if joining and not (ids and labels.get(ids[0]) == self.sweep):
            return Written(joined=False)
        self._follow(ids, labels, {row.sweep for row in _sweeps(connection, account)})
        put_rows(connection, account, rows, sweep=self.sweep, now=now)
        met = self._run >= UNBROKEN
        ended = last or (met and self._take_over(connection))
        if ended:
            self._finish(connection)
        mine = [table.c.account == account, table.c.sweep == self.sweep]
        count = connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one()
        return Written(met=met, ended=ended, count=count)

    def _old_pages(self, connection: Connection, before: float) -> OldPages:
        from sqlalchemy import func, select

        from leadbridge.server.state.tables import seen_prospects as table

        whole = any(row.sweep == self.sweep and row.reached_end for row in _sweeps(connection, self.seen.key))
        mine = [table.c.account == self.seen.key, table.c.sweep == self.sweep]
        oldest = connection.execute(select(func.min(table.c.seen_at)).where(*mine)).scalar_one()
        if not whole or not self._size or oldest is None or oldest >= before:
            return OldPages()
        rows = connection.execute(select(table.c.prospect_id, table.c.seen_at, table.c.standing).where(*mine)).all()
        # The list's own order: newest first by creation date.
        listed = sorted(rows, key=lambda row: (row.standing.get("created", ""), row.prospect_id), reverse=True)
        pages = [listed[start : start + self._size] for start in range(0, len(listed), self._size)]
        ages = [(median(row.seen_at for row in page), number) for number, page in enumerate(pages, start=1)]
        return OldPages(tuple(number for age, number in sorted(ages) if age < before), self._size)

    def _follow(self, ids: Sequence[int], labels: dict[int, int], live: set[int]) -> None:
        """Count the known rows at the end of what was read so far; an unknown one breaks the run."""
        for prospect_id in ids:
            label = labels.get(prospect_id)
            if label == self.sweep:
                continue
            if label in live:
                self._run += 1
                self._earlier.add(label)
            else:
                self._run = 0
                self._earlier.clear()

    def _take_over(self, connection: Connection) -> bool:
        """Make the earlier runs that were met part of this one; whether one of them reached the end of the list."""
        from leadbridge.server.state.tables import seen_prospects, seen_sweeps

        account = self.seen.key
        met = [row for row in _sweeps(connection, account) if row.sweep in self._earlier]
        numbers = [row.sweep for row in met]
        table = seen_prospects
        connection.execute(
            table.update().where(table.c.account == account, table.c.sweep.in_(numbers)).values(sweep=self.sweep)
        )
        connection.execute(
            seen_sweeps.delete().where(seen_sweeps.c.account == account, seen_sweeps.c.sweep.in_(numbers))
        )
        started = min([self.began, *(row.started_at for row in met)])
        mine = [seen_sweeps.c.account == account, seen_sweeps.c.sweep == self.sweep]
        connection.execute(seen_sweeps.update().where(*mine).values(started_at=started))
        self._run = 0
        self._earlier.clear()
        return any(row.reached_end for row in met)

    def _finish(self, connection: Connection) -> None:
        """The run reaches the end of the list: what is not in it is gone from the service, unless it came just now."""
        from sqlalchemy import select

        from leadbridge.server.state.tables import seen_keys, seen_prospects, seen_sweeps

        account, table = self.seen.key, seen_prospects
        gone = [table.c.account == account, table.c.sweep != self.sweep, table.c.seen_at < self.began]
        ids = select(table.c.prospect_id).where(*gone)
        connection.execute(seen_keys.delete().where(seen_keys.c.account == account, seen_keys.c.prospect_id.in_(ids)))
        connection.execute(table.delete().where(*gone))
        others = [seen_sweeps.c.account == account, seen_sweeps.c.sweep != self.sweep]
        connection.execute(seen_sweeps.delete().where(*others))
        mine = [seen_sweeps.c.account == account, seen_sweeps.c.sweep == self.sweep]
        connection.execute(seen_sweeps.update().where(*mine).values(reached_end=True))


async def begin(seen: SeenProspects, seconds: float) -> Reading | None:
    """Start a reading that takes at most so many seconds; none while another process is at it."""
    return await seen.store.run(lambda connection: _begin(connection, seen, seconds))


def _begin(connection: Connection, seen: SeenProspects, seconds: float) -> Reading | None:
    from sqlalchemy import func, select

    from leadbridge.server.state.tables import seen_coverage, seen_prospects, seen_sweeps

    account, now, holder = seen.key, seen.clock(), secrets.token_hex(8)
    blank = {"account": account, "rules": RULES, "total": None, "checked_at": 0.0, "holder": "", "held_until": 0.0}
    row = connection.execute(seen_coverage.select().where(seen_coverage.c.account == account)).first()
    if row is None:
        upsert(connection, seen_coverage, [blank], replace=False)
    # A lease from a clock that was ahead would never end.
    free = (seen_coverage.c.held_until <= now) | (seen_coverage.c.held_until > now + 3600)
    claim = seen_coverage.update().where(seen_coverage.c.account == account, free)
    if not connection.execute(claim.values(holder=holder, held_until=now + seconds + LEASE_MARGIN)).rowcount:
        return None
    if row is not None and row.rules != RULES:
        _forget(connection, account)
        connection.execute(seen_coverage.update().where(seen_coverage.c.account == account).values(rules=RULES))
    old = seen_sweeps.c.started_at < now - TRUSTED_SECONDS
    connection.execute(seen_sweeps.delete().where(seen_sweeps.c.account == account, old))
    highest = [
        connection.execute(select(func.max(table.c.sweep)).where(table.c.account == account)).scalar_one() or 0
        for table in (seen_sweeps, seen_prospects)
    ]
    sweep = max(highest) + 1
    connection.execute(seen_sweeps.insert().values(account=account, sweep=sweep, started_at=now, reached_end=False))
    return Reading(seen, holder, sweep, now)


def _forget(connection: Connection, account: str) -> None:
    from leadbridge.server.state.tables import seen_keys, seen_prospects, seen_sweeps

    for table in (seen_keys, seen_prospects, seen_sweeps):
        connection.execute(table.delete().where(table.c.account == account))


def _sweeps(connection: Connection, account: str) -> Sequence[Row[Any]]:
    from leadbridge.server.state.tables import seen_sweeps

    return connection.execute(seen_sweeps.select().where(seen_sweeps.c.account == account)).all()
