"""The audit trail: append-only rows, each with the hash of the one before.

A row that was changed, removed or put elsewhere breaks the chain at its position. Rows have no personal data: argument
values by allow-list, everything else as its length. Each row about a write seals what its row in `writes` says from
then on, with a digest under the store's secret; each approval that is used up has a row too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection, bindparam, or_, select

from leadbridge.server.errors import StateError
from leadbridge.server.state.statements import ADD_AUDIT, HEAD, MOVE_HEAD, SECRET, upsert
from leadbridge.server.state.store import Store
from leadbridge.server.state.tables import AUDIT_START, approvals, audit, meta, writes

_SEALED = (
    writes.c.id, writes.c.service, writes.c.operation, writes.c.target, writes.c.subject, writes.c.repeat_digest,
    writes.c.arguments, writes.c.state, writes.c.summary, writes.c.record_id, writes.c.approval, writes.c.approval_id,
    writes.c.sandbox, writes.c.owner, writes.c.created_at,
)  # fmt: skip
"""Of a write, what decides and what is shown. Its account changes with the company's name, its lease with each try."""
_SEALED_ROW = select(*_SEALED).where(writes.c.id == bindparam("of_id"))
_AT_ONCE = 1_000
_HEAD = re.compile(r"[0-9]{1,18} [0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event of one write."""

    position: int
    at: float
    event: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain holds; if not, where it breaks first and how."""

    rows: int
    broken_at: int | None = None
    why: str = ""


def secret_in(connection: Connection) -> bytes:
    """The store's secret, made if there is none yet."""
    found = connection.execute(SECRET).scalar()
    if found is None:
        upsert(connection, meta, [{"key": "secret", "value": secrets.token_hex(32)}], replace=False)
        found = connection.execute(SECRET).scalar_one()
    try:
        return bytes.fromhex(found)
    except (ValueError, TypeError):
        raise StateError("The state store's secret was changed: it is not hexadecimal, and seals nothing.") from None


def hold(connection: Connection) -> tuple[int, str]:
    """Position and hash of the last row, held until the transaction ends: whoever writes next waits for it."""
    head = str(connection.execute(HEAD).scalar())
    if not _HEAD.fullmatch(head):
        raise StateError("The audit trail has lost its head; see `leadbridge history verify`.")
    position, _, digest = head.partition(" ")
    return int(position), digest


def append(connection: Connection, at: float, event: Mapping[str, Any]) -> None:
    """Add one row, in the transaction of what it records. One about a write seals the write's row as it is now."""
    if (number := event.get("write")) is not None:
        row = connection.execute(_SEALED_ROW, {"of_id": number}).one()
        event = {**event, "row": _seal(row, secret_in(connection))}
    append_all(connection, at, [event])


def append_all(connection: Connection, at: float, events: Iterable[Mapping[str, Any]]) -> None:
    """Add rows as they are, many at once."""
    position, previous = hold(connection)
    coming = iter(events)
    while some := list(islice(coming, _AT_ONCE)):
        rows: list[dict[str, Any]] = []
        for event in some:
            position += 1
            text = json.dumps(event, sort_keys=True, separators=(",", ":"))
            digest = _digest(position, at, text, previous)
            rows.append({"position": position, "at": at, "event": text, "previous": previous, "hash": digest})
            previous = digest
        connection.execute(ADD_AUDIT, rows)
    connection.execute(MOVE_HEAD, {"value": f"{position} {previous}"})


def seals(connection: Connection) -> bool:
    """Whether it seals anything: a write, or an approval that was used up."""
    sealed = or_(audit.c.event.like('%"row":"%'), audit.c.event.like('{"answer":%'))
    return connection.execute(audit.select().where(sealed).limit(1)).first() is not None


def seal_what_is_there(connection: Connection, at: float, by: str) -> None:
    """Seal every write, and every approval that was used up, as they are now."""
    secret = secret_in(connection)
    rows = connection.execute(select(*_SEALED).order_by(writes.c.id)).all()
    entries = ({"write": row.id, "state": row.state, "by": by, "row": _seal(row, secret)} for row in rows)
    append_all(connection, at, entries)
    used = connection.execute(approvals.select().order_by(approvals.c.at, approvals.c.approval_id)).all()
    append_all(connection, at, ({"approval": row.approval_id, "answer": row.answer, "by": by} for row in used))


def _seal(row: Sequence[Any], secret: bytes) -> str:
    text = json.dumps([*row], sort_keys=True, separators=(",", ":"), default=repr)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def begin_anew(connection: Connection) -> None:
    """Forget every row: the next one is the first. What stays on record must be appended again."""
    hold(connection)
    connection.execute(audit.delete())
    connection.execute(MOVE_HEAD, {"value": f"0 {AUDIT_START}"})


def read(store: Store) -> Iterator[AuditRow]:
    """Every row in its order."""

    def work(connection: Connection) -> list[AuditRow]:
        rows = connection.execute(audit.select().order_by(audit.c.position))
        return [AuditRow(row.position, row.at, _event(row.event), row.previous, row.hash) for row in rows]

    yield from store.run_sync(work)


def verify(store: Store) -> Verdict:
    """Walk the chain from its start to its recorded head, then hold writes and used approvals against it."""
    return store.look(_verdict)


def _verdict(connection: Connection) -> Verdict:
    expected, count = AUDIT_START, 0
    sealed: dict[Any, tuple[int, str]] = {}
    used: dict[Any, tuple[int, str]] = {}
    for row in connection.execute(audit.select().order_by(audit.c.position)):
        count += 1
        if row.position != count:
            return Verdict(count, count, f"row {count} is missing")
        if row.previous != expected:
            return Verdict(count, count, f"row {count} does not follow the row before it")
        if row.hash != _digest(row.position, row.at, row.event, row.previous):
            return Verdict(count, count, f"row {count} was changed")
        expected, event = row.hash, _event(row.event)
        if "row" in event:
            sealed[str(event.get("write"))] = count, event["row"]
        elif "approval" in event and "answer" in event:
            used[str(event["approval"])] = count, event["answer"]
    try:
        last, digest = hold(connection)
    except StateError:
        return Verdict(count, count + 1, "the record of the last row is missing")
    if count > last:
        return Verdict(count, last + 1, f"row {last + 1} was added")
    if (last, digest) != (count, expected):
        return Verdict(count, count + 1, f"rows after {count} are missing: the last was {last}")
    secret = secret_in(connection)
    rows = {str(row.id): _seal(row, secret) for row in connection.execute(select(*_SEALED))}
    answers = {str(row.approval_id): row.answer for row in connection.execute(approvals.select())}
    found = [*_differences("write", sealed, rows, count), *_differences("the used approval", used, answers, count)]
    return Verdict(count, *min(found)) if found else Verdict(count)


def _event(text: Any) -> Mapping[str, Any]:
    """What a row says; of what is no event, nothing but that."""
    try:
        event = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        event = None
    return cast("dict[str, Any]", event) if isinstance(event, dict) else {"unreadable": str(text)}


def _differences(
    what: str, sealed: Mapping[Any, tuple[int, str]], there: Mapping[Any, str], last: int
) -> Iterator[tuple[int, str]]:
    """Rows of a table that are not what the trail says: where it says so, and what is wrong."""
    for key, (position, value) in sealed.items():
        if key not in there:
            yield position, f"{what} {key} was removed from its table"
        elif there[key] != value:
            yield position, f"{what} {key} was changed in its table"
    for key in there.keys() - sealed.keys():
        yield last, f"{what} {key} was put into its table by something else"


def _digest(position: int, at: float, event: str, previous: str) -> str:
    return hashlib.sha256(f"{position}\n{at!r}\n{event}\n{previous}".encode()).hexdigest()
