from __future__ import annotations

import pytest

from leadbridge.server.sandbox import Fault

EVENTS = "/light/events/"
GOOD = {"name": "Inspection", "start": "05/06/2026 9:00AM", "end": "05/06/2026 10:00AM"}


async def test_the_list_has_ten_at_most_and_leaves_recurring_ones_out(rooflink, sandbox):
    rows, page = [], 1
    while page:
        answer = (await rooflink.get(EVENTS, params={"page": page, "page_size": 100})).json()
        assert len(answer["results"]) <= 10
        rows += answer["results"]
        page = answer["next_page"]
    once = {event.id for event in sandbox.events.values() if event.recurrence == "never"}
    assert {row["id"] for row in rows} == once < set(sandbox.events)
    assert rows[0]["start"].endswith("9:00AM")
    assert rows[0]["local_start"].endswith("T09:00:00.000000-05:00")


async def test_the_list_is_filtered_by_users_and_days_and_ignores_the_job(rooflink):
    async def names(**query):
        return (await rooflink.get(EVENTS, params=query)).json()["results"]

    rows = await names(users="303", start__gte="2026-05-05", start__lte="2026-05-06")
    assert rows
    assert {row["local_start"][:10] for row in rows} <= {"2026-05-05", "2026-05-06"}
    assert all(303 in {row["created_by"]["id"], *(person["id"] for person in row["invitees"])} for row in rows)
    assert len(await names(job="1")) == 10
    assert (await rooflink.get(EVENTS, params={"start__gte": "05/05/2026"})).status_code == 400
    assert (await rooflink.get(EVENTS, params={"users": "x"})).status_code == 400


async def test_a_filter_by_job_can_be_chosen(make_sandbox, client_of):
    sandbox = make_sandbox(event_filters=frozenset({"job"}))
    job = next(event.job_id for event in sandbox.events.values() if event.job_id)
    rows = (await client_of(sandbox, "rooflink").get(EVENTS, params={"job": job})).json()["results"]
    assert {row["job"]["id"] for row in rows} == {job}


async def test_the_calendar_is_an_array_of_today_and_of_ones_own(rooflink):
    rows = (await rooflink.get(f"{EVENTS}cal/")).json()
    assert {row["local_start"][:10] for row in rows} <= {"2026-05-04"}
    assert all(301 in {row["created_by"]["id"], *(person["id"] for person in row["invitees"])} for row in rows)
    everyone = (await rooflink.get(f"{EVENTS}cal/", params={"users": "301,302,303,304,305"})).json()
    assert len(everyone) == 2


async def test_the_next_days_are_six_and_ordered(rooflink):
    days = (await rooflink.get(f"{EVENTS}next_five_days_events/", params={"scope": "all"})).json()
    assert list(days) == [f"2026-05-{day:02d}" for day in range(4, 10)]
    for rows in days.values():
        assert [row["local_start"] for row in rows] == sorted(row["local_start"] for row in rows)
    own = (await rooflink.get(f"{EVENTS}next_five_days_events/")).json()
    assert sum(map(len, own.values())) < sum(map(len, days.values()))
    answer = await rooflink.get(f"{EVENTS}next_five_days_events/", params={"scope": "none"})
    assert answer.status_code == 400


async def test_a_new_event_tells_its_invitees(rooflink, sandbox):
    job = next(iter(sandbox.prospects))
    body = {**GOOD, "job": job, "invitees": [302, 303, 302], "add_to_my_calendar": True}
    answer = await rooflink.post(EVENTS, json=body)
    assert answer.status_code == 201
    row = answer.json()
    assert (row["job"]["id"], [person["id"] for person in row["invitees"]]) == (job, [302, 303])
    assert [(notice.event_id, notice.user_id, notice.about) for notice in sandbox.notices] == [
        (row["id"], 302, "invited"), (row["id"], 303, "invited"),
    ]  # fmt: skip
    assert [write.operation for write in sandbox.writes] == ["POST /light/events/"]


@pytest.mark.parametrize(
    ("change", "start", "end"),
    [
        ({"start": "05/06/2026 6:00AM", "end": "05/06/2026 6:30AM"}, "7:00AM", "8:00AM"),
        ({"start": "05/06/2026 6:00AM", "end": "05/06/2026 9:00AM"}, "7:00AM", "9:00AM"),
        ({"start": "05/06/2026 6:00AM", "end": "05/06/2026 6:30AM", "all_day": True}, "6:00AM", "6:30AM"),
        ({"start": "05/06/2026 6:00AM", "end": "05/06/2026 6:30AM", "any_time": True}, "6:00AM", "6:30AM"),
    ],
)
async def test_early_hours_are_moved(rooflink, change, start, end):
    row = (await rooflink.post(EVENTS, json={**GOOD, **change})).json()
    assert (row["start"], row["end"]) == (f"05/06/2026 {start}", f"05/06/2026 {end}")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"start": None}, "start"),
        ({"start": "2026-05-06T09:00"}, "start"),
        ({"end": "05/06/2026 9:00AM"}, "end"),
        ({"end": "05/06/2026 9:14AM"}, "end"),
        ({"job": 1}, "job"),
        ({"all_day": "yes"}, "all_day"),
        ({"invitees": [1]}, "invitees"),
        ({"invitees": 302}, "invitees"),
    ],
)
async def test_a_wrong_body_is_refused_by_its_field(rooflink, sandbox, change, field):
    answer = await rooflink.post(EVENTS, json={**GOOD, **change})
    assert answer.status_code == 400
    assert set(answer.json()) == {field}
    assert (sandbox.writes, sandbox.notices) == ([], [])


async def test_an_event_is_changed_in_part_and_only_changed_invitees_are_told(rooflink, sandbox):
    made = (await rooflink.post(EVENTS, json={**GOOD, "invitees": [302, 303]})).json()
    sandbox.notices.clear()
    changed = await rooflink.patch(f"{EVENTS}{made['id']}/", json={"invitees": [303, 304], "job": 5})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["job"]) == ("Inspection", None)
    told = [(notice.user_id, notice.about) for notice in sandbox.notices]
    assert told == [(304, "invited"), (302, "no longer invited")]
    answer = await rooflink.patch(f"{EVENTS}{made['id']}/", json={"end": "05/06/2026 9:10AM"})
    assert answer.status_code == 400


async def test_a_deleted_event_is_gone(rooflink, sandbox):
    made = (await rooflink.post(EVENTS, json={**GOOD, "invitees": [302]})).json()
    answer = await rooflink.delete(f"{EVENTS}{made['id']}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert made["id"] not in sandbox.events
    assert sandbox.notices[-1].about == "cancelled"
    assert (await rooflink.get(f"{EVENTS}{made['id']}/")).status_code == 404
    assert (await rooflink.delete(f"{EVENTS}{made['id']}/")).status_code == 404
    assert (await rooflink.patch(f"{EVENTS}{made['id']}/", json={"name": "x"})).status_code == 404
    assert (await rooflink.delete(f"{EVENTS}0/")).status_code == 400


async def test_faults_befall_the_calendar_too(rooflink, sandbox):
    sandbox.faults.add(Fault(kind="server_error", match="POST /light/events/$"))
    assert (await rooflink.post(EVENTS, json=GOOD)).status_code == 500
    assert sandbox.writes == []


async def test_a_reset_brings_the_seeded_events_back(sandbox):
    before = dict(sandbox.events)
    sandbox.events.clear()
    sandbox.reset()
    assert sandbox.events == before
