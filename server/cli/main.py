"""`leadbridge` and its commands. Exit codes: 0 fine, 1 failed, 2 wrong use."""

from __future__ import annotations

import gc
import os
import sys
from copy import copy
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand
from typer.models import CommandInfo

from leadbridge.server import __version__
from leadbridge.server.cli.contract import contract_app
from leadbridge.server.cli.install import WHICH_HOST, install, uninstall
from leadbridge.server.cli.setup import setup
from leadbridge.server.cli.shared import EnvFile, Sandbox, failed, flag, wrong_use
from leadbridge.server.cli.state import company_app, history_app
from leadbridge.server.errors import LeadBridgeError

app = typer.Typer(
    name="leadbridge",
    help="An MCP server for a contractor's lead pipeline on RoofLink and RenovationFind.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (setup, install, uninstall):
    app.command(epilog=WHICH_HOST)(command)
app.add_typer(contract_app, name="contract")
app.add_typer(history_app, name="history")
app.add_typer(company_app, name="company")

HOST, PORT = "127.0.0.1", 8321
LARGEST_OPTIONS = 1_000_000
"""Bytes of a file of sandbox options."""


@app.callback(invoke_without_command=True)
def options(
    *,
    version: Annotated[bool, flag("--version", "Show the version and exit.")] = False,
    verbose: Annotated[
        bool, flag("--verbose", "With --version: also from where, and the hash of the tools' definitions.")
    ] = False,
) -> None:
    """Options that come before a command."""
    if verbose and not version:
        wrong_use("--verbose is for --version: give --version too, or leave it out")
    if verbose:
        from leadbridge.server.cli.version import lines

        typer.echo("\n".join(lines()))
    elif version:
        typer.echo(f"leadbridge {__version__}")
    if version:
        raise typer.Exit


@app.command()
def serve(
    *,
    sandbox: Sandbox = False,
    env_file: EnvFile = None,
    http: Annotated[bool, flag("--http", "Streamable HTTP instead of stdio.")] = False,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help=f"For --http: {HOST}, or another loopback address.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="PORT", help=f"For --http: {PORT}, or another port; 0 takes a free one."
        ),
    ] = None,
) -> None:
    """Run the MCP server, over stdio unless --http."""
    if not http and (host is not None or port is not None):
        wrong_use("--host and --port are for --http: give --http too, or leave them out")
    host = HOST if host is None else host
    port = PORT if port is None else port
    gc.disable()  # nothing that is imported is garbage: to look for it is a tenth of the start
    try:
        from leadbridge.server.config.loopback import is_loopback
        from leadbridge.server.config.settings import load_settings

        settings = load_settings(sandbox=sandbox, env_file=env_file)
        if http and not is_loopback(host):
            wrong_use(
                f"--host {host}: only loopback is served, because the server has no sign-in of its own; "
                "put an authenticating proxy in front"
            )
        from leadbridge.server.app import build_server
        from leadbridge.server.logs import say, set_up

        secrets = [settings.rooflink_api_key, settings.renovationfind_token]
        if settings.state_url is not None and "@" in settings.state_url.get_secret_value():
            secrets.append(settings.state_url)
        set_up(settings.log_level, [secret.get_secret_value() for secret in secrets if secret is not None])
        server = build_server(settings)
    except LeadBridgeError as error:
        wrong_use(str(error))
    for line in settings.warnings():
        say(f"leadbridge: {line}")
    from leadbridge.server.cli.serving import over_http, over_stdio

    gc.freeze()  # nor is it later: one look takes 70 ms, in which nobody is answered
    gc.enable()
    sys.setswitchinterval(0.001)  # of the threads that read large answers, none keeps the others waiting for longer
    if not http:
        over_stdio(server, settings)
        return
    try:
        over_http(server, settings, host, port)
    except OSError as error:
        failed(f"could not listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}")


@app.command()
def demo(
    *,
    yes: Annotated[bool, flag("--yes", "Answer every approval with yes.")] = False,
    tokens: Annotated[bool, flag("--tokens", "Play an assistant without forms, and use tokens.")] = False,
) -> None:
    """Take a lead from RenovationFind to a won job, on the sandbox, through a real MCP client."""
    from leadbridge.server.cli.demo import run

    raise typer.Exit(run(answer_yes=yes or not sys.stdin.isatty(), tokens=tokens))


