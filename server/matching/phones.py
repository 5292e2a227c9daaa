"""Phones and e-mail addresses as they are compared. Placeholders are data, in names.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers

from leadbridge.server.matching.text import plain
from leadbridge.server.matching.vocabulary import data

_NUMBER = re.compile(r"(?:\+|\b00|\b011)?\(?\d[\d\s().\-/]*\d(?:\W*(?:EXTENSION|EXT|X|#)\W*\d{1,6}\b)?")
_NORTH_AMERICAN = re.compile(
    r"(?:\+?1[\s.\-]*)?\(?\d{3}\)?[\s.\-/]*\d{3}[\s.\-]*\d{4}(?!\d)(?:\W*(?:EXTENSION|EXT|X|#)\W*\d{1,6}\b)?"
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in international form, and its extension."""

    number: str
    extension: str = ""

    def __str__(self) -> str:
        """As people write it: `(972) 555-0142 ext. 12`, with the country's code where it is another one."""
        forms = phonenumbers.PhoneNumberFormat
        form = forms.NATIONAL if self.number.startswith("+1") else forms.INTERNATIONAL
        shown = phonenumbers.format_number(phonenumbers.parse(self.number), form)
        return f"{shown} ext. {self.extension}" if self.extension else shown


@lru_cache(maxsize=4096)
def phones_of(text: str) -> tuple[tuple[str, Phone], ...]:
    """The numbers a text holds, each with what it is called beside it: cell, home, or an empty text.

    They are read as North American unless they say otherwise. One without its area code does not count: it could be
    anybody's. Nor does a placeholder for "no number".
    """
    shown = re.sub(r"\bPOSTE\b", "EXT", plain(text))
    shown = re.sub(r"(?<=\d)\.0+(?=\D|$)(?!\.)", "", shown) if re.fullmatch(r"\s*\d{10,11}\.0+\s*", shown) else shown
    if re.fullmatch(r"\s*\d\.\d+E\+?\d+\s*", shown):
        shown = str(int(float(shown)))
    found = list(_NORTH_AMERICAN.finditer(shown)) if "+" not in re.sub(r"\+ ?1\b", "", shown) else []
    if not found or re.match(r"\W*(?:00|011)\W*\d", shown):
        found = list(_NUMBER.finditer(shown))
    phones: dict[Phone, str] = {}
    for at, one in enumerate(found):
        before = shown[found[at - 1].end() if at else 0 : one.start()]
        behind = shown[one.end() : found[at + 1].start() if at + 1 < len(found) else None]
        behind = "" if re.search(r"[A-Z]+\s*:\s*$", behind) else behind  # the label of the next
        if phone := _parsed(one[0]):
            phones.setdefault(phone, _kind(behind, before, first=at == 0))
    if not phones and (vanity := _parsed(shown)) and re.search(r"\d\W*[A-Z]{4,}", shown):
        phones[vanity] = ""
    return tuple((kind, phone) for phone, kind in phones.items())


def _parsed(text: str) -> Phone | None:
    shown = re.sub(r"^\W*(?:00|011)[\s.-]*1(?=\W*\d)", "+1", text)
    try:
        parsed = phonenumbers.parse(shown.lower(), "US")
    except phonenumbers.NumberParseException:
        return None
    national = str(parsed.national_number)
    possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    if not possible or (parsed.country_code == 1 and _stands_for_none(national)):
        return None
    number = f"+{parsed.country_code}{'0' if parsed.italian_leading_zero else ''}{national}"
    return Phone(number, (parsed.extension or "").lstrip("0"))


def _stands_for_none(national: str) -> bool:
    return any(pattern.search(national) for pattern in _placeholders())


@cache
def _placeholders() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in data("names.toml")["placeholders"]["phones"])


@cache
def _table(section: str, name: str) -> frozenset[str]:
    return frozenset(data("names.toml")[section][name].split())


def _kind(behind: str, before: str, *, first: bool) -> str:
    """What a number is called: by the word after it, or by the one before it where none follows."""
    for text in (re.split(r"[,;/&|]", behind)[0], before if first or ":" in before else ""):
        row = re.findall(r"[a-z]+", text.lower())
        for kind in ("cell", "home"):
            if _table("phones", kind).intersection(row):
                return kind
    return ""


def email_of(text: str) -> str:
    """An e-mail address in lower case, without what mail programs put around it; an empty text where there is none.

    Tags behind a plus sign go at the providers of mail for everybody that have them, dots at Gmail, where they name the
    same mailbox. Elsewhere families and offices use them to tell people apart.
    """
    found = re.search(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"@]+", plain(text).lower().replace("mailto:", " "))
    if found is None:
        return ""
    address = found.group().strip(".'")
    mailbox, _, domain = address.rpartition("@")
    if domain in _table("mailboxes", "tagged"):
        address = f"{mailbox.partition('+')[0]}@{domain}"
    if domain in {"gmail.com", "googlemail.com"}:
        address = f"{mailbox.partition('+')[0].replace('.', '')}@gmail.com"
    return "" if _is_no_mailbox(address) or "." not in domain else address


def _is_no_mailbox(address: str) -> bool:
    """Whether an address is a placeholder: declined@, nomail@nomail.com, x@x.com."""
    local, _, domain = address.rpartition("@")
    name, host = re.sub(r"[^a-z]", "", local), re.sub(r"[^a-z]", "", domain.partition(".")[0])
    if re.match(data("names.toml")["placeholders"]["mailboxes"], name):
        return True
    if name in _table("placeholders", "words") or host in _table("placeholders", "hosts"):
        return True
    repeated = len(set(local)) == 1 and len(local) != 1
    return repeated or (len(set(local)) == 1 and (len(set(host)) == 1 or domain.startswith("example"))) or "@" in local


def is_placeholder(text: str) -> bool:
    """Whether a phone or an e-mail address is a placeholder: it is well-formed, but nobody's."""
    if "@" in text:
        return bool(re.search(r"[^\s@]+@[^\s@]+", text)) and not email_of(text)
    digits = re.sub(r"\D", "", plain(text))
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits  # noqa: PLR2004
    return len(national) == 10 and _stands_for_none(national)  # noqa: PLR2004


def is_shared_mailbox(address: str) -> bool:
    """Whether an address is by its name an office's, not a person's."""
    return re.sub(r"[-_.]", "", address.partition("@")[0]) in _table("mailboxes", "roles")
