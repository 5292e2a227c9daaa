"""Log lines: all to stderr, never a key, a customer's data or a session's id, and never in anybody's way."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import BaseModel, ValidationError

from leadbridge.server import logs
from tests.process.processes import eventually

KEY = "4f1c9e0a7d2b8c3f6e5a"
SESSION = "0123456789abcdef0123456789abcdef"
OWN = logging.getLogger("leadbridge")
OTHERS = (
    "httpx",
    "httpcore.http11",
    "httpx2",
    "mcp.server.streamable_http",
    "sse_starlette.sse",
    "uvicorn.access",
    "uvicorn.error",
    "sqlalchemy.engine.Engine",
    "asyncio",
    "a.package.nobody.thought.of",
)


class Said:
    """What has come out of stderr."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def __call__(self) -> str:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return self._captured.readouterr().err


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[Said]:
    yield Said(capfd)
    logging.captureWarnings(capture=False)
    OWN.setLevel(logging.NOTSET)


def test_a_record_is_one_line_with_its_time_level_and_name(said):
    logs.set_up("INFO", [])
    OWN.info("ready for %s", "work")
    line = said()
    assert line.endswith(" INFO leadbridge: ready for work\n")
    assert line.count("\n") == 1


def test_what_is_below_the_level_is_not_said(said):
    logs.set_up("WARNING", [])
    OWN.info("quiet")
    assert said() == ""


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("name", OTHERS)
def test_at_no_level_do_other_packages_say_what_they_send_and_get(said, level, name):
    logs.set_up(level, [])
    for below in (logging.DEBUG, logging.INFO):
        logging.getLogger(name).log(below, "Dana Kestrel, 512-555-0142")
    assert said() == ""


def test_a_failure_of_another_package_is_said(said):
    logs.set_up("WARNING", [])
    logging.getLogger("a.package").error("it broke")
    assert said().endswith("it broke\n")


def test_a_key_is_struck_out_of_message_arguments_and_names(said):
    logs.set_up("DEBUG", [KEY])
    OWN.getChild(KEY).debug("%s and %r in {%s}", KEY, {"X-API-KEY": KEY}, f"Bearer {KEY}")
    line = said()
    assert KEY not in line
    assert line.count("***") == 4


def test_a_session_s_id_and_an_approval_token_are_struck_out(said):
    logs.set_up("WARNING", [])
    logging.getLogger("mcp").error("Session %s crashed, token lb1.eyJvIjoi_-.x9-Z", SESSION)
    assert said().endswith("Session *** crashed, token ***\n")


def refuse() -> None:
    try:
        int(KEY)
    except ValueError as error:
        raise RuntimeError(f"sent {KEY}") from error


def test_a_key_is_struck_out_of_tracebacks_causes_and_stacks(said):
    logs.set_up("ERROR", [KEY])
    try:
        refuse()
    except RuntimeError:
        OWN.exception("failed with %s", KEY, stack_info=True)
    text = said()
    assert KEY not in text
    assert "ValueError: invalid literal for int() with base 10: '***'" in text
    assert "RuntimeError: sent ***" in text


class Amount(BaseModel):
    amount: int


@pytest.mark.parametrize("customer", ["Dana Kestrel", "O'Brien", 'Dana "Dee" Kestrel', "line\nbreak"])
def test_what_an_error_quotes_of_a_customer_is_not_said(said, customer):
    logs.set_up("WARNING", [])
    for wrong in (lambda: int(customer), lambda: Amount.model_validate({"amount": customer}), lambda: {}[customer]):
        try:
            wrong()
        except (ValueError, ValidationError, KeyError):
            OWN.exception("failed")
    text = said()
    assert text.count("Traceback") == 3
    assert not any(word in text for word in ("Dana", "Brien", "break"))


def test_every_secret_is_struck_out_whole_though_one_begins_like_another(said):
    logs.set_up("ERROR", [KEY[:8], KEY, "another-key"])
    OWN.error("%s another-key", KEY)
    assert said().endswith(": *** ***\n")


def test_an_empty_secret_strikes_out_nothing(said):
    logs.set_up("ERROR", ["", KEY])
    OWN.error("plain")
    assert said().endswith(": plain\n")


def test_setting_up_again_replaces_what_was_set_up_before(said):
    logs.set_up("ERROR", [KEY])
    logs.set_up("ERROR", ["other"])
    OWN.error("once")
    assert said().count("once") == 1


def test_the_same_traceback_is_written_once_and_another_whole(said):
    logs.set_up("ERROR", [])
    for number in range(3):
        try:
            {}[number]
        except KeyError:
            OWN.exception("call %d", number)
    try:
        refuse()
    except RuntimeError:
        OWN.exception("another")
    text = said()
    assert all(f"call {number}" in text for number in range(3))
    assert text.count("the same traceback as before") == 2
    assert text.count("{}[number]") == 1
    assert "RuntimeError: sent" in text


def test_the_inner_failures_of_a_group_are_written(said):
    logs.set_up("ERROR", [])
    group = ExceptionGroup("unhandled", [OSError(28, "No space left on device")])
    OWN.error("failed", exc_info=group)
    assert "OSError: [Errno 28] No space left on device" in said()


def test_a_line_that_cannot_be_made_ends_nothing_and_is_named(said):
    logs.set_up("ERROR", [])
    OWN.error("%d", "no number")
    assert "ERROR leadbridge: this line could not be written (TypeError)" in said()


def test_a_very_long_line_is_cut(said):
    logs.set_up("ERROR", [])
    OWN.error("x" * 1_000_000)
    assert len(said()) < 20_000


def test_what_nobody_reads_is_dropped_and_counted(monkeypatch):
    """A thousand lines wait, and the rest is counted. Then somebody reads, and learns how many are lost."""
    ours, theirs = os.pipe()
    monkeypatch.setattr(logs, "_STDERR", theirs)
    logs.set_up("ERROR", [])
    with closing(os.fdopen(ours, "rb")) as reader:
        for number in range(3_000):
            OWN.error("%d %s", number, "x" * 200)
        os.set_blocking(ours, False)
        read = bytearray()

        def logged() -> bool:
            read.extend(reader.read() or b"")
            return b"log lines were lost" in read

        eventually(logged)
        lines = read.decode().splitlines()
    kept = [line for line in lines if line.endswith("x")]
    lost = next(int(line.split()[1]) for line in lines if "lost" in line)
    assert lost > 0
    assert len(kept) == 3_000 - lost
    os.close(theirs)


def test_without_a_stderr_nothing_is_written_anywhere(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stderr", None)
    logs.set_up("ERROR", [])
    OWN.error("nobody there")
    logs.say("nor here")
    monkeypatch.undo()
    assert capfd.readouterr().err == ""
