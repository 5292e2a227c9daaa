from __future__ import annotations

import httpx
import pytest

from leadbridge.server.sandbox.status_rules import STATUSES

WON = {"status": "LEAD_WON", "jobAmount": 18500, "startDateTbd": True, "completionDateTbd": True}
ENOUGH: dict[str, dict[str, object]] = {
    "MEETUP_SCHEDULED": {"meetingScheduledDate": "2026-06-01"},
    "JOB_WON": {"jobAmount": 18500.0},
    "JOB_LOST": {"reason": "Too late"},
    "JOB_POSTPONED_OR_CANCELLED": {"reason": "Winter"},
    "OTHER": {"reason": "Moved"},
    "LEAD_WON": {"jobAmount": 18500, "estimatedProjectStartDate": "2026-06-01", "completionDateTbd": True},
    "LEAD_LOST": {"lostReason": "PRICE"},
}


def error_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    return body["error"]


@pytest.fixture
async def accepted(renovationfind, sandbox) -> int:
    await renovationfind.post("/general-leads/812/accept")
    sandbox.writes.clear()
    return 812


@pytest.fixture
def put(renovationfind, accepted):
    async def put_status(**body) -> httpx.Response:
        return await renovationfind.put("/general-leads/812/status", json=body)

    return put_status


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "sandbox-renovationfind-token", "Basic abc"])
@pytest.mark.parametrize("path", ["/general-leads/812/accept", "/nowhere"])
async def test_without_the_right_token_everything_is_401(client_of, sandbox, authorization, path):
    client = client_of(sandbox, "renovationfind", headers={"Authorization": authorization})
    answer = await client.post(path)
    assert answer.status_code == 401
    assert error_of(answer) == "Invalid or missing token"
    assert sandbox.writes == []


async def test_accepting_shows_who_the_homeowner_is(renovationfind, sandbox):
    answer = await renovationfind.post("/general-leads/812/accept")
    body = answer.json()
    assert (answer.status_code, list(body)) == (200, ["success", "data"])
    lead = body["data"]
    assert (lead["customerName"], lead["customerPhone"]) == ("Dana Miller", "(972) 555-0142")
    assert (lead["customerAddress"], lead["customerEmail"]) == (
        "4821 Juniper Hollow Dr, Plano, TX 75024",
        "dana.miller@example.com",
    )
    assert (lead["vendorLeadAction"], lead["actionDate"]) == ("ACCEPTED", "2026-05-04T15:30:00Z")
    assert (lead["postLeadStatus"], lead["postLeadRequiresAction"]) == ("NO_RESPONSE", True)
    (write,) = sandbox.writes
    assert (write.operation, write.path_params, write.record_id) == (
        "POST /general-leads/{lead_id}/accept",
        {"lead_id": 812},
        812,
    )


@pytest.mark.parametrize(
    ("first", "then", "done"),
    [("accept", "accept", "accepted"), ("decline", "accept", "declined"), ("accept", "decline", "accepted")],
)
async def test_a_lead_is_accepted_or_declined_once(renovationfind, sandbox, first, then, done):
    assert (await renovationfind.post(f"/general-leads/812/{first}", json={"reason": "x"})).status_code == 200
    answer = await renovationfind.post(f"/general-leads/812/{then}", json={"reason": "x"})
    assert (answer.status_code, error_of(answer)) == (409, f"Lead has already been {done}")
    assert len(sandbox.writes) == 1


async def test_declining_answers_without_the_lead(renovationfind, sandbox):
    answer = await renovationfind.post("/general-leads/812/decline", json={"reason": "Outside our service area"})
    assert answer.json() == {"success": True, "message": "Lead declined successfully."}
    assert sandbox.leads[812].decline_reason == "Outside our service area"
    assert sandbox.writes[0].body == {"reason": "Outside our service area"}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "reason is required"),
        ({"reason": None}, "reason is required"),
        ({"reason": " "}, "reason is required"),
        ({"reason": 5}, "reason must be a string"),
        ({"reason": "x" * 501}, "reason must not exceed 500 characters"),
        ([], "The request body must be a JSON object"),
    ],
)
async def test_declining_needs_a_reason(renovationfind, sandbox, body, error):
    answer = await renovationfind.post("/general-leads/812/decline", json=body)
    assert (answer.status_code, error_of(answer)) == (400, error)
    assert sandbox.leads[812].action == "NONE"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/general-leads/0/accept", 400),
        ("POST", "/general-leads/x/accept", 400),
        ("POST", "/general-leads/9/accept", 404),
        ("POST", "/general-leads/9/decline", 404),
        ("PUT", "/general-leads/9/status", 404),
        ("GET", "/general-leads/812/accept", 405),
        ("POST", "/general-leads/812/status", 405),
        ("POST", "/general-leads/812/accept/", 404),
        ("GET", "/general-leads/9", 404),
        ("GET", "/referral-requests", 405),
    ],
)
async def test_what_does_not_exist_is_refused_in_json(renovationfind, method, path, status):
    answer = await renovationfind.request(method, path, json={"reason": "x", "status": "OTHER"})
    assert answer.status_code == status
    assert error_of(answer)


