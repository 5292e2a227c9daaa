"""Every promise in docs/promises.md names tests that hold it, and each of them is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.documents.examples import ROOT

PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")
PROMISES = {
    promise: re.findall(r"^  - `(.+)`$", below, re.MULTILINE)
    for promise, below in re.findall(r"^- \*\*(.+)\*\*\n((?:  - .*\n)*)", PAGE, re.MULTILINE)
}


def test_every_line_of_the_page_belongs_to_a_promise():
    assert sum(1 + len(tests) for tests in PROMISES.values()) == len(re.findall(r"^ *- ", PAGE, re.MULTILINE))


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_is_held_by_tests_that_are_there(promise: str):
    assert PROMISES[promise]
    for test in PROMISES[promise]:
        path, _, name = test.partition("::")
        module = ast.parse((ROOT / path).read_text("utf-8"))
        functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, test
