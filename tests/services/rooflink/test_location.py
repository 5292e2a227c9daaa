"""Where a new lead is: from its ZIP code, or as given where that can be right."""

from __future__ import annotations

import math
import re

import pypostalcode
import pytest
import zipcodes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.errors import Problem
from leadbridge.server.sandbox.places import CANADIAN_PLACES, US_PLACES
from leadbridge.server.services.rooflink.location import NEAR_KM, Location, kilometres, locate
from leadbridge.server.services.rooflink.places import PLACES, PROVINCES, US_STATES, lies_in
from tests.support import Time, call, connected, make_sandbox, text_of

unhurried = settings(deadline=None)  # a busy machine is no failure

_ROWS = [
    (str(row["zip_code"]), str(row["state"]), float(row["lat"]), float(row["long"]))
    for row in zipcodes.list_all()
    if row["state"] in US_STATES and (float(row["lat"]), float(row["long"])) != (0.0, 0.0)
]
_WITHOUT_CENTRE = [
    (str(row["zip_code"]), str(row["state"]))
    for row in zipcodes.list_all()
    if row["state"] in US_STATES and (float(row["lat"]), float(row["long"])) == (0.0, 0.0)
]
states = st.sampled_from(sorted(PLACES))
rows = st.sampled_from(_ROWS)


def names(problems: list[Problem]) -> list[str]:
    return [problem.argument for problem in problems]


# Left out


@unhurried
@given(rows)
def test_left_out_coordinates_are_the_centre_of_the_zip_code_and_approximate(
    row: tuple[str, str, float, float],
) -> None:
    zip_code, state, latitude, longitude = row
    location, problems = locate(state, zip_code, None, None)
    assert problems == []
    assert location == Location(latitude, longitude, approximate=True)


@pytest.mark.parametrize("text", ["75024", "75024-1234", "75024 1234", "750241234", " 75024 "])
def test_a_zip_code_is_read_with_or_without_its_last_four_digits(text: str) -> None:
    location, problems = locate("TX", text, None, None)
    assert problems == []
    assert location
    assert location.approximate
    assert kilometres(location.latitude, location.longitude, 33.08, -96.78) < 10


@pytest.mark.parametrize(
    ("state", "postal_code"), [*((place.state, place.postal_code) for place in CANADIAN_PLACES), ("ON", "k1a0b1")]
)
def test_left_out_coordinates_of_a_canadian_address_are_the_centre_of_its_area(state: str, postal_code: str) -> None:
    location, problems = locate(state, postal_code, None, None)
    assert problems == []
    assert location
    assert location.approximate
    known = [place for place in CANADIAN_PLACES if place.postal_code == postal_code]
    for place in known:
        assert kilometres(location.latitude, location.longitude, place.latitude, place.longitude) < 25


def test_every_known_area_of_canada_is_in_a_province_of_its_first_letter() -> None:
    areas = pypostalcode.PostalCodeDatabase().find_postalcode() or []
    assert len(areas) > 1_600
    found = {
        area.postalcode: [locate(state, f"{area.postalcode} 1A1", None, None)[0] for state in PROVINCES]
        for area in areas
    }
    known = [
        area for area, locations in found.items() if any(one and "No table" not in str(one.doubts) for one in locations)
    ]
    assert set(found) - set(known) == {"H0H"}  # the North Pole


def test_what_is_odd_about_an_area_is_said() -> None:
    rural, _ = locate("AB", "T0A 1A0", None, None)
    assert rural
    assert "rural" in rural.doubts[0]
    ottawa, _ = locate("QC", "K1A 0B1", None, None)
    assert ottawa
    assert ottawa.doubts == ("By its first letter the postal code K1A 0B1 is in ON, not in QC.",)
    _, problems = locate("AB", "M5V 2T6", None, None)
    assert "ON, but state is AB" in str(problems[0])


@pytest.mark.parametrize(
    ("state", "postal_code", "latitude", "longitude", "said"),
    [
        ("TX", "75024", 33.4, -96.78, "36 km from the ZIP code's centre (Plano)"),
        ("ON", "M5V 2T6", 44.4, -79.3, "83 km from the centre of its postal code's area"),
        ("TX", "75024", 33.1, -96.78, ""),
        ("AB", "T0A 1A0", 54.9, -112.9, ""),
    ],
)
def test_coordinates_beyond_25_km_of_the_centre_are_doubted(
    state: str, postal_code: str, latitude: float, longitude: float, said: str
) -> None:
    location, problems = locate(state, postal_code, latitude, longitude)
    assert problems == []
    assert location
    assert [said in doubt for doubt in location.doubts] == ([True] if said else [])


