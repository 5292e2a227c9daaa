"""Whole jobs of an agent without a model: how many calls, how many approvals, and how much the agent reads.

`python -m bench.measures.jobs` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from bench.peers import LEADBRIDGE, Setup
from bench.results import Budget, Row
from leadbridge.server.sandbox import Sandbox
from tests.agents import jobs
from tests.agents.scripted import Office, Scripted, User, Way, office
from tests.agents.wishes import WISHES, Wish, filled_in, says
from tests.support import Time, make_sandbox

WAYS: tuple[Way, ...] = ("asked", "token")
LEAD = {"lead_id": "812"}
KNOWN = {**LEAD, "known": "Dana Miller, 4821 Juniper Hollow Dr"}


@dataclass(frozen=True)
class Prompted:
    """A job by one of the server's prompts."""

    prompt: str
    policy: Callable[[str], jobs.Steps]
    arguments: Mapping[str, str]
    user: Callable[[str], str]
    title: str = ""

    async def play(self, room: Office) -> Scripted:
        """Follow the prompt."""
        return (await room.follow(self.prompt, self.policy, **self.arguments))[1]


PROMPTED = (
    Prompted("weekly_pipeline_review", jobs.review, {}, says({})),
    Prompted("follow_up_stale_prospects", jobs.follow_up, {}, lambda words: f"{words.split(',')[0]}: Left a message"),
    Prompted("hand_off", jobs.hand_off, LEAD, says({})),
    Prompted(
        "triage_new_lead", jobs.triage, KNOWN, says({"leave it": "into RoofLink"}), "triage that ends in RoofLink"
    ),
)


@dataclass(frozen=True)
class Played:
    """What one job took, in one way of approval."""

    calls: int
    before_question: int
    approvals: int
    characters: int

    @classmethod
    def of(cls, scripted: Scripted, user: User) -> Played:
        """What an agent did."""
        asked_after = len(scripted.calls) if scripted.asked_after is None else scripted.asked_after
        return cls(len(scripted.calls), asked_after, len(user.approved), sum(map(len, scripted.read)))


def measure(setup: Setup) -> list[Row]:
    """The jobs by prompt, with their budgets; the note has all jobs, in both ways of approval."""
    played = anyio.run(play_all)
    setup.notes.append("\n".join(table(played)))
    review, follow_up, hand_off, triage = (played[title]["asked"] for title in list(played)[:4])
    measured = (
        ("calls of a weekly review", review.calls, 3),
        ("calls of a follow-up before its first question", follow_up.before_question, 6),
        ("calls of a hand-off", hand_off.calls, 1),
        ("approvals of a triage that ends in RoofLink", triage.approvals, 1),
    )
    return [Row(title, "", {LEADBRIDGE: value}, Budget(budget)) for title, value, budget in measured]


async def play_all() -> dict[str, dict[Way, Played]]:
    """Every job in both ways of approval, each on services of its own."""
    played: dict[str, dict[Way, Played]] = {}
    for job in (*PROMPTED, *WISHES):
        title = job.title if isinstance(job, Wish) else job.title or job.prompt
        played[title] = {way: await _played(job, way) for way in WAYS}
    return played


async def _played(job: Prompted | Wish, way: Way) -> Played:
    time = Time()
    sandbox: Sandbox = make_sandbox(time)
    user = User(job.user if isinstance(job, Prompted) else says(job.answers))
    async with office(sandbox, time, "modern", way, user) as room:
        if isinstance(job, Prompted):
            return Played.of(await job.play(room), user)
        words, _ = filled_in(job, sandbox)
        if job.before is not None:
            job.before(sandbox)
        return Played.of((await room.grant(words, job.policy))[1], user)


def table(played: Mapping[str, Mapping[Way, Played]]) -> Sequence[str]:
    """The lines of a Markdown table."""

    def cells(one: Played) -> list[Any]:
        return [one.calls, one.approvals, f"{one.characters:,}"]

    rows = [[title, *cells(ways["asked"]), *cells(ways["token"])] for title, ways in played.items()]
    return [
        "| job | calls, in forms | approvals | characters read | calls, by tokens | approvals | characters read |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(f"| {' | '.join(map(str, row))} |" for row in rows),
    ]


if __name__ == "__main__":
    print("\n".join(table(anyio.run(play_all))))
