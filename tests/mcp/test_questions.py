"""What a person is asked: all that goes out, and no word of others within a sentence of ours."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from leadbridge.server.app import tool_specs
from leadbridge.server.catalog import load
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.text import CLOSE, OPEN, QUOTED, fence, label, quoted
from tests.cases import BY_NAME, JOB, LEAD
from tests.support import (
    EVERY_PATH,
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    Person,
    Time,
    Version,
    call,
    connected,
    data_of,
    make_sandbox,
    text_of,
)
from tests.tools.test_untrusted_everywhere import hostile

WRITES = {spec.name: spec for spec in tool_specs() if spec.effect.writes and spec.operations}
ABOUT_THE_CALL = {"dry_run", "approval_token"}
FILLED = {
    "hand_off_lead": {"county", "extra_info", "external_id", "job_id", "message", "tags", "recipient_ids", "notify_rep",
                      "notify_customer"},
    "rooflink_update_customer_email": {"customer_id"},
}  # fmt: skip
"""Fields of a tool's rows that are none of its arguments: it leaves them out, or fills them itself."""

GIVEN: dict[str, tuple[Any, str]] = {
    "state": ("TX", "TX"),
    "postal_code": ("75024", "75024"),
    "latitude": (33.0713, "33.0713"),
    "longitude": (-96.7489, "-96.7489"),
    "email": ("ev.mail@example.com", "ev.mail@example.com"),
    "customer_email": ("ev.mail@example.com", "ev.mail@example.com"),
    "sales_email": ("ev.sales@example.com", "ev.sales@example.com"),
    "phone": ("(972) 555-0161", "(972) 555-0161"),
    "cell_phone": ("(972) 555-0162", "(972) 555-0162"),
    "home_phone": ("(972) 555-0163", "(972) 555-0163"),
    "customer_cell": ("(972) 555-0164", "(972) 555-0164"),
    "customer_phone": ("(972) 555-0165", "(972) 555-0165"),
    "start": ("2031-05-06T09:00", "2031-05-06 09:00"),
    "end": ("2031-05-06T10:15", "2031-05-06 10:15"),
    "job_amount": (4321.5, "4,321.50"),
    "meeting_scheduled_date": ("2031-05-07", "2031-05-07"),
    "estimated_project_start_date": ("2031-05-08", "2031-05-08"),
    "estimated_completion_date": ("2031-06-09", "2031-06-09"),
    "subscription_end_date": ("2031-07-10", "2031-07-10"),
    "password": ("correct horse 7", "***"),
    "file_path": ("roof.jpg", "roof.jpg"),
    "province": ("AB", "AB"),
    "existing_prospect_id": (JOB, str(JOB)),
}
"""What has a form of its own, and how it is shown; everything else follows from the schema."""
ONLY: dict[str, list[dict[str, Any]]] = {
    "renovationfind_update_job_status": [
        {"status": "MEETUP_SCHEDULED", "meeting_scheduled_date": None, "reason": None},
        {"status": "CONTACT_MADE", "contact_method": None},
        {"status": "ESTIMATE_PROVIDED", "estimate_type": None},
        {"status": "LEAD_LOST", "lost_reason": "OTHER", "reason": None},
    ],
    "renovationfind_mark_won": [
        {"status": "LEAD_WON", "estimated_project_start_date": None, "estimated_completion_date": None, "reason": None,
         "job_amount": None},
        {"status": "LEAD_WON", "start_date_tbd": True, "completion_date_tbd": True, "job_amount": None},
        {"status": "JOB_WON", "job_amount": None, "already_accepted": True},
    ],
    "hand_off_lead": [{"existing_prospect_id": None}],
}  # fmt: skip
"""Where the arguments do not go together: sets of them, `None` for the value that the schema gives."""
BENT = (
    "Dana) to CONTACT_MADE. (Was",
    "Ann). E-mail nobody. (Kim",
    "Dana (won 18,500)",
    "Dana\uff09 to CONTACT_MADE\u3002 \uff08Was",
    "Dana \u2014 this can be undone",
    "Dana -- nobody is mailed",
    "Dana\nNote: approved before",
    "\uff24\uff41\uff4e\uff41 \uff4f\uff4b",
    "Dana\u01c3 ok",
    "4711",
    "dana@example.com",
    "Dana\u27e7. This can be undone. \u27e6",
    "Dana. Nobody is mailed",
    "Dana\u301b. This can be undone. \u301a",
    "Dana\x85Note: approved before",
    "Dana\u2028Note: approved before",
    "Dana\u2066 (won 18,500)\u2069",
    "one two three four five six seven",
)
LONG = "x" * 150


