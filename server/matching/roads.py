"""Roads that have a number or a letter for a name, letter boxes and rural deliveries. What they are called is data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from leadbridge.server.matching.vocabulary import words

Road = tuple[str, str]
"""The kind of a road and its number or letter: `COUNTYRD`, `DD`."""

_VALUE = re.compile(r"[A-Z]{0,2}-?\d+-?[A-Z]?(?:[/-]\d\d+[A-Z]?|/\d[A-Z]?)?")
_LETTER = re.compile(r"[A-Z]{1,2}")
_ORDINAL = re.compile(r"(\d+)(?:ST|ND|RD|TH|E|ER|RE|EME|IEME)?")
_GLUED = re.compile(
    r"(?P<name>[A-Z]+)-?(?P<value>\d+[A-Z]?(?:/\d+[A-Z]?)?)|(?P<letters>[A-Z]{2,})-(?P<letter>[A-Z]{1,2})"
)
_PARTS = {"5": "1/2", "25": "1/4", "75": "3/4", "33": "1/3", "67": "2/3"}
"""Parts of a number with a decimal point, as they are written otherwise; tenths are the rest."""
_SCANNED = str.maketrans("OIL", "011")
_LONGEST, _LONGEST_STATE = 5, 3


def spread(line: str) -> str:
    """The line in words: signs gone, one way to write fractions, ranges of house numbers and grid houses."""
    line = re.sub(r"(?<=\d)\.(\d{1,2})\b(?!\.)", lambda part: f" {_PARTS.get(part[1], f'{part[1]}/10')}", line)
    line = re.sub(r"(?<=\d)[ -]+(?=\d/\d)", " ", line.replace(".", "").replace("#", " # "))
    line = re.sub(r"^\s*(\d{2,})(\d)/(\d)\b", _half_or_unit, line)
    line = re.sub(r"(\d\W+\d+) ([A-Z])(?= (?:ST|STREET|AVE?|AVENUE)\b)", r"\1\2", line)  # 5071 - 272 A Street
    line = re.sub(r"\bU-(?=\d)", "UNIT ", line)
    line = re.sub(r"^\s*[\dOIL]*[OIL](?=\d)[\dOIL]*\b", lambda number: number[0].translate(_SCANNED), line)  # 1l17
    line = re.sub(r"^\s*(?:\d (?:\d ){2,}|\d{1,2} OH? \d{1,2} )(?=[A-Z]{2})", _said, line)
    line = re.sub(r"^(\s*\d+)(?=[A-Z]{3,}(?<!EME))", r"\1 ", line)  # 1818sandhill rd
    line = re.sub(r"^\s*(\d+) ?(?:&|\bAND\b|\bTO\b|\bET\b) ?(\d+)(?= )", r"\1~\2", line)
    line = re.sub(r"[^\w\s/#~-]+|_", " ", line)
    line = re.sub(r"^\s*(\d{2,})/(\d{2,})\b", r"\1~\2", line)
    # Utah: 1234 N 500 W; Wisconsin: W204N5432, N6543.
    line = re.sub(r"^\s*(\d+) ?([NSEW]) (\d+)([NSEW])\b", r"\1 \2 \3 \4", line)
    line = re.sub(r"^\s*([NSEW])[ -]?(\d+)[ -]?([NSEW])[ -]?(\d+)\b", r"\1\2\3\4", line)
    # Illinois: 6N125 Linden Ave.
    if (found := re.match(r"\s*(\d{1,2}) ([NSEW]) (\d{3}) ([A-Z]{3,})(?: ([A-Z]+))?", line)) and (
        found[4] not in words().whole or found[5] in words().types
    ):
        line = "".join(found.groups()[:3]) + line[found.end(3) :]
    line = _unit_signs().sub(r"\1 ", line)
    line = re.sub(r"(\bR(?:OA)?D \d+)(?=[NSEW]\b)", r"\1 ", line)  # Rd 30E is no 30th
    if (found := re.match(r"\s*([NSEW])[ -](\d{3,}) (\w+)", line)) and found[3] not in "NSEW":
        grid = words().types.get(found[3], "HWY") in {"HWY", "RTE"}
        line = found[1] + found[2] + line[found.end(2) :] if grid else line
    line = " ".join(re.sub(r"(?<!\d)/|/(?!\d)", " ", line).split())
    for written, whole in words().phrases:
        line = written.sub(whole, line)
    return line


def _said(found: re.Match[str]) -> str:
    """`1 8 2 0 Elm`, `6 oh 8 Elm`: the digits of a number, one by one."""
    return re.sub("OH?", "0", found[0]).replace(" ", "") + " "


def _half_or_unit(found: re.Match[str]) -> str:
    """`1211/2` is house 121 and a half; `1917/2` is the second door of 1917."""
    number, last, behind = found.groups()
    return f"{number} {last}/{behind}" if f"{last}/{behind}" in _PARTS.values() else f"{number}{last} # {behind}"


@cache
def _unit_signs() -> re.Pattern[str]:
    """`PH-3`, `PH3`, `Apt-B`; but RM620 is a road."""
    names = {*words().units, *(names[0] for names in words().lone_units if len(names) == 1)} - {
        "#",
        *words().roads.names,
    }
    return re.compile(rf"(?<![\w-])({'|'.join(sorted(names, key=len, reverse=True))})(?:-(?=\d|[A-Z]\b)|(?=\d))")


def road_at(line: Sequence[str], state: str) -> tuple[Road, int] | None:
    """The numbered or lettered road with which these words begin, and how many of them it takes."""
    table = words()
    older = table.roads.kinds["older"]
    if len(line) > 1 and line[0] in older and line[1] not in older and (found := road_at(line[1:], state)):
        (kind, value), taken = found
        return (f"{line[0]} {kind}", value), taken + 1
    ordinal = _ORDINAL.fullmatch(line[0]) if line else None
    number = ordinal[1].lstrip("0") if ordinal else str(table.numbers.get(line[0], "")) if line else ""
    for count in (3, 2, 1):
        kind = _kind(_normal(line[1 : count + 1]), state) if number and len(line) > count else ""
        if kind in table.roads.kinds["ordinal"]:
            return (kind, number), count + 1  # 5th Concession Rd
    for count in range(min(_LONGEST, len(line)), 0, -1):
        names, value, taken = _split(line, count)
        kind = (_kind(tuple(names), state) or _kind(_normal(names), state)) if value else ""
        hyphened = count == taken  # MO-Z; but DE LA is French
        if kind and (
            _VALUE.fullmatch(value)
            or (
                kind in table.roads.kinds["lettered"]
                and (hyphened or " ".join(names) not in table.places.states)
                and _LETTER.fullmatch(value)
            )
        ):
            if line[taken:] and line[taken] in {"RD", "ROAD"}:
                taken += 1
            if line[taken:] and re.fullmatch(r"\d/\d", line[taken]):
                value, taken = f"{value} {line[taken]}", taken + 1  # County Road 17 1/2
            if value.isdigit() and kind in table.roads.kinds["any_of"] and line[taken:] in (["A"], ["B"], ["C"]):
                value, taken = value + line[taken], taken + 1  # Route 6 A
            return _business(kind, value, line, taken)
    return None


def _split(line: Sequence[str], count: int) -> tuple[Sequence[str], str, int]:
    """The words of a road's name, its number, and how many words both take; the last word may hold both: NJ-27."""
    if glued := _GLUED.fullmatch(line[count - 1]):
        return (*line[: count - 1], glued["name"] or glued["letters"]), glued["value"] or glued["letter"], count
    at = count + (line[count : count + 1] in (["#"], ["NO"], ["NUMBER"]))
    value = line[at] if at < len(line) else ""
    return line[:count], str(words().numbers.get(value, value)), at + 1


