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


async def test_a_flag_under_another_name_is_passed_over(make_sandbox, client_of):
    sandbox = make_sandbox(note_names={"notify_customer": "email_customer"})
    job = next(row for row in sandbox.prospects.values() if row.customer.email)
    client = client_of(sandbox, "rooflink")
    await client.post(NOTES, json={"job": job.id, "message": "x", "notify_customer": True})
    assert sandbox.mails == []
    await client.post(NOTES, json={"job": job.id, "message": "x", "email_customer": True})
    assert [mail.to for mail in sandbox.mails] == ["customer"]


async def test_a_customer_without_an_address_is_not_mailed(rooflink, sandbox, job):
    job.customer.email = ""
    answer = await rooflink.post(NOTES, json={"job": job.id, "message": "x", "notify_customer": True})
    assert (answer.status_code, sandbox.mails) == (201, [])


@pytest.mark.parametrize(
    ("body", "field", "told"),
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
async def test_a_wrong_note_is_refused_and_nobody_mailed(rooflink, sandbox, job, body, field, told):
    before = len(sandbox.notes)
    answer = await rooflink.post(NOTES, json={"job": job.id, "message": "x", **body})
    assert answer.status_code == 400
    assert set(answer.json()) == {field}
    assert told in str(answer.json()[field])
    assert (len(sandbox.notes), sandbox.writes, sandbox.mails) == (before, [], [])


async def test_tags_and_recipients_can_be_required(make_sandbox, client_of):
    sandbox = make_sandbox(note_tags_required=True, note_recipients_required=True)
    job = next(iter(sandbox.prospects))
    answer = await client_of(sandbox, "rooflink").post(NOTES, json={"job": job, "message": "x", "tags": []})
    assert answer.json() == {"tags": ["This field is required."], "recipients": ["This field is required."]}
    assert sandbox.writes == []


async def test_notes_come_newest_first_ten_at_a_time_without_the_archived(rooflink, sandbox):
    first = (await rooflink.get(NOTES)).json()
    assert (len(first["results"]), first["next_page"]) == (10, 2)
    assert first["count"] == sum(not note.archived for note in sandbox.notes.values())
    created = [sandbox.notes[row["id"]].created for row in first["results"]]
    assert created == sorted(created, reverse=True)
    archived = (await rooflink.get(NOTES, params={"deleted": "true"})).json()
    assert [row["is_archived"] for row in archived["results"]] == [True]
    assert any(note.parent_id for note in sandbox.notes.values())


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


async def test_notes_of_an_employee_are_those_sent_received_or_of_their_jobs(rooflink, sandbox):
    employee = (await rooflink.get(NOTES, params={"employee": 301})).json()["count"]
    sent_to = (await rooflink.get(NOTES, params={"sent_to": 301})).json()["count"]
    assert 0 < sent_to < employee < len(sandbox.notes)


@pytest.mark.parametrize(
    "query",
    [{"page_size": 11}, {"page_size": 0}, {"job": "x"}, {"deleted": "maybe"}, {"read": "2"}, {"employee": "-1"}],
)
async def test_a_query_that_cannot_be_read_is_refused(rooflink, query):
    answer = await rooflink.get(NOTES, params=query)
    assert (answer.status_code, list(answer.json())) == (400, list(query))


async def test_a_reply_is_taken_only_where_a_path_was_chosen(make_sandbox, client_of, rooflink):
    assert (await rooflink.post("/light/notes/92001/reply/", json={"message": "x"})).status_code == 404
    for path, address in (("/light/notes/{note_id}/reply/", "/light/notes/92002/reply/"), ("/light/reply/", None)):
        sandbox = make_sandbox(reply_to_note_path=path)
        client = client_of(sandbox, "rooflink")
        body = {"message": "Thanks", **({} if address else {"note": 92002})}
        answer = await client.post(address or path, json=body)
        assert answer.status_code == 201
        assert answer.json()["parent"] == 92002
        assert {mail.to for mail in sandbox.mails} == {"employee"}
        assert len(sandbox.writes) == 1
        assert (await client.post(address or path, json={**body, "message": ""})).status_code == 400
        assert (await client.post("/light/notes/5/reply/", json=body)).status_code == 404
        assert len(sandbox.writes) == 1