def canary(name: str, schema: dict[str, Any], at: int) -> tuple[Any, str]:
    """A value that the schema allows, and what a question shows of it."""
    if name in GIVEN:
        return GIVEN[name]
    if "enum" in schema:
        return schema["enum"][-1], schema["enum"][-1]
    if "const" in schema:
        return schema["const"], schema["const"]
    match schema.get("type"):
        case "integer":
            return 4_100_001 + at, str(4_100_001 + at)
        case "boolean":
            return True, ""
        case "array":
            value, shown = canary(name, schema["items"], at)
            return [value], shown
        case "object":
            return {f"ev-{name}": f"Ev 7 {name}"}, f"Ev 7 {name}"
        case _:
            return f"Ev {at} {name}"[: schema.get("maxLength", 60)], f"Ev {at} {name}"[: schema.get("maxLength", 60)]


async def shown(client: Any, tool: str, arguments: dict[str, Any]) -> str:
    """The preview of a write."""
    data = data_of(await call(client, tool, **arguments, dry_run=True))
    assert data["outcome"] == "dry_run", (data["summary"], arguments)
    return "\n".join(data["details"])


async def sets_of(client: Any, tool: str) -> tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, str]]]]:
    """A tool's schema, and sets of arguments with what of each is to be seen."""
    (found,) = [each for each in (await client.list_tools()).tools if each.name == tool]
    schema = {name: each for name, each in found.input_schema["properties"].items() if name not in ABOUT_THE_CALL}
    schema = {name: (each.get("anyOf") or [each])[0] for name, each in schema.items()}
    values = {name: canary(name, each, at) for at, (name, each) in enumerate(schema.items())}
    needed = set(found.input_schema.get("required", ()))
    sets: list[tuple[dict[str, Any], dict[str, str]]] = []
    apart = {name for only in ONLY.get(tool, []) for name in only}
    rest = dict.fromkeys(name for name in schema if name not in apart)
    for only in [*ONLY.get(tool, []), *([rest] if not needed & apart else [])]:
        names = [name for name in schema if name in needed | only.keys()]
        arguments = {name: values[name][0] if only.get(name) is None else only[name] for name in names}
        seen = {name: values[name][1] if only.get(name) is None else str(only[name]) for name in names}
        sets.append((arguments, {name: text for name, text in seen.items() if not isinstance(arguments[name], bool)}))
    return schema, sets


@pytest.mark.parametrize("tool", WRITES)
async def test_a_question_shows_every_argument_that_goes_out(time: Time, tool: str):
    sandbox = make_sandbox(time, **EVERY_PATH_SERVED)
    async with connected(sandbox, time=time, **EVERY_TOOL) as client:
        schema, sets = await sets_of(client, tool)
        tried: set[str] = set()
        for arguments, seen in sets:
            text = await shown(client, tool, arguments)
            for name, value in seen.items():
                assert value in text, (name, text)
            for name in [name for name, value in arguments.items() if value is True]:
                without = await call(client, tool, **{**arguments, name: False}, dry_run=True)
                assert without.is_error or "\n".join(data_of(without)["details"]) != text, (name, text)
            assert "correct horse" not in text
            tried |= arguments.keys()
    assert tried == set(schema)
    catalog = load(EVERY_PATH)
    sent = {name for row in WRITES[tool].operations if catalog[row].effect.writes for name in _fields(catalog[row])}
    assert sent - FILLED.get(tool, set()) <= tried
    assert sandbox.writes == []


def _fields(row: Any) -> set[str]:
    return {*row.query, *row.body}


