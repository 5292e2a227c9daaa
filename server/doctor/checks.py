"""`leadbridge doctor`: is this installation set up to work? Without `--live` it calls no service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import anyio

from leadbridge.server.app import build_app_context, tool_specs
from leadbridge.server.company.company import ACCEPT
from leadbridge.server.company.records import standing_of, unclaimed
from leadbridge.server.config.env_file import unread_settings
from leadbridge.server.config.settings import Settings, load_settings
from leadbridge.server.config.token_claims import read_claims
from leadbridge.server.doctor.files import store_findings, with_exposure
from leadbridge.server.doctor.findings import Finding
from leadbridge.server.doctor.live import examine_live
from leadbridge.server.doctor.network import way_findings
from leadbridge.server.errors import KeyInDoubt, LeadBridgeError, Refused, ServiceError
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.mcp.toolsets import switched_off, switched_on

EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""This version is younger than that, so that an earlier clock is wrong."""

SHORTEST_KEY = 16

CHECK_SECONDS = 10.0
"""For finding out whose key it is."""


def examine(*, sandbox: bool = False, live: bool = False, env_file: str | None = None) -> list[Finding]:
    """Everything that can be found; services are called only if `live`. Never a write to one, never a secret shown."""
    try:
        settings = load_settings(sandbox=sandbox, env_file=env_file)
    except LeadBridgeError as error:
        return [Finding("failure", "settings", str(error), "Correct the environment or the env file.")]
    return [
        Finding("ok", "settings", "all names and values are known"),
        *_env_files(settings),
        *_keys(settings),
        _clock(settings),
        *_server(settings, live=live),
    ]


def _env_files(settings: Settings) -> Iterator[Finding]:
    if settings.env_file is not None:
        message = f"settings are read from {settings.env_file}; the environment wins"
        yield with_exposure(Finding("ok", "env file", message), [settings.env_file])
    if unread := unread_settings(settings.env_file):
        message, _, do = unread.partition(". ")
        yield Finding("warning", ".env", message, f"{do}.")


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox:
        yield Finding("ok", "keys", "the sandbox needs none")
        return
    for service, title in (("rooflink", "RoofLink"), ("renovationfind", "RenovationFind")):
        secret = settings.secret(service)
        if settings.simulates(service):
            message = f"the sandbox's; {title} is simulated at {settings.base_url(service)}"
            yield Finding("ok", f"{title} key", message)
            continue
        if secret is None:
            yield Finding("warning", f"{title} key", "not set; its tools are hidden", "Set it to use this service.")
            continue
        file = settings.rooflink_api_key_file if service == "rooflink" else settings.renovationfind_token_file
        yield with_exposure(key_finding(f"{title} key", secret.get_secret_value(), service), [file])


def key_finding(subject: str, text: str, service: str) -> Finding:
    """What a key looks like and what it says of itself."""
    claims, now = read_claims(text), datetime.now(UTC)
    if len(text) < SHORTEST_KEY:
        message = f"only {len(text)} character{'s' if len(text) > 1 else ''} long"
        return Finding("warning", subject, message, "Check that it was copied whole.")
    if service == "renovationfind" and claims is None:
        message = "does not look like a RenovationFind token (three parts separated by dots)"
        return Finding("warning", subject, message, "Check that it was copied whole.")
    expiry = claims.expiry(now) if claims else ""
    state = "ok" if not claims or not claims.expires_soon(now) else "failure" if claims.expired(now) else "warning"
    message = f"set, {len(text)} characters{', ' if expiry else ''}{expiry}"
    return Finding(state, subject, message, "" if state == "ok" else "Get a new one and set it.")


def _clock(settings: Settings) -> Finding:
    now = datetime.now(UTC)
    if now < EARLIEST:
        message = f"says {now:%Y-%m-%d}, which is too early"
        return Finding("failure", "clock", message, "Set the clock: approvals expire by it.")
    whose = "" if settings.time_zone else ", the machine's time zone; LEADBRIDGE_TIME_ZONE sets the office's"
    return Finding("ok", "clock", f"{now.astimezone(settings.zone):%Y-%m-%d %H:%M %Z}{whose}")


