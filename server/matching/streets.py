"""A street line taken apart: house number, directions, name, type and unit, each in its standard form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leadbridge.server.matching.roads import Road, road_at, spread
from leadbridge.server.matching.units import (
    NUMBERED,
    ORDINAL,
    begins_house,
    inner_unit,
    is_numbered_street,
    leading_unit,
    sorted_units,
    without_units,
)
from leadbridge.server.matching.vocabulary import french_type, street_type, words

_NUMBER = re.compile(r"\d+[A-Z]?|[NSEW]\d+(?:[NSEW]\d+)?|\d{1,2}[NSEW]\d{3}")
_SAINTS = frozenset({"ST", "STE", "SAINT", "SAINTE"})
_SURE = 3
"""Digits of a number behind a street that is its house, and not a unit."""
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
    line: str = field(default="", compare=False)
    """As it was written."""

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
        """Whether there is one number and nothing else: of a house whose street is not given."""
        return self.joined.isdecimal() and not (self.number or self.type or self.box)


def street_of(line: str, *, parted: bool = True, canada: bool = False, french: bool = False, state: str = "") -> Street:
    """A street line, in `plain` characters, taken apart. Not `parted` from its town, `rest` has both."""
    rest = _number_first(_without_remark(_without_signs(spread(line).split())))
    rest, unit = leading_unit(rest, canada=canada or french)
    number, rest, letter = _house_number(rest)
    number, _, until = number.partition("~")
    rest, inner = inner_unit(rest) if number else (rest, "")
    directions = words().french.directions if french else words().directions
    if road := _road(rest, directions, state):
        side, (kind, value), behind = road
        behind, after = _first_direction(behind, directions)
        behind, more, left = without_units(["", *behind], parted=parted)
        name = (f"{kind}{value}",) if value[0].isdigit() else (kind, value)
        units, left = sorted_units(unit, inner, letter, more), (*behind[1:], *left)
        return Street(
            number, until, side, name, "", after, units, "", (kind, value), tuple(word for word in left if word)
        )
    if rest and (glued := re.fullmatch(r"([A-Z]+)-(\d+[A-Z]?)", rest[-1])) and street_type(glued[1]):
        rest = [*rest[:-1], glued[1], "#", glued[2]]  # Pearl St-3
    rest, more, behind = without_units(rest, parted=parted)
    unit = sorted_units(unit, inner, letter, more)
    rest = " ".join(rest).replace("-", " ").split()
    if (kind := _french(rest, canada=canada, french=french)) is not None:
        name, after = _trailing_direction(rest[1:], words().french.directions)
        return Street(number, until, "", _canonical(_without_articles(name)), kind, after, unit, rest=tuple(behind))
    if french and len(rest) > 2 and words().french.always.get(rest[0]) == street_type(rest[-1]) != "":  # noqa: PLR2004
        rest = rest[1:]  # rue King Street
    rest, after = _trailing_direction(rest, directions)
    rest, before = _leading_direction(rest, directions, parted=parted)
    rest = _without_articles(rest) if french else rest
    rest, kind, left = _type(rest, parted=parted)
    if state == "UT" and after and not kind and len(rest) == 1 and (counted := ORDINAL.fullmatch(rest[0])):
        rest = [f"{counted[1]}00"]  # 4th North is 400 North
    return Street(number, until, before, _canonical(rest), kind, after, unit, rest=(*left, *behind))


def _without_signs(line: list[str]) -> list[str]:
    """Without what comes before a house number: No. 12, Civic 12, #12 (but #5 12 Main St has a unit)."""
    for count in (2, 1):
        if " ".join(line[:count]) in words().signs.number and re.match(r"#|\d", "".join(line[count : count + 1])):
            return _without_signs(line[count:])
    building = len(line) > 2 and words().units.get(line[0]) == "BLDG" and line[2].isalpha()  # noqa: PLR2004
    if building and len(line[2]) > 1 and line[1].isdigit() and not begins_house(line[2:]):
        return line[1:]
    if line[:1] == ["#"] and len(line) > 2 and not begins_house(line[2:]) and line[2] != "-":  # noqa: PLR2004
        return line[1:] if _NUMBER.fullmatch(line[1]) and not line[1].isalpha() else line
    return line


