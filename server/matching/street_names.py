"""Whether two street lines name one street: the same words, shortened or misspelt ones, or two streets that look alike.

What tells two streets apart is a closed list: numbers, letters, directions, types, and words that both have instead of
one another. All else is notation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from leadbridge.server.matching.alignment import CUT, SAME, SHORTENED, Doubt, Finding, pair_up
from leadbridge.server.matching.roads import same_road, spread
from leadbridge.server.matching.streets import Street
from leadbridge.server.matching.units import NUMBERED
from leadbridge.server.matching.vocabulary import street_type, words

_OTHER_ONES = frozenset({"OLD", "NEW", "UPPER", "LOWER"})
_SURE, _SURE_LENGTH, _LONG = 0.9, 5, 9
_MOST = 20
"""Words of a line that are compared one by one; a street's name has fewer."""
_ONE_SIDE = "street type on one side only"


MOVED = Finding(_SURE, "the same words in another order")
_KIND_MISSING = Finding(0.93, "kind of road on one side only")
_TYPE_MISSING = Finding(0.92, _ONE_SIDE)
_SIDE_MISSING = Finding(0.85, "direction on one side only", Doubt.SLIP)
_SIDE_IN_NAME = Finding(0.85, "direction on one side only", Doubt.OTHER_STREET)


def same_street(ours: Street, theirs: Street, streets: frozenset[str]) -> list[Finding] | None:
    """How the streets differ; none where they are two. `streets` are names that houses of the town have."""
    parts = _same_parts(ours, theirs)
    if parts is not None and _share(parts) >= _SURE:
        return parts
    written = same_words(ours, theirs)
    doubted = any(finding.doubt is not Doubt.NONE for finding in written or [])
    if doubted and {ours.joined, theirs.joined} <= streets:
        written = None
    found = [parts, [MOVED] if written == [] else written]
    return max((row for row in found if row is not None), key=_share, default=None)


def _share(findings: list[Finding]) -> float:
    return math.prod(finding.share for finding in findings)


def _same_parts(ours: Street, theirs: Street) -> list[Finding] | None:
    """Name, type and directions as they were told apart; none where the names are not the same."""
    name = _same_name(ours, theirs)
    if name is None:
        return None
    findings = [name]
    if ours.type != theirs.type:
        findings.append(
            Finding(0.5, f"street type differs ({ours.type}, {theirs.type})", Doubt.OTHER_STREET)
            if ours.type and theirs.type
            else _TYPE_MISSING
        )
    sides, others = ({side for side in (street.before, street.after) if side} for street in (ours, theirs))
    if (ours.before, ours.after) != (theirs.before, theirs.after):
        if sides == others and len(sides) == 1:
            share = 0.97 if ours.road else 0.9
            findings.append(Finding(share, "direction at the other end of the street's name"))
        elif sides < others or others < sides:
            findings.append(_SIDE_IN_NAME if _side_in_name(ours) or _side_in_name(theirs) else _SIDE_MISSING)
        else:
            return None
    return findings


def _side_in_name(street: Street) -> bool:
    """Whether the direction belongs to the name: whole, in front of one word that is a type, as in North Bay Road."""
    alone = len(street.name) == 1 and street.name[0] in words().whole.values()
    return alone and re.search(rf"\b(?:NORTH|SOUTH|EAST|WEST) {street.name[0]}\b", street.line) is not None


def _same_name(ours: Street, theirs: Street) -> Finding | None:
    if ours.road and theirs.road:
        same = same_road(ours.road, theirs.road)
        return _KIND_MISSING if same is None else SAME if same else None
    if ours.joined == theirs.joined:
        return SAME
    if road := ours.road or theirs.road:
        other = theirs if ours.road else ours
        numbered = len(other.name) == 1 or street_type(other.name[-2]) in NUMBERED  # Cariboo Highway 97
        return _KIND_MISSING if road[1] in other.name[-1:] and numbered and not other.type else None
    return None


def same_words(ours: Street, theirs: Street) -> list[Finding] | None:
    """How the words of two lines differ, whatever each was taken for; none where they are two houses' lines.

    Where a word stands and what it is does not count: Big Run South Rd, Big Run Rd S.
    """
    if ours.number != theirs.number or not ours.number:
        return None
    one, other = _words_of(ours.line), _words_of(theirs.line)
    (names, numbers), (other_names, other_numbers) = _counted(one, other), _counted(other, one)
    if bool(ours.unit) != bool(theirs.unit) and numbers != other_numbers:
        numbers, other_numbers = _but(numbers, ours.unit), _but(other_numbers, theirs.unit)
    if numbers != other_numbers:
        return None
    if ours.road and theirs.road and (names, one.sides) != (other_names, other.sides):
        return None
    sides = sorted(("".join(one.sides), "".join(other.sides)), key=len)  # N W is NW
    if sides[0] not in {"", sides[1]}:
        return None
    ends = -1, -1
    for kind in sorted({*map(_kind_of, names)} & {*map(_kind_of, other_names)} & words().strong):
        (names, end), (other_names, other_end) = _without_kind(names, kind), _without_kind(other_names, kind)
        ends = end, other_end
    findings = _aligned(names, other_names, one.short | other.short, ends)
    if findings is None:
        return None
    return [*findings, *([] if sides[0] == sides[1] else [_SIDE_MISSING])]


