"""Town, state, postal code and country: the end of an address, and what comes after it."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from leadbridge.server.matching.text import fold, plain
from leadbridge.server.matching.vocabulary import street_type, words

_ZIP = re.compile(r"(?<![\w#-])(\d{5})(?:[ -]?\d{4})?(?![\w-])")
_POSTAL = re.compile(r"(?<!\w)([ABCEGHJ-NPRSTVXY]\d[A-Z])[ -]?(\d[A-Z]\d)(?!\w)")
_PLACE = re.compile(r"([A-Z .]+ )?([A-Z]\d[A-Z] ?\d[A-Z]\d|(?<=[A-Z] )\d{5}(?:-\d{4})?)( [A-Z .]+)?")
"""Town, state and postal code in any order."""
_HOUSE = re.compile(r"#? ?\d+[A-Z]?(?: [NSEW])? [A-Z\d]*[A-Z]{2}")
_HOUSE_BEHIND = re.compile(r"[A-Z. ]+ \d{1,5}$")
_DIGITS, _DIGITS_LESS_ONE = 5, 4


@cache
def _countries() -> re.Pattern[str]:
    names = "|".join(name.replace(" ", "[ .]*") + "[ .]*" for name in words().places.countries)
    return re.compile(rf"[\s,]+(?:{names})$")


@cache
def _short_zip() -> re.Pattern[str]:
    return re.compile(rf"[\s,]({'|'.join(sorted(words().places.lost_zero))})[\s,]+(\d{{4}})(?:-\d{{4}})?(?!\w)")


def without_country(line: str) -> str:
    """The line without a country at its end."""
    line = _countries().sub("", line).rstrip(" ,")
    # A country's code behind a state's: AB, CA.
    if (found := re.search(r"[\s,]([A-Z]{2})[\s,]+(?:CA|US)$", line)) and found[1] in words().places.states:
        return line[: found.end(1)]
    return line


def _street_first(line: str) -> str:
    """The line with its street in front of the town and the postal code: `Medina OH 44256 - 12 Ivy St`."""
    parts = re.split(r" *, *| +-+ +", line)
    for at, part in enumerate(parts[:-1]):
        behind = parts[at + 1 :]
        if not (found := _PLACE.fullmatch(part)):
            continue
        street = " ".join(behind)
        if any(map(_HOUSE.match, parts[:at])) or not (_HOUSE.match(street) or _HOUSE_BEHIND.match(street)):
            return line
        return ", ".join([*behind, *parts[:at], " ".join(group.strip() for group in found.group(3, 1, 2) if group)])
    return line


def take_postal(line: str) -> tuple[str, str, str]:
    """The line in front of the postal code, without a country, the code, and what comes after it."""
    line = without_country(_street_first(line))
    line = re.sub(r"(?<= )(?=\d*O)[\dO]{5}$|(?<= )[A-Z][\dO][A-Z] ?[\dO][A-Z][\dO]$", _zeros, line)
    line, postal, behind = _at_postal(line)
    return without_country(line), postal, behind


def _at_postal(line: str) -> tuple[str, str, str]:
    if found := [one for one in _POSTAL.finditer(line) if one.start()]:
        last = found[-1]
        return line[: last.start()].rstrip(" ,"), last[1] + last[2], _tail(line, last.end())
    if short := _short_zip().search(line):
        return line[: short.start(2)].rstrip(" ,"), f"0{short[2]}", _tail(line, short.end())
    for one in reversed(list(_ZIP.finditer(line))):
        before, tail = line[: one.start()].rstrip(" ,"), _tail(line, one.end())
        last_words = [fold(" ".join(before.replace(",", " ").split()[-count:])) for count in (1, 2, 3)]
        if last_words[0] in words().units and last_words[0] not in words().places.states:
            continue  # Apt 17772
        behind_town = "," in before and re.search(r"[^\W\d]{2}$", before)
        if before and (not tail or any(name in words().places.states for name in last_words) or behind_town):
            return before, one[1], tail
    return line, "", ""


def _zeros(found: re.Match[str]) -> str:
    """A postal code with the letter O for a zero: 974O1, T2E OA1."""
    code = found[0].replace("O", "0")
    return code if code.isdigit() else f"{found[0][0]}{code[1:]}"


def _tail(line: str, start: int) -> str:
    return line[start:].strip(" ,.-*")


def postal_of(text: str, state: str) -> str:
    """A postal code given by itself: ZIP+4 cut to the ZIP code, a zero that a spreadsheet ate put back."""
    squeezed = re.sub(r"[^A-Z0-9]", "", plain(text))
    if re.fullmatch(r"[A-Z]\d[A-Z]\d[A-Z]\d", squeezed):
        return squeezed
    digits = squeezed if squeezed.isdigit() else ""
    if len(digits) in {_DIGITS_LESS_ONE, _DIGITS_LESS_ONE + 4} and (not state or state in words().places.lost_zero):
        digits = f"0{digits}"
    return digits[:_DIGITS] if len(digits) in {_DIGITS, _DIGITS + 4} else ""


def state_of(text: str) -> str:
    """The code of a state or province, by whatever it is called; an empty text where it is none."""
    folded = fold(text)
    return words().places.states.get(folded) or words().places.states.get(folded.replace(" ", ""), "")


def take_state(line: str, *, after_postal: bool, known: str) -> tuple[str, str]:
    """The state at the end of a line, if there is one; only a remark may follow it."""
    cut, code = _state_at_end(line, after_postal=after_postal, known=known)
    if code or after_postal:
        return cut, code
    if (dash := line.rfind(" - ")) > 0 and (found := _state_at_end(line[:dash], after_postal=False, known=known))[1]:
        return found
    remark = re.search(r",[^,]*[^\W\d]{3}[^,]*,? +([A-Z]{2}) +[^,]+$", line)  # ..., Plano, TX gate code 12
    code = state_of(remark[1]) if remark else ""
    if remark and code and (not known or code == known) and line[: remark.start(1)].rstrip().endswith(","):
        return line[: remark.start(1)].rstrip(" ,"), code
    return line, ""


def _state_at_end(line: str, *, after_postal: bool, known: str) -> tuple[str, str]:
    row = list(re.finditer(r"[^\s,]+|,", line))
    for count in (5, 4, 3, 2, 1):
        last = [found[0] for found in row[-count:]]
        if len(row) <= count or "," in last:
            continue
        tail = fold(" ".join(last))
        code = state_of(tail)
        if not code or (known and code != known):
            continue
        alone = row[-count - 1][0] == ","
        if count == 1 and code in words().places.ambiguous and len(tail) == 2 and not alone:  # noqa: PLR2004
            # "12 Oak Ct 06001": a court, unless the street has its type and a town comes between.
            types = [bool(street_type(fold(found[0]))) for found in row[2:-1]]
            typed = True in types and (after_postal or types[-1:] == [False])
            typed = typed or (after_postal and not street_type(code) and len(row) > 2)  # noqa: PLR2004
            if not (known or any(found[0] == "," for found in row) or typed):
                continue
        if count == 1 and len(tail) > 2 and not (alone or after_postal or len(row) > 4):  # noqa: PLR2004
            continue  # "400 Oregon": a street
        return line[: row[-count].start()].rstrip(" ,"), code
    return line, ""


@lru_cache(maxsize=4096)
def city_of(text: str) -> str:
    """A town in its one form: `Saint Paul` is ST PAUL."""
    folded = _municipality().sub("", fold(text))
    short = " ".join(words().places.town_words.get(word, word) for word in folded.split())
    return words().places.town_names.get(folded) or words().places.town_names.get(short) or short


@lru_cache(maxsize=4096)
def towns_around(city: str) -> tuple[str, ...]:
    """The towns that this one is a part of."""
    parts = words().places.town_parts
    return tuple(town for town, names in parts.items() if city in map(city_of, names))


@cache
def _municipality() -> re.Pattern[str]:
    """`District of`, `Twp`: what a town is, and not what it is called."""
    front, behind = ("|".join(kinds.split()) for kinds in words().places.town_kinds)
    return re.compile(rf"^(?:{front}) (?:OF|DE) (?=\w)|(?<=\w) (?:{behind})$")
