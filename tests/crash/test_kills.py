"""A server is killed with SIGKILL at each point of a write; the next one tells the truth, and nothing is doubled.

`python -m bench.measures.kills` does the same some hundred times more.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.crash.processes import Service, Zygote
from tests.crash.rounds import ANY_INSTANT, COMMITTED, IN_FLIGHT, POINTS, WRITES, Round, play
from tests.support import DEFAULT_STORE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the servers are forked"),
]

NOTHING = ("nothing", "nothing", 0, False)
NEVER_SENT = ("intended", "failed", 0, True)
LEFT_OPEN = ("sent", "unknown", 0, True)
OPEN_BUT_DONE = ("sent", "unknown", 1, True)
DONE = ("done", "done", 1, True)
TRUTH = {
    "before the intent": NOTHING,
    "intent not committed": NOTHING,
    "after the intent": NEVER_SENT,
    "`sent` not committed": NEVER_SENT,
    "after `sent`, nothing left": LEFT_OPEN,
    IN_FLIGHT: LEFT_OPEN,
    COMMITTED: OPEN_BUT_DONE,
    "after the answer": OPEN_BUT_DONE,
    "outcome not committed": OPEN_BUT_DONE,
    "after the outcome": DONE,
    "before the receipt": DONE,
}
"""What is left on record, what the next server reports, how often it took effect, whether its approval is used up."""


def truth_of(round_: Round) -> tuple[str, str, int, bool]:
    return round_.left, round_.reported, round_.effects, round_.burnt


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_write_is_reported_truthfully_and_never_doubled(
    site: tuple[Service, Zygote], folder: Path, point: str, turn: int
) -> None:
    """In each turn another write meets the point."""
    if DEFAULT_STORE and turn:
        pytest.skip("once is enough on PostgreSQL")
    place = POINTS.index(point)
    write = WRITES[(turn + place) % len(WRITES)](place * 10 + turn)
    round_ = await play(*site, folder, point, write, Random(place * 10 + turn))
    assert not round_.problems, round_.problems
    if point != ANY_INSTANT:
        left, reported, effects, burnt = TRUTH[point]
        assert truth_of(round_) == (left, reported, effects, burnt and write.gated)
        assert round_.killed
