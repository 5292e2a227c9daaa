"""What RenovationFind tells of a homeowner, as the separate fields that RoofLink takes.

Nothing is guessed: a part that the text does not hold plainly is left out, and asked for by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from leadbridge.server.mcp.texts import LOST, reads_as_nothing
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.text import clean
from leadbridge.tools.pipeline.address_parts import address_parts

_COMPANY = re.compile(
    r"\b(?:LLC|L\.L\.C|INC|LTD|LTEE|CORP|CORPORATION|COMPANY|LP|LLP|PLC|HOA|ASSOCIATION|PROPERTIES|MANAGEMENT|HOLDINGS|"
    r"ENTERPRISES|SERVICES|CONSTRUCTION|APARTMENTS|CONDOMINIUMS?|TRUST|MINISTRIES)\b",
    re.IGNORECASE,
)
_NOBODY = frozenset({"unknown", "n/a", "na", "none", "null", "anonymous", "homeowner", "customer", "test"})
_PHONE = re.compile(
    r"\+?[ ]?(?:\(\+?[0-9]{1,4}\)|[0-9])[0-9 ().-]*(?:[ ,]*(?:x|ext\.?|extension|#)[ ]?[0-9]{1,6})?", re.IGNORECASE
)
"""Digits and what people put between them. A number among other words is asked for instead."""
NAME_LIMIT, PHONE_LIMIT, EMAIL_LIMIT = 100, 60, 254


@dataclass(frozen=True, slots=True)
class LeadParts:
    """Fields by the names of `rooflink_create_lead`'s arguments; why one is left out, by the same names."""

    values: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])


def parts_of(lead: Lead) -> LeadParts:
    """Name, phone, e-mail and address of a lead, in parts. The first call imports the name rules, some 200 ms."""
    name = clean(lead.customerName, limit=2 * NAME_LIMIT)
    values = {**name_parts(name), **address_parts(clean(lead.customerAddress, limit=300))}
    left_out: dict[str, str] = {}
    if name and not values.keys() & {"first_name", "last_name"} and name.casefold() not in _NOBODY:
        left_out["last_name"] = "RenovationFind's name is none that RoofLink takes, and is left out; ask for last_name."
    phone = clean(lead.customerPhone, limit=PHONE_LIMIT)
    if phone and _PHONE.fullmatch(phone):
        values["cell_phone"] = phone
    elif phone:
        left_out["cell_phone"] = "RenovationFind's phone is not plainly a number and is left out; ask for cell_phone."
    email = clean(lead.customerEmail, limit=EMAIL_LIMIT)
    if email and not contact_problems({}, {"email": email})[0]:
        values["email"] = email
    elif email:
        left_out["email"] = "RenovationFind's e-mail has not the form of one and is left out; ask for email."
    for part in [part for part, value in values.items() if reads_as_nothing(value) or LOST in value]:
        del values[part]
        left_out[part] = f"RenovationFind's {part} reads as if there were none, and is left out; ask for {part}."
    return LeadParts(values, left_out)


def name_parts(name: str) -> dict[str, str]:
    """First and last name, middle names with the first, generations with the last; a company's name as the last.

    Titles and nicknames are left out. Nothing is given of a text without letters.
    """
    if name.casefold() in _NOBODY or not any(character.isalpha() for character in name):
        return {}
    if _COMPANY.search(name):
        return _short_enough({"last_name": name})
    from nameparser import HumanName

    parsed = HumanName(name)
    first = " ".join(part for part in (parsed.first, parsed.middle) if part)
    last = " ".join(part for part in (parsed.last, parsed.suffix) if part)
    if not (first or last):
        first = name
    return _short_enough({"first_name": first, "last_name": last})


def _short_enough(values: Mapping[str, str]) -> dict[str, str]:
    """Nothing where one is too long: half a name is another name."""
    given = {name: value for name, value in values.items() if value}
    return given if all(len(value) <= NAME_LIMIT for value in given.values()) else {}
