"""What the documents show, run on the sandbox: `python -m tests.documents.examples` writes what comes out now.

The language of a fenced block says what it is:

- `console`: lines that begin with `$ ` are commands that run here; what is below each is its output.
- `text asked` and `text answered`: what a person was asked by the call above it, and the text that the call returned.
  A call is a comment: `<!-- yes: TOOL {"argument": 1} -->`. `yes` and `no` are what the person answers in the form,
  `formless` is a client without forms. The argument value "TOKEN" is the token of the last answer.
  `<!-- fault: {"kind": "drop_after", "match": "POST accept"} -->` makes the next request fail.
  `<!-- tools: all -->` at the top: the services of `tests/cases.py`, and every tool.
- `sh`: commands that are not run, because they need a host, a network or real keys; their options are checked.
- `json`, `toml`, `python`: a host's configuration, a contract file, a program.
- `tree`: folders and files, each of which is there. `mermaid`: a drawing.

All calls of one document go to the same services, in the order of the document. A line `...` means any lines.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from leadbridge.server.sandbox.faults import Fault
from tests.cases import CASES, Case
from tests.process.processes import COMMAND
from tests.support import (
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    PATIENCE,
    Person,
    Time,
    call,
    connected,
    make_sandbox,
    text_of,
)

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
EXAMPLES = ROOT / "docs" / "examples.md"
NOW = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)
"""When the examples are played."""
MOST_LINES = 8
"""Of an answer in the examples; what is longer ends in `...`."""
LANGUAGES = {"console", "text asked", "text answered", "sh", "json", "toml", "python", "tree", "mermaid"}

_PARTS = re.compile(
    r"^ *<!-- (?P<action>yes|no|formless|fault|tools): (?P<what>.*?) -->$"
    r"|^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_MASKS = (
    (re.compile(r"\b(?:today|yesterday|\d{4}-\d\d-\d\d) \d\d:\d\d (?:[A-Z]{2,5}|[+-]\d\d(?:\d\d)?)\b"), "DATE"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z| UTC)?)?"), "DATE"),
    (re.compile(r"\blb1\.\S+"), "TOKEN"),
    (re.compile(r"\b\d{6,8}\b"), "ID"),
    (re.compile(r"\bwrite \d+"), "write N"),
    (re.compile(r"\b\d of 5 requests"), "N of 5 requests"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document."""

    language: str
    body: str


def blocks(text: str) -> list[Block]:
    """Every fenced block of a document, in order."""
    return [
        Block(part["language"].strip(), textwrap.dedent(part["body"]))
        for part in _PARTS.finditer(text)
        if part["language"] is not None
    ]


def same(shown: str, now: str) -> bool:
    """Whether a document shows what came out: ids, dates and tokens aside, and `...` for lines that are left out."""
    lines = _masked(shown).splitlines()
    if not set(lines) - {"..."}:
        return False
    wanted = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in lines)
    return re.fullmatch(wanted, _masked(now).rstrip("\n") + "\n") is not None


def _as_long_as(shown: str, now: str) -> str:
    """What came out; only its first lines and `...` where that was shown before."""
    lines, most = now.rstrip("\n").splitlines(), len(shown.splitlines()) - 1
    if shown.endswith("\n...\n") and len(lines) > most:
        lines = [*lines[:most], "..."]
    return re.sub(r"\b(lb1\.\S{16})\S+", r"\1...", "\n".join(lines)) + "\n"


def _masked(text: str) -> str:
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


class _Reader(Person):
    """Takes five seconds, on the server's clock, to read each question."""

    def __init__(self, clock: Time, *, confirm: bool) -> None:
        super().__init__(confirm=confirm)
        self._clock = clock

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self._clock.now += 5
        return await super().__call__(context, params)


