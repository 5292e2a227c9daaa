"""Which company a key is on record for, and what earlier versions kept for each key and address by itself.

Until schema 4 an account was a digest of key and address. Such an account is of nobody until a company takes it over:
it then keeps its history, its leads and its index under the company's name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from leadbridge.server.state import tables
from leadbridge.server.state.audit import secret_in
from leadbridge.server.state.statements import APPLIED, upsert
from leadbridge.server.state.tables import leads, seen_prospects, service_keys, writes

_SIMULATED = {"b7d2ec0767fa7a43": "rooflink", "4d5a5ea463757000": "renovationfind"}
"""The accounts of `--sandbox` until schema 4: its keys and addresses never changed."""


def fingerprint_of(connection: Connection, what: str) -> str:
    """A fingerprint that nobody can compare with a key who has not the store's secret too."""
    return hmac.new(secret_in(connection), f"key\n{what}".encode(), hashlib.sha256).hexdigest()[:32]


def account_of_key(connection: Connection, identities: Iterable[str]) -> Any:
    """The row of the first of these identities that is on record, or `None`."""
    fingerprints = [fingerprint_of(connection, identity) for identity in identities]
    rows = connection.execute(service_keys.select().where(service_keys.c.fingerprint.in_(fingerprints))).all()
    return min(rows, key=lambda row: fingerprints.index(row.fingerprint), default=None)


def keep_key(
    connection: Connection, identity: str, *, service: str, account: str, subject: str, known_by: str, now: float
) -> None:
    """Put a key on record for an account, whatever it was on record for."""
    values = {"service": service, "account": account, "subject": subject, "known_by": known_by, "at": now}
    upsert(connection, service_keys, [{"fingerprint": fingerprint_of(connection, identity), **values}])


def subjects_of(connection: Connection, service: str) -> dict[str, str]:
    """Fingerprints of the subjects that tokens of a service named, each with the account."""
    rows = connection.execute(
        service_keys.select().where(service_keys.c.service == service, service_keys.c.subject != "")
    )
    return {row.subject: row.account for row in rows}


def count_keys(connection: Connection, account: str) -> int:
    """How many keys are on record for an account."""
    return connection.execute(select(func.count()).where(service_keys.c.account == account)).scalar_one()


def earlier_accounts(connection: Connection, service: str) -> list[str]:
    """Accounts of earlier versions that no company has taken over."""
    nobodys = (service_keys.c.service == service, service_keys.c.account.not_like("%/%"))
    return sorted(connection.execute(select(service_keys.c.account).distinct().where(*nobodys)).scalars())


def count_writes(connection: Connection, accounts: Sequence[str]) -> int:
    """How many writes these accounts have."""
    if not accounts:
        return 0
    return connection.execute(select(func.count()).where(writes.c.account.in_(accounts))).scalar_one()


def writes_by_account(connection: Connection) -> dict[str, int]:
    """How many writes each account of the store has."""
    rows = connection.execute(select(writes.c.account, func.count()).group_by(writes.c.account))
    return {row[0]: row[1] for row in rows}


def note_earlier_accounts(connection: Connection) -> None:
    """Schema 4 to 5: put the accounts that are there on record; those of the sandbox become its company's at once."""
    found: set[tuple[str, str]] = {
        (row.service, row.account)
        for row in connection.execute(select(tables.writes.c.service, tables.writes.c.account).distinct())
    }
    for table, service in (
        (tables.leads, "renovationfind"),
        (tables.seen_prospects, "rooflink"),
        (tables.seen_coverage, "rooflink"),
        (tables.photo_uploads, "rooflink"),
    ):
        found |= {(service, account) for account in connection.execute(select(table.c.account).distinct()).scalars()}
    of_operations = connection.execute(
        select(tables.observations.c.operation, tables.observations.c.account).distinct()
    )
    found |= {(row.operation.partition(".")[0], row.account) for row in of_operations}
    for service, account in sorted(found):
        if account in _SIMULATED:
            take_over(connection, account, f"{service}/sandbox/default")
        elif "/" not in account:
            keep_key(connection, account, service=service, account=account, subject="", known_by="upgrade", now=0.0)
    connection.execute(tables.paces.delete())


