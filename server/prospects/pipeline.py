"""The state of the pipeline: RoofLink's own statistics beside what the prospects that were read show."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from leadbridge.server.errors import AuthError, ServiceError, StateError
from leadbridge.server.prospects.cursor import Schedule
from leadbridge.server.prospects.reading import Progress, read_list
from leadbridge.server.prospects.sources import Sources, index_of
from leadbridge.server.prospects.survey import Scope, Survey, survey_of
from leadbridge.server.services.rooflink.api import RoofLink

SHARE_FOR_READING = 0.5
"""Of the time there is: in it, pages of the list are asked for, and the statistics."""
SHARE_FOR_LAST_PAGE = 0.35
"""How long the answer to the last page may take beyond; RoofLink was seen to need 10 s for 100 rows."""
RENEW = Schedule(whole=3_600.0)
"""A complete index is read again after an hour, as far as there is time; a server does it in the background sooner."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What was found out, and what went wrong on the way."""

    survey: Survey
    counts: tuple[tuple[str, int], ...] | None
    """RoofLink's own counts, by filter; `None` when it did not give them, or was not asked."""
    stopped: str = ""
    """Why not the whole list was read, in words."""
    list_problem: str = ""
    """Why RoofLink's list could not be read now; what is counted was read before."""
    stats_problem: str = ""


async def pipeline_of(app: Sources, scope: Scope, seconds: float, progress: Progress | None = None) -> Pipeline:
    """The pipeline, within so many seconds. The statistics are asked for only if the scope is the whole company.

    Raises:
        ServiceError: neither the list nor the statistics can be read and nothing is known from before; or the key is
            refused.
        StateError: the state store cannot be used.
    """
    stats, stopped, error = _Stats(), "", None
    async with anyio.create_task_group() as group:
        if scope.whole:
            group.start_soon(stats.ask, app.rooflink, seconds * SHARE_FOR_READING)
        try:
            reading, grace = seconds * SHARE_FOR_READING, seconds * SHARE_FOR_LAST_PAGE
            stopped = await read_list(app, RENEW, reading, grace=grace, progress=progress)
        except (ServiceError, StateError) as failure:  # raised later: a task group would wrap it
            error = failure
    if isinstance(error, (AuthError, StateError)):
        raise error
    survey = await survey_of(index_of(app), scope)
    if error is not None and stats.counts is None and not survey.known:
        raise error
    return Pipeline(survey, stats.counts, stopped, error.what if error else "", stats.problem)


@dataclass(slots=True)
class _Stats:
    counts: tuple[tuple[str, int], ...] | None = None
    problem: str = ""

    async def ask(self, rooflink: RoofLink, seconds: float) -> None:
        try:
            with anyio.fail_after(seconds):
                self.counts = tuple(await rooflink.prospect_stats())
        except TimeoutError:
            self.problem = "RoofLink did not answer in time."
        except ServiceError as error:
            self.problem = error.what
