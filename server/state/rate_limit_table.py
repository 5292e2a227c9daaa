"""What the machines that share a key know of its rate limit, on PostgreSQL."""

from __future__ import annotations

import time
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Connection, text

from leadbridge.server.errors import StateError
from leadbridge.server.state.rate_limit import Change
from leadbridge.server.state.store import Store
from leadbridge.server.state.tables import paces

T = TypeVar("T")

PATIENCE, REST = 5.0, 10.0
"""Seconds: for an answer, and without a further question when none came."""
NOW = "SELECT extract(epoch FROM clock_timestamp()), set_config('idle_in_transaction_session_timeout', '5000', true)"


class RateLimitTable:
    """A row for an account, on PostgreSQL's clock, since the machines' own may differ.

    A connection that is lost ends its transaction, and the server ends one that stays silent in a transaction.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._rest_until = 0.0

    async def change(self, work: Change[T]) -> T:
        """See `SharedLimit`. A server that hangs is left alone for a while."""
        if time.monotonic() < self._rest_until:
            raise StateError(f"The state store ({self._store.description}) did not answer.")
        transaction = partial(self._change, work=work)
        with anyio.move_on_after(PATIENCE):
            return await anyio.to_thread.run_sync(self._store.run_sync, transaction, abandon_on_cancel=True)
        self._rest_until = time.monotonic() + REST
        raise StateError(f"The state store ({self._store.description}) does not answer.")

    soon = change

    def _change(self, connection: Connection, work: Change[T]) -> T:
        mine = paces.c.account == self._account
        select = paces.select().where(mine).with_for_update()
        found = connection.execute(select).first()
        if found is None:
            insert = text("INSERT INTO paces (account, state) VALUES (:account, '') ON CONFLICT (account) DO NOTHING")
            connection.execute(insert, {"account": self._account})
            found = connection.execute(select).one()
        # Asked for when the row is locked: whoever waited for it would else be late by that time.
        now = float(connection.execute(text(NOW)).one()[0])
        kept, result = work(bytes(found.state), now)
        connection.execute(paces.update().where(mine).values(state=kept))
        return result
