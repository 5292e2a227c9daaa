"""How two addresses relate: the same door, the same with a slip of the pen, the same building, the house next door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from leadbridge.server.matching.addresses import Address
from leadbridge.server.matching.roads import is_numbered_road
from leadbridge.server.matching.streets import Street

_COMPASS = re.compile("NORTH|SOUTH|EAST|WEST|UPPER|LOWER")
_ANY_ROAD = ("HWY", "RTE")
_SURE_LENGTH, _SHORT_LENGTH, _TWO_LENGTH, _THREE_LENGTH = 6, 4, 9, 14


class Where(Enum):
    """How two addresses relate."""

    SAME = "same address"
    NEAR = "almost the same address"
    OTHER_UNIT = "other unit of the same building"
    OTHER_NUMBER = "same street, house number differs by a digit"
    OTHER = "other address"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Place:
    """How two addresses relate, how surely (0..1) they are one, and why in words."""

    where: Where
    certainty: float = 0.0
    reasons: tuple[str, ...] = ()


UNKNOWN, OTHER = Place(Where.UNKNOWN), Place(Where.OTHER)


def compare_addresses(ours: Address, theirs: Address) -> Place:
    """How two addresses relate; unknown where one side has none."""
    if not ours.known or not theirs.known:
        return UNKNOWN
    place = _same_place(ours, theirs)
    if place is None:
        return OTHER
    ours_street, theirs_street = ours.street, theirs.street
    if ours_street.box or theirs_street.box:
        if ours_street.box and ours_street.box == theirs_street.box:
            return _sum([place, *_maybe_street(ours_street, theirs_street)])
        if not (ours_street.number and theirs_street.number):
            return OTHER
    street = _same_street(ours_street, theirs_street)
    if street is None:
        return OTHER
    return _door(ours_street, theirs_street, [place, *street])


_Finding = tuple[float, str]
_SAME: _Finding = (1.0, "")


def _door(ours: Street, theirs: Street, findings: list[_Finding]) -> Place:
    """House number and unit, the street and the town being the same."""
    if ours.number != theirs.number:
        if ours.number and theirs.number and _one_slip(ours.number, theirs.number):
            return Place(Where.OTHER_NUMBER, 0.0, _reasons(findings))
        if not ours.number or not theirs.number:
            return _sum([*findings, (0.35, "house number on one side only")])
        return OTHER
    if not ours.number and not ours.box:
        findings.append((0.5, "no house number"))
    if ours.unit and theirs.unit and ours.unit != theirs.unit:
        return Place(Where.OTHER_UNIT, 0.0, _reasons(findings))
    if ours.unit != theirs.unit:
        findings.append((0.65, "unit on one side only"))
    return _sum(findings)


def _sum(findings: list[_Finding]) -> Place:
    certainty = 1.0
    for share, _ in findings:
        certainty *= share
    reasons = _reasons(findings)
    return Place(Where.NEAR if reasons else Where.SAME, certainty, reasons)


def _reasons(findings: list[_Finding]) -> tuple[str, ...]:
    return tuple(reason for _, reason in findings if reason)


def _same_place(ours: Address, theirs: Address) -> _Finding | None:
    """Whether town and postal code are the same, as far as both sides tell them."""
    if ours.state and theirs.state and ours.state != theirs.state:
        return None
    cities = _same_city(ours.city, theirs.city)
    if ours.postal and theirs.postal:
        if ours.postal == theirs.postal:
            return _SAME if cities is not False else (0.97, "town named otherwise")
        area = ours.postal[:3] == theirs.postal[:3]
        if cities:
            return (0.92, "postal code differs") if area else (0.85, "postal code differs")
        slip = cities is None and _one_slip(ours.postal, theirs.postal)
        return (0.78, "postal code differs by one character") if slip else None
    if cities is None:
        return (0.88, "town or postal code on one side only")
    if cities:
        return _SAME
    return (
        (0.9, "town differs by one letter")
        if _one_slip(ours.city, theirs.city) and len(ours.city) > _SHORT_LENGTH
        else None
    )


def _same_city(ours: str, theirs: str) -> bool | None:
    if not ours or not theirs:
        return None
    return ours.replace(" ", "") == theirs.replace(" ", "")


def _maybe_street(ours: Street, theirs: Street) -> list[_Finding]:
    if not ours.name or not theirs.name:
        return []
    return _same_street(ours, theirs) or [(0.8, "other street beside the box")]


def _same_street(ours: Street, theirs: Street) -> list[_Finding] | None:
    """Name, type and directions; none where they are other streets."""
    name = _same_name(ours, theirs)
    if name is None:
        return None
    findings = [name]
    if (*ours.name, ours.type) == theirs.name or (*theirs.name, theirs.type) == ours.name:
        findings.append((0.92, "street type on one side only"))  # "Oak Hollow", where Hollow looks like a type
    elif ours.type != theirs.type:
        whole = not ours.type or not theirs.type
        findings.append(
            (0.92, "street type on one side only")
            if whole
            else (0.5, f"street type differs ({ours.type}, {theirs.type})")
        )
    if (ours.before, ours.after) != (theirs.before, theirs.after):
        sides = (
            {side for side in (ours.before, ours.after) if side},
            {side for side in (theirs.before, theirs.after) if side},
        )
        if sides[0] == sides[1]:
            findings.append((0.9, "direction at the other end of the street's name"))
        elif sides[0] <= sides[1] or sides[1] <= sides[0]:
            findings.append((0.85, "direction on one side only"))
        else:
            return None
    return findings


def _same_name(ours: Street, theirs: Street) -> _Finding | None:
    from rapidfuzz.distance import OSA

    one, other = ours.joined, theirs.joined
    if one == other:
        return _SAME
    if (*ours.name, ours.type) == theirs.name or (*theirs.name, theirs.type) == ours.name:
        return _SAME
    if (numbers := re.findall(r"\d+", one)) != re.findall(r"\d+", other):
        return None  # 14th and 15th are two streets
    if numbers and is_numbered_road(one) and is_numbered_road(other):
        plain = one.startswith(_ANY_ROAD) or other.startswith(_ANY_ROAD)
        return (0.85, "kind of road on one side only") if plain else None
    if _COMPASS.findall(one) != _COMPASS.findall(other):
        return None  # Westfield and Eastfield are neighbours
    longer, distance = max(len(one), len(other)), OSA.distance(one, other, score_cutoff=3)
    if distance == 1 and longer >= _SHORT_LENGTH:
        return (0.9 if longer >= _SURE_LENGTH else 0.72), "street name differs by one letter"
    if distance == 2 and longer >= _SURE_LENGTH:  # noqa: PLR2004
        return (0.85 if longer >= _TWO_LENGTH else 0.68), "street name differs by two letters"
    if distance == 3 and longer >= _THREE_LENGTH:  # noqa: PLR2004
        return 0.8, "street name differs by three letters"
    shorter_words, longer_words = sorted((set(ours.name), set(theirs.name)), key=len)
    if shorter_words < longer_words and sum(map(len, shorter_words)) >= _SURE_LENGTH:
        return 0.7, "street name longer on one side"
    return None


def _one_slip(ours: str, theirs: str) -> bool:
    """One character changed, left out, added or swapped with its neighbour."""
    from rapidfuzz.distance import OSA

    return OSA.distance(ours, theirs, score_cutoff=1) == 1
