"""What is known of a person and a property, as it is compared, and the keys under which it is found again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from leadbridge.server.matching.addresses import Address, address_of
from leadbridge.server.matching.names import Name, name_of
from leadbridge.server.matching.phones import Phone, email_of, phones_of

RULES = 14
"""Counts up with every change to what the keys, a profile or a standing is: rows of another count are read again."""


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What a prospect is looked for by, or what is known of one, as people wrote it. Nothing is required."""

    address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    phones: tuple[tuple[str, str], ...] = ()
    """Each with what it is called: cell, home."""
    email: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """The same, normalised."""

    address: Address = field(default_factory=Address)
    phones: tuple[tuple[str, Phone], ...] = ()
    emails: tuple[str, ...] = ()
    name: Name = field(default_factory=Name)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not (self.address.known or self.phones or self.emails or self.name.words)

    def keys(self) -> frozenset[str]:
        """The keys under which a prospect is found: contacts, name, house, its unit, street in its town."""
        address, street = self.address, self.address.street
        keys = {f"p|{phone.number}" for _, phone in self.phones} | {f"e|{email}" for email in self.emails}
        keys |= {f"w|{word}" for word in self.name.words if len(word) > 1}
        if self.name.words:
            keys.add(f"n|{self.name.key}")
        if address.known:
            number = street.number or f"BOX{street.box}"
            towns = [town for town in (address.postal, *address.towns()) if town]
            keys |= {f"a|{town}|{number}" for town in towns} | {f"s|{town}|{street.joined}" for town in towns}
            keys.add(f"a||{number}|{street.joined[:1]}")
            if street.unit:
                keys.add(f"u|{number}|{street.joined}|{street.unit}")
        return frozenset(key[:KEY_LENGTH] for key in keys)

    def lookup_keys(self) -> frozenset[str]:
        """The keys under which to look for this one: single words of a name only where the name is all there is."""
        more = self.address.known or self.phones or self.emails
        return frozenset(key for key in self.keys() if not (more and key.startswith("w|")))


KEY_LENGTH = 120


def profile_of(details: ContactDetails, like: Profile | None = None) -> Profile:
    """Normalise: everything, or only what can be compared with `like`.

    The first call reads the phone number tables, some 50 ms: call it in a worker thread.
    """
    if like is not None:
        details = replace(
            details,
            address=details.address if like.address.known else "",
            phones=details.phones if like.phones else (),
            email=details.email if like.emails else "",
            name=details.name if like.name.words else "",
        )
    phones = [(called or kind, phone) for kind, text in details.phones for called, phone in phones_of(text)]
    email = email_of(details.email)
    return Profile(
        address=address_of(details.address, details.city, details.state, details.postal_code)
        if details.address
        else Address(),
        phones=tuple(_unique(phones)),
        emails=(email,) if email else (),
        name=name_of(details.name),
    )


def _unique(phones: Sequence[tuple[str, Phone]]) -> Iterable[tuple[str, Phone]]:
    seen: dict[str, tuple[str, Phone]] = {}
    for kind, phone in phones:
        seen.setdefault(phone.number, (kind, phone))
    return seen.values()


def details_to_json(details: ContactDetails) -> dict[str, Any]:
    """The details as the table stores them: without what is empty."""
    values = {name: value for name, value in asdict(details).items() if value}
    if details.phones:
        values["phones"] = [list(pair) for pair in details.phones]
    return values


def details_from_json(value: Mapping[str, Any]) -> ContactDetails:
    """The details, from the table."""
    texts = {name: str(text) for name, text in value.items() if name != "phones"}
    pairs = cast("list[list[str]]", value.get("phones", []))
    return ContactDetails(**texts, phones=tuple((kind, phone) for kind, phone in pairs))
