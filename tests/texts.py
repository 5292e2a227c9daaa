"""Every text that a user reads, recorded whole beside its test, so that a change of wording is seen in review.

`pytest tests/tools/test_texts.py tests/cli/test_texts.py --update-texts` writes the files again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

_MASKS = (
    (re.compile(r"\blb1\.\S+"), "lb1.TOKEN"),
    (re.compile(r"[0-9a-f]{32,}"), "HEX"),
    (re.compile(r"\d+ MB free"), "N MB free"),
    (re.compile(r"clock: [-\d]+ [:\d]+"), "clock: NOW"),
    (re.compile(r"(?m)[ \t]+$"), ""),
)


class Texts:
    """Compares what is shown with what is recorded, or records it."""

    def __init__(self, *, update: bool) -> None:
        self._update = update

    def check(self, file: Path, shown: str, names: Mapping[str, str] | None = None) -> None:
        """Compare with a file; `names` stand for what differs from one machine to the next, such as a folder."""
        for value, name in (names or {}).items():
            shown = shown.replace(value, name)
        for pattern, name in _MASKS:
            shown = pattern.sub(name, shown)
        shown = shown.rstrip("\n") + "\n"
        if self._update and (not file.exists() or file.read_text("utf-8") != shown):
            file.parent.mkdir(exist_ok=True)
            file.write_text(shown, "utf-8")
        assert file.exists(), f"{file.name} is not recorded: run it with --update-texts"
        assert shown == file.read_text("utf-8")


@pytest.fixture
def texts(request: pytest.FixtureRequest) -> Texts:
    """The recorded texts."""
    return Texts(update=bool(request.config.getoption("--update-texts")))
