"""States and provinces, and the boxes that catch coordinates which cannot be right."""

from __future__ import annotations

import pytest
import zipcodes
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.server.services.rooflink.places import LEAD_STATUSES, PLACES, PROVINCES, US_STATES, lies_in

unhurried = settings(deadline=None)  # a busy machine is no failure
STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC"
)
CODES = "pr u a as cb d dn dd de df dds dnd fu ft"
CANADA = "AB BC MB NB NL NS NT NU ON PE QC SK YT"

# The largest towns, and those nearest to each border.
CANADIAN_TOWNS = [
    ("Calgary", "AB", 51.0447, -114.0719), ("Edmonton", "AB", 53.5461, -113.4938),
    ("Fort McMurray", "AB", 56.7267, -111.3790), ("Medicine Hat", "AB", 50.0405, -110.6766),
    ("Lloydminster", "AB", 53.2783, -110.0050), ("Fort Chipewyan", "AB", 58.7142, -111.1583),
    ("Jasper", "AB", 52.8737, -118.0814), ("Grande Prairie", "AB", 55.1707, -118.7947),
    ("Coutts", "AB", 49.0028, -111.9536), ("Vancouver", "BC", 49.2827, -123.1207),
    ("Victoria", "BC", 48.4284, -123.3656), ("Prince Rupert", "BC", 54.3150, -130.3208),
    ("Masset", "BC", 54.0110, -132.1470), ("Fort Nelson", "BC", 58.8050, -122.6972),
    ("Fernie", "BC", 49.5040, -115.0631), ("Atlin", "BC", 59.5780, -133.6890),
    ("Sparwood", "BC", 49.7331, -114.8853), ("Winnipeg", "MB", 49.8951, -97.1384),
    ("Churchill", "MB", 58.7684, -94.1650), ("Flin Flon", "MB", 54.7682, -101.8650),
    ("Emerson", "MB", 49.0069, -97.2145), ("Falcon Lake", "MB", 49.6850, -95.3300),
    ("Fredericton", "NB", 45.9636, -66.6431), ("Saint John", "NB", 45.2733, -66.0633),
    ("Moncton", "NB", 46.0878, -64.7782), ("Edmundston", "NB", 47.3737, -68.3251),
    ("Grand Manan", "NB", 44.6900, -66.8200), ("Sackville", "NB", 45.9183, -64.3843),
    ("Miscou", "NB", 47.9990, -64.5000), ("Campobello", "NB", 44.8850, -66.9530),
    ("St. John's", "NL", 47.5615, -52.7126), ("Corner Brook", "NL", 48.9490, -57.9501),
    ("Labrador City", "NL", 52.9463, -66.9114), ("Nain", "NL", 56.5422, -61.6929),
    ("Trepassey", "NL", 46.7360, -53.3630), ("Halifax", "NS", 44.6488, -63.5752),
    ("Yarmouth", "NS", 43.8375, -66.1174), ("Sydney", "NS", 46.1368, -60.1942),
    ("Clark's Harbour", "NS", 43.4440, -65.6330), ("Amherst", "NS", 45.8338, -64.2109),
    ("Meat Cove", "NS", 47.0270, -60.5590), ("Yellowknife", "NT", 62.4540, -114.3718),
    ("Inuvik", "NT", 68.3607, -133.7230), ("Tuktoyaktuk", "NT", 69.4454, -133.0342),
    ("Fort Smith", "NT", 60.0055, -111.8835), ("Ulukhaktok", "NT", 70.7364, -117.7686),
    ("Sachs Harbour", "NT", 71.9854, -125.2470), ("Iqaluit", "NU", 63.7467, -68.5170),
    ("Alert", "NU", 82.5018, -62.3481), ("Sanikiluaq", "NU", 56.5428, -79.2250),
    ("Kugluktuk", "NU", 67.8274, -115.0969), ("Arviat", "NU", 61.1078, -94.0624),
    ("Pangnirtung", "NU", 66.1466, -65.6996), ("Toronto", "ON", 43.6532, -79.3832),
    ("Ottawa", "ON", 45.4215, -75.6972), ("Windsor", "ON", 42.3149, -83.0364),
    ("Pelee Island", "ON", 41.7700, -82.6600), ("Kenora", "ON", 49.7670, -94.4894),
    ("Thunder Bay", "ON", 48.3809, -89.2477), ("Moosonee", "ON", 51.2794, -80.6460),
    ("Fort Severn", "ON", 55.9920, -87.6360), ("Hawkesbury", "ON", 45.6070, -74.6040),
    ("Charlottetown", "PE", 46.2382, -63.1311), ("Tignish", "PE", 46.9470, -64.0330),
    ("Souris", "PE", 46.3550, -62.2520), ("Montréal", "QC", 45.5019, -73.5674), ("Québec", "QC", 46.8139, -71.2080),
    ("Gatineau", "QC", 45.4765, -75.7013), ("Gaspé", "QC", 48.8316, -64.4869),
    ("Cap-aux-Meules", "QC", 47.3780, -61.8600), ("Blanc-Sablon", "QC", 51.4260, -57.1310),
    ("Kuujjuaq", "QC", 58.1030, -68.4190), ("Ivujivik", "QC", 62.4170, -77.9080),
    ("Rouyn-Noranda", "QC", 48.2366, -79.0231), ("Hemmingford", "QC", 45.0490, -73.5870),
    ("Saskatoon", "SK", 52.1332, -106.6700), ("Regina", "SK", 50.4452, -104.6189),
    ("Estevan", "SK", 49.1392, -102.9861), ("Creighton", "SK", 54.7560, -101.8970),
    ("Uranium City", "SK", 59.5690, -108.6100), ("Whitehorse", "YT", 60.7212, -135.0568),
    ("Dawson", "YT", 64.0601, -139.4333), ("Beaver Creek", "YT", 62.3830, -140.8750),
    ("Watson Lake", "YT", 60.0630, -128.7110), ("Old Crow", "YT", 67.5700, -139.8300),
]  # fmt: skip


