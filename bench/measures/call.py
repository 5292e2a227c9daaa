"""Two read tools' time over stdio, from the written line to the parsed answer, with the upstream on loopback."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack
from urllib.request import urlopen

from bench.measures.start import medians
from bench.peers import ARGUMENTS, LEADBRIDGE, TOOL, Setup
from bench.results import Budget, Row
from bench.upstream import PROSPECT

READS = {
    "a read of 10 prospects": (TOOL, ARGUMENTS),
    "a read of one prospect": ("rooflink_get_prospect", {"prospect_id": PROSPECT}),
}
ROUNDS = 100
WARM_UP = 5
PACE_SECONDS = 0.52
"""Two calls in this time at each peer: RoofLink allows five in a second, and LeadBridge would wait with the sixth."""


def measure(setup: Setup) -> list[Row]:
    """Call the same endpoints through each peer in turn, all of them running, the first of a round changing."""
    times: dict[str, dict[str, list[float]]] = {title: defaultdict(list) for title in READS}
    raw: list[float] = []
    rounds = setup.rounds(ROUNDS)
    counted = setup.upstream.counted()
    with ExitStack() as stack:
        sessions = [(peer.name, stack.enter_context(peer.started())) for peer in setup.peers]
        for round_number in range(-WARM_UP, rounds):
            due = time.perf_counter() + PACE_SECONDS
            turn = round_number % len(sessions)
            for name, session in sessions[turn:] + sessions[:turn]:
                for title, (tool, arguments) in READS.items():
                    began = time.perf_counter()
                    session.call(tool, arguments)
                    took = (time.perf_counter() - began) * 1000
                    if round_number >= 0:
                        times[title][name].append(took)
            raw.append(fetch(setup.upstream.page_url))
            time.sleep(max(0.0, due - time.perf_counter()))
    asked = setup.upstream.counted() - counted
    expected = (rounds + WARM_UP) * (len(sessions) * len(READS) + 1)
    if asked != expected:
        message = f"the upstream was asked {asked} times for {expected} calls: some answer did not come from it"
        raise RuntimeError(message)
    setup.notes.append(
        f"The request for the page alone, on a new connection each time, took {sorted(raw)[len(raw) // 2]:.2f} ms; "
        f"{LEADBRIDGE} also parses every row, checks filters and writes a table."
    )
    return [
        Row(title, "ms", medians(values), Budget(1.1, times_bare=True), digits=2) for title, values in times.items()
    ]


def fetch(url: str) -> float:
    """Milliseconds of the HTTP request without any server between."""
    began = time.perf_counter()
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        answer.read()
    return (time.perf_counter() - began) * 1000
