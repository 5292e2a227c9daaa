"""Questions at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.support import PATIENCE

BEFORE_THE_WAIT = """
import signal, threading
from leadbridge.server.cli.shared import agreed, answer_to

def interrupt():
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # as before the wait: what waits is not woken by it

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
threading.Timer(0.5, interrupt).start()
try:
    {question}
except BaseException as stopped:
    print(type(stopped).__name__)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    ["agreed('Go on?', default=True)", "answer_to('Which?')", "answer_to('The key', hidden=True)"],
)
def test_ctrl_c_that_comes_before_the_wait_for_an_answer_ends_it(question: str) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", BEFORE_THE_WAIT.format(question=question)],
            stdin=theirs,
            capture_output=True,
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout.decode().split()[-1] in {"Abort", "KeyboardInterrupt"}, done.stderr