def _us_rows() -> list[tuple[str, str, float, float]]:
    rows = [
        (str(row["zip_code"]), str(row["state"]), float(row["lat"]), float(row["long"])) for row in zipcodes.list_all()
    ]
    return [row for row in rows if row[1] in US_STATES and row[2:] != (0.0, 0.0)]


def test_there_are_the_51_and_13_codes_that_the_page_lists() -> None:
    assert sorted(US_STATES) == sorted(STATES.split())
    assert sorted(PROVINCES) == sorted(CANADA.split())
    assert PLACES == {**US_STATES, **PROVINCES}
    assert len({name for name, _ in PLACES.values()}) == 64


def test_every_us_zip_code_is_in_the_box_of_its_state_and_would_not_with_its_coordinates_swapped() -> None:
    rows = _us_rows()
    assert len(rows) > 40_000
    assert [row for row in rows if not lies_in(*row[1:])] == []
    assert [row for row in rows if lies_in(row[1], row[3], row[2])] == []


def test_every_state_has_zip_codes_and_no_box_is_wider_than_it_needs_to_be_by_more_than_two_degrees() -> None:
    found: dict[str, list[tuple[float, float]]] = {}
    for _, state, latitude, longitude in _us_rows():
        found.setdefault(state, []).append((latitude, longitude))
    assert set(found) == set(US_STATES)
    for state, points in found.items():
        south, west, north, east = US_STATES[state][1]
        # Alaska is wider than where its post offices stand.
        slack = 10.0 if state == "AK" else 2.0
        assert min(latitude for latitude, _ in points) - south < slack, state
        assert north - max(latitude for latitude, _ in points) < slack, state
        assert min(longitude for _, longitude in points) - west < slack, state
        assert east - max(longitude for _, longitude in points) < slack, state


@pytest.mark.parametrize(
    ("town", "province", "latitude", "longitude"), CANADIAN_TOWNS, ids=[row[0] for row in CANADIAN_TOWNS]
)
def test_a_canadian_town_is_in_its_province(town: str, province: str, latitude: float, longitude: float) -> None:
    assert lies_in(province, latitude, longitude)
    assert not lies_in(province, longitude, latitude)
    assert not lies_in(province, latitude, -longitude)


def test_every_province_has_a_town_in_the_list_above() -> None:
    assert {row[1] for row in CANADIAN_TOWNS} == set(PROVINCES)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(0, 0), (48.8584, 2.2945), (-33.86, 151.2), (19.43, -99.13), (90, 0), (-90, 180), (40.0, 96.0), (1.0, 1.0)],
)
def test_a_point_elsewhere_on_earth_is_in_no_state(latitude: float, longitude: float) -> None:
    assert [code for code in PLACES if lies_in(code, latitude, longitude)] == []


@pytest.mark.parametrize(
    ("town", "latitude", "longitude", "state", "other"),
    [
        ("Plano", 33.02, -96.70, "TX", "OK"),
        ("Los Angeles", 34.05, -118.24, "CA", "TX"),
        ("Toronto", 43.65, -79.38, "ON", "NS"),
        ("Washington", 38.90, -77.04, "DC", "DE"),
        ("Honolulu", 21.31, -157.86, "HI", "AK"),
    ],
)
def test_a_town_is_in_its_own_state_and_not_in_one_far_away(
    town: str, latitude: float, longitude: float, state: str, other: str
) -> None:
    assert lies_in(state, latitude, longitude)
    assert not lies_in(other, latitude, longitude)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(51.88, -176.66), (52.92, 173.10), (61.22, -149.90), (71.29, -156.79)]
)
def test_alaska_goes_on_beyond_the_180th_meridian(latitude: float, longitude: float) -> None:
    assert lies_in("AK", latitude, longitude)


@unhurried
@given(st.sampled_from(sorted(PLACES)), st.floats(-90, 90), st.floats(-180, 180))
def test_a_point_in_a_box_is_in_north_america(state: str, latitude: float, longitude: float) -> None:
    if lies_in(state, latitude, longitude):
        assert 18 < latitude < 84
        assert longitude < -52 or (state == "AK" and longitude > 170)


def test_the_lead_status_codes_are_the_fourteen_of_the_page() -> None:
    assert set(LEAD_STATUSES) == {*CODES.split()}
    assert all(LEAD_STATUSES.values())
    assert len(set(LEAD_STATUSES.values())) == 14
