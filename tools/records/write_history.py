"""What LeadBridge has written."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from leadbridge.server.company.records import other_companies, unclaimed
from leadbridge.server.mcp.arguments import WHOLE, OptionalDay
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, Result, View
from leadbridge.server.office_time import utc_text
from leadbridge.server.text import label
from leadbridge.server.writes.ledger import WriteRow
from leadbridge.server.writes.write_rows import how_many
from leadbridge.tools.lists import table


class HistoryRow(View):
    """One write."""

    write_id: int
    at: str = Field(description="UTC")
    outcome: str
    operation: str
    target: str
    approval: str
    summary: str
    record_id: Identity | Omitted = None


class History(Result):
    """What was written, unresolved first."""

    company: str
    total: int = Field(description="At most 10000 are counted")
    rows: list[HistoryRow]


_THEN = "Of each unknown one, ask the user to look on the service, and record what they saw with resolve_write."


async def write_history(
    ctx: Ctx,
    outcome: Annotated[
        Literal["done", "unconfirmed", "refused", "unknown", "in_progress"] | Omitted,
        Field(description="Only writes with this outcome"),
    ] = None,
    limit: Annotated[int, Field(ge=1, le=100, strict=True), WHOLE] = 20,
    since: Annotated[OptionalDay, Field(description="YYYY-MM-DD")] = None,
) -> MakeReply[History]:
    """List what LeadBridge wrote to this company's services: when, what, under which approval, and what came of it.

    The unresolved (unknown) come first. It shows whether a write whose outcome is not certain was sent.
    """
    app = app_context(ctx)
    start = app.time.start_of(since) if isinstance(since, date) else 0.0
    rows, total = await app.history.newest(outcome=outcome or "", since=start, limit=limit)
    data = History(company=app.company.name, total=total, rows=[_row(row) for row in rows])
    given = {"outcome": outcome, "since": since}
    only = " and ".join(f"{name}={value}" for name, value in given.items() if value is not None)
    notes = [note] if (note := await unclaimed(app.company)) else []
    if not total and app.store.exists and (elsewhere := await other_companies(app.company)):
        notes.append(elsewhere)
    if any(row.outcome == "unknown" for row in rows):
        notes.append(app.reachable(_THEN))
    return lambda: Reply(data, partial(_history_lines, only, [app.time.shown(row.at) for row in rows]), notes)


def _history_lines(only: str, times: list[str], data: History) -> list[str]:
    none = f"No writes on record for company {data.company}{f' with {only}' if only else ''}."
    lines = [f"{len(data.rows)} of {how_many(data.total)} writes of company {data.company}" if data.total else none]
    if data.rows:
        columns = ["write_id", "at", "outcome", "operation", "target", "approval", "summary", "record_id"]
        lines += table(columns, [{**vars(row), "at": at} for row, at in zip(data.rows, times, strict=True)])
    return lines


def _row(row: WriteRow) -> HistoryRow:
    return HistoryRow(
        write_id=row.write_id,
        at=utc_text(row.at),
        outcome=row.outcome,
        operation=row.operation,
        target=label(row.target),
        approval=row.approved,
        summary=row.story,
        record_id=row.record_id,
    )


TOOLS = (read_tool(write_history, title="Write history", toolset="pipeline"),)
