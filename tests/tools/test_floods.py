"""Ten megabytes of small things: what is read, shown and kept of an answer is bounded, and it says where it was cut."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from mcp import Client
from pydantic import JsonValue

from leadbridge.server import text
from leadbridge.server.app import build_server
from leadbridge.server.call_scope import LARGE, call_scope
from leadbridge.server.mcp.reply import Reply
from leadbridge.server.sandbox import Sandbox
from leadbridge.server.services import answers
from leadbridge.server.services.json_body import DEEPEST, LONGEST_TEXT, MOST_ENTRIES, json_of
from leadbridge.server.services.renovationfind import api as renovationfind
from leadbridge.server.services.renovationfind.known_leads import LONGEST_VALUE, MOST_ATTACHMENTS, KnownLeads
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.rooflink import api as rooflink
from leadbridge.server.state import Store
from tests.cases import READS, Case, by_name
from tests.support import (
    EVERY_PATH_SERVED,
    EVERY_TOOL,
    Time,
    call,
    connected,
    make_sandbox,
    make_settings,
    patient_rate_limiter,
    text_of,
)

LARGEST_REPLY = 100_000
"""Characters of a result's text and data."""


def compact(value: JsonValue) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def repeated(before: bytes, one: bytes, count: int, after: bytes) -> bytes:
    return before + b",".join([one] * count) + after


PAGE = b'{"count":1,"results":['
FLOODS: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "rows": (repeated(PAGE, b'{"id":7}', 900_000, b"]}"), "rooflink_list_prospects", {}),
    "names in a row": (
        compact({"results": [{"id": 7, **{f"k{n}": 1 for n in range(700_000)}}]}), "rooflink_list_prospects", {}
    ),
    "steps": (repeated(PAGE + b'{"id":7,"pipeline":[', b"{}", 3_000_000, b"]}]}"), "rooflink_list_prospects", {}),
    "steps in full": (
        repeated(b'{"pipeline":[', b"{}", 3_000_000, b'],"id":7}'), "rooflink_get_prospect", {"prospect_id": 7}
    ),
    "counts": (compact({f"s{n}": n for n in range(600_000)}), "rooflink_prospect_stats", {}),
    "counts in counts": (
        compact({f"s{n}": {f"t{k}": k for k in range(900)} for n in range(900)}), "rooflink_prospect_stats", {}
    ),
    "recipients": (
        repeated(PAGE + b'{"id":7,"message":"x","recipients":[', b'"ab"', 1_900_000, b"]}]}"),
        "rooflink_list_notes",
        {"job_id": 7},
    ),
    "a long name": (compact({"results": [{"id": 7, "name": "\u00e9\\" * 1_000_000}]}), "rooflink_list_prospects", {}),
    "digits": (repeated(PAGE + b'{"id":7,"count":[', b"9" * 5_000, 1_900, b"]}]}"), "rooflink_list_prospects", {}),
    "one id again and again": (b"{" + b'"id":7,' * 1_400_000 + b'"id":7}', "rooflink_get_prospect", {"prospect_id": 7}),
    "attachments": (
        repeated(b'{"data":{"attachments":[', b'{"id":1,"displayFilename":"a.jpg"}', 250_000, b'],"id":812}}'),
        "renovationfind_get_lead",
        {"lead_id": 812},
    ),
}  # fmt: skip


class Flooding(httpx.AsyncBaseTransport):
    """A service that answers everything with one body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json"}, content=self._body)


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_is_cut_and_the_reply_says_so(flood: str, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    body, tool, arguments = FLOODS[flood]
    assert len(body) < 10 * 1024 * 1024
    sandbox = Sandbox()
    monkeypatch.setattr(sandbox, "transport", lambda: Flooding(body))
    settings = make_settings(toolsets="all")
    async with Client(build_server(settings, sandbox=sandbox, rate_limiter=patient_rate_limiter(time))) as client:
        result = await call(client, tool, **arguments)
    assert not result.is_error, text_of(result)
    assert len(result.model_dump_json()) < LARGEST_REPLY
    assert "Note: " in text_of(result) or flood == "digits"


A_ROW = {"id": 7, **dict.fromkeys(("name", "title", "description", "full_address"), "Ann & Bo")}


class Padded(httpx.AsyncBaseTransport):
    """A service whose answers are large, though they say no more than others; where a list is empty, one row."""

    def __init__(self, service: httpx.AsyncBaseTransport) -> None:
        self._service = service

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._service.handle_async_request(request)
        found = json.loads(await answer.aread())
        if found == []:
            found = [A_ROW]
        elif isinstance(found, dict) and found.get("results") == []:
            found |= {"results": [A_ROW], "count": 1}
        return httpx.Response(answer.status_code, content=json.dumps(found).encode() + b" " * LARGE)


@pytest.fixture
def cleaned_in(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many texts of others were cleaned, by "loop" and "worker"."""
    threads = Counter[str]()
    loop, clean = threading.current_thread(), text.clean

    def noting(*args: Any, **options: Any) -> str:
        threads["loop" if threading.current_thread() is loop else "worker"] += 1
        return clean(*args, **options)

    monkeypatch.setattr(text, "clean", noting)
    monkeypatch.setattr(text, "_USUAL_LABEL", re.compile("(?!)"))  # plain ones are not cleaned
    return threads


