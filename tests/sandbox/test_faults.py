from __future__ import annotations

import anyio
import httpx
import pytest

from leadbridge.server.sandbox import Fault
from leadbridge.server.sandbox.faults import KINDS, UNREACHABLE, Faults

LIST = "/light/jobs/prospect/"
ACCEPT = "/general-leads/812/accept"


async def accept_under(fault: Fault, sandbox, client: httpx.AsyncClient, **settings) -> httpx.Response:
    sandbox.faults.add(fault)
    return await client.post(ACCEPT, **settings)


SPOILED = [
    (Fault(kind="rate_limited"), 429, 0),
    (Fault(kind="server_error"), 500, 0),
    (Fault(kind="server_error", commits=True), 500, 1),
    (Fault(kind="bad_gateway"), 502, 0),
    (Fault(kind="bad_gateway", commits=True, status=504), 504, 1),
    (Fault(kind="unavailable"), 503, 0),
    (Fault(kind="status", status=418, body='{"error": "tea"}'), 418, 0),
    (Fault(kind="html_200"), 200, 0),
    (Fault(kind="empty_200"), 200, 1),
    (Fault(kind="empty_200", commits=False), 200, 0),
    (Fault(kind="truncated_json"), 200, 1),
    (Fault(kind="truncated_json", commits=False), 200, 0),
    (Fault(kind="success_false_200"), 200, 0),
    (Fault(kind="redirect"), 302, 0),
    (Fault(kind="wrong_content_type"), 200, 1),
    (Fault(kind="huge", size=10), 200, 1),
    (Fault(kind="slow", seconds=0.01), 200, 1),
    (Fault(kind="slow_after_commit", seconds=0.01), 200, 1),
]


@pytest.mark.parametrize(
    ("fault", "status", "writes"),
    SPOILED,
    ids=lambda value: f"{value.kind}-{value.commits}" if isinstance(value, Fault) else str(value),
)
async def test_a_spoiled_answer_says_whether_the_write_took_effect(renovationfind, sandbox, fault, status, writes):
    answer = await accept_under(fault, sandbox, renovationfind)
    assert answer.status_code == status
    assert len(sandbox.writes) == writes
    assert (sandbox.leads[812].action == "ACCEPTED") is bool(writes)
    assert sandbox.requests[-1].status == status


BROKEN = [
    ("drop_before", httpx.ReadError, 0),
    ("drop_after", httpx.RemoteProtocolError, 1),
    ("read_timeout", httpx.ReadTimeout, 0),
    ("write_timeout", httpx.WriteTimeout, 0),
    ("connect_timeout", httpx.ConnectTimeout, 0),
    ("pool_timeout", httpx.PoolTimeout, 0),
    ("connection_refused", httpx.ConnectError, 0),
    ("dns_failure", httpx.ConnectError, 0),
    ("tls_failure", httpx.ConnectError, 0),
    ("cut_body", httpx.RemoteProtocolError, 1),
]


@pytest.mark.parametrize(("kind", "error", "writes"), BROKEN)
async def test_a_broken_connection_is_the_error_that_httpx_raises(renovationfind, sandbox, kind, error, writes):
    with pytest.raises(error) as caught:
        await accept_under(Fault(kind=kind), sandbox, renovationfind)
    assert type(caught.value) is error
    assert len(sandbox.writes) == writes
    assert [request.status for request in sandbox.requests] == (
        [] if kind in UNREACHABLE else [200] if kind == "cut_body" else [None]
    )


def test_every_kind_is_tried_above():
    assert {fault.kind for fault, *_ in SPOILED} | {kind for kind, *_ in BROKEN} == KINDS


@pytest.mark.parametrize(("kind", "writes"), [("slow", 0), ("slow_after_commit", 1)])
async def test_an_answer_slower_than_the_callers_timeout_fails_without_the_wait(
    renovationfind, sandbox, loop_time, kind, writes
):
    began = loop_time.now
    with pytest.raises(httpx.ReadTimeout):
        await accept_under(Fault(kind=kind, seconds=60), sandbox, renovationfind, timeout=30)
    assert loop_time.now == began
    assert len(sandbox.writes) == writes


