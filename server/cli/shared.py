"""What every command shares: the option `--env-file`, settings without a key, and how a command fails."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from leadbridge.server.errors import LeadBridgeError
from leadbridge.server.spelling import meant

if TYPE_CHECKING:
    from leadbridge.server.config.settings import Settings

_LOOK_AGAIN = 0.2
"""Seconds."""


def flag(name: str, meaning: str) -> Any:
    """An option without a value, so that the help shows none."""
    return typer.Option(name, help=meaning, metavar="")


Sandbox = Annotated[bool, flag("--sandbox", "Run on simulated services; needs no key.")]
EnvFile = Annotated[
    str | None, typer.Option("--env-file", metavar="FILE", help="Read settings from this file; the environment wins.")
]


def settings_without_key(env_file: str | None) -> Settings:
    """Settings for a command that needs no key; wrong ones are exit code 2."""
    try:
        from leadbridge.server.config.settings import load_settings

        return load_settings(needs_key=False, env_file=env_file)
    except LeadBridgeError as error:
        wrong_use(str(error))


def one_of(*known: str) -> Callable[[str], str]:
    """Reads an option that takes one of a few words, in capitals or not."""

    def read(given: str) -> str:
        if given.lower() not in known:
            raise typer.BadParameter(f"must be {', '.join(known[:-1])} or {known[-1]}{meant(given, known)}")
        return given.lower()

    return read


@contextmanager
def waiting_for_a_line() -> Generator[None]:
    """Let Ctrl-C end the wait also if it comes in the instant before the wait begins, which Python notices after it.

    On Windows, Ctrl-C ends the wait by itself.
    """
    if sys.platform == "win32":
        yield
        return

    def look(_number: int, _frame: object) -> None:
        """Python looks for Ctrl-C before it waits on."""

    handler = signal.signal(signal.SIGALRM, look)
    timer = signal.setitimer(signal.ITIMER_REAL, _LOOK_AGAIN, _LOOK_AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def agreed(question: str, *, default: bool) -> bool:
    """The answer of a person at the terminal."""
    with waiting_for_a_line():
        return typer.confirm(question, default=default)


def answer_to(question: str, *, hidden: bool = False) -> str:
    """What a person at the terminal types; empty if they only press Enter."""
    with waiting_for_a_line():
        return typer.prompt(question, hide_input=hidden, default="", show_default=False)


def failed(text: str) -> NoReturn:
    """One line on stderr, and exit code 1."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(1)


def wrong_use(text: str) -> NoReturn:
    """One line on stderr, and exit code 2."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(2)
