"""Is a value that an answer shows the one that was sent? Both are compared as people mean them.

A date and a date-time of that day, a phone in another notation, `St` and `Street`, a person and their id are the same.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from leadbridge.server.catalog.operation import Field
from leadbridge.server.services.values import flag_of, iso_date
from leadbridge.server.text import as_meant, clean

NEAR = Decimal("0.0001")
"""Degrees, some ten metres: services round coordinates."""
_DAY_FIRST = "%d/%m/%Y"
"""Dates of RenovationFind's Manager API."""
_DAYS = (_DAY_FIRST, "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
"""Forms in which a day is one day only."""
_CURRENCY = re.compile(r"(?:[A-Z]{2,3} ?)?[$€£]|[A-Z]{3}(?![A-Z])")
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
"""Any other comma may part cents: `185,00` is not 18500."""
_LONGEST = 20_000
_INSIDE = ("id", "name", "full_name", "label", "title", "code", "key", "value", "amount", "email")
"""The fields in which an object may carry its value."""


class Absent:
    """Not in the answer, which is something else than null."""


ABSENT = Absent()


def value_at(record: JsonValue, place: str) -> JsonValue | Absent:
    """The value at a place such as `customer.rep`; of places parted by `|` the first that has one."""
    found: JsonValue | Absent = ABSENT
    for path in place.split("|"):
        found = record
        for part in path.split("."):
            found = found[part] if isinstance(found, dict) and part in found else ABSENT
        if not isinstance(found, Absent) and found is not None:
            return found
    return found


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field of an operation is compared."""

    field: Field
    whole_days: bool
    """The hours of its times mean nothing."""
    sets: bool
    """A list is set, and not added to."""


def agrees(rule: Rule, sent: JsonValue, shown: JsonValue) -> bool | None:
    """Whether a shown value is the one that was sent; `None` where they cannot be compared."""
    if isinstance(sent, list):
        return _lists_agree(rule, sent, shown)
    if isinstance(shown, dict):
        if isinstance(sent, dict):
            verdicts = [agrees(rule, sent[key], shown[key]) for key in sent.keys() & shown.keys()]
            return None if not verdicts else all(verdict is not False for verdict in verdicts)
        inside = [agrees(rule, sent, shown[key]) for key in _INSIDE if key in shown]
        return True if True in inside else False if False in inside else None
    if isinstance(shown, list) or isinstance(sent, dict):
        return None
    if shown is None or shown == "":
        return sent in ("", None)
    if isinstance(sent, bool):
        flag = flag_of(shown)
        return None if flag is None else flag is sent
    if rule.field.means in {"day", "time"}:
        return _times_agree(rule, str(sent), str(shown))
    ours, theirs = _number(sent), _number(shown)
    degrees = rule.field.means == "degrees" and theirs is not None
    if isinstance(sent, (int, float)) or (ours is not None and (degrees or not isinstance(shown, str))):
        return _numbers_agree(rule.field, ours, theirs, shown)
    return _texts_agree(rule.field, str(sent), str(shown)) if isinstance(shown, str) else None


def _numbers_agree(field: Field, ours: Decimal | None, theirs: Decimal | None, shown: JsonValue) -> bool | None:
    if theirs is None and field.names:
        return as_meant(str(shown)) in {as_meant(name) for name, number in field.names.items() if number == ours}
    if ours is None or theirs is None:
        return None
    return abs(ours - theirs) <= (NEAR if field.means == "degrees" else 0)


def _lists_agree(rule: Rule, sent: list[JsonValue], shown: JsonValue) -> bool | None:
    """Whether all that was sent is there; where a list is set and not added to, also whether nothing else is."""
    there = shown if isinstance(shown, list) else [*str(shown or "").split(",")] if shown else []
    verdicts = [[agrees(rule, one, each) for each in there] for one in sent]
    if any(True not in row and (None not in row) for row in verdicts):
        return False
    if rule.sets and len(there) > len(sent) and all(True in row for row in verdicts):
        return False
    return True if all(True in row for row in verdicts) else None


def _times_agree(rule: Rule, sent: str, shown: str) -> bool | None:
    field = rule.field
    form = next(iter(field.values.values()), "")
    ours, theirs = _moment(sent, form), _moment(shown, _DAY_FIRST if _is(sent, _DAY_FIRST) else form)
    if ours is None or theirs is None:
        return None
    if field.means == "day" or rule.whole_days or ours == theirs:
        return ours.date() == theirs.date()
    moved = field.earliest and f"{ours:%H:%M}" < field.earliest == f"{theirs:%H:%M}"
    return bool(moved) and ours.date() == theirs.date()


def _moment(text: str, form: str) -> datetime | None:
    """A time as the clock on the wall shows it."""
    for one in (form, *_DAYS):
        if one and _is(text, one):
            return datetime.strptime(text, one)  # noqa: DTZ007  # without a zone, as it was sent
    try:
        return datetime.fromisoformat(iso_date(text) or "").replace(tzinfo=None, second=0, microsecond=0)
    except ValueError:
        return None


def _is(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _number(value: JsonValue) -> Decimal | None:
    text = _CURRENCY.sub("", str(value)).strip()
    if isinstance(value, bool) or ("," in text and not _THOUSANDS.fullmatch(text)):
        return None
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _texts_agree(field: Field, sent: str, shown: str) -> bool:
    """Letter case, blanks and markup do not count, nor the other ways in which an address or a phone is written."""
    ours, theirs = as_meant(sent), as_meant(html.unescape(shown))
    if ours == theirs or as_meant(clean(sent, limit=_LONGEST)) == as_meant(clean(shown, limit=_LONGEST)):
        return True
    if field.means == "name":
        return _same_name(sent, shown)
    if field.means in {"phone", "postal_code"}:
        kept = str.isdecimal if field.means == "phone" else str.isalnum
        ours, theirs = ("".join(filter(kept, text)) for text in (ours, theirs))
        if field.means == "phone":
            return ours[-10:] == theirs[-10:]
        zip_and_four = {len(ours), len(theirs)} == {5, 9} and (ours + theirs).isdecimal()
        return ours == theirs or (zip_and_four and ours[:5] == theirs[:5])
    if field.means == "state":
        from leadbridge.server.matching.regions import state_of

        return bool(state_of(sent)) and state_of(sent) == state_of(shown)
    if field.means == "address":
        return _same_address(sent, shown)
    return False


def _same_name(sent: str, shown: str) -> bool:
    """Whether a part of a name stands in what is shown, in any order and without accents."""
    from leadbridge.server.matching.names import name_of

    return {*name_of(sent).words} <= {*name_of(shown).words}


def _same_address(sent: str, shown: str) -> bool:
    """Whether they are one address; the town is a field of its own, so that one side may not say it, or both."""
    from leadbridge.server.matching.addresses import Address, address_of
    from leadbridge.server.matching.places import Where, compare_addresses

    def placed(one: Address, other: Address) -> Address:
        city, state, postal = one.city or other.city or "ANY", one.state or other.state, one.postal or other.postal
        return replace(one, city=city, state=state, postal=postal)

    ours, theirs = address_of(sent), address_of(shown)
    if as_meant(shown).startswith(f"{as_meant(sent)},") and ours.street.unit == theirs.street.unit:
        return True  # letter by letter, with a place behind it
    if ours.state and not ours.city and not ours.postal:  # or a type of street: Heron Wy
        ours = address_of(f"{sent}, {theirs.state} {theirs.postal}")
    return compare_addresses(placed(ours, theirs), placed(theirs, ours)).where is Where.SAME
