"""Results: complete compact text for the model, typed structured content for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, JsonValue

from server.models.receipts import WriteReceipt

M = TypeVar("M", bound=BaseModel)
ResultType = TypeVar("ResultType")

_HEADINGS = {
    "done": "DONE",
    "already_done": "ALREADY DONE",
    "approval_required": "APPROVAL REQUIRED",
    "not_approved": "NOT APPROVED",
    "refused": "REFUSED",
    "unknown": "OUTCOME UNKNOWN",
    "dry_run": "DRY RUN",
}


CEILING = 20_000
"""Characters of a text that a model reads; longer lists page, and everything else is cut in its middle."""
_TAIL = 4_000


@dataclass(frozen=True, slots=True)
class Reply(Generic[M]):
    """What a read tool returns: the text the model reads, and the same as data."""

    text: str
    data: M


def result_of(reply: Reply[M]) -> CallToolResult:
    """A read's result."""
    return CallToolResult(
        content=[TextContent(type="text", text=readable(reply.text))],
        structured_content=reply.data.model_dump(mode="json", exclude_none=True),
    )


def error_result(text: str) -> CallToolResult:
    """A failure that the model reads."""
    return CallToolResult(content=[TextContent(type="text", text=readable(text))], is_error=True)


def receipt_result(receipt: WriteReceipt) -> CallToolResult:
    """A write's result; a refusal and an unknown outcome are errors to the model, with the receipt as data."""
    return CallToolResult(
        content=[TextContent(type="text", text=readable(receipt_text(receipt)))],
        structured_content=receipt.model_dump(mode="json", exclude_none=True),
        is_error=receipt.outcome in {"refused", "unknown"},
    )


def with_notes(result: ResultType, notes: Sequence[str]) -> ResultType:
    """A call's result, with what else is to be known of it at the end of its text."""
    if notes and isinstance(result, CallToolResult):
        result.content.append(TextContent(type="text", text="\n".join(f"Note: {note}" for note in notes)))
    return result


def readable(text: str) -> str:
    """A text within the ceiling: its beginning and its end, and how much is left out between them."""
    if len(text) <= CEILING:
        return text
    head, tail = text[: CEILING - _TAIL - 200], text[-_TAIL:]
    head = head[: head.rfind("\n")] if "\n" in head[CEILING // 2 :] else head
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[: _TAIL // 2] else tail
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n[{left_out} characters are left out here; the structured content has all of it]\n{tail}"


def receipt_text(receipt: WriteReceipt) -> str:
    """A receipt as lines, what matters first."""
    lines = [f"{_HEADINGS[receipt.outcome]}: {receipt.summary}", *receipt.details]
    lines += [
        f"Changed {change.field}: {change.before or 'not known'} -> {change.after or 'not known'}"
        for change in receipt.changed
    ]
    if receipt.preview:
        lines += ["Show the user:", *(f"  {line}" for line in receipt.preview)]
    if receipt.request is not None:
        request = receipt.request
        lines.append(f"Would send: {request.method} {request.url}")
        lines += [f"  ?{name}={shown(value)}" for name, value in request.query.items()]
        lines += [f"  {name}: {shown(value)}" for name, value in request.body.items()]
    lines += [f"Warning: {warning}" for warning in receipt.warnings]
    lines += [step if step.startswith("Note: ") else f"Next: {step}" for step in receipt.next_steps]
    if receipt.approval_token:
        lines.append(f"approval_token: {receipt.approval_token}")
    tail = [f"write {receipt.write_id}"] if receipt.write_id is not None else []
    tail += [f"record {receipt.record_id}"] if receipt.record_id is not None else []
    tail += ["SANDBOX: simulated services, nothing real was touched"] if receipt.sandbox else []
    return "\n".join([*lines, *([f"({'; '.join(tail)})"] if tail else [])])


def shown(value: JsonValue) -> str | None:
    """A value as a text; `None` for nothing."""
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
