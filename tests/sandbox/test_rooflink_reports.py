from __future__ import annotations

import pytest

REGIONS, APPROVED, JOBS = "/light/regions/", "/light/jobs/approved/", "/light/public/jobs/"


async def test_regions_are_listed_searched_and_shown(rooflink):
    page = (await rooflink.get(REGIONS)).json()
    assert (page["count"], [row["id"] for row in page["results"]]) == (3, [11, 12, 13])
    found = (await rooflink.get(REGIONS, params={"search": "north"})).json()
    assert [row["name"] for row in found["results"]] == ["North Texas"]
    detail = (await rooflink.get(f"{REGIONS}13/")).json()
    assert detail["office_manager"]["name"]
    assert detail["dba"] == "East Roofing"
    assert (await rooflink.get(f"{REGIONS}99/")).status_code == 404
    assert (await rooflink.get(f"{REGIONS}0/")).status_code == 400


async def test_approved_jobs_are_those_that_were_submitted(rooflink, sandbox):
    page = (await rooflink.get(APPROVED, params={"page_size": 250})).json()
    submitted = {job.id for job in sandbox.prospects.values() if job.submitted and not job.deleted}
    assert {row["id"] for row in page["results"]} == submitted != set()
    assert all("pipeline" not in row and row["date_approved"] for row in page["results"])
    stats = (await rooflink.get(f"{APPROVED}stats/")).json()
    assert stats["total"] == len(submitted) == sum(row["count"] for row in stats["by_status"])
    assert (await rooflink.get(f"{APPROVED}stats/", params={"date_from": "2030-01-01"})).json()["total"] == 0
    assert (await rooflink.get(APPROVED, params={"date_to": "2030-01-01"})).json()["count"] == len(submitted)


@pytest.mark.parametrize("path", [APPROVED, f"{APPROVED}stats/"])
async def test_a_date_that_is_none_is_refused(rooflink, path):
    answer = await rooflink.get(path, params={"date_from": "01/02/2026"})
    assert (answer.status_code, answer.json()) == (400, {"date_from": ["Enter a valid date/time."]})


async def test_all_jobs_are_ordered_and_filtered_by_their_last_change(rooflink, sandbox):
    rows = (await rooflink.get(JOBS, params={"ordering": "-date_created", "page_size": 100})).json()["results"]
    created = [row["date_created"] for row in rows]
    assert len(rows) == len(sandbox.prospects)
    assert created == sorted(created, reverse=True)
    middle = sorted(job.edited for job in sandbox.prospects.values())[10]
    since = f"{middle:%Y-%m-%d %H:%M:%S}"
    late = (await rooflink.get(JOBS, params={"date_last_edited__gte": since})).json()
    assert 0 < late["count"] < len(rows)
    answer = await rooflink.get(JOBS, params={"date_last_edited__gte": since.replace(" ", "T") + "Z"})
    assert (answer.status_code, answer.json()) == (400, {"date_last_edited__gte": ["Enter a valid date/time."]})
