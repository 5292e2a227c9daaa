from __future__ import annotations

import re

import pytest

JOBS = "/light/public/jobs"


@pytest.fixture
def job(sandbox):
    """A job that is a prospect, with a first rep."""
    return next(row for row in sandbox.prospects.values() if row.deleted is None and row.customer.rep)


async def test_only_what_is_sent_changes(rooflink, sandbox, job):
    before = (job.address, job.customer.last_name, job.customer.rep)
    answer = await rooflink.patch(
        f"{JOBS}/{job.id}/",
        json={
            "city": " Plano ",
            "state": "TX",
            "name": "Miller roof",
            "rep_2": 303,
            "customer": {"first_name": "Dana"},
        },
    )
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["city"], body["name"], body["rep_2"]["full_name"]) == (
        job.id, "Plano", "Miller roof", "Cole Whitaker",
    )  # fmt: skip
    assert body["customer"]["first_name"] == "Dana"
    assert (job.city, job.state, job.title, job.customer.first_name) == ("Plano", "TX", "Miller roof", "Dana")
    assert (job.address, job.customer.last_name, job.customer.rep) == before
    assert job.edited == sandbox.options.now()
    (write,) = sandbox.writes
    assert (write.operation, write.path_params, write.record_id) == (
        "PATCH /light/public/jobs/{job_id}/", {"job_id": job.id}, job.id,
    )  # fmt: skip
    detail = (await rooflink.get(f"/light/jobs/prospect/{job.id}/")).json()
    assert (detail["name"], detail["city"], detail["customer"]["rep_2"]["id"]) == ("Miller roof", "Plano", 303)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"city": 5}, "city", "Not a valid string."),
        ({"job_type": "x"}, "job_type", '"x" is not a valid choice.'),
        ({"job_type": None}, "job_type", "may not be null"),
        ({"bid_type": "x"}, "bid_type", "not a valid choice"),
        ({"state": "tx"}, "state", "not a valid choice"),
        ({"address": "x" * 201}, "address", "no more than 200"),
        ({"rep": "301"}, "rep", "A valid integer is required."),
        ({"rep": True}, "rep", "A valid integer is required."),
        ({"rep": 999}, "rep", 'Invalid pk "999"'),
        ({"region": 99}, "region", 'Invalid pk "99"'),
        ({"lead_source": 1.5}, "lead_source", "A valid integer is required."),
        ({"note": "x"}, "note", "creation"),
        ({"insurance_claim": {}}, "insurance_claim", "creation"),
        ({"customer": 5}, "customer", "Expected a dictionary"),
        ({"customer": {"first_name": ""}}, "customer", "may not be blank"),
        ({"customer": {"first_name": None}}, "customer", "may not be null"),
        ({"customer": {"email": "nobody"}}, "customer", "valid email"),
    ],
)
async def test_a_wrong_field_is_refused_and_nothing_changes(rooflink, sandbox, job, body, field, message):
    city = job.city
    answer = await rooflink.patch(f"{JOBS}/{job.id}/", json={"county": "Elsewhere", **body})
    assert answer.status_code == 400
    assert set(answer.json()) == {field}
    assert re.search(message, str(answer.json()[field]))
    assert (sandbox.writes, job.city, job.county == "Elsewhere") == ([], city, False)


async def test_a_name_that_it_does_not_know_is_silently_ignored(make_sandbox, client_of):
    sandbox = make_sandbox(unknown_job_fields=frozenset({"rep_2", "customer.cell"}))
    job = next(iter(sandbox.prospects.values()))
    rep_2, cell = job.customer.rep_2, job.customer.cell
    body = {"rep_2": 305, "colour": "red", "customer": {"cell": "(972) 555-0199", "nickname": "D"}}
    answer = await client_of(sandbox, "rooflink").patch(f"{JOBS}/{job.id}/", json=body)
    assert answer.status_code == 200
    assert (job.customer.rep_2, job.customer.cell) == (rep_2, cell)
