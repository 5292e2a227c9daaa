"""What comes along when a value is pasted: blanks, quotes, line ends, labels, placeholders that nobody filled in."""

from __future__ import annotations

import re
import unicodedata

LONGEST_KEY = 8000
_QUOTES = "\"'`\u00b4\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_ESCAPED_LINE_END = re.compile(r"(?:\\[rnt])+$")
_LABEL = re.compile(
    r"(?:[\w$:.-]+\s+)?[\w$:. -]*(?:key|token|secret|authorization)[\"'\u201d\u2019]?\s*[:=]\s*(?=[^\s:=])"
    r"|(?:bearer|token)(?:\s|%20)+(?=\S)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\$\{|\{\{|\$\(|\A\$\w|\A%\w+%\Z|\A<.*>\Z|\A\[.*\]\Z|\A\{.*\}\Z|\Ainput:", re.DOTALL | re.IGNORECASE
)
_WORDS = """
a access actual add api auth bearer change changeme copy dummy enter example fake fill goes here in input insert jwt key
leadbridge link me my none null paste placeholder put real redacted renovation renovationfind replace roof rooflink
sample secret some string text the this todo token undefined use value with your
"""
_FILLERS = frozenset(_WORDS.split())
"""A key that consists of such words alone is a sentence about a key."""
_SHORTENED = re.compile(r"\.\.\.|\*\*|\N{HORIZONTAL ELLIPSIS}|\N{BULLET}")
_NO_KEY_HAS = re.compile(r"[\s\"'`<>{}\\,;]")


def unwrapped(text: str) -> str:
    """The text without invisible characters, and without the blanks and the pairs of quotes around it."""
    text = "".join(one for one in text if unicodedata.category(one) != "Cf").strip()
    while len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text


def key_in(text: str) -> str:
    """The key in what was pasted: without `Bearer `, `X-API-KEY: `, `NAME=`, quotes and line ends.

    Raises:
        ValueError: what is left is not a key; with the reason, and never with a part of it.
    """
    before = ""
    while text != before:
        before = text
        text = _ESCAPED_LINE_END.sub("", unwrapped(text)).strip(_QUOTES + ",; \r\n\t")
        text = text.removeprefix(found[0]) if (found := _LABEL.match(text)) else text
    if not text:
        raise ValueError("is empty; copy the key again")
    if _PLACEHOLDER.search(text) or _is_about_a_key(text):
        raise ValueError("is a placeholder that was not filled in; put the key itself there")
    if _SHORTENED.search(text):
        raise ValueError("is shortened or masked; copy the whole key")
    if "://" in text:
        raise ValueError("is an address; put the key itself there")
    if not text.isascii() or not text.isprintable() or _NO_KEY_HAS.search(text):
        raise ValueError("must be printable ASCII without spaces, quotes or line breaks; copy the key alone, and again")
    if len(text) > LONGEST_KEY:
        raise ValueError(f"is longer than {LONGEST_KEY} characters; copy the key alone")
    return text


def _is_about_a_key(text: str) -> bool:
    words = re.findall(r"[a-z]+", text.lower())
    return not any(one.isdigit() for one in text) and all(word in _FILLERS or not word.strip("x") for word in words)
