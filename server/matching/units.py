"""Units of a house: in front of the number, between number and street, behind the street, and without a number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadbridge.server.matching.vocabulary import street_type, words

_QUEENS_DIGITS = 2
_RANGE = 20
_HOUSE = re.compile(r"\d+[A-Z]?(?:-\d+)?")
_UNIT_VALUE = re.compile(
    r"(?!\d+(?:ST|ND|RD|TH)$)(?:\d+-?[A-Z]{0,2}|\d+-\d+|[A-Z]{1,2}-?\d+[A-Z]?|[A-Z]|(?!NW|NE|SW|SE|ST|DR|RD|LN|CT)[A-Z]{2})"
)
_HOUSE_OR_ORDINAL = re.compile(r"\d+(?:[A-Z]|ST|ND|RD|TH|RE|ER|EME)?")
ORDINAL = re.compile(r"(\d+)(?:ST|ND|RD|TH|E|ER|RE|ERE|EME|IEME|IERE)")
NUMBERED = frozenset({"HWY", "RTE"})
"""Types of roads whose number belongs to the name."""


def begins_house(line: Sequence[str]) -> bool:
    """Whether a house number and its street stand here, not a street that is a number: 4 St SW."""
    house = len(line) > 1 and _HOUSE.fullmatch(line[0]) and not ORDINAL.fullmatch(line[0])
    return bool(house) and not is_numbered_street(line)


def is_numbered_street(line: Sequence[str]) -> bool:
    """`101 Street NW`, and nothing else but a unit."""
    if len(line) < 2 or not _HOUSE_OR_ORDINAL.fullmatch(line[0]) or not street_type(line[1]):  # noqa: PLR2004
        return False
    behind = line[2:]
    return not behind or behind[0] in words().directions or behind[0] in words().units or behind[0] == "-"


def leading_unit(line: list[str], *, canada: bool) -> tuple[list[str], str]:
    """`Unit 301 4821 Main St`, `#301 - 4821 Main St`, `301-4821 Main St`, `Rear 12 Main St`."""
    numbered = (
        len(line) > 2  # noqa: PLR2004
        and line[0] in words().units
        and (line[2] == "-" or begins_house(line[2:]) or _joined(line[1]))
    )
    if not numbered and (lone := _lone_unit(line, 0)):
        unit, end = lone
        if re.match(r"\d", "".join(line[end : end + 1])):
            return line[end:], unit
    if len(line) > 3 and (floor := ORDINAL.fullmatch(line[0])) and words().units.get(line[1]) == "FL":  # noqa: PLR2004
        return line[2:], f"FL{floor[1]}"
    kind, rest = "", line
    if len(line) > 1 and line[0] in words().units:
        kind, rest = words().units[line[0]], line[2:] if line[1] == "#" else line[1:]
    marked = rest is not line
    if not rest:
        return line, ""
    value = _UNIT_VALUE.fullmatch(rest[0]) is not None
    if rest[1:2] == ["-"] and value and re.match(r"\d", "".join(rest[2:3])):
        return _hyphened(rest[0], rest[2:], kind, marked=marked, canada=canada, spaced=True)
    two = rest[0].isdigit() and "".join(rest[1:2]).isdigit()
    bare = two and (is_numbered_street(rest[2:]) or (canada and int(rest[0]) < int(rest[1]) and _named(rest[2:])))
    if (marked or bare) and value and begins_house(rest[1:]) and len(rest) > 2:  # noqa: PLR2004
        return leading_unit(rest[1:], canada=canada)[0] if _joined(rest[1]) else rest[1:], kind + _unit_value(rest[0])
    if found := _joined(rest[0]):
        return _hyphened(found[1], [found[2], *rest[1:]], kind, marked=marked, canada=canada, spaced=False)
    return line, ""


def _named(line: Sequence[str]) -> bool:
    """Whether a street's name stands here, and not what follows the number that is a street's name."""
    return bool(line) and line[0].isalpha() and not (street_type(line[0]) or line[0] in words().french.directions)


def _joined(word: str) -> re.Match[str] | None:
    return re.fullmatch(r"(\d+[A-Z]?|[A-Z]{1,2}\d*)-(\d+(?:[A-Z]|ST|ND|RD|TH)?)", word)


def _hyphened(
    first: str, rest: list[str], kind: str, *, marked: bool, canada: bool, spaced: bool
) -> tuple[list[str], str]:
    """Two numbers with a hyphen: house and street, unit and house, one number of Queens, or a range."""
    second = rest[0]
    if not marked and first[0].isdigit() and is_numbered_street(rest):
        return [first, *rest], ""  # 10182-101 Street NW
    if not canada and not marked and first.isdigit() and second.isdigit():
        range_ = len(first) == len(second) and 0 < int(second) - int(first) <= _RANGE
        if not spaced and len(second) == _QUEENS_DIGITS and not (range_ and int(first) % 2 == int(second) % 2):
            return [first + second, *rest[1:]], ""  # 41-25 Kissena Blvd: one house number
        if range_:
            return [f"{first}~{second}", *rest[1:]], ""
        if not spaced and len(second) == 1 < len(first):
            return [first, *rest[1:]], second  # 414-3 Pearl St
    if is_numbered_street(rest[1:]) or not is_numbered_street(rest):
        return rest, kind + _unit_value(first)
    return [first, *rest], ""


def inner_unit(line: list[str]) -> tuple[list[str], str]:
    """A unit between the house number and the street: 12 Unit 4 Main St, 123 bis-A."""
    named = any(word not in words().directions for word in line[2:])  # but RM 620 S is a road
    if named and line[0] in words().units and _UNIT_VALUE.fullmatch(line[1]) and not street_type(line[1]):
        return line[2:], words().units[line[0]] + _unit_value(line[1])
    return line, ""


def without_units(line: list[str], *, parted: bool) -> tuple[list[str], str, list[str]]:
    """The street's words, its unit, and what follows the unit."""
    for index in range(1, len(line)):
        if found := _unit_at(line, index, parted=parted):
            unit, end = found
            behind = line[end:]
            if behind:
                _, more, left = without_units(["", *behind], parted=parted)
                unit, behind = (f"{unit}-{more}", left) if more else (unit, behind)
            return line[:index], unit, behind
    return line, "", []


