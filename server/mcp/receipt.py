"""What every write answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from leadbridge.server.services.view import Identity, Omitted, ServiceValue, View

Outcome = Literal[
    "done", "partly_done", "already_done", "approval_required", "not_approved", "refused", "unknown", "dry_run"
]


class Change(View):
    """One value before and after; `before` is what was last known, and may be absent."""

    field: str
    before: str | Omitted = None
    after: str | Omitted = None


class OutgoingRequest(View):
    """What a dry run would have sent, without the key."""

    method: str
    url: str
    query: dict[str, ServiceValue] = Field(default_factory=dict)
    body: dict[str, ServiceValue] = Field(default_factory=dict)


class WriteReceipt(View):
    """The outcome of a write, told the same way by every write tool."""

    outcome: Outcome
    operation: str
    summary: str
    write_id: int | Omitted = Field(default=None, description="Row of write_history")
    record_id: Identity | Omitted = Field(default=None, description="Id of the record on the service")
    record: dict[str, ServiceValue] = Field(default_factory=dict, description="The record as the service answered")
    details: list[str] = Field(default_factory=list)
    changed: list[Change] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    next_steps: list[str] = Field(default_factory=list)
    preview: list[str] = Field(default_factory=list, description="What the user's approval is for")
    approval_token: str | Omitted = Field(default=None, description="Valid 10 minutes, once, for these arguments")
    request: OutgoingRequest | Omitted = None
    reason: str | Omitted = Field(default=None, description="Stable code of a refusal, or of a form without a yes")
    sandbox: bool = False
    note: str | Omitted = Field(default=None, description="What ⟦ ⟧ mean")
