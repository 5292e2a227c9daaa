"""Whether two street lines name one street: the same words, a slip of the pen, or two streets that look alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from leadbridge.server.matching.roads import same_road, spread
from leadbridge.server.matching.streets import Street
from leadbridge.server.matching.units import NUMBERED
from leadbridge.server.matching.vocabulary import street_type, words

_DIGITS = re.compile(r"\d+")
_COMPASS = re.compile("NORTH|SOUTH|EAST|WEST|UPPER|LOWER")
_OTHER_ONES = frozenset({"OLD", "NEW"})
_SURE_LENGTH, _SHORT_LENGTH, _TWO_LENGTH = 5, 4, 9
_ONE_SIDE = "street type on one side only"


class Doubt(Enum):
    """Why two addresses that are almost the same may be two: it takes more than a name to call them one."""

    NONE = 0
    SLIP = 1
    """A slip of the pen in the street's name, or another street."""
    OTHER_STREET = 2
    """A street of another type, or one whose name differs by more than a slip."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which two addresses differ, and how surely (0..1) they are one all the same."""

    share: float = 1.0
    reason: str = ""
    doubt: Doubt = Doubt.NONE


SAME = Finding()
_KIND_MISSING = Finding(0.93, "kind of road on one side only")


def same_street(ours: Street, theirs: Street, streets: frozenset[str]) -> list[Finding] | None:
    """Name, type and directions; none where they are other streets."""
    name = _same_name(ours, theirs)
    if name is None or (name.doubt is not Doubt.NONE and {ours.joined, theirs.joined} <= streets):
        return None
    if name is SAME and (_type_in_front(ours, theirs) or _type_in_front(theirs, ours)):
        return [name]
    findings = [name]
    if name.reason != _ONE_SIDE and ours.type != theirs.type and not _remark_behind(ours, theirs):
        findings.append(
            Finding(0.5, f"street type differs ({ours.type}, {theirs.type})", Doubt.OTHER_STREET)
            if ours.type and theirs.type
            else Finding(0.92, _ONE_SIDE)
        )
    sides, others = ({side for side in (street.before, street.after) if side} for street in (ours, theirs))
    if (ours.before, ours.after) != (theirs.before, theirs.after):
        if sides == others and len(sides) == 1:
            share = 0.97 if ours.road else 0.9
            findings.append(Finding(share, "direction at the other end of the street's name"))
        elif sides < others or others < sides:
            findings.append(Finding(0.85, "direction on one side only"))
        else:
            return None
    return findings


def same_words(ours: Street, theirs: Street) -> bool:
    """Whether two lines have the same words, whatever each is, or one has no type: Big Run South Rd, Big Run Rd S."""
    if ours.number != theirs.number or not ours.number:
        return False
    (*one, few), (*other, more) = sorted(
        (_words_of(ours.line), _words_of(theirs.line)), key=lambda found: len(found[2])
    )
    types = words().strong.intersection
    return one == other and (few == more or (not types(few) and sorted([*few, *types(more)]) == more))


@lru_cache(maxsize=4096)
def _words_of(line: str) -> tuple[list[str], list[str], list[str]]:
    """Directions and the words of a name in their order, and numbers, letters and types, which may stand anywhere."""
    table = words()
    row = [*re.findall(r"\d+(?:ST|ND|RD|TH|E|ER|RE|EME|IEME)\b|\d+|[A-Z]+", spread(line)), ""]
    sides, names, others = list[str](), list[str](), list[str]()
    for word, following in pairwise(row):
        counted = following[:1].isdigit() or len(following) == 1
        kind = table.types.get(word) or table.french.always.get(word, "")
        if counted and (table.units.get(word) == "" or word in table.signs.number):
            continue
        if word in table.directions:
            sides.append(table.directions[word])
        elif word[0].isdigit() or word in table.numbers or len(word) == 1:
            others.append(str(table.numbers.get(word, "")) or re.sub(r"(?<=\d)\D+", "", word).lstrip("0"))
        elif kind in table.strong or word in table.roads.words:
            others.append(kind or table.roads.words[word])
        elif word not in table.french.articles | {"AND", "ET"}:
            names.append(table.whole.get(word, word))
    return sides, names, sorted(others)


