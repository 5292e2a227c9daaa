"""What is last known of RenovationFind leads, from earlier answers: the vendor API documents no read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue

from leadbridge.server import state
from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.services.renovationfind.models import WON, Lead
from leadbridge.server.state import Store
from leadbridge.server.text import CLOSE, OPEN

if TYPE_CHECKING:
    from sqlalchemy import Connection


_LONG = {"projectDetailsHtml", "customerInformationHtml", "originalJobDescription"}
LONGEST_TEXT, LONGEST_VALUE, MOST_ATTACHMENTS = 20_000, 1_000, 50
"""What is kept of a lead, in characters and files; what is shown of it is far less."""


@dataclass(frozen=True, slots=True)
class KnownLead:
    """A lead as an earlier answer showed it, and what our own writes did to it."""

    lead: Lead
    seen_at: float
    seen: str
    """The same by the office's clock."""
    accepted_here: bool = False
    declined_here: bool = False
    refused_at: float | None = None
    """When RenovationFind last refused a write about it, if no answer to a write showed the lead since."""
    refused: str = ""
    """The same by the office's clock."""
    refusal: str = ""
    """What it said then."""
    unseen: bool = False
    """Nothing was seen of it but the refusal."""

    @property
    def accepted(self) -> bool:
        """Whether it was accepted: by us, or an answer says so by its action or by a status that was set."""
        action = (self.lead.vendorLeadAction or "").strip().upper()
        return self.accepted_here or action in {"ACCEPT", "ACCEPTED"} or self.lead.status not in {None, "NO_RESPONSE"}


@dataclass(frozen=True, slots=True)
class KnownLeads:
    """Keeps the last seen answer of each lead in the store."""

    store: Store
    account: str
    """The company's, at RenovationFind."""
    time: OfficeTime = field(default_factory=OfficeTime)

    async def get(self, lead_id: int) -> KnownLead | None:
        """The last known state of a lead, if any."""
        row = await self.store.run(
            lambda connection: state.leads.find(connection, self.account, [lead_id]).get(lead_id)
        )
        if row is None:
            return None
        refused_at = row.data.get("refused_at")
        return KnownLead(
            Lead.model_validate(row.data["lead"]),
            row.seen_at,
            self.time.shown(row.seen_at),
            accepted_here=bool(row.data.get("accepted_here")),
            declined_here=bool(row.data.get("declined_here")),
            refused_at=refused_at,
            refused="" if refused_at is None else self.time.shown(refused_at),
            refusal=str(row.data.get("refusal", "")),
            unseen=bool(row.data.get("unseen")),
        )

    async def remember(self, lead: Lead, *, accepted_here: bool = False, declined_here: bool = False) -> None:
        """Keep an answer as the last known state of its lead; what we once did to it stays known."""

        def work(connection: Connection) -> None:
            before = state.leads.find(connection, self.account, [lead.id]).get(lead.id)
            done = {"accepted_here": accepted_here, "declined_here": declined_here}
            if before is not None:
                done = {name: now or bool(before.data.get(name)) for name, now in done.items()}
            state.leads.put(connection, self.account, lead.id, {"lead": _kept(lead), **done}, self.time.clock())

        await self.store.run(work)

    async def remember_refusal(self, lead_id: int, error: ServiceError) -> None:
        """Keep what RenovationFind said when it refused a write about a lead, until an answer shows the lead."""

        def work(connection: Connection) -> None:
            before = state.leads.find(connection, self.account, [lead_id]).get(lead_id)
            data = before.data if before is not None else {"lead": _kept(Lead(id=lead_id)), "unseen": True}
            seen_at = before.seen_at if before is not None else self.time.clock()
            said = (error.said or error.what).replace(OPEN, "").replace(CLOSE, "")
            refusal = {"refused_at": self.time.clock(), "refusal": _short(said, LONGEST_VALUE)}
            state.leads.put(connection, self.account, lead_id, {**data, **refusal}, seen_at)

        await self.store.run(work)

    async def remember_read(self, found: Sequence[Lead], asked_at: float, *, whole: bool) -> None:
        """Keep leads that were read. `whole` replaces what is known; rows of a list only add to it.

        What was seen after the question left, such as the answer to a write, is newer and stays.
        """

        def work(connection: Connection) -> None:
            leads = {lead.id: lead for lead in found}
            known = state.leads.find(connection, self.account, leads)
            for lead in leads.values():
                before, shown = known.get(lead.id), _kept(lead)
                if before is None:
                    data = {"lead": shown, "accepted_here": False, "declined_here": False}
                elif before.seen_at <= asked_at:
                    lead_data = shown if whole else _added(before.data["lead"], shown)
                    data = {**before.data, "lead": lead_data, "unseen": False}
                else:
                    continue
                state.leads.put(connection, self.account, lead.id, data, self.time.clock())

        if found:
            await self.store.run(work)


def _kept(lead: Lead) -> dict[str, JsonValue]:
    """What is kept of a lead: the fields that are known, each text no longer than anything that is made of it."""
    shown = lead.model_dump(mode="json", exclude_none=True, include=set(Lead.model_fields))
    shown["attachments"] = shown.get("attachments", [])[:MOST_ATTACHMENTS]
    return {name: _short(value, LONGEST_TEXT if name in _LONG else LONGEST_VALUE) for name, value in shown.items()}


def _short(value: JsonValue, limit: int) -> JsonValue:
    if isinstance(value, str):
        return value if len(value) <= limit else f"{value[: limit - 1]}…"
    if isinstance(value, list):
        return [_short(item, limit) for item in value]
    return {name: _short(item, limit) for name, item in value.items()} if isinstance(value, dict) else value


def _added(before: Mapping[str, JsonValue], row: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What a list's row says, over what was known: it leaves out much, which does not mean that it is gone."""
    details = before.get("postLeadStatusData")
    status = details.get("status") if isinstance(details, dict) else None
    outdated = {"postLeadStatusData"} if row.get("postLeadStatus", status) != status else set[str]()
    kept = {name: value for name, value in before.items() if name not in outdated}
    return {**kept, **{name: value for name, value in row.items() if value not in ("", [])}}


def won_refusal(lead_id: int, known: KnownLead | None) -> Refused | None:
    """A lead that is won cannot be changed by anybody but RenovationFind's support.

    Source: https://docs.renovationfind.com/api-reference/general-leads/update-job-status
    """
    if known is None or known.lead.status not in WON:
        return None
    return Refused(
        "already_won",
        f"lead {lead_id} is {known.lead.status} (seen {known.seen}), which cannot be changed.",
        "Only RenovationFind's support can change a won lead; if they have, renovationfind_get_lead shows that.",
    )
