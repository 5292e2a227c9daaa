"""`/_sandbox/`: what a sandbox is, what happened in it and how it is steered, as data and as a page to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Protocol

from leadbridge.server.sandbox.checkpoints import Checkpoints, SettableClock
from leadbridge.server.sandbox.faults import MEANINGS, UNREACHABLE, Faults
from leadbridge.server.sandbox.options import MEANINGS as OPTIONS
from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.state import RequestRecord, Write

LATEST = 20
ROUTES = (
    ("GET", "/_sandbox/writes", "", "what took effect"),
    ("GET", "/_sandbox/requests", "", "what was requested"),
    ("POST", "/_sandbox/faults", '{"kind": "bad_gateway", "match": "POST /accept"}', "let a request fail"),
    ("DELETE", "/_sandbox/faults", "", "drop the faults that are pending"),
    ("POST", "/_sandbox/checkpoints", '{"name": "morning"}', "save everything as it is"),
    ("GET", "/_sandbox/checkpoints/morning", "", "list what changed since"),
    ("POST", "/_sandbox/checkpoints/morning", "{}", "go back to it"),
    ("PUT", "/_sandbox/clock", '{"now": "2026-12-01T09:00:00-06:00"}', "set the clock; null follows the machine again"),
    ("POST", "/_sandbox/reset", "{}", "begin anew: seeded records, no faults, no writes"),
)
"""Method, path, body and what it does."""
AGAIN = (
    "LeadBridge remembers what it wrote, and does not write it twice. To try the same again, start it with another "
    "LEADBRIDGE_COMPANY, such as day-2."
)


class Steered(Protocol):
    """A sandbox, as it is steered."""

    options: Options
    faults: Faults
    checkpoints: Checkpoints
    clock: SettableClock

    @property
    def writes(self) -> list[Write]:
        """What took effect."""
        ...

    @property
    def requests(self) -> list[RequestRecord]:
        """What arrived."""
        ...

    def reset(self) -> None:
        """Begin anew."""
        ...


def overview(sandbox: Steered, origin: str) -> dict[str, object]:
    """What there is, with a command for each route."""
    return {
        "simulates": ["RoofLink", "RenovationFind"],
        "now": sandbox.options.now().isoformat(timespec="seconds"),
        "writes": len(sandbox.writes),
        "requests": len(sandbox.requests),
        "pending_faults": sandbox.faults.pending(),
        "checkpoints": sandbox.checkpoints.names,
        "after going back": AGAIN,
        "commands": {what: _curl(origin, method, path, body) for method, path, body, what in ROUTES},
        "fault_kinds": {kind: meaning for kind, meaning in MEANINGS.items() if kind not in UNREACHABLE},
    }


def as_help() -> dict[str, Mapping[str, str]]:
    """By title: the options of a file of options, the kinds of faults, and what a fault takes besides; in words."""
    return {
        "Options, in a JSON file": {**OPTIONS, "faults": "a list of faults"},
        "Kinds of faults": {kind: meaning for kind, meaning in MEANINGS.items() if kind not in UNREACHABLE},
        'A fault, such as {"kind": "slow", "match": "GET /light/jobs/", "seconds": 5}': {
            "match": "a method or *, and a regular expression for the path",
            "times, after": "how many requests it befalls (null: all), and how many pass before",
            "seconds": "a slow answer's delay, or the wait in Retry-After",
            "more": "retry_after, status, headers, body, location, size, content_length, commits",
        },
    }


def page(sandbox: Steered, origin: str) -> str:
    """The overview as HTML, with the latest writes and requests. All of it is escaped."""
    data = overview(sandbox, origin)
    writes = [(write.service, write.operation, write.record_id, json.dumps(write.body)) for write in sandbox.writes]
    requests = [(one.status or "none", one.method, one.path, one.query) for one in sandbox.requests]
    parts = [
        "<!doctype html><meta charset=utf-8><title>LeadBridge sandbox</title>",
        "<style>body{font:15px sans-serif;margin:2em}td{padding:.1em 1em .1em 0;overflow-wrap:anywhere}</style>",
        "<h1>LeadBridge sandbox</h1><p>RoofLink and RenovationFind, simulated. Nothing here is real.</p>",
        f"<p>Its clock says {escape(str(data['now']))}.</p>",
        _table(f"Writes: {len(writes)}", ("service", "operation", "record", "body"), writes[: -LATEST - 1 : -1]),
        _table(f"Requests: {len(requests)}", ("status", "method", "path", "query"), requests[: -LATEST - 1 : -1]),
        _table(
            "Pending faults", ("kind", "match", "times", "after"), [one.values() for one in sandbox.faults.pending()]
        ),
        _table("Checkpoints", ("name",), [(name,) for name in sandbox.checkpoints.names]),
        _table("Commands", ("to", "run"), [(what, _curl(origin, *route)) for *route, what in ROUTES]),
        f"<p>{AGAIN}</p>",
        *(_table(title, ("name", "meaning"), rows.items()) for title, rows in as_help().items() if "ault" in title),
    ]
    return "\n".join(parts)


def _curl(origin: str, method: str, path: str, body: str) -> str:
    data = f" -H 'Content-Type: application/json' -d '{body}'" if body else ""
    return f"curl{'' if method == 'GET' else f' -X {method}'} {origin}{path}{data}"


def _table(title: str, head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    lines = [[f"<td>{escape(str(cell))}</td>" for cell in row] for row in rows]
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    heads = "".join(f"<th align=left>{escape(str(cell))}</th>" for cell in head)
    return f"<h2>{escape(title)}</h2>" + (f"<table><tr>{heads}</tr>{body}</table>" if lines else "<p>None.</p>")
