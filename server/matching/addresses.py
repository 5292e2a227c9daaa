"""Addresses as they are compared: one line or its parts, American and Canadian, in whatever notation.

Street types, directions and units come in the forms of USPS Publication 28 and Canada Post's addressing guidelines.
No address is looked up: what is compared is what is written. What is not part of an address is a remark, known by where
it comes: after the postal code, in brackets or stars, behind a dash, behind a whole street.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import combinations, pairwise

from leadbridge.server.matching.regions import city_of, postal_of, state_of, take_postal, take_state, towns_around
from leadbridge.server.matching.roads import take_boxes
from leadbridge.server.matching.streets import Street, begins_house, street_of
from leadbridge.server.matching.text import fold, plain
from leadbridge.server.matching.units import is_unknown_unit
from leadbridge.server.matching.vocabulary import french_type, street_type, words

_ASIDE = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\*+([^*]*)\*+|\"([^\"]*)\"|[(\[*]([^(),]*)(?=,|$)")
_HOUSE_ASIDE = re.compile(r"^(?!\W*\d)([^(]*?) *\((\d+[A-Z]? [A-Z][^()\d]*)\)")
"""`Lot 14 Fox Estates (118 Vixen Run)`."""
_ELISION = re.compile(r"\b(\w+\.? )[dl]['\u2019](?=\w)", re.IGNORECASE)
"""`de l'Hôtel`, `rue d'Auteuil`: behind a French word, an article as others are, and left out as they are."""
_LABEL = re.compile(r"^([A-Z][A-Z ]{2,24})(?:: *| +-+ +)(?=#? ?\d)")
"""`Rental: 614 Pine Knoll Rd`."""
_TOWN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart. Parts that are not known are empty."""

    street: Street = field(default_factory=Street)
    city: str = ""
    state: str = ""
    postal: str = ""
    unparted: str = ""
    """The street and its town, where no comma parts them and the town was not given."""
    places: tuple[str, ...] = ()
    """What stands between street and town: a part of it, a village near it, or a remark."""

    @property
    def known(self) -> bool:
        """Whether there is a street or a box to compare; house number 0 means none."""
        place = self.street.name or self.street.box not in {"", "GD"}  # general delivery is everybody's
        return bool(place) and self.street.number != "0"

    @property
    def line(self) -> str:
        """The address in its one form."""
        street = self.street
        row = [street.number + (f"-{street.until}" if street.until else ""), street.before, *street.name]
        row += [street.type, street.after, street.units, re.sub(r"\bBOX(?=\d)", "PO BOX ", street.box)]
        parts = [" ".join(word for word in row if word), self.city, f"{self.state} {self.postal}".strip()]
        return ", ".join(part for part in parts if part)

    @property
    def within(self) -> tuple[str, ...]:
        """The town, those named beside it, and the one that it is a part of."""
        return (self.city, *self.places, *towns_around(self.city))

    def towns(self) -> list[str]:
        """What the town may be, without blanks; the last words of a line that no comma parts."""
        tail = self.unparted.split()
        found = [city_of(" ".join(tail[-count:])) for count in range(1, min(_TOWN_WORDS, len(tail) - 2) + 1)]
        return [town.replace(" ", "") for town in dict.fromkeys([*self.within, *found]) if town]


@lru_cache(maxsize=4096)
def address_of(text: str, city: str = "", state: str = "", postal_code: str = "") -> Address:
    """The address in a text; what is known besides (town, state, postal code) counts more than what the text says."""
    line = " ".join(re.sub(r"[\n;|]+| / (?=\d)", ",", plain(_ELISION.sub(_without_article, text))).split()).strip(" ,")
    line = _HOUSE_ASIDE.sub(lambda found: f"{found[2]}{f', {found[1]}' if _is_unit(found[1]) else ''}", line)
    line = _LABEL.sub(lambda found: found[0] if _is_unit(found[1]) else "", line)
    if is_no_address(line):
        return Address(Street(), city_of(city), state_of(state), postal_of(postal_code, state_of(state)))
    line = re.sub(r"(\d.*,.*?) *\*{2,}.*", r"\1", line)
    line = _without_asides(re.sub(r"(?<=[A-Z]{2}) *(?:[@&]| /) *(?=[A-Z])[^,]*(?=,)", " ", line))  # Oakland Way @ Pine
    line, postal, behind = take_postal(line)
    canadian = bool(postal) and not postal[0].isdigit()
    behind_state = state_of(behind)
    known_state = state_of(state) or (behind_state if (behind_state in words().places.canada) == canadian else "")
    line, found_state = take_state(line, after_postal=bool(postal), known=known_state)
    known_state = known_state or found_state
    postal = postal_of(postal_code, known_state) or postal
    if known_state == "HI":
        line = re.sub(r"\b(\d+)[- ](\d+)\b", r"\1\2", line, count=1)  # 94-123 Waipahu St: one house number
    line, box = take_boxes(line)
    if _is_unit(behind):
        line = f"{_as_unit(behind)}, {line}"
    if canadian and not known_state and postal[0] in "GHJ":
        known_state = "QC"
    region = _Region(known_state, known_state in words().places.canada or canadian, _is_french(line, known_state))
    street, towns, unparted = _street_and_city(_parts(line, box), city_of(city), region)
    street = replace(street, box=box, rest=())
    return Address(street, towns[-1], known_state, postal, unparted, towns[:-1])


