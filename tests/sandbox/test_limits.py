from __future__ import annotations

import random

from leadbridge.server.sandbox.limits import SlidingWindow

LIST = "/light/jobs/prospect/"


async def test_the_sixth_request_within_a_second_is_429(client_of, make_sandbox, clock):
    sandbox = make_sandbox(clock=clock)
    client = client_of(sandbox, "rooflink")
    answers = []
    for _ in range(6):
        answers.append(await client.get(LIST))
        clock.sleep(0.1)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json() == {"detail": "Request was throttled. Expected available in 1 second."}
    assert "retry-after" not in answers[-1].headers
    assert [request.status for request in sandbox.requests] == [200] * 5 + [429]


async def test_the_window_slides_request_by_request(client_of, make_sandbox, clock):
    client = client_of(make_sandbox(clock=clock), "rooflink")
    for _ in range(5):
        assert (await client.get(LIST)).status_code == 200
        clock.sleep(0.1)
    clock.sleep(0.4999)
    assert (await client.get(LIST)).status_code == 429
    clock.sleep(0.0002)
    assert [(await client.get(LIST)).status_code for _ in range(2)] == [200, 429]
    clock.sleep(0.1)
    assert [(await client.get(LIST)).status_code for _ in range(2)] == [200, 429]


async def test_a_refused_write_has_no_effect(client_of, make_sandbox, clock, new_lead):
    sandbox = make_sandbox(clock=clock, rooflink_retry_after=2)
    client = client_of(sandbox, "rooflink")
    answers = [await client.post("/light/jobs/create_customer_and_job/", json=new_lead) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
    assert len(sandbox.writes) == 5
    assert answers[-1].headers["retry-after"] == "2"


async def test_a_wrong_key_does_not_use_up_the_right_ones_limit(client_of, make_sandbox, clock):
    sandbox = make_sandbox(clock=clock)
    stranger = client_of(sandbox, "rooflink", headers={"X-API-KEY": "other"})
    assert {(await stranger.get(LIST)).status_code for _ in range(20)} == {401}
    assert (await client_of(sandbox, "rooflink").get(LIST)).status_code == 200


async def test_renovationfind_takes_250_in_five_minutes(client_of, make_sandbox, clock):
    client = client_of(make_sandbox(clock=clock), "renovationfind")
    answers = [await client.get("/general-leads/812/accept") for _ in range(251)]
    assert {answer.status_code for answer in answers[:250]} == {405}
    assert answers[-1].status_code == 429
    assert answers[-1].headers["retry-after"] == "300"
    assert answers[-1].json()["success"] is False
    clock.sleep(299.9)
    assert (await client.get("/general-leads/812/accept")).status_code == 429
    clock.sleep(0.1)
    assert (await client.get("/general-leads/812/accept")).status_code == 405


async def test_a_reset_forgets_what_was_used(client_of, make_sandbox, clock):
    sandbox = make_sandbox(clock=clock)
    client = client_of(sandbox, "rooflink")
    for _ in range(6):
        await client.get(LIST)
    sandbox.reset()
    assert sandbox.requests == []
    assert (await client.get(LIST)).status_code == 200


def test_no_window_of_any_position_holds_more_than_the_limit(clock):
    chance = random.Random(7)
    window = SlidingWindow(5, 1.0, clock)
    admitted: list[float] = []
    for _ in range(2000):
        clock.sleep(chance.uniform(0, 0.2))
        if window.admit("key"):
            admitted.append(clock.seconds)
    assert all(later - earlier >= 1.0 for earlier, later in zip(admitted, admitted[5:], strict=False))
    assert len(admitted) > 500
