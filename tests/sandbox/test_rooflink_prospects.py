from __future__ import annotations

import functools

import httpx
import pytest

from leadbridge.server.sandbox import SANDBOX_ROOFLINK_KEY
from leadbridge.server.sandbox.options import FILTERS

LIST = "/light/jobs/prospect/"


@pytest.fixture
def make_sandbox(make_sandbox):
    return functools.partial(make_sandbox, prospects=150)


async def ids_of(client: httpx.AsyncClient, **query) -> list[int]:
    found: list[int] = []
    page: int | None = 1
    while page:
        answer = (await client.get(LIST, params={"page_size": 100, **query, "page": page})).json()
        found += [row["id"] for row in answer["results"]]
        page = answer["next_page"]
    return found


@pytest.mark.parametrize(
    ("headers", "detail"),
    [({}, "Authentication credentials were not provided."), ({"X-API-KEY": "wrong"}, "Invalid API key.")],
)
async def test_without_the_right_key_everything_is_401(client_of, sandbox, headers, detail):
    client = client_of(sandbox, "rooflink", headers=headers)
    answer = await client.get(LIST)
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})


async def test_a_path_without_its_slash_is_redirected(rooflink):
    answer = await rooflink.get("/light/jobs/prospect?page=2")
    assert answer.status_code == 301
    assert answer.headers["location"].endswith("/light/jobs/prospect/?page=2")


async def test_a_post_without_its_slash_writes_nothing_even_if_the_redirect_is_followed(rooflink, sandbox, new_lead):
    answer = await rooflink.post("/light/jobs/create_customer_and_job", json=new_lead, follow_redirects=True)
    assert answer.status_code == 405
    assert sandbox.writes == []


@pytest.mark.parametrize("path", ["/light/leads/", "/light/leads", "/light/jobs/prospect/1/2/"])
async def test_an_unknown_path_is_an_html_page(rooflink, path):
    answer = await rooflink.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_pages_lead_through_the_whole_list_once(rooflink, sandbox):
    found = await ids_of(rooflink)
    assert len(found) == len(set(found)) == 150
    assert set(found) == set(sandbox.prospects)


@pytest.mark.parametrize("page", ["0", "-1", "16", "abc", "1.0", "", "²", "9" * 5000])
async def test_a_page_that_does_not_exist_is_404(rooflink, page):
    answer = await rooflink.get(LIST, params={"page": page})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize(("asked", "rows"), [("3", 3), ("101", 100), ("0", 10), ("-5", 10), ("x", 10), ("", 10)])
async def test_a_page_size_is_cut_at_the_maximum_and_ignored_if_senseless(rooflink, asked, rows):
    body = (await rooflink.get(LIST, params={"page_size": asked})).json()
    assert len(body["results"]) == rows


async def test_deleted_prospects_are_listed_unless_left_out(rooflink, sandbox):
    deleted = {prospect.id for prospect in sandbox.prospects.values() if prospect.deleted}
    assert len(deleted) == 15
    assert deleted <= set(await ids_of(rooflink))
    assert not deleted & set(await ids_of(rooflink, date_deleted__isnull="true"))
    assert set(await ids_of(rooflink, date_deleted__isnull="False")) == deleted
    assert len(await ids_of(rooflink, date_deleted__isnull="perhaps")) == 150


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"rep": 302}, lambda row: row.customer.rep and row.customer.rep.id == 302),
        ({"rep_2": 303}, lambda row: row.customer.rep_2 and row.customer.rep_2.id == 303),
        ({"project_manager": 321}, lambda row: row.customer.project_manager and row.customer.project_manager.id == 321),
        (
            {"employee": 303},
            lambda row: 303 in {user.id for user in (row.customer.rep, row.customer.rep_2) if user is not None},
        ),
        ({"region": 12}, lambda row: row.customer.region.id == 12),
        ({"status": "si"}, lambda row: row.stage == "si" and not row.deleted),
        ({"status": "ua"}, lambda row: row.customer.rep is None and not row.deleted),
        ({"city": "plano"}, lambda row: row.city == "Plano"),
        ({"state": "CO"}, lambda row: row.state == "CO"),
        ({"zipcode": "75024"}, lambda row: row.zipcode == "75024"),
        ({"search": ") 555-01"}, lambda row: "555-01" in row.customer.cell or "555-01" in row.customer.phone),
        ({"latitude": "33.07", "longitude": "-96.78"}, lambda row: row.city == "Plano"),
        ({"date_created__gte": "2026-04-01"}, lambda row: f"{row.created:%Y-%m-%d %H}" >= "2026-04-01 05"),
        ({"date_created__lte": "2026-04-01"}, lambda row: f"{row.created:%Y-%m-%d %H}" < "2026-04-02 05"),
        ({"date_last_edited__gte": "2026-04-01 12:00:00"}, lambda row: f"{row.edited:%Y-%m-%d %H}" >= "2026-04-01 17"),
        ({"date_last_edited__lte": "2026-04-01 12:00:00"}, lambda row: f"{row.edited:%Y-%m-%d %H}" < "2026-04-01 17"),
    ],
)
async def test_each_filter_selects_what_it_says_when_it_is_honoured(client_of, make_sandbox, query, fits):
    sandbox = make_sandbox(honoured_filters=FILTERS)
    found = set(await ids_of(client_of(sandbox, "rooflink"), **query))
    assert found == {row.id for row in sandbox.prospects.values() if fits(row)}
    assert 0 < len(found) < 150


@pytest.mark.parametrize(
    "query", [{"state": "CO"}, {"project_manager": "x"}, {"search": "x"}, {"made_up": "1"}, {"rep": ""}]
)
async def test_other_filters_are_ignored_in_silence(rooflink, query):
    assert (await rooflink.get(LIST, params=query)).json()["count"] == 150


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rep", "Alex", "Enter a number."),
        ("latitude", "north", "Enter a number."),
        ("status", "won", "Select a valid choice. won is not one of the available choices."),
        ("date_created__gte", "2026-04-01T00:00:00Z", "Enter a valid date/time."),
        ("date_created__lte", "2026-02-30", "Enter a valid date/time."),
    ],
)
async def test_a_value_that_a_filter_cannot_read_is_400(rooflink, name, value, message):
    answer = await rooflink.get(LIST, params={name: value, "region": "x"})
    assert answer.status_code == 400
    assert answer.json() == {name: [message], "region": ["Enter a number."]}


@pytest.mark.parametrize("tail", ["", "checklist/"])
@pytest.mark.parametrize(
    ("prospect_id", "status"),
    [("0", 400), ("-1", 400), ("abc", 400), ("1.5", 400), ("٣", 400), ("9" * 5000, 400), ("1", 404), ("9" * 18, 404)],
)
async def test_an_id_must_be_a_positive_integer_that_exists(rooflink, prospect_id, status, tail):
    assert (await rooflink.get(f"{LIST}{prospect_id}/{tail}")).status_code == status


async def test_requests_are_recorded_without_the_key(rooflink, sandbox):
    await rooflink.get(LIST, params={"page": 2})
    record = sandbox.requests[-1]
    assert (record.service, record.method, record.path) == (
        "rooflink",
        "GET",
        "/roof_link_endpoints/api/light/jobs/prospect/",
    )
    assert (record.query, record.host, record.status) == ("page=2", "integrate.rooflink.com", 200)
    assert "x-api-key" in record.header_names
    assert SANDBOX_ROOFLINK_KEY not in repr(record)
