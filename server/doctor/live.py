"""`leadbridge doctor --live`: read-only probes with the key, through the product's own client and its rate limit.

One request for each read operation that is offered, and one for each filter whose name is inferred, at most four a
second and for half a minute. A write is not possible here: a write needs a permit, and nothing here has one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio
import anyio.to_thread
from pydantic import JsonValue

from leadbridge.server.catalog import Field, Operation
from leadbridge.server.catalog.effects import Effect
from leadbridge.server.catalog.operation import Scalar
from leadbridge.server.contract.observations import Observation
from leadbridge.server.doctor.findings import Finding
from leadbridge.server.doctor.network import host_findings
from leadbridge.server.doctor.shapes import rows_of, shape_of
from leadbridge.server.errors import (
    AuthError,
    NotFound,
    RateLimited,
    Rejected,
    ServiceError,
    Unavailable,
    UnexpectedResponse,
    WrongService,
)
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.services.renovationfind.answered import LIST

SECONDS = 30.0
INTERVAL = 0.3
"""Seconds between two requests, so that never more than four fall into one second."""
AT_ONCE = 4
SKEW_WARNING, SKEW_FAILURE = 60.0, 300.0
UNCLEAR = "not clear"
REACHED = "reached, and the key is accepted"
UNTRIED = "no read is documented, so the key cannot be tried without a write"
_PAGING = {"page", "page_size"}
_NOBODY = 2_147_483_600
"""An id that no record has."""
_LISTS: Mapping[str, str] = {
    "prospect_id": "rooflink.list_prospects",
    "job_id": "rooflink.list_prospects",
    "customer_id": "rooflink.list_customers",
    "region_id": "rooflink.list_regions",
    "event_id": "rooflink.list_events",
    "note_id": "rooflink.list_notes",
    "lead_id": "renovationfind.list_leads",
}
"""Where an id for a path comes from."""


@dataclass(slots=True)
class _Probes:
    """The probes of one run, with what they found."""

    app: AppContext
    findings: list[Finding] = field(default_factory=list[Finding])
    ids: dict[str, int] = field(default_factory=dict[str, int])
    """By list operation: the id of its first row."""
    filled: set[str] = field(default_factory=set[str])
    """Lists that had a row without a filter."""
    filters: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """By operation and argument: `ignored`, `honoured` or `not clear`."""
    at_once: defaultdict[str, anyio.CapacityLimiter] = field(
        default_factory=lambda: defaultdict(lambda: anyio.CapacityLimiter(AT_ONCE))
    )
    """By service."""
    next_at: float = 0.0

    async def turn(self) -> None:
        """Wait for a place, four a second at most."""
        now = anyio.current_time()
        self.next_at = max(now, self.next_at) + INTERVAL
        await anyio.sleep(self.next_at - INTERVAL - now)

    async def ask(self, operation: Operation, query: Mapping[str, Scalar], path: Mapping[str, int]) -> JsonValue:
        """One read."""
        async with self.at_once[operation.service]:
            await self.turn()
            return await self.app.services.client(operation.service).request(operation, query=query, path=path)


async def examine_live(app: AppContext) -> list[Finding]:
    """Findings about each connected service; ends within `SECONDS`, and keeps in the store what was learnt."""
    probes = _Probes(app)
    with anyio.move_on_after(SECONDS * 0.9) as scope:
        async with anyio.create_task_group() as group:
            for service in (name for name in app.services.clients if not app.services.lacks_sandbox_key(name)):
                group.start_soon(_service, probes, service)
    probes.findings += _filter_findings(probes)
    if scope.cancelled_caught:
        message = f"not all ended within {SECONDS:.0f} s"
        probes.findings.append(Finding("warning", "live probes", message, "Run it again when it is quieter."))
    learnt = [
        Observation(operation_id, "filter", app.catalog[operation_id].query[name].wire, verdict)
        for operation_id, found in probes.filters.items()
        for name, verdict in found.items()
        if verdict != UNCLEAR
    ]
    with anyio.move_on_after(SECONDS * 0.1):
        for service, client in app.services.clients.items():
            await app.observations.save(service, client.observed)
            await app.observations.remember(service, [row for row in learnt if row.operation.startswith(f"{service}.")])
    for client in app.services.clients.values():
        await client.aclose()
    return probes.findings


async def _service(probes: _Probes, service: str) -> None:
    app, title = probes.app, probes.app.catalog.services[service].title
    client = app.services.client(service)
    if not app.settings.sandbox:
        found = await anyio.to_thread.run_sync(
            lambda: list(host_findings(title, client.base_url)), abandon_on_cancel=True
        )
        probes.findings += found
        if any(finding.state == "failure" for finding in found):
            return
    reads = [
        row for row in app.catalog if row.service == service and row.effect is Effect.READ and row.id in app.offered
    ]
    if service == "renovationfind" and app.lead_paths.due:
        await _ask_for_leads(probes, title)
    elif not reads:
        probes.findings.append(Finding("ok", title, UNTRIED))
    if not reads:
        return
    reads.sort(key=lambda row: (bool(row.variables), row.id not in _LISTS.values()))
    first, *rest = reads
    if not await _probe(probes, first, title):
        return
    probes.findings += _clock(title, client.observed.last_date)
    for with_id in (False, True):
        async with anyio.create_task_group() as group:
            for row in (row for row in rest if bool(row.variables) is with_id):
                group.start_soon(_probe, probes, row, "")
    async with anyio.create_task_group() as group:
        for row in reads:
            for name, one in row.query.items():
                if one.provenance == "inferred" and row.id in probes.filled and name not in _PAGING:
                    group.start_soon(_try_filter, probes, row, name, one)


async def _ask_for_leads(probes: _Probes, title: str) -> None:
    """Whether RenovationFind answers the paths of its leads, which decides whether they are offered by default."""
    paths = probes.app.lead_paths
    await probes.turn()
    try:
        answers = await paths.ask()
    except ServiceError as error:
        probes.findings.append(_failed(probes.app.catalog[LIST], error, title))
        return
    probes.findings.append(Finding("ok", title, REACHED if answers else UNTRIED))
    probes.findings += [Finding("ok", operation, paths.said(operation)) for operation in paths.known]


async def _probe(probes: _Probes, operation: Operation, title: str) -> bool:
    """One read operation; whether the service answered it. `title` makes it the first one of its service."""
    path: dict[str, int] = {}
    for variable in operation.variables:
        known = probes.ids.get(_LISTS.get(variable, ""))
        if known is None:
            probes.findings.append(Finding("ok", operation.id, f"not tried: no {variable} is known to ask for"))
            return False
        path[variable] = known
    try:
        answer = await probes.ask(operation, _smallest(operation), path)
    except ServiceError as error:
        probes.findings.append(_failed(operation, error, title))
        return False
    seen = shape_of(operation, answer)
    if seen.rows:
        probes.filled.add(operation.id)
    if seen.first_id is not None:
        probes.ids[operation.id] = seen.first_id
    finding = Finding("ok", operation.id, seen.message)
    if not seen.fits:
        message = f"answers in a shape that is not expected: {seen.message}"
        finding = Finding("warning", operation.id, message, "Its tool may refuse to read it. Please report it.")
    probes.findings += [Finding("ok", title, REACHED), finding] if title else [finding]
    return True


def _smallest(operation: Operation) -> dict[str, Scalar]:
    size = {"page": 1, "page_size": 1}
    return operation.encode_query({name: value for name, value in size.items() if name in operation.query})


def _failed(operation: Operation, error: ServiceError, title: str) -> Finding:
    """An error as a finding; where it is the first answer of a service, it is about the service."""
    subject = title or operation.id
    if isinstance(error, (AuthError, WrongService)):
        return Finding("failure", subject, error.what, error.next_step)
    if isinstance(error, UnexpectedResponse) and "HTML" in error.what:
        means, do = "A proxy, a firewall or a sign-in page answers in its place.", "Check the base URL and the network."
        return Finding("failure", subject, "answered with an HTML page instead of JSON", do, means)
    if isinstance(error, NotFound):
        message = f"nothing at {operation.method} {operation.path} (404)"
        do = "Run `leadbridge contract check`, or correct it in LEADBRIDGE_CONTRACT_FILE."
        means = "" if operation.path_is_certain else "The path is inferred."
        return Finding("warning", operation.id, message, do, means)
    if isinstance(error, (RateLimited, Unavailable)):
        state = "failure" if title else "warning"
        return Finding(state, subject, error.what, error.next_step)
    return Finding("warning", operation.id, error.happened, error.next_step)


async def _try_filter(probes: _Probes, operation: Operation, name: str, one: Field) -> None:
    """Send a value that no record has: rows all the same mean that the filter is ignored."""
    value, verdict = _impossible(name), UNCLEAR
    if value is not None:
        try:
            answer = await probes.ask(operation, {**_smallest(operation), one.wire: value}, {})
            verdict = "ignored" if rows_of(answer) else "honoured"
        except Rejected as error:  # it complains of the value, so it knows the filter
            verdict = "honoured" if any(one.wire in wrong for wrong in error.fields) else UNCLEAR
        except ServiceError:
            pass
    probes.filters.setdefault(operation.id, {})[name] = verdict


def _impossible(name: str) -> Scalar | None:
    """A value for a filter that no record has."""
    if name.endswith(("_id", "_ids")):
        return _NOBODY
    if name.endswith(("_from", "_after")):
        return "2999-01-01"
    if name.endswith(("_to", "_before")):
        return "1901-01-01"
    return {
        "stage": "no-such-stage", "status": "no-such-status", "city": "Nosuchcity Zz", "state": "ZZ",
        "postal_code": "00000", "latitude": -89.5, "longitude": -179.5, "search": "no such words zzqx",
    }.get(name)  # fmt: skip


def _filter_findings(probes: _Probes) -> Iterator[Finding]:
    for operation_id, found in sorted(probes.filters.items()):
        by_verdict = {
            verdict: ", ".join(sorted(name for name, its in found.items() if its == verdict))
            for verdict in ("ignored", "honoured", UNCLEAR)
        }
        yield Finding(
            "warning" if by_verdict["ignored"] else "ok",
            f"{operation_id} filters",
            "; ".join(f"{verdict}: {names}" for verdict, names in by_verdict.items() if names),
            "Correct their names in LEADBRIDGE_CONTRACT_FILE." if by_verdict["ignored"] else "",
            "Lists by an ignored filter are not filtered; the tool says so." if by_verdict["ignored"] else "",
        )


def _clock(title: str, date: str) -> Sequence[Finding]:
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return []
    skew = (datetime.now(UTC) - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()
    if abs(skew) < SKEW_WARNING:
        return [Finding("ok", "clock and service", f"this machine and {title} agree on the time")]
    state = "failure" if abs(skew) >= SKEW_FAILURE else "warning"
    message = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {title}'s"
    return [Finding(state, "clock and service", message, "Set the clock: approvals and repeats are judged by it.")]
