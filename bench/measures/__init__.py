"""The benchmarks, one module each: `measure(setup)` returns its rows. A new one is added to ALL."""

from __future__ import annotations

from collections.abc import Callable

from bench.measures import (
    call,
    definitions,
    floods,
    jobs,
    kills,
    ledger_cost,
    lookups,
    path,
    rate_limit_drain,
    start,
    texts,
)
from bench.peers import Setup
from bench.results import Row

ALL: tuple[Callable[[Setup], list[Row]], ...] = (
    start.measure,
    call.measure,
    definitions.measure,
    texts.measure,
    jobs.measure,
    floods.measure,
    ledger_cost.measure,
    lookups.measure,
    path.measure,
    rate_limit_drain.measure,
    kills.measure,
)