@pytest.mark.parametrize("status", STATUSES)
async def test_each_status_is_taken_with_what_it_requires(put, sandbox, status):
    body = {"status": status, **ENOUGH.get(status, {})}
    answer = await put(**body)
    assert answer.status_code == 200
    lead = answer.json()["data"]
    assert lead["postLeadStatus"] == lead["postLeadStatusData"]["status"] == status
    assert lead["postLeadStatusData"]["statusActionDate"] == "2026-05-04T15:30:00Z"
    assert sandbox.writes[0].body == body


@pytest.mark.parametrize("status", ENOUGH)
async def test_a_status_without_what_it_requires_is_refused(put, sandbox, status):
    answer = await put(status=status)
    assert answer.status_code == 400
    assert f"required for status {status}" in error_of(answer)
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "status is required"),
        ({"status": None}, "status is required"),
        ({"status": 5}, "status must be a string"),
        ({"status": "NO_RESPONSE"}, "status must be one of"),
        ({"status": "job_won", "jobAmount": 1}, "status must be one of"),
        ({"status": "OTHER", "reason": " "}, "reason is required"),
        ({"status": "OTHER", "reason": "x" * 501}, "reason must not exceed 500"),
        ({"status": "QUOTE_SENT", "reason": "x" * 501}, "reason must not exceed 500"),
        ({"status": "LEAD_LOST", "lostReason": "OTHER"}, "reason is required"),
        ({"status": "LEAD_LOST", "lostReason": "WHIM"}, "lostReason must be one of"),
        ({"status": "CONTACT_MADE", "contactMethod": "FAX"}, "contactMethod must be one of"),
        ({"status": "ESTIMATE_PROVIDED", "estimateType": "GUESS"}, "estimateType must be one of"),
        ({"status": "MEETUP_SCHEDULED", "meetingScheduledDate": "01/06/2026"}, "meetingScheduledDate must be a date"),
        ({"status": "MEETUP_SCHEDULED", "meetingScheduledDate": "20260601"}, "meetingScheduledDate must be a date"),
        ({"status": "MEETUP_SCHEDULED", "meetingScheduledDate": "2026-02-30"}, "meetingScheduledDate must be a date"),
        ({"status": "MEETUP_SCHEDULED", "meetingScheduledDate": 20260601}, "meetingScheduledDate must be a string"),
        ({"status": "JOB_WON", "jobAmount": "18500"}, "jobAmount must be a number"),
        ({"status": "JOB_WON", "jobAmount": True}, "jobAmount must be a number"),
        ({"status": "JOB_WON", "jobAmount": 10**400}, "jobAmount must be a number"),
        ({**WON, "startDateTbd": False}, "estimatedProjectStartDate is required"),
        ({**WON, "startDateTbd": None}, "estimatedProjectStartDate is required"),
        ({**WON, "completionDateTbd": False}, "estimatedCompletionDate is required"),
        ({**WON, "completionDateTbd": "true"}, "completionDateTbd must be a boolean"),
    ],
)
async def test_a_wrong_status_body_is_refused(put, sandbox, body, error):
    answer = await put(**body)
    assert answer.status_code == 400
    assert error_of(answer).startswith(error)
    assert sandbox.writes == []


async def test_a_body_of_another_type_is_refused(renovationfind, accepted):
    answer = await renovationfind.put("/general-leads/812/status", content=b"status=OTHER")
    assert (answer.status_code, error_of(answer)) == (400, "Content-Type must be application/json")


@pytest.mark.parametrize("lead_id", [800, 797])
async def test_a_lead_must_be_accepted_first(renovationfind, sandbox, lead_id):
    answer = await renovationfind.put(f"/general-leads/{lead_id}/status", json={"status": "CONTACT_MADE"})
    assert answer.status_code == 409
    assert "must be accepted" in error_of(answer)
    assert sandbox.writes == []


@pytest.mark.parametrize("lead_id", [794, 795])
@pytest.mark.parametrize("body", [{"status": "CONTACT_MADE"}, {"status": "JOB_WON", "jobAmount": 1}, WON])
async def test_a_won_lead_never_changes(renovationfind, sandbox, lead_id, body):
    before = sandbox.leads[lead_id].status
    answer = await renovationfind.put(f"/general-leads/{lead_id}/status", json=body)
    assert answer.status_code == 409
    assert "contact support" in error_of(answer)
    assert sandbox.leads[lead_id].status == before
    assert sandbox.writes == []


