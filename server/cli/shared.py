"""What every command shares: the option `--env-file`, settings without a key, and how a command fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from leadbridge.server.errors import LeadBridgeError
from leadbridge.server.spelling import meant

if TYPE_CHECKING:
    from leadbridge.server.config.settings import Settings

EnvFile = Annotated[str | None, typer.Option("--env-file", help="Read settings from this file; the environment wins.")]


def settings_without_key(env_file: str | None) -> Settings:
    """Settings for a command that needs no key; wrong ones are exit code 2."""
    try:
        from leadbridge.server.config.settings import load_settings

        return load_settings(needs_key=False, env_file=env_file)
    except LeadBridgeError as error:
        wrong_use(str(error))


def one_of(*known: str) -> Callable[[str], str]:
    """Reads an option that takes one of a few words."""

    def read(given: str) -> str:
        if given not in known:
            raise typer.BadParameter(f"must be {', '.join(known[:-1])} or {known[-1]}{meant(given, known)}")
        return given

    return read


def failed(text: str) -> NoReturn:
    """One line on stderr, and exit code 1."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(1)


def wrong_use(text: str) -> NoReturn:
    """One line on stderr, and exit code 2."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(2)
