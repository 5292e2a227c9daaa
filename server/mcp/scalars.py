"""Single values as hosts write them: numbers, flags, days and texts.

What can mean two things is refused: `18.500` is a price in Berlin and a weight in Boston, `007` may be another
system's id, and a JSON number beyond 2^53-1 may be what a JavaScript host made of a neighbouring one.

Of a text, what shows nothing and means nothing (a zero-width space out of a web page, the marks around a copied phone
number) is taken out. What hides or turns text round, or shows that text was lost, is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from leadbridge.server.mcp.reply import LARGEST_EXACT
from leadbridge.server.text import CLOSE, HIDING, OPEN
from leadbridge.server.writes.recovery import LARGEST_ID

V = TypeVar("V")

_INTEGER = re.compile(r"(-?(?:0|[1-9][0-9]{0,29}))(?:\.0)?")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,20})?")
_AMOUNT = re.compile(r"(?:\$ ?)?((?:0|[1-9][0-9]{0,14})|[1-9][0-9]{0,2}(?:,[0-9]{3}){1,4})(\.[0-9]{1,2})?")
_MIDNIGHT = r"(?:[T ]00:00(?::00(?:\.0{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_DAY = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){_MIDNIGHT}", re.IGNORECASE)
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2})(?::00(?:\.0{1,9})?)?")
_CENTS = -2


def integer(value: object) -> object:
    """`7`, `7.0` and `"7"`; what is neither is left for the check that follows.

    Raises:
        ValueError: a number that may have been rounded on its way.
    """
    if isinstance(value, str) and (found := _INTEGER.fullmatch(value.strip())):
        return int(found[1])
    known = exact(value)
    return int(known) if isinstance(known, float) and known.is_integer() else known


def record_id(text: str) -> int:
    """An id in a prompt's argument or an address.

    Raises:
        ValueError: not one.
    """
    found = integer(text)
    if not isinstance(found, int) or not 1 <= found <= LARGEST_ID:
        msg = "must be a positive integer, digits only"
        raise ValueError(msg)
    return found


def exact(value: V) -> V:
    """The value, unless it is a number that a host may have rounded.

    Raises:
        ValueError: it is beyond 2^53-1.
    """
    if isinstance(value, (int, float)) and LARGEST_EXACT < abs(value) < math.inf:
        msg = f"is beyond {LARGEST_EXACT}, where hosts round numbers; send it as a text"
        raise ValueError(msg)
    return value


def number(value: object) -> float:
    """A number, or a text in plain decimal notation.

    Raises:
        ValueError: anything else, and what is not finite.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            given = float(value)
        except OverflowError:
            given = math.inf
        if math.isfinite(given):
            return given
    msg = "must be a number"
    raise ValueError(msg)


def amount(value: object) -> float:
    """An amount of money, in dollars: a number, or a text such as `$18,500.00`.

    Raises:
        ValueError: not an amount, or one with more than two decimals.
    """
    given = float(amount_digits(value)) if isinstance(value, str) else number(value)
    exponent = Decimal(repr(given)).normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < _CENTS:
        msg = f"must have at most two decimals, not {given!r}"
        raise ValueError(msg)
    return given


def amount_digits(text: str) -> str:
    """The digits and the decimal point of an amount as people write it.

    Raises:
        ValueError: not an amount, or a text that can mean two.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        msg = "must be an amount such as 18500 or 18,500.00: at most two decimals, commas only between thousands"
        raise ValueError(msg)
    return f"{found[1].replace(',', '')}{found[2] or ''}"


def flag(value: object) -> object:
    """A text `true` or `false` is that; `1` and `yes` are left for the check that follows."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def day(value: object) -> date:
    """A day as `YYYY-MM-DD`, or a date-time of which the clock says midnight: the day that is written in it.

    Raises:
        ValueError: not a day of the calendar, or a time of the day.
    """
    if isinstance(value, date):
        return value
    return date.fromisoformat(_written(value, _DAY, "a date as YYYY-MM-DD", "a day"))


def moment(value: object) -> datetime:
    """A day and a time by the clock on the wall, in whole minutes. With a zone it would be another time elsewhere.

    Raises:
        ValueError: not a time of the calendar, or one with a zone.
    """
    if isinstance(value, datetime):
        return value
    form = "a time as YYYY-MM-DDTHH:MM, without a zone: the clock on the company's wall"
    return datetime.fromisoformat(_written(value, _MOMENT, form, "a time"))


def _written(value: object, pattern: re.Pattern[str], form: str, what: str) -> str:
    """The part of a text that has the form and is in the calendar."""
    found = pattern.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        msg = f"must be {form}"
        raise ValueError(msg)
    try:
        datetime.fromisoformat(found[1])
    except ValueError:
        msg = f"{found[1]} is not {what} of the calendar"
        raise ValueError(msg) from None
    return found[1]


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
        msg = "is damaged: characters in it were lost on the way (U+FFFD or half of a pair); write it again"
        raise ValueError(msg)
    for character in text:
        if character not in _ALLOWED and _is_hidden(character):
            msg = f"holds a character that cannot be seen (U+{ord(character):04X}); leave it out"
            raise ValueError(msg)
    return text


def _is_hidden(character: str) -> bool:
    return character in _NO_CHARACTERS or unicodedata.category(character) in _REFUSED
