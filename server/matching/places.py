"""How two addresses relate: the same door, the same with a slip of the pen, the same building, the house next door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from leadbridge.server.matching.addresses import Address, with_town
from leadbridge.server.matching.roads import same_box, same_road
from leadbridge.server.matching.streets import Street
from leadbridge.server.matching.vocabulary import street_type, words

_COMPASS = re.compile("NORTH|SOUTH|EAST|WEST|UPPER|LOWER")
_SURE_LENGTH, _SHORT_LENGTH, _TWO_LENGTH = 5, 4, 9
_NEXT_DOOR = 2


class Where(Enum):
    """How two addresses relate."""

    SAME = "same address"
    NEAR = "almost the same address"
    OTHER_UNIT = "other unit of the same building"
    OTHER_NUMBER = "same street, house number differs by a digit"
    NEXT_DOOR = "same street, the house next door"
    OTHER = "other address"
    UNKNOWN = ""


class Doubt(Enum):
    """Why two addresses that are almost the same may be two: it takes more than a name to call them one."""

    NONE = 0
    SLIP = 1
    """A slip of the pen in the street's name, or another street."""
    OTHER_STREET = 2
    """A street of another type, or one whose name differs by more than a slip."""


@dataclass(frozen=True, slots=True)
class Place:
    """How two addresses relate, how surely (0..1) they are one, and why in words."""

    where: Where
    certainty: float = 0.0
    reasons: tuple[str, ...] = ()
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class _Finding:
    share: float = 1.0
    reason: str = ""
    doubt: Doubt = Doubt.NONE


UNKNOWN, OTHER, _SAME = Place(Where.UNKNOWN), Place(Where.OTHER), _Finding()
_ONE_SIDE = "street type on one side only"


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
        if share:
            box = _SAME if share == 1 else _Finding(share, "part of the box on one side only")
            return _sum([place, box, *_maybe_street(one, other)])
        if not (one.number and other.number):
            return OTHER
    street = _same_street(one, other, streets)
    if street is None:
        return OTHER
    return _door(one, other, [place, *street])


def _door(ours: Street, theirs: Street, findings: list[_Finding]) -> Place:
    """House number and unit, the street and the town being the same."""
    if ours.number != theirs.number or ours.until != theirs.until:
        if _in_range(ours, theirs) or _in_range(theirs, ours):
            findings = [*findings, _Finding(0.9, "house number is a range on one side")]
        elif not ours.number or not theirs.number:
            return _sum([*findings, _Finding(0.35, "house number on one side only")])
        else:
            return _next_door(ours, theirs, findings)
    if not ours.number and not ours.box:
        findings.append(_Finding(0.5, "no house number"))
    units, others = set(ours.unit.split("-")) - {""}, set(theirs.unit.split("-")) - {""}
    if units == others:
        return _sum(findings)
    if not units or not others:
        return _sum([*findings, _Finding(0.65, "unit on one side only")])
    if units < others or others < units:
        return _sum([*findings, _Finding(0.8, "part of the unit on one side only")])
    return Place(Where.OTHER_UNIT, 0.0, _reasons(findings))


def _in_range(ours: Street, theirs: Street) -> bool:
    """Whether their house is one of our range's, on its side of the street."""
    if not ours.until or not theirs.number.isdigit() or (theirs.until and theirs.until != ours.until):
        return False
    first, last, house = int(ours.number), int(ours.until), int(theirs.number)
    return first <= house <= last and (house - first) % 2 == 0


def _next_door(ours: Street, theirs: Street, findings: list[_Finding]) -> Place:
    if ours.unit and theirs.unit and ours.unit != theirs.unit:
        return OTHER
    if _one_slip(ours.number, theirs.number):
        return Place(Where.OTHER_NUMBER, 0.0, _reasons(findings))
    both = ours.number.isdigit() and theirs.number.isdigit()
    if both and abs(int(ours.number) - int(theirs.number)) == _NEXT_DOOR:
        return Place(Where.NEXT_DOOR, 0.0, _reasons(findings))
    return OTHER