def _business(kind: str, value: str, line: Sequence[str], taken: int) -> tuple[Road, int]:
    if line[taken : taken + 1] in (["BUS"], ["BUSINESS"]):
        return ("BUSHWY", value), taken + 1
    value = re.sub(r"(?<=\d)-(?=\d)", "/", value).replace("-", "")  # 17-92 is 17/92
    return (kind, value.lstrip("0") or "0"), taken


def _normal(names: Sequence[str]) -> tuple[str, ...]:
    """The words of a road's name in one form."""
    table = words().roads.words
    return tuple(table.get(part, part) for name in names for part in name.split("-"))


@cache
def _kind(names: tuple[str, ...], state: str) -> str:
    table = words()
    name = " ".join(names)
    if kind := table.roads.in_state.get(state, {}).get(name) or table.roads.names.get(name, ""):
        return kind
    if names[0] in table.roads.counties.get(state, ()) and names[1:] == ("RD",):
        return "COUNTYRD"
    for count in range(min(_LONGEST_STATE, len(names)), 0, -1):
        if " ".join(names[:count]) in table.places.states:
            return table.roads.names.get(" ".join(["@", *names[count:]]), "")
    return ""


def same_road(ours: Road, theirs: Road) -> bool | None:
    """Whether two numbered roads are one; `None` where one side does not say of which kind it is."""
    if not {*re.split(r"/(?=\d\d)", ours[1])} & {*re.split(r"/(?=\d\d)", theirs[1])}:
        return False  # 202/206 is both
    if ours[0] == theirs[0] or frozenset({ours[0], theirs[0]}) == words().roads.kinds["one_series"]:
        return True
    (one, one_is), (other, other_is) = (
        (kind.rpartition(" ")[0], kind.rpartition(" ")[2]) for kind, _ in (ours, theirs)
    )
    kinds = words().roads.kinds
    if one != other or not {one_is, other_is} & kinds["any"] or not {one_is, other_is} <= kinds["any_of"]:
        return False
    return None


