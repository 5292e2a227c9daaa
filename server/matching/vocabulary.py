"""The words of postal addresses, read from words.toml when they are first needed.

Each word has one standard form. What the sections are is said in words.toml itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Places:
    """Ends of addresses."""

    states: Mapping[str, str]
    ambiguous: frozenset[str]
    canada: frozenset[str]
    lost_zero: frozenset[str]
    countries: tuple[str, ...]
    town_words: Mapping[str, str]
    town_names: Mapping[str, str]
    town_kinds: tuple[str, str]
    town_parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Roads:
    """Roads that have a number or a letter for a name."""

    words: Mapping[str, str]
    names: Mapping[str, str]
    in_state: Mapping[str, Mapping[str, str]]
    counties: Mapping[str, frozenset[str]]
    kinds: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class French:
    """Words of French streets; those of `always` are French in any line."""

    always: Mapping[str, str]
    types: Mapping[str, str]
    articles: frozenset[str]
    english_ends: frozenset[str]
    towns: frozenset[str]
    directions: Mapping[str, str]
    english: Mapping[str, str]
    """Words of streets that have a name in both languages."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What comes before a house, in a remark, or in place of an address."""

    number: tuple[str, ...]
    care_of: tuple[str, ...]
    remarks: frozenset[str]
    beside: frozenset[str]
    no_address: frozenset[str]
    no_address_begins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """Of what a house number in words is made: `nineteen hundred twenty one`."""

    ones: Mapping[str, int]
    ones_french: Mapping[str, int]
    hundred: Mapping[str, int]
    tens: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Words:
    """The tables, turned so that any form of a word leads to its standard form."""

    places: Places
    roads: Roads
    french: French
    signs: Signs
    types: Mapping[str, str]
    """Any form of a street type, and its code."""
    phrases: tuple[tuple[re.Pattern[str], str], ...]
    """What is written for several words, and those."""
    whole: Mapping[str, str]
    """Any form of a street type or a direction, and the whole word: names are compared in whole words."""
    strong: frozenset[str]
    directions: Mapping[str, str]
    units: Mapping[str, str]
    lone_units: Mapping[tuple[str, ...], str]
    boxes: Mapping[str, str]
    numbers: Mapping[str, int]
    counting: Counting


@cache
def data(name: str) -> dict[str, Any]:
    """A file of data in this folder."""
    return tomllib.loads(files(__package__ or "").joinpath(name).read_text("utf-8"))


@cache
def _street_words() -> str:
    read = files(__package__ or "").joinpath("street_words.txt").read_text("utf-8")
    return " ".join(["", *(line for line in read.split("\n") if line[:1] != "#"), ""])


@lru_cache(maxsize=4096)
def is_street_word(word: str) -> bool:
    """Whether streets have this word or its singular in their names. A set would take ten times the text's memory."""
    return any(f" {form} " in _street_words() for form in (word, word.removesuffix("S")))


@cache
def words() -> Words:
    """The tables."""
    read = data("words.toml")
    types = {code: forms.split() for code, forms in read["types"].items()}
    directions = {code: forms.split() for code, forms in read["directions"].items()}
    always, english = _turned(read["french_types"]["always"], codes=False), _turned(directions)
    return Words(
        places=Places(
            states=_turned(read["states"]),
            ambiguous=_set(read["zip"]["ambiguous_states"]),
            canada=_set(read["zip"]["canada"]),
            lost_zero=_set(read["zip"]["lost_zero"]),
            countries=tuple(read["zip"]["countries"]),
            town_words=read["towns"]["words"],
            town_names=read["towns"]["names"],
            town_kinds=(read["towns"]["kinds_of"], read["towns"]["kinds_behind"]),
            town_parts={town: tuple(parts) for town, parts in read["towns"]["parts"].items()},
        ),
        roads=Roads(
            words=_turned(read["road_words"]),
            names=_turned({kind: [kind, *names] for kind, names in read["roads"].items()}, codes=False),
            in_state=read["roads_in"],
            counties={state: _set(names) for state, names in read["counties"].items()},
            kinds={name: _set(kinds) for name, kinds in read["road_kinds"].items()},
        ),
        french=French(
            always=always,
            types={**_turned(read["french_types"]["context"], codes=False), **always},
            articles=_set(read["french"]["articles"]),
            english_ends=_set(read["french"]["english_ends"]),
            towns=frozenset(read["french"]["towns"]),
            directions={**english, **_turned(read["french_directions"])},
            english=read["french"]["english"],
        ),
        signs=Signs(
            number=tuple(read["signs"]["number"]),
            care_of=tuple(read["signs"]["care_of"]),
            remarks=_set(read["signs"]["remarks"]),
            beside=_set(read["signs"]["beside"]),
            no_address=frozenset(read["signs"]["no_address"]),
            no_address_begins=tuple(read["signs"]["no_address_begins"]),
        ),
        types=_turned(types),
        phrases=tuple((re.compile(rf"\b(?:{written})\b"), whole) for written, whole in read["phrases"]["written"]),
        whole={form: forms[0] for code, forms in (types | directions).items() for form in (code, *forms)},
        strong=_set(read["strong"]["types"]),
        directions=english,
        units={form: "" if kind == "NUMBER" else kind for kind, forms in read["units"].items() for form in forms},
        lone_units=dict(_lone_units(read["lone_units"])),
        boxes=_turned(read["boxes"], codes=False),
        numbers=_numbers(read["numbers"]),
        counting=Counting(
            ones=_counted(read["numbers"]["ones"], 1, 1),
            ones_french=_counted(read["numbers"]["ones_french"], 1, 1),
            hundred=read["numbers"]["hundred"],
            tens=_counted(read["numbers"]["tens"], 20, 10),
        ),
    )


def _lone_units(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    beside = table["beside"].split()
    for unit, forms in table.items():
        for form in () if unit == "beside" else forms:
            *must, named = [form] if form[0] != "*" else ["*", form[2:]]
            parts = tuple(named.split())
            yield from () if must else ((parts, unit),)
            yield from (pair for word in beside for pair in (((*parts, word), unit), ((word, *parts), unit)))


def _turned(table: Mapping[str, str | Iterable[str]], *, codes: bool = True) -> dict[str, str]:
    """Each form and its code; the first line that has a form counts."""
    turned: dict[str, str] = {}
    for code, forms in table.items():
        for form in (*((code,) if codes else ()), *(forms.split() if isinstance(forms, str) else forms)):
            turned.setdefault(form, code)
    return turned


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _counted(text: str, first: int, step: int) -> dict[str, int]:
    return {word: first + step * index for index, word in enumerate(text.split())}


def _numbers(table: Mapping[str, Any]) -> dict[str, int]:
    counted = {**_counted(table["ones"], 1, 1), **_counted(table["ordinals"], 1, 1)}
    return {**counted, **_counted(table["tenths"], 20, 10), **table["french"]}


def street_type(word: str) -> str:
    """The street type that a word is, or an empty text."""
    return words().types.get(word, "")


def french_type(word: str, *, french: bool) -> str:
    """The type that a word is in front of a French street name; words that English has too need `french`."""
    return (words().french.types if french else words().french.always).get(word, "")
