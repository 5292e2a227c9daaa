"""Log lines: to stderr, because stdout belongs to the protocol. None delays an answer; none shows what is secret.

A host may read no stderr, and then its pipe is full after 64 kB: a thread writes, and what it cannot write in time is
dropped and counted. Other packages log whole requests and answers below WARNING, so `LEADBRIDGE_LOG_LEVEL` is for
LeadBridge's own lines.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, cast

from leadbridge.server.redaction import Redactor

OWN = "leadbridge"
"""The logger of LeadBridge's own lines: no argument's value, no text of a service."""

MOST_LINES = 1_000
"""That wait for stderr to be read."""

LONGEST = 16_000
MOST_FRAMES = 25
MOST_TRACEBACKS = 200

_STDERR = 2
_LAST_WORDS = 0.5
"""Seconds that the end of the process waits for lines to be written."""

_BY_FORM = re.compile(
    r"\b[0-9a-f]{32}\b"  # a session's id: who has it can answer that session's questions
    r"|\blb1\.[\w-]+(?:\.[\w-]+)*"  # an approval token
    r"|(?<=input_value=).*?(?=, input_type=)",  # pydantic quotes what was wrong
    re.DOTALL,
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class _Formatter(logging.Formatter):
    """Strikes out what must not be read, and writes each traceback once."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = Redactor(secrets)
        self._written: set[str] = set()

    def format(self, record: logging.LogRecord) -> str:
        text = _BY_FORM.sub("***", self._redactor.text(super().format(record)))
        return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text):,} characters)"

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the name of logging's own
        if ei[1] is None:
            return ""
        chain = list(_chain(ei[1]))
        where = "".join(frames for frames, _ in chain)
        if where in self._written:
            return f"  (the same traceback as before) {chain[-1][1]}"
        if len(self._written) >= MOST_TRACEBACKS:
            self._written.clear()
        self._written.add(where)
        return "\n".join(f"Traceback (most recent call last):\n{frames}{what}" for frames, what in chain)


def _chain(error: BaseException) -> Iterator[tuple[str, str]]:
    """Each exception from the first cause to the last, as its frames and what it says."""
    frames = "".join(traceback.format_tb(error.__traceback__, limit=-MOST_FRAMES))
    said = _QUOTED.sub("'***'", str(error))  # what an error quotes may be a customer's
    last = (frames, f"{type(error).__qualname__}: {said}")
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _chain(earlier)
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _chain(inner)
    yield last


class _Stderr(logging.Handler):
    """Hands each line to a thread, which alone ever waits for stderr."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: queue.Queue[str] = queue.Queue(MOST_LINES)
        self._counting = threading.Lock()
        self._lost = 0
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001  # a line that cannot be made must not end the work that it is about
            line = f"{record.levelname} {record.name}: this line could not be written ({type(error).__name__})"
        self.say(line)

    def say(self, line: str) -> None:
        """Write a line as soon as stderr takes it."""
        with self._counting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="stderr", daemon=True)
                self._thread.start()
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            with self._counting:
                self._lost += 1

    def flush(self) -> None:
        """Wait a moment for what is left. Python calls it at the end of the process."""
        until = time.monotonic() + _LAST_WORDS
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _write_on(self) -> None:
        while True:
            _write(self._lines.get())
            if self._lost and self._lines.empty():
                with self._counting:
                    lost, self._lost = self._lost, 0
                _write(f"leadbridge: {lost} log lines were lost, because nobody read stderr")
            self._lines.task_done()


def _write(line: str) -> None:
    """Not through `sys.stderr`: the interpreter could not end while a thread waits inside of it."""
    left = f"{line}\n".encode(errors="backslashreplace")
    while left:
        try:
            left = left[os.write(_STDERR, left) :]
        except BlockingIOError:  # a host may hand down a pipe that does not wait
            time.sleep(0.05)
        except OSError:
            return  # nobody can read it any more


_handler: _Stderr | None = None


def set_up(level: str, secrets: Iterable[str]) -> None:
    """Send the log of this process to stderr: from `level` on what LeadBridge says, from WARNING on what others say."""
    global _handler  # noqa: PLW0603  # a process has one stderr
    _handler = _Stderr() if sys.stderr else None
    handler = _handler or logging.NullHandler()
    handler.setFormatter(_Formatter(secrets))
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), handlers=[handler], force=True
    )
    logging.getLogger(OWN).setLevel(level)
    logging.captureWarnings(capture=True)


def say(line: str) -> None:
    """Write a line to stderr at any level, after `set_up`."""
    if _handler is not None:
        _handler.say(line)
