"""`leadbridge` and its commands. Exit codes: 0 fine, 1 failed, 2 wrong use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import anyio
import typer

from server.errors import LeadBridgeError

if TYPE_CHECKING:
    from server.catalog import Catalog
    from server.settings import Settings
    from server.tooling.context import Deck

app = typer.Typer(
    name="leadbridge",
    help="An MCP server for a contractor's lead pipeline on RoofLink and RenovationFind.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NO_STORE = "Nothing was written yet: there is no state store ({store})."
LARGEST_OPTIONS = 1_000_000
"""Bytes of a file of sandbox options."""

EnvFile = Annotated[str | None, typer.Option("--env-file", help="Read settings from this file; the environment wins.")]
Sandbox = Annotated[bool, typer.Option("--sandbox", help="Run on simulated services; needs no key.")]


@app.command()
def serve(
    *,
    sandbox: Sandbox = False,
    env_file: EnvFile = None,
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP instead of stdio.")] = False,
    host: Annotated[str | None, typer.Option(help="Address for --http; loopback only. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port for --http. [default: 8321]")] = None,
) -> None:
    """Run the MCP server, over stdio unless --http."""
    if not http and (host is not None or port is not None):
        _wrong_use("--host and --port are for --http: give --http too, or leave them out")
    host = "127.0.0.1" if host is None else host
    port = 8321 if port is None else port
    try:
        from server.loopback import is_loopback
        from server.settings import load_settings

        settings = load_settings(sandbox=sandbox, env_file=env_file)
        if http and not is_loopback(host):
            _wrong_use(
                f"--host {host}: only loopback is served, because the server has no sign-in of its own; "
                "put an authenticating proxy in front"
            )
        from server.app import build_server
        from server.logs import say, set_up

        secrets = (settings.rooflink_api_key, settings.renovationfind_token, settings.state_url)
        set_up(settings.log_level, [secret.get_secret_value() for secret in secrets if secret is not None])
        server = build_server(settings)
    except LeadBridgeError as error:
        _wrong_use(str(error))
    for line in settings.warnings():
        say(f"leadbridge: {line}")
    from server.serving import over_http, over_stdio

    if not http:
        over_stdio(server, settings)
        return
    try:
        over_http(server, settings, host, port)
    except OSError as error:
        _failed(f"could not listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}")


@app.command()
def demo(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every approval with yes.")] = False,
    tokens: Annotated[bool, typer.Option("--tokens", help="Be a client that cannot ask, and use tokens.")] = False,
) -> None:
    """Take a lead from RenovationFind to a won job, on the sandbox, through a real MCP client."""
    from server.demo import run

    raise typer.Exit(run(answer_yes=yes or not sys.stdin.isatty(), tokens=tokens))


@app.command()
def tools(
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the README's table.")] = False,
    check: Annotated[Path | None, typer.Option(help="Check that a file holds the current table.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the current table into a file, between its marks.")] = None,
) -> None:
    """Show every tool with its operation, effect, hints, gate, provenance and token cost."""
    from server import tool_table

    try:
        if check is not None and not tool_table.is_current(check):
            _failed(f"{check} is out of date: run leadbridge tools --write {check}")
        if write is not None:
            tool_table.write_into(write)
    except LeadBridgeError as error:
        _failed(str(error))
    if markdown:
        typer.echo(tool_table.markdown())
    elif check is None and write is None:
        tool_table.show()


@app.command()
def doctor(
    *,
    sandbox: Sandbox = False,
    live: Annotated[
        bool, typer.Option("--live", help="Also read from the services with the keys; never a write.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Check settings, keys, clock, state store and contract; with --live the services too. Never a write."""
    from server.doctor import examine
    from server.findings import show

    raise typer.Exit(show(examine(sandbox=sandbox, live=live, env_file=env_file), as_json=as_json))


class WriteState(StrEnum):
    """States of a write, as `write_history` names them."""

    INTENDED = "intended"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ServiceChoice(StrEnum):
    """Whose documentation is read."""

    ROOFLINK = "rooflink"
    RENOVATIONFIND = "renovationfind"
    BOTH = "both"


contract_app = typer.Typer(help="What is sent to the services, and where that is known from.", no_args_is_help=True)
app.add_typer(contract_app, name="contract")


