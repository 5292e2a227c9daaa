"""The words of postal addresses in the United States and Canada, each with the one form that stands for all its others.

Street types: USPS Publication 28, appendix C1, and the street types of Canada Post's addressing guidelines, with
the French ones. Where the two differ (Court is CT there and CRT here) the American form stands for both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

# One street type a line: the form that stands, then every other.
_TYPES = """
ALY ALLEE ALLEY ALLY | ANX ANEX ANNEX ANNX | ARC ARCADE | AVE AV AVEN AVENU AVENUE AVN AVNUE | BYU BAYOO BAYOU
BCH BEACH | BND BEND | BLF BLUF BLUFF | BLFS BLUFFS | BTM BOT BOTTM BOTTOM | BLVD BL BLV BOUL BOULEVARD BOULV BVD
BR BRNCH BRANCH | BRG BRDGE BRIDGE | BRK BROOK | BRKS BROOKS | BYP BYPA BYPAS BYPASS BYPS | CP CAMP CMP
CYN CANYON CANYN CNYN | CPE CAPE | CSWY CAUSEWAY CAUSWA | CTR CEN CENT CENTER CENTR CENTRE CNTER CNTR
CIR CIRC CIRCL CIRCLE CRCL CRCLE | CIRS CIRCLES | CLF CLIFF | CLFS CLIFFS | CLB CLUB | CMN COMMON | CMNS COMMONS
COR CORNER | CORS CORNERS | CRSE COURSE | CT COURT CRT | CTS COURTS | CV COVE | CVS COVES | CRK CREEK
CRES CRESCENT CRSENT CRSNT CR | CRST CREST | XING CROSSING CRSSNG | XRD CROSSROAD | XRDS CROSSROADS | CURV CURVE
DL DALE | DM DAM | DV DIV DIVIDE DVD | DR DRIV DRIVE DRV | DRS DRIVES | EST ESTATE | ESTS ESTATES
EXPY EXP EXPR EXPRESS EXPRESSWAY EXPW | EXT EXTENSION EXTN EXTNSN | EXTS EXTENSIONS | FALL FALLS FLS
FRY FERRY FRRY | FLD FIELD | FLDS FIELDS | FLT FLAT | FLTS FLATS | FRD FORD | FRST FOREST FORESTS | FRG FORG FORGE
FRK FORK | FRKS FORKS | FT FORT FRT | FWY FREEWAY FREEWY FRWAY FRWY | GDN GARDEN GARDN GRDEN GRDN
GDNS GARDENS GRDNS | GTWY GATEWAY GATEWY GATWAY GTWAY | GLN GLEN | GLNS GLENS | GRN GREEN | GRNS GREENS
GRV GROV GROVE | GRVS GROVES | HBR HARB HARBOR HARBOUR HARBR HRBOR | HBRS HARBORS | HVN HAVEN HAVN
HTS HEIGHT HEIGHTS HGTS HT | HWY HIGHWAY HIGHWY HIWAY HIWY HWAY | HL HILL | HLS HILLS
HOLW HLLW HOLLOW HOLLOWS HOLWS | INLT INLET | IS ISLAND ISLND | ISS ISLANDS ISLNDS | ISLE ISLES
JCT JCTION JCTN JUNCTION JUNCTN JUNCTON | JCTS JCTNS JUNCTIONS | KY KEY | KYS KEYS | KNL KNOL KNOLL | KNLS KNOLLS
LK LAKE | LKS LAKES | LAND | LNDG LANDING LNDNG | LN LANE LANES LA | LGT LIGHT | LF LOAF | LCK LOCK | LCKS LOCKS
LDG LDGE LODG LODGE | LOOP LOOPS | MALL | MNR MANOR | MNRS MANORS | MDW MEADOW | MDWS MDW MEADOWS MEDOWS | MEWS
ML MILL | MLS MILLS | MSN MISSION MISSN MSSN | MTWY MOTORWAY | MT MNT MOUNT | MTN MNTAIN MNTN MOUNTAIN MOUNTIN MTIN
MTNS MNTNS MOUNTAINS | NCK NECK | ORCH ORCHARD ORCHRD | OVAL OVL | OPAS OVERPASS | PARK PRK PARKS
PKWY PARKWAY PARKWY PKWAY PKY PARKWAYS PKWYS | PASS | PSGE PASSAGE | PATH PATHS | PIKE PIKES | PNE PINE | PNES PINES
PL PLACE | PLN PLAIN | PLNS PLAINS | PLZ PLAZA PLZA | PT POINT | PTS POINTS | PRT PORT | PRTS PORTS | PR PRAIRIE PRR
RADL RAD RADIAL RADIEL | RAMP | RNCH RANCH RANCHES RNCHS | RPD RAPID | RPDS RAPIDS | RST REST | RDG RDGE RIDGE
RDGS RIDGES | RIV RIVER RVR RIVR | RD ROAD | RDS ROADS | RTE ROUTE RT | ROW | RUE | RUN | SHL SHOAL | SHLS SHOALS
SHR SHOAR SHORE | SHRS SHOARS SHORES | SKWY SKYWAY | SPG SPNG SPRING SPRNG | SPGS SPNGS SPRINGS SPRNGS | SPUR SPURS
SQ SQR SQRE SQU SQUARE | SQS SQRS SQUARES | STA STATION STATN STN
STRA STRAV STRAVEN STRAVENUE STRAVN STRVN STRVNUE | STRM STREAM STREME | ST STR STREET STRT | STS STREETS
SMT SUMIT SUMITT SUMMIT | TER TERR TERRACE | TRWY THROUGHWAY | TRCE TRACE TRACES | TRAK TRACK TRACKS TRK TRKS
TRFY TRAFFICWAY | TRL TRAIL TRAILS TRLS | TUNL TUNEL TUNLS TUNNEL TUNNELS TUNNL | TPKE TRNPK TURNPIKE TURNPK
UPAS UNDERPASS | UN UNION | UNS UNIONS | VLY VALLEY VALLY VLLY | VLYS VALLEYS | VIA VDCT VIADCT VIADUCT | VW VIEW
VWS VIEWS | VLG VILL VILLAG VILLAGE VILLG VILLIAGE | VLGS VILLAGES | VL VILLE | VIS VIST VISTA VST VSTA
WALK WALKS WK | WALL | WAY WY | WAYS | WL WELL | WLS WELLS | ABBEY | ACRES | BAY | CHASE | CIRCT CIRCUIT | CLOSE
CONC CONCESSION | CROFT | DELL | DOWNS | END | ESPL ESPLANADE | FARM | GATE | GLADE | GROUNDS | HEATH
HGHLDS HIGHLANDS | LINE | LINK | LKOUT LOOKOUT | LMTS LIMITS | MAZE | MOOR | PADDOCK PADK | PTWAY PATHWAY
PVT PRIVATE | QUAY QUAI | RISE | SIDERD SIDEROAD | THICK THICKET | TOWERS | TLINE TOWNLINE | VALE | WHARF
WOOD WOODS | WYND
"""

STRONG = frozenset(
    [
        "ALY",
        "AVE",
        "BLVD",
        "CIR",
        "CRES",
        "CT",
        "DR",
        "EXPY",
        "FWY",
        "HWY",
        "LN",
        "PKWY",
        "PL",
        "PLZ",
        "RD",
        "SQ",
        "ST",
        "TER",
        "TPKE",
        "TRL",
        "WAY",
        "XING",
        "CV",
        "LOOP",
        "GATE",
        "CLOSE",
    ]
)
"""Types that end a street's name when no comma does. Others (Lake, Hills, Park) begin the names of too many towns."""

