"""`leadbridge demo`: the product's first minute. Every step is shown, every approval is a person's."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from mcp.types import CallToolResult, TextContent
from rich.console import Console
from typer.testing import CliRunner

from leadbridge.server.app import build_server
from leadbridge.server.cli import demo
from leadbridge.server.cli.main import app
from leadbridge.server.sandbox import Sandbox
from tests.process.processes import COMMAND
from tests.support import PATIENCE, make_sandbox, make_settings
from tests.texts import Texts

COMPLETE = "Demo complete: every step had the expected result."
SAID_NO = "You said no, so nothing was sent. That is what a no does."
STEPS = [
    "1. A lead comes in on RenovationFind: number 812.",
    "DONE: Lead 812 is handed off: it is prospect ",
    "Step 1, accept lead 812 on RenovationFind: done",
    "Step 2, create the prospect in RoofLink: done",
    "Step 3, note the link in RoofLink: done",
    "2. It is now a prospect in RoofLink",
    "3. The job makes progress",
    "4. The job is won for 18,500.",
    "5. Somebody tries to change the won lead, which must be refused.",
    "REFUSED: Nothing was sent: lead 812 is JOB_WON",
    "6. What was written, and under which approval:",
    COMPLETE,
    "Next:",
    "install --sandbox",
]


def in_order(text: str, parts: list[str]) -> None:
    """Every part is there, each after the one before."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is missing after {text[at - 200 : at]!r}"
        at = found


def shown_approvals(text: str) -> list[str]:
    """The boxes that ask for an approval, without their frames, each as one line."""
    boxes = text.split(" Your approval is needed ")[1:]
    return [
        " ".join(box.partition("╰")[0].replace("│", " ").replace("─", "").replace("╮", "").split()) for box in boxes
    ]


# As a user runs it


@pytest.mark.slow
def test_it_runs_anywhere_whatever_the_environment_and_the_folder_hold(tmp_path):
    (tmp_path / ".env").write_text("LEADBRIDGE_READ_ONLY=1\nLEADBRIDGE_APPROVALS=human\n", "utf-8")
    for name in ("server", "tools", "mcp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')", "utf-8")
    hostile = {"READ_ONLY": "1", "APPROVALS": "human", "TOOLSETS": "regions", "NO_SUCH_SETTING": "1"}
    environment = {**os.environ, **{f"LEADBRIDGE_{name}": value for name, value in hostile.items()}, "COLUMNS": "200"}
    done = subprocess.run(
        [*COMMAND, "demo", "--yes"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    in_order(done.stdout, STEPS)
    assert "Connected over stdio, protocol 2026-07-28" in done.stdout
    assert len(shown_approvals(done.stdout)) == 2
    assert {path.name for path in tmp_path.iterdir()} == {".env", "server", "tools", "mcp"}


@pytest.mark.slow
def test_with_tokens_and_without_a_terminal_it_answers_automatically_and_never_shows_a_token_argument():
    done = subprocess.run(
        [*COMMAND, "demo", "--tokens"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    in_order(done.stdout, STEPS)
    assert done.stdout.count("APPROVAL REQUIRED: The user has not been asked. Nothing was changed.") == 2
    assert done.stdout.count(", with the approval token") == 2
    assert len(shown_approvals(done.stdout)) == 2
    assert "approval_token='" not in done.stdout


def at_a_terminal(*answers: bytes) -> tuple[int, str]:
    """The exit code, and what a person sees who types these answers, each when a question is shown."""
    ours, theirs = pty.openpty()
    seen, left = b"", list(answers)
    with closing(os.fdopen(ours, "r+b", buffering=0)) as person:
        process = subprocess.Popen(
            [*COMMAND, "demo"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb", "COLUMNS": "80"},
            preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),  # for Ctrl-C  # noqa: PLW1509
        )
        try:
            os.close(theirs)
            with suppress(OSError):  # how Linux says that the other end is closed
                while chunk := person.read(65536):
                    seen += chunk
                    if left and seen.count(b"Approve? [y/n] (n)") > len(answers) - len(left):
                        person.write(left.pop(0))
            return process.wait(PATIENCE), seen.decode()
        finally:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_no_at_a_terminal_of_80_columns_ends_it_in_peace():
    code, seen = at_a_terminal(b"y\n", b"n\n")
    assert code == 0
    assert seen.splitlines()[-2:] == [SAID_NO, "The demo ends here; run it again to see the rest."]
    assert max(map(len, seen.splitlines())) <= 80


@pytest.mark.slow
def test_ctrl_c_at_a_question_ends_it_at_once_and_without_a_word():
    code, seen = at_a_terminal(b"\x03")
    assert code == 130
    assert seen.partition("Approve? [y/n] (n): ")[2].strip() == "^C"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["demo", "--yes"], ["tools"], ["tools", "--markdown"], ["doctor", "--sandbox"]])
def test_a_reader_who_leaves_ends_a_command_without_a_word(arguments):
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=writes,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(("arguments", "yes", "tokens"), [([], True, False), (["--yes", "--tokens"], True, True)])
def test_without_a_terminal_or_with_yes_nobody_is_waited_for(monkeypatch, arguments, yes, tokens):
    asked: dict[str, bool] = {}
    monkeypatch.setattr(demo, "run", lambda **options: asked.update(options) or 0)
    assert CliRunner().invoke(app, ["demo", *arguments]).exit_code == 0
    assert asked == {"answer_yes": yes, "tokens": tokens}


# In this process: the same client and the same story, on a server without a process of its own


@pytest.fixture
def services() -> Sandbox:
    return make_sandbox()


@pytest.fixture
def play(monkeypatch, services) -> Callable[..., tuple[int, str]]:
    """Run the demo before somebody who types `answers`; gives the exit code and all that is printed."""

    def run(*, tokens: bool = False, answers: str | None = None, **settings) -> tuple[int, str]:
        server = build_server(make_settings(**settings), sandbox=services)
        monkeypatch.setattr(demo, "server_process", lambda *_: server)
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers or ""))
        page = io.StringIO()
        code = demo.run(answer_yes=answers is None, tokens=tokens, console=Console(file=page, width=200))
        return code, page.getvalue()

    return run


