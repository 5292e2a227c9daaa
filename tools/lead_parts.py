"""What RenovationFind tells of a homeowner, as the separate fields that RoofLink takes.

Nothing is guessed: a part that the text does not hold plainly is left out, and asked for by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from server.guard.contacts import contact_problems
from server.models.places import PLACES
from server.models.renovationfind import Lead
from server.untrusted import clean

_COUNTRY = re.compile(r"[\s,]+(?:U\.?S\.?A\.?|United States(?: of America)?|Canada)\.?$", re.IGNORECASE)
_ZIP = re.compile(r"[\s,]+(\d{5}(?:-\d{4})?)$")
_POSTAL = re.compile(r"[\s,]+([ABCEGHJ-NPRSTVXY]\d[A-Z])[ -]?(\d[A-Z]\d)$", re.IGNORECASE | re.ASCII)
_COMPANY = re.compile(r"\b(?:LLC|INC|LTD|CORP|CORPORATION|COMPANY|LP|LLP|HOA)\b\.?", re.IGNORECASE)
_NOBODY = frozenset({"unknown", "n/a", "na", "none", "homeowner", "test"})


@dataclass(frozen=True, slots=True)
class LeadParts:
    """Fields by the names of `rooflink_create_lead`'s arguments, and what could not be used."""

    values: dict[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


def parts_of(lead: Lead) -> LeadParts:
    """Name, phone, e-mail and address of a lead, in parts. The first call imports the name rules, some 200 ms."""
    values = {
        **name_parts(clean(lead.customerName, limit=200)),
        **address_parts(clean(lead.customerAddress, limit=300)),
    }
    warnings: list[str] = []
    phone, email = clean(lead.customerPhone, limit=60), clean(lead.customerEmail, limit=254)
    if phone and not contact_problems({"cell_phone": phone}, {})[0]:
        values["cell_phone"] = phone
    elif phone:
        warnings.append("RenovationFind's phone has no digits and is left out; ask for cell_phone.")
    if email and not contact_problems({}, {"email": email})[0]:
        values["email"] = email
    elif email:
        warnings.append("RenovationFind's e-mail has not the form of one and is left out; ask for email.")
    return LeadParts(values, tuple(warnings))


def name_parts(name: str) -> dict[str, str]:
    """First and last name, middle names with the first, generations with the last; a company's name as the last."""
    if not name or name.casefold() in _NOBODY:
        return {}
    if _COMPANY.search(name):
        return {"last_name": name[:100]}
    from nameparser import HumanName

    parsed = HumanName(name)
    first = " ".join(part for part in (parsed.first, parsed.middle) if part)
    last = " ".join(part for part in (parsed.last, parsed.suffix) if part)
    if not (first or last):
        first = name
    return {key: value[:100] for key, value in (("first_name", first), ("last_name", last)) if value}


def address_parts(address: str) -> dict[str, str]:
    """Street, town, state and postal code of `street, town, ST 12345` in its usual variants.

    The town is what stands after the last comma before the state. Without such a comma street and town cannot be told
    apart, and neither is given.
    """
    line = _COUNTRY.sub("", " ".join(address.split()).strip(" ,."))
    parts: dict[str, str] = {}
    if found := _POSTAL.search(line):
        parts["postal_code"] = f"{found.group(1)} {found.group(2)}".upper()
    elif found := _ZIP.search(line):
        parts["postal_code"] = found.group(1)
    if found:
        line = _COUNTRY.sub("", line[: found.start()].rstrip(" ,"))
    line, state = _state_at_end(line)
    if state:
        parts["state"] = state
    street, comma, town = line.rpartition(",")
    street, town = street.strip(" ,"), town.strip()
    if comma and street and town and state and not any(character.isdigit() for character in town):
        parts |= {"address": street[:200], "city": town[:100]}
    return parts


def _state_at_end(line: str) -> tuple[str, str]:
    for words in (3, 2, 1):  # Newfoundland and Labrador, North Carolina, Texas or TX
        found = re.search(rf"(?:^|[\s,]+)((?:[^\s,]+\s){{{words - 1}}}[^\s,]+)$", line)
        if found is None:
            continue
        code = _STATES.get(found.group(1).casefold().rstrip("."))
        if code is not None:
            return line[: found.start()].rstrip(" ,"), code
    return line, ""


_STATES = {name.casefold(): code for code, (name, _) in PLACES.items()} | {code.casefold(): code for code in PLACES}
