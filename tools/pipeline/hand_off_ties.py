"""A lead whose customer is in RoofLink already: tied to that prospect instead of creating another."""

from __future__ import annotations

from leadbridge.server.errors import Refused
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.services.rooflink.models import Prospect


def already_tied(lead_id: int, job: int) -> Refused:
    """The lead is another prospect's."""
    return Refused(
        "already_handed_off",
        f"lead {lead_id} is RoofLink job {job} already.",
        f"Look at it with rooflink_get_prospect (prospect_id={job}).",
    )


def or_tied(refusal: Refused | None) -> Refused | None:
    """A refused creation, with the other way: a duplicate can be tied to."""
    if refusal is None or refusal.reason != "likely_duplicate":
        return refusal
    tie = "If it is the same job, call again with existing_prospect_id: the lead is tied to it, and none is created."
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
