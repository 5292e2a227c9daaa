"""A street line taken apart: house number, directions, name, type and unit, each in the one form that stands for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadbridge.server.matching.roads import Road, road_at, spread
from leadbridge.server.matching.vocabulary import french_type, street_type, words

_QUEENS_DIGITS = 2
_RANGE = 20

_NUMBER = re.compile(r"\d+[A-Z]?|[NSEW]\d+(?:[NSEW]\d+)?")
_HOUSE = re.compile(r"\d+[A-Z]?(?:-\d+)?")
_UNIT_VALUE = re.compile(r"\d+-?[A-Z]{0,2}|[A-Z]{1,2}-?\d+[A-Z]?|[A-Z]|(?!NW|NE|SW|SE|ST|DR|RD|LN|CT)[A-Z]{2}")
_HOUSE_OR_ORDINAL = re.compile(r"\d+(?:[A-Z]|ST|ND|RD|TH|RE|ER|EME)?")
_ORDINAL = re.compile(r"(\d+)(?:ST|ND|RD|TH|E|ER|RE|ERE|EME|IEME|IERE)")
_SAINTS = frozenset({"ST", "STE", "SAINT", "SAINTE"})
_NUMBERED = frozenset({"HWY", "RTE"})
_SINGLE = 10
"""Below it, a number joins the tens before it: Twenty-Third."""


@dataclass(frozen=True, slots=True)
class Street:
    """A street line. `rest` is what stood behind the street where nothing parted it off: the town, or a remark."""

    number: str = ""
    until: str = ""
    """The last house of a range: 100-102 Main St."""
    before: str = ""
    name: tuple[str, ...] = ()
    """In whole words: CREEK, not CRK; a numbered road is one word with its kind."""
    type: str = ""
    after: str = ""
    unit: str = ""
    box: str = ""
    road: Road | None = None
    rest: tuple[str, ...] = ()

    @property
    def units(self) -> str:
        """The unit as it is written: `BLDG 3 # 4`."""
        lone = {*words().lone_units.values()}
        kinds = "|".join(sorted({*words().units.values()} - {""}))
        pairs = [re.fullmatch(rf"({kinds})?(.*)", part) for part in self.unit.split("-") if part and part not in lone]
        written = [f"{found[1] or '#'} {found[2]}" for found in pairs if found]
        return " ".join([*written, *(part for part in self.unit.split("-") if part in lone)])

    @property
    def joined(self) -> str:
        """The name without spaces: `Blue Bonnet` and `Bluebonnet` are one."""
        return "".join(self.name)

    @property
    def is_bare_number(self) -> bool:
        """Whether there is one number and nothing else: of a house whose street nobody told."""
        return self.joined.isdecimal() and not (self.number or self.type or self.box)


def street_of(line: str, *, parted: bool = True, canada: bool = False, french: bool = False, state: str = "") -> Street:
    """A street line, in `plain` characters, taken apart. Not `parted` from its town, `rest` has both."""
    rest = _without_signs(spread(line).split())
    rest, unit = _leading_unit(rest, canada=canada or french)
    number, rest, letter = _house_number(rest)
    number, _, until = number.partition("~")
    rest, inner = _inner_unit(rest) if number else (rest, "")
    directions = words().french_directions if french else words().directions
    if road := _road(rest, directions, state):
        side, (kind, value), behind = road
        behind, after = _first_direction(behind, directions)
        behind, more, left = _without_units(["", *behind], parted=parted)
        name = (f"{kind}{value}",) if value[0].isdigit() else (kind, value)
        units, left = _units(unit, inner, letter, more), (*behind[1:], *left)
        return Street(
            number, until, side, name, "", after, units, "", (kind, value), tuple(word for word in left if word)
        )
    rest, more, behind = _without_units(rest, parted=parted)
    unit = _units(unit, inner, letter, more)
    rest = " ".join(rest).replace("-", " ").split()
    if (kind := _french(rest, canada=canada, french=french)) is not None:
        name, after = _trailing_direction(rest[1:], words().french_directions)
        return Street(number, until, "", _canonical(_without_articles(name)), kind, after, unit, rest=tuple(behind))
    if french and len(rest) > 2 and words().french_always.get(rest[0]) == street_type(rest[-1]) != "":  # noqa: PLR2004
        rest = rest[1:]  # rue King Street
    rest, after = _trailing_direction(rest, directions)
    rest, before = _leading_direction(rest, directions)
    rest = _without_articles(rest) if french else rest
    rest, kind, left = _type(rest, parted=parted)
    if left and not after and left[0] in directions:
        left, after = left[1:], directions[left[0]]
    return Street(number, until, before, _canonical(rest), kind, after, unit, rest=(*left, *behind))


def _units(*units: str) -> str:
    return "-".join(sorted({part for unit in units for part in unit.split("-") if part}))


def _without_signs(line: list[str]) -> list[str]:
    """Without what stands in front of a house number: No. 12, Civic 12, #12 (but #5 12 Main St has a unit)."""
    for count in (2, 1):
        if " ".join(line[:count]) in words().number_signs and re.match(r"#|\d", "".join(line[count : count + 1])):
            return _without_signs(line[count:])
    if line[:1] == ["#"] and len(line) > 2 and not begins_house(line[2:]) and line[2] != "-":  # noqa: PLR2004
        return line[1:] if _NUMBER.fullmatch(line[1]) and not line[1].isalpha() else line
    return line


