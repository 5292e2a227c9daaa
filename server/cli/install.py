"""`leadbridge install` and `leadbridge uninstall`: LeadBridge in the hosts of this machine."""

from __future__ import annotations

import base64
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from subprocess import list2cmdline
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import typer

from leadbridge.server.cli.shared import Sandbox, agreed, flag, wrong_use
from leadbridge.server.config.env_file import PREFIX
from leadbridge.server.config.pasted import unwrapped
from leadbridge.server.config.paths import SETTINGS_FILE, fill_in, own_folder
from leadbridge.server.spelling import meant

if TYPE_CHECKING:
    from leadbridge.server.install.change import Change
    from leadbridge.server.install.entry import Json, Launch
    from leadbridge.server.install.hosts import Host

WHICH_HOST = (
    "HOST is one or more of claude-desktop, claude-code, cursor, vscode, vscode-insiders, codex, windsurf, zed, "
    "gemini-cli, goose and lm-studio; without one, those found here."
)
Hosts = Annotated[list[str] | None, typer.Argument(metavar="HOST", hidden=True)]
"""Explained by `WHICH_HOST` below the options: among the arguments, typer would show its type in Python's words."""
Home = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Another home folder than yours, such as one that is prepared for somebody."),
]
System = Annotated[
    Literal["linux", "macos", "windows"] | None, typer.Option(help="The system of --home, if it is not this one.")
]
Yes = Annotated[bool, flag("--yes", "Change without asking.")]
DryRun = Annotated[bool, flag("--dry-run", "Show what would change, and change nothing.")]
Scope = Annotated[
    Literal["user", "project"], typer.Option(help="For all your projects, or for the project in this folder only.")
]


def install(
    hosts: Hosts = None,
    *,
    sandbox: Sandbox = False,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file of settings that the server reads.")
    ] = None,
    scope: Scope = "user",
    home: Home = None,
    system: System = None,
    dry_run: DryRun = False,
    show: Annotated[bool, flag("--print", "Print the entry and the links, and change nothing.")] = False,
    yes: Yes = False,
) -> bool:
    """Add LeadBridge to the programs that you talk to an assistant in."""
    from leadbridge.server.config.settings import KEY_SOURCES
    from leadbridge.server.install.change import adding
    from leadbridge.server.install.entry import launch

    if sandbox and env_file is not None:
        wrong_use("--sandbox needs no settings: leave --env-file out, or --sandbox")
    arguments = ["serve", *(["--sandbox"] if sandbox else [])]
    if env_file is not None:
        if not env_file.is_file():
            wrong_use(f"--env-file {env_file}: there is no such file")
        arguments += ["--env-file", str(env_file.absolute())]
    variables = {} if sandbox else _settings_of_this_shell(env_file)
    if not (sandbox or env_file or {*variables} & KEY_SOURCES):
        typer.echo(
            "LeadBridge has no key here. leadbridge setup asks for your keys and keeps them safely. Or put each key "
            "into a file that only you can read, and name it, as in "
            "LEADBRIDGE_ROOFLINK_API_KEY_FILE=/path/to/rooflink.key leadbridge install. To try it first: --sandbox.",
            err=True,
        )
        if not show:
            raise typer.Exit(2)
    start = launch(arguments, variables)
    chosen = chosen_hosts(hosts, scope, home, system)
    if show:
        for host_id, host, file in chosen:
            _print_entry(host_id, host, file, start)
        return True
    return _change_all(chosen, "add", lambda host, file: adding(file, host, start), yes=yes, dry_run=dry_run)