_FRENCH = {
    "RUE": "ST", "AVENUE": "AVE", "AV": "AVE", "AVE": "AVE", "BOULEVARD": "BLVD", "BOUL": "BLVD",
    "BLVD": "BLVD", "BD": "BLVD", "CHEMIN": "RD", "CH": "RD", "CHEM": "RD", "PLACE": "PL", "PL": "PL",
    "CROISSANT": "CRES", "CROIS": "CRES", "PROMENADE": "DR", "PROM": "DR", "TERRASSE": "TER", "TSSE": "TER",
    "ALLEE": "ALY", "IMPASSE": "IMP", "IMP": "IMP", "RANG": "RANG", "RG": "RANG", "COTE": "COTE", "MONTEE": "MTEE",
    "MTEE": "MTEE", "ROUTE": "RTE", "RTE": "RTE", "CARRE": "SQ", "COUR": "CT", "COURS": "CT", "SENTIER": "TRL",
    "RUELLE": "RLE", "QUAI": "QUAY", "SQUARE": "SQ", "PASSAGE": "PSGE",
}  # fmt: skip
_FRENCH_ONLY = frozenset(
    [
        "RUE",
        "BOUL",
        "CHEMIN",
        "CH",
        "CHEM",
        "CROISSANT",
        "CROIS",
        "PROMENADE",
        "PROM",
        "TERRASSE",
        "TSSE",
        "ALLEE",
        "IMPASSE",
        "RANG",
        "RG",
        "COTE",
        "MONTEE",
        "MTEE",
        "CARRE",
        "COUR",
        "SENTIER",
        "RUELLE",
        "QUAI",
    ]
)
FRENCH_ARTICLES = frozenset(["DE", "DU", "DES", "LA", "LE", "LES"])
"""Left out of French street names: half of the people write `rue de la Montagne`, the others `rue Montagne`."""

DIRECTIONS: Mapping[str, str] = {
    "N": "N", "NORTH": "N", "NO": "N", "S": "S", "SOUTH": "S", "SO": "S", "E": "E", "EAST": "E", "W": "W", "WEST": "W",
    "NE": "NE", "NORTHEAST": "NE", "NW": "NW", "NORTHWEST": "NW", "SE": "SE", "SOUTHEAST": "SE", "SW": "SW",
    "SOUTHWEST": "SW",
}  # fmt: skip
FRENCH_DIRECTIONS: Mapping[str, str] = {
    **DIRECTIONS, "NORD": "N", "SUD": "S", "EST": "E", "OUEST": "W", "O": "W", "NORDEST": "NE", "NORDOUEST": "NW",
    "SUDEST": "SE", "SUDOUEST": "SW", "NO": "NW", "SO": "SW",
}  # fmt: skip

