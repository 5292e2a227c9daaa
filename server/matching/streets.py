"""A street line taken apart: house number, directions, name, type and unit, each in the one form that stands for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leadbridge.server.matching.roads import is_numbered_road, spread, without_box
from leadbridge.server.matching.vocabulary import (
    DIRECTIONS,
    FRENCH_ARTICLES,
    FRENCH_DIRECTIONS,
    LONE_UNITS,
    NUMBERS,
    SAINTS,
    TENS,
    UNIT_WORDS,
    french_type,
    street_type,
)

_QUEENS_DIGITS = 2
_RANGE = 20

_NUMBER = re.compile(r"\d+[A-Z]?|[NSEW]\d+[NSEW]\d+")
_UNIT_VALUE = re.compile(r"\d+-?[A-Z]{0,2}|[A-Z]{1,2}-?\d+[A-Z]?|[A-Z]")
_ORDINAL = re.compile(r"(\d+)(?:ST|ND|RD|TH|E|ER|RE|ERE|EME|IEME|IERE)")
_ENGLISH_ONLY = frozenset({"RD", "ROAD", "STREET", "DRIVE", "DR", "LN", "LANE"})
_LONE = frozenset({"", *LONE_UNITS.values()})
_SINGLE = 10
"""Below it, a number joins the tens before it: Twenty-Third."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street line. `rest` is what stood behind the street where nothing parted it off: often the town."""

    number: str = ""
    before: str = ""
    name: tuple[str, ...] = ()
    type: str = ""
    after: str = ""
    unit: str = ""
    box: str = ""
    rest: tuple[str, ...] = ()

    @property
    def units(self) -> str:
        """The unit as it is written: `BLDG 3 # 4`."""
        parts = (
            re.fullmatch(r"(FL|BLDG|LOT|PH|DEPT|TWR|SLIP|HNGR)?(.*)", part) for part in self.unit.split("-") if part
        )
        pairs = [found.groups("") for found in parts if found]
        return " ".join(f"{kind or '#'} {value}" if value not in _LONE else f"{kind}{value}" for kind, value in pairs)

    @property
    def joined(self) -> str:
        """The name without spaces: `Blue Bonnet` and `Bluebonnet` are one."""
        return "".join(self.name)

    @property
    def is_bare_number(self) -> bool:
        """Whether there is one number and nothing else: of a house whose street nobody told."""
        return self.joined.isdecimal() and not (self.number or self.type or self.box)


def street_of(line: str, *, strong: frozenset[str] | None = None, canada: bool = False, french: bool = False) -> Street:
    """A street line, in `plain` characters, taken apart.

    With `strong`, the name ends at one of these street types, and what follows is `rest`.
    """
    line, box, town = without_box(spread(line))
    if town:
        return Street(box=box, rest=tuple(town))
    words, unit = _leading_unit(line.split(), queens=not canada and not french)
    number, words, letter = _house_number(words)
    words, more, rest = _without_units(words, strong)
    unit = "-".join(sorted(part for part in f"{unit}-{more}".split("-") if part)) or letter
    words = " ".join(words).replace("-", " ").split()
    if words and is_numbered_road(words[0]):
        behind, after = _leading_direction([*words[1:], ""], DIRECTIONS)
        return Street(number, "", (words[0],), "", after, unit, box, (*(word for word in behind if word), *rest))
    if (kind := _french(words, canada=canada, french=french)) is not None:
        name, after = _trailing_direction(words[1:], FRENCH_DIRECTIONS)
        return Street(number, "", _canonical(_without_articles(name)), kind, after, unit, box, tuple(rest))
    directions = FRENCH_DIRECTIONS if french else DIRECTIONS
    words, after = _trailing_direction(words, directions)
    words, before = _leading_direction(words, directions)
    words, kind, behind = _type(words, strong)
    if behind and not after and behind[0] in directions:
        behind, after = behind[1:], directions[behind[0]]
    return Street(number, before, _canonical(words), kind, after, unit, box, (*behind, *rest))