def uninstall(
    hosts: Hosts = None,
    *,
    scope: Scope = "user",
    home: Home = None,
    system: System = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take LeadBridge out of the programs again."""
    from leadbridge.server.install.change import removing

    chosen = chosen_hosts(hosts, scope, home, system)
    _change_all(chosen, "remove", lambda host, file: removing(file, host), yes=yes, dry_run=dry_run)
    if not (dry_run or home):
        _say_what_stays()


def _say_what_stays() -> None:
    """Where keys, settings and the state are, which no host's configuration contains."""
    for what, folder in (("keys and settings", own_folder("config")), ("record of writes", own_folder("state"))):
        if folder.is_dir():
            typer.echo(f"What stays: your {what}, in {folder}. To remove that, delete the folder.")
    settings = own_folder("config") / SETTINGS_FILE
    if settings.is_file() and f"{PREFIX}KEYCHAIN=" in settings.read_text("utf-8", errors="replace"):
        typer.echo(f"Keys in the system's keychain stay there too, under the name that {settings} says.")


def _settings_of_this_shell(env_file: Path | None) -> dict[str, str]:
    """What the host gets too: every setting but secrets, for which its configuration is no place.

    What the command line says instead is not among them: `--sandbox`, and `--env-file` if it is given.
    """
    from leadbridge.server.config.settings import KEYS, PATHS, Settings

    said = {"sandbox", "env_file"} if env_file is not None else {"sandbox"}
    given = {name.upper(): value for name, value in os.environ.items() if value}
    variables: dict[str, str] = {}
    for name in (name for name in Settings.model_fields if name not in said):
        variable = f"{PREFIX}{name.upper()}"
        value = given.get(variable, "")
        if name in KEYS or (name == "state_url" and "@" in value):
            if value:
                instead = f"put it into a file that only you can read, and name that with {variable}_FILE"
                typer.echo(f"{variable} is a secret and is not passed on: {instead}.", err=True)
        elif value and name in PATHS:
            try:
                variables[variable] = str(Path(fill_in(unwrapped(value))).absolute())
            except ValueError as error:
                wrong_use(f"{variable}: {error}")
        elif value:
            variables[variable] = value
    return variables


def chosen_hosts(
    names: list[str] | None, scope: str, home: Path | None, system: Literal["linux", "macos", "windows"] | None
) -> list[tuple[str, Host, Path]]:
    """The hosts that are meant, each with the file to change."""
    from leadbridge.server.install.hosts import Machine, known_hosts

    if system is not None and home is None:
        wrong_use("--system is the system of --home: give --home too, or leave it out")
    if home is not None and not home.is_dir():
        wrong_use(f"--home {home}: there is no such folder")
    try:
        known, machine = known_hosts(), Machine.of(home, system)
    except RuntimeError:
        wrong_use("this user has no home folder: set HOME to one, or name one with --home")
    for name in names or ():
        if name not in known:
            wrong_use(
                f"{name} is not a host that LeadBridge knows{meant(name, known)}; choose from: {', '.join(known)}"
            )
        if scope == "project" and not known[name].project:
            wrong_use(f"{known[name].title} has no configuration for a single project: leave --scope out")
    if scope == "project":
        found = [name for name in known if known[name].project and (Path.cwd() / known[name].project).exists()]
    else:
        found = [name for name in known if machine.has(known[name])]
    if not (names or found):
        wrong_use(f"no host was found here; name one of: {', '.join(known)}")
    return [
        (
            name,
            known[name],
            Path.cwd() / known[name].project if scope == "project" else machine.configuration(known[name]),
        )
        for name in dict.fromkeys(names or found)
    ]


def _change_all(
    chosen: list[tuple[str, Host, Path]],
    verb: Literal["add", "remove"],
    change_of: Callable[[Host, Path], Change],
    *,
    yes: bool,
    dry_run: bool,
) -> bool:
    """Each change is shown, asked about and carried out by itself; one that fails does not stop the next.

    What is returned is whether the person said no to none of them.
    """
    from leadbridge.server.install.configuration import UnreadableConfigurationError

    all_done = all_wanted = True
    for _, host, file in chosen:
        try:
            change = change_of(host, file)
            if not change.needed:
                typer.echo(f"{host.title}: LeadBridge is {'there already' if verb == 'add' else 'not there'} ({file}).")
                continue
            typer.echo(f"{host.title}:\n{change.diff()}")
            if dry_run:
                continue
            if not (yes or _agreed(f"Change {change.file}?")):
                typer.echo(f"{host.title}: nothing was changed.")
                all_wanted = False
                continue
            change = change_of(host, file)  # the host may have written meanwhile
            change.carry_out()
        except (UnreadableConfigurationError, OSError) as error:
            unwritten = isinstance(error, OSError)
            why = f"could not be written: {error.strerror}" if unwritten else f"was left as it is: {error}"
            typer.echo(f"{host.title}: {file} {why}", err=True)
            all_done = False
        else:
            typer.echo(f"{host.title}: {_done(verb, change, host)}")
    if dry_run:
        typer.echo("This was a dry run: every file is as it was.")
    if not all_done:
        raise typer.Exit(1)
    return all_wanted


def _done(verb: str, change: Change, host: Host) -> str:
    if verb == "add":
        kept = change.backup is not None and change.old is not None
        return f"LeadBridge was added.{f' The file as it was is {change.backup}.' if kept else ''} {host.next}"
    return f"LeadBridge was removed{'; the file is as it was before' if change.restores else ''}. Restart {host.title}."


def command_line(words: list[str]) -> str:
    """What to type in a terminal of this system."""
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _agreed(question: str) -> bool:
    """A person's answer. Without anybody to ask, to have named the command is the answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        line = sys.stdin.readline() if sys.stdin is not None else ""
        return line.strip().lower() in {"", "y", "yes"}
    return agreed(question, default=True)


def _print_entry(host_id: str, host: Host, file: Path, start: Launch) -> None:
    from leadbridge.server.install.configuration import with_entry

    entry = start.entry(host.form)
    typer.echo(f"{host.title}, {file}:\n{with_entry('', host, entry)}", nl=False)
    for way in other_ways(host_id, entry):
        typer.echo(f"Or: {way}")
    typer.echo("")


def other_ways(host_id: str, entry: Mapping[str, Json]) -> Iterator[str]:
    """The host's own command, or a link to open, where it has one."""
    compact = json.dumps(entry, separators=(",", ":"))
    if host_id == "claude-code":
        yield command_line(["claude", "mcp", "add-json", "--scope", "user", "leadbridge", compact])
    elif host_id == "cursor":
        config = quote(base64.b64encode(compact.encode()).decode(), safe="")
        yield f"cursor://anysphere.cursor-deeplink/mcp/install?name=leadbridge&config={config}"
    elif host_id.startswith("vscode"):
        named = json.dumps({"name": "leadbridge", **entry}, separators=(",", ":"))
        yield command_line([host_id.removeprefix("vs"), "--add-mcp", named])
        yield f"{host_id}:mcp/install?{quote(named, safe='')}"
