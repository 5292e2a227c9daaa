"""From the start of the process to the answered tools/list, and what the process holds in memory after it."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.peers import Peer, Setup
from bench.results import Budget, Row

ROUNDS = 20
REST_SECONDS = 0.3


def measure(setup: Setup) -> list[Row]:
    """Start each peer in turn, round after round, each alone on the machine; the first round only warms up."""
    starts: dict[str, list[float]] = defaultdict(list)
    private: dict[str, list[float]] = defaultdict(list)
    resident: dict[str, list[float]] = defaultdict(list)
    for round_number in range(setup.rounds(ROUNDS) + 1):
        for peer in setup.peers:
            milliseconds, pss, rss = once(peer)
            if round_number:
                starts[peer.name].append(milliseconds)
                private[peer.name].append(pss)
                resident[peer.name].append(rss)
    return [
        Row("start to answered tools/list", "ms", medians(starts), Budget(1.12, times_bare=True)),
        Row("memory at rest (PSS)", "MiB", medians(private), Budget(1.3, times_bare=True), digits=1),
        Row("memory at rest (RSS)", "MiB", medians(resident), Budget(1.3, times_bare=True), digits=1),
    ]


def medians(values: dict[str, list[float]]) -> dict[str, float]:
    """The median at each peer."""
    return {peer: median(measured) for peer, measured in values.items()}


def once(peer: Peer) -> tuple[float, float, float]:
    """Start one peer and end it: milliseconds, PSS and RSS in MiB."""
    began = time.perf_counter()
    with peer.started() as session:
        session.request("tools/list", {})
        milliseconds = (time.perf_counter() - began) * 1000
        time.sleep(REST_SECONDS)
        return milliseconds, *memory(session.process.pid)


def memory(pid: int) -> tuple[float, float]:
    """PSS and RSS of a process in MiB (Linux). PSS counts a page shared with other processes by its share."""
    kibibytes = {"Pss": 0, "Rss": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]:
        name, number = line.split()[:2]
        if name[:-1] in kibibytes:
            kibibytes[name[:-1]] = int(number)
    return kibibytes["Pss"] / 1024, kibibytes["Rss"] / 1024