def _sum(findings: list[_Finding]) -> Place:
    certainty = 1.0
    for finding in findings:
        certainty *= finding.share
    reasons = _reasons(findings)
    doubt = max((finding.doubt for finding in findings), key=lambda doubt: doubt.value)
    return Place(Where.NEAR if reasons else Where.SAME, certainty, reasons, doubt)


def _reasons(findings: list[_Finding]) -> tuple[str, ...]:
    return tuple(finding.reason for finding in findings if finding.reason)


def _same_place(ours: Address, theirs: Address) -> _Finding | None:
    """Whether town and postal code are the same, as far as both sides tell them."""
    if ours.state and theirs.state and ours.state != theirs.state:
        return None
    cities = _same_city(ours.city, theirs.city)
    if ours.postal and theirs.postal:
        if ours.postal == theirs.postal:
            return _SAME if cities is not False else _Finding(0.97, "town named otherwise")
        area = ours.postal[:3] == theirs.postal[:3]
        if cities:
            return _Finding(0.92 if area else 0.85, "postal code differs")
        slip = cities is None and _one_slip(ours.postal, theirs.postal)
        return _Finding(0.78, "postal code differs by one character") if slip else None
    if cities is None:
        return _Finding(0.88, "town or postal code on one side only")
    if cities:
        return _SAME
    if _one_slip(ours.city, theirs.city) and len(ours.city) > _SHORT_LENGTH:
        return _Finding(0.9, "town differs by one letter")
    return None


def _same_city(ours: str, theirs: str) -> bool | None:
    if not ours or not theirs:
        return None
    return ours.replace(" ", "") == theirs.replace(" ", "")


def _maybe_street(ours: Street, theirs: Street) -> list[_Finding]:
    if not ours.name or not theirs.name:
        return []
    return _same_street(ours, theirs, frozenset()) or [_Finding(0.8, "other street beside the box")]


def _same_street(ours: Street, theirs: Street, streets: frozenset[str]) -> list[_Finding] | None:
    """Name, type and directions; none where they are other streets."""
    if ours.type == theirs.type and ours.name != theirs.name and _all_words(ours) == _all_words(theirs):
        return [_Finding(0.9, "direction at the other end of the street's name")]
    name = _same_name(ours, theirs)
    if name is None or (name.doubt is not Doubt.NONE and {ours.joined, theirs.joined} <= streets):
        return None
    if name is _SAME and (_type_in_front(ours, theirs) or _type_in_front(theirs, ours)):
        return [name]
    findings = [name]
    if name.reason != _ONE_SIDE and ours.type != theirs.type and not _remark_behind(ours, theirs):
        findings.append(
            _Finding(0.5, f"street type differs ({ours.type}, {theirs.type})", Doubt.OTHER_STREET)
            if ours.type and theirs.type
            else _Finding(0.92, _ONE_SIDE)
        )
    sides, others = ({side for side in (street.before, street.after) if side} for street in (ours, theirs))
    if (ours.before, ours.after) != (theirs.before, theirs.after):
        if sides == others and len(sides) == 1:
            findings.append(_Finding(0.9, "direction at the other end of the street's name"))
        elif sides < others or others < sides:
            findings.append(_Finding(0.85, "direction on one side only"))
        else:
            return None
    return findings


def _all_words(street: Street) -> list[str]:
    """The words of a name with its directions, which some put before the type: Big Run South Rd, Big Run Rd S."""
    return sorted([*street.name, *(words().whole.get(side, "") for side in (street.before, street.after) if side)])


def _whole(street: Street) -> tuple[str, ...]:
    """A street's name and type in whole words."""
    return (*street.name, words().whole.get(street.type, street.type)) if street.type else street.name


def _type_in_front(ours: Street, theirs: Street) -> bool:
    """Whether ours is theirs with the type in front, as French has it, where nothing said that the line is French."""
    return not ours.type and (words().whole.get(theirs.type), *theirs.name) == ours.name


def _remark_behind(ours: Street, theirs: Street) -> bool:
    """Whether one line goes on behind the other's whole street with what is no street's name: a remark."""
    short, long = sorted((_whole(ours), _whole(theirs)), key=len)
    typed = ours.type if _whole(ours) == short else theirs.type
    more = long[len(short) :]
    if not typed or len(short) < 2 or not more or long[: len(short)] != short:  # noqa: PLR2004
        return False
    types = [street_type(word) for word in more]
    return not all(types) and types[-1] not in words().strong


