"""What the index is read from, and single prospects that are read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import anyio

from leadbridge.server.catalog import Catalog
from leadbridge.server.company.company import Company
from leadbridge.server.contract.observations import Observations
from leadbridge.server.errors import NotFound, ServiceError
from leadbridge.server.prospects.background import BackgroundReader
from leadbridge.server.prospects.index import ProspectIndex, rows_of
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.services import Services
from leadbridge.server.state import Store

MOST_AGAIN = 5
"""Prospects that are read again for one search: more are not likely the same."""
AGAIN = 10.0
"""Seconds that one of them may take."""
GET = "rooflink.get_prospect"


class Sources(Protocol):
    """What the index is read from; the app of a server is one."""

    @property
    def store(self) -> Store:
        """The state store."""
        ...

    @property
    def services(self) -> Services:
        """The clients, which name the account."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since 1970."""
        ...

    @property
    def rooflink(self) -> RoofLink:
        """RoofLink's reads."""
        ...

    @property
    def observations(self) -> Observations:
        """Which filters RoofLink honours."""
        ...

    @property
    def background(self) -> BackgroundReader:
        """What reads while nobody calls."""
        ...

    @property
    def company(self) -> Company:
        """Whose records these are."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Every operation."""
        ...


def index_of(app: Sources) -> ProspectIndex:
    """The index of the app's RoofLink account."""
    return ProspectIndex(app.store, app.services.accounts["rooflink"], app.clock)


async def read_again(app: Sources, ids: Sequence[int], seconds: float) -> None:
    """Read these prospects once more, as many as the time allows; one that cannot be read stays as it is known."""
    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as group:
            for prospect_id in ids[:MOST_AGAIN]:
                group.start_soon(is_deleted, app, prospect_id)


async def is_deleted(app: Sources, prospect_id: int) -> bool | None:
    """Read a prospect into the index; whether it is deleted or gone, `None` where that cannot be found out."""
    index = index_of(app)
    try:
        with anyio.fail_after(AGAIN):
            prospect = await app.rooflink.get_prospect(prospect_id)
    except NotFound:
        if not await _answers_at_all(app, index, prospect_id):
            return None
        await index.mark_deleted(prospect_id)
        return True
    except (ServiceError, TimeoutError):
        return None
    await index.put(await rows_of([prospect]))
    return prospect.deleted


async def _answers_at_all(app: Sources, index: ProspectIndex, but: int) -> bool:
    """Whether a 404 means that the prospect is gone: not where the path, which is inferred, finds none at all."""
    if GET in app.rooflink.client.observed.worked:
        return True
    newest = await index.newest(but)
    if newest is None:
        return False
    try:
        await app.rooflink.get_prospect(newest[0])
    except ServiceError:
        return False
    return True
