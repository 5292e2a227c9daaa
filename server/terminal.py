"""The terminal as the commands write to it: a text is shown as it is, styles are given beside it."""

from __future__ import annotations

import os

from rich.console import Console


class _Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leave what it means to the command: rich would raise SystemExit, also out of the middle of a task group."""
        raise  # noqa: PLE0704  # rich calls this while it handles the BrokenPipeError


def terminal(width: int | None = None, *, soft_wrap: bool = False) -> Console:
    """A console that reads no markup and no `:emoji:` in a text, for customers' names and addresses may hold either.

    `width` in columns is for output that goes to a file or a pipe, where COLUMNS says nothing else.
    """
    console = _Terminal(markup=False, emoji=False, highlight=False, soft_wrap=soft_wrap)
    if width is not None and not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = width
    return console