def begins_house(line: Sequence[str]) -> bool:
    """Whether a house number and its street stand here, not a street that is a number: 4 St SW."""
    house = len(line) > 1 and _HOUSE.fullmatch(line[0]) and not _ORDINAL.fullmatch(line[0])
    return bool(house) and not _numbered_street(line)


def _numbered_street(line: Sequence[str]) -> bool:
    """`101 Street NW`, and nothing else but a unit."""
    if len(line) < 2 or not _HOUSE_OR_ORDINAL.fullmatch(line[0]) or not street_type(line[1]):  # noqa: PLR2004
        return False
    behind = line[2:]
    return not behind or behind[0] in words().directions or behind[0] in words().units or behind[0] == "-"


def _leading_unit(line: list[str], *, canada: bool) -> tuple[list[str], str]:
    """`Unit 301 4821 Main St`, `#301 - 4821 Main St`, `301-4821 Main St`, `Rear 12 Main St`."""
    if lone := _lone_unit(line, 0):
        unit, end = lone
        if re.match(r"\d", "".join(line[end : end + 1])):
            return line[end:], unit
    kind, rest = "", line
    if len(line) > 1 and line[0] in words().units:
        kind, rest = words().units[line[0]], line[2:] if line[1] == "#" else line[1:]
    marked = rest is not line
    if not rest:
        return line, ""
    value = _UNIT_VALUE.fullmatch(rest[0]) is not None
    if rest[1:2] == ["-"] and value and re.match(r"\d", "".join(rest[2:3])):
        return _hyphened(rest[0], rest[2:], kind, marked=marked, canada=canada, spaced=True)
    three = rest[0].isdigit() and rest[1:2] and rest[1].isdigit() and _numbered_street(rest[2:])
    if (marked or three) and value and begins_house(rest[1:]) and len(rest) > 2:  # noqa: PLR2004
        return _leading_unit(rest[1:], canada=canada)[0] if _joined(rest[1]) else rest[1:], kind + _unit_value(rest[0])
    if found := _joined(rest[0]):
        return _hyphened(found[1], [found[2], *rest[1:]], kind, marked=marked, canada=canada, spaced=False)
    return line, ""


def _joined(word: str) -> re.Match[str] | None:
    return re.fullmatch(r"(\d+[A-Z]?|[A-Z]{1,2}\d*)-(\d+[A-Z]?)", word)


def _hyphened(
    first: str, rest: list[str], kind: str, *, marked: bool, canada: bool, spaced: bool
) -> tuple[list[str], str]:
    """Two numbers with a hyphen: house and street, unit and house, one number of Queens, or a range."""
    second = rest[0]
    if not marked and first[0].isdigit() and _numbered_street(rest):
        return [first, *rest], ""  # 10182-101 Street NW
    if not canada and not marked and first.isdigit() and second.isdigit():
        range_ = len(first) == len(second) and 0 < int(second) - int(first) <= _RANGE
        if not spaced and len(second) == _QUEENS_DIGITS and not (range_ and int(first) % 2 == int(second) % 2):
            return [first + second, *rest[1:]], ""  # 41-25 Kissena Blvd: one house number
        if range_:
            return [f"{first}~{second}", *rest[1:]], ""
    if _numbered_street(rest[1:]) or not _numbered_street(rest):
        return rest, kind + _unit_value(first)
    return [first, *rest], ""


