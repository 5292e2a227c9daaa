"""What is shown of a hand-off: the steps that a person approves, each value with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.server.errors import Problem, Refused
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.services.rooflink.location import proposed_postal_code
from leadbridge.server.services.rooflink.models import Prospect
from leadbridge.server.services.rooflink.places import PLACES
from leadbridge.server.text import LABEL_LIMIT, clean, label
from leadbridge.server.writes.model import Write
from leadbridge.server.writes.preview import PreviewLine, titled

_NEEDED = ("address", "state", "postal_code")
_TOGETHER = (
    ("first_name", "last_name"), ("address",), ("city", "state", "postal_code"), ("cell_phone",), ("home_phone",),
    ("email",),
)  # fmt: skip
"""What is shown of a lead in one line, in the order in which an address is written."""


@dataclass(frozen=True, slots=True)
class Creation:
    """The RoofLink lead that is to be created, its values by whose they are."""

    plan: Write
    from_lead: Mapping[str, str]
    """By RenovationFind."""
    given: Mapping[str, Any]
    """In the call."""

    def receipt(self) -> list[PreviewLine]:
        """What came from where, once it is in RoofLink."""
        taken = [*filter(None, (" ".join(filter(None, map(self.from_lead.get, names))) for names in _TOGETHER))]
        return [*([("Taken from RenovationFind", taken)] if taken else []), *given_lines(self.given)]

    def preview(self) -> list[PreviewLine]:
        """What a person is shown, of the customer and the address where each part comes from."""
        others = [line for line in self.plan.preview.lines[1:] if line[0] not in {"Customer", "Address"}]
        return [
            *others,
            *(["From RenovationFind:"] if self.from_lead else []),
            *((titled(name), value) for name, value in self.from_lead.items()),
            *given_lines(self.given),
        ]


@dataclass(frozen=True, slots=True)
class Steps:
    """What of a hand-off is still to do, as far as that is known before."""

    accept: Write | None
    create: Creation | None
    existing: Prospect | None
    """What it is to be tied to."""
    job: int | None
    """The prospect that it is already."""
    over: bool
    """Nothing is left to do."""
    noting: bool
    """A note about the link belongs to it."""

    @property
    def prospect(self) -> int | None:
        """The prospect that it will be, unless one is created."""
        return self.existing.id if self.existing is not None else self.job


def given_lines(given: Mapping[str, Any]) -> list[PreviewLine]:
    """What was given in the call."""
    return [*(["Given in the call:"] if given else []), *((titled(name), value) for name, value in given.items())]


def preview(
    lead_id: int, given: Mapping[str, Any], to_do: Steps, customer: Iterable[PreviewLine]
) -> tuple[PreviewLine, ...]:
    """The whole plan, for a person."""
    create, existing, job = to_do.create, to_do.existing, to_do.job
    title = f"Hand off lead {lead_id} from RenovationFind to RoofLink"
    if to_do.over:
        noted = ", and the link is noted there" if to_do.noting else ""
        return (f"{title}:", f"It is prospect {job} in RoofLink already{noted}: nothing is left to do.", *customer)
    steps = list[str]()
    if to_do.accept is not None:
        steps.append(
            "Accept it on RenovationFind. This cannot be undone, and it reveals the homeowner's contact details."
        )
    if existing is not None:
        steps.append(f"Tie it to prospect {existing.id} in RoofLink. No prospect is created.")
        customer = [*customer, *_of_prospect(existing)]
    elif job is None and create is not None:
        steps.append("Create a prospect in RoofLink, as shown below.")
    elif job is None:
        also = " and from what was given in the call" if given else ""
        steps.append(f"Create a prospect in RoofLink from those details{also}.")
    if to_do.noting:
        steps.append("Add a note to the prospect that names the lead. Nobody is e-mailed.")
    lines: list[PreviewLine] = [f"{title}:" if job is not None else f"{title}. Approving does all of this:"]
    lines += [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    if to_do.accept is None:
        lines.append("The lead is accepted already.")
    if job is not None:
        lines.append(f"It is prospect {job} in RoofLink already.")
    if job is not None or existing is not None:
        return (*lines, *customer)
    if create is None:
        return (*lines, *_may_stop(given), *customer, *given_lines(given))
    return (*lines, *customer, *create.preview())


def _may_stop(given: Mapping[str, Any]) -> list[str]:
    """What may keep RoofLink from getting the lead, which shows only when it is accepted."""
    lines = ["It stops after step 1 if RoofLink may already have this customer."]
    if needed := [titled(name).lower() for name in _NEEDED if name not in given]:
        *others, last = needed
        names = f"{', '.join(others)} or {last}" if others else last
        lines.append(
            f"It also stops there if RenovationFind does not say the {names} plainly. The same call with what is "
            "missing then continues, and accepts nothing twice."
        )
    if "latitude" not in given:
        lines.append("Without coordinates, it sends those of the centre of the ZIP or postal code's area.")
    return lines


def _of_prospect(prospect: Prospect) -> list[PreviewLine]:
    customer = prospect.customer
    return [
        ("Customer of the prospect", clean(customer.name if customer else "", limit=LABEL_LIMIT) or "no name"),
        ("Address of the prospect", clean(prospect.full_address or prospect.name, limit=LABEL_LIMIT) or "none"),
    ]


def missing(values: Mapping[str, Any], known: KnownLead | None, *, readable: bool) -> list[Problem]:
    """What RoofLink needs and nobody gave, by the argument's name, with what RenovationFind says instead."""
    lacking = [name for name in _NEEDED if name not in values]
    why = "RenovationFind does not say it plainly; ask the user"
    if known is None or known.unseen:
        why = "LeadBridge has not seen this lead; "
        why += "renovationfind_get_lead may show it, else ask the user" if readable else "ask the user"
    problems = [*map(Problem, lacking, (f"is needed, and {why}", "is needed too", "is needed too"))]
    said = label(known.lead.customerAddress, limit=300) if known is not None else ""
    if problems and said:
        first = problems[0]
        problems[0] = Problem(first.argument, f"{first.message}. Its address is {said}")
        if problems[-1].argument == "postal_code" and (meant := _meant_postal_code(said, values)):
            problems[-1] = Problem("postal_code", f"{problems[-1].message}. Did it mean {meant}?")
    return problems


