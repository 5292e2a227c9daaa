"""What every tool says, whole: in `texts/` of its service's folder there is a file for each row of `tests/cases.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.tools import ALL_TOOLS
from tests.cases import CASES, Case, by_name
from tests.support import EVERY_PATH_SERVED, EVERY_TOOL, Person, Time, call, connected, make_sandbox, text_of
from tests.texts import Texts

NOW = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)
FOLDERS = {spec.name: spec.function.__module__.split(".")[2] for spec in ALL_TOOLS}
NOWHERE = 99_999
STATUS = {"lead_id": 785, "status": "QUOTE_SENT"}


class Scenes:
    """Calls one after the other on a server, a minute apart, and all that was said."""

    def __init__(self, client: Client, clock: Time, person: Person | None, said: list[str]) -> None:
        self._client, self._clock, self._person, self._said = client, clock, person, said

    async def play(self, title: str, tool: str, arguments: Mapping[str, Any], *, action: Any = "accept") -> None:
        """A call, with the question if one is asked that is not the last one shown."""
        self._clock.now += 60
        if self._person is not None:
            self._person.action = action
        text = text_of(await call(self._client, tool, **arguments))
        shown = self._person.shown[-1:] if self._person else []
        asked = [one for one in shown if one not in "".join(self._said)]
        question = [f"Question:\n{one}\nAnswer: {action}\n" for one in asked]
        given = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
        self._said.append("\n".join([f"=== {title}: {tool}({given})\n", *question, text, ""]))


async def scenes_of(case: Case) -> str:
    """All that a tool says in its usual situations."""
    time, said = Time(), list[str]()
    write = case.arguments | case.asks_with
    wrong = {name: [] for name in case.arguments}
    elsewhere = {name: NOWHERE if name.endswith("_id") else value for name, value in case.arguments.items()}

    def fault(kind: Any, **options: Any) -> Fault:
        own = (case.changes if case.writes else case.sends)[0].partition("?")[0]
        match = re.sub("[0-9]{2,}", "[0-9]+", re.escape(own).replace("\\ ", " "))
        return Fault(kind=kind, match=f"{match}$", **options)

    def server(person: Person | None = None) -> tuple[Sandbox, Time, Any]:
        sandbox = make_sandbox(time, now=lambda: NOW, prospects=12, **EVERY_PATH_SERVED)
        clock = Time(NOW.timestamp())
        return sandbox, clock, connected(sandbox, time=time, clock=clock, person=person, **EVERY_TOOL)

    async def prepare(client: Client, sandbox: Sandbox) -> None:
        if case.name == "resolve_write":
            sandbox.faults.add(Fault(kind="drop_after", match="PUT status"))
            await call(client, "renovationfind_update_job_status", **STATUS)

    person = Person()
    sandbox, clock, connection = server(person)
    async with connection as client:
        await prepare(client, sandbox)
        scenes = Scenes(client, clock, person, said)
        await scenes.play("wrong arguments", case.name, {**wrong, "frobnicate": 1})
        if case.writes:
            await scenes.play("dry run", case.name, {**case.arguments, "dry_run": True})
        if case.may_ask:
            await scenes.play("a no", case.name, write, action="decline")
        if case.sends:
            sandbox.faults.add(fault("status", status=409 if case.writes else 403))
            await scenes.play("refused by the service", case.name, write)
        await scenes.play("done" if case.writes else "answer", case.name, write)
        if case.writes:
            await scenes.play("the same again", case.name, case.arguments)
        if elsewhere != case.arguments:
            await scenes.play("a record that is not there", case.name, elsewhere)
    if case.may_ask:
        sandbox, clock, connection = server()
        async with connection as client:
            await prepare(client, sandbox)
            await Scenes(client, clock, None, said).play("a client without forms", case.name, write)
    if case.writes and case.sends:
        sandbox, clock, connection = server(person := Person())
        async with connection as client:
            sandbox.faults.add(fault("drop_after"))
            scenes = Scenes(client, clock, person, said)
            await scenes.play("the answer is lost", case.name, write)
            await scenes.play("the same again", case.name, write)
            await scenes.play("a person looked", "resolve_write", {"write_id": 1, "outcome": "done"})
            await scenes.play("the same again", case.name, write)
            await scenes.play("the history", "write_history", {})
    return "\n".join(said)


@pytest.mark.parametrize("case", CASES, ids=by_name)
async def test_a_tool_says_what_is_recorded(case: Case, texts: Texts) -> None:
    texts.check(Path(__file__).parent / FOLDERS[case.name] / "texts" / f"{case.name}.txt", await scenes_of(case))


async def test_a_hand_off_that_stops_half_way_says_what_is_recorded(texts: Texts) -> None:
    time, clock, said, person = Time(), Time(NOW.timestamp()), list[str](), Person()
    sandbox = make_sandbox(time, now=lambda: NOW, prospects=12)
    sandbox.leads[812].customer_address = "4821 Juniper Hollow Ct"
    async with connected(sandbox, time=time, clock=clock, person=person) as client:
        scenes = Scenes(client, clock, person, said)
        await scenes.play("the address says too little", "hand_off_lead", {"lead_id": 812})
        await scenes.play("the same again", "hand_off_lead", {"lead_id": 812})
        missing = {"address": "4821 Juniper Hollow Dr", "city": "Plano", "state": "TX", "postal_code": "75024"}
        await scenes.play("with what was missing", "hand_off_lead", {"lead_id": 812, **missing})
    texts.check(Path(__file__).parent / "pipeline" / "texts" / "hand_off_lead_in_two_calls.txt", "\n".join(said))


@pytest.mark.parametrize("read_only", [False, True])
async def test_server_status_says_what_is_switched_off_as_recorded(texts: Texts, read_only: bool) -> None:
    async with connected(make_sandbox(now=lambda: NOW), clock=NOW.timestamp, read_only=read_only) as client:
        shown = text_of(await call(client, "server_status"))
    name = f"server_status_{'read_only' if read_only else 'default'}.txt"
    texts.check(Path(__file__).parent / "records" / "texts" / name, shown)
