"""A postal address on one line, taken apart as far as its parts can be told apart.

Sources are the usual ways of writing a US or Canadian address. Where a part could also be something else (the `Ct` of
a street, five digits of a road), it is not given: whoever needs it asks for it.
"""

from __future__ import annotations

import re
from typing import Literal

from leadbridge.server.matching.regions import state_of
from leadbridge.server.services.rooflink.places import PROVINCES

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
