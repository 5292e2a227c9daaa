"""What somebody meant who wrote a name or a value that there is not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_BETWEEN = re.compile("[-_ ]")


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The known one that was probably meant: in camel case, in the plural, without its first word, with a slip."""
    names = {_BETWEEN.sub("", name).casefold(): name for name in known}
    wanted = _BETWEEN.sub("", given).casefold()
    ends = [name for short, name in names.items() if len(wanted) > 1 and short.endswith(wanted)]
    if len(ends) == 1:
        return ends[0]
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    return names[near[0]] if near else None


def meant(given: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?`, to be put behind what is wrong; empty if nothing comes near."""
    near = nearest(given, known)
    return f"; did you mean {near}?" if near else ""


def allowed_values(expected: str) -> list[str]:
    """The values in pydantic's list of them, such as `'auto', 'token' or 'off'`."""
    return re.findall(r"'([^']*)'", expected)