def _number_first(line: list[str]) -> list[str]:
    """`3e Avenue 145`, `rue Principale 145` and `Six Forks Rd 4800` with the number in front."""
    if len(line) > 3 and words().units.get(line[-2]) is not None and line[-3].isdigit():  # noqa: PLR2004
        return [*_number_first(line[:-2]), *line[-2:]]  # Dufferin St 3307 unit 12
    *street, last = line or [""]
    if len(street) < 2 or not last.isdigit() or any(word.isdigit() for word in street):  # noqa: PLR2004
        return line
    named = [word for word in street if word not in words().whole and not ORDINAL.fullmatch(word)]
    typed = street_type(street[-1]) in words().strong and (
        ORDINAL.fullmatch(street[0]) if not named else len(last) >= _SURE and not street[0][0].isdigit()
    )
    road = any(road_at(line[at:], "") for at in range(len(street)))
    return [last, *street] if (typed or street[0] in words().french.always) and not road else line


def _without_remark(line: list[str]) -> list[str]:
    """Without `gate code 4471` or `près de l'école` at the end: no type says where a French street ends."""
    signs, articles = words().signs, words().french.articles | {"THE", "FROM"}
    for at in range(2, len(line) - 1):
        if line[at] in signs.beside and (line[at + 1] in articles or street_type(line[at - 1]) in words().strong):
            return line[:at]
        end = at
        while line[end] in signs.remarks and end + 1 < len(line):
            end += 1
        end += at < end < len(line) - 1 and line[end] == "#"
        if end > at and line[end].isdigit() and (end + 1 == len(line) or street_type(line[at - 1])):
            return [*line[:at], *line[end + 1 :]]
    return line


def _spoken(line: Sequence[str]) -> tuple[str, int]:
    """The house number with which a line begins in words, and how many they are: One Main St, nineteen oh four Elm."""
    groups, before, table = list[int](), "", words()
    count = table.counting
    ones = {**count.ones, **count.ones_french} if any(word in table.french.types for word in line) else count.ones
    for at, word in enumerate(line):
        value = ones.get(word) or count.tens.get(word, 0)
        if value and groups and (before in count.hundred or (before in count.tens and value < _SINGLE)):
            groups[-1] += value
        elif value or (groups and word in {"OH", "O", "ZERO"}):
            groups.append(value)
        elif groups and word in count.hundred:
            groups[-1] *= count.hundred[word]
        else:
            house = groups and word not in table.numbers and not is_numbered_street(["1", *line[at:]])
            return ("".join(map(str, groups)), at) if house else ("", 0)
        before = word
    return "", 0


def _house_number(line: list[str]) -> tuple[str, list[str], str]:
    """The number with its fraction, what follows, and a letter behind the number, which is a unit."""
    if len(line) < 2:  # noqa: PLR2004
        return "", line, ""
    number, rest, letter = line[0], line[1:], ""
    spoken, taken = _spoken(line)
    if taken:
        number, rest = spoken, line[taken:]
    elif found := re.fullmatch(r"(\d+)-?([A-Z]|BIS)", number):
        number, letter = found.groups()
    elif not re.fullmatch(r"\d+~\d+", number) and (
        not _NUMBER.fullmatch(number) or (len(rest) == 1 and street_type(rest[0]) in words().strong)
    ):
        return "", line, ""  # "14 St": a street without a house number
    number = number.lstrip("0") or "0"
    if re.fullmatch(r"\d/\d", rest[0]):
        return f"{number} {rest[0]}", rest[1:] or rest, letter
    if not letter and len(rest) > 1 and rest[0] == "BIS":
        return number, rest[1:], "BIS"
    if not letter and len(rest) > 1 and rest[0] in "ABCDFGH" and len(rest[0]) == 1:
        following = rest[1]
        french = following in words().french.always and len(rest) > 2  # noqa: PLR2004
        if french or (
            rest[2:] and len(following) > 1 and not street_type(following) and following not in words().directions
        ):
            letter, rest = rest[0], rest[1:]
    return number, rest, letter


