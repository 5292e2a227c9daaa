"""What the sandbox remembers: the records of both services, every request, every write that took effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.records import (
    Event,
    Lead,
    LeadSource,
    Mail,
    Note,
    Notice,
    Photo,
    Prospect,
    ReferralRequest,
    Region,
    Upload,
    User,
    Vendor,
)

ServiceName = Literal["rooflink", "renovationfind"]


@dataclass(frozen=True, slots=True)
class Write:
    """A change that took effect. A request that was refused, or a duplicate that was skipped, is none."""

    service: ServiceName
    operation: str
    """Method and path with its variables in braces, e.g. `POST /general-leads/{lead_id}/accept`."""
    path_params: Mapping[str, int]
    body: object
    at: float
    """The sandbox's clock, in seconds."""
    record_id: int
    """The record that was made or changed."""


@dataclass(slots=True)
class RequestRecord:
    """A request as the service received it. Header values are left out: one of them is the key."""

    service: str
    method: str
    path: str
    query: str
    host: str
    header_names: tuple[str, ...]
    at: float
    status: int | None = None
    """What was answered; none as long as nothing was, or when the connection was dropped."""


@dataclass(slots=True)
class State:
    """All records of one sandbox, kept in place: a reset changes what these mappings hold, not the mappings."""

    options: Options
    prospects: dict[int, Prospect] = field(default_factory=dict[int, Prospect])
    leads: dict[int, Lead] = field(default_factory=dict[int, Lead])
    referrals: dict[int, ReferralRequest] = field(default_factory=dict[int, ReferralRequest])
    users: dict[int, User] = field(default_factory=dict[int, User])
    regions: dict[int, Region] = field(default_factory=dict[int, Region])
    lead_sources: dict[int, LeadSource] = field(default_factory=dict[int, LeadSource])
    events: dict[int, Event] = field(default_factory=dict[int, Event])
    notices: list[Notice] = field(default_factory=list[Notice])
    notes: dict[int, Note] = field(default_factory=dict[int, Note])
    mails: list[Mail] = field(default_factory=list[Mail])
    photos: dict[int, Photo] = field(default_factory=dict[int, Photo])
    documents: dict[int, Photo] = field(default_factory=dict[int, Photo])
    uploads: list[Upload] = field(default_factory=list[Upload])
    vendors: dict[int, Vendor] = field(default_factory=dict[int, Vendor])
    writes: list[Write] = field(default_factory=list[Write])
    requests: list[RequestRecord] = field(default_factory=list[RequestRecord])
    last_id: dict[str, int] = field(default_factory=dict[str, int])

    def parts(self) -> dict[str, Any]:
        """All that is remembered, by its name here: mappings and lists."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "options"}

    def replace_parts(self, parts: Mapping[str, Any]) -> None:
        """Remember this instead, in the same mappings and lists; what is left out is forgotten."""
        for name, part in self.parts().items():
            part.clear()
            if isinstance(part, list):
                cast("list[object]", part).extend(parts.get(name, ()))
            else:
                part.update(parts.get(name, {}))

    def next_id(self, kind: str, step: int = 1) -> int:
        """A new id of this kind; ids only grow, and belong to one kind each."""
        self.last_id[kind] = self.last_id.get(kind, _FIRST_IDS[kind]) + step
        return self.last_id[kind]

    def record_write(
        self, service: ServiceName, operation: str, path_params: Mapping[str, int], body: object, record_id: int
    ) -> None:
        """Count a change that has just taken effect."""
        at = self.options.clock()
        self.writes.append(Write(service, operation, dict(path_params), body, at, record_id))


_FIRST_IDS: Mapping[str, int] = {
    "job": 7_000_100,
    "customer": 510_000,
    "customer_user": 830_000,
    "referral": 4_000,
    "event": 61_000,
    "photo": 88_000,
    "note": 92_000,
    "document": 96_000,
}