def _leading_unit(words: list[str], *, queens: bool) -> tuple[list[str], str]:
    """`Unit 301 4821 Main St`, `#301 - 4821 Main St`, `301-4821 Main St`."""
    kind, rest = "", words
    if len(words) > 1 and words[0] in UNIT_WORDS:
        kind, rest = UNIT_WORDS[words[0]], words[1:]
    marked = rest is not words
    if not rest:
        return words, ""
    if rest[1:2] == ["-"] and re.match(r"\d", "".join(rest[2:3])) and _UNIT_VALUE.fullmatch(rest[0]):
        return rest[2:], kind + _unit_value(rest[0])
    if marked and len(rest) > 1 and re.match(r"\d", rest[1]) and _UNIT_VALUE.fullmatch(rest[0]):
        return rest[1:], kind + _unit_value(rest[0])
    joined = re.fullmatch(r"(\d+[A-Z]?|[A-Z]{1,2}\d*)-(\d+[A-Z]?)", rest[0])
    if joined is None:
        return words, ""
    first, second = joined.groups()
    if queens and not marked and first.isdigit() and second.isdigit():
        if len(second) == _QUEENS_DIGITS:
            return [first + second, *rest[1:]], ""  # 41-25 Kissena Blvd: one house number
        if len(first) == len(second) and 0 < int(second) - int(first) <= _RANGE:
            return [first, *rest[1:]], f"TO{second}"  # 100-102 Main St: two houses
    return [second, *rest[1:]], kind + _unit_value(first)


def _house_number(words: list[str]) -> tuple[str, list[str], str]:
    """The number with its fraction, what follows, and a letter behind the number, which is a unit."""
    if len(words) < 2:  # noqa: PLR2004
        return "", words, ""
    number, rest, letter = words[0], words[1:], ""
    if number in NUMBERS and not _ORDINAL.fullmatch(number) and not street_type(rest[0]):
        number = str(NUMBERS[number])  # One Main Street
    elif found := re.fullmatch(r"(\d+)-?([A-Z])", number):
        number, letter = found.groups()
    elif not _NUMBER.fullmatch(number) or (len(rest) == 1 and street_type(rest[0])):
        return "", words, ""  # "14 St": a street without a house number
    number = number.lstrip("0") or "0"
    if re.fullmatch(r"\d/\d", rest[0]):
        number, rest = f"{number} {rest[0]}", rest[1:]
    elif not letter and rest[0] in "ABCDFGH" and rest[2:] and len(rest[1]) > 1 and not street_type(rest[1]):
        letter, rest = rest[0], rest[1:]
    return number, rest, letter


def _without_units(words: list[str], strong: frozenset[str] | None) -> tuple[list[str], str, list[str]]:
    """The street's words, its unit, and what stands behind the unit."""
    for index in range(1, len(words)):
        if found := _unit_at(words, index, strong):
            unit, end = found
            behind = words[end:]
            if behind and (behind[0] in UNIT_WORDS or behind[0] == "-"):
                _, more, behind = _without_units(["-", *(behind[1:] if behind[0] == "-" else behind)], strong)
                unit = "-".join(part for part in (unit, more) if part)
            return words[:index], unit, behind
    return words, "", []


def _unit_at(words: list[str], index: int, strong: frozenset[str] | None) -> tuple[str, int] | None:
    word, following = words[index], [*words[index + 1 : index + 3], "", ""]
    kind = UNIT_WORDS.get(word)
    if (ordinal := _ORDINAL.fullmatch(word)) and UNIT_WORDS.get(following[0]) == "FL":
        return f"FL{ordinal.group(1)}", index + 2
    if kind is not None and following[0] in {"#", "NO", "NUMBER", "NUM"} and _UNIT_VALUE.fullmatch(following[1]):
        return kind + _unit_value(following[1]), index + 3
    if kind is not None and _UNIT_VALUE.fullmatch(following[0]):
        unit, letter = kind + _unit_value(following[0]), following[1]
        if following[0].isdigit() and re.fullmatch(r"[A-Z]", letter) and letter not in DIRECTIONS:
            return unit + letter, index + 3  # Apt 4 B
        return unit, index + 2
    after_street = bool(street_type(words[index - 1]) or words[index - 1] in DIRECTIONS)
    if word in LONE_UNITS and after_street and (index + 1 == len(words) or strong):
        return LONE_UNITS[word], index + 1
    if index + 1 == len(words) and re.fullmatch(r"\d+[A-Z]?", word) and _ends_in_type(words[:index]):
        return _unit_value(word), index + 1
    return None