def may_be_renamed(ours: Street, theirs: Street) -> bool:
    """Whether nothing but words tells two lines apart: no number, letter or direction."""
    one, other = _words_of(ours.line), _words_of(theirs.line)
    return ours.number == theirs.number != "" and (sorted(one.numbers), one.sides) == (
        sorted(other.numbers),
        other.sides,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """The words of a street line by what they can tell apart."""

    sides: tuple[str, ...]
    numbers: tuple[str, ...]
    """Numbers and letters."""
    names: tuple[str, ...]
    short: frozenset[str]
    """Words with a full stop behind them."""


@lru_cache(maxsize=4096)
def _words_of(line: str) -> _Line:
    table = words()
    line = re.sub(r"\b([A-Z])\.[ -]?(?=[A-Z]\.)", r"\1", line)  # N.-D.
    row = [*re.findall(r"\d+(?:ST|ND|RD|TH|E|ER|RE|EME|IEME)\b|\d+|[A-Z]+", spread(line)), ""]
    french = not table.french.always.keys().isdisjoint(row)
    directions = table.french.directions if french else table.directions
    sides, names, numbers = list[str](), list[str](), list[str]()
    for word, following in pairwise(row):
        counted = following[:1].isdigit() or len(following) == 1
        if counted and (table.units.get(word) == "" or word in table.signs.number):
            continue
        if side := _side(word, directions):
            sides.append(side)
        elif word[0].isdigit() or len(word) == 1 or word == "BIS":
            numbers.append(re.sub(r"(?<=\d)\D+", "", word).lstrip("0"))
        elif word not in table.french.articles | {"AND", "ET", "THE"}:
            names.append(word)
    return _Line(tuple(sides), tuple(numbers), tuple(names), frozenset(re.findall(r"\b([A-Z]{2,})\.", line)))


def _side(word: str, directions: Mapping[str, str]) -> str:
    """The direction that a word is, with a slip of the pen in a long one: Southwset."""
    if word in directions or len(word) < _LONG - 1:
        return directions.get(word, "")
    near = [name for name in directions if len(name) >= _LONG and OSA.distance(word, name) == 1]
    return directions[min(near, key=lambda name: sorted(name) != sorted(word))] if near else ""


def _counted(line: _Line, other: _Line) -> tuple[tuple[str, ...], list[str]]:
    """The names of a line, and its numbers, with those in words that the other line has in digits."""
    values = {name: str(words().numbers.get(name, "")) for name in line.names}
    counted = [name for name in line.names if values[name] in other.numbers]
    return tuple(name for name in line.names if name not in counted), sorted(
        [*line.numbers, *(values[name] for name in counted)]
    )


def _but(numbers: list[str], unit: str) -> list[str]:
    """The numbers without a unit's."""
    left = list(numbers)
    for number in re.findall(r"\d+|[A-Z]+", unit):
        if number in left:
            left.remove(number)
    return left


def _kind_of(name: str) -> str:
    return street_type(name) or words().french.always.get(name, "")


def _without_kind(names: tuple[str, ...], kind: str) -> tuple[tuple[str, ...], int]:
    """Without the last word that is this type, or the French one in front, and where that was."""
    front = words().french.always.get(names[0]) == kind
    at = 0 if front else max(index for index, name in enumerate(names) if _kind_of(name) == kind)
    return (*names[:at], *names[at + 1 :]), at


@lru_cache(maxsize=4096)
def _aligned(
    ours: tuple[str, ...], theirs: tuple[str, ...], short: frozenset[str], ends: tuple[int, int]
) -> list[Finding] | None:
    """How words differ, in their order; none where both have words that the other has not.

    `ends` are where the type was that both lines have, if there is one: what comes behind is no street's name.
    """
    if max(len(ours), len(theirs)) > _MOST:
        return None
    pairing = pair_up(ours, theirs, short)
    findings = list(dict.fromkeys(finding for finding in pairing.found if finding is not SAME))
    if SHORTENED in findings and CUT in findings:
        findings.remove(CUT)  # who shortens one word shortens others
    if not (pairing.ours or pairing.theirs):
        return findings
    if pairing.ours and pairing.theirs:
        return None
    line, whole, end, more = (
        (ours, theirs, ends[0], pairing.ours) if pairing.ours else (theirs, ours, ends[1], pairing.theirs)
    )
    kinds = [_kind_of(line[at]) for at in more]
    typed = end >= 0 or street_type("".join(whole[-1:])) in words().strong
    if (all(kinds) and typed) or not _OTHER_ONES.isdisjoint(line[at] for at in more):
        return None  # Oak Street and Oak Street Circle are two
    if all(kind in words().strong for kind in kinds):
        return [*findings, _TYPE_MISSING]
    if more[0] >= end > 0 and kinds[-1] not in words().strong:
        return [*findings, Finding(0.92, "more behind the street on one side")]
    if not whole or (more != (0,) and sum(map(len, whole)) <= _SURE_LENGTH):
        return None
    doubt = Doubt.SLIP if end >= 0 else Doubt.OTHER_STREET
    return [*findings, Finding(0.7, "street name longer on one side", doubt)]