@pytest.mark.parametrize("tokens", [False, True])
def test_what_a_person_sees_before_each_yes_is_what_is_done(play, services, texts: Texts, tokens: bool) -> None:
    code, shown = play(tokens=tokens, answers="y\ny\n")
    day = re.compile(r"(?<!protocol )\d{4}-\d\d-\d\d(T\d\d:\d\d)?")
    shown = day.sub(lambda found: "YYYY-MM-DDTHH:MM"[: len(found[0])], shown)
    shown = re.sub(r"today \d\d:\d\d", "today HH:MM", shown) + f"[exit code {code}]"
    name = f"demo{'_with_tokens' if tokens else ''}.txt"
    texts.check(Path(__file__).parent / "texts" / name, shown, {str(Path(sys.executable).parent): "$BIN"})
    assert len(services.writes) == 7


def test_answering_automatically_it_says_so(play):
    code, shown = play()
    assert code == 0
    assert shown.count("Approve? yes (answered by the demo)") == 2


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize(("answers", "writes"), [("n\n", 0), ("\n", 0), ("y\nn\n", 6)])
def test_a_no_sends_nothing_more_and_is_not_a_failure(play, services, tokens, answers, writes):
    code, shown = play(tokens=tokens, answers=answers)
    assert code == 0
    assert SAID_NO in shown
    assert COMPLETE not in shown
    assert len(services.writes) == writes


def test_an_answer_that_is_neither_yes_nor_no_is_asked_again(play):
    code, shown = play(answers="perhaps\ny\ny\n")
    assert code == 0
    assert "Please enter Y or N" in shown


def test_a_terminal_that_is_closed_at_a_question_is_not_a_yes(play, services):
    code, shown = play(answers="")
    assert code == 0
    assert SAID_NO in shown
    assert services.writes == []


def test_a_server_that_does_not_do_its_part_ends_it_with_1(play):
    code, shown = play(read_only=True)
    assert code == 1
    assert "The demo stopped: hand_off_lead came out as None, not done" in shown


def test_a_won_lead_that_could_be_changed_would_end_it_with_1(play, monkeypatch):
    real = demo.Client.call_tool

    async def careless(client, name, arguments):
        if arguments.get("status") == "JOB_LOST":
            return CallToolResult(
                content=[TextContent(type="text", text="[b]done[/b]")], structured_content={"outcome": "done"}
            )
        return await real(client, name, arguments)

    monkeypatch.setattr(demo.Client, "call_tool", careless)
    code, shown = play()
    assert code == 1
    assert "[b]done[/b]" in shown
    assert "The demo stopped: renovationfind_update_job_status came out as done, not refused" in shown
