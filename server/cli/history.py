"""`leadbridge history`: what was written, whether the audit trail holds, and the trail as JSON Lines."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from leadbridge.server.company.records import unclaimed
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.state import audit
from leadbridge.server.writes.write_rows import how_many


async def show(app: AppContext, state: str, limit: int) -> int:
    """Print the company's newest writes, the unresolved first; no key is needed; the exit code is 0."""
    from rich.table import Table

    from leadbridge.server.terminal import terminal

    accounts = app.services.accounts(app.catalog.services)
    rows, total = await app.ledger.history(state=state, limit=limit, accounts=accounts)
    marked = not app.services.all_simulated and any(row.sandbox for row in rows)
    table = Table(title=f"Company {app.company.name}: {len(rows)} of {how_many(total)} writes")
    columns = ("write", "at (UTC)", "state", "operation", "target", "approval", "record")
    for column in (*columns, "service") if marked else columns:
        table.add_column(column, no_wrap=column in {"write", "state"})
    for row in rows:
        at = datetime.fromtimestamp(row.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        record = "" if row.record_id is None else str(row.record_id)
        mark = ["simulated" if row.sandbox else "live"] if marked else []
        table.add_row(str(row.write_id), at, row.state, row.operation, row.target, row.approval, record, *mark)
    console = terminal(width=140)
    console.print(table)
    if note := await unclaimed(app.company):
        console.print(note)
    return 0


def verify(app: AppContext) -> int:
    """Walk the audit trail; the exit code is 1 where it is broken."""
    verdict = audit.verify(app.store)
    if verdict.broken_at is None:
        sys.stdout.write(f"The audit trail holds: {verdict.rows} rows.\n")
        return 0
    sys.stdout.write(f"The audit trail is broken at position {verdict.broken_at}: {verdict.why}.\n")
    return 1


def export(app: AppContext) -> int:
    """The audit trail as JSON Lines, for every company of the store."""
    for row in audit.read(app.store):
        sys.stdout.write(json.dumps(asdict(row)) + "\n")
    return 0
