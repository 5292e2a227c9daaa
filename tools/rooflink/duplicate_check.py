"""Before a lead is created: does RoofLink have this person or house already?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.text import LABEL_LIMIT, clean, quoted
from leadbridge.server.writes.preview import PreviewLine

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import ContactDetails
    from leadbridge.server.prospects.search import Found

SHARE_OF_DEADLINE = 0.2
MOST_SECONDS = 12.0
SHOWN = 10


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What resembles the lead to be created, and how much of RoofLink was compared."""

    matches: tuple[Found, ...]
    """Every prospect that resembles it, the likeliest first."""
    likely: tuple[Found, ...]
    """Those of them that stop it."""
    told: str
    when: float
    failed: str = ""

    @property
    def ids(self) -> frozenset[int]:
        """Every prospect that resembles it, likely or not."""
        return frozenset(found.prospect_id for found in self.matches)

    def warnings(self) -> tuple[str, ...]:
        """What resembles it, also what stops nothing: a spouse with the same phone, the house next door."""
        told = [f"It resembles prospect {found.prospect_id}{_relation(found)}." for found in self.matches[:SHOWN]]
        more = len(self.matches) - SHOWN
        return (*told, *([f"It resembles {more:,} more; find_matching_prospects shows them."] if more > 0 else []))

    def refusal(self) -> Refused | None:
        """Why the lead is not created without a person's word."""
        ask = "If it is to be created all the same, call again with allow_duplicate=true; the user is then asked."
        if self.failed:
            return Refused("duplicates_unchecked", f"duplicates could not be looked for. {self.failed}", ask)
        if not self.likely:
            return None
        found = "; ".join(_line(row) for row in self.likely[:SHOWN])
        return Refused(
            "likely_duplicate",
            f"RoofLink seems to have it already: {found}. {self.told}",
            "Look at it with rooflink_get_prospect.",
            ask,
        )

    def preview(self) -> tuple[PreviewLine, ...]:
        """What a person is shown besides the warnings who is to approve a likely duplicate."""
        return (
            "It is created even if the same customer or job exists already. A duplicate can only be deleted by hand.",
            *(["Duplicates could not be looked for."] if self.failed else []),
            *(
                (f"Customer of prospect {found.prospect_id}", clean(found.told.name, limit=LABEL_LIMIT) or "no name")
                for found in self.likely[:SHOWN]
            ),
        )


async def check_duplicates(app: AppContext, sought: ContactDetails) -> DuplicateCheck:
    """Compare with RoofLink's prospects, the newest first, for a part of the call's deadline.

    Raises:
        StateError: the state store cannot be used.
    """
    from leadbridge.server.prospects.duplicates import likely_duplicates

    seconds = min(MOST_SECONDS, app.settings.call_deadline * SHARE_OF_DEADLINE)
    when = app.ledger.clock()
    try:
        report = await likely_duplicates(app, sought, seconds)
    except ServiceError as error:
        return DuplicateCheck((), (), "Duplicates were not looked for.", when, str(error))
    told = f"Duplicates: {report.checked}."
    if report.stopped:
        told += f" Not all were compared ({report.stopped})."
    if report.cut:
        told += f" Not all were compared: {report.cut}"
    return DuplicateCheck(report.matches, report.likely, told, when)


def _line(found: Found) -> str:
    return f"prospect {found.prospect_id} ({_name(found)}{_relation(found)})"


def _relation(found: Found) -> str:
    """What both have in common, and the evidence: `, probably the same family: same phone (cell), same family name`."""
    relation = found.match.relation
    return f", {relation}: {_evidence(found)}" if relation else f": {_evidence(found)}"


def _name(found: Found) -> str:
    return quoted(clean(found.told.name, limit=LABEL_LIMIT) or "no name")


def _evidence(found: Found) -> str:
    """Without a word of what others wrote, so that it may stand in a question's sentence."""
    return ", ".join([*found.match.evidence, *(["deleted in RoofLink"] if found.deleted else [])])
