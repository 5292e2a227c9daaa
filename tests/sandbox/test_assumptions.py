from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from leadbridge.server import sandbox as the_sandbox
from leadbridge.server.sandbox.assumptions import ASSUMPTIONS

MODULES = sorted(Path(the_sandbox.__file__).parent.glob("*.py"))


def test_each_assumption_is_named_where_the_code_acts_on_it_and_each_named_one_is_listed():
    named = {
        found for module in MODULES for found in re.findall(r"# assumption ([a-z0-9-]+)", module.read_text("utf-8"))
    }
    assert named == {assumption.id for assumption in ASSUMPTIONS}


def test_no_assumption_is_listed_twice():
    assert max(Counter(assumption.id for assumption in ASSUMPTIONS).values()) == 1


def test_each_assumption_says_what_and_why():
    for assumption in ASSUMPTIONS:
        assert re.search(r"\.$", assumption.what)
        assert re.search(r"\.$", assumption.why)
