"""RoofLink's answers in every shape: read, or reported as unexpected, never a crash."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from leadbridge.server.catalog import load
from leadbridge.server.errors import ServiceError, UnexpectedResponse
from leadbridge.server.services.client import ServiceClient
from leadbridge.server.services.exchange import Exchanges
from leadbridge.server.services.rate_limiter import RateLimiter
from leadbridge.server.services.rooflink.api import RoofLink
from leadbridge.server.services.rooflink.models import Created, Prospect, counts_of, steps_of
from tests.support import Time

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure
CATALOG = load()

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**300, 10**310),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["", "Unknown", "\ud83d", "5", "²", "9/3/2025 4:05PM", "<b>x</b>", "<![x[>"]),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=8,
)
STEP_KEYS = ["key", "name", "complete", "date", "completed_by", "deleted_by", "permissions", "id", "full_name"]
KEYS = [
    "id", "name", "job_number", "customer", "date_created", "date_last_edited", "date_deleted", "full_address",
    "latitude", "longitude", "photo_count", "pipeline", "photos", "cell", "rep", "region", "user_id", "results",
    "count", "next_page", "from_index", "to_index", "steps", "checklist", "label", "total", "value", "filter",
    "model_config", "model_extra", *STEP_KEYS,
]  # fmt: skip
ALMOST_RIGHT = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
        inner.map(lambda x: {"id": 1, "x": x}),
    ),
    max_leaves=14,
)
ANSWERS = st.one_of(ANY_JSON, ALMOST_RIGHT, st.lists(ALMOST_RIGHT, max_size=3).map(lambda rows: {"results": rows}))


async def answered(body: str, read: Callable[[RoofLink], Awaitable[Any]]) -> Any:
    """What a read makes of an answer with this body."""
    time = Time()
    network = httpx.MockTransport(lambda _: httpx.Response(200, content=body.encode()))
    limiter = RateLimiter("RoofLink", 5, 1.0, clock=time, sleep=time.sleep)
    exchanges = Exchanges(CATALOG.services["rooflink"], SecretStr("key"), transport=lambda: network)
    client = ServiceClient(exchanges, limiter, sleep=time.sleep, clock=time)
    try:
        return await read(RoofLink(client, CATALOG))
    finally:
        await client.aclose()


READS: dict[str, Callable[[RoofLink], Awaitable[Any]]] = {
    "list": lambda rooflink: rooflink.list_prospects({}),
    "get": lambda rooflink: rooflink.get_prospect(1),
    "stats": lambda rooflink: rooflink.prospect_stats(),
    "checklist": lambda rooflink: rooflink.prospect_checklist(1),
}


@pytest.mark.parametrize("name", READS)
@unhurried
@given(ANSWERS)
async def test_any_json_is_read_or_unexpected(name: str, value: Any) -> None:
    try:
        await answered(json.dumps(value), READS[name])
    except ServiceError as error:
        assert type(error) is UnexpectedResponse  # noqa: PT017  # either way out is right
        assert len(str(error)) < 400  # noqa: PT017


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("opening", ["[", '{"results":', '{"id": 1, "pipeline":', '{"steps":', '{"a":'])
async def test_json_nested_to_any_depth_is_read_or_unexpected(name: str, opening: str) -> None:
    for depth in (10, 200, 300, 800, 850, 900, 950, 970, 980, 990, 1_000, 3_000, 100_000):
        body = opening * depth + "1" + ("]" if opening == "[" else "}") * depth
        try:
            await answered(body, READS[name])
        except UnexpectedResponse:
            continue


@unhurried
@given(st.dictionaries(st.sampled_from(KEYS), ALMOST_RIGHT), st.integers(1, 2**63 - 1))
def test_a_prospect_needs_nothing_but_its_id_and_every_other_field_may_be_anything(
    fields: dict[str, Any], number: int
) -> None:
    prospect = Prospect.model_validate({**fields, "id": number})
    assert prospect.id == number
    assert prospect.deleted in {True, False}
    assert prospect.step("submit") is None or prospect.step("submit") in prospect.pipeline
    for person in (prospect.customer.rep, prospect.customer.project_manager) if prospect.customer else ():
        assert person is None or person.label is None or isinstance(person.label, str)


@pytest.mark.parametrize(
    "value", [{}, {"id": None}, {"id": ""}, {"id": "x"}, {"id": []}, {"id": 1.5}, [], "x", None, 5]
)
async def test_an_answer_without_an_id_is_unexpected(value: Any) -> None:
    with pytest.raises(UnexpectedResponse):
        await answered(json.dumps(value), READS["get"])
    with pytest.raises(UnexpectedResponse):
        await answered(json.dumps({"results": [value, value]}), READS["list"])
    page, rows = await answered(json.dumps({"results": [value, {"id": 7001}]}), READS["list"])
    assert ([row.id for row in rows], page.unreadable) == ([7001], 1)


async def test_unknown_fields_are_kept() -> None:
    prospect = await answered('{"id": 1, "brand_new": {"a": [1]}}', READS["get"])
    assert prospect.model_extra == {"brand_new": {"a": [1]}}


async def test_a_page_is_read_with_numbers_as_texts_and_dates_for_display() -> None:
    row = {
        "id": "7000001",
        "name": " 12 Elm St ",
        "customer": {"id": 5, "name": "", "rep": {"id": "301", "full_name": "Alex"}, "rep_2": "", "region": []},
        "date_created": "9/3/2025 4:05PM",
        "date_last_edited": "",
        "latitude": "33.05",
        "longitude": -96,
        "photo_count": "3",
        "pipeline": {"verify_lead": {"key": "verify_lead", "complete": "true", "date": "09/04/2025 9:00AM"}},
    }
    page, (prospect,) = await answered(json.dumps({"count": "7376", "next_page": "2", "results": [row]}), READS["list"])
    assert (page.count, page.next_page) == (7376, 2)
    assert (prospect.id, prospect.name) == (7000001, "12 Elm St")
    assert (prospect.latitude, prospect.longitude, prospect.photo_count) == (33.05, -96.0, 3)
    assert (prospect.date_created, prospect.date_last_edited) == ("2025-09-03T16:05", None)
    assert prospect.customer.name is None
    assert (prospect.customer.rep.id, prospect.customer.rep.label) == (301, "Alex")
    assert (prospect.customer.rep_2, prospect.customer.region) == (None, None)
    assert (prospect.step("verify_lead").complete, prospect.step("verify_lead").date) == (True, "2025-09-04T09:00")


@pytest.mark.parametrize(
    ("fields", "deleted"),
    [
        ({}, False),
        ({"date_deleted": ""}, False),
        ({"date_deleted": "9/3/2025 4:05PM"}, True),
        ({"pipeline": {"delete": {"key": "delete", "complete": True}}}, True),
        ({"pipeline": [{"key": "delete", "complete": False}]}, False),
        ({"pipeline": {"delete": {"complete": True}}}, True),
    ],
)
def test_a_prospect_is_deleted_by_its_date_or_by_its_step(fields: dict[str, Any], deleted: bool) -> None:
    assert Prospect.model_validate({"id": 1, **fields}).deleted is deleted


# Checklists and statistics

_STEPS: list[dict[str, Any]] = [{"key": "verify_lead", "complete": True}, {"key": "submit", "complete": False}]


@pytest.mark.parametrize(
    "shape",
    [
        _STEPS,
        {"verify_lead": {"complete": True}, "submit": {"key": "submit", "complete": False}},
        {"steps": _STEPS},
        {"checklist": {"verify_lead": {"complete": True}, "submit": {"complete": False}}},
        {"results": _STEPS, "count": 2},
        [*_STEPS, None, "x", 5],
    ],
    ids=lambda shape: str(shape)[:40],
)
async def test_a_checklist_is_read_from_an_object_an_array_or_a_wrapper(shape: Any) -> None:
    steps, unreadable = await answered(json.dumps(shape), READS["checklist"])
    assert unreadable == len(shape) - 2 if isinstance(shape, list) else unreadable == 0
    assert [(step.key, step.complete) for step in steps] == [("verify_lead", True), ("submit", False)]


@pytest.mark.parametrize(
    "shape",
    [
        {"uv": 3, "Hail 2026": 4},
        {"uv": "3", "Hail 2026": " 4 "},
        [{"name": "uv", "count": 3}, {"label": "Hail 2026", "total": 4}],
        [{"key": "uv", "value": "3"}, {"filter": "Hail 2026", "count": 4}],
    ],
    ids=lambda shape: str(shape)[:40],
)
async def test_statistics_are_read_from_an_object_or_an_array(shape: Any) -> None:
    assert await answered(json.dumps(shape), READS["stats"]) == [("uv", 3), ("Hail 2026", 4)]


async def test_nested_statistics_keep_where_they_stood() -> None:
    body = {"predefined": {"uv": 3}, "custom": [{"name": "Hail 2026", "count": 4}], "note": "x", "ok": True}
    assert await answered(json.dumps(body), READS["stats"]) == [("predefined: uv", 3), ("custom: Hail 2026", 4)]


@pytest.mark.parametrize("body", ["5", '"x"', "true", '{"a": "b"}', "[[]]", '[{"a": null}]'])
async def test_statistics_and_checklists_that_show_nothing_known_are_unexpected(body: str) -> None:
    with pytest.raises(UnexpectedResponse):
        await answered(body, READS["stats"])
    if body != '[{"a": null}]':
        with pytest.raises(UnexpectedResponse):
            await answered(body, READS["checklist"])


@pytest.mark.parametrize("body", ["{}", "[]"])
async def test_no_counts_and_no_steps_are_none(body: str) -> None:
    assert await answered(body, READS["stats"]) == []
    assert await answered(body, READS["checklist"]) == ([], 0)


@unhurried
@given(ANSWERS)
def test_steps_and_counts_come_out_in_their_one_shape(value: Any) -> None:
    assert isinstance(steps_of(value), list)
    for name, count in counts_of(value):
        assert isinstance(name, str)
        assert isinstance(count, int)
        assert not isinstance(count, bool)


@unhurried
@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(0, 10**6), max_size=8))
def test_no_count_is_lost(counts: dict[str, int]) -> None:
    assert dict(counts_of({**counts})) == counts
    assert dict(counts_of([{"name": name, "count": count} for name, count in counts.items()])) == counts


# What a create answers


@pytest.mark.parametrize(
    ("body", "customer"),
    [
        ({"customer": {"id": 5}}, 5),
        ({"customer": 5}, 5),
        ({"customer_id": "5"}, 5),
        ({"customer_id": 5, "customer": {"id": 6}}, 5),
        ({"customer": "Dana"}, None),
        ({"customer": {"id": "x"}}, None),
        ({"customer": None, "customer_id": ""}, None),
        ({"customer": True}, None),
        ({}, None),
    ],
)
def test_the_new_customer_is_found_wherever_it_came(body: dict[str, Any], customer: int | None) -> None:
    assert Created.model_validate({"id": 9, **body}).customer_identity == customer