@pytest.mark.parametrize(
    ("state", "postal_code", "meant"),
    [
        ("MA", "2767", "02767"),
        ("MA", "2720-1234", "02720"),
        ("NJ", "8O05", "08005"),
        ("TX", "75O24", "75024"),
        ("TX", "2767", ""),
        ("AB", "T2E OA1", "T2E 0A1"),
        ("ON", "k1aobi", "K1A 0B1"),
        ("ON", "K1A", ""),
    ],
)
def test_what_a_postal_code_was_meant_to_be_is_proposed_and_not_sent(state: str, postal_code: str, meant: str) -> None:
    location, problems = locate(state, postal_code, None, None)
    assert location is None
    assert ("did you mean" in str(problems[0])) is bool(meant)
    assert meant in str(problems[0])


@pytest.mark.parametrize(
    ("state", "postal_code", "latitude", "longitude"),
    [
        ("TX", "75000", 33.1, -96.7),
        ("ON", "M5Y 1A1", 43.65, -79.38),
        *((state, code, None, None) for code, state in _WITHOUT_CENTRE[:20] if not code.startswith("099")),
    ],
)
def test_of_a_code_that_no_table_has_it_is_the_middle_of_those_that_begin_like_it(
    state: str, postal_code: str, latitude: float | None, longitude: float | None
) -> None:
    location, problems = locate(state, postal_code, None, None)
    assert problems == []
    assert location
    assert location.approximate
    assert lies_in(state, location.latitude, location.longitude) or postal_code.startswith("205")  # federal offices
    if latitude is not None and longitude is not None:
        assert kilometres(location.latitude, location.longitude, latitude, longitude) < 40
    code = postal_code[:3] if state in PROVINCES else postal_code
    assert [doubt.partition(" yet")[0] for doubt in location.doubts] == [f"No table has {code}"]


@pytest.mark.parametrize(("state", "postal_code"), [("TX", "00000"), ("NJ", "09905"), ("AB", "Y9A 1A1")])
def test_a_code_that_none_begins_like_is_asked_for_and_taken_with_coordinates(state: str, postal_code: str) -> None:
    location, problems = locate(state, postal_code, None, None)
    assert location is None
    assert names(problems) == ["postal_code"]
    assert postal_code in str(problems[0])
    assert "none begins like it" in str(problems[0])


@pytest.mark.parametrize("postal_code", ["00000", "99999", "75000"])
def test_an_unknown_zip_code_is_taken_with_coordinates(postal_code: str) -> None:
    assert locate("TX", postal_code, 33.0, -97.0) == (Location(33.0, -97.0, approximate=False), [])


# Given


