"""Writes on record: the ledger's rows, used approvals, and what is being created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from sqlalchemy import Connection, Float, Row, and_, func, or_, select
from sqlalchemy import cast as cast_as
from sqlalchemy.exc import IntegrityError

from leadbridge.server.errors import Refused
from leadbridge.server.state import audit, statements
from leadbridge.server.state.statements import APPLIED, UNRESOLVED
from leadbridge.server.state.tables import approvals, being_created, seen_prospects, writes

STATES = (*UNRESOLVED, *APPLIED, "failed")
_USED = (
    "approval_used",
    "this approval was used before, and each one counts once.",
    "Look at write_history for what it did; to do it again, ask the user again.",
)
COUNTED = 10_000
"""Writes of a history that are counted; a total that large means that many or more."""


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    """A new write; its number."""
    row = connection.execute(statements.ADD_WRITE, dict(values))
    return int(cast("tuple[int]", row.inserted_primary_key)[0])


def find(connection: Connection, write_id: int, accounts: Sequence[str]) -> Row[Any] | None:
    """A write of these accounts, held until the transaction ends."""
    where = (writes.c.id == write_id, writes.c.account.in_(accounts))
    return connection.execute(select(writes).where(*where).with_for_update()).first()


def newest_about(connection: Connection, account: str, subject: str) -> Row[Any] | None:
    """The newest write about a subject that did not fail."""
    about = {"of_account": account, "of_subject": subject}
    return connection.execute(statements.NEWEST_ABOUT, about).first()


def record_ids(connection: Connection, accounts: Sequence[str], operation: str) -> frozenset[int]:
    """Ids of all records that an operation is known to have made."""
    where = (writes.c.account.in_(accounts), writes.c.operation == operation, writes.c.record_id.is_not(None))
    return frozenset(connection.execute(select(writes.c.record_id).where(*where)).scalars())


def newest(
    connection: Connection, accounts: Sequence[str], *, states: Sequence[str], since: float, limit: int
) -> tuple[list[Row[Any]], int]:
    """The newest writes of these accounts, the unresolved first, and how many there are, up to `COUNTED`.

    Each account and state is one stretch of the index `writes_by_time`, of which the end is read.
    """
    found: list[tuple[bool, float, int]] = []
    total = 0
    for account in sorted(set(accounts)):
        for one in states or STATES:
            query = (
                select(cast_as(writes.c.created_at, Float[float]()), writes.c.id)
                .where(writes.c.account == account, writes.c.state == one, writes.c.created_at >= since)
                .order_by(writes.c.created_at.desc(), writes.c.id.desc())
            )
            found += [(one in UNRESOLVED, at, number) for at, number in connection.execute(query.limit(limit))]
            counted = select(func.count()).select_from(query.limit(COUNTED - total).subquery())
            total += connection.execute(counted).scalar_one()
    ids = [number for _, _, number in sorted(found, reverse=True)[:limit]]
    rows = {row.id: row for row in connection.execute(select(writes).where(writes.c.id.in_(ids)))}
    return [rows[number] for number in ids], total


def count_odd(connection: Connection, accounts: Sequence[str]) -> int:
    """How many writes of these accounts are in a state that there is not: between the known ones in the index."""
    state, known = writes.c.state, sorted(STATES)
    between = (and_(state > before, state < after) for before, after in pairwise(known))
    odd = or_(state < known[0], *between, state > known[-1])
    where = (writes.c.account.in_(accounts), odd)
    return connection.execute(select(func.count()).select_from(writes).where(*where)).scalar_one()


def use_up(connection: Connection, approval_id: str, operation: str, answer: str, now: float) -> None:
    """Put an approval on record as used, and on the audit trail.

    Raises:
        Refused: it was used before.
    """
    values = {"approval_id": approval_id, "operation": operation, "answer": answer, "at": now}
    try:
        with connection.begin_nested():
            connection.execute(approvals.insert().values(**values))
    except IntegrityError:
        raise Refused(*_USED) from None
    audit.append(connection, now, {"approval": approval_id, "answer": answer})


def refuse_used(connection: Connection, approval_id: str) -> None:
    """Find out before anybody is asked what `use_up` would find."""
    if connection.execute(approvals.select().where(approvals.c.approval_id == approval_id)).first() is not None:
        raise Refused(*_USED)


def being_created_beside(connection: Connection, account: str, subject: str, since: float) -> Sequence[Any]:
    """What other writes than those about a subject create, the newest first.

    What was resolved since goes, and what is deleted in RoofLink does not count.
    """
    forget_created(connection, since)
    there = (seen_prospects.c.account == account, seen_prospects.c.deleted.is_(True))
    deleted = select(seen_prospects.c.prospect_id).where(*there)
    columns = (writes.c.id, writes.c.state, writes.c.record_id, being_created.c.told, being_created.c.found_by)
    return connection.execute(
        select(*columns)
        .join(writes, writes.c.id == being_created.c.write_id)
        .where(
            being_created.c.account == account,
            writes.c.subject != subject,
            or_(writes.c.record_id.is_(None), writes.c.record_id.not_in(deleted)),
        )
        .order_by(writes.c.id.desc())
    ).all()


def forget_created(connection: Connection, since: float) -> None:
    """Forget what was to be created by writes that failed, or were done before a moment."""
    old = (writes.c.state.in_(APPLIED)) & (writes.c.created_at <= since)
    resolved = select(writes.c.id).where(or_(writes.c.state == "failed", old))
    connection.execute(being_created.delete().where(being_created.c.write_id.in_(resolved)))


def add_being_created(
    connection: Connection, write_id: int, account: str, found_by: Sequence[str], details: Mapping[str, Any]
) -> None:
    """Keep what a write is to create."""
    values = {"write_id": write_id, "account": account, "found_by": [*found_by], "told": dict(details)}
    connection.execute(being_created.insert().values(**values))


def being_created_by(connection: Connection, write_id: int) -> Row[Any] | None:
    """What a write is to create, while it is kept."""
    return connection.execute(being_created.select().where(being_created.c.write_id == write_id)).first()
