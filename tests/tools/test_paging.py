"""Texts that are too long page or are cut, and no row is left out on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.server.mcp.reply import LONGEST_TEXT, readable
from leadbridge.tools.lists import columns_for, cut_for


def _text(rows: Sequence[str]) -> str:
    return "\n".join(rows)


def _fit(rows: Sequence[str]) -> bool:
    return len(_text(rows)) <= LONGEST_TEXT - 300


def test_a_page_that_fits_is_not_cut() -> None:
    assert cut_for(["x" * 100] * 100, _fit, page=1, page_size=100) is None
    assert cut_for([], _fit, page=1, page_size=100) is None


@given(
    total=st.integers(1, 400),
    asked=st.integers(1, 100),
    page=st.integers(1, 5),
    length=st.integers(100, 2500),
    capped=st.none() | st.integers(1, 100),
)
def test_following_the_cut_pages_shows_every_row_once(
    total: int, asked: int, page: int, length: int, capped: int | None
) -> None:
    everything = [f"{number:05d}".ljust(length, ".") for number in range(total)]
    served = min(asked, capped or asked)
    start = (page - 1) * served
    seen: list[str] = []
    upcoming, size = page, asked
    for _ in range(2 * total + 2):
        used = min(size, capped or size)
        rows = everything[(upcoming - 1) * used : upcoming * used]
        if not rows:
            break
        cut = cut_for(rows, _fit, page=upcoming, page_size=size, first=(upcoming - 1) * used + 1)
        shown = rows[: cut.rows] if cut else rows
        assert len(_text(shown)) + len(cut.message if cut else "") <= LONGEST_TEXT
        seen += shown
        upcoming, size = (cut.next_page, cut.page_size) if cut else (upcoming + 1, size)
    assert seen == everything[start:]


@pytest.mark.parametrize("line", ["short line\n", "x" * 50_000, "a" * 15_000 + "\n" + "b" * 15_000])
def test_a_text_over_the_ceiling_keeps_its_beginning_and_its_end(line: str) -> None:
    text = "FIRST " + line * 5_000 + " LAST" if len(line) < 100 else f"FIRST {line} LAST"
    kept = readable(text)
    assert len(kept) <= LONGEST_TEXT
    assert kept.startswith("FIRST ")
    assert kept.endswith(" LAST")
    left_out = int(kept.split("\n[")[-1].split(" ")[0])
    assert left_out > 0
    assert readable("short") == "short"


def test_the_id_is_always_a_column() -> None:
    assert columns_for(None, ["id", "name"]) == ["id", "name"]
    assert columns_for(["phone", "id", "phone"], ["id", "name"]) == ["id", "phone"]