def with_town(address: Address, town: str) -> Address:
    """The address as it reads if its last words are this town; unchanged where they are not."""
    if not address.unparted or not town or address.city == town or town.replace(" ", "") not in address.towns():
        return address
    return replace(address_of(address.unparted, town, address.state, address.postal), unparted="")


def _without_article(found: re.Match[str]) -> str:
    word = fold(found[1])
    return found[1] if word == "DE" or word in words().french.types else found[0]


def is_no_address(text: str) -> bool:
    """Whether a text means "no address": `TBD`, `Same as mailing`."""
    folded = fold(text)
    street = re.sub(r"^\d+ (?=\w{3})", "", fold(text.partition(",")[0]))
    if folded in words().signs.no_address or street in words().signs.no_address:
        return True
    return any(f"{street} ".startswith(begin) for begin in words().signs.no_address_begins)


@dataclass(frozen=True, slots=True)
class _Region:
    state: str
    canada: bool
    french: bool


def _is_french(line: str, state: str) -> bool:
    begin = fold(line).split()[:5]
    typed = any(french_type(word, french=False) for word in begin)
    pairs = pairwise(begin)
    article = any(french_type(word, french=True) and after in {"DE", "DU", "DES"} for word, after in pairs)
    sided = any(french_type(word, french=True) for word in begin) and not {"NORD", "SUD", "OUEST"}.isdisjoint(begin)
    town = any(fold(line).endswith(f" {one}") for one in words().french.towns)
    return state == "QC" or typed or article or sided or (town and not state)


def _without_asides(line: str) -> str:
    """Without what is in brackets, stars or quotation marks, unless it is a unit or a state."""

    def kept(found: re.Match[str]) -> str:
        inner = next((group for group in found.groups() if group), "").strip()
        if state_of(inner):
            return f", {inner} "
        return f" {inner} " if _is_unit(inner) or re.fullmatch(r"[A-Z]{1,2}|\d+[A-Z]?", inner) else " "

    cut = re.sub(r"\s+", " ", _ASIDE.sub(kept, line)).replace(" ,", ",").strip(" ,")
    return cut if re.search(r"\w", cut) else re.sub(r"[()\[\]*\"]", " ", line).strip(" ,")


def _parts(line: str, box: str) -> list[str]:
    """What commas part; remarks behind a dash are left out."""
    parts = [_without_dash(part.strip()) for part in line.split(",")]
    kept = [part for part in parts if part.strip(" -#")]
    if box and not any(_is_street(part) for part in kept):
        return ["", *kept]
    return kept


def _without_dash(part: str) -> str:
    first, *others = re.split(r"\s+-+\s+|\s*-{2,}\s*", part)
    for other in others:
        if re.match(r"[#\d]", other) or _is_unit(other) or re.fullmatch(r"\W*[\d#]?\w{0,4}", first):
            first = (
                f"{first} - {other}"
                if re.fullmatch(r"[\w# ]*\d\w*", first) and other[:1].isdigit()
                else f"{first} {other}"
            )
    return first


def _street_and_city(parts: list[str], city: str, region: _Region) -> tuple[Street, tuple[str, ...], str]:
    """The part that holds the street, the towns behind it, and the line that may hold both."""
    if not parts:
        return Street(), (city,), ""
    streets = [at for at, part in enumerate(parts) if _is_street(part)] if parts[0] else []
    sure = [at for at in streets if begins_house(row := parts[at].split()) and street_type(row[-1])]
    index = next(iter(sure if streets[1:] and parts[streets[0]].startswith("LOT ") else streets), 0)
    line, behind = parts[index], parts[index + 1 :]
    units = [part for part in parts[:index] if _is_unit(part) or _short_unit(part)]
    if behind and re.fullmatch(r"(?:# ?)?\d+[A-Z]?", line) and begins_house(behind[0].split()):
        units.append(line)  # 301, 10182-101 St
        line, behind = behind[0], behind[1:]
    elif behind and re.fullmatch(r"(?:# ?|NO\.? ?)?\d+(?:[ -]?[A-Z]|-\d+[A-Z]?| ?BIS| \d/\d)?", line):
        line, behind = f"{line} {behind[0]}", behind[1:]  # 1234, rue Sainte-Catherine
    while behind and (_is_unit(behind[0]) or ((city or len(behind) > 1) and _short_unit(_door(behind[0])))):
        units.append(_door(behind.pop(0)))
    if behind and (found := _unit_and_town(behind[0])):
        units.append(found[0])
        behind[0] = found[1]
    behind = [re.sub(r"^\S+ .*[A-Z]{4}\. (?=[A-Z])", "", part) for part in behind]  # use side door. Sandusky
    named = [part for part in behind if not re.search(r"\d", part)] or behind[-1:]
    named = [part for part in named if not re.search(r"\b(?:COUNTY|PARISH)$", part)] or named
    halves = [part.split("-") for part in named if part.count("-") == 1 and " " in part]  # Happy Valley-Goose Bay
    named = [*(half for pair in halves for half in pair), *named]
    *near, town = (*map(city_of, named), city) if city else map(city_of, named or [""])
    line = _from_house(_care_of().sub("", line))
    cut = _without_town(line, town) if town else line
    marked = " ".join([cut, *(_as_unit(part) for part in units)])
    street = street_of(marked, parted=bool(town), canada=region.canada, french=region.french, state=region.state)
    street = replace(street, line=marked)
    if town or not line:
        return street, (*near, town), ""
    return street, (city_of(" ".join(street.rest)) if street.type else "",), line


