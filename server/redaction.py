"""Strikes a key out of texts that leave, whole or cut in two, in whatever form an encoding gave it.

A service, or a proxy before it, may send back what it was sent: in JSON within JSON, in HTML, in a URL, in a mail, in
Base64 as Basic authentication has it. And what shows a text takes markup and invisible characters out of it, which may
stand between the characters of a key. So a text is looked at as it is, and as it is after each step of decoding.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from urllib.parse import unquote

from pydantic import JsonValue

from leadbridge.server.text import HIDING

IN_ITS_PLACE = "***"
SHORTEST = 8
"""Characters; a shorter key is not a secret, and may be part of any text."""
_ROUNDS = 6
"""Times that a text may have been encoded; one more than what shows it takes off."""
_ENCODED = "\\&%<="
"""Without one of these a printable text in ASCII is not encoded."""
_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|)|=([0-9a-fA-F]{2})")
_NOT_SHOWN = re.compile(
    rf"<[^<>]*+>|[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff"
    rf"\U000e0000-\U000e0fff{HIDING}]"
)


class Redactor:
    """Knows keys, and strikes out each of them, or the half of one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        halves = {form: max(SHORTEST, (len(form) + 1) // 2) for form in sorted(forms, key=len, reverse=True)}
        self._forms = [(form, form[:half], form[-half:]) for form, half in halves.items()]
        """Each with its first and its last half."""
        self._shortest = min((len(first) for _, first, _ in self._forms), default=sys.maxsize)

    def value(self, value: JsonValue) -> JsonValue:
        """The value without the keys, in names and texts; the value itself if there are none, as nearly always."""
        long = (text for text in _texts_in(value) if len(text) >= self._shortest)
        struck = {text: without for text in long if (without := self.text(text)) != text}
        return _replaced(value, struck) if struck else value

    def text(self, text: str) -> str:
        """The text itself, or, if a key is in it, the text without it and decoded so far that it could be seen."""
        if len(text) < self._shortest:
            return text
        shown = text
        for _ in range(_ROUNDS):
            struck = text
            for form, first, last in self._forms:
                if first in struck:
                    struck = _strike(struck, form, first)
                if last in struck:
                    struck = _strike(struck[::-1], form[::-1], last[::-1])[::-1]
            if struck != text:
                shown = text = struck
            plain = text.isascii() and text.isprintable() and not any(sign in text for sign in _ENCODED)
            if plain or (decoded := _decoded(text)) == text:  # most texts are plain
                break
            text = decoded
        return shown


def _forms(secret: str) -> Iterator[str]:
    """A key as it is, in hexadecimal digits, and as it is in Base64 of any text that has it in it."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    yield raw.hex().upper()
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        for alphabet in (b"+/", b"-_"):
            yield b64encode(bytes(before) + raw, alphabet).decode()[first:end]


def _texts_in(value: JsonValue) -> set[str]:
    """Every name and text, once."""
    texts = set[str]()
    entries = [value]
    for entry in entries:  # which grows meanwhile
        if type(entry) is str:
            texts.add(entry)
        elif type(entry) is dict:
            texts.update(entry)
            entries += entry.values()
        elif type(entry) is list:
            entries += entry
    return texts


def _replaced(value: JsonValue, texts: Mapping[str, str]) -> JsonValue:
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, list):
        return [_replaced(entry, texts) for entry in value]
    if isinstance(value, dict):
        return {texts.get(name, name): _replaced(entry, texts) for name, entry in value.items()}
    return value


def _strike(text: str, form: str, half: str) -> str:
    """The text without the form, also where it has only the first half of it, or somewhat more."""
    parts, at = list[str](), 0
    while (found := text.find(half, at)) >= 0:
        parts += [text[at:found], IN_ITS_PLACE]
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(text[found : found + len(form)], form, strict=False))
        at = found + sum(1 for _ in alike)
    return "".join([*parts, text[at:]]) if parts else text


def _decoded(text: str) -> str:
    """A text with one layer of each encoding taken off, and without what a reader does not see."""
    if "\\" in text or "=" in text:
        text = _ESCAPE.sub(lambda found: chr(int(found[found.lastindex], 16)) if found.lastindex else "", text)
    if "%" in text:
        text = unquote(text)
    if "&" in text:
        text = html.unescape(text)
    text = _NOT_SHOWN.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
