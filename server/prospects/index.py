"""The index of RoofLink's prospects, kept in the state store under the keys by which they are found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from leadbridge.server import state
from leadbridge.server.matching.phones import phones_of
from leadbridge.server.matching.profile import ContactDetails, Profile, details_from_json, details_to_json, profile_of
from leadbridge.server.prospects.search import Findings, candidates_for, findings_of, judge, kept_profiles
from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.services.rooflink.progress import ProspectProgress
from leadbridge.server.state import Store
from leadbridge.server.text import storable

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNREAD = ProspectProgress()
"""Of a prospect that LeadBridge made and did not read since."""


@dataclass(frozen=True, slots=True)
class ProspectRow:
    """A prospect as RoofLink shows it, and as it is compared."""

    prospect_id: int
    details: ContactDetails
    deleted: bool
    profile: Profile
    progress: ProspectProgress = UNREAD


@dataclass(frozen=True, slots=True)
class ProspectIndex:
    """The index of one RoofLink account. SQLAlchemy is imported when a method runs."""

    store: Store
    key: str
    """The account as the tables name it."""
    clock: Callable[[], float] = time.time

    async def find(self, profile: Profile) -> Findings:
        """Prospects that resemble the profile, the likeliest first; at equal scores the newest."""
        if not (keys := profile.lookup_keys()):
            return Findings()
        candidates = await self.store.run(lambda connection: candidates_for(connection, self.key, keys))
        judged = await anyio.to_thread.run_sync(judge, profile, candidates)
        ids = [prospect_id for prospect_id, _, _ in judged]
        rows = await self.store.run(lambda connection: state.prospects.find(connection, self.key, ("told",), ids))
        return findings_of(candidates, judged, {row.prospect_id: row.told for row in rows})

    async def put(self, rows: Sequence[ProspectRow]) -> None:
        """Keep prospects that were read or made out of the list's order."""

        def work(connection: Connection) -> None:
            put_rows(connection, self.key, rows, listed=False, now=self.clock())

        await self.store.run(work)

    async def mark_deleted(self, prospect_id: int) -> None:
        """RoofLink does not have a prospect any more; its row goes when the list was read to its end twice."""
        await self.store.run(lambda connection: state.prospects.mark_deleted(connection, self.key, prospect_id))

    async def read_before(self, ids: Iterable[int], moment: float) -> list[int]:
        """Those of these prospects that are in the index as they were before a moment, in the given order."""
        asked = list(ids)
        found = await self.store.run(
            lambda connection: state.prospects.seen_before(connection, self.key, asked, moment)
        )
        return [one for one in asked if one in found]

    async def newest(self, but: int = 0) -> tuple[int, Profile] | None:
        """The newest prospect by its number that is not deleted, with a postal code if there is one, but for one."""
        rows = await self.store.run(lambda connection: state.prospects.newest(connection, self.key, but, 20))
        found = [(row.prospect_id, kept_profiles().validate_json(row.profile)) for row in rows if row.profile]
        return next((one for one in found if one[1].address.postal), found[0] if found else None)

    async def phone_as_shown(self) -> str:
        """A phone of one of the newest prospects as RoofLink writes it; empty where none is known."""
        rows = await self.store.run(lambda connection: state.prospects.newest(connection, self.key, 0, 20))
        listed = (details_from_json(row.told) for row in rows if row.listed)
        return next((phone for details in listed for _, phone in details.phones if phones_of(phone)), "")

    async def ids_at(self, place: str) -> set[int]:
        """Prospects in a postal code or town, as their keys write it, that are not deleted."""
        return await self.store.run(lambda connection: state.prospects.ids_at(connection, self.key, place))


def row_of(
    prospect_id: int, details: ContactDetails, *, deleted: bool = False, progress: ProspectProgress = UNREAD
) -> ProspectRow:
    """A row for the index; takes some 0.2 ms, so many are made in a worker thread."""
    kept = ContactDetails(
        address=storable(details.address),
        city=storable(details.city),
        state=storable(details.state),
        postal_code=storable(details.postal_code),
        phones=tuple((kind, storable(phone)) for kind, phone in details.phones),
        email=storable(details.email),
        name=storable(details.name),
    )
    return ProspectRow(prospect_id, kept, deleted, profile_of(kept), progress)


def details_of(prospect: Prospect) -> ContactDetails:
    """Address, contacts and name of a prospect as people wrote them."""
    customer = prospect.customer
    phones = (("cell", customer.cell), ("home", customer.phone)) if customer else ()
    return ContactDetails(
        address=prospect.full_address or prospect.name or "",
        city=prospect.city or "",
        state=prospect.state or "",
        postal_code=prospect.zipcode or "",
        phones=tuple((kind, phone) for kind, phone in phones if phone),
        email=(customer.email if customer else None) or "",
        name=(customer.name if customer else None) or "",
    )


async def rows_of(prospects: Sequence[Prospect]) -> list[ProspectRow]:
    """Rows of what RoofLink answered."""
    return await anyio.to_thread.run_sync(
        lambda: [
            row_of(one.id, details_of(one), deleted=one.deleted, progress=ProspectProgress.of(one)) for one in prospects
        ]
    )


def put_rows(
    connection: Connection, account: str, rows: Sequence[ProspectRow], *, listed: bool, now: float
) -> frozenset[int]:
    """Insert or replace rows and their keys, in the order of their ids, so that no two callers deadlock.

    `listed`: they were read in the list's order. Returns those that were read so before and have not changed since.
    """
    if not rows:
        return frozenset()
    ordered = sorted({row.prospect_id: row for row in rows}.values(), key=lambda row: row.prospect_id)
    columns = ("told", "standing", "deleted", "listed")
    found = state.prospects.find(connection, account, columns, [row.prospect_id for row in ordered])
    before = {row.prospect_id: row for row in found}
    values: list[dict[str, Any]] = [
        {
            "account": account,
            "prospect_id": row.prospect_id,
            "told": details_to_json(row.details),
            "profile": kept_profiles().dump_json(row.profile).decode(),
            "standing": row.progress.as_json(),
            "deleted": row.deleted,
            "listed": listed or (row.prospect_id in before and before[row.prospect_id].listed),
            "seen_at": now,
        }
        for row in ordered
    ]
    moved = {
        row.prospect_id: sorted(row.profile.keys())
        for row, value in zip(ordered, values, strict=True)
        if row.prospect_id not in before or before[row.prospect_id].told != value["told"]
    }
    state.prospects.put(connection, account, values, moved)
    return frozenset(
        value["prospect_id"]
        for value in values
        if (was := before.get(value["prospect_id"])) is not None
        and was.listed
        and (was.told, was.standing, was.deleted) == (value["told"], value["standing"], value["deleted"])
    )
