from __future__ import annotations

import pytest

EVENTS = "/light/events/"
GOOD = {"name": "Inspection", "start": "05/06/2026 9:00AM", "end": "05/06/2026 10:00AM"}


async def test_a_new_event_notifies_its_invitees(rooflink, sandbox):
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


async def test_an_event_is_changed_in_part_and_only_changed_invitees_are_notified(rooflink, sandbox):
    made = (await rooflink.post(EVENTS, json={**GOOD, "invitees": [302, 303]})).json()
    sandbox.notices.clear()
    changed = await rooflink.patch(f"{EVENTS}{made['id']}/", json={"invitees": [303, 304], "job": 5})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["job"]) == ("Inspection", None)
    message = [(notice.user_id, notice.about) for notice in sandbox.notices]
    assert message == [(304, "invited"), (302, "no longer invited")]
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
