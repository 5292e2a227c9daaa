"""Names of people as they are compared: any order, initials, accents, nicknames. The words are in names.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from leadbridge.server.matching.text import fold, plain
from leadbridge.server.matching.vocabulary import data

_FIVE, _LONG = 3, 7
_INITIALS = 3


class Likeness(Enum):
    """How two names relate."""

    SAME = "same name"
    ALIKE = "same name, written shorter or with a nickname"
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
    particles: frozenset[str]
    short: Mapping[str, frozenset[int]]
    """A given name or its short form, and the lines that contain it."""


@cache
def _words() -> _Words:
    read = data("names.toml")
    names, groups = read["names"], dict[str, set[int]]()
    for number, line in enumerate(read["given"]["short"]):
        for word in line.split():
            groups.setdefault(word, set()).add(number)
    sets = {name: frozenset(names[name].split()) for name in ("titles", "small", "legal", "companies", "particles")}
    short = {word: frozenset(numbers) for word, numbers in groups.items()}
    return _Words(
        **sets, generations=names["generations"], saints=names["saints"], nobody=frozenset(names["nobody"]), short=short
    )


def is_nobody(text: str) -> bool:
    """Whether a text means "no name": `Homeowner`, `N/A`."""
    return fold(text) in _words().nobody


def is_given_name(word: str) -> bool:
    """Whether a word is a usual given name, or a short form of one."""
    return fold(word) in _words().short


def courtesy_titles() -> frozenset[str]:
    """Words in front of a name that are no part of it, in small letters: mr, dr."""
    return frozenset(word.lower() for word in _words().titles)


@lru_cache(maxsize=4096)
def name_of(text: str) -> Name:
    """The name in a text; nothing for the words that stand for nobody."""
    table, shown = _words(), plain(text)
    if is_nobody(text):
        return Name()
    shown = re.sub(r"\(([^()]*)\)", " ", shown) if re.search(r"\w", re.sub(r"\([^()]*\)", "", shown)) else shown
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
    joined = sorted((_with_particles(short), _with_particles(long)), key=len)
    if len(short) > 1 and (_covers(short, long) or (joined != [short, long] and _covers(*joined))):
        return Likeness.ALIKE
    if len(short) > 1 and _is_typo(ours, theirs):
        return Likeness.TYPO
    if len(short) == 1 and len(long) > 1 and short[0] == long[0]:
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


def _with_particles(row: list[str]) -> list[str]:
    """Particles joined to what they stand before: De La Cruz as Delacruz."""
    joined: list[str] = []
    for word in reversed(row):
        if joined and word in _words().particles and word != row[0]:
            joined[-1] = word + joined[-1]
        else:
            joined.append(word)
    return joined[::-1]


def _covers(short: list[str], long: list[str]) -> bool:
    """Whether each word of `short` is one of `long`, its initial or its nickname, and one of them is written whole."""
    rest = list(long)
    whole = False
    for word in sorted(short, key=len, reverse=True):
        found = next((other for other in rest if other == word), None)
        whole = whole or (found is not None and len(word) > 1)
        found = found or next((other for other in rest if _stands_for(word, other)), None)
        if found is None:
            if not (initials := _initials(word, rest)):
                return False
            rest = rest[: initials[0]] + rest[initials[1] :]
            continue
        rest.remove(found)
    # What is left of the longer one are middle names, or the other half of a couple.
    return whole and not (len(short) == len(long) and rest)


def _initials(word: str, others: list[str]) -> tuple[int, int] | None:
    """Where words stand whose first letters are this word: JP for Jean Pierre."""
    if not 1 < len(word) <= _INITIALS:
        return None
    starts = range(len(others) - len(word) + 1)
    ends = ((start, start + len(word)) for start in starts)
    return next(((a, b) for a, b in ends if "".join(other[0] for other in others[a:b]) == word), None)


def _stands_for(word: str, other: str) -> bool:
    if len(word) == 1 or len(other) == 1:
        return word[0] == other[0]
    short = _words().short
    return bool(short.get(word, frozenset()) & short.get(other, frozenset()))


def _is_typo(ours: Name, theirs: Name) -> bool:
    """One letter in a word of five, two in a longer one; the same word cannot be mistyped twice."""
    if len(ours.words) != len(theirs.words):
        return False
    changed = 0
    for word, other in zip(sorted(ours.words), sorted(theirs.words), strict=True):
        if word == other or (min(len(word), len(other)) > 1 and _stands_for(word, other)):
            continue
        distance = OSA.distance(word, other)
        longer = max(len(word), len(other))
        if distance > (2 if longer > _LONG else 1 if longer > _FIVE else 0):
            return False
        changed += distance
    return changed <= 2  # noqa: PLR2004