def _meant_postal_code(line: str, values: Mapping[str, Any]) -> str:
    """What the end of an address was meant to be: `MA 2720`, `AB T2E OA1`."""
    from leadbridge.server.matching.addresses import address_of

    line = re.sub(r"[^\w\s,-]", "", line)
    state = values.get("state") or address_of(line).state
    ends = (" ".join(line.split()[-count:]) for count in (2, 1))
    return next((meant for end in ends if state in PLACES and (meant := proposed_postal_code(state, end))), "")


def no_record(write_id: int | None) -> Refused:
    """The lead is in RoofLink, but nobody knows as which prospect."""
    return Refused(
        "no_record",
        f"write {write_id} created the prospect in RoofLink, but its id is not on record.",
        "Find it with find_matching_prospects; it is not created again, and no note about the link is added.",
    )


def already_tied(lead_id: int, job: int) -> Refused:
    """The lead is another prospect's."""
    return Refused(
        "already_handed_off",
        f"lead {lead_id} is prospect {job} in RoofLink already.",
        f"Look at it with rooflink_get_prospect (prospect_id={job}).",
    )


def accepted_only(lead_id: int, refusal: Refused | None) -> Refused | None:
    """Why a hand-off stops between its steps, with what was done before."""
    if refusal is None:
        return None
    why = f"lead {lead_id} is accepted, and not in RoofLink yet: {refusal.why}"
    return Refused(refusal.reason, why, *refusal.next_steps)


def or_tied(refusal: Refused | None) -> Refused | None:
    """A refused creation, with the other way: a duplicate can be tied to."""
    if refusal is None or refusal.reason != "likely_duplicate":
        return refusal
    tie = "If it is the same customer and house, call again with existing_prospect_id to tie the lead to it."
    return Refused(refusal.reason, refusal.why, *refusal.next_steps, tie)


def unlike(known: KnownLead | None, prospect: Prospect) -> list[str]:
    """A warning where what is known of the lead has nothing in common with the prospect."""
    from leadbridge.server.matching.compare import compare
    from leadbridge.server.matching.profile import ContactDetails, profile_of
    from leadbridge.server.prospects.index import details_of

    if known is None:
        return []
    lead = known.lead
    ours = profile_of(
        ContactDetails(
            address=lead.customerAddress or "",
            phones=(("phone", lead.customerPhone),) if lead.customerPhone else (),
            email=lead.customerEmail or "",
            name=lead.customerName or "",
        )
    )
    if ours.empty or compare(ours, profile_of(details_of(prospect))).level != "none":
        return []
    return [f"The lead and prospect {prospect.id} have no address, phone, e-mail or name in common."]
