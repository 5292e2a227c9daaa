"""What RenovationFind says about a homeowner, as the separate fields that RoofLink takes.

Nothing is guessed: a part that the text does not contain plainly, or that could also be something else (the `Ct` of a
street, five digits of a road), is left out, and asked for by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nameparser import HumanName
from nameparser.config import Constants

from leadbridge.server.matching.names import courtesy_titles, is_nobody, name_of
from leadbridge.server.matching.phones import phones_of
from leadbridge.server.matching.regions import state_of
from leadbridge.server.mcp.scalars import LOST, reads_as_nothing
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.rooflink.contacts import contact_problems
from leadbridge.server.services.rooflink.places import PROVINCES
from leadbridge.server.text import clean, quoted

_PHONE = re.compile(
    r"\+?[ ]?(?:\(\+?[0-9]{1,4}\)|[0-9])[0-9 ().-]*(?:[ ,]*(?:x|ext\.?|extension|#)[ ]?[0-9]{1,6})?", re.IGNORECASE
)
"""Digits and what people put between them: one number, sent as it is."""
NAME_LIMIT, PHONE_LIMIT, EMAIL_LIMIT = 100, 60, 254


@dataclass(frozen=True, slots=True)
class LeadParts:
    """Fields by the names of `rooflink_create_lead`'s arguments; why one is left out, by the same names."""

    values: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])


def parts_of(lead: Lead) -> LeadParts:
    """Name, phones, e-mail and address of a lead, in parts. The first call imports the name rules, some 200 ms."""
    name = clean(lead.customerName, limit=2 * NAME_LIMIT)
    phone_values, left_out = _phone_parts(clean(lead.customerPhone, limit=2 * PHONE_LIMIT))
    values = {**name_parts(name), **phone_values, **address_parts(clean(lead.customerAddress, limit=300))}
    named = " ".join(values.get(part, "") for part in ("first_name", "last_name")).strip()
    if name and not named and not is_nobody(name):
        left_out["last_name"] = "RenovationFind's name is none that RoofLink takes, and is left out; ask for last_name."
    elif named and (lost := [word for word in re.findall(r"[^\s,]+", name) if word.strip('"()') not in named]):
        left_out["name"] = (
            f"Of RenovationFind's name, {quoted(' '.join(lost))} is not sent; give first_name or last_name to send it."
        )
    email = clean(lead.customerEmail, limit=EMAIL_LIMIT)
    if email and not contact_problems({}, {"email": email})[0]:
        values["email"] = email
    elif email:
        left_out["email"] = "RenovationFind's e-mail does not look like one and is left out; ask for email."
    for part in [part for part, value in values.items() if reads_as_nothing(value) or LOST in value]:
        del values[part]
        left_out[part] = f"RenovationFind's {part} reads as if there were none, and is left out; ask for {part}."
    return LeadParts(values, left_out)


