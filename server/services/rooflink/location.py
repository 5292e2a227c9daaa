"""Coordinates of a new lead: RoofLink needs them, and a model that has none invents them.

Left out, they are taken from the centre of the US ZIP code (package `zipcodes`) or of the Canadian forward sortation
area, the first half of a postal code (package `pypostalcode`), both offline. New codes come every year: of one that no
table has, it is the middle of those that begin with the same digits. Given, they must lie in the state and near the ZIP
code where that is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from leadbridge.server.errors import Problem
from leadbridge.server.services.rooflink.places import PLACES, PROVINCES, lies_in

NEAR_KM, DOUBTFUL_KM = 100.0, 25.0
_ZIP = re.compile(r"([0-9]{5})(?:[- ]?[0-9]{4})?")
_POSTAL = re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][A-Z]) ?[0-9][A-Z][0-9]", re.IGNORECASE | re.ASCII)
_MISREAD = str.maketrans("OIL", "011")

_FIRST_LETTERS = {
    "NL": "A", "NS": "B", "PE": "C", "NB": "E", "QC": "GHJ", "ON": "KLMNP", "MB": "R", "SK": "S", "AB": "T", "BC": "V",
    "NT": "X", "NU": "X", "YT": "Y",
}  # fmt: skip
"""With what a postal code of each province begins (Canada Post)."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a lead is; `approximate` when it is only the centre of its ZIP or postal code's area."""

    latitude: float
    longitude: float
    approximate: bool
    doubts: tuple[str, ...] = ()
    """What looks wrong and is sent all the same, in sentences."""

    def as_texts(self) -> tuple[str, str]:
        """Latitude and longitude as RoofLink takes them: texts in plain notation."""
        return f"{self.latitude:.6f}", f"{self.longitude:.6f}"


@dataclass(frozen=True, slots=True)
class _Centre:
    latitude: float
    longitude: float
    state: str
    city: str
    of: str
    """`the ZIP code's centre`."""
    wide: str = ""
    """Why the area may be hundreds of kilometres across, as a sentence; empty where it is not."""


def locate(
    state: str, postal_code: str, latitude: float | None, longitude: float | None
) -> tuple[Location | None, list[Problem]]:
    """The location to send, or everything that is wrong with what was given.

    The first call reads the ZIP code table, which takes some 300 ms: call it in a worker thread.
    """
    problems: list[Problem] = []
    name, canadian = PLACES[state][0], state in PROVINCES
    centre, given = None, latitude is not None and longitude is not None
    if not (match := (_POSTAL if canadian else _ZIP).fullmatch(postal_code.strip())):
        kind = "a Canadian postal code such as K1A 0B1" if canadian else "a US ZIP code such as 75024 or 75024-1234"
        proposal = proposed_postal_code(state, postal_code)
        did_you_mean = f"; did you mean {proposal}?" if proposal else ""
        problems.append(Problem("postal_code", f"is not {kind}, but state is {state}{did_you_mean}"))
    elif centre := _centre(state, match.group(1).upper(), alone=not given):
        if canadian:
            fits = lies_in(state, centre.latitude, centre.longitude)
        else:
            fits = centre.state == state or _across_the_line(state, centre, latitude, longitude)
        if not fits and not (canadian and given):
            place = f"{centre.city}, {centre.state}"
            problems.append(Problem("postal_code", f"{match.group(1)} is {place}, but state is {state} ({name})"))
    if (latitude is None) != (longitude is None):
        missing = "longitude" if longitude is None else "latitude"
        problems.append(Problem(missing, "is required when the other coordinate is given; or leave both out"))
    elif latitude is not None and longitude is not None:
        problems += _check(state, name, centre, latitude, longitude)
        if not problems:
            return Location(latitude, longitude, False, _doubts(state, postal_code, centre, latitude, longitude)), []  # noqa: FBT003
    elif not problems and centre is None:
        kind = f"{'postal' if canadian else 'ZIP'} code"
        problems.append(
            Problem(
                "postal_code",
                f"{postal_code} is not a {kind} in use: none begins like it. Ask the user for the right one, or for "
                "latitude and longitude: in a map app, right-click the house and copy the two numbers; do not guess",
            )
        )
    if problems or centre is None:
        return None, problems
    return Location(centre.latitude, centre.longitude, approximate=True, doubts=_doubts(state, postal_code, centre)), []


def written_postal_code(text: str) -> str:
    """A postal code as RoofLink writes it: `T2P 1J9`, a ZIP code in five digits; other texts as they are."""
    if match := _ZIP.fullmatch(text.strip()):
        return match.group(1)
    squeezed = re.sub(r"[\s-]", "", text).upper()
    return f"{squeezed[:3]} {squeezed[3:]}" if _POSTAL.fullmatch(squeezed) else text


def proposed_postal_code(state: str, text: str) -> str:
    """What a postal code was meant to be, or nothing: `2767` has lost its zero, `T2E OA1` has a letter for a digit."""
    squeezed = re.sub(r"[\s-]", "", text).upper()
    if state in PROVINCES:
        mended = "".join(sign.translate(_MISREAD) if at % 2 else sign for at, sign in enumerate(squeezed))
        return f"{mended[:3]} {mended[3:]}" if _POSTAL.fullmatch(mended) else ""
    mended = squeezed.translate(_MISREAD)
    match = _ZIP.fullmatch(f"0{mended}" if len(mended) in {4, 8} else mended)
    known = _zip_codes_like(match.group(1)) if match else []
    return match.group(1) if match and known and known[0].state == state else ""


