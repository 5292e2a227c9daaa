"""Measure LeadBridge and its peers in one run, print the table, write docs/benchmarks.md.

`--quick` makes a fifth of the rounds and writes nothing. Exits with 1 when a budget is not met.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import report, upstream
from bench.measures import ALL
from bench.peers import ROOT, Setup, assemble
from bench.results import Row


def main() -> int:
    """Run all benchmarks."""
    parser = argparse.ArgumentParser(prog="bench", description="LeadBridge beside its peers, against its budgets")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds; docs/benchmarks.md stays as it is")
    quick = bool(parser.parse_args().quick)
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder, upstream.running() as running:
        setup = Setup(assemble(running, Path(folder)), running, quick)
        rows: list[Row] = []
        for measure in ALL:
            print(f"measuring: {measure.__module__.rpartition('.')[2]} ...", file=sys.stderr, flush=True)
            rows += measure(setup)
    report.show(setup, rows)
    if not quick:
        report.write(setup, rows, ROOT / "docs" / "benchmarks.md")
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