def _unit_at(line: list[str], index: int, *, parted: bool) -> tuple[str, int] | None:
    word, following = line[index], [*line[index + 1 : index + 3], "", ""]
    kind = words().units.get(word)
    ordinal = ORDINAL.fullmatch(word)
    if (counted := ordinal[1] if ordinal else words().numbers.get(word)) and words().units.get(following[0]) == "FL":
        return f"FL{counted}", index + 2
    if kind is not None and following[0] in {"#", "NO", "NUMBER", "NUM"} and _UNIT_VALUE.fullmatch(following[1]):
        return kind + _unit_value(following[1]), index + 3
    if kind is not None and _UNIT_VALUE.fullmatch(following[0]) and not (len(word) > 1 and street_type(following[0])):
        unit, letter = kind + _unit_value(following[0]), following[1].lstrip("-")
        if following[0].isdigit() and re.fullmatch(r"[A-Z]", letter) and letter not in words().directions:
            return unit + letter, index + 3  # Apt 4 B
        return unit, index + 2
    if kind is not None and following[0] in words().numbers and not street_type(following[1]):
        letter = following[1] if re.fullmatch("[A-Z]", following[1]) else ""
        return f"{kind}{words().numbers[following[0]]}{letter}", index + 2 + len(letter)  # Apartment Six D
    before = line[index - 1]
    behind_street = not before or bool(street_type(before) or before in words().directions or before[0].isdigit())
    if lone := _lone_unit(line, index):
        several = "-" in word or lone[1] > index + 1  # sous-sol, Lower Level: no street's name
        last = lone[1] == len(line)
        if several or (last and line[0] in words().french.types) or (behind_street and (last or not parted)):
            return lone
    if index > 1 and index + 2 == len(line) and street_type(before) in words().strong and is_unknown_unit(line[index:]):
        return _unit_value(following[0]), index + 2  # Pod 6
    if index + 1 == len(line) and (not before or _ends_street(line[:index])):
        lettered = len(line) > 2 and street_type(before) in words().strong  # 4 Elm St A  # noqa: PLR2004
        if re.fullmatch(r"[A-Z]{0,2}-?\d+[A-Z]?", word) or (lettered and re.fullmatch(r"[A-DF-MP-RT-VX-Z]", word)):
            return _unit_value(word), index + 1
    return None


def is_unknown_unit(pair: Sequence[str]) -> bool:
    """Whether two words are a unit, whatever it is called: `Pod 6`, but not `gate 12` or `Highway 7`."""
    word, value = pair
    table = words()
    if value in table.french.directions:
        return False
    known = (
        table.units.keys()
        | table.types.keys()
        | table.directions.keys()
        | table.roads.words.keys()
        | table.boxes.keys()
    )
    other = word in known or word in table.signs.remarks or word in table.places.states or word in table.roads.names
    return word.isalpha() and len(word) > 2 and not other and bool(re.fullmatch(r"\d{1,3}[A-Z]?|[A-Z]", value))  # noqa: PLR2004


def _lone_unit(line: Sequence[str], index: int) -> tuple[str, int] | None:
    """A unit that needs no number: `sous-sol`, `Lower Level`."""
    for count in (3, 2, 1):
        named = tuple(part for word in line[index : index + count] for part in word.split("-") if part)
        if len(line) >= index + count and named in words().lone_units:
            return words().lone_units[named], index + count
    return None


def _unit_value(value: str) -> str:
    return value.replace("-", "").lstrip("0") or "0"


def _ends_street(line: list[str]) -> bool:
    """Whether a bare number behind these words is a unit: behind a type, or behind a name that has none."""
    line = line[1:] if len(line) > 1 and line[0] in words().directions else line
    line = line[:-1] if len(line) > 1 and line[-1] in words().directions else line
    kind = street_type(line[-1]) if line else ""
    named = [word for word in line if not street_type(word) and word not in words().directions]
    if any(street_type(word) in words().strong for word in line[1:-1]):
        return False  # Rd gate code 2200: a remark
    return (len(line) > 1 and bool(kind) and kind not in NUMBERED) or (bool(named) and not kind and line[0] in named)


def sorted_units(*units: str) -> str:
    """Several units as one text, in one order: `4-BLDG3`."""
    return "-".join(sorted({part for unit in units for part in unit.split("-") if part}))
