"""The JSON of an answer, read within bounds: what is too long is cut before anything is made of it, and that is told.

Ten megabytes hold millions of small values, each of which takes fifty times its length in memory. So a long text is
first made shorter, in one pass: of a list or an object with very many entries the first ones stay, of a very long text
its beginning. What is passed over is only scanned for its end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache

from pydantic import JsonValue

from leadbridge.server.cuts import tell_cut
from leadbridge.server.text import label

MOST_ENTRIES = 2_000
"""Of one list or object. A page has at most 100 rows; a list that is not paged has them all."""
MOST_PARTS = 200_000
"""Values of a whole answer; a page of 100 jobs in full has some 100,000."""
LONGEST_TEXT = 100_000
"""Characters of one text."""
LARGE = 65_536
"""Bytes from which on an answer is read in a worker thread."""
DEEPEST = 24
"""Lists and objects within each other; what is nested more deeply is not read."""
_SHORT = 2_000
"""Characters of an entry that is taken or passed over as a whole."""
_MOST_TOLD = 3

_SPACES = re.compile(r"[ \t\r\n]*+")
_STRING = r'"(?:[^"\\]++|\\.)*+"'


def _nested(depth: int) -> str:
    """What stands within a list or object: all but its end, lists and objects in it whole."""
    plain = rf'[^"\[\]{{}}]++|{_STRING}'
    within = plain
    for _ in range(depth):
        within = rf"{plain}|[\[{{](?:{within})*+[\]}}]"
    return within


@cache
def _rest() -> re.Pattern[str]:
    """All that stands within a list or object, up to its end or to what is nested too deeply."""
    return re.compile(rf"(?:{_nested(DEEPEST)})*+", re.DOTALL)


@cache
def _whole_entry() -> re.Pattern[str]:
    """One entry of a list or object; nothing where it is nested too deeply."""
    return re.compile(rf'(?:[^",\[\]{{}}]++|{_STRING}|[\[{{](?:{_nested(DEEPEST)})*+[\]}}])*+', re.DOTALL)


_NAME = re.compile(rf"({_STRING})[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
_BEGINNING = re.compile(rf'"(?:[^"\\]|\\u.{{4}}|\\[^u]){{0,{LONGEST_TEXT}}}+', re.DOTALL)


def json_of(body: bytes, whose: str) -> JsonValue:
    """The value of a body; what had to be cut is told as `whose`.

    `NaN`, infinities and whole numbers of thousands of digits, which JSON does not have or nobody means, are null.

    Raises:
        ValueError: the body is not JSON. In what is passed over only brackets and quotes are looked at.
        RecursionError: it is nested too deeply.
    """
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    if _parts(text, 0, len(text)) > MOST_ENTRIES or len(text) > LONGEST_TEXT:
        shortened = _Shortened(text)
        text = shortened.text()
        if shortened.told:
            tell_cut(f"{whose}'s answer is too long to be read whole: {', '.join(shortened.told)} are read.")
    try:
        return json.loads(text, parse_constant=_nothing)
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than Python reads
        value = json.loads(text, parse_constant=_nothing, parse_int=_whole)
        if value is None:
            raise
        return value


def _parts(text: str, start: int, end: int) -> int:
    return 1 + sum(text.count(sign, start, end) for sign in ",[{")


def _nothing(_constant: str) -> None:
    return None


def _whole(digits: str) -> int | None:
    try:
        return int(digits)
    except ValueError:
        return None


@dataclass(slots=True)
class _Shortened:
    """A JSON text, and what of it is kept."""

    whole: str
    told: list[str] = field(default_factory=list[str])
    _kept: list[str] = field(default_factory=list[str])
    _left: int = MOST_PARTS

    def text(self) -> str:
        """The text without what is too much."""
        start = self._after_spaces(0)
        end = self._after_spaces(self._value(start, "it", 0))
        if end != len(self.whole):
            raise ValueError("more than one value")
        return "".join(self._kept)

    def _after_spaces(self, at: int) -> int:
        found = _SPACES.match(self.whole, at)
        return found.end() if found else at

    def _value(self, at: int, name: str, depth: int) -> int:
        """Keep what stands there, shortened; returns where it ends."""
        first = self.whole[at : at + 1]
        if first in {"[", "{"}:
            return self._entries(at, name, depth)
        if first == '"':
            return self._long_text(at, name)
        found = _whole_entry().match(self.whole, at)
        if not found or found.end() == at:
            raise ValueError("no value")
        self._kept.append(found[0])
        return found.end()

    def _long_text(self, at: int, name: str) -> int:
        found = _whole_entry().match(self.whole, at)
        if not found or found.end() == at:
            raise ValueError("a text without an end")
        beginning = _BEGINNING.match(self.whole, at, found.end())
        if beginning and self.whole[beginning.end() : beginning.end() + 1] != '"':
            self._kept.append(beginning[0] + '…"')
            self._tell(f"the first {LONGEST_TEXT:,} characters of {name}")
        else:
            self._kept.append(found[0])
        return found.end()

    def _entries(self, at: int, name: str, depth: int) -> int:
        """Keep the first entries of a list or an object."""
        if depth > DEEPEST:
            raise RecursionError
        whole, named = self.whole, self.whole[at] == "{"
        self._kept.append(whole[at])
        at = self._after_spaces(at + 1)
        count = 0
        while whole[at : at + 1] not in {"]", "}", ""}:
            if count >= MOST_ENTRIES or self._left <= 0:
                at = self._end_of_rest(at)
                self._tell(f"the first {count:,} entries of {name}")
                break
            if count:
                self._kept.append(",")
            at = self._after_spaces(self._entry(at, name, depth, named=named))
            count += 1
            if whole[at : at + 1] == ",":
                at = self._after_spaces(at + 1)
                if whole[at : at + 1] in {"]", "}"}:
                    raise ValueError("an entry is missing")
        if whole[at : at + 1] != ("}" if named else "]"):
            raise ValueError("a list or an object without an end")
        self._kept.append(whole[at])
        return at + 1

    def _entry(self, at: int, name: str, depth: int, *, named: bool) -> int:
        short = _whole_entry().match(self.whole, at, at + _SHORT)
        end = short.end() if short else at
        if at < end < at + _SHORT and self.whole[end : end + 1] in {",", "]", "}"}:
            self._kept.append(self.whole[at:end])
            self._left -= _parts(self.whole, at, end)
            return end
        self._left -= 1
        if not named:
            return self._value(at, name, depth + 1)
        found = _NAME.match(self.whole, at)
        if not found:
            raise ValueError("an entry without a name")
        if len(found[1]) > LONGEST_TEXT:
            raise ValueError("a name that is none")
        self._kept.append(found[0])
        return self._value(found.end(), label(found[1][1:-1], limit=40), depth + 1)

    def _end_of_rest(self, at: int) -> int:
        """Where the list or object ends of which the rest begins there."""
        found = _rest().match(self.whole, at)
        at = found.end() if found else at
        if self.whole[at : at + 1] in {"[", "{"}:
            raise RecursionError
        return at

    def _tell(self, what: str) -> None:
        if what not in self.told and len(self.told) < _MOST_TOLD:
            self.told.append(what)
