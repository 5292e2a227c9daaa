"""What the sandbox assumes is listed, and what is listed is what it assumes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

SANDBOX = Path(__file__).parent.parent.parent / "server" / "sandbox"
ASSUMPTIONS = tomllib.loads((SANDBOX / "assumptions.toml").read_text("utf-8"))


def test_each_assumption_is_named_where_the_code_acts_on_it_and_each_named_one_is_listed():
    named = {
        found
        for module in SANDBOX.glob("*.py")
        for found in re.findall(r"# assumption ([a-z0-9-]+)", module.read_text("utf-8"))
    }
    assert named == set(ASSUMPTIONS)