UNIT_WORDS: Mapping[str, str] = {
    # "" where the number alone tells the unit: Apt 301, Unit 301, Suite 301 and #301 are one door.
    "#": "", "APT": "", "APARTMENT": "", "APPT": "", "APPARTEMENT": "", "APP": "", "UNIT": "", "UNITE": "", "STE": "",
    "SUITE": "", "BUREAU": "", "BUR": "", "PORTE": "", "RM": "", "ROOM": "", "CONDO": "", "TOWNHOUSE": "", "TH": "",
    "FL": "FL", "FLOOR": "FL", "FLR": "FL", "ETAGE": "FL", "BLDG": "BLDG", "BUILDING": "BLDG", "LOT": "LOT",
    "SPC": "LOT", "SPACE": "LOT", "TRLR": "LOT", "TRAILER": "LOT", "PH": "PH", "PENTHOUSE": "PH", "DEPT": "DEPT",
    "DEPARTMENT": "DEPT", "OFC": "", "OFFICE": "", "TOWER": "TWR", "TWR": "TWR", "SLIP": "SLIP", "HNGR": "HNGR",
}  # fmt: skip
LONE_UNITS: Mapping[str, str] = {
    # Units that need no number; only behind the street, where they cannot be its name.
    "BSMT": "BSMT", "BASEMENT": "BSMT", "FRNT": "FRNT", "FRONT": "FRNT", "LOWR": "LOWR", "LOWER": "LOWR", "PH": "PH",
    "PENTHOUSE": "PH", "REAR": "REAR", "SIDE": "SIDE", "UPPR": "UPPR", "UPPER": "UPPR", "LOBBY": "LBBY", "LBBY": "LBBY",
}  # fmt: skip

_ONES = ["ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "TEN", "ELEVEN", "TWELVE"]
_ORDINALS = [
    "FIRST",
    "SECOND",
    "THIRD",
    "FOURTH",
    "FIFTH",
    "SIXTH",
    "SEVENTH",
    "EIGHTH",
    "NINTH",
    "TENTH",
    "ELEVENTH",
    "TWELFTH",
    "THIRTEENTH",
    "FOURTEENTH",
    "FIFTEENTH",
    "SIXTEENTH",
    "SEVENTEENTH",
    "EIGHTEENTH",
    "NINETEENTH",
]
_TENS = ["TWENTY", "THIRTY", "FORTY", "FIFTY", "SIXTY", "SEVENTY", "EIGHTY", "NINETY"]
_TENTHS = ["TWENTIETH", "THIRTIETH", "FORTIETH", "FIFTIETH", "SIXTIETH", "SEVENTIETH", "EIGHTIETH", "NINETIETH"]

TENS: Mapping[str, int] = {word: 10 * (index + 2) for index, word in enumerate(_TENS)}
NUMBERS: Mapping[str, int] = {
    **{word: index + 1 for index, word in enumerate(_ONES)},
    **{word: index + 1 for index, word in enumerate(_ORDINALS)},
    **{word: 10 * (index + 2) for index, word in enumerate(_TENTHS)},
    "PREMIERE": 1, "PREMIER": 1, "DEUXIEME": 2, "TROISIEME": 3,
}  # fmt: skip

SAINTS = frozenset({"ST", "STE", "SAINT", "SAINTE"})

AMBIGUOUS_STATES = frozenset({"AL", "CT", "LA", "MT", "NE", "SE", "PR", "IN", "OR", "ME", "FL", "CO", "DE", "PA", "HI"})
"""Codes that are a street type, a direction, a unit or a word too; taken for a state only where one must stand."""

CANADA = frozenset(["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"])


@cache
def street_types() -> Mapping[str, str]:
    """Every form of a street type and the one that stands for it."""
    forms: dict[str, str] = {}
    for group in _TYPES.replace("\n", " | ").split(" | "):
        stands, *others = group.split() or [""]
        if stands:
            for form in (stands, *others):
                forms.setdefault(form, stands)
    return forms


def street_type(word: str) -> str:
    """The street type that a word is, or an empty text."""
    return street_types().get(word, "")


def french_type(word: str, *, french: bool) -> str:
    """The type that a word is in front of a French street name; words that English has too need `french`."""
    return _FRENCH.get(word, "") if french or word in _FRENCH_ONLY else ""


@cache
def state_names() -> Mapping[str, str]:
    """Codes, names and other forms of states and provinces, folded, and the code of each."""
    data = tomllib.loads(files(__package__ or "").joinpath("words.toml").read_text("utf-8"))
    return {form: code for code, forms in data["states"].items() for form in (code, *forms)}
