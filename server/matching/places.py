"""How two addresses relate: the same door, the same with a slip of the pen, the same building, the house next door."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from rapidfuzz.distance import OSA

from leadbridge.server.matching.addresses import Address, with_town
from leadbridge.server.matching.alignment import SAME, Doubt, Finding, pair_up
from leadbridge.server.matching.roads import same_box
from leadbridge.server.matching.street_names import MOVED, may_be_renamed, same_street, same_words
from leadbridge.server.matching.streets import Street
from leadbridge.server.matching.vocabulary import words

_A_BOX = 0.8
"""Below it, what is the same is a rural route, and many houses are on that."""
_NEXT_DOOR = 2
_LONG_NUMBER = 2
_SURE_LOT = 0.9
_ELSEWHERE = Finding(0.4, "other town", Doubt.OTHER_STREET)
"""Only a contact in common makes one house of two that have the number and the street in common."""
_PART = Finding(0.97, "town named with a part of it or a place near it", Doubt.SLIP)
_RENAMED = Finding(0.4, "street named otherwise", Doubt.OTHER_STREET)
"""So it does where town and number are the same and the street was misheard, or has two names."""


class Where(Enum):
    """How two addresses relate."""

    SAME = "same address"
    NEAR = "almost the same address"
    OTHER_UNIT = "other unit of the same building"
    OTHER_NUMBER = "same street, house number differs by a digit"
    NEXT_DOOR = "same street, the house next door"
    OTHER = "other address"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Place:
    """How two addresses relate, how surely (0..1) they are one, and why in words."""

    where: Where
    certainty: float = 0.0
    reasons: tuple[str, ...] = ()
    doubt: Doubt = Doubt.NONE


UNKNOWN, OTHER = Place(Where.UNKNOWN), Place(Where.OTHER)


def compare_addresses(ours: Address, theirs: Address, streets: frozenset[str] = frozenset()) -> Place:
    """How two addresses relate; unknown where one side has none.

    `streets` are names (`Street.joined`) that houses of this town have: two that are both there are two streets,
    however alike they look.
    """
    if not ours.known or not theirs.known:
        return UNKNOWN
    ours, theirs = with_town(ours, theirs.city), with_town(theirs, ours.city)
    place = _same_place(ours, theirs)
    if place is None:
        return OTHER
    one, other = ours.street, theirs.street
    if one.box or other.box:
        share = same_box(one.box, other.box) if one.box and other.box else 0.0
        if share and not (one.number and other.number and share < _A_BOX):
            box = SAME if share == 1 else Finding(share, "part of the box on one side only")
            return _sum([place, box, *_maybe_street(one, other)])
        if not (one.number and other.number):
            return OTHER
    street = same_street(one, other, streets)
    if street is None or _ends_in_town(ours, other) or _ends_in_town(theirs, one):
        return OTHER
    return _door(one, other, [place, *street])


def renamed(ours: Address, theirs: Address) -> Place:
    """Two addresses of one customer that have town and number in common: perhaps one house all the same."""
    number, postal = ours.street.number, ours.postal == theirs.postal != "" and not ours.postal.isdigit()
    sure = postal or (len(number) >= _LONG_NUMBER and _same_city(ours, theirs))
    if not sure or _same_place(ours, theirs) is None or not may_be_renamed(ours.street, theirs.street):
        return OTHER
    return _door(ours.street, theirs.street, [_RENAMED])


def _ends_in_town(line: Address, other: Street) -> bool:
    """Whether the other street's name is the town behind this one's, in a line without commas: rue Tessier Rouyn."""
    return bool(line.unparted and line.street.name[1:] == other.name)


def _door(ours: Street, theirs: Street, findings: list[Finding]) -> Place:
    """House number and unit, the street and the town being the same."""
    if ours.number != theirs.number or ours.until != theirs.until:
        if _in_range(ours, theirs) or _in_range(theirs, ours):
            findings = [*findings, Finding(0.9, "house number is a range on one side")]
        elif not ours.number or not theirs.number:
            return _sum([*findings, Finding(0.35, "house number on one side only")])
        else:
            return _next_door(ours, theirs, findings)
    if not ours.number and not ours.box:
        findings.append(Finding(0.5, "no house number"))
    units, others = (set(re.sub(r"\bLOT(?=\d)", "", street.unit).split("-")) - {""} for street in (ours, theirs))
    if units == others or _glued(ours.unit) == _glued(theirs.unit):
        return _sum(findings)
    if (not units or not others) and same_words(replace(ours, unit=""), replace(theirs, unit="")) is not None:
        return _sum([*findings, MOVED])
    if re.fullmatch(r"LOT\d+[A-Z]?", ours.unit + theirs.unit):
        return _sum([*findings, Finding(_SURE_LOT, "builder's lot on one side only", Doubt.SLIP)])
    if not units or not others:
        return _sum([*findings, Finding(0.65, "unit on one side only")])
    if units < others or others < units:
        return _sum([*findings, Finding(0.8, "part of the unit on one side only")])
    return Place(Where.OTHER_UNIT, 0.0, _reasons(findings))


def _glued(unit: str) -> str:
    """Door 204 of building C is C204."""
    return re.sub(r"\b(\d+)-BLDG([A-Z])\b", r"\2\1", unit)


def _in_range(ours: Street, theirs: Street) -> bool:
    """Whether their house is one of our range's, on its side of the street."""
    if not ours.until or not theirs.number.isdigit() or (theirs.until and theirs.until != ours.until):
        return False
    first, last, house = int(ours.number), int(ours.until), int(theirs.number)
    return first <= house <= last and (house - first) % 2 == 0