def take_over(connection: Connection, earlier: str, account: str) -> None:
    """Make one account's what was another's: every write and key, and of the rest what it has not got itself."""
    for table in (tables.writes, tables.being_created, service_keys):
        connection.execute(table.update().where(table.c.account == earlier).values(account=account))
    _merge_leads(connection, earlier, account)
    index = (tables.seen_coverage, tables.seen_prospects, tables.seen_keys)
    has_index = any(_holds(connection, table, table.c.account == account) for table in index)
    for table in index:
        # Half of one index and half of another is none: what was read under another key is read again.
        change = table.delete() if has_index else table.update().values(account=account)
        connection.execute(change.where(table.c.account == earlier))
    for table in (tables.observations, tables.photo_uploads):
        mine, rest = table.alias(), [column for column in table.primary_key if column.name != "account"]
        there = [mine.c.account == account, *(mine.c[column.name] == column for column in rest)]
        connection.execute(table.delete().where(table.c.account == earlier, mine.select().where(*there).exists()))
        connection.execute(table.update().where(table.c.account == earlier).values(account=account))


def _merge_leads(connection: Connection, earlier: str, account: str) -> None:
    """Of a lead that both know, the newer answer counts; what was once done to it stays known."""
    both: dict[int, list[Any]] = {}
    for row in connection.execute(leads.select().where(leads.c.account.in_((earlier, account)))):
        both.setdefault(row.lead_id, []).append(row)
    for lead_id, rows in both.items():
        if len(rows) == 1:
            continue
        newest = max(rows, key=lambda row: row.seen_at)
        done = {name: any(row.data.get(name) for row in rows) for name in ("accepted_here", "declined_here")}
        which = (leads.c.account == account, leads.c.lead_id == lead_id)
        connection.execute(leads.delete().where(leads.c.account == earlier, leads.c.lead_id == lead_id))
        connection.execute(leads.update().where(*which).values(data={**newest.data, **done}, seen_at=newest.seen_at))
    connection.execute(leads.update().where(leads.c.account == earlier).values(account=account))


def _holds(connection: Connection, table: Table, *where: ColumnElement[bool]) -> bool:
    return connection.execute(table.select().where(*where).limit(1)).first() is not None


def holds_anything(connection: Connection, account: str) -> bool:
    """Whether something is known of an account: a write that did not fail, a lead, a prospect."""
    return (
        _holds(connection, writes, writes.c.account == account, writes.c.state != "failed")
        or _holds(connection, leads, leads.c.account == account)
        or _holds(connection, seen_prospects, seen_prospects.c.account == account)
    )


def known_records(connection: Connection, account: str, most: int) -> list[int]:
    """Ids of records of an account that were there when last seen, the newest first: prospects and jobs, or leads."""
    latest = writes.select().where(writes.c.account == account, writes.c.state.in_(APPLIED))
    found: list[int] = []
    for row in connection.execute(latest.order_by(writes.c.id.desc()).limit(most * 4)):
        made = row.record_id if row.operation == "rooflink.create_lead" else None
        named = (row.arguments.get(name) for name in ("prospect_id", "job_id", "lead_id"))
        found += [one for one in (made, *named) if isinstance(one, int)]
    there = (seen_prospects.c.account == account, seen_prospects.c.deleted.is_(False))
    seen = seen_prospects.select().where(*there).order_by(seen_prospects.c.prospect_id.desc()).limit(most)
    shown = leads.select().where(leads.c.account == account).order_by(leads.c.seen_at.desc()).limit(most)
    seen_ids = [row.prospect_id for row in connection.execute(seen)]
    shown_ids = [row.lead_id for row in connection.execute(shown)]
    half = found[: max(1, most // 2)]
    return list(dict.fromkeys([*half, *seen_ids, *shown_ids, *found]))[:most]


def any_seen(connection: Connection, account: str, ids: Sequence[int]) -> bool:
    """Whether an account has seen or made one of these prospects."""
    return _holds(
        connection, seen_prospects, seen_prospects.c.account == account, seen_prospects.c.prospect_id.in_(ids)
    ) or _holds(
        connection,
        writes,
        writes.c.account == account,
        writes.c.record_id.in_(ids),
        writes.c.operation == "rooflink.create_lead",
    )
