"""Roads that have a number for a name, PO boxes, and a street line's signs: brought into one form before it is read."""

from __future__ import annotations

import re

# What follows stands for roads that have a number for a name; the words end up in one order and one form.
_NUMBERED = tuple(
    (re.compile(rf"\b(?:{pattern})[ -]*#? ?(\d+[A-Z]?)\b"), road)
    for pattern, road in (
        (r"(?:U ?S|UNITED STATES)(?: ?(?:HIGHWAY|HIWAY|HWY|HWAY|RTE|RT|ROUTE))?", "USHWY"),
        (r"INTERSTATE(?: (?:HIGHWAY|HWY))?|I ?H|I(?=[ -]?\d{1,3}\b)", "INTERSTATE"),
        (r"(?:STATE|ST) (?:HIGHWAY|HWY|ROUTE|RTE|RT|ROAD|RD)|S ?[HR]", "STATEHWY"),
        (r"F ?M(?: (?:ROAD|RD))?|FARM[ -](?:TO|2)[ -]MARKET(?: (?:ROAD|RD))?", "FM"),
        # A ranch road and a rural route are both written RR.
        (r"R ?M(?: (?:ROAD|RD))?|RANCH(?:[ -]TO[ -]MARKET)?(?: (?:ROAD|RD))", "RR"),
        (r"(?:COUNTY|CNTY|CO) (?:ROAD|RD|HIGHWAY|HWY|ROUTE|RTE)|C ?R", "COUNTYRD"),
        (r"(?:TOWNSHIP|TWP) (?:ROAD|RD)", "TWPRD"),
        (r"(?:RANGE|RGE) (?:ROAD|RD)", "RANGERD"),
        (r"(?:RURAL ROUTE|RURAL RTE|R ?R)", "RR"),
        (r"HIGHWAY|HIWAY|HWY|HWAY|AUTOROUTE|AUT", "HWY"),
        (r"ROUTE|RTE|RT", "RTE"),
    )
)
_STATE_ROAD = re.compile(r"\b(?:TX|CA|FL|NC|SC|GA|CO|OK|KS|UT|OH|IL|TN|AZ|MN|BC|AB|ON|QC)[ -](\d{1,4})\b")
_HEAD = re.compile(
    r"(?:(?:# ?)?(?:\d[\w/-]*|[A-Z]{1,2}\d+-\d+[A-Z]?|[NSEW]\d+[NSEW]\d+) )*(?:(?:[NSEW]{1,2}|NORTH|SOUTH|EAST|WEST) )?"
)
"""House number and direction, behind which a numbered road may begin."""
_NUMBERED_ROAD = re.compile(r"(USHWY|INTERSTATE|STATEHWY|FM|COUNTYRD|TWPRD|RANGERD|RR|HWY|RTE)(\d+[A-Z]?)")
_BOX = re.compile(
    r"(?:\bP ?O ?(?:BOX|B)|\bPOST OFFICE BOX|\bPOB|\bC ?P|\bCASE POSTALE|\bB ?P|\bBOX)(?: #| NO)? ?(\d+[A-Z]?)\b"
)
_KING = re.compile(r"\b(?:DR )?(?:MLK|M L K|MARTIN LUTHER KING)(?: (?:JR|JUNIOR))?\b")


def spread(line: str) -> str:
    """The line in words: signs gone, numbered roads and fractions in one form."""
    line = re.sub(r"(?<=\d)[ -]+(?=\d/\d)", " ", line.replace(".", "").replace("#", " # "))
    line = re.sub(r"[^\w\s/#-]+|_", " ", line)
    line = re.sub(r"^\s*([NSEW]\d+) +([NSEW]\d+)\b", r"\1\2", line)
    line = " ".join(re.sub(r"(?<!\d)/|/(?!\d)", " ", line).split())
    return _numbered(_KING.sub("MARTIN LUTHER KING", line))


def _numbered(line: str) -> str:
    """A numbered road as one word; behind a house number, or in front of the line where there is none."""
    head = _HEAD.match(line)
    start = head.end() if head else 0
    for pattern, road in (*_NUMBERED, (_STATE_ROAD, "STATEHWY")):
        if found := pattern.match(line, start):
            return f"{line[:start]}{road}{found.group(1)}{line[found.end() :]}"
    return line


def is_numbered_road(name: str) -> bool:
    """Whether a street's name is a numbered road's: HWY7, FM423."""
    return _NUMBERED_ROAD.fullmatch(name) is not None


def has_box(part: str) -> bool:
    """Whether a PO box stands in a part of an address."""
    return _BOX.search(part.replace(".", "")) is not None


def without_box(line: str) -> tuple[str, str, list[str]]:
    """The line without its box, the box, and what stands behind a box that opens the line: the town."""
    found = _BOX.search(line)
    if found is None:
        return line, "", []
    head, box, tail = line[: found.start()].strip(), found.group(1).lstrip("0") or "0", line[found.end() :]
    return (f"{head} {tail}", box, []) if head or re.match(r"\s*\d", tail) else ("", box, tail.split())
