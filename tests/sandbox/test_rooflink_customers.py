from __future__ import annotations

import pytest

CUSTOMERS = "/light/customers/"


async def test_each_customer_is_listed_once_with_two_ids(rooflink, sandbox):
    body = (await rooflink.get(CUSTOMERS, params={"page_size": 100})).json()
    known = {job.customer.id: job.customer for job in sandbox.prospects.values()}
    assert [row["id"] for row in body["results"]] == sorted(known, reverse=True)
    row = body["results"][0]
    assert row["user_id"] == known[row["id"]].user_id != row["id"]
    assert set(row) == {"id", "user_id", "name", "email", "cell", "phone", "phone_ext", "region", "rep"}


async def test_the_rep_filters_and_the_region_does_so_only_if_chosen(rooflink, sandbox, make_sandbox, client_of):
    reps = (await rooflink.get(CUSTOMERS, params={"rep": 302})).json()
    assert {row["rep"]["id"] for row in reps["results"]} == {302}
    everyone = (await rooflink.get(CUSTOMERS, params={"region": 13})).json()
    assert everyone["count"] == len(sandbox.prospects)
    client = client_of(make_sandbox(customer_filters=frozenset({"region"})), "rooflink")
    there = (await client.get(CUSTOMERS, params={"region": 13, "rep": 302})).json()
    assert {row["region"]["id"] for row in there["results"]} == {13}
    assert (await client.get(CUSTOMERS, params={"region": "x"})).status_code == 400


async def test_one_customer_in_full(rooflink, sandbox):
    job = next(iter(sandbox.prospects.values()))
    body = (await rooflink.get(f"{CUSTOMERS}{job.customer.id}/")).json()
    assert (body["first_name"], body["address"]) == (job.customer.first_name, job.address)


@pytest.mark.parametrize(("customer_id", "status"), [("0", 400), ("x", 400), ("5", 404)])
async def test_a_customer_that_is_not_there(rooflink, customer_id, status):
    assert (await rooflink.get(f"{CUSTOMERS}{customer_id}/")).status_code == status


async def test_the_address_of_a_job_s_customer_is_set_only_where_a_path_was_chosen(make_sandbox, client_of, rooflink):
    assert (await rooflink.patch("/light/jobs/7/customer_email/", json={})).status_code == 404
    for path in ("/light/jobs/{job_id}/customer_email/", "/light/customers/email/"):
        sandbox = make_sandbox(update_customer_email_path=path)
        job = next(iter(sandbox.prospects.values()))
        client = client_of(sandbox, "rooflink")
        address = path.replace("{job_id}", str(job.id))
        body = {"email": "new@example.com", "job": job.id}
        assert (await client.post(address, json={**body, "email": "nobody"})).status_code == 400
        assert (await client.post(address, json={**body, "email": ""})).status_code == 400
        assert sandbox.writes == []
        assert (await client.patch(address, json=body)).json()["email"] == "new@example.com"
        assert job.customer.email == "new@example.com"
        assert len(sandbox.writes) == 1
        nowhere = await client.post(path.replace("{job_id}", "9"), json={**body, "job": 9})
        assert nowhere.status_code == 404


async def test_the_jobs_of_a_customer_are_found_only_where_a_path_was_chosen(make_sandbox, client_of):
    for path in ("/light/customers/{customer_id}/jobs/", "/light/jobs/search/"):
        sandbox = make_sandbox(search_jobs_path=path)
        job = next(iter(sandbox.prospects.values()))
        address = path.replace("{customer_id}", str(job.customer.id))
        answer = await client_of(sandbox, "rooflink").get(address, params={"customer": job.customer.id})
        assert [row["id"] for row in answer.json()["results"]] == [job.id]
