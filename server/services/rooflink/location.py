"""Coordinates of a new lead: RoofLink needs them, and a model that has none invents them.

Left out, they are taken from the US ZIP code's centre (package `zipcodes`, offline). Given, they must lie in the state
and near the ZIP code where that is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from leadbridge.server.errors import Problem
from leadbridge.server.services.rooflink.places import PLACES, PROVINCES, lies_in

NEAR_KM = 100.0
_ZIP = re.compile(r"([0-9]{5})(?:[- ]?[0-9]{4})?")
_POSTAL = re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][A-Z] ?[0-9][A-Z][0-9]", re.IGNORECASE | re.ASCII)

_FIRST_LETTERS = {
    "NL": "A", "NS": "B", "PE": "C", "NB": "E", "QC": "GHJ", "ON": "KLMNP", "MB": "R", "SK": "S", "AB": "T", "BC": "V",
    "NT": "X", "NU": "X", "YT": "Y",
}  # fmt: skip
"""With what a postal code of each province begins (Canada Post)."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a lead is; `approximate` when it is only the ZIP code's centre."""

    latitude: float
    longitude: float
    approximate: bool

    def as_texts(self) -> tuple[str, str]:
        """Latitude and longitude as RoofLink takes them: texts in plain notation."""
        return f"{self.latitude:.6f}", f"{self.longitude:.6f}"


@dataclass(frozen=True, slots=True)
class _Centre:
    latitude: float
    longitude: float
    state: str
    city: str


def locate(
    state: str, postal_code: str, latitude: float | None, longitude: float | None
) -> tuple[Location | None, list[Problem]]:
    """The location to send, or everything that is wrong with what was given.

    The first call reads the ZIP code table, which takes some 300 ms: call it in a worker thread.
    """
    problems: list[Problem] = []
    name = PLACES[state][0]
    centre = None
    if state in PROVINCES:
        if not _POSTAL.fullmatch(postal_code.strip()):
            problems.append(Problem("postal_code", f"is no Canadian postal code such as K1A 0B1, but state is {state}"))
    elif not (match := _ZIP.fullmatch(postal_code.strip())):
        problems.append(Problem("postal_code", f"is no US ZIP code such as 75024 or 75024-1234, but state is {state}"))
    else:
        centre = _zip_centre(match.group(1))
        if centre is not None and centre.state != state and not _across_the_line(state, centre, latitude, longitude):
            problems.append(
                Problem(
                    "postal_code", f"{match.group(1)} is {centre.city}, {centre.state}, but state is {state} ({name})"
                )
            )
    if (latitude is None) != (longitude is None):
        missing = "longitude" if longitude is None else "latitude"
        problems.append(Problem(missing, "is required when the other coordinate is given; or leave both out"))
    elif latitude is not None and longitude is not None:
        problems += _check(state, name, centre, latitude, longitude)
        if not problems:
            return Location(latitude, longitude, approximate=False), []
    elif not problems and centre is None:
        why = "Canadian addresses" if state in PROVINCES else f"ZIP code {postal_code}"
        problems.append(
            Problem(
                "latitude, longitude",
                f"are required: the service needs them and none are known for {why}; do not guess",
            )
        )
    if problems or centre is None:
        return None, problems
    return Location(centre.latitude, centre.longitude, approximate=True), []


def postal_code_doubt(state: str, postal_code: str) -> str:
    """A warning where a postal code is another province's, or nothing; some offices in Gatineau have an Ottawa code."""
    letter = postal_code.strip()[:1].upper()
    theirs = [province for province, letters in _FIRST_LETTERS.items() if letter in letters]
    if state not in PROVINCES or not theirs or state in theirs:
        return ""
    code, there = postal_code.strip().upper(), " or ".join(theirs)
    return f"By its first letter the postal code {code} is in {there}, not in {state}."


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
    if centre is not None and centre.state == state:
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


def _zip_centre(zip_code: str) -> _Centre | None:
    import zipcodes

    matching = cast("Callable[[str], list[dict[str, str]]]", zipcodes.matching)  # pyright: ignore[reportUnknownMemberType]
    for row in matching(zip_code):
        latitude, longitude = float(row["lat"]), float(row["long"])
        if (latitude, longitude) != (0.0, 0.0):
            return _Centre(latitude, longitude, row["state"], row["city"])
    return None
