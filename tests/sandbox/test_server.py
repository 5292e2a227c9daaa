from __future__ import annotations

import itertools
import json
import shlex
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime

import httpx
import pytest

from leadbridge.server.sandbox import Fault, Sandbox
from leadbridge.server.sandbox.faults import KINDS, UNREACHABLE
from leadbridge.server.sandbox.serve import addresses, bind
from tests.process.processes import eventually
from tests.support import PATIENCE

LIST = "/light/jobs/prospect/"
JSON = {"Content-Type": "application/json"}
ACCEPT = "/general-leads/812/accept"


@pytest.fixture(scope="module")
def running():
    """A sandbox on a port of loopback, in a thread, and its settings: one server for all tests."""
    sandbox = Sandbox(prospects=20, clock=itertools.count(step=2).__next__)
    server, sock = bind(sandbox, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    yield sandbox, addresses(sock)
    server.should_exit = True
    thread.join()
    sock.close()


@pytest.fixture
def sandbox(running):
    running[0].reset()
    return running[0]


@pytest.fixture
def served(running, sandbox):
    return running[1]


@pytest.fixture
def rooflink(served):
    headers = {"X-API-KEY": served["LEADBRIDGE_ROOFLINK_API_KEY"]}
    with httpx.Client(
        base_url=served["LEADBRIDGE_ROOFLINK_BASE_URL"], headers=headers, trust_env=False, timeout=PATIENCE
    ) as client:
        yield client


@pytest.fixture
def renovationfind(served):
    headers = {"Authorization": f"Bearer {served['LEADBRIDGE_RENOVATIONFIND_TOKEN']}"}
    base_url = served["LEADBRIDGE_RENOVATIONFIND_BASE_URL"]
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def control(served):
    base_url = served["LEADBRIDGE_ROOFLINK_BASE_URL"].partition("/roof")[0] + "/_sandbox"
    with httpx.Client(base_url=base_url, trust_env=False, timeout=PATIENCE) as client:
        yield client


def test_both_services_answer_over_http(rooflink, renovationfind, sandbox):
    page = rooflink.get(LIST).json()
    assert page["count"] == 20
    assert page["next"] == f"{rooflink.base_url}light/jobs/prospect/?page=2"
    assert renovationfind.post(ACCEPT).json()["success"] is True
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize(("kind", "writes"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_is_really_dropped(renovationfind, sandbox, kind, writes):
    sandbox.faults.add(Fault(kind=kind))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        renovationfind.post(ACCEPT)
    assert len(sandbox.writes) == writes
    assert renovationfind.get(ACCEPT).status_code == 405


def test_a_cut_body_ends_before_its_announced_length(rooflink, sandbox):
    sandbox.faults.add(Fault(kind="cut_body"))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        rooflink.get(LIST)


def test_a_truncated_answer_is_complete_http(rooflink, sandbox):
    sandbox.faults.add(Fault(kind="truncated_json"))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        rooflink.get(LIST).json()


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_answer_is_streamed(rooflink, sandbox, announced):
    sandbox.faults.add(Fault(kind="huge", size=300_000, content_length=announced))
    answer = rooflink.get(LIST)
    assert len(answer.content) > 300_000
    assert ("content-length" in answer.headers) is announced
    assert answer.json()["count"] == 20


@pytest.mark.parametrize(("kind", "writes"), [("slow", 0), ("slow_after_commit", 1), ("read_timeout", 0)])
def test_a_caller_that_gives_up_hears_nothing(renovationfind, sandbox, kind, writes):
    sandbox.faults.add(Fault(kind=kind, seconds=30))
    with pytest.raises(httpx.ReadTimeout):
        renovationfind.post(ACCEPT, timeout=httpx.Timeout(PATIENCE, read=0.1))
    eventually(lambda: len(sandbox.requests) == 1 and len(sandbox.writes) == writes)


def test_faults_are_added_and_cleared_from_outside(control, rooflink):
    faults = [{"kind": "server_error", "times": None}, {"kind": "unavailable"}]
    assert control.post("/faults", json=faults).json() == {"pending": 2}
    assert rooflink.get(LIST).status_code == 500
    assert control.delete("/faults").json() == {"pending": 0}
    assert rooflink.get(LIST).status_code == 200
    assert control.post("/faults", json={"kind": "bad_gateway"}).status_code == 201
    assert rooflink.get(LIST).status_code == 502


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"kind": "flood"}', "unknown kind"),
        (b'{"kind": "bad_gatway"}', "did you mean bad_gateway?"),
        (b'{"kind": "slow", "secondes": 1}', "did you mean seconds?"),
        (b"nonsense", "the body is not valid JSON: Expecting value"),
        (b'{"kind": "slow", "times": 0}', "times must be 1 or more"),
        (b'{"kind": "dns_failure"}', "in the same process only"),
    ],
)
def test_a_senseless_fault_is_refused_from_outside(control, sandbox, content, message):
    answer = control.post("/faults", content=content, headers=JSON)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert len(sandbox.faults) == 0


def test_the_index_says_what_there_is_and_how_to_steer_it(control, renovationfind):
    control.post("/faults", json={"kind": "bad_gateway", "match": "POST <b>", "times": 3})
    renovationfind.post(ACCEPT)
    control.post("/checkpoints", json={"name": "noon"})
    data = control.get("/").json()
    assert (data["writes"], data["requests"], data["checkpoints"]) == (1, 1, ["noon"])
    assert data["pending_faults"] == [{"kind": "bad_gateway", "match": "POST <b>", "times": 3, "after": 0}]
    assert data["fault_kinds"].keys() == KINDS - UNREACHABLE
    page = control.get("/", headers={"Accept": "text/html,*/*"})
    assert page.headers["content-type"].startswith("text/html")
    for shown in ("POST /general-leads/{lead_id}/accept", "POST &lt;b&gt;", "noon", "drop_after", "how many requests"):
        assert shown in page.text
    assert "<b>" not in page.text