def _next_door(ours: Street, theirs: Street, findings: list[Finding]) -> Place:
    other_street = any(finding.doubt is Doubt.OTHER_STREET for finding in findings)
    if other_street or (ours.unit and theirs.unit and ours.unit != theirs.unit):
        return OTHER
    if _one_slip(ours.number, theirs.number):
        return Place(Where.OTHER_NUMBER, 0.0, _reasons(findings))
    both = ours.number.isdigit() and theirs.number.isdigit()
    if both and abs(int(ours.number) - int(theirs.number)) == _NEXT_DOOR:
        return Place(Where.NEXT_DOOR, 0.0, _reasons(findings))
    return OTHER


def _sum(findings: list[Finding]) -> Place:
    certainty = 1.0
    for finding in findings:
        certainty *= finding.share
    reasons = _reasons(findings)
    doubts = {finding.reason: finding.doubt for finding in findings if finding.doubt is not Doubt.NONE}
    doubt = Doubt.OTHER_STREET if len(doubts) > 1 else next(iter(doubts.values()), Doubt.NONE)
    return Place(Where.NEAR if reasons else Where.SAME, certainty, reasons, doubt)


def _reasons(findings: list[Finding]) -> tuple[str, ...]:
    return tuple(finding.reason for finding in findings if finding.reason)


def _same_place(ours: Address, theirs: Address) -> Finding | None:
    """Whether town and postal code are the same, as far as both sides give them."""
    if ours.state and theirs.state and ours.state != theirs.state:
        return None
    cities = _same_city(ours, theirs)
    if ours.postal and theirs.postal:
        if ours.postal == theirs.postal:
            return SAME if cities is not False else Finding(0.97, "town named otherwise")
        area = OSA.distance(ours.postal[:3], theirs.postal[:3])
        if cities:  # of two streets with one name in a town, each has its own area
            doubt = Doubt.OTHER_STREET if area > 1 and not ours.postal.isdigit() else Doubt.NONE
            return Finding(0.85 if area else 0.92, "postal code differs", doubt)
        slip = cities is None and _one_slip(ours.postal, theirs.postal)
        return Finding(0.78, "postal code differs by one character") if slip else None
    if cities is None:
        return Finding(0.88, "town or postal code on one side only")
    if cities:
        return SAME if ours.city == theirs.city else _PART
    rows = tuple(ours.city.split()), tuple(theirs.city.split())
    long, short = sorted(rows, key=len, reverse=True)
    if long[: len(short)] == short and long[len(short)] in words().french.articles | {"SUR", "EN", "AU"}:
        return Finding(0.85, "town's name longer on one side", Doubt.SLIP)  # Saint-Augustin(-de-Desmaures)
    towns = pair_up(*rows, frozenset())
    if towns.ours or towns.theirs or any(finding.doubt is Doubt.OTHER_STREET for finding in towns.found):
        return _ELSEWHERE
    return Finding(0.93, "town shortened or misspelt")


def _same_city(ours: Address, theirs: Address) -> bool | None:
    one, other = (address.city.replace(" ", "") for address in (ours, theirs))
    if not one or not other or one == other:
        return True if one and other else None
    if ours.city.endswith(" COUNTY") != theirs.city.endswith(" COUNTY"):
        return None
    return ours.city in theirs.within or theirs.city in ours.within


def _maybe_street(ours: Street, theirs: Street) -> list[Finding]:
    if not ours.name or not theirs.name:
        return []
    return same_street(ours, theirs, frozenset()) or [Finding(0.8, "other street beside the box")]


def _one_slip(ours: str, theirs: str) -> bool:
    """One character changed, left out, added or swapped with its neighbour."""
    return OSA.distance(ours, theirs, score_cutoff=1) == 1
