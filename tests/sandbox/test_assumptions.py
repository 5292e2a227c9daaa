from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import server.sandbox
from server.sandbox.assumptions import ASSUMPTIONS

MODULES = sorted(Path(server.sandbox.__file__).parent.glob("*.py"))


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


def test_the_sandbox_borrows_nothing_from_the_product():
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            name = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and name.partition(".")[0] in {"server", "tools"}:
                assert name.startswith("server.sandbox"), f"{module.name} imports {name}"