def _road(line: list[str], directions: Mapping[str, str], state: str) -> tuple[str, Road, list[str]] | None:
    """A numbered road, the direction before it and what follows it."""
    if found := road_at(line, state):
        return "", found[0], line[found[1] :]
    rest, side = _leading_direction(line, directions)
    if side and (found := road_at(rest, state)):
        return side, found[0], rest[found[1] :]
    # The county's name in front: VZ County Road 4100, San Miguel County Road 63J.
    for at in (1, 2):
        named = line[at:] and all(map(str.isalpha, line[:at])) and not street_type(line[at - 1])
        found = road_at(line[at:], state) if named else None
        if found and found[0][0] in words().roads.kinds["of_a_county"] and found[0][1][0].isdigit():
            return "", found[0], line[found[1] + at :]
    return None


def _first_direction(line: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    return (line[1:], directions[line[0]]) if line and line[0] in directions else (line, "")


def _french(line: list[str], *, canada: bool, french: bool) -> str | None:
    """The type in front of a French street name; none where the name is English (`Avenue C`, `Avenue Road`)."""
    if len(line) < 2 or not (kind := french_type(line[0], french=french or canada)):  # noqa: PLR2004
        return None
    second = line[1]
    english = street_type(line[-1]) and len(line) > 2  # noqa: PLR2004
    if not french and (english or len(second) == 1 or second[0].isdigit() or second == "OF"):
        return None
    if any(word in words().french.english_ends for word in line[-2:]) and len(line) > 2:  # noqa: PLR2004
        return None  # Côte-des-Neiges Road
    return None if street_type(second) and len(line) == 2 and line[0] not in words().french.always else kind  # noqa: PLR2004


def _without_articles(line: Sequence[str]) -> list[str]:
    kept = list(line)
    while len(kept) > 1 and kept[0] in words().french.articles:
        kept.pop(0)
    return kept


def _trailing_direction(line: list[str], directions: Mapping[str, str]) -> tuple[list[str], str]:
    if len(line) > 1 and line[-1] in directions:
        return line[:-1], directions[line[-1]]
    return line, ""


def _leading_direction(line: list[str], directions: Mapping[str, str], *, parted: bool = True) -> tuple[list[str], str]:
    """A direction in front of a name; `West Ave` has none, and `N West St` only the first."""
    if not parted and len(line) > 2 and street_type(line[1]) in words().strong and not street_type(line[2]):  # noqa: PLR2004
        return line, ""  # South Boulevard Evanston
    if len(line) > 1 and line[0] in directions and not (len(line) == 2 and street_type(line[1])):  # noqa: PLR2004
        return line[1:], directions[line[0]]
    return line, ""


def _type(line: list[str], *, parted: bool) -> tuple[list[str], str, list[str]]:
    """The street's name, its type, and what follows: after a whole street, a remark or the town."""
    end = len(line) - 1
    if end < 1:
        return line, "", []
    if parted and (kind := street_type(line[end])):
        return line[:end], kind, []
    ends = [index for index in range(1, len(line)) if street_type(line[index]) in words().strong]
    if ends:
        end = ends[0]
        while end + 1 in ends:  # "Forest Trail Dr": the last of several in a row
            end += 1
        if street_type(line[end]) in NUMBERED and line[end + 1 : end + 2] and line[end + 1].isdigit():
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
        if word in words().counting.tens:
            tens = words().counting.tens[word]
        elif value:
            found.append(str(tens + value))
            tens = 0
        elif ordinal := re.fullmatch(rf"{ORDINAL.pattern}?", word):
            found.append(ordinal[1].lstrip("0") or "0")
        elif word in words().french.articles:
            found.append(word)
        elif word.strip("-/#~"):
            street = word == "ST" and found and index + 1 == len(line)  # Main Street Circle
            found.append("ST" if word in _SAINTS and not street else words().whole.get(word, word))
    return tuple([*found, str(tens)] if tens else found)
