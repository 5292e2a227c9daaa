"""Texts that go out: nothing in them that cannot be seen, and no word that a program writes where there is nothing.

What shows nothing and means nothing (a zero-width space out of a web page, the marks around a copied phone number) is
taken out. What hides or turns text round, or shows that text was lost, is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from leadbridge.server.text import CLOSE, HIDING, OPEN

_MARKS = re.compile(f"[{OPEN}{CLOSE}]")
_SHOWS_NOTHING = re.compile(
    f"(?![\ufe0e\ufe0f])[{HIDING}\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\ufeff]"
)
_LONE_JOINERS = re.compile(
    "[\u200c\u200d](?![^\x00-\u024f])|(?<![^\x00-\u024f])[\u200c\u200d]|(?<![^\x00-\xa8])[\ufe0e\ufe0f](?!\u20e3)"
)
"""Joiners are parts of emoji and of Persian and Indian words; beside a Latin letter they only hide."""
_WRAPPED = re.compile("^[\u202a\u202d\u2066\u2068]+|[\u202c\u2069]+$")
"""What address books put around a phone number that they copy; it changes nothing about how it reads."""
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_REFUSED = frozenset({"Cc", "Cf", "Co", "Cs"})
_ALLOWED = frozenset("\n\t\u200c\u200d")
_NO_CHARACTERS = frozenset("\ufffe\uffff")
LOST = "\ufffd"
"""Stands where a character was lost."""
_BLANK_LETTER = "\u2800"
"""The braille cell without a dot."""

_NOTHING = frozenset({"null", "none", "nil", "undefined", "nan", "n/a", "#n/a", "[object object]", "not given"})
_MISSING = re.compile(r"(?<!\w)(?:undefined|NaN|\[object Object\])(?!\w)")
_QUOTES = " \"'`\u2018\u2019\u201c\u201d<>()"
FIRST_NAMES = frozenset({"Nan", "NAN"})
LAST_NAMES = FIRST_NAMES | {"Null", "NULL", "None", "NONE", "Nil", "NIL"}
TOWNS = frozenset({"None", "NONE", "Nil", "NIL"})
REMARKS = frozenset({"None", "none", "N/A", "n/a", "Not given", "not given"})
"""In a note or a reason, a person may answer so."""


def one_line(value: str) -> str:
    """A text of one line: line breaks, tabs and other blanks in it are one blank, and there is none at its ends."""
    return " ".join(_visible(value).split())


def many_lines(value: str) -> str:
    """A text that keeps its lines, without blanks and empty lines at its ends."""
    return _visible(value).strip()


def reads_as_nothing(value: str) -> bool:
    """Whether it is what programs write where there is no value, in quotes or not, once or for each part of a name."""
    plain = value.strip(_QUOTES).casefold()
    return plain in _NOTHING or (bool(words := plain.replace(",", " ").split()) and _NOTHING.issuperset(words))


_LIKE_LATIN = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
"""Scripts that have letters which look like Latin ones."""


def _looks_like_another(text: str) -> str:
    """A letter that is not what it looks like: of another script in a Latin word, or in an e-mail address."""
    for word in text.split():
        scripts = {unicodedata.name(letter, "").partition(" ")[0]: letter for letter in word if letter.isalpha()}
        other = next((letter for script, letter in scripts.items() if script in _LIKE_LATIN), "")
        if other and ("LATIN" in scripts or "@" in word):
            return unicodedata.name(other).lower()
    return ""


def doubts(given: Mapping[str, object]) -> tuple[str, ...]:
    """Warnings of texts that were taken, because they may be meant: look-alike letters, words for a missing value."""
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    whole = [name for name, value in texts.items() if reads_as_nothing(value)]
    parts = {name: found[0] for name, value in texts.items() if name not in whole and (found := _MISSING.search(value))}
    meaning = "as programs write it where there is no value. Check that it is meant."
    return (
        *(
            f"{name} has a letter that looks like another one ({found}): it is another text than it seems."
            for name, value in texts.items()
            if not value.isascii() and (found := _looks_like_another(value))
        ),
        *(f"{name} reads {meaning}" for name in whole),
        *(f"{name} holds {part!r}, {meaning}" for name, part in parts.items()),
    )


def _visible(value: str) -> str:
    """Without our marks and what shows nothing.

    Raises:
        ValueError: it holds what hides text or shows that text was lost; says what.
    """
    if value.isascii() and value.isprintable():
        return value
    text = _BREAKS.sub("\n", _MARKS.sub("", value)).replace(_BLANK_LETTER, " ")
    text = _SHOWS_NOTHING.sub("", text)
    text = _WRAPPED.sub("", text.strip())
    text = _LONE_JOINERS.sub("", text)
    if LOST in text or any("\ud800" <= character <= "\udfff" for character in text):
        msg = "is damaged: characters in it were lost on the way (U+FFFD or half of a pair); write it anew"
        raise ValueError(msg)
    for character in text:
        if character not in _ALLOWED and _is_hidden(character):
            msg = f"holds a character that cannot be seen (U+{ord(character):04X}); leave it out"
            raise ValueError(msg)
    return text


def _is_hidden(character: str) -> bool:
    return character in _NO_CHARACTERS or unicodedata.category(character) in _REFUSED
