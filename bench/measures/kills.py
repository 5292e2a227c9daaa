"""How many kills the ledger survives: `python -m bench.measures.kills` runs it alone, as `make bench` does.

A real server process is ended with SIGKILL at each point of a write, the services run in another process and count what
took effect, and the next server is asked what became of it. The rounds are those of tests/crash.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import anyio

from bench.peers import LEADBRIDGE, Setup
from bench.results import Budget, Row
from tests.crash.processes import crash_site
from tests.crash.rounds import POINTS, WRITES, Round, play, schedule

ROUNDS = 5 * len(POINTS) * len(WRITES)
"""Each point meets each write five times: 240 kills."""
CHAPTER = 2 * len(POINTS)
"""Rounds on one state file, one after another."""
_COLUMNS = ("point", "kills", "doubled", "falsely done", "lost", "unresolved", "other faults")


def measure(setup: Setup) -> list[Row]:
    """Kill, and count. Anything but zeros is a broken promise, so each has a budget of nothing."""
    began = time.perf_counter()
    rounds = list(run(setup.rounds(ROUNDS)))
    seconds = time.perf_counter() - began
    killed = sum(each.killed for each in rounds)
    setup.notes.append(
        f"{killed} of {len(rounds)} servers were killed in the midst of a write, in {seconds:.0f} s "
        "(the others had answered before). `unresolved` are writes of which only the service could tell whether they "
        f"took effect: they were refused until settled.\n\n{table(rounds)}"
    )
    return [
        Row("kills in the midst of a write", "", {LEADBRIDGE: killed}),
        Row("writes doubled after a kill", "", {LEADBRIDGE: sum(each.doubled for each in rounds)}, Budget(0)),
        Row("writes falsely told as done", "", {LEADBRIDGE: sum(each.falsely_done for each in rounds)}, Budget(0)),
        Row("writes lost from the record", "", {LEADBRIDGE: sum(each.lost for each in rounds)}, Budget(0)),
        Row("rounds with any fault", "", {LEADBRIDGE: sum(bool(each.problems) for each in rounds)}, Budget(0)),
    ]


def run(rounds: int, seed: int = 1) -> Iterator[Round]:
    """So many rounds, a new state file and fresh services every CHAPTER."""
    random = Random(seed)
    with tempfile.TemporaryDirectory(prefix="leadbridge-kills-") as made, crash_site(Path(made)) as (service, zygote):
        for number, (point, write) in enumerate(schedule(rounds)):
            folder = Path(made) / str(number // CHAPTER)
            if not folder.exists():
                folder.mkdir()
                service.reset()
            yield anyio.run(play, service, zygote, folder, point, write, random)


def table(rounds: Sequence[Round]) -> str:
    """The counts by point, in Markdown."""
    by_point: dict[str, list[Round]] = defaultdict(list)
    for each in rounds:
        by_point[each.point].append(each)
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|---|{'---:|' * (len(_COLUMNS) - 1)}"]
    lines += [_line(point, by_point[point]) for point in POINTS if by_point[point]]
    return "\n".join([*lines, _line("all", rounds)])


def _line(name: str, rounds: Sequence[Round]) -> str:
    broken = sum(bool(each.problems) and not (each.doubled or each.falsely_done or each.lost) for each in rounds)
    counts = (
        sum(each.killed for each in rounds),
        sum(each.doubled for each in rounds),
        sum(each.falsely_done for each in rounds),
        sum(each.lost for each in rounds),
        sum(each.unresolved for each in rounds),
        broken,
    )
    return f"| {name} | {' | '.join(str(count) for count in counts)} |"


def main() -> int:
    """Run the rounds alone, and print the table and every fault; exits with 1 if there was one."""
    parser = argparse.ArgumentParser(prog="kills", description="Kill LeadBridge at every point of a write")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=1, help="of the kills at any instant")
    given = parser.parse_args()
    rounds: list[Round] = []
    for each in run(int(given.rounds), int(given.seed)):
        rounds.append(each)
        for problem in each.problems:
            print(f"round {len(rounds)}, {each.point}, {each.tool}: {problem}", file=sys.stderr, flush=True)
    print(table(rounds))
    print(f"median of a round: {sorted(each.seconds for each in rounds)[len(rounds) // 2]:.2f} s")
    return 1 if any(each.problems for each in rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
