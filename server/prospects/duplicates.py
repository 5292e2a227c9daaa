"""Is there a prospect like this already? The index is brought up to date where it would be, then searched."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import anyio.to_thread

from leadbridge.server.errors import RateLimited, ServiceError, StateError, Unavailable, UnexpectedResponse
from leadbridge.server.matching.profile import ContactDetails, Profile, profile_of
from leadbridge.server.prospects.contacts import read_contacts
from leadbridge.server.prospects.cursor import Coverage, Schedule, coverage_of
from leadbridge.server.prospects.filtered import (
    Filtered,
    Place,
    filter_state,
    place_of,
    read_place,
    remember_honoured,
    try_filter,
)
from leadbridge.server.prospects.index import row_of
from leadbridge.server.prospects.reading import Progress, read_list
from leadbridge.server.prospects.search import Findings, Found
from leadbridge.server.prospects.sources import MOST_AGAIN, Sources, index_of, read_again
from leadbridge.server.services.rooflink.progress import age

READING = 0.8
"""Of the time there is: in it the list is read; what is left is for reading the candidates again."""
QUICK = 3.0
"""Seconds for which the rest of the list is waited for even where the place is known whole."""
WITH_PLACE = 60.0
"""Seconds for which the newest need not be looked at again where all prospects of the place are."""


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What resembles the query, and how much of RoofLink was compared."""

    findings: Findings
    coverage: Coverage
    now: float
    stopped: str = ""
    """Why not the whole list was read, in words; empty when it was read to its end."""
    place: Place | None = None
    """Where it would be, if every prospect there was compared just now."""
    narrower: tuple[str, ...] = ()
    """What is missing that would distinguish people and houses, in words."""

    @property
    def complete(self) -> bool:
        """Whether the whole list was read, and everything compared that has something in common."""
        return self.coverage.complete and not self.findings.common

    @property
    def likely(self) -> tuple[Found, ...]:
        """The likely duplicates; what was deleted in RoofLink is none."""
        return tuple(found for found in self.findings.matches if found.match.likely and not found.deleted)

    @property
    def checked(self) -> str:
        """How much was checked, and how old that is: `checked 1,240 of 7,376 prospects (the oldest 3 hours ago)`."""
        total = "an unknown number of" if self.coverage.total is None else f"{self.coverage.total:,}"
        oldest = self.coverage.oldest_at
        remarks = [f"{self.coverage.unreadable:,} could not be read"] if self.coverage.unreadable else []
        remarks += [] if oldest is None else [f"the oldest part read {age(self.now - oldest)}"]
        remarks += [f"every one with {self.place.what} just now"] if self.place and not self.coverage.complete else []
        said = f" ({', '.join(remarks)})" if remarks else ""
        return (
            f"{'searched' if self.findings.common else 'checked'} {self.coverage.checked:,} of {total} prospects{said}"
        )

    @property
    def cut(self) -> str:
        """What was too common to be compared whole, and what would narrow it, in words; empty where nothing was cut."""
        return f"{', '.join(map(str, self.findings.common))}. {self.advice}" if self.findings.common else ""

    @property
    def advice(self) -> str:
        """What would narrow the search, in words."""
        if not self.narrower:
            return "Look for it with rooflink_list_prospects too."
        *others, last = self.narrower
        return f"To narrow it, give {' or '.join([', '.join(others), last] if others else [last])} too."

    @property
    def missing(self) -> str:
        """What was not compared where the house may be, and when it will be; empty where all of it was."""
        return "" if self.place else rest_of(self.coverage)


def rest_of(coverage: Coverage) -> str:
    """How much of the list is known, and when the rest will be; empty where all of it is."""
    if coverage.complete:
        return ""
    known = f"{coverage.checked:,} compared so far" if coverage.checked else "none compared yet"
    if coverage.total is not None:
        known = f"{coverage.checked:,} of {coverage.total:,} compared"
    if not coverage.read_on:
        return known
    minutes = coverage.seconds_left / 60
    if minutes > 24 * 60:
        return f"{known}; the rest is being read"
    return f"{known}; the rest is read in about {max(1, round(minutes))} minute{'s' if round(minutes) > 1 else ''}"