@pytest.mark.parametrize(("kind", "writes"), [("slow", 0), ("slow_after_commit", 1)])
@pytest.mark.usefixtures("loop_time")
async def test_a_caller_without_a_timeout_waits_until_it_gives_up(renovationfind, sandbox, kind, writes):
    with anyio.move_on_after(50) as scope:
        await accept_under(Fault(kind=kind, seconds=60), sandbox, renovationfind, timeout=None)
    assert scope.cancelled_caught
    assert len(sandbox.writes) == writes


@pytest.mark.parametrize("commits", [False, True])
async def test_a_read_timeout_may_hide_a_write(renovationfind, sandbox, commits):
    with pytest.raises(httpx.ReadTimeout):
        await accept_under(Fault(kind="read_timeout", commits=commits), sandbox, renovationfind)
    assert len(sandbox.writes) == commits


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"seconds": 7}, "7"),
        ({"seconds": 90, "retry_after": "date"}, "Mon, 04 May 2026 15:31:30 GMT"),
        ({"seconds": 7, "retry_after": "none"}, None),
        ({}, None),
        ({"headers": {"Retry-After": "soon"}}, "soon"),
    ],
)
@pytest.mark.parametrize("kind", ["rate_limited", "unavailable"])
async def test_retry_after_comes_as_seconds_as_a_date_or_not_at_all(rooflink, sandbox, kind, settings, expected):
    sandbox.faults.add(Fault(kind=kind, **settings))
    assert (await rooflink.get(LIST)).headers.get("retry-after") == expected


async def test_a_refusal_with_200_is_not_a_success(renovationfind, sandbox):
    answer = await accept_under(Fault(kind="success_false_200"), sandbox, renovationfind)
    assert answer.json()["success"] is False


def test_a_fault_befalls_the_requests_it_matches_as_often_as_it_says():
    faults = Faults()
    faults.add(Fault(kind="server_error", match="GET /prospect/$", after=1, times=2))
    faults.add(Fault(kind="unavailable", match="* /leads", times=None))
    assert [fault.kind for fault in faults] == ["server_error", "unavailable"]
    taken = [faults.take("GET", "/light/jobs/prospect/") for _ in range(4)]
    assert [fault and fault.kind for fault in taken] == [None, "server_error", "server_error", None]
    assert faults.take("POST", "/light/jobs/prospect/") is None
    taken = [faults.take(method, "/leads/1") for method in ("GET", "PUT")]
    assert [fault and fault.kind for fault in taken] == ["unavailable"] * 2
    assert len(faults) == 1
    faults.clear()
    assert faults.take("GET", "/leads/1") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "flood"}, "unknown kind of fault 'flood'; known: bad_gateway"),
        ({"kind": "slow", "speed": 1}, "unknown option of a fault: 'speed'"),
        ({"kind": "slow", "seconds": "1"}, "seconds of a fault is of the wrong type"),
        ({"kind": ["slow"]}, "kind of a fault is of the wrong type"),
        ({"kind": "slow", "match": "GET"}, "match must be a method .* and a regular expression"),
        ({"kind": "slow", "match": "POS /accept"}, "not 'POS /accept'"),
        ({"kind": "slow", "times": 0}, "times must be 1 or more"),
        ({"kind": "slow", "times": -1}, "times must be 1 or more"),
        ({"kind": "slow", "after": -1}, "after and seconds 0 or more"),
        ({"kind": "slow", "match": " /x"}, "match must be a method .* and a regular expression"),
        ({"kind": "slow", "match": "GET ("}, "match 'GET \\('"),
        ({"kind": "slow", "retry_after": "later"}, "unknown value"),
        ({"kind": "slow", "exception": "KeyError"}, "unknown value"),
        ({"kind": "drop_before", "commits": True}, "drop_before means that the request is not carried out"),
        ({"kind": "drop_after", "commits": False}, "drop_after means that the request is carried out"),
        ({"times": 1}, "a fault is an object with a kind"),
        ("slow", "a fault is an object with a kind"),
    ],
)
def test_a_senseless_fault_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Fault.from_options(options)


def test_a_fault_from_plain_data_is_the_same_fault():
    plain = {"kind": "rate_limited", "match": "GET /x", "times": None, "seconds": 2, "headers": {"a": "b"}}
    assert Fault.from_options(plain) == Fault(
        kind="rate_limited", match="GET /x", times=None, seconds=2, headers={"a": "b"}
    )
