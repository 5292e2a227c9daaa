"""Whether the text of a lead names somebody else than the lead does."""

from __future__ import annotations

import re

from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.text import LABEL_LIMIT, clean

_WORD = r"[A-Z\u00C0-\u00DE][\w'\u2019.-]*"
_NAMED = re.compile(
    rf"(?i:\b(?:my name is|name\s*:|contact(?: person)?\s*:|homeowner\s*:|owner\s*:|ask for|call me|regards,))\s*"
    rf"({_WORD}(?: {_WORD}){{0,3}})"
    rf"|(?i:\b(?:this is|i am|i['\u2019]m))\s+({_WORD}(?: {_WORD}){{1,3}})"
)
_NAME_ALONE = re.compile(rf"{_WORD}(?: {_WORD}){{1,3}}")
LONGEST = 4_000
"""Characters of each text that are looked at."""


def other_name_in_text(lead: Lead) -> str:
    """The first name in the lead's texts that is not the lead's, or nothing.

    A text names somebody where it says so ("Name: ...", "my name is ...", "ask for ...") or where the customer
    information begins with a line that is a name.
    """
    about = clean(lead.customerInformationHtml, limit=LONGEST, lines=True)
    others = (clean(text, limit=LONGEST, lines=True) for text in (lead.projectDetailsHtml, lead.originalJobDescription))
    first = about.partition("\n")[0].strip()
    named = [first] if _NAME_ALONE.fullmatch(first) else []
    named += [one or other for text in (about, *others) for one, other in _NAMED.findall(text)]
    if not named or not lead.customerName:
        return ""
    from leadbridge.server.matching.compare import Likeness  # patterns and tables of names: not at start
    from leadbridge.server.matching.names import compare_names, name_of

    ours = name_of(clean(lead.customerName, limit=LABEL_LIMIT))
    found = (name.rstrip(" .") for name in named)
    return next((name for name in found if compare_names(ours, name_of(name)) is Likeness.OTHER), "")
