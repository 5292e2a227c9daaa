from __future__ import annotations

import pytest

NOTES = "/light/notes/"


@pytest.fixture
def job(sandbox):
    job = next(row for row in sandbox.prospects.values() if row.deleted is None and row.customer.rep)
    job.customer.email = "homeowner@example.com"
    return job


async def test_a_note_is_kept_and_its_recipients_are_mailed_but_not_the_customer(rooflink, sandbox, job):
    body = {"job": job.id, "message": " Roof is ready. ", "tags": ["Urgent"], "recipients": [303]}
    answer = await rooflink.post(NOTES, json=body)
    assert answer.status_code == 201
    note = sandbox.notes[answer.json()["id"]]
    assert (note.message, note.tags, note.recipients, note.job_id) == ("Roof is ready.", ("Urgent",), (303,), job.id)
    assert [(mail.to, mail.address) for mail in sandbox.mails] == [("employee", "cole.whitaker@example.com")]
    (write,) = sandbox.writes
    assert (write.operation, write.record_id, write.body) == ("POST /light/notes/", note.id, body)


async def test_the_flags_mail_the_rep_and_the_customer(rooflink, sandbox, job):
    await rooflink.post(NOTES, json={"job": job.id, "message": "x", "notify_rep": True, "notify_customer": True})
    assert [(mail.to, mail.address) for mail in sandbox.mails] == [
        ("employee", job.customer.rep.email),
        ("customer", "homeowner@example.com"),
    ]


async def test_a_customer_without_an_address_is_not_mailed(rooflink, sandbox, job):
    job.customer.email = ""
    answer = await rooflink.post(NOTES, json={"job": job.id, "message": "x", "notify_customer": True})
    assert (answer.status_code, sandbox.mails) == (201, [])


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({"job": None}, "job", "may not be null"),
        ({"job": "7"}, "job", "valid integer"),
        ({"job": 99}, "job", "does not exist"),
        ({"message": " "}, "message", "may not be blank"),
        ({"message": 5}, "message", "valid string"),
        ({"tags": "Urgent"}, "tags", "Expected a list"),
        ({"tags": ["Urgent", "Odd", 5]}, "tags", '"Odd"'),
        ({"recipients": [True]}, "recipients", "valid integer"),
        ({"recipients": [999]}, "recipients", "does not exist"),
        ({"notify_rep": "yes"}, "notify_rep", "valid boolean"),
        ({"notify_customer": None}, "notify_customer", "may not be null"),
    ],
)
async def test_a_wrong_note_is_refused_and_nobody_mailed(rooflink, sandbox, job, body, field, text):
    before = len(sandbox.notes)
    answer = await rooflink.post(NOTES, json={"job": job.id, "message": "x", **body})
    assert answer.status_code == 400
    assert set(answer.json()) == {field}
    assert text in str(answer.json()[field])
    assert (len(sandbox.notes), sandbox.writes, sandbox.mails) == (before, [], [])


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"job": 0}, lambda note, wanted: note.job_id == wanted),
        ({"tags": "Scheduling,Urgent"}, lambda note, _: {"Scheduling", "Urgent"} & set(note.tags)),
        ({"search": "ADJUSTER"}, lambda note, _: "adjuster" in note.message.lower()),
        ({"read": "true"}, lambda note, _: note.read),
    ],
)
async def test_filters_of_notes(rooflink, sandbox, query, fits):
    wanted = next(iter(sandbox.notes.values())).job_id
    query = {**query, "job": wanted} if "job" in query else query
    rows = (await rooflink.get(NOTES, params=query)).json()["results"]
    assert rows
    assert all(fits(sandbox.notes[row["id"]], wanted) for row in rows)
