"""A command as a user who has nothing: no rights, and no home folder but the one that a test gives."""

from __future__ import annotations

import os

NUMBER = 10001
"""The user of the image; on a test machine, nobody has it."""


def as_nobody(command: list[str]) -> list[str]:
    """The command as that user, if we may; else as we are. It may read all: the interpreter may be root's."""
    if os.geteuid() != 0:
        return command
    held = [f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", *held, "--", *command]
