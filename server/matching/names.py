"""Names of people as they are compared: any order, initials, accents, nicknames. The words are in names.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from leadbridge.server.matching.text import fold, plain
from leadbridge.server.matching.vocabulary import data

_SHORT, _LONG = 3, 7


class Likeness(Enum):
    """How two names relate."""

    SAME = "same name"
    ALIKE = "same name, written otherwise"
    TYPO = "name differs by a letter or two"
    FAMILY = "same family name"
    GIVEN = "same given name"
    OTHER = "other name"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Name:
    """The words of a name, given name first where that is known, and junior or senior."""

    words: tuple[str, ...] = ()
    generation: str = ""
    company: bool = False
    """Whether it is a company's or an office's name: one that has many houses."""

    @property
    def key(self) -> str:
        """The same for the same words in any order."""
        return " ".join(sorted(self.words))

    @property
    def joined(self) -> str:
        """Without spaces, so that `De La Cruz` and `Delacruz` are one."""
        return "".join(self.words)


@dataclass(frozen=True, slots=True)
class _Words:
    titles: frozenset[str]
    small: frozenset[str]
    legal: frozenset[str]
    companies: frozenset[str]
    generations: Mapping[str, str]
    saints: Mapping[str, str]
    nobody: frozenset[str]
    maiden: str
    sounds: tuple[tuple[re.Pattern[str], str], ...]


@cache
def _words() -> _Words:
    names = data("names.toml")["names"]
    sets = {name: frozenset(names[name].split()) for name in ("titles", "small", "legal", "companies")}
    sounds = tuple((re.compile(spelled), sound) for spelled, sound in names["sounds"])
    return _Words(
        **sets,
        sounds=sounds,
        generations=names["generations"],
        saints=names["saints"],
        maiden=names["maiden"],
        nobody=frozenset(names["nobody"]),
    )


@cache
def _given() -> Mapping[str, frozenset[int]]:
    """How a given name or its short form sounds, and the lines that contain it."""
    groups = dict[str, set[int]]()
    for number, line in enumerate(data("names.toml")["given"]["short"]):
        for word in line.split():
            groups.setdefault(sound(word), set()).add(number)
    return {sound: frozenset(numbers) for sound, numbers in groups.items()}


def is_nobody(text: str) -> bool:
    """Whether a text means "no name": `Homeowner`, `N/A`."""
    return fold(text) in _words().nobody


def is_given_name(word: str) -> bool:
    """Whether a word is a usual given name, or a short form of one."""
    return sound(fold(word)) in _given()


def courtesy_titles() -> frozenset[str]:
    """Words in front of a name that are no part of it, in small letters: mr, dr."""
    return frozenset(word.lower() for word in _words().titles)


@lru_cache(maxsize=4096)
def name_of(text: str) -> Name:
    """The name in a text; nothing for the words that stand for nobody."""
    table, shown = _words(), plain(text)
    shown = re.sub(rf"\((?:{table.maiden}) ([^()]*)\)", r"\1", shown)
    if is_nobody(text):
        return Name()
    shown = re.sub(r"\(([^()]*)\)", " ", shown) if re.search(r"\w", re.sub(r"\([^()]*\)", "", shown)) else shown
    shown = re.sub(r"^\s*THE ([A-Z]{3,}[^S\W])S\s*$", r"\1", shown)  # The Garcias
    shown = re.sub(r"^M\.? *(?:ET|&) *(?=(?:MME|MLLE)\b)", "", shown)
    # "Miller, Dana" and "Miller, Mr. & Mrs.": turned round, unless what follows is junior or a company's form.
    last, comma, first = shown.partition(",")
    endings = {*table.generations, *table.legal}
    if comma and "," not in first and not set(fold(first).split()) <= endings:
        shown = f"{first} {last}"
    shown = re.sub(r"\b([A-Z])\.(?=[A-Z]\b)", r"\1 ", shown)  # J.P.
    shown = re.sub(r"(?<=\w )(MA?C) (?=[A-Z]{4})", r"\1", fold(re.sub(r"[&+/]", " ", shown)))
    shown = re.sub(r"\bMAC(?=[A-GI-Z][A-Z]{3})", "MC", shown)  # Mac Donald, MacDonald, McDonald; but Machado
    row = [table.saints.get(word, word) for word in shown.split()]
    generation = next((table.generations[word] for word in row[1:] if word in table.generations), "")
    row = [word for index, word in enumerate(row) if not (index and word in table.generations)]
    bare = [word for word in row if word not in table.small]
    while len(bare) > 1 and bare[0] in table.titles:
        bare = bare[1:]
    named = [word for word in bare if word not in table.legal] if len(bare) > 1 else bare
    company = len(named) < len(bare) or bool(table.companies.intersection(named[1:]))
    return Name(tuple(named or bare or row), generation, company)


def compare_names(ours: Name, theirs: Name) -> Likeness:
    """How two names relate; unknown where one side has none."""
    if not ours.words or not theirs.words:
        return Likeness.UNKNOWN
    if ours.generation and theirs.generation and ours.generation != theirs.generation:
        return Likeness.FAMILY
    if ours.key == theirs.key or ours.joined == theirs.joined:
        return Likeness.SAME
    short, long = sorted((list(ours.words), list(theirs.words)), key=len)
    if len(short) > 1:
        joined = sorted((_joined(short, long), _joined(long, short)), key=len)
        if _covers(*joined):
            return Likeness.ALIKE
        if _is_typo(*joined):
            return Likeness.TYPO
    if len(short) == 1 and len(long) > 1 and len(short[0]) > 1 and _stands_for(short[0], long[0]):
        return Likeness.GIVEN
    # A shared word is a family name only at the end of a name, if there is one; a lone word says too little.
    if len(short[-1]) > 1 and short[-1] in long and (short[-1] == long[-1] or len(short) == 1):
        return Likeness.FAMILY
    if ours.words[0] == theirs.words[0] and len(ours.words[0]) > 1 and len(short) > 1:
        return Likeness.GIVEN
    return Likeness.OTHER


def is_other_given_name(ours: Name, theirs: Name) -> bool:
    """Whether two names differ in the given name, be it by one letter: Maria and Mario."""
    return bool(ours.words and theirs.words) and ours.words[0] != theirs.words[0] and ours.words[-1] == theirs.words[-1]


def _covers(short: list[str], long: list[str]) -> bool:
    """Whether each word of `short` is one of `long`, its initial or its nickname, and one of them is written whole."""
    rest = list(long)
    whole = False
    for word in sorted(short, key=len, reverse=True):
        found = next((other for other in rest if sound(other) == sound(word)), None)
        whole = whole or (found is not None and len(word) > 1)
        found = found or next((other for other in rest if _stands_for(word, other)), None)
        if found is None:
            return False
        rest.remove(found)
    # What is left of the longer one are middle names, or the other half of a couple.
    return whole and not (len(short) == len(long) and rest)


def _joined(row: Sequence[str], others: Sequence[str]) -> list[str]:
    """Words joined as the other side has them: De La Cruz as Delacruz, Jean Pierre as JP."""
    joined = list(row)
    for word in others:
        ends = ((start, end) for start in range(len(joined)) for end in range(start + 2, len(joined) + 1))
        for start, end in ends:
            parts = joined[start:end]
            if word in {"".join(parts), "".join(part[0] for part in parts)}:
                joined[start:end] = [word]
                break
    return joined


@lru_cache(maxsize=4096)
def sound(word: str, short: int = _SHORT) -> str:
    """How a word sounds, unless it is short: Yevgeny and Evgeniy, Mohammed and Mohamed."""
    for spelled, heard in _words().sounds if len(word) > short else ():
        word = spelled.sub(heard, word)
    return word


def _stands_for(word: str, other: str) -> bool:
    if len(word) == 1 or len(other) == 1:
        return word[0] == other[0]
    one, two = sound(word), sound(other)
    return one == two or bool(_given().get(one, frozenset()) & _given().get(two, frozenset()))


def _is_typo(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """One letter in a word of five, two in a longer one; the same word cannot be mistyped twice."""
    if len(ours) != len(theirs):
        return False
    changed = 0
    for word, other in zip(sorted(ours), sorted(theirs), strict=True):
        if word == other or (min(len(word), len(other)) > 1 and _stands_for(word, other)):
            continue
        distance = OSA.distance(word, other)
        longer = max(len(word), len(other))
        if distance > (2 if longer > _LONG else 1 if longer > _SHORT else 0):
            return False
        changed += distance
    return changed <= 2  # noqa: PLR2004