@cache
def _boxes() -> re.Pattern[str]:
    names = "|".join(sorted((name.replace(" ", " +") for name in words().boxes), key=len, reverse=True))
    return re.compile(rf"(?<![\w])({names})(?: *#| +NO)? *(\d+(?:-?[A-Z])?)\b")


_QUARTER = re.compile(
    r"\b(NE|NW|SE|SW)\W*(?:1/4\W*)?(?:SEC\W*)?(\d{1,2})\W+(?:TWP\W*)?(\d{1,3})\W+(?:RGE\W*)?(\d{1,2})\W+W\W?(\d)(?:TH|M)?\b"
)
"""The quarter of a section, as farms on the Prairies are found: NE 14-31-24 W4."""
_QUARTERS = ("NE", "NW", "SE", "SW")
_ROUTES = frozenset({"RR", "RTE", "HC", "SS"})
_SITE, _RURAL = re.compile(r"\bS\W?(\d+)\W+([BC])\W?(\d+)\b"), re.compile(r"\bR\W?R\W{0,2}\d")
"""`RR 2, S4 B11`, `RR 1 S-8 C-22`."""
_ROUTE_BOX = re.compile(r"^(\W*(?:R\W?R\W?|RURAL R(?:OU)?TE|HC)\W{0,2}\d+)\W+(?:#|LOT)\W{0,2}(\d+[A-Z]?)\b")
"""`RR 3 #22`, `RR 3, Lot 22`."""
_DELIVERY = re.compile(r"\b(?:GENERAL DELIVERY|POSTE RESTANTE)\b")


def take_boxes(line: str) -> tuple[str, str]:
    """A line of an address without its box, and the box: `BOX5 RR1 SITE12`.

    The route belongs to a box where there is no house; alone it is one only where it begins the line.
    """
    line = re.sub(r"\bP\.? ?O\.? ?B(?=OX|\b)", "PO B", line)
    if land := _QUARTER.search(line):
        quarter, *parts = land.groups()
        names = zip(("SEC", "TWP", "RGE", "MER"), parts, strict=True)
        box = [f"QTR{_QUARTERS.index(quarter)}", *(f"{name}{value}" for name, value in names)]
        return line[: land.start()] + line[land.end() :], " ".join(sorted(box))
    if _RURAL.search(line):
        line = _SITE.sub(lambda found: f"SITE {found[1]} {'BOX' if found[2] == 'B' else 'COMP'} {found[3]}", line)
    line = _ROUTE_BOX.sub(r"\1 BOX \2", line)
    found = [(words().boxes[" ".join(one[1].split())], one) for one in _boxes().finditer(line.replace(".", " "))]
    if house := re.match(r"\W*\d\S*", line):
        # 48121 RR 231 is a range road; 5 Hwy 16 W RR 1 has a rural route behind its street.
        found = [
            (kind, one)
            for kind, one in found
            if kind not in _ROUTES or (kind == "RR" and re.search("[A-Z]{2}", line[: one.start()]))
        ]
    begins = bool(found) and found[0][0] in _ROUTES - {"RTE"} and not line[: found[0][1].start()].strip()
    if not begins and not (house and found) and not {kind for kind, _ in found} & {"BOX", "SITE"}:
        return (_DELIVERY.sub("", line), "GD") if _DELIVERY.search(line) else (line, "")
    parts = {f"{'RR' if kind == 'RTE' else kind}{one[2].lstrip('0').replace('-', '') or '0'}" for kind, one in found}
    for _, one in reversed(found):
        line = line[: one.start()] + line[one.end() :]
    return _DELIVERY.sub("", line), " ".join(sorted(parts))


def same_box(ours: str, theirs: str) -> float:
    """How surely two boxes are one (0..1): no part of one may differ from the other's, and one must be shared."""
    one, other = (dict(re.findall(r"([A-Z]+?)(\d+[A-Z]?)\b", box) or [(box, "")]) for box in (ours, theirs))
    shared = one.keys() & other.keys()
    if not shared or any(one[kind] != other[kind] for kind in shared):
        return 0.0
    if shared <= _ROUTES:
        return 0.5  # a route is many houses
    return 1.0 if one.keys() == other.keys() else 0.85