OF_LARGE_ANSWERS = [case for case in READS if case.sends and case.name != "find_matching_prospects"]
"""Reads that show texts of an answer."""


@pytest.mark.parametrize("case", OF_LARGE_ANSWERS, ids=by_name)
async def test_no_row_of_a_large_answer_is_made_in_the_event_loop(
    case: Case, time: Time, cleaned_in: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)
    service = sandbox.transport()
    monkeypatch.setattr(sandbox, "transport", lambda: Padded(service))
    async with connected(sandbox, time=time, **EVERY_TOOL) as client:
        cleaned_in.clear()
        assert not (await call(client, case.name, **case.arguments)).is_error
    assert set(cleaned_in) == {"worker"}


async def test_nor_is_the_text_of_a_resource_and_it_says_what_was_cut(
    time: Time, cleaned_in: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body, _, _ = FLOODS["steps in full"]
    sandbox = make_sandbox(time)
    monkeypatch.setattr(sandbox, "transport", lambda: Flooding(body))
    async with connected(sandbox, time=time) as client:
        cleaned_in.clear()
        (content,) = (await client.read_resource("rooflink://prospects/7")).contents
    assert cleaned_in["worker"] > 1 >= cleaned_in["loop"]  # its address
    assert "Note: RoofLink's answer is too long to be read whole" in content.model_dump_json()


@pytest.mark.parametrize(("tool", "arguments"), [("rooflink_list_prospects", {}), ("renovationfind_list_leads", {})])
@pytest.mark.parametrize("rows", [1, 100])
async def test_nothing_is_made_of_a_large_answer_in_the_event_loop(
    tool: str, arguments: dict[str, Any], rows: int, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its JSON, its models and the reply; an answer of a usual size is not handed around."""
    in_loop = Counter[str]()

    def watched(module: Any, name: str) -> None:
        work = getattr(module, name)

        def noting(*args: Any, **options: Any) -> Any:
            in_loop[name] += threading.current_thread() is loop
            return work(*args, **options)

        monkeypatch.setattr(module, name, noting)

    loop = threading.current_thread()
    body = compact({"results": [{"id": n + 1, "name": "<p>&amp;" * 200} for n in range(rows)]})
    service = rooflink if tool.startswith("rooflink") else renovationfind
    for module, name in ((answers, "json_of"), (service, "readable_rows"), (Reply, "complete")):
        watched(module, name)
    sandbox = Sandbox()
    monkeypatch.setattr(sandbox, "transport", lambda: Flooding(body))
    settings = make_settings(toolsets="all")
    async with Client(build_server(settings, sandbox=sandbox, rate_limiter=patient_rate_limiter(time))) as client:
        in_loop.clear()
        assert not (await call(client, tool, **arguments)).is_error
    assert in_loop.keys() == {"json_of", "readable_rows", "complete"}
    assert all(count == 0 for count in in_loop.values()) == (rows > 1), in_loop


# The reader


def read(body: bytes) -> tuple[JsonValue, list[str]]:
    with call_scope() as scope:
        return json_of(body, "A service"), scope.notes


def test_what_fits_is_read_whole_and_nothing_is_said() -> None:
    rows = [
        {"id": n, "name": f'"{n}", [{{\\ é', "pipeline": {"a": [[n], {}, None, 1.5e3, True, " "]}} for n in range(900)
    ]
    assert read(json.dumps({"count": 900, "results": rows, "next": None}, indent=1).encode()) == (
        {"count": 900, "results": rows, "next": None},
        [],
    )


def test_the_first_entries_stay_and_so_does_what_is_after_them() -> None:
    whole = {"a": {"rows": [*range(10_000)], "more": {str(n): [n] for n in range(10_000)}}, "id": 5}
    value, report = read(compact(whole))
    assert value == {
        "a": {"rows": [*range(MOST_ENTRIES)], "more": {str(n): [n] for n in range(MOST_ENTRIES)}},
        "id": 5,
    }
    assert len(report) == 1
    assert "the first 2,000 entries of rows, the first 2,000 entries of more" in report[0]


def test_a_long_text_is_cut_between_its_characters_and_ends_with_an_ellipsis() -> None:
    value, report = read(b'["' + b"\\u00e9\\n\\\\" * 60_000 + b'",1]')
    assert value == [("é\n\\" * 60_000)[:LONGEST_TEXT] + "…", 1]
    assert "the first 100,000 characters" in report[0]


@pytest.mark.parametrize(
    "body",
    [
        repeated(b"[", b"1", 3_000, b""), repeated(b"[", b"1", 3_000, b"}"), repeated(b"[", b"1", 1_900, b",]"),
        repeated(b"[", b"1", 3_000, b"]]"), repeated(b"{", b'"a":1', 3_000, b"]"), repeated(b"[", b"", 3_000, b"]"),
        repeated(b"[", b'"a', 3_000, b"]"), repeated(b"{", b"1", 3_000, b"}"), b'["' + b"a" * 200_000,
        b"[" * 200_000, b"[" * 200 + b"1," * 30_000 + b"1" + b"]" * 200,
        b"[" + b"1," * 3_000 + b"[" * 200 + b"]" * 200 + b"]", b"9" * 200_000, b"x" * 200_000,
    ],
    ids=lambda body: f"{body[:6]!r} {body[-4:]!r}",
)  # fmt: skip
def test_what_is_not_json_is_refused_however_long_it_is(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read(body)


def values(random: Random, depth: int = 0) -> JsonValue:
    """Any JSON, now and then with more entries or a longer text than are read."""
    kind = random.randrange(8 if depth < DEEPEST // 3 else 5)
    if kind == 5:
        return [values(random, depth + 1) for _ in range(random.randrange(6))]
    if kind == 6:
        return {
            random.choice(['"', "a b", "", "\\", "é"]) + str(n): values(random, depth + 1)
            for n in range(random.randrange(6))
        }
    if kind == 7:
        one = values(random, depth + 3)
        return [one] * random.choice([1, 30, MOST_ENTRIES + random.randrange(99)]) if len(str(one)) < 99 else [one]
    return [
        None,
        True,
        random.randrange(-9, 10**20),
        random.random() * 1e9,
        random.choice(['\\"]}', "é" * 300, "", "[{"]),
    ][kind]


def cut(value: JsonValue) -> JsonValue:
    """What is left of a value in which no text is too long."""
    if isinstance(value, list):
        return [cut(one) for one in value[:MOST_ENTRIES]]
    return {name: cut(one) for name, one in value.items()} if isinstance(value, dict) else value


def test_any_json_is_read_as_it_is_except_what_is_cut() -> None:
    tried = 0
    for seed in range(400):
        long: JsonValue = [*[0] * (MOST_ENTRIES + 1)]
        value: JsonValue = [values(Random(seed)), long]
        body = json.dumps(value, indent=[None, 1][seed % 2], ensure_ascii=seed % 3 == 0).encode()
        if body.count(b",") + body.count(b"[") + body.count(b"{") < 150_000:
            tried += 1
            assert read(body)[0] == cut(value), seed
    assert tried > 350


# What is kept


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'state.db'}")
    yield store
    store.close()


@pytest.mark.sqlite
async def test_what_is_kept_of_a_lead_is_bounded(store: Store, tmp_path) -> None:
    text = "x" * LONGEST_TEXT
    lead = Lead.model_validate({
        **dict.fromkeys(Lead.model_fields, text), "id": 812, "customerName": "Dana " + text, "unknown": text,
        "attachments": [{"id": n, "displayFilename": text} for n in range(200)],
    })  # fmt: skip
    leads = KnownLeads(store, "renovationfind")
    await leads.remember(lead)
    await leads.remember_read([lead], 2e9, whole=True)
    known = await leads.get(812)
    assert known is not None
    assert len(known.lead.attachments) == MOST_ATTACHMENTS
    assert (known.lead.customerName or "").endswith("x…")
    assert len(known.lead.customerName or "") == LONGEST_VALUE
    store.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2_000_000


def test_long_dates_stay_in_no_cache() -> None:
    from leadbridge.server.services.values import _iso, is_moment, iso_date

    before = _iso.cache_info().currsize
    for n in range(100):
        assert iso_date(f"{n}" + "9" * 100) == f"{n}" + "9" * 100
        assert not is_moment(f"{n}" + "9" * 100)
    assert _iso.cache_info().currsize == before
