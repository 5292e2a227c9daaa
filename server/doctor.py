"""`leadbridge doctor`: is this installation set up to work? Looks at this machine only and calls no service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from server.errors import LeadBridgeError
from server.settings import Settings, load_settings

EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""This version is younger than that, so that an earlier clock is wrong."""

SHORTEST_KEY = 16
JWT_DOTS = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what it means, and what to do."""

    state: Literal["ok", "warning", "failure"]
    subject: str
    found: str
    do: str = ""


def examine(*, sandbox: bool = False) -> list[Finding]:
    """Everything that can be found without calling a service. Never a write to a service, never a secret shown."""
    try:
        settings = load_settings(sandbox=sandbox)
    except LeadBridgeError as error:
        return [Finding("failure", "settings", str(error), "Correct the environment or the .env file.")]
    return [
        Finding("ok", "settings", "all names and values are known"),
        *_keys(settings),
        _clock(),
        *_server(settings),
    ]


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox:
        yield Finding("ok", "keys", "the sandbox needs none")
        return
    for service, title in (("rooflink", "RoofLink"), ("renovationfind", "RenovationFind")):
        secret = settings.secret(service)
        if secret is None:
            yield Finding("warning", f"{title} key", "not set; its tools are hidden", "Set it to use this service.")
            continue
        text = secret.get_secret_value()
        if len(text) < SHORTEST_KEY:
            yield Finding(
                "warning", f"{title} key", f"only {len(text)} characters long", "Check that it was copied whole."
            )
        elif service == "renovationfind" and text.count(".") != JWT_DOTS:
            yield Finding(
                "warning", f"{title} key", "has not the form of a JWT (a.b.c)", "Check that it was copied whole."
            )
        else:
            yield Finding("ok", f"{title} key", f"set, {len(text)} characters")


def _clock() -> Finding:
    now = datetime.now(UTC)
    if now < EARLIEST:
        return Finding(
            "failure", "clock", f"says {now:%Y-%m-%d}, which is too early", "Set the clock: approvals expire by it."
        )
    return Finding("ok", "clock", f"{now:%Y-%m-%d %H:%M} UTC")


def _server(settings: Settings) -> Iterator[Finding]:
    from server.app import build_deck, tool_specs

    try:
        deck = build_deck(settings)
    except LeadBridgeError as error:
        yield Finding("failure", "server", str(error), "Correct the setting that is named.")
        return
    try:
        deck.store.secret()
    except LeadBridgeError as error:
        yield Finding("failure", "state store", str(error), "Writes are refused until the store can be written.")
    else:
        yield Finding("ok", "state store", f"{deck.store.description}, writable")
    deck.store.close()
    shown = len(tool_specs()) - len(deck.hidden)
    yield Finding("ok" if shown else "failure", "tools", f"{shown} offered, {len(deck.hidden)} hidden")
    for name, reason in deck.hidden.items():
        yield Finding("warning", f"tool {name}", f"hidden: {reason}")
    unattended = settings.approvals == "off" and not settings.read_only
    yield Finding(
        "warning" if unattended else "ok",
        "approvals",
        "off: writes that cannot be undone go out unattended" if unattended else settings.approvals,
        "Set LEADBRIDGE_APPROVALS=auto to have a person asked." if unattended else "",
    )
    inferred = [row.id for row in deck.catalog if row.provenance.path == "inferred" and row.id in deck.offered]
    if inferred:
        yield Finding(
            "warning",
            "contract",
            f"paths inferred, not documented: {', '.join(inferred)}",
            "If one answers 404, correct it in LEADBRIDGE_CONTRACT_FILE.",
        )


def show(findings: list[Finding], *, as_json: bool) -> int:
    """Print the findings; the exit code is 1 if one is a failure."""
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        from rich.console import Console
        from rich.markup import escape

        console = Console()
        colours = {"ok": "green", "warning": "yellow", "failure": "red"}
        for finding in findings:
            line = f"[{colours[finding.state]}]{finding.state:8}[/] {escape(finding.subject)}: {escape(finding.found)}"
            console.print(line + (f" {escape(finding.do)}" if finding.do else ""), highlight=False)
    return 1 if any(finding.state == "failure" for finding in findings) else 0
