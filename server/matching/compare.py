"""Two profiles compared: how likely they are one prospect, and the evidence in words.

An address alone makes a match, because a prospect is a job at an address. Contacts and a name make one where no
address is known. The same customer at another address is another job: it is reported, and is not a likely duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from leadbridge.server.matching.alignment import Doubt
from leadbridge.server.matching.names import Likeness, compare_names, is_other_given_name
from leadbridge.server.matching.phones import is_shared_mailbox
from leadbridge.server.matching.places import Place, Where, compare_addresses, renamed
from leadbridge.server.matching.profile import Profile

LISTED = 0.4
"""Matches below this score are not reported."""

LIKELY = 0.75
"""A match from this score on is a likely duplicate.

Measured on the labelled pairs (bench/matching.py): from 0.70 up no shared phone, namesake or neighbour is claimed but
one whose street is spelled like a slip of the pen; below, offices' phones and other streets come in (precision 0.98 and
falling). Above 0.75 each step loses a tenth of the true ones, the slips of the pen, and makes nothing more right.
"""

WARNED = 0.7
"""The highest score of a match that is reported and stops nothing: another property of the same customer, a namesake in
another unit, a street whose name looks like a slip of the pen where nothing else is the same."""

Relation = Literal["house", "person", "customer", "family", ""]
RELATIONS: Mapping[Relation, str] = {
    "house": "the same house",
    "person": "the same person",
    "customer": "the same customer with another property, which is another job",
    "family": "probably the same family",
    "": "",
}
"""What a match is about, in words."""

_PERSONAL, _SHARED = 1.0, 0.5
SAME_PERSON = frozenset({Likeness.SAME, Likeness.ALIKE, Likeness.TYPO})


@dataclass(frozen=True, slots=True)
class Match:
    """How likely two profiles are one prospect (0..1). `exact`: what both give differs in notation only."""

    score: float = 0.0
    level: Literal["exact", "near", "none"] = "none"
    evidence: tuple[str, ...] = ()
    about: Relation = ""
    """What both have in common, as far as the evidence goes."""

    @property
    def likely(self) -> bool:
        """Whether this is a likely duplicate."""
        return self.score >= LIKELY

    @property
    def relation(self) -> str:
        """What both have in common, in words; nothing where the evidence says all."""
        perhaps = "perhaps " if self.about in {"house", "person"} and not self.likely else ""
        return f"{perhaps}{RELATIONS[self.about]}"


@dataclass(frozen=True, slots=True)
class _Contacts:
    strength: float
    """Personal contacts in common count 1 each, shared ones a half."""
    reasons: tuple[str, ...]
    contradicted: bool
    """Whether a kind of contact that both have has nothing in common."""


def compare(ours: Profile, theirs: Profile, common: frozenset[str] = frozenset()) -> Match:
    """Compare.

    `common` are keys (`Profile.keys`) that other prospects have too: a phone or an e-mail address that so many share
    that it says nothing of who it is, and streets (`s|`) that are known to exist, so that none is a slip of the pen.
    """
    streets = frozenset(key.rpartition("|")[2] for key in common if key.startswith("s|"))
    place = compare_addresses(ours.address, theirs.address, streets)
    contacts = _compare_contacts(ours, theirs, common)
    name = compare_names(ours.name, theirs.name)
    if place.where is Where.OTHER and contacts.strength >= _PERSONAL and name in SAME_PERSON:
        place = renamed(ours.address, theirs.address)
    alone = name is Likeness.GIVEN and 1 in {len(ours.name.words), len(theirs.name.words)}
    known = Likeness.UNKNOWN if alone and place.where is Where.UNKNOWN and contacts.strength else name
    about = _about(place, contacts, known, ours, theirs)
    score = round(_score(place, contacts, known, about), 2)
    if score < LISTED:
        return Match(score)
    evidence = [*_place_reasons(place), *contacts.reasons, *([name.value] if name is not Likeness.UNKNOWN else [])]
    exact = (
        place.where in {Where.SAME, Where.UNKNOWN}
        and name in {Likeness.SAME, Likeness.UNKNOWN}
        and not contacts.contradicted
    )
    return Match(score, "exact" if exact else "near", tuple(evidence), about)


def _about(place: Place, contacts: _Contacts, name: Likeness, ours: Profile, theirs: Profile) -> Relation:
    """Whether it is one house, one person, one customer's other property, or one family."""
    if place.certainty > 0:
        return "house"
    same_name = name in SAME_PERSON and not (
        name is Likeness.TYPO and place.where is not Where.UNKNOWN and is_other_given_name(ours.name, theirs.name)
    )
    if place.where is Where.UNKNOWN:
        if same_name or (name is Likeness.UNKNOWN and contacts.strength):
            return "person"
    elif (
        (same_name or (name is Likeness.UNKNOWN and contacts.strength))
        and place.where in _NEAR_BY
        and not contacts.contradicted
        and not _company(ours, theirs)
    ):
        return "house"  # a slip in the number, as far as can be told: a person is asked
    elif contacts.strength and (same_name or name in {Likeness.UNKNOWN, Likeness.GIVEN}):
        return "customer"
    return "family" if contacts.strength and name in {Likeness.FAMILY, Likeness.TYPO} else ""


