"""The terminal as the commands write to it: what stands in a text is shown as it is, styles are given beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def terminal(width: int | None = None, *, soft_wrap: bool = False) -> Console:
    """A console that reads no markup and no `:emoji:` in a text, for customers' names and addresses may hold either.

    `width` in columns is for output that goes to a file or a pipe.
    """
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=soft_wrap)
    if width is not None and not console.is_terminal:
        console.width = width
    return console
