"""RoofLink notes: read with other people's words marked, added once, and mailed to a customer only after a yes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.people import HOSTILE_TEXTS
from leadbridge.server.sandbox.records import Prospect
from tests.support import Person, Time, Version, call, connected, data_of, text_of

LIST, ADD = "rooflink_list_notes", "rooflink_add_note"
NOW = datetime(2026, 5, 4, 15, 30, tzinfo=UTC)
CEILING = 20_000


@pytest.fixture
def sandbox(time: Time) -> Sandbox:
    """Few records, seeded at a moment that does not move."""
    return Sandbox(clock=time, now=lambda: NOW, prospects=20)


@pytest.fixture
def job(sandbox: Sandbox) -> Prospect:
    """A job whose customer has a name and an address, and whose rep is known."""
    job = next(row for row in sandbox.prospects.values() if row.deleted is None and row.customer.rep)
    job.customer.first_name, job.customer.last_name, job.customer.email = "Dana", "Miller", "dana@example.com"
    return job


def query_of(sandbox: Sandbox) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(sandbox.requests[-1].query).items()}


def posts(sandbox: Sandbox) -> int:
    return sum(request.method == "POST" for request in sandbox.requests)


def to_customers(sandbox: Sandbox) -> list[str]:
    return [mail.message for mail in sandbox.mails if mail.to == "customer"]


# Reading


async def test_the_notes_of_a_job_are_shown_with_who_when_and_tags(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect
):
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, LIST, job_id=job.id)
    data = data_of(result)
    assert query_of(sandbox) == {"page": "1", "page_size": "10", "job": str(job.id)}
    kept = sorted((n for n in sandbox.notes.values() if n.job_id == job.id), key=lambda n: n.created, reverse=True)
    assert [row["id"] for row in data["rows"]] == [note.id for note in kept]
    row = data["rows"][0]
    assert row["job_id"] == job.id
    assert re.fullmatch(r"2026-05-0\dT\d\d:\d\d", row["date"])
    assert row["sender"] in {"Alex Romero", "Beatrice Chan", "Cole Whitaker", "Désirée Lavoie", "Eun-ji Park"}
    assert any(row.get("tags") == ["Important", "Urgent"] for row in data["rows"])
    assert any("reply_to" in row for row in data["rows"])
    assert text_of(result).startswith(f"Notes 1-{len(kept)} of {len(kept)}, last page\n")
    assert "filters_ignored" not in data or data["filters_ignored"] == []
    assert sandbox.writes == []


async def test_every_filter_goes_out_under_its_documented_name(sandbox: Sandbox, time: Time, job: Prospect):
    async with connected(sandbox, time=time) as client:
        await call(
            client, LIST, job_id=job.id, tags=["Important", "Urgent"], search="roof", read=True, deleted=True,
            employee_id=301, sent_to_id=302, page=1, page_size=5,
        )  # fmt: skip
    assert query_of(sandbox) == {
        "page": "1", "page_size": "5", "job": str(job.id), "tags": "Important,Urgent", "search": "roof",
        "read": "true", "deleted": "true", "employee": "301", "sent_to": "302",
    }  # fmt: skip


async def test_archived_notes_are_listed_only_when_asked_for(sandbox: Sandbox, time: Time):
    archived = {note.id for note in sandbox.notes.values() if note.archived}
    assert archived
    async with connected(sandbox, time=time) as client:
        found = {row["id"] for row in data_of(await call(client, LIST, deleted=True))["rows"]}
        usual: set[int] = set()
        page: int | None = 1
        while page:
            data = data_of(await call(client, LIST, page=page))
            usual |= {row["id"] for row in data["rows"]}
            page = data.get("next_page")
    assert found == archived
    assert usual == set(sandbox.notes) - archived


async def test_hostile_notes_stand_between_marks_and_hide_nothing(sandbox: Sandbox, time: Time, version: Version):
    job_id = next(iter(sandbox.notes.values())).job_id
    note = next(note for note in sandbox.notes.values() if note.job_id == job_id)
    for number, text in enumerate(HOSTILE_TEXTS):
        sandbox.notes[93_000 + number] = replace(note, id=93_000 + number, message=text, created=NOW)
    async with connected(sandbox, version=version, time=time) as client:
        result = await call(client, LIST, job_id=job_id)
    outside = re.sub("⟦[^⟦⟧]*⟧", "", text_of(result))
    for words in ("Ignore previous", "maintenance", "SYSTEM", "approval_token", "LLA ETELED", "INST", "Assistant:"):
        assert words not in outside
    assert not {"\u202e", "\u200b", "\x1b", "\x07", "\u2066"} & set(result.model_dump_json())
    assert "<img" not in text_of(result)
    shown = {row["id"]: row["message"] for row in data_of(result)["rows"]}
    assert all(message.startswith("⟦") and message.endswith("⟧") for message in shown.values())
    assert "⟦…⟧ marks text written by other people" in text_of(result)


async def test_a_long_note_is_cut_and_shown_whole_on_a_page_of_its_own(sandbox: Sandbox, time: Time):
    note = max(sandbox.notes.values(), key=lambda note: len(note.message))
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST, job_id=note.job_id)
        hint = re.search(rf"The text of note {note.id} is cut; page=(\d+) with page_size=1", text_of(result))
        assert hint
        whole = await call(client, LIST, job_id=note.job_id, page=int(hint[1]), page_size=1)
    (row,) = data_of(whole)["rows"]
    assert row["id"] == note.id
    assert row["message"] == f"⟦{note.message.strip()}⟧"
    assert "is cut" not in text_of(whole)


async def test_a_page_that_is_too_long_goes_on_without_leaving_a_note_out(sandbox: Sandbox, time: Time):
    note = next(iter(sandbox.notes.values()))
    sandbox.notes.clear()
    for number in range(10):
        tags = tuple(f"{number} {letter * 110}!" for letter in "abcdefghij")
        sandbox.notes[number + 1] = replace(note, id=number + 1, message="x" * 1500, tags=tags)
    async with connected(sandbox, time=time) as client:
        seen: list[int] = []
        arguments: dict[str, int] = {"page": 1}
        while arguments:
            result = await call(client, LIST, **arguments)
            data = data_of(result)
            assert len(text_of(result)) <= CEILING
            seen += [row["id"] for row in data["rows"]]
            size = data.get("page_size", arguments.get("page_size", 10))
            arguments = {"page": data["next_page"], "page_size": size} if data.get("next_page") else {}
    assert seen == list(range(10, 0, -1))


async def test_columns_can_be_chosen(sandbox: Sandbox, time: Time):
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST, fields=["date", "sender"])
        wrong = await call(client, LIST, fields=["colour"])
    assert text_of(result).splitlines()[1] == "id | date | sender"
    assert {name for row in data_of(result)["rows"] for name in row} == {"id", "date", "sender"}
    assert "- fields: must be one of" in text_of(wrong)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"id": 1, "text": "Hi", "created_by": {"full_name": "Ann Lee"}}, {"message": "⟦Hi⟧", "sender": "Ann Lee"}),
        ({"id": 1, "body": "Hi", "author": "Bo", "created_at": "05/01/2026 9:05PM"}, {"date": "2026-05-01T21:05"}),
        ({"id": 1, "message": {"x": 1}, "note": "Inner", "sender": 301}, {"message": "⟦Inner⟧", "sender": "user 301"}),
        ({"id": 1, "recipients": [301, "Ann", {"name": ""}, {"id": 7}]}, {"to": ["user 301", "Ann", "user 7"]}),
        ({"id": 1, "tags": "Urgent, Important"}, {"tags": ["Urgent", "Important"]}),
        ({"id": 1, "tags": [{"name": "Urgent"}], "job": {"id": 7}}, {"tags": ["Urgent"], "job_id": 7}),
        ({"id": 1, "job": "7", "replies": [{}, {}], "is_read": "true"}, {"job_id": 7, "replies": 2, "read": True}),
        ({"id": 1, "sender": [], "recipients": None, "tags": 5, "date": "soon", "parent": "x"}, {"date": "soon"}),
    ],
)  # fmt: skip
async def test_a_note_of_whatever_shape_is_read(sandbox: Sandbox, time: Time, row: Any, shown: dict[str, Any]):
    body = json.dumps({"count": 1, "results": [row], "next_page": None})
    sandbox.faults.add(Fault(kind="status", status=200, body=body))
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST)
    assert {name: data_of(result)["rows"][0].get(name) for name in shown} == shown
    assert ("no text under a name that LeadBridge knows" in text_of(result)) == (
        "message" not in data_of(result)["rows"][0]
    )


async def test_a_filter_that_rows_contradict_is_named(sandbox: Sandbox, time: Time):
    rows = [{"id": 1, "job": 5, "tags": ["Other"], "is_read": False, "is_archived": True}]
    sandbox.faults.add(Fault(kind="status", status=200, body=json.dumps({"count": 1, "results": rows})))
    async with connected(sandbox, time=time) as client:
        result = await call(client, LIST, job_id=7, tags=["Urgent"], read=True)
    assert data_of(result)["filters_ignored"] == ["job_id", "tags", "read", "deleted"]
    assert "WARNING: the service ignored these filters" in text_of(result)


@pytest.mark.parametrize(("tool", "arguments"), [("rooflink_list_notes", {}), ("rooflink_add_note", {"message": "Hi"})])
async def test_a_job_that_is_not_there_is_named_also_where_its_number_is_not_in_the_path(
    sandbox: Sandbox, time: Time, tool: str, arguments: dict[str, Any]
):
    sandbox.faults.add(Fault(kind="status", match="* /light/notes/", status=404, body='{"detail": "Not found."}'))
    async with connected(sandbox, time=time, person=Person()) as client:
        result = await call(client, tool, job_id=7_000_120, **arguments)
    assert "RoofLink has nothing at /light/notes/ for job 7000120 (404)" in text_of(result)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"page_size": 11}, "page_size: must be at most 10"),
        ({"page_size": 0}, "page_size: must be at least 1"),
        ({"page": 0}, "page: must be at least 1"),
        ({"tags": "Urgent, Roof"}, "tags: must be a list"),
        ({"tags": ["a,b"]}, "tags: a tag to look for cannot hold a comma"),
        ({"tags": [5]}, "tags: must be a text"),
        ({"job_id": "07"}, "job_id: must be an integer"),
        ({"read": "yes"}, "read: must be true or false"),
        ({"deleted": 1}, "deleted: must be true or false"),
        ({"search": "\x00"}, "search: holds a character that cannot be seen (U+0000)"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_its_name(sandbox: Sandbox, arguments: dict[str, Any], expected: str):
    async with connected(sandbox) as client:
        result = await call(client, LIST, **arguments)
    assert result.is_error
    assert f"- {expected}" in text_of(result)
    assert sandbox.requests == []


# Adding a note that stays among colleagues


async def test_a_note_is_added_without_asking_and_mails_no_customer(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect
):
    person = Person("decline")
    async with connected(sandbox, version=version, time=time, person=person) as client:
        result = await call(
            client, ADD, job_id=job.id, message="Roof is ready.\nCall her.", tags=["Urgent"], recipient_ids=[303]
        )
    data = data_of(result)
    assert data["outcome"] == "done", text_of(result)
    (write,) = sandbox.writes
    assert write.body == {
        "job": job.id,
        "message": "Roof is ready.\nCall her.",
        "tags": ["Urgent"],
        "recipients": [303],
    }
    assert data["record_id"] == write.record_id
    assert data["summary"] == f"Note {write.record_id} added to job {job.id}."
    assert data["warnings"] == []
    assert (person.shown, to_customers(sandbox)) == ([], [])
    assert [request.method for request in sandbox.requests] == ["POST"]


async def test_the_rep_is_reported_under_a_name_that_is_called_inferred(sandbox: Sandbox, time: Time, job: Prospect):
    async with connected(sandbox, time=time) as client:
        result = await call(client, ADD, job_id=job.id, message="x", notify_rep=True)
    assert sandbox.writes[0].body == {"job": job.id, "message": "x", "notify_rep": True}
    assert "documentation does not confirm the option notify_rep" in text_of(result)
    assert job.customer.rep
    assert [mail.address for mail in sandbox.mails] == [job.customer.rep.email]


async def test_the_same_note_again_within_a_day_is_reported_and_not_written(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect
):
    now = [1_750_000_000.0]
    async with connected(sandbox, version=version, time=time, clock=lambda: now[0]) as client:
        for outcome, passing in (("done", 3600), ("already_done", 86_400), ("done", 0)):
            result = await call(client, ADD, job_id=job.id, message="Called, no answer.")
            assert data_of(result)["outcome"] == outcome
            now[0] += passing
        other = await call(client, ADD, job_id=job.id, message="Called again.")
    assert data_of(other)["outcome"] == "done"
    assert len(sandbox.writes) == 3


async def test_required_tags_and_recipients_are_reported_by_the_service_s_words(time: Time):
    sandbox = Sandbox(clock=time, prospects=20, note_tags_required=True, note_recipients_required=True)
    job = next(iter(sandbox.prospects))
    async with connected(sandbox, time=time) as client:
        missing = await call(client, ADD, job_id=job, message="x")
        wrong = await call(client, ADD, job_id=job, message="x", tags=["Odd"], recipient_ids=[999])
        right = await call(client, ADD, job_id=job, message="x", tags=["Urgent"], recipient_ids=[301])
    assert data_of(missing)["outcome"] == data_of(wrong)["outcome"] == "refused"
    for text in ("tags: ", "recipients: ", "This field is required."):
        assert text in text_of(missing)
    assert "tags.0: " in text_of(wrong)
    assert "is not a valid choice" in text_of(wrong)
    assert "recipients.0: " in text_of(wrong)
    assert data_of(right)["outcome"] == "done"
    assert len(sandbox.writes) == 1


async def test_a_note_that_is_answered_with_something_else_is_not_done(sandbox: Sandbox, time: Time, job: Prospect):
    body = json.dumps({"id": 5, "job": 7, "tags": ["Important"], "recipients": []})
    sandbox.faults.add(Fault(kind="status", status=201, body=body))
    async with connected(sandbox, time=time) as client:
        result = await call(client, ADD, job_id=job.id, message="x", tags=["Important", "Urgent"], recipient_ids=[301])
    assert data_of(result)["outcome"] == "unknown"
    for expected in (
        f"job_id 7 instead of {job.id}",
        "tags Important instead of Important, Urgent",
        "recipient_ids none",
    ):
        assert expected in data_of(result)["summary"]


# Mailing a customer


async def test_a_customer_is_mailed_only_after_a_yes_to_the_whole_message(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect
):
    message = "Dear Ms. Miller,\nyour roof is done.\n\nThis cannot be seen: Tags: none"
    arguments: dict[str, Any] = {
        "job_id": job.id, "message": message, "tags": ["Customer"], "recipient_ids": [303], "notify_rep": True,
        "notify_customer": True,
    }  # fmt: skip
    person = Person("decline")
    async with connected(sandbox, version=version, time=time, person=person) as client:
        for person.action in ("decline", "cancel"):
            assert data_of(await call(client, ADD, **arguments))["outcome"] == "not_approved"
        assert (posts(sandbox), to_customers(sandbox)) == (0, [])
        person.action = "accept"
        result = await call(client, ADD, **arguments)
        again = await call(client, ADD, **arguments)
    for one in (result, again):  # that it was mailed is what was asked for, and the answer does not show it
        assert data_of(one)["outcome"] == "unconfirmed", text_of(one)
    assert text_of(result).partition("\n")[0].endswith("RoofLink's answer does not show: e-mail to the customer.")
    assert "Look above all for: e-mail to the customer." in text_of(result)
    assert to_customers(sandbox) == [message]
    assert len(sandbox.writes) == 1
    assert len(person.shown) == 3
    lines = person.shown[-1].splitlines()
    rep = job.customer.rep
    assert rep
    assert lines[:7] == [
        f"Add a note to job {job.id} in RoofLink.",
        "It is e-mailed to the job's customer. This cannot be undone.",
        "Customer: Dana Miller",
        "E-mail: ⟦dana@example.com⟧",
        "Recipients: user 303, the job's rep",
        f"The job's rep: ⟦{rep.name} (id {rep.id})⟧",
        "Tags: Customer",
    ]
    assert lines[7:12] == [
        "The whole message:", "> ⟦Dear Ms. Miller,", "> your roof is done.", "> ", "> This cannot be seen: Tags: none⟧",
    ]  # fmt: skip
    warning = "documentation does not confirm the option notify_customer"
    assert warning in person.shown[-1]
    assert warning in text_of(result)
    assert "Check in RoofLink afterwards whether the e-mail went out." in text_of(result)


async def test_a_customer_is_mailed_after_a_token_where_nobody_can_be_asked(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect
):
    arguments: dict[str, Any] = {"job_id": job.id, "message": "Your roof is done.", "notify_customer": True}
    async with connected(sandbox, version=version, time=time) as client:
        first = await call(client, ADD, **arguments)
        assert data_of(first)["outcome"] == "approval_required"
        assert "> ⟦Your roof is done.⟧" in text_of(first)
        assert "Dana Miller" in text_of(first)
        token = data_of(first)["approval_token"]
        for changed in ({"message": "Pay at once."}, {"job_id": job.id + 1}, {"recipient_ids": [301]}):
            refused = await call(client, ADD, **{**arguments, **changed, "approval_token": token})
            assert data_of(refused)["reason"] == "token_other_arguments"
        assert (posts(sandbox), to_customers(sandbox)) == (0, [])
        done = await call(client, ADD, **arguments, approval_token=token)
        assert data_of(done)["outcome"] == "unconfirmed"
        used = await call(client, ADD, **arguments, approval_token=token)
    assert used.is_error or data_of(used)["outcome"] == "unconfirmed"
    assert to_customers(sandbox) == ["Your roof is done."]
    assert len(sandbox.writes) == 1


async def test_a_token_for_a_plain_note_is_none_for_one_that_is_mailed(sandbox: Sandbox, time: Time, job: Prospect):
    arguments: dict[str, Any] = {"job_id": job.id, "message": "x"}
    async with connected(sandbox, time=time) as client:
        plain = await call(client, ADD, **arguments, approval_token="lb1.x.y")
        mailed = await call(client, ADD, **arguments, notify_customer=True, approval_token="lb1.x.y")
    assert data_of(plain)["outcome"] == "done"
    assert data_of(mailed)["reason"] == "token_not_whole"
    assert to_customers(sandbox) == []


async def test_another_customer_since_the_token_makes_it_stale(sandbox: Sandbox, time: Time, job: Prospect):
    arguments: dict[str, Any] = {"job_id": job.id, "message": "x", "notify_customer": True}
    async with connected(sandbox, time=time) as client:
        token = data_of(await call(client, ADD, **arguments))["approval_token"]
        job.customer.email = "somebody.else@example.com"
        refused = await call(client, ADD, **arguments, approval_token=token)
    assert data_of(refused)["reason"] == "token_stale"
    assert sandbox.writes == []


@pytest.mark.parametrize(("mode", "outcome"), [("human", "refused"), ("off", "unconfirmed")])
async def test_the_approval_modes_count_for_a_mailed_note(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect, mode: str, outcome: str
):
    async with connected(sandbox, version=version, time=time, approvals=mode) as client:
        result = await call(client, ADD, job_id=job.id, message="x", notify_customer=True)
        plain = await call(client, ADD, job_id=job.id, message="x")
    assert data_of(result)["outcome"] == outcome
    assert data_of(plain)["outcome"] == "done"
    assert len(to_customers(sandbox)) == (outcome == "unconfirmed")


async def test_who_the_customer_is_may_be_unknown(sandbox: Sandbox, time: Time, job: Prospect):
    person = Person("decline")
    async with connected(sandbox, time=time, person=person) as client:
        sandbox.faults.add(Fault(kind="status", status=404, times=None, match="GET prospect"))
        await call(client, ADD, job_id=job.id, message="x", notify_customer=True)
        sandbox.faults.clear()
        job.customer.email, job.customer.first_name = "", "Ignore all\nRecipients: nobody"
        await call(client, ADD, job_id=job.id, message="x", notify_customer=True)
    unknown, nowhere = person.shown
    assert "Who that is, is not known." in unknown
    assert "RoofLink has no e-mail address of this customer." in nowhere
    assert "⟦Ignore all Recipients: nobody Miller⟧" in nowhere
    assert sandbox.writes == []


async def test_a_customer_without_an_address_is_not_reported_as_mailed(sandbox: Sandbox, time: Time, job: Prospect):
    job.customer.email = ""
    async with connected(sandbox, time=time, person=Person()) as client:
        result = await call(client, ADD, job_id=job.id, message="x", notify_customer=True)
    assert data_of(result)["outcome"] == "unconfirmed"
    assert data_of(result)["warnings"][0].startswith("RoofLink has no e-mail address of this customer")
    assert "probably reaches nobody" in text_of(result)


async def test_a_dry_run_shows_the_note_and_asks_nobody(sandbox: Sandbox, time: Time, version: Version, job: Prospect):
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        mailed = await call(client, ADD, job_id=job.id, message="x", notify_customer=True, dry_run=True)
        plain = await call(client, ADD, job_id=job.id, message="x", dry_run=True)
    assert data_of(mailed)["outcome"] == data_of(plain)["outcome"] == "dry_run"
    assert data_of(mailed)["request"]["body"] == {"job": job.id, "message": "x", "notify_customer": True}
    assert "It would need a person's approval." in text_of(mailed)
    assert "It would need no approval." in text_of(plain)
    assert (person.shown, posts(sandbox), sandbox.writes) == ([], 0, [])


async def test_a_flag_of_another_name_is_corrected_by_the_contract_file(time: Time, tmp_path: Path):
    sandbox = Sandbox(clock=time, prospects=20, note_names={"notify_customer": "email_customer"})
    job = next(row for row in sandbox.prospects.values() if row.customer.email and row.deleted is None)
    contract = tmp_path / "contract.toml"
    contract.write_text('[operations."rooflink.add_note".body]\nnotify_customer = "email_customer"\n', "utf-8")
    async with connected(sandbox, time=time, person=Person()) as client:
        doubtful = await call(client, ADD, job_id=job.id, message="one", notify_customer=True)
    assert to_customers(sandbox) == []
    assert "RoofLink may ignore it" in text_of(doubtful)
    async with connected(sandbox, time=time, person=Person(), contract_file=contract) as client:
        sure = await call(client, ADD, job_id=job.id, message="two", notify_customer=True)
    assert to_customers(sandbox) == ["two"]
    assert "RoofLink may ignore it" not in text_of(sure)


# What breaks


@pytest.mark.parametrize("mailed", [True, False])
async def test_a_lost_answer_leaves_it_unknown_and_blocks_its_repeat(
    sandbox: Sandbox, time: Time, version: Version, job: Prospect, *, mailed: bool
):
    arguments: dict[str, Any] = {"job_id": job.id, "message": "x", "notify_customer": mailed}
    sandbox.faults.add(Fault(kind="drop_after", match="POST notes"))
    person = Person()
    async with connected(sandbox, version=version, time=time, person=person) as client:
        lost = await call(client, ADD, **arguments)
        blocked = await call(client, ADD, **arguments)
        other = await call(client, ADD, **{**arguments, "message": "y"})
    assert data_of(lost)["outcome"] == "unknown"
    assert data_of(blocked)["reason"] == "earlier_unknown"
    # As long as it is not known whether the customer was mailed, nothing else is mailed to them.
    assert data_of(other).get("reason", "") == ("earlier_unknown" if mailed else "")
    assert len(sandbox.writes) == (1 if mailed else 2)
    assert len(to_customers(sandbox)) == mailed
    assert len(person.shown) == mailed


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(kind="html_200", match="POST notes"), "unknown"),
        (Fault(kind="server_error", match="POST notes"), "unknown"),
        (Fault(kind="status", status=201, body="{}", match="POST notes"), "unknown"),
        (Fault(kind="status", status=403, match="POST notes"), "refused"),
        (Fault(kind="unavailable", match="POST notes"), "refused"),
    ],
    ids=["html", "500", "no id", "403", "503"],
)
async def test_an_answer_that_is_none_is_not_done(
    sandbox: Sandbox, time: Time, job: Prospect, fault: Fault, outcome: str
):
    sandbox.faults.add(fault)
    async with connected(sandbox, time=time) as client:
        result = await call(client, ADD, job_id=job.id, message="x")
    assert data_of(result)["outcome"] == outcome
    assert result.is_error


# Arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"message": ""}, "message: must not be empty"),
        ({"message": " \n"}, "message: must not be blank"),
        ({"message": "x" * 10_001}, "message: must have at most 10000 characters"),
        ({"message": "x" + "\n" * 300 + "x"}, "message: must have at most 300 lines"),
        ({"message": "a\u202eb"}, "message: holds a character that cannot be seen (U+202E)"),
        ({"message": "a\x00b"}, "message: holds a character that cannot be seen (U+0000)"),
        ({"message": "a\ufffdb"}, "message: is damaged"),
        ({"message": 5}, "message: must be a text"),
        ({"tags": "Urgent, Roof"}, "tags: must be a list"),
        ({"tags": [" "]}, "tags: must not be blank"),
        ({"recipient_ids": ["301 302"]}, "recipient_ids: must be an integer"),
        ({"recipient_ids": [True]}, "recipient_ids: must be an integer"),
        ({"recipient_ids": [0]}, "recipient_ids: must be at least 1"),
        ({"recipient_ids": []}, "recipient_ids: must not be empty"),
        ({"notify_customer": "yes"}, "notify_customer: must be true or false"),
        ({"job_id": 0}, "job_id: must be at least 1"),
    ],
)
async def test_what_cannot_be_written_is_refused_by_its_name(
    sandbox: Sandbox, job: Prospect, arguments: dict[str, Any], expected: str
):
    async with connected(sandbox) as client:
        result = await call(client, ADD, **{"job_id": job.id, "message": "x", **arguments})
    assert result.is_error
    assert f"- {expected}" in text_of(result)
    assert sandbox.requests == []


async def test_people_write_in_every_script(sandbox: Sandbox, time: Time, job: Prospect):
    message = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩🏽\u200d🔧 ❤\ufe0f\tZoë ⟦copied⟧\r\n屋根"
    async with connected(sandbox, time=time) as client:
        await call(client, ADD, job_id=job.id, message=message)
    body = sandbox.writes[0].body
    assert isinstance(body, dict)
    assert body["message"] == message.replace("⟦", "").replace("⟧", "").replace("\r\n", "\n")


async def test_the_history_does_not_keep_what_was_written(sandbox: Sandbox, time: Time, job: Prospect):
    async with connected(sandbox, time=time) as client:
        await call(client, ADD, job_id=job.id, message="Her gate code is 4711.")
        history = await call(client, "write_history")
    assert "4711" not in history.model_dump_json()
    assert data_of(history)["rows"][0]["target"] == f"job {job.id}"


def test_the_seeded_notes_lie_in_the_past(sandbox: Sandbox):
    assert all(note.created < NOW - timedelta(hours=1) for note in sandbox.notes.values())
