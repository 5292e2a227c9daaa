"""`leadbridge setup`: from the keys to an assistant that has LeadBridge, in steps that can each be left for later."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from leadbridge.server.cli.contract import LLMS, MCP, contract_check
from leadbridge.server.cli.install import Hosts, chosen_hosts, command_line, install
from leadbridge.server.cli.shared import agreed, answer_to, failed, flag, one_of, settings_without_key, wrong_use
from leadbridge.server.config.env_file import PREFIX, with_settings
from leadbridge.server.config.keychain import KeychainError, name_of_keychain, store_key
from leadbridge.server.config.pasted import key_in
from leadbridge.server.config.paths import SETTINGS_FILE, fill_in, own_folder
from leadbridge.server.errors import LeadBridgeError

if TYPE_CHECKING:
    from leadbridge.server.config.settings import Settings
    from leadbridge.server.doctor.findings import Finding

STEPS = ("keys", "contract", "live", "install")
ENTRY = "leadbridge"
"""The name in the keychain, unless LEADBRIDGE_KEYCHAIN says another."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a person is asked for."""

    setting: str
    service: str
    title: str
    where: str
    file: str

    @property
    def variable(self) -> str:
        """The variable of the environment that holds it; with `_FILE`, the one that names its file."""
        return f"{PREFIX}{self.setting.upper()}"


ASKED = (
    Key("rooflink_api_key", "rooflink", "RoofLink API key", "RoofLink, Company Settings > API Keys", "rooflink.key"),
    Key("renovationfind_token", "renovationfind", "RenovationFind token", "the Manager Portal", "renovationfind.token"),
)


def setup(
    hosts: Hosts = None,
    *,
    store: Annotated[
        Literal["keychain", "files"] | None,
        typer.Option(help="Where keys are kept. Without it: the system's keychain if there is one, else files."),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP", help=f"Leave out a step: {', '.join(STEPS)}. Repeat for more.", parser=one_of(*STEPS)
        ),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file of settings to write; leadbridge.env in your settings without it."),
    ] = None,
    yes: Annotated[bool, flag("--yes", "Answer every question with yes; keys are still asked for.")] = False,
) -> None:
    """Ask for your keys, keep them safely, check that they work, and connect your assistants. Each step can wait."""
    skipped = {*(skip or ())}
    try:
        file = Path(fill_in(str(env_file))).absolute() if env_file else own_folder("config") / SETTINGS_FILE
    except (LeadBridgeError, ValueError) as error:
        wrong_use(str(error))
    given = {name.upper() for name, value in os.environ.items() if value}
    for key in ASKED:
        if key.variable in given:
            wrong_use(
                f"{key.variable} is set in this shell, where no assistant finds it: take it out, and setup asks for "
                f"the key; or name a file that contains it with {key.variable}_FILE"
            )
    if hosts and "install" not in skipped:
        chosen_hosts(hosts, "user", None, None)
    run = _Setup(file, yes=yes, settings=settings_without_key(str(file) if file.is_file() else None))
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if not terminal and (not yes or not ("keys" in skipped or run.has_key)):
        wrong_use(
            "setup asks for keys, and this is not a terminal: nothing was stored. Run it in one; or name the files "
            f"that contain your keys with {' and '.join(f'{key.variable}_FILE' for key in ASKED)}, and add --yes"
        )
    steps: dict[str, Callable[[], bool | None]] = {
        "keys": lambda: run.keys(store, asks=terminal),
        "contract": run.contract,
        "live": run.live,
        "install": lambda: run.install(hosts),
    }
    for name, step in steps.items():
        try:
            done = ((name == "keys" and run.has_key) or None) if name in skipped else step()
        except (typer.Abort, KeyboardInterrupt):
            typer.echo("\nStopped. A key is stored only if a line above says where.")
            skipped, done = {*STEPS}, False
        if not done:
            run.later.append(run.command(name))
            run.failed |= done is False
    run.end()


