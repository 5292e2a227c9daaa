"""The schemas that are kept in the package are those that the types make."""

from __future__ import annotations

from scripts.schemas import KEPT, current


def test_the_kept_schemas_fit_the_tools() -> None:
    assert KEPT.read_text("utf-8") == current(), "run `make schemas`"
