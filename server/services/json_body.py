"""The JSON of an answer, read within bounds: what is too long is cut before anything is made of it, and reported.

Ten megabytes can be millions of small values, each of which takes fifty times its length in memory. So a long answer is
read entry by entry: of a list or an object with very many entries the first ones are made, of a very long text its
beginning. What is skipped is only scanned for its end. No step takes in more than a window of the text, because
Python's parser and its regular expressions let no other thread run before they are done.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass, field

from pydantic import JsonValue

from leadbridge.server.call_scope import tell_cut
from leadbridge.server.text import label

MOST_ENTRIES = 2_000
"""Of one list or object. A page has at most 100 rows; a list that is not paged has them all."""
MOST_PARTS = 200_000
"""Values of a whole answer; a page of 100 jobs in full has some 100,000."""
LONGEST_TEXT = 100_000
"""Characters of one text; more than an upload form may have, of which no part may be used."""
DEEPEST = 24
"""Lists and objects within each other in a long answer; what is nested more deeply is not read."""
WINDOW = 32_768
"""Characters that are looked at in one step."""
_SHORT = 500
"""Characters of an entry as most are."""
_MOST_CUTS = 3

_SPACES = re.compile(r"[ \t\r\n]*+")
_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_WITHIN_TEXT = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BEGINNING = re.compile(rf'"(?:[^"\\]|\\u.{{4}}|\\[^u]){{0,{LONGEST_TEXT}}}+', re.DOTALL)
_TEXT_OR_BRACKET = re.compile(rf"{_TEXT.pattern}|[\[\]{{}}]", re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes({*range(256)} - {*b"[]{}"})


def json_of(body: bytes | bytearray, whose: str) -> JsonValue:
    """The value of a body; what had to be cut is reported as `whose`.

    `NaN`, infinities and whole numbers of thousands of digits, which JSON does not have or nobody means, are null.

    Raises:
        ValueError: the body is not JSON. In what is skipped only brackets and quotes are checked.
        RecursionError: it is nested too deeply.
    """
    text = _decoded(body)
    reader = _Reader(text)
    if len(text) <= WINDOW and _parts(text) <= MOST_ENTRIES:
        value, end = _one_value(text)
    else:
        value, end = reader.value()
    if text[end:].strip(" \t\r\n"):
        raise ValueError("more than one value")
    if value is None and text[end - 1].isdigit():
        raise ValueError("a number that is none")
    if reader.cut:
        tell_cut(f"{whose}'s answer is too long to be read whole: {', '.join(reader.cut)} are read.")
    return value


def _decoded(body: bytes | bytearray) -> str:
    decoder = codecs.getincrementaldecoder(json.detect_encoding(body[:4]))("surrogatepass")
    parts = [decoder.decode(body[at : at + WINDOW]) for at in range(0, len(body), WINDOW)]
    return "".join([*parts, decoder.decode(b"", final=True)])


def _parts(text: str) -> int:
    return 1 + sum(text.count(sign) for sign in ",[{")


def _nothing(_constant: str) -> None:
    return None


def _whole(digits: str) -> int | None:
    try:
        return int(digits)
    except ValueError:
        return None


_usual = json.JSONDecoder(parse_constant=_nothing)
_careful = json.JSONDecoder(parse_constant=_nothing, parse_int=_whole)


def _one_value(text: str, at: int = 0) -> tuple[JsonValue, int]:
    """The value that begins there or after spaces, and where it ends."""
    found = _SPACES.match(text, at)
    at = found.end() if found else at
    try:
        return _usual.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than Python reads
        return _careful.raw_decode(text, at)


@dataclass(slots=True)
class _Reader:
    """A long JSON text, and what of it could not be read."""

    whole: str
    cut: list[str] = field(default_factory=list[str])
    _left: int = MOST_PARTS

    def value(self) -> tuple[JsonValue, int]:
        """What the text says, without what is too much, and where it ends."""
        return self._value(self._after_spaces(0), "it", 0)

    def _after_spaces(self, at: int) -> int:
        while (found := _SPACES.match(self.whole, at, at + WINDOW)) and found.end() > at:
            at = found.end()
        return at

    def _value(self, at: int, name: str, depth: int) -> tuple[JsonValue, int]:
        """The value that begins there, shortened, and where it ends."""
        first = self.whole[at : at + 1]
        if first in {"[", "{"}:
            return self._entries(at, name, depth)
        if first != '"':
            return _one_value(self.whole, at)
        end = self._end_of_text(at)
        text = self.whole[at:end]
        beginning = _BEGINNING.match(text) if len(text) > LONGEST_TEXT else None
        if beginning and text[beginning.end() : beginning.end() + 1] != '"':
            self._note_cut(f"the first {LONGEST_TEXT:,} characters of {name}")
            text = beginning[0] + '…"'
        return _one_value(text)[0], end

    def _entries(self, at: int, name: str, depth: int) -> tuple[JsonValue, int]:
        """The first entries of a list or an object."""
        if depth > DEEPEST:
            raise RecursionError
        whole, named = self.whole, self.whole[at] == "{"
        rows: list[JsonValue] = []
        fields: dict[str, JsonValue] = {}
        at = self._after_spaces(at + 1)
        count = 0
        while whole[at : at + 1] not in {"]", "}", ""}:
            if count >= MOST_ENTRIES or self._left <= 0:
                at = self._end_of_rest(at)
                self._note_cut(f"the first {count:,} entries of {name}")
                break
            if named:
                key, at = self._name(at)
                fields[key], at = self._entry(at, label(key, limit=40), depth)
            else:
                value, at = self._entry(at, name, depth)
                rows.append(value)
            count += 1
            at = self._after_spaces(at)
            if whole[at : at + 1] == ",":
                at = self._after_spaces(at + 1)
                if whole[at : at + 1] in {"]", "}"}:
                    raise ValueError("an entry is missing")
            elif whole[at : at + 1] not in {"]", "}"}:
                raise ValueError("entries without a comma between them")
        if whole[at : at + 1] != ("}" if named else "]"):
            raise ValueError("a list or an object without an end")
        return fields if named else rows, at + 1

    def _entry(self, at: int, name: str, depth: int) -> tuple[JsonValue, int]:
        """The value of an entry: in one step where it is short."""
        for size in (_SHORT, WINDOW):
            ahead = self.whole[at : at + size]
            try:
                value, end = _one_value(ahead)
            except ValueError:  # it is longer, or is not JSON
                continue
            if end < len(ahead) and (parts := _parts(ahead[:end])) <= MOST_ENTRIES:
                self._left -= parts
                return value, at + end
        self._left -= 1
        return self._value(at, name, depth + 1)

    def _name(self, at: int) -> tuple[str, int]:
        """The name of an entry, and where its value begins."""
        if self.whole[at] != '"':
            raise ValueError("an entry without a name")
        end = self._end_of_text(at)
        if end - at > LONGEST_TEXT:
            raise ValueError("a name that is none")
        name, _ = _one_value(self.whole[at:end])
        end = self._after_spaces(end)
        if self.whole[end : end + 1] != ":":
            raise ValueError("a name without a value")
        return str(name), self._after_spaces(end + 1)

    def _end_of_text(self, at: int) -> int:
        """Where the text ends whose quote is there."""
        at += 1
        while (found := _WITHIN_TEXT.match(self.whole, at, at + WINDOW)) and found.end() > at:
            at = found.end()
        if self.whole[at : at + 1] != '"':
            raise ValueError("a text without an end")
        return at + 1

    def _end_of_rest(self, at: int) -> int:
        """Where the list or object ends of which the rest begins there."""
        depth = 0
        while at < len(self.whole):
            ahead = self.whole[at : at + WINDOW]
            bare, quote, opened = _TEXT.sub("", ahead).partition('"')
            end = at + len(ahead) - len(quote + opened)
            if end == at:
                at = self._end_of_text(at)
                continue
            brackets = bare.encode("ascii", "replace").translate(_ONE_KIND, _NO_BRACKET)
            for _ in range(DEEPEST):
                brackets = brackets.replace(b"[]", b"")
            if b"[]" in brackets or depth > DEEPEST:
                raise RecursionError
            closed = brackets.count(b"]")
            if closed > depth:
                return self._closing(at, end, depth)
            depth += len(brackets) - 2 * closed
            at = end
        return at

    def _closing(self, at: int, end: int, depth: int) -> int:
        for found in _TEXT_OR_BRACKET.finditer(self.whole, at, end):
            depth += {"[": 1, "{": 1, '"': 0}.get(found[0][0], -1)
            if depth < 0:
                return found.start()
        return end

    def _note_cut(self, what: str) -> None:
        if what not in self.cut and len(self.cut) < _MOST_CUTS:
            self.cut.append(what)
