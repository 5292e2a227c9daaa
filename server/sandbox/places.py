"""Real towns with postal codes and coordinates that belong together, for the addresses of invented people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A town and one of its postal codes; the coordinates lie inside the state or province."""

    city: str
    county: str
    state: str
    postal_code: str
    latitude: float
    longitude: float
    area_code: str


PLANO = Place("Plano", "Collin County", "TX", "75024", 33.0752, -96.7843, "972")

US_PLACES = (
    PLANO,
    Place("Plano", "Collin County", "TX", "75093", 33.0299, -96.7889, "972"),
    Place("Frisco", "Collin County", "TX", "75034", 33.1499, -96.8241, "972"),
    Place("McKinney", "Collin County", "TX", "75070", 33.1976, -96.6153, "972"),
    Place("Southlake", "Tarrant County", "TX", "76092", 32.9485, -97.1524, "817"),
    Place("Fort Worth", "Tarrant County", "TX", "76179", 32.9074, -97.4257, "817"),
    Place("Austin", "Travis County", "TX", "78746", 30.2971, -97.8181, "512"),
    Place("San Antonio", "Bexar County", "TX", "78245", 29.4189, -98.6895, "210"),
    Place("Katy", "Fort Bend County", "TX", "77494", 29.7404, -95.8304, "281"),
    Place("Denver", "Denver County", "CO", "80202", 39.7491, -104.9946, "303"),
    Place("Parker", "Douglas County", "CO", "80134", 39.4895, -104.8447, "303"),
    Place("Colorado Springs", "El Paso County", "CO", "80920", 38.9497, -104.7670, "719"),
    Place("Scottsdale", "Maricopa County", "AZ", "85255", 33.6968, -111.8892, "480"),
    Place("Atlanta", "Fulton County", "GA", "30309", 33.7984, -84.3883, "404"),
    Place("Charlotte", "Mecklenburg County", "NC", "28277", 35.0552, -80.8195, "704"),
    Place("Tampa", "Hillsborough County", "FL", "33629", 27.9210, -82.5079, "813"),
    Place("Nashville", "Davidson County", "TN", "37215", 36.0986, -86.8219, "615"),
    Place("Oklahoma City", "Oklahoma County", "OK", "73120", 35.5835, -97.5638, "405"),
    Place("Tulsa", "Tulsa County", "OK", "74136", 36.0605, -95.9452, "918"),
    Place("Overland Park", "Johnson County", "KS", "66213", 38.8982, -94.7049, "913"),
    Place("Minneapolis", "Hennepin County", "MN", "55447", 45.0033, -93.4875, "763"),
    Place("Naperville", "DuPage County", "IL", "60540", 41.7662, -88.1410, "630"),
    Place("Columbus", "Franklin County", "OH", "43215", 39.9671, -83.0044, "614"),
    Place("Salt Lake City", "Salt Lake County", "UT", "84106", 40.7056, -111.8548, "801"),
    Place("Boston", "Suffolk County", "MA", "02116", 42.3492, -71.0768, "617"),
    Place("Washington", "District of Columbia", "DC", "20016", 38.9381, -77.0860, "202"),
    Place("Anchorage", "Anchorage Municipality", "AK", "99501", 61.2225, -149.8677, "907"),
)

CANADIAN_PLACES = (
    Place("Calgary", "", "AB", "T2P 2M5", 51.0456, -114.0575, "403"),
    Place("Edmonton", "", "AB", "T5J 2R7", 53.5454, -113.4901, "780"),
    Place("Vancouver", "", "BC", "V5Y 1V4", 49.2609, -123.1139, "604"),
    Place("Winnipeg", "", "MB", "R3B 1B9", 49.8997, -97.1375, "204"),
    Place("Saskatoon", "", "SK", "S7K 0J5", 52.1318, -106.6608, "306"),
    Place("Toronto", "", "ON", "M5V 2T6", 43.6426, -79.3871, "416"),
    Place("Ottawa", "", "ON", "K1P 1J1", 45.4208, -75.6903, "613"),
    Place("Montréal", "", "QC", "H2Y 1C6", 45.5088, -73.5540, "514"),
    Place("Halifax", "", "NS", "B3J 3A5", 44.6476, -63.5728, "902"),
    Place("St. John's", "", "NL", "A1C 5M2", 47.5605, -52.7126, "709"),
    Place("Yellowknife", "", "NT", "X1A 2N4", 62.4540, -114.3718, "867"),
)
