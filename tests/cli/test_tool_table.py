"""The table of tools, for the terminal and docs/tools.md."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from leadbridge.server.app import tool_specs
from leadbridge.server.catalog import load
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.cli import tool_table
from leadbridge.server.errors import CatalogError

PAGE = Path(__file__).parents[2] / "docs" / "tools.md"


def test_every_operation_and_every_tool_is_in_it_once():
    operations, others = tool_table.rows()
    assert [operation.id for operation, _ in operations] == [operation.id for operation in load()]
    local = [spec.name for spec in others]
    named = [*(spec.name for _, spec in operations if spec), *local]
    assert set(named) == {spec.name for spec in tool_specs()}
    across = ["hand_off_lead", "find_matching_prospects", "pipeline_snapshot"]
    assert local == [*across, *(spec.name for spec in tool_specs() if not spec.operations)]
    own = {spec.name: len(spec.operations) for spec in tool_specs() if spec.operations and spec.name not in across}
    assert Counter(named) == {spec.name: own.get(spec.name, 1) for spec in tool_specs()}


def test_the_page_of_tools_holds_the_current_table():
    assert tool_table.is_current(PAGE)


def test_writing_keeps_all_that_is_around_the_marks_and_changes_nothing_the_second_time(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"Größe\n{tool_table.BEGIN} old {tool_table.END} tail\n{tool_table.END}\n", "utf-8")
    assert not tool_table.is_current(path)
    tool_table.write_into(path)
    once = path.read_text("utf-8")
    assert tool_table.is_current(path)
    assert once.startswith(f"Größe\n{tool_table.BEGIN}\n")
    assert once.endswith(f"\n{tool_table.END} tail\n{tool_table.END}\n")
    tool_table.write_into(path)
    assert path.read_text("utf-8") == once


@pytest.mark.parametrize("content", ["", tool_table.BEGIN, tool_table.END, f"{tool_table.END} {tool_table.BEGIN}"])
def test_a_file_without_both_marks_in_their_order_is_refused(tmp_path, content):
    path = tmp_path / "page.md"
    path.write_text(content, "utf-8")
    for use in (tool_table.is_current, tool_table.write_into):
        with pytest.raises(CatalogError, match="has no marks"):
            use(path)
    assert path.read_text("utf-8") == content


def test_a_file_that_cannot_be_read_is_reported_by_its_name(tmp_path):
    with pytest.raises(CatalogError, match=r"none\.md: No such file"):
        tool_table.is_current(tmp_path / "none.md")


def test_definitions_fit_the_budget():
    counts = tool_table.token_counts()
    assert counts is not None
    assert set(counts) == {spec.name for spec in tool_specs()}
    assert sum(counts[spec.name] for spec in tool_table.default_tools()) <= 6500
    assert all(load()[row].path for spec in tool_table.default_tools() for row in spec.operations)
    for spec in tool_specs():
        definition = tool_table.definition(spec)
        assert len(definition["description"]) <= 1024
        assert len(definition["annotations"]) == 4


def test_the_terminal_shows_each_tool_with_its_effect_hints_and_tokens(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    tool_table.show()
    shown = capsys.readouterr().out
    counts = tool_table.token_counts() or {}
    for spec in tool_specs():
        (line,) = [line for line in shown.splitlines() if f" {spec.name} " in line]
        _, _, effect, hints, _, tokens, _ = (cell.strip() for cell in re.split("[│┃]", line))
        assert effect == spec.effect.value
        assert ("read-only" in hints) is (spec.effect is Effect.READ)
        assert ("destructive" in hints) is (spec.effect is Effect.IRREVERSIBLE)
        assert ("open world" in hints) is not spec.local
        assert tokens == str(counts[spec.name])
    for effect in Effect:
        assert f"{effect.value}: approval: {effect.gate}" in shown
    assert f"all: {sum(counts.values())}." in shown


def test_without_the_tokenizer_it_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "quicktok", None)
    assert tool_table.token_counts() is None
    tool_table.show()
    shown = capsys.readouterr().out
    assert "install leadbridge[tokens]" in shown
    assert "?" in shown
