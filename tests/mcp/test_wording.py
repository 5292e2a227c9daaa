"""What an error means for a call is said in one place, from its facts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mcp.types import TextContent

from leadbridge.server.errors import LeadBridgeError, Refused, StateError, Unavailable
from leadbridge.server.mcp.receipt import Change, WriteReceipt, receipt_result
from leadbridge.server.mcp.wording import before_sending, in_words, outcome_of

ROOT = Path(__file__).parents[2]
SAID_BY = {"wording.py", "receipts.py"}


def test_no_error_says_itself_that_nothing_was_sent():
    files = [file for folder in ("server", "tools") for file in (ROOT / folder).rglob("*.py")]
    texts = [
        (file.name, node.value)
        for file in files
        if file.name not in SAID_BY and "sandbox" not in file.parts
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [found for found in texts if found[1].startswith(("Nothing was sent", "Nothing was changed"))] == []


@pytest.mark.parametrize(
    ("error", "means", "of_a_step"),
    [
        (Refused("no_key", "there is no key."), "Nothing was sent: there", "This step sent nothing: there"),
        (Refused("file_changed", "it was changed.", sent=True), "It was changed.", "It was changed."),
        (Unavailable("It failed.", sent=False), "It failed. Nothing was sent.", "It failed. Nothing was sent."),
        (Unavailable("It failed."), "It failed. Nothing was changed.", "It failed. This step changed nothing."),
        (
            Unavailable("It failed.", may_have_taken_effect=True),
            "It failed. The request may or may not have taken effect.",
            "It failed. The request may or may not have taken effect.",
        ),
        (StateError("The disk is full."), "The disk is full. Nothing was sent.", "The disk is full. Nothing was sent."),
    ],
)
def test_what_an_error_means_follows_from_its_facts(error: LeadBridgeError, means: str, of_a_step: str):
    assert in_words(error).startswith(means)
    assert outcome_of(error, step=True).startswith(of_a_step)


def test_what_failed_before_a_write_left_says_that_nothing_of_it_was_sent():
    failed = Unavailable("RoofLink failed (500).")
    assert before_sending(failed, local=False, gated=False) == "Nothing was sent: RoofLink failed (500)."
    assert before_sending(failed, local=False, gated=True).startswith("Nothing was sent, and no approval was used: ")
    unknown = Refused("no_such_write", "there is no write 7 of this company.")
    assert before_sending(unknown, local=True, gated=True).startswith("Nothing was changed: there is no write 7")


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("7", "0", "Stories is now 0 (was 7)."),
        ("u", "a", "Stories is now a (was u)."),
        ("none", "pdate", "Stories: pdate (none before)"),
        ("Kim (id 5)", "Lee (id 6)", ""),
    ],
)
def test_a_change_is_left_out_only_where_the_first_line_says_both_values(before: str, after: str, line: str) -> None:
    """A value that is a part of another word there, or of a number, is not said by it."""
    summary = "Job 7000120 was updated, from Kim to Lee."
    change = Change(field="stories", before=before, after=after)
    receipt = WriteReceipt(outcome="done", operation="rooflink.update_job", summary=summary, changed=[change])
    (content,) = receipt_result(receipt, str).content
    assert isinstance(content, TextContent)
    assert content.text.splitlines() == [f"DONE: {summary}", *filter(None, [line])]
