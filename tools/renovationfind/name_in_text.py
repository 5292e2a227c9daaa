"""Whether the text of a lead names somebody else than the lead does."""

from __future__ import annotations

import re

from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.text import LABEL_LIMIT, clean

_WORD = r"[A-Z\u00C0-\u00DE][\w'\u2019.-]*"
_NAMED = re.compile(rf"(?i:\b(?:my name is|name\s*:))\s*({_WORD}(?: {_WORD}){{0,3}})")
_PERHAPS = re.compile(
    rf"(?i:\b(?:contact(?: person)?\s*:|(?:home)?owner\s*:|ask for|regards,|this is|i am|i['\u2019]m))\s*"
    rf"({_WORD}(?: {_WORD}){{0,3}})"
)
"""What is a name only if it begins with a given name: an owner may also be "Yes", and this "Urgent"."""
_NAME_ALONE = re.compile(rf"^{_WORD}(?: {_WORD}){{1,3}}$")
LONGEST = 4_000
"""Characters of each text that are looked at."""


def other_name_in_text(lead: Lead) -> str:
    """The first name in the lead's texts that is not the lead's, or nothing.

    A text names somebody where it says so ("Name: ...", "ask for ..."), or where the customer information begins with a
    line that is a name.
    """
    about = clean(lead.customerInformationHtml, limit=LONGEST, lines=True)
    others = (clean(text, limit=LONGEST, lines=True) for text in (lead.projectDetailsHtml, lead.originalJobDescription))
    texts = [about, *others]
    first = _NAME_ALONE.findall(about.partition("\n")[0].strip())
    perhaps = [*first, *(name for text in texts for name in _PERHAPS.findall(text))]
    named = [name for text in texts for name in _NAMED.findall(text)]
    if not (named or perhaps) or not lead.customerName:
        return ""
    # Patterns and tables of names: not at start.
    from leadbridge.server.matching.names import Likeness, compare_names, is_given_name, name_of

    ours = name_of(clean(lead.customerName, limit=LABEL_LIMIT))
    found = [*named, *(name for name in perhaps if is_given_name(name.split()[0]))]
    others_named = (name.rstrip(" .") for name in found)
    return next((name for name in others_named if compare_names(ours, name_of(name)) is Likeness.OTHER), "")