@unhurried
@given(rows, st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_given_coordinates_near_the_zip_code_are_taken_as_they_are(
    row: tuple[str, str, float, float], north: float, east: float
) -> None:
    zip_code, state, latitude, longitude = row
    south, west, top, right = US_STATES[state][1]
    given_latitude, given_longitude = latitude + north, longitude + east
    location, problems = locate(state, zip_code, given_latitude, given_longitude)
    if south <= given_latitude <= top and west <= given_longitude <= right:
        assert problems == []
        assert location
        assert location.as_texts() == Location(given_latitude, given_longitude, approximate=False).as_texts()
        assert not location.approximate


@pytest.mark.parametrize("place", [*US_PLACES, *CANADIAN_PLACES], ids=lambda place: f"{place.city} {place.postal_code}")
def test_a_real_address_with_its_coordinates_is_taken(place: object) -> None:
    location, problems = locate(place.state, place.postal_code, place.latitude, place.longitude)  # type: ignore[attr-defined]
    assert problems == []
    assert location
    assert not location.approximate


@pytest.mark.parametrize(
    ("latitude", "longitude", "words"),
    [
        (39.74, -104.99, ["do not lie in Texas"]),
        (-96.7843, 33.0752, ["do not lie in Texas", "swapped"]),
        (33.0752, 96.7843, ["do not lie in Texas"]),
        (0.0, 0.0, ["do not lie in Texas"]),
        (29.76, -95.37, ["km"]),  # Houston
        (math.nan, -96.0, ["do not lie in Texas"]),
        (math.inf, -96.0, ["do not lie in Texas"]),
    ],
)
def test_coordinates_that_cannot_be_right_are_refused_with_the_reason(
    latitude: float, longitude: float, words: list[str]
) -> None:
    location, problems = locate("TX", "75024", latitude, longitude)
    assert location is None
    assert names(problems) == ["latitude, longitude"]
    assert all(word in str(problems[0]) for word in words)


@pytest.mark.parametrize(("latitude", "longitude", "missing"), [(33.0, None, "longitude"), (None, -96.0, "latitude")])
def test_one_coordinate_without_the_other_is_refused_by_the_name_of_the_missing_one(
    latitude: float | None, longitude: float | None, missing: str
) -> None:
    location, problems = locate("TX", "75024", latitude, longitude)
    assert location is None
    assert names(problems) == [missing]


# Postal codes and states that do not belong together


@pytest.mark.parametrize(
    ("state", "postal_code", "word"),
    [
        ("CO", "75024", "Plano, TX"),
        ("ON", "75024", "Canadian postal code"),
        ("TX", "K1A 0B1", "US ZIP code"),
        ("TX", "7502", "US ZIP code"),
        ("TX", "75024-12", "US ZIP code"),
        ("TX", "ABCDE", "US ZIP code"),
        ("TX", "", "US ZIP code"),
        ("ON", "K1A", "Canadian postal code"),
        ("ON", "D1A 0B1", "Canadian postal code"),
        ("ON", "K1A0B1 x", "Canadian postal code"),
    ],
)
@pytest.mark.parametrize(("latitude", "longitude"), [(None, None), (40.0, -100.0)])
def test_a_postal_code_that_is_none_or_of_another_state_is_refused(
    state: str, postal_code: str, word: str, latitude: float | None, longitude: float | None
) -> None:
    location, problems = locate(state, postal_code, latitude, longitude)
    assert location is None
    assert names(problems)[0] == "postal_code"
    assert word in str(problems[0])


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    assert names(locate("ON", "75024", 33.0, -96.7)[1]) == ["postal_code", "latitude, longitude"]
    assert names(locate("CO", "75024", 33.0, None)[1]) == ["postal_code", "longitude"]


_DIGITS = ["７５０２４", "7502４", "٧٥٠٢٤", "75024-１２３４", "၇၅၀၂၄", "75024²"]


@unhurried
@given(
    states,
    st.one_of(
        st.text(max_size=12),
        st.from_regex(r"\A\d{5}(-\d{4})?\Z"),
        st.from_regex(r"\A[A-Z]\d[A-Z] ?\d[A-Z]\d\Z"),
        st.sampled_from(_DIGITS),
    ),
    st.one_of(st.none(), st.floats(-90, 90)),
    st.one_of(st.none(), st.floats(-180, 180)),
)
def test_whatever_is_given_there_is_a_location_or_a_problem_and_never_both_nor_a_crash(
    state: str, postal_code: str, latitude: float | None, longitude: float | None
) -> None:
    location, problems = locate(state, postal_code, latitude, longitude)
    assert (location is None) is bool(problems)
    assert all(problem.argument and problem.message for problem in problems)


@pytest.mark.parametrize("postal_code", _DIGITS)
async def test_a_zip_code_in_other_digits_is_refused_by_its_name_and_the_server_goes_on(
    postal_code: str, time: Time
) -> None:
    sandbox = make_sandbox(time, prospects=5)
    async with connected(sandbox, time=time) as client:
        result = await call(client, "rooflink_create_lead", address="1 Elm St", state="TX", postal_code=postal_code)
        assert result.is_error
        assert "postal_code" in text_of(result)
        assert not (await call(client, "server_status")).is_error
    assert sandbox.writes == []


# Distances and texts


@unhurried
@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
@example(0, 0, 0, 180)
@example(90, 0, -90, 0)
def test_a_distance_is_the_same_both_ways_and_at_most_half_around_the_earth(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> None:
    there = kilometres(latitude, longitude, other_latitude, other_longitude)
    back = kilometres(other_latitude, other_longitude, latitude, longitude)
    assert 0 <= there <= 20_016
    assert there == pytest.approx(back, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((32.7767, -96.7970, 29.7604, -95.3698), 362),  # Dallas, Houston
        ((43.6532, -79.3832, 45.5019, -73.5674), 504),  # Toronto, Montréal
        ((33.0, -97.0, 33.0, -97.0), 0),
        ((0, 179.5, 0, -179.5), 111),
    ],
)
def test_distances_between_towns_are_right(points: tuple[float, float, float, float], expected: float) -> None:
    assert kilometres(*points) == pytest.approx(expected, abs=2)


def test_near_means_within_a_hundred_kilometres() -> None:
    latitude, longitude = next(row[2:] for row in _ROWS if row[0] == "75024")
    inside, outside = latitude + (NEAR_KM - 1) / 111.2, latitude + (NEAR_KM + 1) / 111.1
    assert locate("TX", "75024", inside, longitude)[1] == []
    assert names(locate("TX", "75024", outside, longitude)[1]) == ["latitude, longitude"]
    assert NEAR_KM == 100


@unhurried
@given(st.floats(-90, 90), st.floats(-180, 180), st.booleans())
@example(0.0000001, -0.0000001, False)
@example(1e-300, -1e-300, True)
def test_coordinates_go_out_as_texts_in_plain_notation(latitude: float, longitude: float, approximate: bool) -> None:
    texts = Location(latitude, longitude, approximate).as_texts()
    assert all(re.fullmatch(r"-?\d{1,3}\.\d{6}", text) for text in texts)
    assert [float(text) for text in texts] == pytest.approx([latitude, longitude], abs=6e-7)


def test_every_province_is_told_apart_from_every_state() -> None:
    assert not set(PROVINCES) & set(US_STATES)