@cache
def _care_of() -> re.Pattern[str]:
    """`c/o Dana Miller` in front of a house number."""
    names = "|".join(re.escape(name) for name in words().signs.care_of)
    return re.compile(rf"^[^\d#]*(?<!\w)(?:{names})\b[^\d#]*(?=[\d#])")


def _from_house(line: str) -> str:
    """The line without words in front of a house and its street that no address has: `Jo Poe 8798 James St`."""
    found = re.match(r"([A-Z .&-]+?) +(?=\d+[A-Z]? +([A-Z].*))", line)
    if not found or not any(street_type(word) in words().strong for word in fold(found[2]).split()[1:]):
        return line
    table = words()
    tables = (
        table.whole,
        table.units,
        table.roads.words,
        table.roads.names,
        table.boxes,
        table.french.types,
        *table.lone_units,
    )
    known = any(word in one for word in fold(found[1]).split() for one in (*tables, table.signs.remarks, table.numbers))
    return line if known else line[found.end() :]


def _without_town(line: str, town: str) -> str:
    """The line without the town at its end, where a street is left before it."""
    row = line.split()
    for count in range(min(_TOWN_WORDS, len(row) - 2), 0, -1):
        if city_of(" ".join(row[-count:])) == town:
            small = words().directions.keys() | words().french.articles
            left = [word for word in row[:-count] if not re.match(r"[\d#-]", word) and word not in small]
            typed = len(left) == 1 and (street_type(left[0]) or french_type(left[0], french=False))
            if (left or any(word[0].isdigit() for word in row[1:-count])) and not typed:
                return " ".join(row[:-count])
    return line


def _is_street(part: str) -> bool:
    row = part.replace("#", " # ").split()
    if not row or _is_unit(part):
        return False
    begin = row[0].replace(".", "")
    if re.match(r"\d+(?:ST|ND|RD|TH)$", begin) and not any(street_type(word) in words().strong for word in row[1:]):
        return False  # 2nd house past the church
    if re.match(r"\d|[NSEW]\d", begin) or begin == "#" or (begin in words().units and re.search(r"\d", part)):
        return True
    return begin in words().signs.number or (
        len(begin) == 1 and begin in "NSEW" and row[1:2] != [] and row[1].isdigit()
    )


@lru_cache(maxsize=1024)
def _is_unit(part: str) -> bool:
    """`Apt 301`, `# 301`, `3rd floor`, `rear`: a unit and nothing else."""
    row = re.findall(r"\w+", part)
    named = any(word in words().units for word in row) or any(
        tuple(row[start:end]) in words().lone_units for start, end in combinations(range(len(row) + 1), 2)
    )
    named = named or (row[:1] == ["NO"] and len(row) > 1 and row[1][:1].isdigit())
    if not row or len(row) > _TOWN_WORDS or ("#" not in part and not named):
        return False
    street = street_of(f"1 X ST {_as_unit(part)}")
    return bool(street.unit) and street.name == ("X",) and not street.rest


def _unit_and_town(part: str) -> tuple[str, str] | None:
    """`# 234 Santa Fe`: a unit, and the town behind it."""
    row = part.split()
    for count in (3, 2, 1):
        unit, town = " ".join(row[:count]), " ".join(row[count:])
        if town and _is_unit(unit) and not re.search(r"\d", town):
            return unit, town
    return None


def _door(part: str) -> str:
    """The number of a unit that has a name of its own, `Pod 6`; other parts as they are."""
    row = part.split()
    return row[1] if len(row) == 2 and is_unknown_unit(row) else part  # noqa: PLR2004


def _short_unit(part: str) -> bool:
    return bool(re.fullmatch(r"\d+-?[A-Z]?|[A-Z]-?\d*", part))


def _as_unit(part: str) -> str:
    """A number in front of a unit's part is one that lost its sign, unless it counts a floor."""
    part = re.sub(r"^(?:NO|NUM|NUMBER|NUMERO)\b[ .#]*(?=\d)", "# ", part)
    return f"# {part}" if re.match(r"\d+-?[A-Z]?\b(?! *(?:FL|FLOOR|FLR|ETAGE)\b)|[A-Z]-?\d*$", part) else part
