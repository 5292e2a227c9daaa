"""Writes on record, as people ask for them and read of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from leadbridge.server import state as kept
from leadbridge.server.catalog import SERVICES, load
from leadbridge.server.errors import Refused
from leadbridge.server.text import in_sentence
from leadbridge.server.writes.recovery import resolve_orphans, set_state

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from leadbridge.server.writes.ledger import Ledger

T = TypeVar("T")

_OUTCOMES = {"intended": "in_progress", "sent": "in_progress", "failed": "refused"}
"""States of a write that a receipt has another word for."""
STATES: dict[str, tuple[str, ...]] = {
    "done": ("done",),
    "unconfirmed": ("unconfirmed",),
    "refused": ("failed",),
    "unknown": ("unknown",),
    "in_progress": ("intended", "sent"),
}
"""Outcomes as the history is asked for them, and the states on record that they stand for."""
_KINDS, _NUMBER = frozenset({"lead", "job", "event", "note", "vendor", "write"}), re.compile("[0-9]+")
_TEXTS = ("service", "operation", "target", "subject", "state", "summary", "approval")
_READ_AS: dict[str, Any] = dict.fromkeys(_TEXTS, str) | {
    "created_at": (float, int), "record_id": (int, type(None)), "arguments": dict,
}  # fmt: skip
_EMPTY: dict[str, Any] = {"created_at": 0.0, "record_id": None, "arguments": {}}
_APPROVALS = {"asked": "approved", "token": "approved by token"}


@dataclass(frozen=True, slots=True)
class WriteRow:
    """One write of the history."""

    write_id: int
    at: float
    service: str
    operation: str
    target: str
    subject: str
    state: str
    summary: str
    record_id: int | None
    approval: str
    arguments: dict[str, Any]
    sandbox: bool

    @property
    def outcome(self) -> str:
        """The word that receipts have for its state."""
        return _OUTCOMES.get(self.state, self.state)

    @property
    def story(self) -> str:
        """What became of it; of one that nobody knows the outcome of, what the service shows if it took effect."""
        if self.outcome not in {"unknown", "in_progress"}:
            return self.summary
        effect = effect_in_words(self.operation, self.target, self.arguments)
        return " ".join(filter(None, [self.summary, f"Nobody knows whether {effect}."]))

    @property
    def approved(self) -> str:
        """Its approval in words."""
        return _APPROVALS.get(self.approval, self.approval)


def effect_in_words(operation: str, target: str, arguments: Mapping[str, Any]) -> str:
    """What the service shows if a write took effect, e.g. `lead 806 is accepted`."""
    row = load().operations.get(operation)
    words = row.effect_in_words if row else ""
    return (words or "it took effect").format_map(
        {"status": "that was sent", **arguments, "target": _in_words(target) or "it"}
    )


def _in_words(target: str) -> str:
    """What a write is about, in a sentence of ours: `lead 806` as it is, a name or an address as what others wrote."""
    kind, _, which = target.partition(" ")
    if kind not in _KINDS:
        return in_sentence(target)
    return target if _NUMBER.fullmatch(which) else f"{kind} {in_sentence(which)}"


def where_to_look(service: str) -> str:
    """Where a person sees it."""
    return {"rooflink": "RoofLink", "renovationfind": "RenovationFind's portal"}.get(service, "the service")


def to_check(service: str, effect: str) -> str:
    """What a person is asked to look for."""
    return f"Open {where_to_look(service)}: does it show that {effect}?"


def then_resolve(write_id: int) -> str:
    """What follows once the person has looked."""
    return f"Then record what the user saw with resolve_write (write_id={write_id})."


def row_of(row: Any) -> WriteRow:
    """A row of the table `writes`. What another program put into it that is of another kind is said."""
    values = {name: getattr(row, name) for name in _READ_AS}
    odd = [name for name, kind in _READ_AS.items() if not isinstance(values[name], kind)]
    values |= {name: _EMPTY.get(name, str(values[name])) for name in odd}
    if odd:
        values["summary"] += f" (Changed by another program: {', '.join(odd)}; see `leadbridge history verify`.)"
    return WriteRow(write_id=row.id, at=values.pop("created_at"), sandbox=bool(row.sandbox), **values)


@dataclass(frozen=True, slots=True)
class History:
    """What a company has written, as people ask for it. What a dead process left is resolved before anything is read.

    Each method raises StateError if the store cannot be used.
    """

    ledger: Ledger

    async def newest(
        self, *, outcome: str = "", since: float = 0.0, limit: int = 20, accounts: Sequence[str] = ()
    ) -> tuple[list[WriteRow], int]:
        """The newest writes of these accounts, or of the company, the unresolved first; and how many there are, as far
        as they are counted.
        """
        whose, states = accounts or self._accounts, STATES.get(outcome, ())
        rows, total = await self._run(
            lambda connection: kept.writes.newest(connection, whose, states=states, since=since, limit=limit)
        )
        return [row_of(row) for row in rows], total

    async def about(self, service: str, subject: str) -> WriteRow | None:
        """The newest write about a subject that did not fail, in whatever state, however old."""
        account = self.ledger.accounts[service]
        row = await self._run(lambda connection: kept.writes.newest_about(connection, account, subject))
        return None if row is None else row_of(row)

    async def records(self, operation_id: str) -> frozenset[int]:
        """Ids of all records that an operation is known to have made."""
        return await self._run(lambda connection: kept.writes.record_ids(connection, self._accounts, operation_id))

    async def find(self, write_id: int) -> WriteRow:
        """One write of this company that is unknown or unconfirmed.

        Raises:
            Refused: there is none, or it needs no resolution.
        """
        return await self._run(lambda connection: self._unknown(connection, write_id))

    async def resolve(self, write_id: int, state: str, record_id: int | None) -> WriteRow:
        """Resolve an unknown or unconfirmed write as a person found it on the service; raises what `find` raises."""

        def work(connection: Connection) -> WriteRow:
            row = self._unknown(connection, write_id)
            effect = effect_in_words(row.operation, row.target, row.arguments)
            shows = f"{where_to_look(row.service)} does not show that {effect}" if state == "failed" else effect
            why = "the answer was lost" if row.state == "unknown" else "the answer did not show it"
            summary = f"{shows[:1].upper()}{shows[1:]} (confirmed by a person, because {why})."
            set_state(connection, self.ledger.clock(), write_id, state, summary, record_id, by="person")
            return row_of(kept.writes.find(connection, write_id, self._accounts))

        return await self._run(work)

    def _unknown(self, connection: Connection, write_id: int) -> WriteRow:
        found = kept.writes.find(connection, write_id, self._accounts)
        if found is None:
            why = f"there is no write {write_id} of this company."
            raise Refused("no_such_write", why, "write_history lists them.")
        row = row_of(found)
        if row.state not in {"unknown", "unconfirmed"}:
            raise Refused("not_unknown", f"write {write_id} is {row.outcome}: there is nothing to resolve.")
        return row

    async def _run(self, work: Callable[[Connection], T]) -> T:
        now = self.ledger.clock()

        def resolved(connection: Connection) -> T:
            resolve_orphans(connection, now)
            return work(connection)

        return await self.ledger.late.run(resolved, now)

    @property
    def _accounts(self) -> list[str]:
        return [self.ledger.accounts[service] for service in SERVICES]


def how_many(total: int) -> str:
    """A total in words."""
    return f"{total:,}{' or more' if total == kept.writes.COUNTED else ''}"
