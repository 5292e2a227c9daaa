"""Each page lists what there is: prompts, resources, commands, toolsets, approval modes and outcomes."""

from __future__ import annotations

import re
from typing import Any, get_args

import typer

from leadbridge.server.cli.main import app
from leadbridge.server.config.settings import ApprovalMode
from leadbridge.server.mcp.receipt import Outcome
from leadbridge.server.mcp.toolsets import DEFAULT, OPT_IN
from tests.documents.examples import ROOT
from tests.support import connected, make_sandbox


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def first_cells(text: str, heading: str) -> set[str]:
    """The code in the first column of the tables below a heading."""
    section = re.split(r"^## ", text.partition(f"## {heading}\n")[2], flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


async def test_the_page_of_prompts_has_each_prompt_with_its_arguments_and_each_resource():
    text = page("prompts.md")
    async with connected(make_sandbox()) as client:
        for prompt in (await client.list_prompts()).prompts:
            section = text.partition(f"## {prompt.name}\n")[2].partition("\n## ")[0]
            assert section, prompt.name
            assert [one.name for one in prompt.arguments or () if f"`{one.name}`" not in section] == []
        resources = {str(one.uri) for one in (await client.list_resources()).resources}
        templates = {one.uri_template for one in (await client.list_resource_templates()).resource_templates}
    assert first_cells(text, "Resources") == resources | templates


def test_the_page_of_operations_has_each_command():
    def paths(command: Any, name: str) -> set[str]:
        below = getattr(command, "commands", None)
        return {name} if below is None else {path for key, one in below.items() for path in paths(one, f"{name} {key}")}

    section = page("operations.md").partition("## Commands\n")[2].partition("\n## ")[0]
    commands = paths(typer.main.get_command(app), "leadbridge")
    assert [command for command in commands if f"`{command}" not in section] == []


def test_the_page_of_settings_has_each_toolset_where_it_belongs():
    section = page("settings.md").partition("## Toolsets\n")[2]
    on, off = re.findall(r"(?:On|Off) by default: (.+?)\.", section)
    assert set(re.findall(r"`([\w-]+)`", on)) == set(DEFAULT)
    assert set(re.findall(r"`([\w-]+)`", off)) == set(OPT_IN)


def test_the_page_of_approvals_has_each_mode_and_each_outcome():
    text = page("approvals.md")
    assert first_cells(text, "How you are asked") == set(get_args(ApprovalMode))
    assert first_cells(text, "Outcomes") == set(get_args(Outcome))


def test_the_reasons_of_the_page_of_approvals_are_those_of_the_code():
    section = page("approvals.md").partition("## When there was no yes\n")[2].partition("\n## ")[0]
    code = "".join(path.read_text("utf-8") for path in (ROOT / "server").rglob("*.py"))
    reasons = {
        one for row in re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE) for one in re.findall(r"`(\w+)`", row)
    }
    assert len(reasons) == 14
    assert [reason for reason in reasons if f'"{reason.removeprefix("token_")}"' not in code] == []
