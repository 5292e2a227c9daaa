"""A day's jobs, done by an agent that has only the tools: no wrong write, and nobody is asked twice for one thing."""

from __future__ import annotations

import re

import pytest

from leadbridge.server.sandbox import Sandbox
from tests.agents.scripted import User, Way, office
from tests.agents.wishes import HOSTILE, WISHES, Wish, filled_in, says
from tests.support import Time, Version


@pytest.mark.parametrize("way", ["asked", "token"])
@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: wish.title)
async def test_a_wish_is_granted_without_a_wrong_write_and_without_asking_twice(
    sandbox: Sandbox, time: Time, version: Version, way: Way, wish: Wish
) -> None:
    words, ends = filled_in(wish, sandbox)
    if wish.before is not None:
        wish.before(sandbox)
    user = User(says(wish.answers))
    async with office(sandbox, time, version, way, user) as room:
        last, scripted = await room.grant(words, wish.policy)
    assert ends in last, last
    assert tuple(write.operation for write in sandbox.writes) == wish.writes
    assert len(user.approved) == wish.approvals
    asked = [*user.heard, *user.approved] if way == "asked" else user.heard
    assert len(set(asked)) == len(asked) == wish.approvals + len(wish.answers)
    outside = re.sub(r"⟦[^⟧]*⟧", "", "\n".join(scripted.read))
    assert HOSTILE not in outside
    assert (HOSTILE in "\n".join(scripted.read)) is (wish.title == "a hostile text")
