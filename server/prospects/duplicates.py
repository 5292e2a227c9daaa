"""Is there a prospect like this already? The index is brought up to date as far as the time allows, then searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import anyio.to_thread

from leadbridge.server.errors import RateLimited, Unavailable, UnexpectedResponse
from leadbridge.server.matching.profile import ContactDetails, Profile, profile_of
from leadbridge.server.prospects.index import Coverage, SeenProspects, row_of
from leadbridge.server.prospects.reading import Progress, refresh
from leadbridge.server.prospects.search import Common, Findings, Found
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.services import Services
from leadbridge.server.state import Store

if TYPE_CHECKING:
    from leadbridge.server.writes.ledger import Ledger

STILL_FRESH = 5.0
"""Seconds after a look at the newest prospects in which none is taken again."""
NEARLY_FRESH = 60.0
"""Seconds after which the reading goes on with older prospects; before, it only looks for new ones."""


class Sources(Protocol):
    """What the check reaches; the app of a server is one."""

    @property
    def store(self) -> Store:
        """The state store."""
        ...

    @property
    def services(self) -> Services:
        """The clients, which tell the account."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The ledger, whose clock counts."""
        ...

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's reads."""
        ...


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What resembles the one sought, and how much of RoofLink was compared."""

    findings: Findings
    coverage: Coverage
    stopped: str = ""
    """Why not the whole list was read, in words; empty when it was read to its end."""
    narrower: tuple[str, ...] = ()
    """What was not given and would tell people and houses apart, in words."""

    @property
    def matches(self) -> tuple[Found, ...]:
        """Whatever resembles the one sought, the likeliest first."""
        return self.findings.matches

    @property
    def common(self) -> tuple[Common, ...]:
        """What was too common to be compared whole."""
        return self.findings.common

    @property
    def complete(self) -> bool:
        """Whether the whole list was read, and everything compared that has something in common."""
        return self.coverage.complete and not self.common

    @property
    def likely(self) -> tuple[Found, ...]:
        """The likely duplicates; what was deleted in RoofLink is none."""
        return tuple(found for found in self.matches if found.match.likely and not found.deleted)

    @property
    def checked(self) -> str:
        """How much was checked, in words: `checked 1,240 of 7,376 prospects`; what was cut is not called checked."""
        total = "an unknown number of" if self.coverage.total is None else f"{self.coverage.total:,}"
        unread = f" ({self.coverage.unreadable:,} could not be read)" if self.coverage.unreadable else ""
        return f"{'searched' if self.common else 'checked'} {self.coverage.checked:,} of {total} prospects{unread}"

    @property
    def cut(self) -> str:
        """What was too common to be compared whole, and what would narrow it, in words; empty where nothing was cut."""
        return f"{', '.join(map(str, self.common))}. {self.advice}" if self.common else ""

    @property
    def advice(self) -> str:
        """What would narrow the search, in words."""
        if not self.narrower:
            return "Look for it with rooflink_list_prospects too."
        *others, last = self.narrower
        return f"To narrow it, give {' or '.join([', '.join(others), last] if others else [last])} too."


def index_of(app: Sources) -> SeenProspects:
    """The index of the app's RoofLink account."""
    return SeenProspects(app.store, app.services.account, app.ledger.clock)


async def likely_duplicates(
    app: Sources, sought: ContactDetails, seconds: float, progress: Progress | None = None
) -> DuplicateReport:
    """Prospects like the one sought, after at most `seconds` of reading RoofLink's list, newest first.

    A second call goes on where the first stopped. Right after another look at the list nothing is fetched, within a
    minute only what is new.

    Raises:
        ServiceError: RoofLink cannot be read, and nothing is known from before; or the key is refused.
        StateError: the state store cannot be used.
    """
    seen = index_of(app)
    profile = await anyio.to_thread.run_sync(profile_of, sought)
    before = await seen.coverage()
    age = seen.clock() - before.checked_at
    stopped = ""
    if not 0 <= age < STILL_FRESH:
        try:
            stopped = await refresh(seen, app.rooflink, seconds, newest_only=0 <= age < NEARLY_FRESH, progress=progress)
        except (RateLimited, Unavailable, UnexpectedResponse) as error:
            if not (await seen.coverage()).checked:
                raise
            stopped = error.what
    coverage = await seen.coverage()
    found = await seen.find(profile)
    if not stopped and not coverage.complete:
        stopped = "the rest was left for the next call"
    return DuplicateReport(found, coverage, "" if coverage.complete and not stopped else stopped, _missing(profile))


def _missing(profile: Profile) -> tuple[str, ...]:
    given = {
        "a phone": bool(profile.phones),
        "an e-mail": bool(profile.emails),
        "a street address": profile.address.known,
        "a first and last name": len(profile.name.words) > 1,
    }
    return tuple(what for what, known in given.items() if not known)


async def remember_created(app: Sources, prospect_id: int, told: ContactDetails) -> None:
    """Put a prospect that was just made into the index, so that the next check finds it without reading the list."""
    await index_of(app).remember(await anyio.to_thread.run_sync(row_of, prospect_id, told))