def _server(settings: Settings, *, live: bool) -> Iterator[Finding]:
    try:
        app = build_app_context(settings)
    except LeadBridgeError as error:
        yield Finding("failure", "server", str(error), "Correct the setting that is named.")
        return
    try:
        app.company.refuse_mixture()
    except Refused as refused:
        yield Finding("failure", "sandbox", f"Nothing is written: {refused.why}", " ".join(refused.next_steps))
    of_store = list(store_findings(app.store, settings))
    yield from of_store
    if all(finding.state != "failure" for finding in of_store):
        yield from anyio.run(_company, app, live)
    shown = len(tool_specs()) - len(app.hidden)
    yield Finding("ok" if shown else "failure", "tools", f"{shown} offered, {len(app.hidden)} hidden")
    yield from _hidden(app)
    yield from _approvals(settings)
    yield from _contract(app)
    if not settings.sandbox:
        services = app.catalog.services
        yield from way_findings([(services[name].title, one.base_url) for name, one in app.services.clients.items()])
    if live:
        yield from anyio.run(examine_live, app)
    yield from anyio.run(_learnt, app, live)
    app.store.close()


async def _company(app: AppContext, live: bool) -> list[Finding]:  # noqa: FBT001  # anyio.run passes no names
    """Whose state it is, and whether the keys are known to be that company's; `live` asks the services."""
    findings = [Finding("ok", "company", app.company.name)]
    for service in app.services.clients:
        title = f"{app.company.title(service)} company"
        try:
            if live and app.store.exists and service in app.company.keys:
                with anyio.move_on_after(CHECK_SECONDS):
                    await app.company.check(service)
        except KeyInDoubt as refused:
            findings.append(Finding("failure", title, refused.why, " ".join(refused.next_steps)))
            continue
        except ServiceError:  # the probes report it
            pass
        key = await standing_of(app.company, service)
        if key.message:
            do = f"If it is, say so with {ACCEPT}." if key.doubtful else ""
            findings.append(Finding("warning" if key.doubtful else "ok", title, key.message, do))
    await app.services.aclose()  # what follows runs in a loop of its own
    if note := await unclaimed(app.company):
        findings.append(Finding("warning", "history", note))
    return findings


def _hidden(app: AppContext) -> Iterator[Finding]:
    """What is on or off, and why: a line for each reason. The finding about a key says what a missing key hides."""
    for line in switched_on(app.hidden, app.lead_paths):
        yield Finding("ok", "switched on", line)
    for usual in (True, False):
        found = {name: off for name, off in app.hidden.items() if off.usual is usual and not off.key}
        for line in switched_off(found):
            yield Finding("ok" if usual else "warning", "switched off", line)


def _approvals(settings: Settings) -> Iterator[Finding]:
    if settings.read_only:
        yield Finding("ok", "approvals", f"{settings.approvals}; not needed, LEADBRIDGE_READ_ONLY is set")
        return
    message = {
        "auto": "auto: a form where the client can ask, else a token after a preview",
        "token": "token: a token after a preview, never a form",
        "human": "human: a form; a client that cannot ask is refused",
        "off": "off: writes that cannot be undone go out unattended",
    }[settings.approvals]
    unattended = settings.approvals == "off"
    do = "Set LEADBRIDGE_APPROVALS=auto to have a person asked." if unattended else ""
    yield Finding("warning" if unattended else "ok", "approvals", message, do)


def _contract(app: AppContext) -> Iterator[Finding]:
    """What of the contract is a reading of ours, and what the user corrected."""
    if app.catalog.before:
        changed = ", ".join(app.catalog.before)
        yield Finding("ok", "contract file", f"corrects {changed}", "`leadbridge contract show` shows what it changes.")
    offered = [row for row in app.catalog if row.id in app.offered]
    paths = [row.id for row in offered if row.provenance.path == "inferred"]
    if paths:
        do = "Run `leadbridge contract check`; if one answers 404, correct it in LEADBRIDGE_CONTRACT_FILE."
        yield Finding("warning", "contract", f"paths inferred, not documented: {', '.join(paths)}", do)
    names = {
        row.id: sum(one.provenance == "inferred" for one in (*row.query.values(), *row.body.values()))
        for row in offered
    }
    if any(names.values()):
        counts = ", ".join(f"{name} {count}" for name, count in names.items() if count)
        do = "`leadbridge contract show --unverified` lists them, `leadbridge contract check` compares them."
        yield Finding("warning", "contract names", f"names inferred, not documented: {counts}", do)


async def _learnt(app: AppContext, live: bool) -> list[Finding]:  # noqa: FBT001  # anyio.run passes no names
    """What was seen of the services before, by servers and by this; `live` has reported the filters already."""
    return [
        Finding("warning", "seen", str(row))
        for service, client in app.services.clients.items()
        for row in await app.observations.against(service, client.observed, app.catalog.operations)
        if not (live and row.kind == "filter")
    ]