def _house_number(line: list[str]) -> tuple[str, list[str], str]:
    """The number with its fraction, what follows, and a letter behind the number, which is a unit."""
    if len(line) < 2:  # noqa: PLR2004
        return "", line, ""
    number, rest, letter = line[0], line[1:], ""
    if number in words().numbers and not street_type(rest[0]):
        number = str(words().numbers[number])  # One Main Street
    elif found := re.fullmatch(r"(\d+)-?([A-Z]|BIS)", number):
        number, letter = found.groups()
    elif not re.fullmatch(r"\d+~\d+", number) and (
        not _NUMBER.fullmatch(number) or (len(rest) == 1 and street_type(rest[0]))
    ):
        return "", line, ""  # "14 St": a street without a house number
    number = number.lstrip("0") or "0"
    if re.fullmatch(r"\d/\d", rest[0]):
        return f"{number} {rest[0]}", rest[1:] or rest, ""
    if not letter and len(rest) > 1 and rest[0] == "BIS":
        return number, rest[1:], "BIS"
    if not letter and len(rest) > 1 and rest[0] in "ABCDFGH" and len(rest[0]) == 1:
        following = rest[1]
        french = following in words().french_always and len(rest) > 2  # noqa: PLR2004
        if french or (
            rest[2:] and len(following) > 1 and not street_type(following) and following not in words().directions
        ):
            letter, rest = rest[0], rest[1:]
    return number, rest, letter


def _inner_unit(line: list[str]) -> tuple[list[str], str]:
    """A unit between the house number and the street: 12 Unit 4 Main St, 123 bis-A."""
    if len(line) > 2 and line[0] in words().units and _UNIT_VALUE.fullmatch(line[1]) and not street_type(line[1]):  # noqa: PLR2004
        return line[2:], words().units[line[0]] + _unit_value(line[1])
    if len(line) > 3 and line[0] in words().units and line[1] == "#" and _UNIT_VALUE.fullmatch(line[2]):  # noqa: PLR2004
        return line[3:], words().units[line[0]] + _unit_value(line[2])
    return line, ""


def _road(line: list[str], directions: Mapping[str, str], state: str) -> tuple[str, Road, list[str]] | None:
    """A numbered road, the direction in front of it and what stands behind it."""
    if found := road_at(line, state):
        return "", found[0], line[found[1] :]
    rest, side = _leading_direction(line, directions)
    if side and (found := road_at(rest, state)):
        return side, found[0], rest[found[1] :]
    return None


