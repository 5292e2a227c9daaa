"""Words put side by side: the same, shortened, misspelt or in the other language, without a table of what is short."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from leadbridge.server.matching.names import sound
from leadbridge.server.matching.vocabulary import is_street_word, street_type, words

_STEPS = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1))
_SILENT = re.compile("(?<=(?!LL|SS|TT)[^AEIOU][^AEIOU])E$|(?<=AI.|EE.|OO.)E$")
_FEW = 0.43
"""Below this share of a word's letters, its beginning is no word of its own: Univ, Kam; but Carol and Carolina."""
_LEFT = 0.3
"""What a word is worth that the other side has not."""
_SURE, _ABBREVIATION, _SURE_SOUND, _TWO = 0.9, 4, 3, 2
_SURE_LENGTH, _SHORT_LENGTH, _INNER_LENGTH, _JOINED_LENGTH = 5, 4, 6, 8


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
SHORTENED = Finding(0.93, "a word shortened on one side")
CUT = Finding(0.78, "a word shortened on one side", Doubt.SLIP)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Words of two lines put side by side."""

    value: float = 1.0
    found: tuple[Finding, ...] = ()
    ours: tuple[int, ...] = ()
    """Where ours are that theirs has not."""
    theirs: tuple[int, ...] = ()


def pair_up(ours: tuple[str, ...], theirs: tuple[str, ...], short: frozenset[str]) -> Pairing:
    """The best way to put two rows of words side by side; several words may be one: Stone Bridge, MLK."""
    if theirs < ours:  # of several ways that are equally good the same one, whichever side is ours
        found = pair_up(theirs, ours, short)
        return replace(found, ours=found.theirs, theirs=found.ours)
    length = max(len("".join(ours)), len("".join(theirs)))

    @cache
    def best(i: int, j: int) -> Pairing:
        if i == len(ours) or j == len(theirs):
            one, other = tuple(range(i, len(ours))), tuple(range(j, len(theirs)))
            return Pairing(_LEFT ** (len(one) + len(other)), (), one, other)
        options = [replace(at := best(i + 1, j), value=at.value * _LEFT, ours=(i, *at.ours))]
        options.append(replace(at := best(i, j + 1), value=at.value * _LEFT, theirs=(j, *at.theirs)))
        for count, others in _STEPS:
            row, other_row = ours[i : i + count], theirs[j : j + others]
            if len(row) == count and len(other_row) == others and (like := _alike(row, other_row, short, length)):
                at = best(i + count, j + others)
                options.append(replace(at, value=at.value * like.share, found=(like, *at.found)))
        return max(options, key=lambda option: option.value)

    return best(0, 0)


@lru_cache(maxsize=4096)
def _alike(ours: tuple[str, ...], theirs: tuple[str, ...], dotted: frozenset[str], length: int) -> Finding | None:
    """Whether words are the same, one of them shortened, or one with a slip of the pen."""
    one, other = "".join(ours), "".join(theirs)
    if one == other:
        return SAME
    if len(ours) != len(theirs):
        few, many = sorted((ours, theirs), key=len)
        if len(few[0]) == len(many) > (few[0] not in dotted) + 1 and few[0] == "".join(word[0] for word in many):
            return SAME
        joined = len(many) == _TWO and len(one) >= _JOINED_LENGTH and min(map(len, many)) > _TWO
        return _misspelt(one, other, length) if joined else None
    table = words()
    if {one, other} in ({"ST", "SAINT"}, {"STE", "SAINTE"}):
        return SAME
    wholes = {table.whole.get(word, "") for word in (one, other)}
    if wholes == {*wholes} - {""} and len(wholes) == 1:
        return SAME
    if one == table.french.english.get(other) or other == table.french.english.get(one):
        return Finding(_SURE, "street's name in the other language", Doubt.SLIP)
    if "" not in wholes or (one in table.numbers and other in table.numbers):
        return None
    pairs = (one, other), (table.whole.get(one, one), table.whole.get(other, other))
    looks = (_shortened(*pair, dotted) or _misspelt(*pair, length) for pair in pairs)
    return next((found for found in looks if found), None)


def _shortened(one: str, other: str, dotted: frozenset[str]) -> Finding | None:
    """Whether one word is the other without some of its letters: Crk, Mem., Govt, Univ."""
    short, long = sorted((one, other), key=len)
    letters = iter(long)
    if short[0] != long[0] or len(short) < _TWO or not all(letter in letters for letter in short):
        return None
    if short in dotted:
        return SHORTENED
    if street_type(short) in words().strong or short in words().whole.values() or short in words().numbers:
        return None
    if len(long) - len(short) == 1 and len(long) > _SHORT_LENGTH:
        return None  # a slip
    if long in words().whole.values():
        return SHORTENED
    begins, rest = long.startswith(short), long[len(short) :]
    bare = not begins and _bones(short) in {short, _bones(long)}
    known = (begins or len(short) > _ABBREVIATION) and is_street_word(short)  # Pins, Pinsons; Carlin, Carolina
    brief = len(short) <= _ABBREVIATION or (short[:3] == long[:3] and 2 * len(short) <= len(long))  # Philla
    if (bare or (brief and short[-1] == long[-1])) and not known:
        return SHORTENED
    middle = rest[0] in "AEIOU" and short[-1] not in "AEIOUY"  # in the middle of a syllable: Mem-orial, but John-son
    if not (begins and middle and _TWO < len(short) <= _SURE_LENGTH and len(rest) > _TWO):
        return None
    return SHORTENED if len(short) < _FEW * len(long) else CUT


def _bones(word: str) -> str:
    """A word without its vowels, but for the first letter."""
    return word[0] + re.sub("[AEIOUY]", "", word[1:])


def _misspelt(one: str, other: str, length: int) -> Finding | None:
    """One letter changed, left out, added or swapped; two in a long word; the same sound.

    A slip makes a word that nobody uses: two words that streets have are two streets, unless they sound alike.
    """
    short, long = sorted((one, other), key=len)
    distance, heard = OSA.distance(one, other, score_cutoff=2), _heard(one, other)
    sure = len(short) >= _INNER_LENGTH and len(long) - len(short) <= _TWO
    scanned = sure and one.replace("RN", "M") == other.replace("RN", "M")
    spoken = sure and len(bones := _consonants(one)) >= _SURE_SOUND and bones == _consonants(other)
    if distance > _TWO and not (heard or scanned or spoken):
        return None
    swapped = sorted(one) == sorted(other)
    two = not (heard or swapped) and is_street_word(one) and is_street_word(other)
    if distance == 1 and len(short) > _TWO and length >= _SHORT_LENGTH:
        first = len(one) == len(other) and one[0] != other[0] and not (heard or swapped)
        share = 0.72 if first else _SURE  # few slip in the first letter: Billy, Willy
        return Finding(share, "street name differs by one letter", Doubt.OTHER_STREET if two else Doubt.SLIP)
    if two:
        return None
    if heard or scanned or spoken:
        return Finding(_SURE, "street name sounds the same" if heard or spoken else "street name scanned", Doubt.SLIP)
    left_out = distance == len(long) - len(short) == _TWO and short[0] + short[-1] == long[0] + long[-1]
    return Finding(0.85, "street name differs by two letters", Doubt.SLIP) if sure and left_out else None


@lru_cache(maxsize=4096)
def _consonants(word: str) -> str:
    """What is left of a word that is written by ear: Schuylkill and Skoolkill, Tchoupitoulas and Chopatoulas."""
    word = re.sub("TCH|CH|[CKQ]", "K", word.replace("PH", "F"))
    return re.sub(r"(.)\1+", r"\1", word[0] + re.sub("[AEIOUYHW]", "", word[1:]))


def _heard(one: str, other: str) -> bool:
    """Whether two words sound alike: Leigh and Lee, Allan and Allen, Clark and Clarke."""
    alike = one[0] == other[0] or {one[0], other[0]} == {"C", "K"}
    return alike and min(len(one), len(other)) > _TWO and _sound(one) == _sound(other)


@lru_cache(maxsize=4096)
def _sound(word: str) -> str:
    """A word as it sounds: behind its first vowel they are all one, and an E behind two consonants is silent."""
    return re.sub("(?<=[AEIOU])([^AEIOU]+)[AEIOU]+(?=[^AEIOU])", r"\1E", sound(_SILENT.sub("", word), _TWO))