def _same_name(ours: Street, theirs: Street) -> _Finding | None:
    if ours.road and theirs.road:
        same = same_road(ours.road, theirs.road)
        return _Finding(0.85, "kind of road on one side only") if same is None else _SAME if same else None
    if ours.road or theirs.road:
        return _SAME if ours.joined == theirs.joined else None
    one, other = ours.joined, theirs.joined
    if one == other:
        return _SAME
    if _whole(ours) == theirs.name or _whole(theirs) == ours.name:
        typed, bare = (ours, theirs) if _whole(ours) == theirs.name else (theirs, ours)
        # "Oak Hollow" and "Oak Hollow Dr" may be one street; "Oak Street" and "Oak Street Circle" are two.
        return None if bare.type and typed.type in words().strong else _Finding(0.92, _ONE_SIDE)
    if _type_in_front(ours, theirs) or _type_in_front(theirs, ours):
        return _SAME
    if _remark_behind(ours, theirs):
        return _Finding(0.92, "more behind the street on one side")
    if re.findall(r"\d+", one) != re.findall(r"\d+", other) or _COMPASS.findall(one) != _COMPASS.findall(other):
        return None  # 14th and 15th are two streets, Westfield and Eastfield are neighbours
    return _slip(ours, theirs) or _longer(ours, theirs)


def _slip(ours: Street, theirs: Street) -> _Finding | None:
    """One letter changed, left out, added or swapped, in words written whole; known words are no slips."""
    from rapidfuzz.distance import OSA

    one, other = ours.joined, theirs.joined
    if not (ours.type and theirs.type):
        one, other = ("".join(_whole(street)) for street in (ours, theirs))
    distance = OSA.distance(one, other, score_cutoff=2)
    if distance not in {1, 2} or _are_two_words(ours, theirs):
        return None
    if distance == 1 and max(len(one), len(other)) >= _SHORT_LENGTH:
        share = 0.9 if max(len(one), len(other)) >= _SURE_LENGTH else 0.72
        return _Finding(share, "street name differs by one letter", Doubt.SLIP)
    if distance == 2 and min(len(one), len(other)) >= _TWO_LENGTH:  # noqa: PLR2004
        return _Finding(0.6, "street name differs by two letters", Doubt.OTHER_STREET)
    return None


def _are_two_words(ours: Street, theirs: Street) -> bool:
    """Whether what differs are two words that streets have (Hill and Mill, Stonebridge and Stone Ridge), or letters."""
    if len(ours.name) == len(theirs.name):
        changed = [pair for pair in zip(ours.name, theirs.name, strict=True) if pair[0] != pair[1]]
        known = words().types
        if any(min(map(len, pair)) <= 2 or (pair[0] in known and pair[1] in known) for pair in changed):  # noqa: PLR2004
            return True
    elif any(len(word) <= 2 for word in set(ours.name) ^ set(theirs.name)):  # noqa: PLR2004
        return True
    one, other = _last_word(ours.joined), _last_word(theirs.joined)
    return bool(one and other and one != other)


@lru_cache(maxsize=4096)
def _last_word(name: str) -> str:
    """The longest word of streets with which a name ends, joined to others or not."""
    return next((name[at:] for at in range(len(name) - 2) if name[at:] in words().whole.values()), "")


def _longer(ours: Street, theirs: Street) -> _Finding | None:
    short, long = sorted((set(ours.name), set(theirs.name)), key=len)
    if short < long and sum(map(len, short)) > _SURE_LENGTH:
        doubt = Doubt.SLIP if ours.type == theirs.type else Doubt.OTHER_STREET
        return _Finding(0.7, "street name longer on one side", doubt)
    return None


def _one_slip(ours: str, theirs: str) -> bool:
    """One character changed, left out, added or swapped with its neighbour."""
    from rapidfuzz.distance import OSA

    return OSA.distance(ours, theirs, score_cutoff=1) == 1