def _same_name(ours: Street, theirs: Street) -> Finding | None:
    if ours.road and theirs.road:
        same = same_road(ours.road, theirs.road)
        return _KIND_MISSING if same is None else SAME if same else None
    if road := ours.road or theirs.road:
        other = theirs if ours.road else ours
        numbered = len(other.name) == 1 or street_type(other.name[-2]) in NUMBERED  # Cariboo Highway 97
        bare = road[1] in other.name[-1:] and numbered and not other.type
        return SAME if ours.joined == theirs.joined else _KIND_MISSING if bare else None
    one, other = ours.joined, theirs.joined
    if one == other:
        return SAME
    if _whole(ours) == theirs.name or _whole(theirs) == ours.name:
        typed, bare = (ours, theirs) if _whole(ours) == theirs.name else (theirs, ours)
        # "Oak Hollow" and "Oak Hollow Dr" may be one street; "Oak Street" and "Oak Street Circle" are two.
        return None if bare.type and typed.type in words().strong else Finding(0.92, _ONE_SIDE)
    if _type_in_front(ours, theirs) or _type_in_front(theirs, ours):
        return SAME
    if [words().french.english.get(word, word) for word in ours.name] == [
        words().french.english.get(word, word) for word in theirs.name
    ]:
        return Finding(0.9, "street's name in the other language", Doubt.SLIP)
    if _remark_behind(ours, theirs):
        return Finding(0.92, "more behind the street on one side")
    sides = [_COMPASS.findall(name) for name in (one, other)]
    if _DIGITS.findall(one) != _DIGITS.findall(other) or (all(sides) and sides[0] != sides[1]):
        return None  # 14th and 15th are two streets, Westfield and Eastfield are neighbours
    return _slip(ours, theirs) or _longer(ours, theirs)


def _type_in_front(ours: Street, theirs: Street) -> bool:
    """Whether ours is theirs with the type in front, as French has it: chemin de la Côte-des-Neiges."""
    alone = not ours.type or theirs.type not in words().whole
    name = [word for word in ours.name if word not in words().french.articles]
    return alone and [words().whole.get(theirs.type, theirs.type), *theirs.name] == name


def _remark_behind(ours: Street, theirs: Street) -> bool:
    """Whether one line goes on behind the other's whole street with what is no street's name: a remark."""
    lines = [tuple("STREET" if word == "ST" else word for word in _whole(street)) for street in (ours, theirs)]
    short, long = sorted(lines, key=len)
    typed = ours.type if lines[0] == short else theirs.type
    more = long[len(short) :]
    if not typed or len(short) < 2 or not more or long[: len(short)] != short:  # noqa: PLR2004
        return False
    types = [street_type(word) for word in more]
    return not all(types) and types[-1] not in words().strong


def _slip(ours: Street, theirs: Street) -> Finding | None:
    """One letter changed, left out, added or swapped, in words written whole; known words are no slips."""
    one, other = ours.joined, theirs.joined
    if not (ours.type and theirs.type):
        one, other = ("".join(_whole(street)) for street in (ours, theirs))
    distance = OSA.distance(one, other, score_cutoff=2)
    if distance not in {1, 2} or _are_two_words(ours, theirs):
        return None
    if distance == 1 and max(len(one), len(other)) >= _SHORT_LENGTH:
        share = 0.9 if max(len(one), len(other)) >= _SURE_LENGTH else 0.72
        return Finding(share, "street name differs by one letter", Doubt.SLIP)
    if distance == 2 and min(len(one), len(other)) >= _TWO_LENGTH:  # noqa: PLR2004
        return Finding(0.6, "street name differs by two letters", Doubt.OTHER_STREET)
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
    rests = ours.joined.removesuffix(one), theirs.joined.removesuffix(other)
    return bool(one and other and one != other and rests[0] == rests[1])


@lru_cache(maxsize=4096)
def _last_word(name: str) -> str:
    """The longest word of streets with which a name ends, joined to others or not."""
    return next((name[at:] for at in range(len(name) - 2) if name[at:] in words().whole.values()), "")


def _longer(ours: Street, theirs: Street) -> Finding | None:
    short, long = sorted((ours.name, theirs.name), key=len)
    # Post Rd may be Boston Post Rd; Old Post Rd is another one.
    in_front = ours.type == theirs.type and long[1:] == short and long[0] not in _OTHER_ONES
    if set(short) < set(long) and (in_front or sum(map(len, {*short})) > _SURE_LENGTH):
        doubt = Doubt.SLIP if ours.type == theirs.type else Doubt.OTHER_STREET
        return Finding(0.7, "street name longer on one side", doubt)
    return None


def _whole(street: Street) -> tuple[str, ...]:
    """A street's name and type in whole words."""
    return (*street.name, words().whole.get(street.type, street.type)) if street.type else street.name