@contract_app.command("show")
def contract_show(
    *,
    unverified: Annotated[bool, typer.Option("--unverified", help="Only what no page documents.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show each operation with method, path, names on the wire, provenance and source, and what you changed."""
    from server.contract import show

    catalog = _catalog(_settings_without_key(env_file))
    render = show.as_json if as_json else show.as_text
    typer.echo(render(catalog, unverified=unverified))


@contract_app.command("check")
def contract_check(
    *,
    service: Annotated[ServiceChoice, typer.Option(help="Whose documentation.")] = ServiceChoice.BOTH,
    openapi: Annotated[str, typer.Option(help="An OpenAPI file or URL (JSON or YAML), instead of the sources.")] = "",
    mcp: Annotated[str, typer.Option(help="RoofLink's documentation server.")] = "https://developers.rooflink.com/mcp",
    llms: Annotated[
        str, typer.Option(help="RenovationFind's documentation index.")
    ] = "https://docs.renovationfind.com/llms.txt",
    write: Annotated[Path | None, typer.Option(help="Write the corrections that settle what differs.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --write.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Compare what is sent with the services' own documentation. No key is used, and no service is called."""
    from server.contract import check

    settings = _settings_without_key(env_file)
    catalog = _catalog(settings)
    checked = anyio.run(
        lambda: check.check(catalog, settings, service=service.value, mcp_url=mcp, llms_url=llms, openapi=openapi)
    )
    for line in check.lines_of(checked):
        typer.echo(line)
    if checked.settled:
        text = check.written_text(catalog, checked)
        typer.echo(f"\nWhat settles it:\n\n{text}")
        if write is None:
            typer.echo("Nothing was written; --write FILE writes it.")
        else:
            try:
                check.write(text, write, overwrite=overwrite)
            except LeadBridgeError as error:
                _failed(str(error))
            typer.echo(f"Written to {write}. Set LEADBRIDGE_CONTRACT_FILE={write.resolve()}")
    elif write is not None:
        typer.echo(f"There is nothing to settle: {write} was not written.")
    if checked.failures:
        raise typer.Exit(1)


def _settings_without_key(env_file: str | None) -> Settings:
    try:
        from server.settings import load_settings

        return load_settings(needs_key=False, env_file=env_file)
    except LeadBridgeError as error:
        _wrong_use(str(error))


def _catalog(settings: Settings) -> Catalog:
    """The catalog with the user's corrections."""
    try:
        from server.catalog import load

        return load(settings.contract_file)
    except LeadBridgeError as error:
        _wrong_use(str(error))


history_app = typer.Typer(help="What was written, and whether its audit trail holds.", no_args_is_help=True)
app.add_typer(history_app, name="history")


@history_app.command("list")
def history_list(
    *,
    state: Annotated[WriteState | None, typer.Option(help="Only writes in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    env_file: EnvFile = None,
) -> None:
    """Show the newest writes, the unresolved first."""
    from server.history import show

    def work(deck: Deck) -> int:
        return anyio.run(show, deck, state.value if state else "", limit)

    raise typer.Exit(_on_store(env_file, work, none_yet=NO_STORE))


@history_app.command("verify")
def history_verify(*, env_file: EnvFile = None) -> None:
    """Walk the audit trail; exit code 1 and the position where it is broken."""
    from server.history import verify

    raise typer.Exit(_on_store(env_file, verify, none_yet=NO_STORE))


@history_app.command("export")
def history_export(*, env_file: EnvFile = None) -> None:
    """Print the audit trail as JSON Lines."""
    from server.history import export

    raise typer.Exit(_on_store(env_file, export, none_yet=""))


company_app = typer.Typer(help="Whose keys these are, and whose history.", no_args_is_help=True)
app.add_typer(company_app, name="company")


@company_app.command("accept")
def company_accept(*, env_file: EnvFile = None) -> None:
    """Say that the configured keys are those of the configured company (LEADBRIDGE_COMPANY)."""

    def work(deck: Deck) -> int:
        from server.guard.company_records import accept

        told = anyio.run(accept, deck.company)
        if not told:
            _wrong_use("no key is set, so there is none to accept")
        typer.echo("\n".join(told))
        return 0

    raise typer.Exit(_on_store(env_file, work))


@company_app.command("rename")
def company_rename(
    old: Annotated[str, typer.Argument(help="Its name until now.")], *, env_file: EnvFile = None
) -> None:
    """Give a company the name in LEADBRIDGE_COMPANY; end its servers first."""

    def work(deck: Deck) -> int:
        from server.guard.company_records import rename

        anyio.run(rename, deck.company, old)
        typer.echo(f"Company {old} is company {deck.company.name} now. Set LEADBRIDGE_COMPANY in all its servers.")
        return 0

    raise typer.Exit(_on_store(env_file, work))


def _on_store(env_file: str | None, work: Callable[[Deck], int], *, none_yet: str | None = None) -> int:
    """Run `work` on the configured store, for which no key is needed; one that cannot be used is exit code 1.

    `none_yet`: printed where there is no store, which is not made then.
    """
    try:
        from server.app import build_deck

        deck = build_deck(_settings_without_key(env_file), needs_key=False)
    except LeadBridgeError as error:
        _wrong_use(str(error))
    try:
        if none_yet is not None:
            if not deck.store.is_made():
                typer.echo(none_yet.format(store=deck.store.description), nl=bool(none_yet))
                return 0
            deck.store.check()
        return work(deck)
    except LeadBridgeError as error:
        _failed(str(error))
    finally:
        deck.store.close()


@app.command("sandbox")
def run_sandbox(
    *,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8322,
    options: Annotated[
        Path | None, typer.Option(help='A JSON file of options, such as {"create_lead_path": "/light/leads/quick/"}.')
    ] = None,
) -> None:
    """Run the simulated services as a real HTTP server."""
    import json

    from server.sandbox import Sandbox as Simulator
    from server.sandbox.serve import run
    from server.text_files import UnreadableFileError, read_text

    try:
        given: dict[str, object] = json.loads(read_text(options, LARGEST_OPTIONS)) if options is not None else {}
        run(Simulator.from_options(given), host, port)
    except UnreadableFileError as error:
        _wrong_use(f"--options {options}: {error}")
    except (ValueError, TypeError, OSError, RecursionError) as error:
        _wrong_use(str(error))


def _failed(text: str) -> NoReturn:
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(1)


def _wrong_use(text: str) -> NoReturn:
    typer.echo(f"leadbridge: {text}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
