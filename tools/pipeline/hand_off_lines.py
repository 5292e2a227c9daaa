"""What is shown of a hand-off: the steps that a person approves, each value with where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.server.errors import Problem, Refused
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.text import label
from leadbridge.server.writes.model import Write
from leadbridge.server.writes.preview import PreviewLine, titled

ACCEPTED_ELSEWHERE = (
    "If it was accepted in RenovationFind's portal, call again with already_accepted=true and what the portal tells."
)
_NEEDED = ("address", "state", "postal_code")


@dataclass(frozen=True, slots=True)
class Creation:
    """The RoofLink lead that is to be created, its values by whose they are."""

    plan: Write
    told: Mapping[str, str]
    """By RenovationFind."""
    given: Mapping[str, Any]
    """In the call."""

    def origins(self) -> list[PreviewLine]:
        """What comes from where."""
        return [
            *(["From RenovationFind:"] if self.told else []),
            *((titled(name), value) for name, value in self.told.items()),
            *given_lines(self.given),
        ]

    def preview(self) -> list[PreviewLine]:
        """What a person is shown, of the customer and the address where each part comes from."""
        others = [line for line in self.plan.preview.lines[1:] if line[0] not in {"Customer", "Address"}]
        return [*others, *self.origins()]


def given_lines(given: Mapping[str, Any]) -> list[PreviewLine]:
    """What was given in the call."""
    return [*(["Given in the call:"] if given else []), *((titled(name), value) for name, value in given.items())]


def preview(
    lead_id: int,
    given: Mapping[str, Any],
    create: Creation | None,
    *,
    customer: Iterable[PreviewLine],
    accept: Write | None,
    job: int | None,
    over: bool,
    noting: bool,
) -> tuple[PreviewLine, ...]:
    """The whole plan, for a person.

    `job` is the RoofLink job that it is already; `over`: nothing is left to do.
    `noting`: a note about the link belongs to it.
    """
    lines: list[PreviewLine] = [f"Hand lead {lead_id} off from RenovationFind to RoofLink:"]
    if over:
        noted = ", and the link is noted there" if noting else ""
        return (*lines, f"It is RoofLink job {job} already{noted}: nothing is left to do.", *customer)
    if accept is None:
        lines.append("It is accepted already.")
    else:
        lines.append("Accept it on RenovationFind, which reveals the homeowner's contact details. It cannot be undone.")
    if job is not None:
        lines.append(f"It is RoofLink job {job} already.")
    elif create is not None:
        lines.append("Create a prospect in RoofLink, as shown below.")
    else:
        lines.append(
            "Create a prospect in RoofLink with the name, phone, e-mail and address that RenovationFind then tells"
            + (", and with what was given in the call." if given else ", and nothing else.")
        )
        lines.append("If RoofLink seems to have it already, or something is missing, it stops there and says so.")
    if noting:
        lines.append("Then a note about the link is added there; nobody is notified.")
    if job is not None:
        return (*lines, *customer)
    return (*lines, *customer, *(create.preview() if create is not None else given_lines(given)))


def missing(values: Mapping[str, Any], known: KnownLead | None) -> list[Problem]:
    """What RoofLink needs and nobody told, by the argument's name, with what RenovationFind says instead."""
    problems = [
        Problem(name, "is needed, and RenovationFind does not tell it plainly; ask the user")
        for name in _NEEDED
        if name not in values
    ]
    said = label(known.lead.customerAddress, limit=300) if known is not None else ""
    if problems and said:
        first = problems[0]
        problems[0] = Problem(first.argument, f"{first.message}. Its address is {said}")
    return problems


def no_record(write_id: int | None) -> Refused:
    """The lead is in RoofLink, but nobody knows as which job."""
    return Refused(
        "no_record",
        f"write {write_id} put the lead into RoofLink, but the job's id is not on record.",
        "Find the job with find_matching_prospects; it is not created again, and no note about the link is added.",
    )
