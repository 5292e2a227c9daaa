"""What RoofLink's list says of a prospect, in the form in which matching compares it."""

from __future__ import annotations

from leadbridge.server.matching.profile import ContactDetails
from leadbridge.server.services.rooflink.models import Prospect


def details_of(prospect: Prospect) -> ContactDetails:
    """Address, contacts and name of a prospect as people wrote them."""
    customer = prospect.customer
    phones = (("cell", customer.cell), ("home", customer.phone)) if customer else ()
    return ContactDetails(
        address=prospect.full_address or prospect.name or "",
        city=prospect.city or "",
        state=prospect.state or "",
        postal_code=prospect.zipcode or "",
        phones=tuple((kind, phone) for kind, phone in phones if phone),
        email=(customer.email if customer else None) or "",
        name=(customer.name if customer else None) or "",
    )
