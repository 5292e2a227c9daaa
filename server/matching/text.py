"""Text as it is compared: capitals without accents, signs or anything that cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LIMIT = 400
"""Characters looked at; an address or a name of more is not read as one."""

_LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Æ": "AE", "æ": "ae", "Œ": "OE"}
    | {"œ": "oe", "Þ": "Th", "þ": "th", "ð": "d", "\u0131": "i", "\u2044": "/", "№": "#", "\u00b0": "o"}
)
_ASCII = {code: " " for code in (*range(32), 127) if code != ord("\n")} | {ord("'"): None, ord("`"): None}
_APOSTROPHES = re.compile(r"['\u2018\u2019\u02bc\u02b9`\u00b4\u2032]")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """One spelling of every character: no accents, no apostrophes, one kind of dash, nothing invisible, capitals."""
    if text.isascii():
        return text[:LIMIT].translate(_ASCII).upper()
    text = re.sub("[\u00c2-\u00c5].", _read_twice, text)
    text = _APOSTROPHES.sub("", text[:LIMIT])
    # A numero sign and a fraction would fall apart into letters and digits that touch their neighbours.
    text = re.sub(r"(?<=\d)([\u00bc-\u00be])", r" \1", text.translate(_LETTERS))
    decomposed = unicodedata.normalize("NFKD", text).translate(_LETTERS)
    kept: list[str] = []
    for character in decomposed:
        category = unicodedata.category(character)
        if category in {"Mn", "Me", "Cf", "Cs", "Co", "Cn"}:
            continue
        kept.append(" " if category in {"Cc", "Zl", "Zp", "Zs"} and character != "\n" else character)
    return _DASHES.sub("-", _APOSTROPHES.sub("", "".join(kept))).upper()


def _read_twice(found: re.Match[str]) -> str:
    """A letter whose bytes were once taken for those of another character set: L\u00c3\u00a9vis is L\u00e9vis."""
    try:
        return found[0].encode("cp1252").decode("utf-8")
    except UnicodeError:
        return found[0]


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Words in capitals, parted by single spaces; every sign is a space."""
    return " ".join(re.sub(r"[\W_]+", " ", plain(text).replace(".", "")).split())
