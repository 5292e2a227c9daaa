"""Names of people as they are compared: any order, initials, accents, nicknames."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache

from leadbridge.server.matching.text import fold, plain

_TITLES = frozenset(
    [
        "MR",
        "MRS",
        "MS",
        "MISS",
        "DR",
        "PROF",
        "REV",
        "HON",
        "MME",
        "MLLE",
        "SIR",
        "MADAM",
        "ESTATE",
        "OF",
        "THE",
        "ATTN",
        "AND",
        "ET",
        "Y",
        "FAMILY",
    ]
)
_GENERATIONS = {"JR": "JR", "JUNIOR": "JR", "SR": "SR", "SENIOR": "SR", "II": "II", "III": "III", "IV": "IV"}
_NOBODY = frozenset(
    [
        "UNKNOWN",
        "NA",
        "N A",
        "NONE",
        "NO NAME",
        "TBD",
        "TEST",
        "HOMEOWNER",
        "HOME OWNER",
        "OWNER",
        "CUSTOMER",
        "RESIDENT",
        "OCCUPANT",
        "CURRENT RESIDENT",
        "UNKNOWN UNKNOWN",
        "NEW LEAD",
        "LEAD",
    ]
)
_NICKNAMES = """
ALEXANDER ALEX AL SANDY | ANDREW ANDY DREW | ANTHONY TONY | BENJAMIN BEN
CATHERINE KATHERINE KATHRYN CATHY KATHY KATE KATIE | CHARLES CHARLIE CHUCK | CHRISTOPHER CHRIS | DANIEL DAN DANNY
DAVID DAVE | DEBORAH DEBRA DEB DEBBIE | DONALD DON | DOUGLAS DOUG | EDWARD ED EDDIE TED
ELIZABETH LIZ BETH BETTY LIZZIE | FREDERICK FRED | GREGORY GREG | JAMES JIM JIMMY | JEFFREY JEFF GEOFFREY
JENNIFER JEN JENNY | JONATHAN JON JOHN | JOSEPH JOE | JOSHUA JOSH | KENNETH KEN | LAWRENCE LARRY
MARGARET MAGGIE PEGGY | MATTHEW MATT | MICHAEL MIKE | NICHOLAS NICK | PAMELA PAM | PATRICIA PAT PATTY TRISH
PATRICK PADDY | PETER PETE | REBECCA BECKY | RICHARD RICK DICK RICH | ROBERT BOB BOBBY ROB | RONALD RON | SAMUEL SAM
SAMANTHA SAM | STEPHEN STEVEN STEVE | SUSAN SUE | THEODORE TED | THOMAS TOM | TIMOTHY TIM | VICTORIA VICKY
WILLIAM BILL WILL BILLY | JOSE PEPE | FRANCISCO PACO | GUILLERMO MEMO
"""


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
    """The words of a name, given name first where that could be told, and junior or senior."""

    words: tuple[str, ...] = ()
    generation: str = ""

    @property
    def key(self) -> str:
        """The same for the same words in any order."""
        return " ".join(sorted(self.words))

    @property
    def joined(self) -> str:
        """Without spaces, so that `De La Cruz` and `Delacruz` are one."""
        return "".join(self.words)


@lru_cache(maxsize=4096)
def name_of(text: str) -> Name:
    """The name in a text; nothing for the words that stand for nobody."""
    shown = plain(text)
    if fold(text) in _NOBODY:
        return Name()
    # "Miller, Dana": turned round, unless what stands behind the comma is a title.
    last, comma, first = shown.partition(",")
    if comma and "," not in first and not set(fold(first).split()) <= {*_TITLES, *_GENERATIONS}:
        shown = f"{first} {last}"
    words = fold(re.sub(r"[&+/]", " ", shown)).split()
    generation = next((_GENERATIONS[word] for word in words[1:] if word in _GENERATIONS), "")
    kept = [word for index, word in enumerate(words) if not (index and word in _GENERATIONS)]
    bare = [word for word in kept if word not in _TITLES]
    return Name(tuple(bare or kept), generation)


def compare_names(ours: Name, theirs: Name) -> Likeness:
    """How two names relate; unknown where one side has none."""
    if not ours.words or not theirs.words:
        return Likeness.UNKNOWN
    if ours.generation and theirs.generation and ours.generation != theirs.generation:
        return Likeness.FAMILY
    if ours.key == theirs.key or ours.joined == theirs.joined:
        return Likeness.SAME
    short, long = sorted((list(ours.words), list(theirs.words)), key=len)
    if len(short) > 1 and _covers(short, long):
        return Likeness.ALIKE
    if len(short) > 1 and _is_typo(ours, theirs):
        return Likeness.TYPO
    # A shared word is a family name only at the end of a name, where one stands; a lone word says too little.
    if len(short[-1]) > 1 and short[-1] in long and (short[-1] == long[-1] or len(short) == 1):
        return Likeness.FAMILY
    if ours.words[0] == theirs.words[0] and len(ours.words[0]) > 1 and len(short) > 1:
        return Likeness.GIVEN
    return Likeness.OTHER


def _covers(short: list[str], long: list[str]) -> bool:
    """Whether each word of `short` is one of `long`, its initial or its nickname, and one of them is written whole."""
    rest = list(long)
    whole = False
    for word in sorted(short, key=len, reverse=True):
        found = next((other for other in rest if other == word), None)
        whole = whole or (found is not None and len(word) > 1)
        found = found or next((other for other in rest if _stands_for(word, other)), None)
        if found is None:
            return False
        rest.remove(found)
    # What is left of the longer one are middle names, or the other half of a couple.
    return whole and not (len(short) == len(long) and rest)


def _stands_for(word: str, other: str) -> bool:
    if len(word) == 1 or len(other) == 1:
        return word[0] == other[0]
    return bool(_nicknames().get(word, frozenset()) & _nicknames().get(other, frozenset()))


def _is_typo(ours: Name, theirs: Name) -> bool:
    """One letter in a word of five, two in a longer one; the same word cannot be mistyped twice."""
    from rapidfuzz.distance import OSA

    if len(ours.words) != len(theirs.words):
        return False
    changed = 0
    for word, other in zip(sorted(ours.words), sorted(theirs.words), strict=True):
        if word == other:
            continue
        distance = OSA.distance(word, other)
        longer = max(len(word), len(other))
        if distance > (2 if longer > 7 else 1 if longer > 3 else 0):  # noqa: PLR2004
            return False
        changed += distance
    return changed <= 2  # noqa: PLR2004


@cache
def _nicknames() -> dict[str, frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for number, group in enumerate(_NICKNAMES.replace("\n", " | ").split(" | ")):
        for word in group.split():
            groups.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in groups.items()}
