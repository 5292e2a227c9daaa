"""State and province codes RoofLink accepts, and the rough box of coordinates of each.

Codes: https://developers.rooflink.com/reference/create-customer-and-job (50 states, DC, 13 provinces and territories).
Boxes are (south, west, north, east) in degrees, rounded outwards; they catch swapped, invented and
mistyped coordinates.
"""

from __future__ import annotations

Box = tuple[float, float, float, float]

US_STATES: dict[str, tuple[str, Box]] = {
    "AL": ("Alabama", (30.1, -88.6, 35.1, -84.8)),
    "AK": ("Alaska", (51.0, -180.0, 71.6, -129.9)),
    "AZ": ("Arizona", (31.2, -115.0, 37.1, -109.0)),
    "AR": ("Arkansas", (33.0, -94.7, 36.6, -89.6)),
    "CA": ("California", (32.4, -124.6, 42.1, -114.0)),
    "CO": ("Colorado", (36.9, -109.2, 41.1, -102.0)),
    "CT": ("Connecticut", (40.9, -73.8, 42.1, -71.7)),
    "DE": ("Delaware", (38.4, -75.9, 39.9, -74.9)),
    "FL": ("Florida", (24.3, -87.7, 31.1, -79.9)),
    "GA": ("Georgia", (30.3, -85.7, 35.1, -80.7)),
    "HI": ("Hawaii", (18.8, -160.6, 22.4, -154.7)),
    "ID": ("Idaho", (41.9, -117.3, 49.1, -111.0)),
    "IL": ("Illinois", (36.9, -91.6, 42.6, -87.0)),
    "IN": ("Indiana", (37.7, -88.2, 41.9, -84.7)),
    "IA": ("Iowa", (40.3, -96.7, 43.6, -90.1)),
    "KS": ("Kansas", (36.9, -102.1, 40.1, -94.5)),
    "KY": ("Kentucky", (36.4, -89.7, 39.2, -81.9)),
    "LA": ("Louisiana", (28.8, -94.1, 33.1, -88.7)),
    "ME": ("Maine", (42.9, -71.2, 47.5, -66.8)),
    "MD": ("Maryland", (37.8, -79.6, 39.8, -74.9)),
    "MA": ("Massachusetts", (41.1, -73.6, 42.9, -69.8)),
    "MI": ("Michigan", (41.6, -90.5, 48.4, -82.1)),
    "MN": ("Minnesota", (43.4, -97.4, 49.5, -89.4)),
    "MS": ("Mississippi", (30.0, -91.8, 35.1, -88.0)),
    "MO": ("Missouri", (35.9, -95.9, 40.7, -89.0)),
    "MT": ("Montana", (44.3, -116.2, 49.1, -103.9)),
    "NE": ("Nebraska", (39.9, -104.2, 43.1, -95.2)),
    "NV": ("Nevada", (34.9, -120.1, 42.1, -113.9)),
    "NH": ("New Hampshire", (42.6, -72.6, 45.4, -70.5)),
    "NJ": ("New Jersey", (38.8, -75.6, 41.4, -73.8)),
    "NM": ("New Mexico", (31.2, -109.2, 37.1, -102.9)),
    "NY": ("New York", (40.4, -79.9, 45.1, -71.7)),
    "NC": ("North Carolina", (33.7, -84.4, 36.7, -75.3)),
    "ND": ("North Dakota", (45.8, -104.2, 49.1, -96.4)),
    "OH": ("Ohio", (38.3, -84.9, 42.4, -80.4)),
    "OK": ("Oklahoma", (33.5, -103.1, 37.1, -94.3)),
    "OR": ("Oregon", (41.9, -124.7, 46.4, -116.3)),
    "PA": ("Pennsylvania", (39.6, -80.7, 42.6, -74.6)),
    "RI": ("Rhode Island", (41.0, -72.0, 42.1, -71.0)),
    "SC": ("South Carolina", (31.9, -83.5, 35.3, -78.4)),
    "SD": ("South Dakota", (42.4, -104.2, 46.0, -96.3)),
    "TN": ("Tennessee", (34.9, -90.4, 36.8, -81.6)),
    "TX": ("Texas", (25.7, -106.8, 36.6, -93.4)),
    "UT": ("Utah", (36.9, -114.2, 42.1, -108.9)),
    "VT": ("Vermont", (42.6, -73.5, 45.1, -71.4)),
    "VA": ("Virginia", (36.4, -83.8, 39.6, -75.1)),
    "WA": ("Washington", (45.4, -124.9, 49.1, -116.8)),
    "WV": ("West Virginia", (37.1, -82.8, 40.7, -77.6)),
    "WI": ("Wisconsin", (42.3, -93.0, 47.4, -86.2)),
    "WY": ("Wyoming", (40.9, -111.2, 45.1, -104.0)),
    "DC": ("District of Columbia", (38.7, -77.2, 39.0, -76.8)),
}

PROVINCES: dict[str, tuple[str, Box]] = {
    "AB": ("Alberta", (48.9, -120.1, 60.1, -109.9)),
    "BC": ("British Columbia", (48.2, -139.2, 60.1, -113.9)),
    "MB": ("Manitoba", (48.9, -102.1, 60.1, -88.9)),
    "NB": ("New Brunswick", (44.5, -69.2, 48.2, -63.7)),
    "NL": ("Newfoundland and Labrador", (46.5, -67.9, 60.5, -52.5)),
    "NS": ("Nova Scotia", (43.3, -66.5, 47.1, -59.6)),
    "NT": ("Northwest Territories", (59.9, -136.6, 78.9, -101.9)),
    "NU": ("Nunavut", (51.5, -121.0, 83.2, -60.9)),
    "ON": ("Ontario", (41.6, -95.3, 57.0, -74.2)),
    "PE": ("Prince Edward Island", (45.9, -64.5, 47.2, -61.9)),
    "QC": ("Quebec", (44.9, -79.9, 62.7, -57.0)),
    "SK": ("Saskatchewan", (48.9, -110.1, 60.1, -101.2)),
    "YT": ("Yukon", (59.9, -141.1, 69.8, -123.7)),
}

PLACES: dict[str, tuple[str, Box]] = {**US_STATES, **PROVINCES}

LEAD_STATUSES: dict[str, str] = {
    "pr": "Prospect",
    "u": "Unknown",
    "a": "Approved",
    "as": "Assigned",
    "cb": "Come Back Later",
    "d": "Dead",
    "dn": "Denied",
    "dd": "Do Not Disturb",
    "de": "Demo",
    "df": "Denied Financing",
    "dds": "Discontinued Shingle",
    "dnd": "Absolutely Do Not Contact",
    "fu": "Follow Up",
    "ft": "Future",
}
"""`lead_status` codes; the page's list may be cut off, so that others are taken with a warning."""


def lies_in(state: str, latitude: float, longitude: float) -> bool:
    """Whether a point is in the state's box. Alaska's Aleutians cross the 180th meridian."""
    south, west, north, east = PLACES[state][1]
    if state == "AK" and longitude > 0:
        longitude -= 360
        west = -188.0
    return south <= latitude <= north and west <= longitude <= east
