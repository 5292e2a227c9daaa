"""`leadbridge contract`: what is sent to the services, and what their documentation says of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from leadbridge.server.cli.shared import EnvFile, answer_to, failed, flag, one_of, settings_without_key, wrong_use
from leadbridge.server.errors import LeadBridgeError
from leadbridge.server.text import clean

if TYPE_CHECKING:
    from leadbridge.server.catalog import Catalog
    from leadbridge.server.config.settings import Settings
    from leadbridge.server.contract.check import Checked


MCP = "https://developers.rooflink.com/mcp"
LLMS = "https://docs.renovationfind.com/llms.txt"
MOST_CHOICES = 9
"""Documented names to choose from by number; another one can be typed."""

contract_app = typer.Typer(help="What is sent to the services, and where that is known from.", no_args_is_help=True)


@contract_app.command("show")
def contract_show(
    *,
    unverified: Annotated[bool, flag("--unverified", "Only what no page documents.")] = False,
    as_json: Annotated[bool, flag("--json", "As JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show each operation with its method, path, field names and sources, and what you changed."""
    from leadbridge.server.contract import show

    catalog = _catalog(settings_without_key(env_file))
    render = show.as_json if as_json else show.as_text
    typer.echo(render(catalog, unverified=unverified))


@contract_app.command("check")
def contract_check(
    *,
    service: Annotated[
        str,
        typer.Option(
            help="Whose documentation: rooflink, renovationfind or both.",
            metavar="SERVICE",
            parser=one_of("rooflink", "renovationfind", "both"),
        ),
    ] = "both",
    openapi: Annotated[
        str, typer.Option(metavar="FILE|URL", help="Read this instead: OpenAPI or a Postman collection.")
    ] = "",
    mcp: Annotated[str, typer.Option(metavar="URL", help="RoofLink's documentation server.")] = MCP,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=NAME", help="A documented name of an argument: create_lead.first_name=first"
        ),
    ] = None,
    llms: Annotated[str, typer.Option(metavar="URL", help="RenovationFind's documentation index.")] = LLMS,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the corrections of what differs.")] = None,
    overwrite: Annotated[bool, flag("--overwrite", "Replace the file of --write.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Compare what is sent with the services' own documentation. No key is used, and no service is called."""
    from leadbridge.server.contract import check

    settings = settings_without_key(env_file)
    catalog = _catalog(settings)
    checked = anyio.run(
        lambda: check.check(catalog, settings, service=service, mcp_url=mcp, llms_url=llms, openapi=openapi)
    )
    try:
        for given in names or ():
            checked.choose_name(given)
    except LeadBridgeError as error:
        wrong_use(str(error))
    for line in check.lines_of(checked):
        typer.echo(line)
    if sys.stdin.isatty() and sys.stdout.isatty():
        _ask(checked)
    if checked.corrected:
        text = check.contract_text(catalog, checked.corrected)
        typer.echo(f"\nWhat corrects it:\n\n{text}")
        if write is None:
            typer.echo("Nothing was written; --write FILE writes it.")
        else:
            try:
                check.write(text, write, overwrite=overwrite)
            except LeadBridgeError as error:
                failed(str(error))
            typer.echo(f"Written to {write}. Set LEADBRIDGE_CONTRACT_FILE={write.resolve()}")
    elif write is not None:
        typer.echo(f"No differences found; {write} was not written.")
    if checked.failures:
        raise typer.Exit(1)


def _ask(checked: Checked) -> None:
    """Which documented name each argument has whose own is not documented; an empty answer leaves it open."""
    for one, argument, left in checked.questions():
        choices = left[:MOST_CHOICES]
        typer.echo(f"\n{one.operation.id}: {argument} is not documented. Documented, and sent by no argument:")
        for number, name in enumerate(choices, 1):
            typer.echo(f"  {number}  {clean(name, limit=60)}")
        answer = answer_to(f"Which of them is {argument}? (empty: none)").strip()
        chosen = choices[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(choices) else answer
        if chosen:
            try:
                checked.choose_name(f"{one.operation.id}.{argument}={chosen}")
            except LeadBridgeError as error:
                typer.echo(f"Not taken: {error}")


def _catalog(settings: Settings) -> Catalog:
    """The catalog with the user's corrections."""
    try:
        from leadbridge.server.catalog import load

        return load(settings.contract_file)
    except LeadBridgeError as error:
        wrong_use(str(error))
