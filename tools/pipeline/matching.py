"""Across both services: is there a RoofLink prospect for this person or this house already?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import anyio.to_thread
from pydantic import Field

from leadbridge.server.errors import ArgumentsRefused, Problem
from leadbridge.server.mcp.arguments import Email, LastName, Line, Text60
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.definition import read_tool
from leadbridge.server.mcp.reply import Identity, MakeReply, Omitted, Reply, Result, View
from leadbridge.server.text import label
from leadbridge.tools.lists import counted, table

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails, Profile
    from leadbridge.server.prospects.duplicates import DuplicateReport
    from leadbridge.server.prospects.search import Found

AddressLine = Annotated[
    Line, Field(min_length=1, max_length=250, description="Street line, better with town, state and postal code")
]

SHARE_OF_DEADLINE = 0.5
"""Of the call's deadline, for reading the list; the rest is for looking things up, and for slow last pages."""
SHOWN = 20


class MatchRow(View):
    """A prospect that resembles what was sought."""

    id: Identity
    score: float = Field(description="0 to 1")
    level: Literal["exact", "near"] = Field(description="exact: differs in notation only")
    likely: bool = Field(description="A likely duplicate")
    about: str = Field(default="", description="What both have in common")
    evidence: list[str]
    customer: str | Omitted = None
    address: str | Omitted = None
    deleted: bool = False


class Matches(Result):
    """Likely matches, best first, and how much of RoofLink was compared."""

    matches: list[MatchRow]
    more: int = Field(default=0, description="Weaker matches that are not shown")
    checked: int = Field(description="Prospects that were compared, or have nothing in common with it; at most so many")
    total: int | Omitted = None
    complete: bool = Field(description="Whether every prospect was checked")
    common: list[str] = Field(default_factory=list, description="Shared by so many that not all were compared")


async def find_matching_prospects(
    ctx: Ctx,
    address: AddressLine | Omitted = None,
    phone: Text60 | Omitted = None,
    email: Email | Omitted = None,
    name: Annotated[LastName | Omitted, Field(description="First and last name")] = None,
) -> MakeReply[Matches]:
    """Find RoofLink prospects that may be the same person or house, however they are written, typos included.

    It shows whether RoofLink knows a customer already, for instance before a lead is created. It takes one argument or
    more; each match has a score and the evidence for it. The newest prospects are read first, as many as time allows,
    and the answer says how many; another call continues.
    """
    # The rules of matching are many patterns to compile: not at start.
    from leadbridge.server.matching.profile import ContactDetails, profile_of
    from leadbridge.server.prospects.duplicates import likely_duplicates

    app = app_context(ctx)
    query = ContactDetails(
        address=address or "", phones=(("phone", phone),) if phone else (), email=email or "", name=name or ""
    )
    if problems := _problems(query, await anyio.to_thread.run_sync(profile_of, query)):
        raise ArgumentsRefused(problems)

    async def progress(checked: int, total: int | None) -> None:
        of = "" if total is None else f" of {total:,}"
        await ctx.report_progress(checked, total, f"compared {checked:,}{of} prospects")

    app.company.refuse_mixture()
    await app.company.confirm("rooflink")
    seconds = app.settings.call_deadline * SHARE_OF_DEADLINE
    report = await likely_duplicates(app, query, seconds, progress)
    data = Matches(
        matches=[_row(found) for found in report.findings.matches[:SHOWN]],
        more=max(0, len(report.findings.matches) - SHOWN),
        checked=max(0, report.coverage.checked - report.findings.left_out),
        total=report.coverage.total,
        complete=report.complete,
        common=[str(common) for common in report.findings.common],
        unreadable_rows=report.coverage.unreadable or None,
    )
    return lambda: Reply(data, partial(_lines, report, app.reachable), [*map(app.reachable, _remarks(report))])


def _problems(query: ContactDetails, profile: Profile) -> list[Problem]:
    if not (query.address or query.phones or query.email or query.name):
        return [Problem("address, phone, email, name", "give at least one of them")]
    problems: list[Problem] = []
    if query.phones and not profile.phones:
        problems.append(Problem("phone", "must be a phone number with its area code"))
    if query.email and not profile.emails:
        problems.append(Problem("email", "is not a valid e-mail address of a person or an office"))
    if query.address and not profile.address.known:
        problems.append(Problem("address", "has no street or PO box that could be compared"))
    if profile.address.street.is_bare_number:
        problems.append(Problem("address", "is only a number; give the street too"))
    if query.name and not profile.name.words:
        problems.append(Problem("name", "is not the name of a person"))
    return problems


def _row(found: Found) -> MatchRow:
    return MatchRow(
        id=found.prospect_id,
        score=found.match.score,
        level="exact" if found.match.level == "exact" else "near",
        likely=found.match.likely and not found.deleted,
        about=found.match.relation,
        evidence=list(found.match.evidence),
        customer=label(found.details.name) or None,
        address=label(found.details.address) or None,
        deleted=found.deleted,
    )


def _lines(report: DuplicateReport, reachable: Callable[[str], str], data: Matches) -> list[str]:
    from leadbridge.server.matching.compare import LIKELY

    if not data.matches:
        return [f"No match; {report.checked}."]
    matches = counted(len(report.findings.matches), "possible match", "possible matches")
    narrower = "" if report.cut else reachable(report.advice)
    rows = [{**vars(row), "score": f"{row.score:.2f}", "evidence": "; ".join(row.evidence)} for row in data.matches]
    return [
        f"{matches}, {len(report.likely) or 'none'} of them likely (score {LIKELY} or more); {report.checked}.",
        *table(["id", "score", "level", "about", "evidence", "customer", "address", "deleted"], rows),
        *([f"{data.more} more are not shown. {narrower}".rstrip()] if data.more else []),
    ]


def _remarks(report: DuplicateReport) -> list[str]:
    remarks: list[str] = []
    if not report.coverage.complete:
        proves = "no match proves nothing yet"
        if report.place is not None:
            proves = f"there may be others outside {report.place.what}"
        go_on = "" if report.coverage.read_on else " Call again to go on."
        remarks.append(f"NOT ALL WERE COMPARED ({report.stopped}): {proves}.{go_on}")
    if report.cut:
        remarks.append(f"NOT ALL WERE COMPARED: {report.cut}")
    if report.likely:
        remarks.append(
            "Look at one in RoofLink, or with rooflink_get_prospect. Ask the user before creating another lead for it."
        )
    return remarks


TOOLS = (
    read_tool(find_matching_prospects, "rooflink.list_prospects", title="Find matching prospects", toolset="pipeline"),
)