async def likely_duplicates(
    app: Sources, query: ContactDetails, seconds: float, progress: Progress | None = None
) -> DuplicateReport:
    """Prospects like the query, after at most `seconds`.

    The newest prospects are read, those of the same postal code or town, and those with the same phone or e-mail. Where
    RoofLink does not say which are at the place, the rest of the list follows, unless a server reads it in the
    background and would take longer. Then the candidates are read once more, each for itself.

    Raises:
        ServiceError: RoofLink cannot be read, and nothing is known from before; or the key is refused.
        StateError: the state store cannot be used.
    """
    index, began = index_of(app), app.clock()
    until = anyio.current_time() + seconds
    until_again = anyio.current_time() + seconds * READING
    profile = await anyio.to_thread.run_sync(profile_of, query)
    place = place_of(profile.address) if profile.address.known else None
    found, read = Filtered(), _Read()

    async def look_there(place: Place, *, once_proven: bool = False) -> None:
        nonlocal found
        with anyio.move_on_after(until_again - anyio.current_time()):
            try:
                if not once_proven or await try_filter(app, place.filter):
                    found = await read_place(app, place)
            except (ServiceError, StateError):
                return  # the list cannot be read then either, and says so

    async def look_for_contacts() -> None:
        with anyio.move_on_after(until_again - anyio.current_time()):
            await read_contacts(app, query, profile, QUICK)

    async with anyio.create_task_group() as group:
        group.start_soon(look_for_contacts)
        if place is not None:
            group.start_soon(look_there, place)
        newest = Schedule(WITH_PLACE) if place is not None else Schedule()
        read = await _read(app, newest, until_again, progress, rest=False)
    coverage = await coverage_of(index)
    if place is not None and not coverage.complete:
        await remember_honoured(app, place.filter, found)
        if not found.whole and not await filter_state(app, place.filter):
            await look_there(place, once_proven=True)
    left = until_again - anyio.current_time()
    lasts = coverage.seconds_left
    if read.error is None and (lasts <= QUICK or not (found.whole or (coverage.read_on and lasts > left))):
        read = await _read(app, Schedule(), until_again, progress)
    error = read.error
    if error is not None and not isinstance(error, (RateLimited, Unavailable, UnexpectedResponse)):
        raise error
    findings = await index.find(profile)
    candidates = [found.prospect_id for found in findings.matches if found.match.likely][:MOST_AGAIN]
    if again := await index.read_before(candidates, began):
        await read_again(app, again, until - anyio.current_time())
        findings = await index.find(profile)
    coverage = await coverage_of(index)
    if error is not None and not coverage.checked:
        raise error
    stopped = read.stopped or (rest_of(coverage) if not coverage.complete else "")
    return DuplicateReport(findings, coverage, app.clock(), stopped, place if found.whole else None, _missing(profile))


@dataclass(frozen=True, slots=True)
class _Read:
    """How a reading of the list ended."""

    stopped: str = ""
    error: ServiceError | StateError | None = None


async def _read(
    app: Sources, schedule: Schedule, until: float, progress: Progress | None, *, rest: bool = True
) -> _Read:
    """Read what is due. What goes wrong is raised by the caller: a task group would wrap it."""
    try:
        seconds = until - anyio.current_time()
        return _Read(await read_list(app, schedule, seconds, rest=rest, progress=progress))
    except StateError as error:
        return _Read(error=error)
    except ServiceError as error:
        return _Read(error.what, error)


def _missing(profile: Profile) -> tuple[str, ...]:
    given = {
        "a phone": bool(profile.phones),
        "an e-mail": bool(profile.emails),
        "a street address": profile.address.known,
        "a first and last name": len(profile.name.words) > 1,
    }
    return tuple(what for what, known in given.items() if not known)


async def remember_created(app: Sources, prospect_id: int, details: ContactDetails) -> None:
    """Put a prospect that was just made into the index, so that the next check finds it without reading the list."""
    await index_of(app).put([await anyio.to_thread.run_sync(row_of, prospect_id, details)])