class _Conversation:
    """The calls of one document, on services and a store of its own."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._time, self._clock = Time(), Time(time.time())
        self._sandbox = make_sandbox(self._time)
        self._clients: dict[str, tuple[Client, Person]] = {}
        self._token = ""
        self._settings: dict[str, Any] = {}
        self.folder = stack.enter_context(tempfile.TemporaryDirectory())
        self.shown = {"asked": "", "answered": ""}

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder}/leadbridge.db"

    async def act(self, action: str, what: str) -> None:
        """Make a call, or make the next request fail."""
        if action == "fault":
            self._sandbox.faults.add(Fault.from_options(json.loads(what)))
            return
        if action == "tools":
            self._clock.now, self._settings = NOW.timestamp(), EVERY_TOOL
            self._sandbox = make_sandbox(self._time, now=lambda: NOW, prospects=12, **EVERY_PATH_SERVED)
            return
        client, person = await self._client(action)
        tool, _, arguments = what.partition(" ")
        given = {name: self._token if value == "TOKEN" else value for name, value in json.loads(arguments).items()}
        result = await call(client, tool, **given)
        self.shown = {"asked": person.shown.pop() if person.shown else "", "answered": text_of(result)}
        self._token = (result.structured_content or {}).get("approval_token") or self._token

    async def _client(self, action: str) -> tuple[Client, Person]:
        if action not in self._clients:
            person = _Reader(self._clock, confirm=action == "yes")
            opened = connected(
                self._sandbox,
                person=None if action == "formless" else person,
                time=self._time,
                clock=self._clock,
                state_url=self.store,
                **self._settings,
            )
            self._clients[action] = await self._stack.enter_async_context(opened), person
        return self._clients[action]

    def output_of(self, command: str) -> str:
        """What a `leadbridge` command prints, with the sandbox and the store of this document."""
        program, *arguments = shlex.split(command)
        if Path(program).name != "leadbridge":
            msg = f"only leadbridge runs in a test, not {program}; show {command!r} in a block of `sh`"
            raise ValueError(msg)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("LEADBRIDGE_")}
        settings = {"LEADBRIDGE_SANDBOX": "true", "LEADBRIDGE_STATE_URL": self.store}
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=self.folder,
            env={**outside, **settings, "COLUMNS": "110"},
        )
        return done.stdout

    def console(self, body: str) -> str:
        """A block with what its commands print now; what is shown stays where it is the same."""
        lines: list[str] = []
        for part in re.split(r"^(?=\$ )", body, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            now = self.output_of(command.removeprefix("$ "))
            lines += [command, *(shown if same(shown, now) else now).splitlines()]
        return "\n".join(lines) + "\n"


async def as_it_is_now(text: str) -> str:
    """A document with the outputs that its commands and calls give now; without a change if it shows them."""
    new, end = "", 0
    async with AsyncExitStack() as stack:
        conversation = _Conversation(stack)
        for part in _PARTS.finditer(text):
            if part["action"]:
                await conversation.act(part["action"], part["what"])
                continue
            indent, language = part["indent"], part["language"].strip()
            body = textwrap.dedent(part["body"])
            if language == "console":
                body = await asyncio.to_thread(conversation.console, body)
            elif language in {"text asked", "text answered"}:
                now = conversation.shown[language.removeprefix("text ")]
                body = body if same(body, now) else _as_long_as(body, now)
            new += text[end : part.start("body")] + textwrap.indent(body, indent)
            end = part.end("body")
    return new + text[end:]


def commands(text: str) -> Iterator[list[str]]:
    """Every command of the `console` and `sh` blocks of a document, as words, without the comments behind it."""
    for block in blocks(text):
        if block.language in {"console", "sh"}:
            for line in block.body.replace("\\\n", " ").splitlines():
                shown = line.removeprefix("$ ")
                if block.language == "sh" or shown != line:
                    yield shlex.split(shown, comments=True)


def example_of(case: Case) -> str:
    """The beginning of a tool's example: what the user says, and the call."""
    call = json.dumps(case.arguments, ensure_ascii=False)
    said = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in case.arguments.items())
    return f"## {case.name}\n\n> {case.ask}\n\n<!-- yes: {case.name} {call} -->\n`{case.name}({said})`\n"


def write_missing_examples() -> None:
    """Write the example of each row of `tests/cases.py` that the page lacks, or shows with another call."""
    text = EXAMPLES.read_text("utf-8")
    head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    for case in CASES:
        start = example_of(case)
        if not any(section.startswith(start) for section in sections):
            sections = [one for one in sections if not one.startswith(f"## {case.name}\n")]
            asked = "\nThe user is asked:\n\n```text asked\n```\n" * case.asks
            answered = "\n```text answered\n" + "line\n" * MOST_LINES + "...\n```\n\n"
            sections.append(start + asked + answered)
    names = [case.name for case in CASES]
    kept = {name: one for one in sections if (name := one.partition("\n")[0].removeprefix("## ")) in names}
    EXAMPLES.write_text("".join([head, *(kept[name] for name in names)]).rstrip("\n") + "\n", "utf-8")


def main() -> int:
    """Write what comes out now into every document that shows something else."""
    write_missing_examples()
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        now = asyncio.run(as_it_is_now(text))
        if now != text:
            path.write_text(now, "utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}: outputs written anew\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
