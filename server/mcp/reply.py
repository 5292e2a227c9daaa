"""Results: complete compact text for the model, typed structured content for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mcp.types import CallToolResult, TextContent
from pydantic import JsonValue

from leadbridge.server.mcp.bounds import LONGEST_TEXT, bounded
from leadbridge.server.mcp.receipt import Change, WriteReceipt
from leadbridge.server.services.view import Result
from leadbridge.server.text import legend_for, with_legend
from leadbridge.server.writes.preview import in_line, titled

R = TypeVar("R", bound=Result)
ResultType = TypeVar("ResultType")

_HEADINGS = {
    "done": "DONE",
    "partly_done": "PARTLY DONE",
    "already_done": "ALREADY DONE",
    "approval_required": "APPROVAL REQUIRED",
    "not_approved": "NOT APPROVED",
    "refused": "REFUSED",
    "unknown": "NOT SURE IT WORKED",
    "dry_run": "DRY RUN",
}


_TAIL = 4_000


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """What a read tool returns: data for programs, and the lines of text that the model reads of it."""

    data: R
    lines_of: Callable[[R], list[str]]
    """The text of data like this, its headline first."""
    remarks: Sequence[str] = ()
    """What the headline needs beside it to be understood, and no other field says: a filter that did not count, a list
    that is not whole. They stand below the headline, and in the data's `note`."""

    def complete(self) -> tuple[R, str]:
        """Data and text, both within bounds, both with all remarks and the meaning of the marks."""
        data, lines = bounded(self.data, self._lines)
        remarks: list[str] = []
        if data.unreadable_rows:
            which = "1 row is" if data.unreadable_rows == 1 else f"{data.unreadable_rows:,} rows are"
            remarks.append(f"WARNING: {which} missing here: the service sent no usable id, or no record at all.")
        if data.left_out:
            counts = ", ".join(f"{count:,} of {name}" for name, count in data.left_out.items())
            remarks.append(f"Left out for length: {counts}.")
        text = readable("\n".join(with_legend([*lines[:1], *remarks, *lines[1:]])))
        note = " ".join([*remarks, *self.remarks, *legend_for(data.model_dump_json(), *self.remarks)])
        return data.model_copy(update={"note": note or None}), text

    def _lines(self, data: R) -> list[str]:
        lines = self.lines_of(data)
        return [*lines[:1], *self.remarks, *lines[1:]]


def result_of(reply: Reply[R]) -> CallToolResult:
    """A read's result."""
    data, text = reply.complete()
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=data.model_dump(mode="json", exclude_none=True),
    )


def error_result(text: str) -> CallToolResult:
    """A failure that the model reads."""
    return CallToolResult(content=[TextContent(type="text", text=readable(text))], is_error=True)


def receipt_result(receipt: WriteReceipt) -> CallToolResult:
    """A write's result; what was not done, or perhaps not, is an error to the model, with the receipt as data."""
    note = "".join(legend_for(receipt.model_dump_json())) or None
    return CallToolResult(
        content=[TextContent(type="text", text=readable(receipt_text(receipt)))],
        structured_content=receipt.model_copy(update={"note": note}).model_dump(mode="json", exclude_none=True),
        is_error=receipt.outcome in {"partly_done", "refused", "unknown"},
    )


def with_notes(result: ResultType, notes: Sequence[str]) -> ResultType:
    """A call's result, with what else is to be known of it at the end of its text, and in the note of its data."""
    if notes and isinstance(result, CallToolResult):
        result.content.append(TextContent(type="text", text="\n".join(f"Note: {note}" for note in notes)))
        if result.structured_content is not None:
            result.structured_content["note"] = " ".join([*notes, result.structured_content.get("note", "")]).rstrip()
    return result


def readable(text: str) -> str:
    """A text within the ceiling: its beginning and its end, and how much is left out between them."""
    if len(text) <= LONGEST_TEXT:
        return text
    head, tail = text[: LONGEST_TEXT - _TAIL - 200], text[-_TAIL:]
    head = head[: head.rfind("\n")] if "\n" in head[LONGEST_TEXT // 2 :] else head
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[: _TAIL // 2] else tail
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n[{left_out} characters are left out here; the structured content has more]\n{tail}"


def receipt_text(receipt: WriteReceipt) -> str:
    """A receipt as lines, what matters first."""
    lines = [f"{_HEADINGS[receipt.outcome]}: {receipt.summary}", *receipt.details]
    lines += [line for change in receipt.changed if (line := _change_line(change, receipt.operation))]
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
    tail += [f"record {receipt.record_id}"] if receipt.record_id is not None else []
    tail += ["SANDBOX: simulated services, nothing real was touched"] if receipt.sandbox else []
    return "\n".join(with_legend([*lines, *([f"({'; '.join(tail)})"] if tail else [])]))


def _change_line(change: Change, operation: str) -> str:
    """A change as a person would say it; a flag of which nothing was known before is what the first line says."""
    name = titled(change.field)
    if change.after is None:
        service = "RenovationFind" if operation.startswith("renovationfind") else "RoofLink"
        return f"{service} cleared the {name.lower()} (was {change.before})."
    if change.before is None:
        return "" if change.after == "true" else f"{name}: {change.after} (not known before)"
    return f"{name} is now {change.after} (was {change.before})."


def _sent(value: JsonValue) -> str:
    """A value of a request, as it would go out."""
    return json.dumps(value) if isinstance(value, bool) else in_line(value)


def shown(value: JsonValue) -> str | None:
    """A value as a text; `None` for nothing."""
    return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
