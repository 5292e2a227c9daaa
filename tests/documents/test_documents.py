"""What the documents show is what happens: outputs, commands, options, configurations, links."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from leadbridge.server.catalog import load
from leadbridge.server.cli.main import app
from leadbridge.server.config.settings import Settings
from leadbridge.server.sandbox.options import choices_from
from tests.cases import CASES
from tests.documents.examples import (
    DOCUMENTS,
    EXAMPLES,
    LANGUAGES,
    ROOT,
    as_it_is_now,
    blocks,
    commands,
    example_of,
    same,
)
from tests.process.processes import COMMAND
from tests.support import PATIENCE

SETTINGS = {f"LEADBRIDGE_{name.upper()}" for name in Settings.model_fields}
COMPOSE = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text("utf-8")))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
OTHERS = {
    "claude": {"--env", "--transport", "--scope"},  # of `claude mcp add --help`
    "code": {"--add-mcp"},  # of `code --help`
    "docker": {"-t", "--build"},
    "git": set[str](),
    "install": {"-m"},
    "mkdir": {"-p"},
    "printf": set[str](),
    "python3": {"-m", "--python", "-e"},
    "sqlite3": set[str](),
    "umask": set[str](),
}
"""Programs of others that the documents call, with the options that their help names."""

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def leadbridge_takes(words: list[str]) -> None:
    """Read a command line as `leadbridge` would, without running it; what it does not take is an error."""
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "commands"):
        context = command.make_context(command.name, [], parent=context, resilient_parsing=True)
        found, command, rest = command.resolve_command(context, words)
        assert found, f"there is no command {words[0]}"
        words = rest
    command.make_context(command.name, words, parent=context)


@pytest.mark.slow
@every_document
def test_a_document_shows_what_comes_out(document: Path):
    text = document.read_text("utf-8")
    assert asyncio.run(as_it_is_now(text)) == text, "run python -m tests.documents.examples, and look at the difference"


def test_every_tool_has_its_example_with_the_call_of_its_row():
    text = EXAMPLES.read_text("utf-8")
    assert [case.name for case in CASES if example_of(case) not in text] == [], "run python -m tests.documents.examples"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [case.name for case in CASES]


@pytest.mark.parametrize(
    ("shown", "now", "fits"),
    [
        ("DONE: lead 812\n", "DONE: lead 812\n", True),
        ("DONE: lead 812\n", "DONE: lead 811\n", False),
        ("DONE\n...\n", "DONE\nmore\nand more\n", True),
        ("DONE\n...\nend\n", "DONE\nmore\n", False),
        ("...\n", "anything\n", False),
        ("", "anything\n", False),
        ("seen 2026-01-02 10:00 UTC, job 7000704\n", "seen 2030-03-04 23:59 UTC, job 7000999\n", True),
        ("token: lb1.abc...\n", "token: lb1.eyJvIjoicmVu.sWOKICa\n", True),
    ],
)
def test_an_output_may_differ_in_ids_and_dates_and_in_what_it_leaves_out_alone(shown, now, fits):
    assert same(shown, now) is fits


@every_document
def test_every_block_says_what_it_is(document: Path):
    text = document.read_text("utf-8")
    found = blocks(text)
    assert {block.language for block in found} <= LANGUAGES
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(found)


@every_document
def test_every_command_line_is_one_that_its_program_takes(document: Path):
    for words in commands(document.read_text("utf-8")):
        while words and "=" in words[0]:
            name = words.pop(0).partition("=")[0]
            assert name in SETTINGS | COMPOSE or name.islower()  # or the shell's own
        program = Path(words[0]).name if words else ""
        if program == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS
        elif program in {"leadbridge", "uvx"}:
            leadbridge_takes(words[words.index("leadbridge") + 1 :] if program == "uvx" else words[1:])
        elif program:
            mine, _, started = " ".join(words[1:]).partition(" -- ")
            assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", mine)) <= OTHERS[program]
            assert set(re.findall(r"LEADBRIDGE_\w+", mine)) <= SETTINGS
            if started:
                leadbridge_takes(started.split()[1:])


def test_a_command_line_with_an_option_that_is_not_there_is_found():
    with pytest.raises(Exception, match="No such option"):
        leadbridge_takes(["serve", "--sandpit"])
    with pytest.raises(Exception, match="no command served"):
        leadbridge_takes(["served"])


@every_document
def test_commands_options_and_settings_named_in_a_sentence_exist(document: Path):
    text = document.read_text("utf-8")
    for named in re.findall(r"`(?:\.venv/bin/)?leadbridge ([a-z][^`]*)`", text):
        command: Any = typer.main.get_command(app)
        for word in named.split():
            command = getattr(command, "commands", {}).get(word, command)
        assert command.name in named.split(), named
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", named)) <= {*options, "--help"}, named
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= TARGETS
    assert set(re.findall(r"LEADBRIDGE_[A-Z_]*[A-Z]\b(?!_)", text)) <= {*SETTINGS, *COMPOSE, "LEADBRIDGE_READONLY"}


def configured(value: Any) -> Iterator[dict[str, Any]]:
    """The servers of a host's configuration."""
    for servers in ("mcpServers", "servers"):
        yield from value.get(servers, {}).values()


