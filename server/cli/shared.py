"""What every command shares: the option `--env-file`, settings without a key, and how a command fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from leadbridge.server.errors import LeadBridgeError

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


def failed(text: str) -> NoReturn:
    """One line on stderr, and exit code 1."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(1)


def wrong_use(text: str) -> NoReturn:
    """One line on stderr, and exit code 2."""
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(2)