def _phone_parts(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """The numbers of a text, each in the field that the word beside it names, and what is said of the rest."""
    if not text:
        return {}, {}
    found = phones_of(text)
    digits = re.sub("[^0-9]", "", text)
    one = len(found) <= 1 and all((phone.number + phone.extension).endswith(digits) for _, phone in found)
    if one and _PHONE.fullmatch(text) and len(text) <= PHONE_LIMIT:
        return {"home_phone" if found and found[0][0] == "home" else "cell_phone": text}, {}
    values: dict[str, str] = {}
    for kind, phone in sorted(found, key=lambda pair: not pair[0]):  # those with a word choose first
        free = [part for part in ("cell_phone", "home_phone") if part not in values]
        if free:
            values[f"{kind}_phone" if f"{kind}_phone" in free else free[0]] = str(phone)
    if not values:
        why = "RenovationFind's phone is not plainly a number and is left out; ask for cell_phone."
        return {}, {"cell_phone": why}
    return values, {"phone": f"The phone is taken from RenovationFind's {quoted(text)}; the other words are not sent."}


def name_parts(name: str) -> dict[str, str]:
    """First and last name, middle names with the first, generations with the last; a company's name as the last.

    Courtesy titles (Mr., Dr.) and nicknames are left out; a word such as Prince or First is a name. Nothing is given of
    a text without letters.
    """
    if is_nobody(name) or not any(character.isalpha() for character in name):
        return {}
    if name_of(name).company:
        return _short_enough({"last_name": name})
    parsed = HumanName(name, constants=Constants(titles=courtesy_titles(), first_name_titles=()))
    first = " ".join(part for part in (parsed.first, parsed.middle) if part)
    last = " ".join(part for part in (parsed.last, parsed.suffix) if part)
    if not (first or last):
        first = name
    return _short_enough({"first_name": first, "last_name": last})


def _short_enough(values: Mapping[str, str]) -> dict[str, str]:
    """Nothing where one is too long: half a name is another name."""
    given = {name: value for name, value in values.items() if value}
    return given if all(len(value) <= NAME_LIMIT for value in given.values()) else {}


Country = Literal["", "us", "ca"]

ADDRESS_LIMIT, CITY_LIMIT = 200, 100
_COUNTRY = re.compile(r"[\s,]+(U\.?S\.?A\.?|United States(?: of America)?|Canada)\.?$", re.IGNORECASE)
_COUNTRY_CODE = re.compile(r"(?<=[0-9])[\s,]+U\.?S\.?$|(?<=[A-Z][0-9])[\s,]+CA$", re.IGNORECASE | re.ASCII)
"""`US` after a ZIP code, `CA` after a Canadian one. Anywhere else, `CA` is California."""
_ZIP = re.compile(r"[\s,]+([0-9]{5}(?:-[0-9]{4})?)$")
_POSTAL = re.compile(r"[\s,]+([ABCEGHJ-NPRSTVXY][0-9][A-Z])[ -]?([0-9][A-Z][0-9])$", re.IGNORECASE | re.ASCII)
_UNIT = re.compile(
    r"(?:#|(?:apt|appt|apartment|unit|suite|ste|bureau|floor|fl|bldg|building|lot|room|rm|trlr|(?:po |p\.o\. )?box)\b)",
    re.IGNORECASE,
)
_NO_TOWN = re.compile(r"\b(?:county|parish|floor|apt|apartment|unit|suite|building)$", re.IGNORECASE)
_STREET_TOO = frozenset({"CT"})
"""Codes that also end a street's name: Court."""


def address_parts(address: str) -> dict[str, str]:
    """Street, town, state and postal code of `street, town, ST 12345` in its usual variants.

    The town is what comes after the last comma before the state. Without such a comma street and town cannot be told
    apart, and neither is given; nor is a street without a number.
    """
    line = " ".join(address.split()).strip(" ,.")
    line = _COUNTRY_CODE.sub("", _COUNTRY.sub("", line)).rstrip(" ,.")
    parts: dict[str, str] = {}
    rest, postal_code, country = _postal_code_at_end(line)
    rest, state = _state_at_end(rest, country)
    if country == "us" and not (state or line[: len(line) - len(postal_code)].rstrip().endswith(",")):
        return parts  # five digits at the end of a road's or a box's name look the same
    if postal_code:
        parts["postal_code"] = postal_code
    if state:
        parts["state"] = state
    street, _, town = (part.strip(" ,") for part in rest.rpartition(","))
    plain = bool(street and town and state) and _is_street(street) and _is_town(town)
    if plain and len(street) <= ADDRESS_LIMIT and len(town) <= CITY_LIMIT:
        parts |= {"address": street, "city": town}
    return parts


def _postal_code_at_end(line: str) -> tuple[str, str, Country]:
    if found := _POSTAL.search(line):
        return line[: found.start()], f"{found.group(1)} {found.group(2)}".upper(), "ca"
    if found := _ZIP.search(line):
        return line[: found.start()], found.group(1), "us"
    return line, "", ""


def _state_at_end(line: str, country: Country) -> tuple[str, str]:
    """What is before the state, and its code; all of the line where its end is none, or might be something else."""
    line = line.rstrip(" ,")
    for words in (3, 2, 1):  # Newfoundland and Labrador, North Carolina, Texas or TX
        found = re.search(rf"(?:^|[\s,]+)((?:[^\s,]+\s){{{words - 1}}}[^\s,]+)$", line)
        code = state_of(found.group(1)) if found is not None else ""
        if found is None or not code or (country and (code in PROVINCES) != (country == "ca")):
            continue
        if words > 1 and state_of(found.group(1).split()[-1]) == code:
            continue  # Washington DC: a town and its state
        before = line[: found.start()]
        after_comma = line[found.start() :].startswith(",")
        chunk = before.rpartition(",")[2]
        own_words = after_comma or ("," in before and not any(character.isdigit() for character in chunk))
        with_code = bool(country) and found.group(1) == code and code not in _STREET_TOO
        if own_words or with_code:
            return before.rstrip(" ,"), code
    return line, ""


def _is_street(text: str) -> bool:
    chunks = [chunk.strip() for chunk in text.split(",")]
    return any(not _UNIT.match(chunk) and any(character.isdigit() for character in chunk) for chunk in chunks)


def _is_town(text: str) -> bool:
    digits = any(character.isdigit() for character in text)
    return not (digits or _UNIT.match(text) or _NO_TOWN.search(text))
