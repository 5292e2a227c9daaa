"""`leadbridge history`: what was written, whether the audit trail is intact, and the trail as JSON Lines."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import date

from rich.table import Table

from leadbridge.server import state
from leadbridge.server.company.records import other_companies, unclaimed
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.terminal import terminal
from leadbridge.server.writes.recovery import forget as forget_all
from leadbridge.server.writes.write_rows import WriteRow, how_many


async def show(app: AppContext, outcome: str, since: date | None, service: str, limit: int) -> int:
    """Print the company's newest writes, the unresolved first; no key is needed; the exit code is 0."""
    accounts = app.services.shown_accounts([service] if service else app.catalog.services)
    start = app.time.start_of(since) if since else 0.0
    rows, total = await app.history.newest(outcome=outcome, since=start, limit=limit, accounts=accounts)
    asked = {"outcome": outcome, "since": since, "service": service}
    only = "".join(f", {name} {value}" for name, value in asked.items() if value)
    console = terminal(width=100)
    if rows:
        marked = not app.services.all_simulated and any(row.sandbox for row in rows)
        table = Table(title=f"Company {app.company.name}{only}: {len(rows)} of {how_many(total)} writes")
        for column in ("write", "when", "outcome", "what", "approval", *(["service"] if marked else [])):
            table.add_column(column, no_wrap=column in {"write", "outcome"})
        for row in rows:
            mark = ["simulated" if row.sandbox else "live"] if marked else []
            table.add_row(str(row.write_id), app.time.shown(row.at), row.outcome, _what(row), row.approved, *mark)
        console.print(table)
    else:
        console.print(f"No writes of company {app.company.name}{only} in {app.store.description}.")
    if odd := await app.store.run(lambda connection: state.writes.count_odd(connection, accounts)):
        console.print(f"Not shown: {odd} in a state that there is not; see `leadbridge history verify`.")
    for note in (await unclaimed(app.company), await other_companies(app.company)):
        if note:
            console.print(note)
    return 0


def _what(row: WriteRow) -> str:
    """What was done and to what; where it was not done, or not surely, what was tried comes first."""
    tried = row.operation if row.outcome == "refused" else ""
    target = "" if row.target.lower() in row.story.lower() else row.target
    return ": ".join(part for part in (tried, target, row.story) if part)


def forget(app: AppContext, *, yes: bool) -> int:
    """Forget what is resolved, after a yes; the exit code is 1 for a no."""
    sys.stdout.write(
        f"This forgets, for every company in {app.store.description}: all writes that are resolved, the audit trail, "
        "and what is known of leads and prospects. A repeat of a forgotten write is not stopped any more. Servers may "
        "go on running.\n"
    )
    if not yes:
        sys.stdout.write("Forget it? Type yes: ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().casefold() != "yes":
            sys.stdout.write("Nothing was forgotten.\n")
            return 1
    found = forget_all(app.store, app.ledger.clock())
    sys.stdout.write(f"Forgotten: {found.writes} writes, {found.records} leads and prospects.\n")
    if found.unresolved:
        numbers = ", ".join(map(str, found.unresolved))
        then = app.reachable("Resolve them with resolve_write.")
        sys.stdout.write(f"Kept, because nobody knows their outcome: {numbers}. {then}\n")
    return 0


def verify(app: AppContext) -> int:
    """Walk the audit trail; the exit code is 1 where it is broken."""
    verdict = state.audit.verify(app.store)
    if verdict.broken_at is None:
        sys.stdout.write(f"The audit trail holds: {verdict.rows} rows.\n")
        return 0
    sys.stdout.write(f"The audit trail is broken at position {verdict.broken_at}: {verdict.why}.\n")
    return 1


def export(app: AppContext) -> int:
    """The audit trail as JSON Lines, for every company of the store."""
    for row in state.audit.read(app.store):
        sys.stdout.write(json.dumps(asdict(row)) + "\n")
    return 0