def _company(ours: Profile, theirs: Profile) -> bool:
    return ours.name.company or theirs.name.company


def _place_reasons(place: Place) -> list[str]:
    if place.where is Where.UNKNOWN:
        return []
    if place.where is Where.NEAR:
        return ["same address but for: " + ", ".join(place.reasons)]
    return [place.where.value, *place.reasons]


def _compare_contacts(ours: Profile, theirs: Profile, common: frozenset[str]) -> _Contacts:
    strength, reasons = 0.0, list[str]()
    numbers = {phone.number: phone for _, phone in ours.phones}
    phone_found = False
    for kind, phone in theirs.phones:
        same = numbers.get(phone.number)
        if same is None:
            continue
        phone_found = True
        if same.extension and phone.extension and same.extension != phone.extension:
            reasons.append(f"same phone ({kind}), other extension")
            continue
        shared = f"p|{phone.number}" in common
        strength = max(strength, _SHARED if shared else _PERSONAL)
        reasons.append(f"same phone ({kind})" + (", which many prospects share" if shared else ""))
    email_found = bool(set(ours.emails) & set(theirs.emails))
    for email in sorted(set(ours.emails) & set(theirs.emails)):
        shared = is_shared_mailbox(email) or f"e|{email}" in common
        strength += _SHARED if shared else _PERSONAL
        reasons.append("same e-mail" + (" (an office's or shared)" if shared else ""))
    contradicted = bool(
        (ours.phones and theirs.phones and not phone_found) or (ours.emails and theirs.emails and not email_found)
    )
    return _Contacts(strength, tuple(reasons), contradicted)


def _score(place: Place, contacts: _Contacts, name: Likeness, about: Relation) -> float:
    if place.certainty > 0:
        score = max(_same_door(place.certainty, contacts.strength, name), _person(contacts.strength, name, Where.OTHER))
        if contacts.strength:
            return score
        differ = name in {Likeness.OTHER, Likeness.GIVEN}
        doubted = place.doubt is Doubt.OTHER_STREET or (place.doubt is Doubt.SLIP and differ)
        return min(score, WARNED) if doubted else score
    score = _person(contacts.strength, name, place.where)
    return score if about in {"house", "person"} else min(score, WARNED)


def _same_door(certainty: float, contacts: float, name: Likeness) -> float:
    """The address is the base; a contact or a name in common closes part of the gap to certainty."""
    score = 0.95 * certainty
    if contacts:
        score += (1 - score) * min(0.3 + 0.4 * contacts, 0.8)
    if name in SAME_PERSON:
        score += (1 - score) * (0.6 if name is Likeness.SAME else 0.5)
    elif name is Likeness.OTHER and not contacts:
        score *= 0.93  # the next owner, a tenant, or another house after all
    return score


_NEAR_BY = frozenset({Where.OTHER_NUMBER, Where.NEXT_DOOR})
_NEIGHBOUR = {
    "same": (0.78, 0.82, 0.9, 0.96), "unknown": (0.0, 0.55, 0.78, 0.88), "family": (0.4, 0.55, 0.7, 0.7),
    "given": (0.0, 0.5, 0.7, 0.7), "other": (0.0, 0.4, 0.6, 0.7),
}  # fmt: skip
_PERSON: dict[Where, dict[str, tuple[float, float, float, float]]] = {
    # For no contact, a shared one, a personal one and two in common.
    Where.OTHER: {
        "same": (0.3, 0.6, 0.7, 0.7), "unknown": (0.0, 0.35, 0.55, 0.7), "family": (0.1, 0.35, 0.6, 0.7),
        "given": (0.0, 0.32, 0.5, 0.7), "other": (0.0, 0.3, 0.45, 0.65),
    },
    Where.OTHER_UNIT: {
        "same": (0.6, 0.65, 0.7, 0.7), "unknown": (0.0, 0.45, 0.7, 0.7), "family": (0.3, 0.45, 0.65, 0.7),
        "given": (0.0, 0.4, 0.6, 0.7), "other": (0.0, 0.35, 0.5, 0.66),
    },
    Where.OTHER_NUMBER: _NEIGHBOUR,
    Where.NEXT_DOOR: _NEIGHBOUR,
    Where.UNKNOWN: {
        "same": (0.6, 0.8, 0.95, 0.98), "unknown": (0.0, 0.6, 0.85, 0.95), "family": (0.2, 0.5, 0.7, 0.85),
        "given": (0.0, 0.45, 0.65, 0.8), "other": (0.0, 0.4, 0.6, 0.74),
    },
}  # fmt: skip


def _person(contacts: float, name: Likeness, where: Where) -> float:
    """What contacts and name come to where the address does not match."""
    row = _PERSON[where]["same" if name in SAME_PERSON else name.name.lower()]
    step = 0 if contacts == 0 else 1 if contacts < _PERSONAL else 2 if contacts < 2 * _PERSONAL else 3
    score = row[step]
    return score - 0.03 if name in {Likeness.ALIKE, Likeness.TYPO} else score
