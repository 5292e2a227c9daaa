"""Before a lead is created: does RoofLink have this person or house already?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadbridge.server.errors import Refused, ServiceError
from leadbridge.server.mcp.context import Deck
from leadbridge.server.text import LABEL_LIMIT, clean, quoted
from leadbridge.server.writes.preview import PreviewLine

if TYPE_CHECKING:
    from leadbridge.server.matching.profile import Sought
    from leadbridge.server.prospects.index import Found

SHARE_OF_DEADLINE = 0.2
MOST_SECONDS = 12.0
SHOWN = 5


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """What resembles the lead to be created, and how much of RoofLink was compared."""

    likely: tuple[Found, ...]
    ids: frozenset[int]
    """Every prospect that resembles it, likely or not."""
    told: str
    when: float
    failed: str = ""

    def refusal(self) -> Refused | None:
        """Why the lead is not created without a person's word."""
        ask = "If it is to be created all the same, call again with allow_duplicate=true; the user is then asked."
        if self.failed:
            return Refused(
                "duplicates_unchecked", f"Nothing was sent: duplicates could not be looked for. {self.failed}", ask
            )
        if not self.likely:
            return None
        found = "; ".join(_line(row) for row in self.likely[:SHOWN])
        return Refused(
            "likely_duplicate",
            f"Nothing was sent: RoofLink seems to have it already: {found}. {self.told}",
            "Look at it with rooflink_get_prospect.",
            ask,
        )

    def preview(self) -> tuple[PreviewLine, ...]:
        """What a person is shown who is to approve a likely duplicate."""
        lines: list[PreviewLine] = [
            "It is created even if the same customer or job exists already. A duplicate can only be deleted by hand."
        ]
        if self.failed:
            lines.append("Duplicates could not be looked for.")
        for found in self.likely[:SHOWN]:
            lines.append(f"It resembles prospect {found.prospect_id}: {', '.join(found.match.evidence)}.")
            lines.append(
                (f"Customer of prospect {found.prospect_id}", clean(found.told.name, limit=LABEL_LIMIT) or "no name")
            )
        return tuple(lines)


async def check_duplicates(deck: Deck, sought: Sought) -> DuplicateCheck:
    """Compare with RoofLink's prospects, the newest first, for a part of the call's deadline.

    Raises:
        StateError: the state store cannot be used.
    """
    from leadbridge.server.prospects.duplicates import likely_duplicates

    seconds = min(MOST_SECONDS, deck.settings.call_deadline * SHARE_OF_DEADLINE)
    when = deck.ledger.clock()
    try:
        report = await likely_duplicates(deck, sought, seconds)
    except ServiceError as error:
        return DuplicateCheck((), frozenset(), "Duplicates were not looked for.", when, str(error))
    ids = frozenset(found.prospect_id for found in report.matches)
    told = f"Duplicates: {report.checked}."
    if report.stopped:
        told += f" Not all were compared ({report.stopped})."
    return DuplicateCheck(report.likely, ids, told, when)


def _line(found: Found) -> str:
    evidence = ", ".join(found.match.evidence)
    return f"prospect {found.prospect_id} ({_name(found)}; {evidence})"


def _name(found: Found) -> str:
    return quoted(clean(found.told.name, limit=LABEL_LIMIT) or "no name")