def _unit_value(value: str) -> str:
    return value.replace("-", "").lstrip("0") or "0"


def _ends_in_type(words: list[str]) -> bool:
    if words and words[-1] in DIRECTIONS:
        words = words[:-1]
    return len(words) > 1 and bool(street_type(words[-1]))


def _french(words: list[str], *, canada: bool, french: bool) -> str | None:
    """The type in front of a French street name; none where the name is English (`Avenue C`, `Avenue Road`)."""
    if len(words) < 2 or not (kind := french_type(words[0], french=french or canada)):  # noqa: PLR2004
        return None
    if not french and (_ends_in_type(words[1:]) or len(words[1]) == 1 or words[1][0].isdigit() or words[1] == "OF"):
        return None
    if any(word in _ENGLISH_ONLY for word in words[-2:]):
        return None  # Côte-des-Neiges Road
    return None if street_type(words[1]) and len(words) == 2 else kind  # noqa: PLR2004


def _without_articles(words: list[str]) -> list[str]:
    kept = list(words)
    while len(kept) > 1 and kept[0] in FRENCH_ARTICLES:
        kept.pop(0)
    return kept


def _two_words(pair: list[str], directions: Mapping[str, str]) -> str:
    """`N W` and `South East` as one direction."""
    found = directions.get("".join(pair), "")
    return found if len(found) == len(pair) and all(word in directions for word in pair) else ""


def _trailing_direction(words: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    if len(words) > 2 and (both := _two_words(words[-2:], directions)):  # noqa: PLR2004
        return words[:-2], both
    if len(words) > 1 and words[-1] in directions:
        return words[:-1], directions[words[-1]]
    return words, ""


def _leading_direction(words: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    """A direction in front of a name; `West Ave` has none, and `N West St` only the first."""
    if len(words) > 2 and (both := _two_words(words[:2], directions)) and not street_type(words[2]):  # noqa: PLR2004
        return words[2:], both
    if len(words) > 1 and words[0] in directions and not (len(words) == 2 and street_type(words[1])):  # noqa: PLR2004
        return words[1:], directions[words[0]]
    return words, ""


def _type(words: list[str], strong: frozenset[str] | None) -> tuple[list[str], str, list[str]]:
    """The street's name, its type, and what stands behind."""
    end = len(words) - 1
    if strong:
        ends = [index for index in range(1, len(words)) if street_type(words[index]) in strong]
        if ends:
            end = ends[0]
            while end + 1 in ends:  # "Forest Trail Dr": the last of several in a row
                end += 1
            return words[:end], street_type(words[end]), words[end + 1 :]
    if end > 0 and (kind := street_type(words[end])):
        return words[:end], kind, []
    return words, "", []


def _canonical(words: list[str]) -> tuple[str, ...]:
    """Each word of a street's name in its one form: numbers in digits, Saint as ST, other words as their type is."""
    found: list[str] = []
    tens = 0
    for word in words:
        value = NUMBERS.get(word, 0)
        if tens and not 0 < value < _SINGLE:
            found.append(str(tens))
            tens = 0
        if word in TENS:
            tens = TENS[word]
        elif value:
            found.append(str(tens + value))
            tens = 0
        elif ordinal := _ORDINAL.fullmatch(word):
            found.append(ordinal.group(1).lstrip("0") or "0")
        elif word.strip("-/#"):
            found.append("ST" if word in SAINTS else DIRECTIONS.get(word) or street_type(word) or word)
    return tuple([*found, str(tens)] if tens else found)
