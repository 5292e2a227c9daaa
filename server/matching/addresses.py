"""Addresses as they are compared: one line or its parts, American and Canadian, in whatever notation.

Street types, directions and units come in the forms of USPS Publication 28 and Canada Post's addressing guidelines.
No address is looked up: what is compared is what is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from leadbridge.server.matching.roads import has_box
from leadbridge.server.matching.streets import Street, street_of
from leadbridge.server.matching.text import fold, plain
from leadbridge.server.matching.vocabulary import (
    AMBIGUOUS_STATES,
    CANADA,
    LONE_UNITS,
    STRONG,
    UNIT_WORDS,
    french_type,
    state_names,
    street_type,
)

_COUNTRY = re.compile(r"[\s,]+(?:U ?S ?A?|UNITED STATES(?: OF AMERICA)?|CANADA|CAN)\s*$")
_ZIP = re.compile(r"(?:^|[\s,])(\d{5})(?:[ -]?\d{4})?\s*$")
_POSTAL = re.compile(r"(?:^|[\s,])([ABCEGHJ-NPRSTVXY]\d[A-Z])[ -]?(\d[A-Z]\d)\s*$")
_SHORT_ZIP = re.compile(r"[\s,](CT|MA|ME|NH|NJ|RI|VT)[\s,]+(\d{4})(?:-\d{4})?\s*$")
"""The codes of these states begin with a zero, which spreadsheets eat."""
_CITY_WORDS = {"SAINT": "ST", "SAINTE": "STE", "FORT": "FT", "MOUNT": "MT", "NORTH": "N", "SOUTH": "S", "EAST": "E"} | {
    "WEST": "W", "HEIGHTS": "HTS", "SPRINGS": "SPGS", "CITY": "CITY"
}  # fmt: skip
_CITIES = {"QUEBEC CITY": "QUEBEC", "NEW YORK CITY": "NEW YORK", "NYC": "NEW YORK", "WASHINGTON DC": "WASHINGTON"}
_LOST_ZERO = frozenset({"CT", "MA", "ME", "NH", "NJ", "RI", "VT"})
_DIGITS, _DIGITS_LESS_ONE = 5, 4
_UNIT_WORDS = 4


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart. Parts that are not known are empty."""

    street: Street = field(default_factory=Street)
    city: str = ""
    state: str = ""
    postal: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a street or a box to compare."""
        return bool(self.street.name or self.street.box)

    @property
    def line(self) -> str:
        """The address in its one form."""
        street = self.street
        words = [street.number, street.before, *street.name, street.type, street.after]
        words += [street.units, f"PO BOX {street.box}" if street.box else ""]
        parts = [" ".join(word for word in words if word), self.city, f"{self.state} {self.postal}".strip()]
        return ", ".join(part for part in parts if part)


@lru_cache(maxsize=4096)
def address_of(text: str, city: str = "", state: str = "", postal_code: str = "") -> Address:
    """The address in a text; what is known besides (town, state, postal code) counts more than what the text says."""
    line = " ".join(re.sub(r"[\n;|]+", ",", plain(text)).split()).strip(" ,")
    line = _COUNTRY.sub("", line)
    line, postal = _take_postal(line)
    line = _COUNTRY.sub("", line)
    known_state = _state(state)
    line, found_state = _take_state(line, after_postal=bool(postal), known=known_state)
    known_state = known_state or found_state
    postal = _postal(postal_code, known_state) or postal
    if known_state == "HI":
        line = re.sub(r"\b(\d+)-(\d+)\b", r"\1\2", line, count=1)  # 94-123 Waipahu St: one house number
    parts = [part for part in (row.strip() for row in line.split(",")) if part]
    known_city = _city(city)
    canada = known_state in CANADA or (bool(postal) and not postal[0].isdigit())
    french = known_state == "QC" or any(french_type(word, french=False) for word in fold(line).split()[:4])
    street, found_city = _street_and_city(parts, known_city, canada=canada, french=french)
    return Address(replace(street, rest=()), known_city or found_city, known_state, postal)


def _take_postal(line: str) -> tuple[str, str]:
    if found := _POSTAL.search(line):
        return line[: found.start()].rstrip(" ,"), found.group(1) + found.group(2)
    if found := _SHORT_ZIP.search(line):
        return line[: found.start(2)].rstrip(" ,"), f"0{found.group(2)}"
    found = _ZIP.search(line)
    if found is None or found.start() == 0:
        return line, ""
    return line[: found.start()].rstrip(" ,"), found.group(1)


def _postal(text: str, state: str) -> str:
    """A postal code given by itself: ZIP+4 cut to the ZIP code, a zero that a spreadsheet ate put back."""
    squeezed = re.sub(r"[^A-Z0-9]", "", plain(text))
    if re.fullmatch(r"[A-Z]\d[A-Z]\d[A-Z]\d", squeezed):
        return squeezed
    digits = squeezed if squeezed.isdigit() else ""
    if len(digits) in {_DIGITS_LESS_ONE, _DIGITS_LESS_ONE + 4} and (not state or state in _LOST_ZERO):
        digits = f"0{digits}"
    return digits[:_DIGITS] if len(digits) in {_DIGITS, _DIGITS + 4} else ""


def _state(text: str) -> str:
    return state_names().get(fold(text), "")


def _take_state(line: str, *, after_postal: bool, known: str) -> tuple[str, str]:
    """The state at the end of a line, if one stands there."""
    words = re.findall(r"[^\s,]+|,", line)
    for count in (4, 3, 2, 1):
        if len(words) <= count or "," in words[-count:]:
            continue
        tail = fold(" ".join(words[-count:]))
        code = state_names().get(tail, "") or state_names().get(tail.replace(" ", ""), "")
        if not code or (known and code != known):
            continue
        alone = words[-count - 1] == ","
        if count == 1 and code in AMBIGUOUS_STATES and len(tail) == 2 and not alone:  # noqa: PLR2004
            # "12 Oak Ct 06001": a court, unless the street has its type or the line another part.
            typed = any(street_type(fold(word)) for word in words[2:-1])
            if not (known or "," in words or (after_postal and typed)):
                continue
        if count == 1 and len(tail) > 2 and not (alone or after_postal):  # noqa: PLR2004
            continue  # "400 Oregon": a street
        return re.sub(r"[\s,]+$", "", line[: _start_of_tail(line, count)]), code
    return line, ""


def _start_of_tail(line: str, count: int) -> int:
    starts = [found.start() for found in re.finditer(r"[^\s,]+", line)]
    return starts[-count]


def _city(text: str) -> str:
    folded = fold(text)
    return _CITIES.get(folded) or " ".join(_CITY_WORDS.get(word, word) for word in folded.split())


def _street_and_city(parts: list[str], city: str, *, canada: bool, french: bool) -> tuple[Street, str]:
    """The part that holds the street, and the last of those behind it as the town."""
    if not parts:
        return Street(), ""
    index = next((at for at, part in enumerate(parts) if _is_street(part)), 0)
    line, behind = parts[index], parts[index + 1 :]
    if re.fullmatch(r"\d+[A-Z]?", line) and behind:
        line, behind = f"{line} {behind[0]}", behind[1:]  # 1234, rue Sainte-Catherine
    before = [part for part in parts[:index] if _is_unit(part)]
    units: list[str] = []
    while behind and (
        _is_unit(behind[0]) or has_box(behind[0]) or (city and len(behind) > 1 and _short_unit(behind[0]))
    ):
        units.append(behind.pop(0))
    if has_box(line) and behind and _is_street(behind[0]):
        units.append(line)
        line, behind = behind[0], behind[1:]
    line = " ".join([line, *(_as_unit(part) for part in (*before, *units))])
    found = _city(behind[-1]) if behind else ""
    town = city or found
    if town and (cut := _without_town(line, town)):
        line = cut
    split = not behind and not city
    street = street_of(line, strong=STRONG if split else None, canada=canada, french=french)
    if split and street.rest:
        found = _city(" ".join(street.rest))
    elif street.rest and not street.unit:
        street = street_of(line, canada=canada, french=french)
    return street, found


def _without_town(line: str, town: str) -> str:
    """The line without the town at its end, where the street before it is whole."""
    words = line.split()
    for count in range(1, min(5, len(words) - 2) + 1):
        if _city(" ".join(words[-count:])) == town and any(street_type(fold(word)) for word in words[2:-count]):
            return " ".join(words[:-count])
    return ""


def _is_street(part: str) -> bool:
    words = part.replace("#", " # ").split()
    if not words or _is_unit(part):
        return False
    return (
        bool(re.match(r"\d|[NSEW]\d+[NSEW]\d", words[0]))
        or words[0] == "#"
        or fold(words[0]) in UNIT_WORDS
        or has_box(part)
    )


def _is_unit(part: str) -> bool:
    """`Apt 301`, `# 301`, `3rd floor`, `rear`: a unit and nothing else."""
    words = re.findall(r"\w+", part)
    if "#" not in part and not any(word in UNIT_WORDS or word in LONE_UNITS for word in words):
        return False
    if len(words) > _UNIT_WORDS:
        return False
    street = street_of(f"1 X ST {_as_unit(part)}")
    return bool(street.unit) and street.name == ("X",) and not street.rest


def _short_unit(part: str) -> bool:
    return bool(re.fullmatch(r"\d+[A-Z]?|[A-Z]\d*", part))


def _as_unit(part: str) -> str:
    """A number in front of a unit's part is one that lost its sign, unless it counts a floor."""
    return f"# {part}" if re.match(r"\d+[A-Z]?\b(?! *(?:FL|FLOOR|FLR|ETAGE)\b)", part) else part
