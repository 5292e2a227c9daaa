"""The result as a table in the terminal and in docs/benchmarks.md, with the machine and the date."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.peers import Setup
from bench.results import Row

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def header(setup: Setup, rows: Sequence[Row]) -> list[str]:
    """The columns' titles."""
    return ["measure", *(peer.name for peer in setup.peers), "budget", "LeadBridge"] if rows else []


def cells(setup: Setup, row: Row) -> list[str]:
    """One row of the table."""
    return [row.title, *(row.value(peer.name) for peer in setup.peers), str(row.budget or "-"), row.verdict]


def machine() -> str:
    """What the numbers were measured on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{os.cpu_count()} cores, {pages / 2**30:.0f} GiB of memory, {platform.system()} on {platform.machine()}, "
        f"Python {platform.python_version()}, mcp {version('mcp')}"
    )


def show(setup: Setup, rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table(title=machine(), title_justify="left")
    for number, title in enumerate(header(setup, rows)):
        table.add_column(title, justify="left" if number == 0 else "right")
    for row in rows:
        *values, verdict = cells(setup, row)
        color = {True: "green", False: "bold red", None: "dim"}[row.met]
        table.add_row(*values, f"[{color}]{verdict}[/]")
    console = Console(width=None if Console().is_terminal else 150)
    console.print(table)
    for note in setup.notes:
        console.print(note)


def write(setup: Setup, rows: Sequence[Row], path: Path) -> None:
    """Put the result between the marks of the page; one without marks is left alone.

    Raises:
        ValueError: the page has no marks.
    """
    text = path.read_text("utf-8")
    if BEGIN not in text or END not in text:
        message = f"{path.name} has no marks {BEGIN} and {END}"
        raise ValueError(message)
    before, after = text.split(BEGIN, 1)[0], text.split(END, 1)[1]
    titles = header(setup, rows)
    lines = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
        "",
        f"| {' | '.join(titles)} |",
        f"|---|{'---:|' * (len(titles) - 1)}",
        *(f"| {' | '.join(cells(setup, row))} |" for row in rows),
        *(f"\n{note}" for note in setup.notes),
    ]
    path.write_text("\n".join([before + BEGIN, *lines, END + after]), "utf-8")