def _doubts(
    state: str, postal_code: str, centre: _Centre | None, latitude: float | None = None, longitude: float | None = None
) -> tuple[str, ...]:
    """What looks wrong; some offices in Gatineau have an Ottawa code."""
    doubts: list[str] = []
    code = postal_code.strip().upper()
    theirs = [province for province, letters in _FIRST_LETTERS.items() if code[:1] in letters]
    if state in PROVINCES and theirs and state not in theirs:
        there = " or ".join(theirs)
        doubts.append(f"By its first letter the postal code {code} is in {there}, not in {state}.")
    if centre and centre.wide and latitude is None:
        doubts.append(centre.wide)
    if centre and latitude is not None and longitude is not None and not centre.wide:
        away = kilometres(latitude, longitude, centre.latitude, centre.longitude)
        if away > DOUBTFUL_KM:
            doubts.append(f"The coordinates are {away:.0f} km from {centre.of} ({centre.city}).")
    return tuple(doubts)


def _across_the_line(state: str, centre: _Centre, latitude: float | None, longitude: float | None) -> bool:
    """Some ZIP codes reach into a second state: given coordinates show it."""
    if latitude is None or longitude is None or not lies_in(state, latitude, longitude):
        return False
    return kilometres(latitude, longitude, centre.latitude, centre.longitude) <= NEAR_KM


def _check(state: str, name: str, centre: _Centre | None, latitude: float, longitude: float) -> list[Problem]:
    if not lies_in(state, latitude, longitude):
        swapped = " (they look swapped)" if lies_in(state, longitude, latitude) else ""
        return [
            Problem(
                "latitude, longitude",
                f"({latitude}, {longitude}) do not lie in {name}{swapped}; leave both out to use the ZIP code's centre",
            )
        ]
    if centre is not None and centre.state == state and state not in PROVINCES:
        away = kilometres(latitude, longitude, centre.latitude, centre.longitude)
        if away > NEAR_KM:
            return [
                Problem(
                    "latitude, longitude",
                    f"({latitude}, {longitude}) lie {away:.0f} km from the ZIP code's centre (at most {NEAR_KM:.0f}); "
                    "leave both out to use the centre",
                )
            ]
    return []


def kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Distance on the sphere (haversine)."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((other_phi - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(other_phi) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))


def _centre(state: str, code: str, *, alone: bool) -> _Centre | None:
    """The centre of a ZIP code or of a postal code's area; of one that no table has, the middle of those like it.

    Without any coordinates beside it (`alone`): beside those that were given, a guess says nothing.
    """
    find, begin = (_areas_like, code[:2]) if state in PROVINCES else (_zip_codes_like, code[:3])
    known = next((one for one in find(code) if one.latitude), None)
    return known or (_middle(state, code, find(begin)) if alone else None)


def _middle(state: str, code: str, known: list[_Centre]) -> _Centre | None:
    """The middle of areas, of those in this state if there are any."""
    from statistics import median

    located = [one for one in known if one.latitude]
    if not (kept := [one for one in located if one.state == state] or located):
        return None
    there = state if any(one.state == state for one in known) else kept[0].state
    latitude, longitude = median(one.latitude for one in kept), median(one.longitude for one in kept)
    wide = f"No table has {code} yet: the centre of the codes that begin like it may be far from the house."
    return _Centre(latitude, longitude, there, f"near {kept[0].city}", "the centre of the codes like it", wide)


def _zip_codes_like(begin: str) -> list[_Centre]:
    """The centres of the ZIP codes that begin so; 0 where the table has none."""
    import zipcodes

    similar = cast("Callable[[str], list[dict[str, str]]]", zipcodes.similar_to)  # pyright: ignore[reportUnknownMemberType]
    return [
        _Centre(float(row["lat"]), float(row["long"]), row["state"], row["city"], "the ZIP code's centre")
        for row in similar(begin)
    ]


def _areas_like(begin: str) -> list[_Centre]:
    """The centres of the forward sortation areas that begin so. H0H is Santa Claus's, at the North Pole."""
    import pypostalcode  # pyright: ignore[reportMissingTypeStubs]

    query = cast("Callable[[str, tuple[str]], list[Any]]", pypostalcode.ConnectionManager().query)  # pyright: ignore[reportUnknownMemberType]
    found: list[_Centre] = []
    for area, city, _, longitude, latitude, *_ in query("SELECT * FROM PostalCodes WHERE fsa LIKE ?", (f"{begin}%",)):
        states = [state for state, letters in _FIRST_LETTERS.items() if area[0] in letters]
        state = next((state for state in states if lies_in(state, latitude, longitude)), "")
        if state:
            wide = f"The area of {area} is a rural one: its centre may be far from the house." if area[1] == "0" else ""
            town = str(city).partition(" (")[0]
            found.append(_Centre(latitude, longitude, state, town, "the centre of its postal code's area", wide))
    return found