@dataclass(slots=True)
class _Setup:
    file: Path
    yes: bool
    settings: Settings
    later: list[str] = field(default_factory=list[str])
    failed: bool = False

    @property
    def has_key(self) -> bool:
        return any(self.settings.secret(key.service) is not None for key in ASKED)

    @property
    def named(self) -> str | None:
        return str(self.file) if self.file.is_file() else None

    def command(self, step: str) -> str:
        """What to run for a step later, as it runs in any folder."""
        from leadbridge.server.install.entry import launch

        for_what, *words = {
            "keys": ("your keys", "setup"),
            "contract": ("compare with the documentation", "contract", "check"),
            "live": ("try the keys", "doctor", "--live"),
            "install": ("connect an assistant", "install"),
        }[step]
        given = ["--env-file", self.named] if self.named and step != "keys" else []
        start = launch([*words, *given], {})
        return f"{for_what}: {command_line([start.command, *start.arguments])}"

    def keys(self, store: Literal["keychain", "files"] | None, *, asks: bool) -> bool | None:
        """Ask for each key that is not there, and keep it. `None`: there is none yet."""
        found: dict[Key, str] = {}
        for key in ASKED:
            known = self.settings.secret(key.service)
            if known is not None:
                typer.echo(f"{key.title}: there already. {_said(_finding(key, known.get_secret_value()))}")
            if asks and (text := self._ask(key, kept=known is not None)):
                found[key] = text
        lines = self._kept_by_shell()
        if found:
            keychain = "" if store == "files" else self._keychain(must=store == "keychain")
            lines |= self._stored(found, keychain)
        if lines:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                before = self.file.read_text("utf-8") if self.file.is_file() else ""
                self._write(self.file, with_settings(before, lines))
            except OSError as error:
                failed(f"{self.file} could not be written: {error.strerror}")
            typer.echo(f"Your settings are in {self.file}. Every command takes it as --env-file.")
            self.settings = settings_without_key(str(self.file))
        return self.has_key or None

    def _ask(self, key: Key, *, kept: bool) -> str:
        enter = "keeps it" if kept else "skips it"
        typer.echo(f"{key.title}, from {key.where}.")
        while text := answer_to(f"It is not shown; Enter {enter}", hidden=True):
            try:
                text = key_in(text)
            except ValueError as error:
                typer.echo(f"What you gave {error}.")
                continue
            finding = _finding(key, text)
            typer.echo(_said(finding))
            if finding.state == "ok" or agreed("Use it all the same?", default=False):
                return text
        return ""

    def _kept_by_shell(self) -> dict[str, str | None]:
        """Files of keys that this shell names, for the settings, which the assistants read."""
        from leadbridge.server.config.settings import KEYS

        files = {f"{PREFIX}{name.upper()}_FILE": getattr(self.settings, f"{name}_file") for name in KEYS}
        return {name: str(path.absolute()) for name, path in files.items() if path is not None and name in os.environ}

    def _keychain(self, *, must: bool) -> str:
        """The name in the keychain to use, or nothing for files."""
        try:
            title = name_of_keychain()
        except KeychainError as error:
            if must:
                failed(f"the system's keychain: {error}. Nothing was stored; --store files keeps keys in files")
            typer.echo(f"The system's keychain is not used: {error}.")
            return ""
        entry = self.settings.keychain or ENTRY
        said = f"Keep what you gave in the system's keychain ({title}), under {entry}?"
        return entry if must or self._agreed(f"{said} No: in files that only you can read.") else ""

    def _stored(self, keys: dict[Key, str], keychain: str) -> dict[str, str | None]:
        """Keep the keys, and return the settings by which they are found; a file that is named stays the place."""
        lines: dict[str, str | None] = {}
        for key, text in keys.items():
            file: Path | None = getattr(self.settings, f"{key.setting}_file")
            lines[key.variable] = None
            if keychain and file is None:
                try:
                    store_key(keychain, key.setting, text)
                except KeychainError as error:
                    typer.echo(f"The system's keychain: {error}. A file is used instead.")
                else:
                    lines[f"{PREFIX}KEYCHAIN"] = keychain
                    typer.echo(f"{key.title}: in the system's keychain now.")
                    continue
            file = file or self.file.with_name(key.file)
            try:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._write(file, f"{text}\n")
            except OSError as error:
                failed(f"{file} could not be written: {error.strerror}. {key.title} was not stored")
            lines[f"{key.variable}_FILE"] = str(file)
            typer.echo(f"{key.title}: in {file} now, which only you can read.")
        return lines

    @staticmethod
    def _write(file: Path, text: str) -> None:
        from leadbridge.server.install.change import write_whole

        write_whole(Path(os.path.realpath(file)), text)

    def contract(self) -> bool | None:
        """Compare what is sent with the documentation. `None`: not now."""
        services = [key.service for key in ASKED if self.settings.secret(key.service) is not None]
        service = services[0] if len(services) == 1 else "both"
        pages = [page for name, page in (("rooflink", MCP), ("renovationfind", LLMS)) if service in {name, "both"}]
        typer.echo(f"\nNext: compare what LeadBridge sends with the documentation at {' and '.join(pages)}.")
        if not self._agreed("It is read without a key. Read it?"):
            return None
        corrections = self.file.with_name("contract.toml")
        write = None if corrections.exists() or not self.file.parent.is_dir() else corrections
        return _passed(lambda: contract_check(service=service, mcp=MCP, llms=LLMS, write=write, env_file=self.named))

    def live(self) -> bool | None:
        """Read from the services with the keys. `None`: not now."""
        from leadbridge.server.catalog import load
        from leadbridge.server.doctor.checks import examine
        from leadbridge.server.doctor.findings import show

        if not self.has_key:
            return None
        services = load().services
        typer.echo("\nNext: try the keys. Each goes only to its own service; records are read, nothing is written:")
        for key in (key for key in ASKED if self.settings.secret(key.service) is not None):
            typer.echo(f"  {key.title}: {self.settings.base_url(key.service) or services[key.service].base_url}")
        if not self._agreed("Try them?"):
            return None
        return show(examine(live=True, env_file=self.named), as_json=False) == 0

    def install(self, hosts: list[str] | None) -> bool | None:
        """Add LeadBridge to the hosts. `None`: not now."""
        if not self.has_key:
            return None
        typer.echo("\nNext: connect your assistants. Each change is shown first.")
        file = self.file if self.named else None
        return _passed(lambda: install(hosts, env_file=file, yes=self.yes))

    def _agreed(self, question: str) -> bool:
        return self.yes or agreed(question, default=True)

    def end(self) -> None:
        """Say what is left."""
        if self.later:
            typer.echo("\nLeft for later:")
            for line in self.later:
                typer.echo(f"- {line}")
        else:
            typer.echo("\nLeadBridge is set up.")
        if self.failed:
            raise typer.Exit(1)


def _finding(key: Key, text: str) -> Finding:
    from leadbridge.server.doctor.checks import key_finding

    return key_finding(key.title, text, key.service)


def _said(finding: Finding) -> str:
    return f"{finding.found[:1].upper()}{finding.found[1:]}.{f' {finding.do}' if finding.do else ''}"


def _passed(command: Callable[[], bool | None]) -> bool | None:
    """Whether a command ended well; what went wrong it says itself. `None`: the person said no to a part of it."""
    try:
        return None if command() is False else True
    except typer.Exit as ended:
        return ended.exit_code == 0