@app.command()
def tools(
    *,
    markdown: Annotated[bool, flag("--markdown", "Print the table as Markdown.")] = False,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check that a file contains the current table.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the current table into a file, between its marks.")
    ] = None,
) -> None:
    """Show every tool with its effect, hints, approval, sources and cost in tokens."""
    from leadbridge.server.cli import tool_table

    try:
        if check is not None and not tool_table.is_current(check):
            failed(f"{check} is out of date: run leadbridge tools --write {check}")
        if write is not None:
            tool_table.write_into(write)
    except LeadBridgeError as error:
        failed(str(error))
    if markdown:
        typer.echo(tool_table.markdown())
    elif check is None and write is None:
        tool_table.show()


@app.command()
def doctor(
    *,
    sandbox: Sandbox = False,
    live: Annotated[bool, flag("--live", "Also read from the services with the keys; never writes.")] = False,
    as_json: Annotated[bool, flag("--json", "Findings as JSON.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Check settings, keys, clock, state store and contract, and with --live the services too. It never writes."""
    from leadbridge.server.doctor.checks import examine
    from leadbridge.server.doctor.findings import show

    raise typer.Exit(show(examine(sandbox=sandbox, live=live, env_file=env_file), as_json=as_json))


class SandboxCommand(TyperCommand):
    """Its help names options and faults, which are read when they are asked for."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        from rich.table import Table

        from leadbridge.server.sandbox.index import as_help
        from leadbridge.server.terminal import terminal

        super().format_help(ctx, formatter)
        console = terminal(width=100)
        for title, lines in as_help().items():
            table = Table.grid(padding=(0, 2))
            for name, meaning in lines.items():
                table.add_row(name, meaning)
            console.print(f"{title}:", style="bold")
            console.print(table, "")


@app.command("sandbox", cls=SandboxCommand)
def run_sandbox(
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Loopback address to listen on.")] = HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen on; 0 takes a free one.")
    ] = 8322,
    options: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Options as JSON, such as {"create_lead_path": "/light/leads/quick/"}.'),
    ] = None,
) -> None:
    """Run the simulated services as an HTTP server. Its page /_sandbox/ shows what happens and how to steer it."""
    import json

    from leadbridge.server.config.text_files import UnreadableFileError, read_text
    from leadbridge.server.sandbox import Sandbox as Simulator
    from leadbridge.server.sandbox.serve import run

    try:
        given: Any = json.loads(read_text(options, LARGEST_OPTIONS)) if options is not None else {}
        if not isinstance(given, dict):
            wrong_use(f"--options {options} must be a JSON object")
        run(Simulator.from_options(cast("dict[str, object]", given)), host, port)
    except UnreadableFileError as error:
        wrong_use(f"--options {options}: {error}")
    except json.JSONDecodeError as error:
        wrong_use(f"--options {options} is not valid JSON (line {error.lineno}, column {error.colno})")
    except (ValueError, TypeError, OSError, RecursionError) as error:
        wrong_use(str(error))


def _with_command(asked: list[str]) -> typer.Typer:
    """The app with the command that is asked for alone, if there is one: to make them all is a fiftieth of a start."""
    one = copy(app)
    one.registered_commands = [row for row in app.registered_commands if _name(row) in asked]
    one.registered_groups = [row for row in app.registered_groups if row.name in asked]
    return one if one.registered_commands or one.registered_groups else app


def _name(command: CommandInfo) -> str:
    return command.name or getattr(command.callback, "__name__", "")


def main() -> None:
    """The console script."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # whoever started it closed it; the file gets its number, the lowest free one
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe on Windows takes few characters; the rest is shown as ?
            stream.reconfigure(errors="replace")
    try:
        try:
            _with_command(sys.argv[1:2])()
        finally:
            sys.stdout.flush()
    except* BrokenPipeError:  # the reader of our output has gone, as with `| head`: end quietly, as other programs do
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
