"""Before a lead is created: does RoofLink have this person or house already?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.text import LABEL_LIMIT, clean, in_sentence
from leadbridge.server.writes.model import SameWithinADay, Write
from leadbridge.server.writes.preview import PreviewLine, called
from leadbridge.server.writes.repeats import EarlierWrite
from leadbridge.server.writes.write_rows import WriteRow

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails
    from leadbridge.server.prospects.search import Found

SHARE_OF_DEADLINE = 0.55
"""Of the call's deadline: RoofLink takes up to 20 s for a page of its list."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What resembles the lead to be created, and how much of RoofLink was compared."""

    matches: tuple[Found, ...]
    """Every prospect that resembles it, the likeliest first."""
    likely: tuple[Found, ...]
    """Those of them that stop it."""
    message: str
    when: float
    missing: str = ""
    """How much was compared, and when the rest is known; empty if the house would have been found."""
    failed: str = ""

    @property
    def ids(self) -> frozenset[int]:
        """Every prospect that resembles it, likely or not."""
        return frozenset(found.prospect_id for found in self.matches)

    @property
    def figures(self) -> tuple[str, ...]:
        """What a person reads with the question, and what differs from one moment to the next."""
        return (f"Note: RoofLink may have this house already: {self.missing}.",) if self.missing else ()

    def warnings(self) -> tuple[str, ...]:
        """What resembles it, also what stops nothing: a spouse with the same phone, the house next door."""
        lines = [f"It resembles prospect {found.prospect_id}{_relation(found)}." for found in self.matches[:SHOWN]]
        more = len(self.matches) - SHOWN
        return (*lines, *([f"It resembles {more:,} more; find_matching_prospects shows them."] if more > 0 else []))

    def refusal(self) -> Refused | None:
        """Why the lead is not created without a person's word."""
        again = "call again with allow_duplicate=true; the user is then asked to approve."
        if self.failed:
            unchecked = f"duplicates could not be looked for. {self.failed}"
            return Refused("duplicates_unchecked", unchecked, f"To create it anyway, {again}")
        if not self.likely:
            return None
        found = "; ".join(f"prospect {one.prospect_id} ({_name(one)}{_relation(one)})" for one in self.likely[:SHOWN])
        return Refused(
            "likely_duplicate",
            f"RoofLink may already have this customer: {found}. {self.message}",
            "Look at it in RoofLink, or with rooflink_get_prospect.",
            f"To create it although RoofLink seems to have it, {again}",
        )

    def preview(self) -> tuple[PreviewLine, ...]:
        """What a person is shown besides the warnings who is to approve a likely duplicate."""
        return (
            "This may create a duplicate, which can only be deleted by hand in RoofLink.",
            *(["Duplicates could not be looked for."] if self.failed else []),
            *(
                called(f"Customer of prospect {found.prospect_id}", clean(found.details.name, limit=LABEL_LIMIT))
                for found in self.likely[:SHOWN]
            ),
        )


async def again_if_deleted(app: AppContext, write: Write) -> Write:
    """The write; if RoofLink shows that what the same one made before is deleted, that one counts no more."""
    try:
        earlier = (await app.ledger.look(write)).earlier
    except Refused:
        return write  # it is under way, which whoever decides about the write finds too
    if earlier is None or not (warning := await deleted_since(app, earlier)):
        return write
    preview = replace(write.preview, warnings=(*write.preview.warnings, warning))
    return replace(write, repeat=SameWithinADay(after=earlier.write_id), preview=preview)


async def deleted_since(app: AppContext, earlier: EarlierWrite | WriteRow) -> str:
    """What a person should know if the prospect that a write made was deleted since; empty if it was not."""
    from leadbridge.server.prospects.sources import is_deleted

    if earlier.record_id is None or not await is_deleted(app, earlier.record_id):
        return ""
    made = f"Prospect {earlier.record_id}, made by write {earlier.write_id},"
    return f"{made} was deleted in RoofLink; this makes it again."


async def coverage_doubt(app: AppContext) -> tuple[str, ...]:
    """What a person should know of the duplicate check before the address is known; nothing if every prospect is.

    Raises:
        StateError: the state store cannot be used.
    """
    from leadbridge.server.prospects.cursor import coverage_of
    from leadbridge.server.prospects.duplicates import rest_of
    from leadbridge.server.prospects.sources import index_of

    if not (missing := rest_of(await coverage_of(index_of(app)))):
        return ()
    doubt = "If RoofLink has this house already, it may be created a second time."
    return (f"Note: LeadBridge has not seen all of RoofLink's prospects yet ({missing}). {doubt}",)


async def check_duplicates(app: AppContext, contact: ContactDetails) -> DuplicateCheck:
    """Compare with RoofLink's prospects, the newest first, for a part of the call's deadline.

    Raises:
        StateError: the state store cannot be used.
    """
    from leadbridge.server.prospects.duplicates import likely_duplicates

    seconds = app.settings.call_deadline * SHARE_OF_DEADLINE
    when = app.ledger.clock()
    try:
        report = await likely_duplicates(app, contact, seconds)
    except ServiceError as error:
        return DuplicateCheck((), (), "Duplicates were not looked for.", when, failed=str(error))
    message = f"Duplicates: {report.checked}."
    if report.stopped:
        message += f" Not all were compared ({report.stopped})."
    if report.cut:
        message += f" Not all were compared: {report.cut}"
    return DuplicateCheck(report.findings.matches, report.likely, message, when, report.missing)


def _relation(found: Found) -> str:
    """What both have in common, and the evidence: `, probably the same family: same phone (cell), same family name`."""
    relation = found.match.relation
    return f", {relation}: {_evidence(found)}" if relation else f": {_evidence(found)}"


def _name(found: Found) -> str:
    return in_sentence(found.details.name) or "no name"


def _evidence(found: Found) -> str:
    """Without a word of what others wrote, so that it may stand in a question's sentence."""
    return ", ".join([*found.match.evidence, *(["deleted in RoofLink"] if found.deleted else [])])
