"""What is shown of a hand-off: the steps that a person approves, each value with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.server.errors import Problem, Refused
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.text import label
from leadbridge.server.writes.plan import Plan

ACCEPTED_ELSEWHERE = (
    "If it was accepted in RenovationFind's portal, call again with already_accepted=true and what the portal tells."
)
_NEEDED = ("address", "state", "postal_code")


@dataclass(frozen=True, slots=True)
class Creation:
    """The RoofLink lead that is to be created, its values by whose they are."""

    plan: Plan
    told: Mapping[str, str]
    """By RenovationFind."""
    given: Mapping[str, Any]
    """In the call."""

    def origins(self) -> list[str]:
        """What comes from where; other people's text is marked."""
        told = ", ".join(f"{name} {label(value, limit=254)}" for name, value in self.told.items())
        lines = [f"From RenovationFind: {told}."] if told else []
        given = ", ".join(f"{name} {value}" for name, value in self.given.items())
        return [*lines, f"Given in the call: {given}."] if given else lines

    def preview(self) -> list[str]:
        """What a person is shown. The plan's own first two lines hold the same values, but not marked."""
        return ["Create a prospect in RoofLink:", *self.origins(), *self.plan.preview[2:]]


def preview(
    title: str,
    given: Mapping[str, Any],
    create: Creation | None,
    *,
    accept: Plan | None,
    job: int | None,
    over: bool,
    noting: bool,
) -> tuple[str, ...]:
    """The whole plan, for a person.

    `job` is the RoofLink job that it is already; `over`: nothing is left to do.
    `noting`: a note about the link belongs to it.
    """
    lines = [f"Hand {title} off from RenovationFind to RoofLink:"]
    if over:
        noted = ", and the link is noted there" if noting else ""
        return (*lines, f"It is RoofLink job {job} already{noted}: nothing is left to do.")
    if accept is None:
        lines.append("It is accepted already.")
    else:
        lines.append("Accept it on RenovationFind, which reveals the homeowner's contact details. It cannot be undone.")
    if job is not None:
        lines.append(f"It is RoofLink job {job} already.")
    elif create is not None:
        lines += create.preview()
    else:
        values = ", ".join(f"{name} {value}" for name, value in given.items())
        lines.append(
            "Create a prospect in RoofLink with the name, phone, e-mail and address that RenovationFind then tells"
            + (f", and with what was given in the call: {values}." if values else ", and nothing else.")
        )
        lines.append("If RoofLink seems to have it already, or something is missing, it stops there and says so.")
    if noting:
        lines.append("Then a note about the link is added there; nobody is notified.")
    return tuple(lines)


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
        f"Nothing more was sent: write {write_id} put the lead into RoofLink, but the job's id is not on record.",
        "Find the job with find_matching_prospects; it is not created again, and no note about the link is added.",
    )