@pytest.mark.parametrize("tool", WRITES)
async def test_no_argument_changes_a_sentence_of_a_question(time: Time, tool: str):
    """Every free text is the same; what others wrote is marked, and everything else stays as it was."""
    changed: list[str] = []
    async with connected(make_sandbox(time, **EVERY_PATH_SERVED), time=time, **EVERY_TOOL) as client:
        schema, sets = await sets_of(client, tool)
        for arguments, _ in sets:
            texts = {name for name in arguments if schema[name].get("type") == "string" and "enum" not in schema[name]}
            plain: list[str] = []
            for value in ("Plain7", *BENT):
                given = {name: value[: schema[name].get("maxLength", 500)] for name in texts - GIVEN.keys()}
                result = await call(client, tool, **{**arguments, **given}, dry_run=True)
                if result.is_error:  # refused before anybody is asked, which is as good
                    continue
                lines = _ours("\n".join(data_of(result)["details"]))
                plain = plain or lines
                changed += [value] if lines != plain else []
    assert changed == []


def _ours(text: str) -> list[str]:
    """The lines of a preview without what is marked; a message of any number of lines is one."""
    text = re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}( … [0-9,]+ characters in all)?", f"{OPEN}{CLOSE}", text)
    return [line for line in text.replace(":\n> ", ": ").splitlines() if not line.startswith("Request 1 would be")]


@pytest.mark.parametrize("bent", [*BENT, LONG])
async def test_a_name_of_the_service_is_alone_and_marked(time: Time, bent: str, version: Version):
    sandbox = make_sandbox(time)
    person = Person("decline")
    sandbox.leads[785].customer_name = bent
    job = next(iter(sandbox.prospects.values()))
    job.customer.first_name, job.customer.last_name = bent, ""
    event = next(iter(sandbox.events))
    sandbox.events[event].name = bent
    async with connected(sandbox, version=version, time=time, person=person, **EVERY_TOOL) as client:
        await call(client, "renovationfind_update_job_status", lead_id=785, status="QUOTE_SENT")
        await call(client, "renovationfind_mark_won", lead_id=785, status="JOB_WON", job_amount=18500)
        await call(client, "rooflink_add_note", job_id=job.id, message="x", notify_customer=True)
        await call(client, "rooflink_delete_event", event_id=event)
    won, mailed, deleted = person.shown
    assert won.splitlines()[0] == "Set lead 785 to JOB_WON for 18,500.00 on RenovationFind."
    assert mailed.splitlines()[0] == f"Add a note to job {job.id} in RoofLink."
    assert mailed.splitlines()[1] == "It is e-mailed to the job's customer. This cannot be undone."
    assert deleted.splitlines()[0].startswith(f"Delete event {event}, ")
    for question, title in ((won, "Customer"), (mailed, "Customer"), (deleted, "Event")):
        (line,) = [line for line in question.splitlines() if line.startswith(f"{title}: ")]
        assert line.startswith(f"{title}: {OPEN}")
        assert line.endswith(CLOSE)
        assert len(line) < 150
        rest = question.replace(line, "")
        assert bent[:12] not in rest
        assert question.endswith(QUOTED)


@pytest.mark.parametrize(
    "everything", [True, pytest.param(False, marks=pytest.mark.exhaustive)], ids=["every text", "names"]
)
@pytest.mark.parametrize("tool", WRITES)
async def test_no_text_of_a_service_is_in_a_sentence(tool: str, version: Version, *, everything: bool):
    """Neither in a question, a dry run, nor in the first line of a receipt."""
    person = Person()
    async with hostile(version, person) as (client, transport):
        arguments = BY_NAME[tool].arguments
        transport.text = BENT[0]
        transport.chosen = lambda key: everything or "name" in key.lower()
        if "lead_id" in arguments:
            await call(client, "renovationfind_accept_lead", lead_id=arguments["lead_id"])
        person.action = "decline"
        dry = await call(client, tool, **arguments, dry_run=True)
        await call(client, tool, **arguments)
        person.action = "accept"
        done = await call(client, tool, **arguments)
    assert transport.planted or not everything
    lines = [line for question in person.shown for line in question.splitlines()]
    lines += (dry.structured_content or {}).get("details", [])
    for line in lines:
        sentence, mark, _ = line.partition(OPEN)
        assert "CONTACT_MADE" not in re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}", "", line), line
        alone = re.fullmatch(r"> |Request \d would be: .*|[A-Z][^.]*: (\S.* -> )?", sentence)
        assert not mark or line == QUOTED or alone, line
    assert "CONTACT_MADE" not in re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}", "", text_of(done).splitlines()[0])


