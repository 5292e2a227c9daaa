"""Forgets the history and what is known of leads and prospects, in one transaction, while servers use the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadbridge.server import state
from leadbridge.server.state import Store
from leadbridge.server.writes.recovery import resolve_orphans

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.state.forget import Forgotten


def forget(store: Store, now: float) -> Forgotten:
    """Forget every write that is resolved, the audit trail, and all that is known of leads and prospects.

    Unresolved writes stay, with what they would create: without them the same could be written twice. So do the keys'
    fingerprints, the secret, and what was used up of approvals within a day.

    Raises:
        StateError: something is being written right now.
    """

    def work(connection: Connection) -> Forgotten:
        resolve_orphans(connection, now)
        return state.forget.forget_settled(connection, now)

    return store.run_sync(work)
