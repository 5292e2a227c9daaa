from __future__ import annotations

import pytest

CREATE = "/light/jobs/create_customer_and_job/"
REQUIRED = ("address", "state", "zipcode", "latitude", "longitude", "lead_status")


async def test_a_lead_becomes_a_customer_a_user_and_a_prospect(rooflink, sandbox, new_lead):
    new_lead |= {
        "first_name": " Dana ",
        "last_name": "Miller",
        "city": "Plano",
        "cell": "(972) 555-0142",
        "email": "dana.miller@example.com",
        "lead_source": "43",
        "extra_info": {"renovationfind_lead": 812},
        "offline_id": "write-1",
    }
    answer = await rooflink.post(CREATE, json=new_lead)
    assert answer.status_code == 201
    body = answer.json()
    prospect = sandbox.prospects[body["id"]]
    assert body["customer"]["id"] == prospect.customer.id
    assert body["customer"]["user_id"] == prospect.customer.user_id
    assert body["customer"]["name"] == "Dana Miller"
    assert body["customer"]["lead_source"] == {"id": 43, "name": "RenovationFind"}
    assert body["customer"]["region"]["name"] == "North Texas"
    assert body["full_address"] == "4821 Juniper Hollow Dr, Plano, TX  75024"
    assert (body["latitude"], body["longitude"]) == (33.0752, -96.7843)
    assert body["extra_info"] == {"renovationfind_lead": 812}
    assert [step["complete"] for step in body["pipeline"].values()] == [False] * 4
    (write,) = sandbox.writes
    assert (write.service, write.operation, write.record_id) == ("rooflink", f"POST {CREATE}", body["id"])
    assert write.body == new_lead


async def test_the_same_lead_twice_is_two_leads(rooflink, sandbox, new_lead):
    first = (await rooflink.post(CREATE, json=new_lead)).json()
    second = (await rooflink.post(CREATE, json=new_lead)).json()
    assert first["id"] != second["id"]
    assert first["customer"]["id"] != second["customer"]["id"]
    assert first["customer"]["user_id"] != second["customer"]["user_id"]
    assert len(sandbox.writes) == 2


async def test_all_required_fields_are_asked_for_at_once(rooflink, sandbox):
    answer = await rooflink.post(CREATE, json={"first_name": "Dana"})
    assert answer.status_code == 400
    assert answer.json() == {name: ["This field is required."] for name in REQUIRED}
    assert sandbox.writes == []
    assert len(sandbox.prospects) == 20


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "This field may not be null."),
        ("  ", "This field may not be blank."),
        (33.1, "Not a valid string."),
        (True, "Not a valid string."),
        (["TX"], "Not a valid string."),
    ],
)
async def test_a_required_field_must_be_text(rooflink, sandbox, new_lead, name, value, message):
    answer = await rooflink.post(CREATE, json={**new_lead, name: value})
    assert (answer.status_code, answer.json()) == (400, {name: [message]})
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("address", "x" * 201, "Ensure this field has no more than 200 characters."),
        ("zipcode", "1234567890123", "Ensure this field has no more than 12 characters."),
        ("lead_status", "s" * 51, "Ensure this field has no more than 50 characters."),
        ("address", "1 Main\0St", "Null characters are not allowed."),
        ("state", "ZZ", '"ZZ" is not a valid choice.'),
        ("state", "tx", '"tx" is not a valid choice.'),
        ("state", "PR", '"PR" is not a valid choice.'),
        ("state", "Texas!", "Ensure this field has no more than 5 characters."),
        ("latitude", "north", "A valid number is required."),
        ("latitude", "nan", "A valid number is required."),
        ("latitude", "90.1", "Ensure this value is less than or equal to 90."),
        ("longitude", "-180.5", "Ensure this value is greater than or equal to -180."),
        ("email", "dana", "Enter a valid email address."),
        ("first_name", 5, "Not a valid string."),
        ("lead_source", 43, "Not a valid string."),
        ("lead_source", "99", "Must be a valid LeadSource ID for the company, or 'Door Knocking'."),
        ("lead_source", "Referral", "Must be a valid LeadSource ID for the company, or 'Door Knocking'."),
        ("extra_info", "text", 'Expected a dictionary of items but got type "str".'),
        ("extra_info", [1], 'Expected a dictionary of items but got type "list".'),
    ],
)
async def test_what_a_field_does_not_take_is_reported_by_its_name(rooflink, sandbox, new_lead, name, value, message):
    answer = await rooflink.post(CREATE, json={**new_lead, name: value})
    assert (answer.status_code, answer.json()) == (400, {name: [message]})
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("content", "content_type", "status", "shown"),
    [
        (b"{}", "text/plain", 415, 'Unsupported media type "text/plain" in request.'),
        (b"{", "application/json", 400, "JSON parse error"),
        (b'{"address": NaN}', "application/json", 400, "JSON parse error"),
        (b'{"address": "\\ud800"}', "application/json", 400, "JSON parse error"),
        (b"[" * 100_000, "application/json", 400, "JSON parse error"),
        (b"[]", "application/json; charset=utf-8", 400, "Expected a dictionary, but got list."),
    ],
)
async def test_the_body_must_be_a_json_object(rooflink, sandbox, content, content_type, status, shown):
    answer = await rooflink.post(CREATE, content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert shown in answer.text.replace('\\"', '"')
    assert sandbox.writes == []