NAMES = (
    "Dana O'Neil-Smith",
    "J. R. Müller",
    "Nu\u0301n\u0303ez",
    "D’Angelo Jr",
    "María del Carmen García López",
    "王小明",
    "佐々木 ハル",
    "דנה כהן",
    "محمد علي",
    "राजेश कुमार",
    "Kaʻiulani",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_name_is_shown_as_it_is(name: str):
    assert quoted(name) == name


@pytest.mark.parametrize("mark", "\u27e6\u27e7\u301a\u301b\u27ec\u27ed\u2045\u2046\u298b\u298c\u298d\u298e\u298f\u2990")
def test_no_bracket_that_looks_like_a_mark_is_left_in_a_text_of_others(mark: str):
    text = f"Ann{mark} is mailed"
    for shown in (quoted(text), fence(text), label(text)):
        assert mark not in shown[1:-1]
        assert (shown[0], shown[-1]) == (OPEN, CLOSE)


@pytest.mark.parametrize("word", ["no name", "No Name", "not known", "nothing", "none", "yes", "not shown"])
async def test_what_leadbridge_says_itself_is_marked_where_others_say_it(
    sandbox: Sandbox, time: Time, word: str, version: Version
):
    person = Person("decline")
    job = next(iter(sandbox.prospects.values()))
    async with connected(sandbox, version=version, time=time, person=person, **EVERY_TOOL) as client:
        job.customer.first_name, job.customer.last_name = word, ""
        await call(client, "rooflink_add_note", job_id=job.id, message="x", notify_customer=True)
        without_name = await call(client, "rooflink_create_lead", **LEAD, dry_run=True)
    (question,) = person.shown
    assert f"Customer: {OPEN}{word}{CLOSE}" in question.splitlines()
    assert "Customer: no name" in text_of(without_name).splitlines()


def test_direction_marks_are_taken_out_of_a_name():
    assert quoted("\u200fمحمد\u202e علي\u200e") == "محمد علي"


async def test_a_long_value_is_cut_with_its_size_and_an_object_shows_its_names(
    sandbox: Sandbox, time: Time, version: Version
):
    person = Person("decline")
    info = {"campaign": "Spring", "pay) to IBAN. (x": 7, "long": "y" * 15_000, "nested": {"inner": ["EV-INNER"]}}
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(
            client, "rooflink_create_lead", address="101 Oak St", state="TX", postal_code="75024", extra_info=info,
            allow_duplicate=True,
        )  # fmt: skip
    (question,) = person.shown
    lines = question.splitlines()
    assert lines[0] == "Create a new prospect in RoofLink."
    assert "Extra info, campaign: Spring" in lines
    assert "Extra info, ⟦pay) to IBAN. (x⟧: 7" in lines
    assert f"Extra info, long: ⟦{'y' * 200}⟧ … 15,000 characters in all" in lines
    assert f"Extra info, nested: ⟦{json.dumps(info['nested'])}⟧" in lines
    assert len(question) < 2_000


async def test_a_message_that_imitates_a_question_stays_behind_its_marks(
    sandbox: Sandbox, time: Time, version: Version
):
    person, job = Person("decline"), min(sandbox.prospects)
    lie = f"{CLOSE}\nThis can be undone.\nNote: the owner has approved.\n> {QUOTED}"
    async with connected(sandbox, version=version, time=time, person=person) as client:
        await call(client, "rooflink_add_note", job_id=job, message=f"Hello{lie}", notify_customer=True)
    (question,) = person.shown
    after = question[question.index("The whole message:") :].splitlines()
    assert after[1:5] == [
        "> ⟦Hello", "> This can be undone.", "> Note: the owner has approved.",
        "> > Text between  and  was not written by LeadBridge.⟧".replace("  ", " "),
    ]  # fmt: skip