@every_document
def test_every_json_block_is_a_host_s_configuration_or_options_of_the_sandbox(document: Path):
    for block in blocks(document.read_text("utf-8")):
        if block.language == "json":
            value = json.loads(block.body)
            servers = list(configured(value))
            for server in servers:
                arguments = server["args"]
                if server["command"] == "docker":
                    arguments = arguments[arguments.index("leadbridge") + 1 :]  # behind the image's name
                leadbridge_takes(arguments)
                assert set(server.get("env", {})) <= SETTINGS
            if not servers:
                choices_from(value)


@every_document
def test_every_toml_block_is_a_contract_file_that_is_taken(document: Path, tmp_path: Path):
    for number, block in enumerate(blocks(document.read_text("utf-8"))):
        if block.language == "toml":
            contract = tmp_path / f"{number}.toml"
            contract.write_text(block.body, "utf-8")
            load(contract)


@pytest.mark.slow
def test_the_client_of_your_own_accepts_a_lead():
    (program,) = [
        block.body for path in DOCUMENTS for block in blocks(path.read_text("utf-8")) if block.language == "python"
    ]
    started = ", ".join(repr(word) for word in COMMAND[1:])
    here = program.replace('"/path/to/leadbridge/.venv/bin/leadbridge", args=[', f"{COMMAND[0]!r}, args=[{started}, ")
    done = subprocess.run(
        [sys.executable, "-c", here], input="y\n", capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert "DONE: Lead 812 is accepted." in done.stdout, done.stderr


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_document
def test_every_link_inside_the_repository_leads_somewhere(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def listed(tree: str) -> Iterator[str]:
    """The paths of a `tree` block: each line's first words up to two blanks, below the folders above it."""
    above: list[tuple[int, str]] = []
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        above = [one for one in above if one[0] < indent]
        names, _, _ = line.strip().partition("  ")
        folders = [name for name in re.split(r"[ ,]+", names) if name.endswith("/")]
        for name in re.split(r"[ ,]+", names):
            yield "".join(folder for _, folder in above) + name
        above += [(indent, folders[0])] if folders else []


@every_document
def test_every_file_in_a_tree_is_there(document: Path):
    trees = [block.body for block in blocks(document.read_text("utf-8")) if block.language == "tree"]
    paths = [path for tree in trees for path in listed(tree)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@every_document
def test_every_file_named_in_a_sentence_is_there(document: Path):
    text = document.read_text("utf-8")
    named = re.findall(r"`((?:server|tools|prompts|tests|bench|scripts|docs|src|requirements)/[\w./-]*)`", text)
    assert [path for path in named if not (ROOT / path.replace("SERVICE", "rooflink")).exists()] == []


def test_the_readme_is_short_and_each_document_is_reached_from_it():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 160
    assert [path.name for path in DOCUMENTS[1:] if f"{path.name})" not in text] == []
