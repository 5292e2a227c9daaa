"""What every write answers, as data and as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Literal

from mcp.types import CallToolResult, TextContent
from pydantic import Field, JsonValue

from leadbridge.server.mcp.reply import Identity, Omitted, ServiceValue, View, readable
from leadbridge.server.text import legend_for
from leadbridge.server.writes.preview import in_line, titled

Outcome = Literal[
    "done",
    "unconfirmed",
    "partly_done",
    "already_done",
    "approval_required",
    "not_approved",
    "refused",
    "unknown",
    "dry_run",
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
    """The outcome of a write, in the same shape from every write tool."""

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


_HEADINGS = {
    "done": "DONE",
    "unconfirmed": "SENT, NOT CONFIRMED",
    "partly_done": "PARTLY DONE",
    "already_done": "ALREADY DONE",
    "approval_required": "APPROVAL REQUIRED",
    "not_approved": "NOT APPROVED",
    "refused": "REFUSED",
    "unknown": "NOT SURE IT WORKED",
    "dry_run": "DRY RUN",
}


def receipt_result(receipt: WriteReceipt, reachable: Callable[[str], str]) -> CallToolResult:
    """A write's result; what was not done, or perhaps not, is an error to the model, with the receipt as data.

    Each of its sentences says what switches off a tool that it names (`AppContext.reachable`).
    """
    sentences = {name: [*map(reachable, getattr(receipt, name))] for name in ("details", "warnings", "next_steps")}
    receipt = receipt.model_copy(update={**sentences, "summary": reachable(receipt.summary)})
    content = receipt.model_dump(mode="json", exclude_none=True)
    if legend := legend_for(json.dumps(content, ensure_ascii=False)):
        content["note"] = legend[0]
    return CallToolResult(
        content=[TextContent(type="text", text=readable(receipt_text(receipt)))],
        structured_content=content,
        is_error=receipt.outcome in {"partly_done", "refused", "unknown"},
    )


def receipt_text(receipt: WriteReceipt) -> str:
    """A receipt as lines, what matters first."""
    lines = [f"{_HEADINGS[receipt.outcome]}: {receipt.summary}", *receipt.details]
    lines += [line for change in receipt.changed if (line := _change_line(change, receipt))]
    if receipt.preview:
        lines += ["Show the user:", *(f"  {line}" for line in receipt.preview)]
    if receipt.request is not None:
        request = receipt.request
        lines.append(f"Would send: {request.method} {request.url}")
        lines += [f"  ?{name}={_sent(value)}" for name, value in request.query.items()]
        lines += [f"  {name}: {_sent(value)}" for name, value in request.body.items()]
    lines += [f"Warning: {warning}" for warning in receipt.warnings]
    lines += [step if step.startswith("Note: ") else f"Next: {step}" for step in receipt.next_steps]
    if receipt.approval_token:
        lines.append(f"approval_token: {receipt.approval_token}")
    tail = [f"write {receipt.write_id}"] if receipt.write_id is not None else []
    tail += ["SANDBOX: simulated services, nothing real was touched"] if receipt.sandbox else []
    lines += [f"({'; '.join(tail)})"] if tail else []
    return "\n".join([*lines, *legend_for(*lines)])


def _change_line(change: Change, receipt: WriteReceipt) -> str:
    """A change as a person would say it, if the first line does not say it."""
    name = titled(change.field)
    if change.after is None:
        service = "RenovationFind" if receipt.operation.startswith("renovationfind") else "RoofLink"
        return f"{service} cleared the {name.lower()} (was {change.before})."
    if change.after == "true" or (_is_said(change.after, receipt) and _is_said(change.before, receipt)):
        return ""
    if change.before in {None, "none"}:
        return f"{name}: {change.after} ({change.before or 'not known'} before)"
    return f"{name} is now {change.after} (was {change.before})."


def _is_said(value: str | None, receipt: WriteReceipt) -> bool:
    """Whether the first line has a value, a person without the id, or there is none."""
    words = re.escape(str(value).partition(" (id ")[0])
    return value in {None, "none"} or re.search(rf"(?<!\w){words}(?!\w)", receipt.summary) is not None


def _sent(value: JsonValue) -> str:
    """A value of a request, as it would go out."""
    return json.dumps(value) if isinstance(value, bool) else in_line(value)


def shown(value: JsonValue) -> str | None:
    """A value as a text; `None` for nothing."""
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