def _first_direction(line: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    return (line[1:], directions[line[0]]) if line and line[0] in directions else (line, "")


def _without_units(line: list[str], *, parted: bool) -> tuple[list[str], str, list[str]]:
    """The street's words, its unit, and what stands behind the unit."""
    for index in range(1, len(line)):
        if found := _unit_at(line, index, parted=parted):
            unit, end = found
            behind = line[end:]
            if behind:
                _, more, left = _without_units(["", *behind], parted=parted)
                unit, behind = (f"{unit}-{more}", left) if more else (unit, behind)
            return line[:index], unit, behind
    return line, "", []


def _unit_at(line: list[str], index: int, *, parted: bool) -> tuple[str, int] | None:
    word, following = line[index], [*line[index + 1 : index + 3], "", ""]
    kind = words().units.get(word)
    if (ordinal := _ORDINAL.fullmatch(word)) and words().units.get(following[0]) == "FL":
        return f"FL{ordinal[1]}", index + 2
    if kind is not None and following[0] in {"#", "NO", "NUMBER", "NUM"} and _UNIT_VALUE.fullmatch(following[1]):
        return kind + _unit_value(following[1]), index + 3
    if kind is not None and _UNIT_VALUE.fullmatch(following[0]) and not (len(word) > 1 and street_type(following[0])):
        unit, letter = kind + _unit_value(following[0]), following[1].lstrip("-")
        if following[0].isdigit() and re.fullmatch(r"[A-Z]", letter) and letter not in words().directions:
            return unit + letter, index + 3  # Apt 4 B
        return unit, index + 2
    before = line[index - 1]
    behind_street = not before or bool(street_type(before) or before in words().directions or before[0].isdigit())
    if lone := _lone_unit(line, index):
        several = "-" in word or lone[1] > index + 1  # sous-sol, Lower Level: no street's name
        last = lone[1] == len(line)
        if several or (last and line[0] in words().french_types) or (behind_street and (last or not parted)):
            return lone
    if index + 1 == len(line) and (not before or _ends_street(line[:index])):
        if re.fullmatch(r"\d+[A-Z]?", word):
            return _unit_value(word), index + 1
        if found := re.fullmatch(r"-(\d+[A-Z]?)", word):
            return _unit_value(found[1]), index + 1
    return None


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
    return (len(line) > 1 and bool(kind) and kind not in _NUMBERED) or (bool(named) and not kind and line[0] in named)


def _french(line: list[str], *, canada: bool, french: bool) -> str | None:
    """The type in front of a French street name; none where the name is English (`Avenue C`, `Avenue Road`)."""
    if len(line) < 2 or not (kind := french_type(line[0], french=french or canada)):  # noqa: PLR2004
        return None
    second = line[1]
    english = street_type(line[-1]) and len(line) > 2  # noqa: PLR2004
    if not french and (english or len(second) == 1 or second[0].isdigit() or second == "OF"):
        return None
    if any(word in words().english_ends for word in line[-2:]) and len(line) > 2:  # noqa: PLR2004
        return None  # Côte-des-Neiges Road
    return None if street_type(second) and len(line) == 2 and line[0] not in words().french_always else kind  # noqa: PLR2004


def _without_articles(line: Sequence[str]) -> list[str]:
    kept = list(line)
    while len(kept) > 1 and kept[0] in words().articles:
        kept.pop(0)
    return kept


def _two_words(pair: list[str], directions: Mapping[str, str]) -> str:
    """`N W` and `South East` as one direction."""
    found = directions.get("".join(pair), "")
    return found if len(found) == len(pair) and all(word in directions for word in pair) else ""


def _trailing_direction(line: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    if len(line) > 2 and (both := _two_words(line[-2:], directions)):  # noqa: PLR2004
        return line[:-2], both
    if len(line) > 1 and line[-1] in directions:
        return line[:-1], directions[line[-1]]
    return line, ""


def _leading_direction(line: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    """A direction in front of a name; `West Ave` has none, and `N West St` only the first."""
    if len(line) > 2 and (both := _two_words(line[:2], directions)) and not street_type(line[2]):  # noqa: PLR2004
        return line[2:], both
    if len(line) > 1 and line[0] in directions and not (len(line) == 2 and street_type(line[1])):  # noqa: PLR2004
        return line[1:], directions[line[0]]
    return line, ""


def _type(line: list[str], *, parted: bool) -> tuple[list[str], str, list[str]]:
    """The street's name, its type, and what stands behind: behind a whole street, a remark or the town."""
    end = len(line) - 1
    if end < 1:
        return line, "", []
    if parted and street_type(line[end]):
        return line[:end], street_type(line[end]), []
    ends = [index for index in range(1, len(line)) if street_type(line[index]) in words().strong]
    if ends:
        end = ends[0]
        while end + 1 in ends:  # "Forest Trail Dr": the last of several in a row
            end += 1
        if street_type(line[end]) in _NUMBERED and line[end + 1 : end + 2] and line[end + 1].isdigit():
            return line, "", []  # Old Highway 7
        return line[:end], street_type(line[end]), line[end + 1 :]
    return (line[:end], kind, []) if (kind := street_type(line[end])) else (line, "", [])


def _canonical(line: Sequence[str]) -> tuple[str, ...]:
    """Each word of a street's name in its one form: numbers in digits, Saint as ST, other words written whole."""
    found: list[str] = []
    tens = 0
    for index, word in enumerate(line):
        value = words().numbers.get(word, 0)
        if tens and not 0 < value < _SINGLE:
            found.append(str(tens))
            tens = 0
        if word in words().tens:
            tens = words().tens[word]
        elif value:
            found.append(str(tens + value))
            tens = 0
        elif ordinal := _ORDINAL.fullmatch(word):
            found.append(ordinal[1].lstrip("0") or "0")
        elif word.strip("-/#~"):
            street = word == "ST" and found and index + 1 == len(line)  # Main Street Circle
            found.append("ST" if word in _SAINTS and not street else words().whole.get(word, word))
    return tuple([*found, str(tens)] if tens else found)