def test_every_command_of_the_index_works(control, renovationfind):
    for what, command in control.get("/").json()["commands"].items():
        _, *words = shlex.split(command)
        after = dict(itertools.pairwise(words))
        (url,) = [word for word in words if word.startswith("http://")]
        answer = control.request(after.get("-X", "GET"), url, content=after.get("-d"), headers=JSON)
        assert answer.is_success, (what, answer.text)


def test_a_day_is_tried_twice(control, renovationfind, rooflink, sandbox):
    control.put("/clock", json={"now": "2026-12-01T09:00:00-06:00"})
    renovationfind.post("/general-leads/801/accept")
    control.post("/checkpoints", json={"name": "morning"})
    before = control.get("/writes").json()
    for _ in range(2):
        assert renovationfind.post(ACCEPT).status_code == 200
        changes = control.get("/checkpoints/morning").json()
        assert changes["leads"]["changed"]["812"]["action"][1] == "ACCEPTED"
        assert changes["leads"]["changed"]["812"]["action_at"][1].startswith("2026-12-01T15:00:")
        assert list(changes["leads"]["changed"]) == ["812"]
        assert len(changes["writes"]) == 1
        assert control.get("/").json()["now"].startswith("2026-12-01T15:00:")
        control.post("/checkpoints/morning", json={})
        assert control.get("/writes").json() == before
        assert control.get("/checkpoints/morning").json() == {}
    assert control.put("/clock", json={"now": None}).json()["now"][:4] == str(datetime.now(UTC).year)


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/checkpoints", {}, "name must be a text"),
        ("POST", "/checkpoints", {"name": "a/b"}, "without /"),
        ("POST", "/checkpoints/evening", {}, "there is no checkpoint 'evening'; there are: none"),
        ("PUT", "/clock", {"now": "2026-12-01T09:00:00"}, "must have a zone"),
        ("PUT", "/clock", {"now": "noon"}, "now is 'noon'; give it as in 2026-12-01T09:00:00Z"),
        ("PUT", "/clock", {}, "now is missing"),
        ("PUT", "/clock", {"nwo": "2026-12-01T09:00:00Z"}, "now is missing"),
        ("PUT", "/clock", [], "must be a JSON object"),
    ],
)
def test_a_senseless_command_is_refused(control, method, path, body, message):
    answer = control.request(method, path, json=body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_writes_and_requests_are_seen_from_outside_until_a_reset(control, renovationfind):
    renovationfind.post(ACCEPT)
    (write,) = control.get("/writes").json()
    assert (write["operation"], write["record_id"]) == ("POST /general-leads/{lead_id}/accept", 812)
    (request,) = control.get("/requests").json()
    assert (request["path"], request["status"]) == ("/rest-api-v1/general-leads/812/accept", 200)
    assert control.post("/reset", headers=JSON).json()["pending"] == 0
    assert control.get("/writes").json() == control.get("/requests").json() == []
    assert renovationfind.post(ACCEPT).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/faults", "/reset", "/checkpoints"])
def test_what_a_web_page_can_send_unasked_changes_nothing(control, sandbox, renovationfind, path, kind):
    renovationfind.post(ACCEPT)
    answer = control.post(path, content=b'{"kind": "server_error"}', headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 415
    assert len(sandbox.faults) == 0
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "a.page.example"}, 421),
        ({"Host": "127.0.0.1.page.example:8322"}, 421),
        ({"Host": "127.0.0.1@page.example"}, 421),
        ({"Host": "0.0.0.0"}, 421),
        ({"Origin": "https://a.page.example"}, 403),
        ({"Origin": "https://localhost.page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "file://"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost:6274"}, 200),
        ({"Host": "LOCALHOST:1"}, 200),
        ({"Host": "[::1]:8322", "Origin": "http://[::1]:8322"}, 200),
        ({"Host": "127.8.9.10:8322"}, 200),
        ({}, 200),
    ],
)
def test_a_web_page_from_elsewhere_reads_nothing(control, headers, status):
    answer = control.get("/writes", headers=headers)
    assert answer.status_code == status
    assert (answer.text == "[]") is (status == 200)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.com", ""])
def test_other_machines_cannot_reach_it(sandbox, host):
    with pytest.raises(ValueError, match="loopback only"):
        bind(sandbox, host, 0)


def test_a_process_of_its_own_says_where_it_is_and_stops_when_interrupted():
    options = {"prospects": 3, "faults": [{"kind": "unavailable"}]}
    program = (
        "import json, sys; from leadbridge.server.sandbox import Sandbox; "
        "from leadbridge.server.sandbox.serve import run; "
        "run(Sandbox.from_options(json.loads(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, json.dumps(options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        settings = dict(pair.split("=", 1) for pair in line.split())
        headers = {"X-API-KEY": settings["LEADBRIDGE_ROOFLINK_API_KEY"]}
        with httpx.Client(
            base_url=settings["LEADBRIDGE_ROOFLINK_BASE_URL"], headers=headers, trust_env=False
        ) as client:
            assert client.get(LIST).status_code == 503
            assert client.get(LIST).json()["count"] == 3
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (0, "")
    origin = settings["LEADBRIDGE_ROOFLINK_BASE_URL"].partition("/roof")[0]
    assert errors == f"What happens, and how to steer it: {origin}/_sandbox/ Ctrl-C stops it.\n"


def test_a_port_in_use_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        bind(Sandbox(prospects=0), "127.0.0.1", taken.getsockname()[1])
