"""Phones and e-mail addresses as they are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from leadbridge.server.matching.text import plain

_ROLES = frozenset(
    [
        "admin",
        "billing",
        "bookkeeping",
        "contact",
        "enquiries",
        "estimates",
        "frontdesk",
        "hello",
        "help",
        "info",
        "inquiries",
        "jobs",
        "leads",
        "mail",
        "manager",
        "noemail",
        "none",
        "noreply",
        "no-reply",
        "office",
        "reception",
        "sales",
        "service",
        "support",
        "team",
        "test",
        "unknown",
    ]
)
_NO_ADDRESS = re.compile(r"^(?:none|noemail|no-?reply|unknown|test|na|n/a)@|@(?:none|noemail|unknown|test|example)\.?$")


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in international form, and its extension."""

    number: str
    extension: str = ""


@lru_cache(maxsize=4096)
def phone_of(text: str) -> Phone | None:
    """The number a text holds, read as a North American one unless it says otherwise; none where it cannot be one.

    A number without its area code is none: it could be anybody's. So is one that stands for "no number" (all digits
    the same, or counting up).
    """
    import phonenumbers

    shown = re.sub(r"\bPOSTE\b", "EXT", plain(text))
    shown = re.sub(r"^\W*(?:00|011)[\s.-]*1(?=\W*\d)", "+1", shown)
    try:
        parsed = phonenumbers.parse(shown.lower(), "US")
    except phonenumbers.NumberParseException:
        return None
    national = str(parsed.national_number)
    if (
        phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE
        or len(set(national[-7:])) == 1
        or national in "12345678901234567890"
    ):
        return None
    number = f"+{parsed.country_code}{'0' if parsed.italian_leading_zero else ''}{national}"
    return Phone(number, (parsed.extension or "").lstrip("0"))


def email_of(text: str) -> str:
    """An e-mail address in lower case, without what mail programs put around it; an empty text where there is none.

    Dots, and tags behind a plus sign, go at Gmail, where they name the same mailbox; elsewhere that is the provider's
    business, and families and offices use tags to tell people apart.
    """
    found = re.search(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"@]+", plain(text).lower().replace("mailto:", " "))
    if found is None:
        return ""
    address = found.group().strip(".'")
    mailbox, _, domain = address.rpartition("@")
    if domain in {"gmail.com", "googlemail.com"}:
        address = f"{mailbox.partition('+')[0].replace('.', '')}@gmail.com"
    return "" if _NO_ADDRESS.search(address) or "." not in domain else address


def is_shared_mailbox(address: str) -> bool:
    """Whether an address is by its name an office's, not a person's."""
    return address.partition("@")[0] in _ROLES