async def test_any_other_status_can_follow_any_other(put):
    for status in (*STATUSES, *reversed(STATUSES)):
        if "WON" not in status:
            assert (await put(status=status, **ENOUGH.get(status, {}))).status_code == 200


async def test_dates_come_back_as_date_times_under_the_answers_names(put):
    answer = await put(status="MEETUP_SCHEDULED", meetingScheduledDate="2026-06-01", reason="At noon")
    data = answer.json()["data"]["postLeadStatusData"]
    assert data["meetupScheduledDate"] == "2026-06-01T00:00:00Z"
    assert "meetingScheduledDate" not in data
    assert data["reason"] == "At noon"
    answer = await put(
        status="LEAD_WON",
        jobAmount=18500.5,
        estimatedProjectStartDate="2026-06-01",
        estimatedCompletionDate="2026-06-30",
    )
    lead = answer.json()["data"]
    data = lead["postLeadStatusData"]
    assert data["jobAmount"] == 18500.5
    assert data["estimatedProjectStartDate"] == "2026-06-01T00:00:00Z"
    assert data["estimatedCompletionDate"] == "2026-06-30T00:00:00Z"
    assert (data["meetupScheduledDate"], data["reason"]) == (None, None)
    assert lead["postLeadRequiresAction"] is True


async def test_fields_that_a_status_has_no_use_for_are_dropped(put):
    answer = await put(status="QUOTE_SENT", jobAmount=5, lostReason="PRICE", contactMethod="TEXT", startDateTbd=True)
    data = answer.json()["data"]["postLeadStatusData"]
    assert {data[name] for name in ("jobAmount", "lostReason", "contactMethod", "startDateTbd")} == {None}


async def test_a_referral_request_is_made(renovationfind, sandbox):
    body = {"firstName": "Ana", "lastName": "Ruiz", "emailTo": "ana@example.org", "sendGift": True}
    answer = await renovationfind.post("/referral-requests", json=body)
    assert answer.status_code == 201
    new_id = answer.json()["data"]["id"]
    assert sandbox.writes[0].record_id == new_id
    again = await renovationfind.post("/referral-requests", json={**body, "emailTo": "ANA@example.org"})
    assert again.json()["message"] == "Duplicate request detected. Skipped."


@pytest.mark.parametrize(
    "contact", [{"emailTo": "John@Example.com"}, {"phone": "(555) 123-4567", "emailTo": "other@example.com"}]
)
@pytest.mark.parametrize("query", [{}, {"skipDuplicates": "true"}])
async def test_a_known_person_is_skipped_with_success(renovationfind, sandbox, contact, query):
    body = {"firstName": "J", "lastName": "D", **contact}
    answer = await renovationfind.post("/referral-requests", params=query, json=body)
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "Duplicate request detected. Skipped."}
    assert sandbox.writes == []


async def test_duplicates_are_made_on_request(renovationfind, sandbox):
    body = {"firstName": "John", "lastName": "Doe", "emailTo": "john@example.com"}
    answer = await renovationfind.post("/referral-requests", params={"skipDuplicates": "false"}, json=body)
    assert answer.status_code == 201
    assert len(sandbox.writes) == 1


@pytest.mark.parametrize(
    ("body", "query", "error"),
    [
        ({"lastName": "B"}, {}, "firstName is required"),
        ({"firstName": "A", "lastName": " "}, {}, "lastName is required"),
        ({"firstName": "A", "lastName": 1}, {}, "lastName must be a string"),
        ({"firstName": "A", "lastName": "B", "emailTo": "ana"}, {}, "emailTo must be a well-formed email address"),
        ({"firstName": "A", "lastName": "B", "sendGift": "yes"}, {}, "sendGift must be a boolean"),
        ({"firstName": "A", "lastName": "B"}, {"skipDuplicates": "no"}, "skipDuplicates must be a boolean"),
    ],
)
async def test_a_wrong_referral_is_refused(renovationfind, sandbox, body, query, error):
    answer = await renovationfind.post("/referral-requests", params=query, json=body)
    assert (answer.status_code, error_of(answer)) == (400, error)
    assert sandbox.writes == []


async def test_malformed_json_is_refused(renovationfind, sandbox):
    headers = {"content-type": "application/json"}
    answer = await renovationfind.post("/referral-requests", content=b"{", headers=headers)
    assert answer.status_code == 400
    assert error_of(answer).startswith("Malformed JSON")
