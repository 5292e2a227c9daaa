"""The simulated Manager API: what it demands, its limit, and that a password does not stay."""

from __future__ import annotations

import httpx
import pytest

from leadbridge.server.sandbox import SANDBOX_RENOVATIONFIND_TOKEN, Sandbox
from leadbridge.server.sandbox.manager import MANAGER_ROOT
from tests.support import Time, make_sandbox

VENDOR = {
    "vendorName": "Alta Roofing",
    "email": "Office@AltaRoofing.example",
    "password": "correct horse 7",
    "salesEmail": "sales@altaroofing.example",
    "cityId": 41,
}
SUBSCRIPTION = "/vendors/5000/subscription-details"


def manager(sandbox: Sandbox, token: str = SANDBOX_RENOVATIONFIND_TOKEN) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=sandbox.transport(),
        base_url=f"https://www.renovationfind.com{MANAGER_ROOT}",
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_a_vendor_is_created_once_for_an_email_which_is_lower_cased():
    sandbox = make_sandbox(Time())
    async with manager(sandbox) as client:
        answer = await client.post("/vendors", json=VENDOR)
        again = await client.post("/vendors", json={**VENDOR, "email": "office@altaroofing.EXAMPLE"})
    assert (answer.status_code, again.status_code) == (201, 409)
    data = answer.json()["data"]
    assert (data["id"], data["email"], data["vendorType"]) == (5001, "office@altaroofing.example", "COMPANY")
    assert again.json()["success"] is False
    assert len(sandbox.writes) == 1
    assert set(sandbox.vendors) == {5000, 5001}
    for kept in (answer.text, repr(sandbox.writes), repr(sandbox.vendors), repr(sandbox.requests)):
        assert VENDOR["password"] not in kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vendorName": None}, "vendorName is required"),
        ({"email": " "}, "email is required"),
        ({"password": None}, "password is required"),
        ({"salesEmail": "x"}, "salesEmail must be a well-formed"),
        ({"cityId": "41"}, "cityId must be a positive integer"),
        ({"cityId": True}, "cityId must be a positive integer"),
        ({"vendorType": "PLUMBER"}, "vendorType must be one of"),
        ({"activated": "yes"}, "activated must be a boolean"),
        ({"description": "x" * 2049}, "description must have at most 2048"),
        ({"websiteUrl": 5}, "websiteUrl must be a string"),
    ],
)
async def test_what_breaks_a_documented_rule_is_refused(change, message):
    sandbox = make_sandbox(Time())
    async with manager(sandbox) as client:
        answer = await client.post("/vendors", json={**VENDOR, **change})
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"packageType": 2, "subscriptionEndDate": "31/12/2026"}, 200),
        ({"packageType": 0}, 200),
        ({"packageType": 5}, 400),
        ({"packageType": "2"}, 400),
        ({"packageType": True}, 400),
        ({}, 400),
        ({"packageType": 2, "subscriptionEndDate": "2026-12-31"}, 400),
        ({"packageType": 2, "subscriptionEndDate": "31/02/2026"}, 400),
        ({"packageType": 2, "subscriptionEndDate": "1/2/2026"}, 400),
    ],
)
async def test_a_subscription_takes_a_package_and_a_day_with_slashes(body, status):
    sandbox = make_sandbox(Time())
    async with manager(sandbox) as client:
        answer = await client.post(SUBSCRIPTION, json=body)
    assert answer.status_code == status
    assert len(sandbox.writes) == (status == 200)
    if status == 200:
        assert sandbox.vendors[5000].package_type == body["packageType"]


async def test_the_251st_request_in_five_minutes_is_told_to_wait_300_seconds():
    time = Time()
    sandbox = make_sandbox(time)
    async with manager(sandbox) as client:
        for _ in range(250):
            await client.post(SUBSCRIPTION, json={})
        answer = await client.post(SUBSCRIPTION, json={"packageType": 1})
        time.now += 301
        later = await client.post(SUBSCRIPTION, json={"packageType": 1})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["success"]) == (429, "300", False)
    assert later.status_code == 200


async def test_without_the_token_or_at_another_path_or_method_nothing_is_done():
    sandbox = make_sandbox(Time())
    async with manager(sandbox, "no") as client:
        assert (await client.post("/vendors", json=VENDOR)).status_code == 401
    async with manager(sandbox) as client:
        assert (await client.get("/vendors")).status_code == 405
        assert (await client.post("/vendors/1/reviews", json={})).status_code == 404
        assert (await client.post("/vendors/77/subscription-details", json={"packageType": 1})).status_code == 404
        assert (await client.post("/vendors", content=b"{")).status_code == 400
        malformed = {"content-type": "application/json"}
        assert (await client.post("/vendors", content=b"{", headers=malformed)).status_code == 400
        assert (await client.post("/vendors", json=[])).status_code == 400
    assert sandbox.writes == []
    sandbox.reset()
    assert set(sandbox.vendors) == {5000}
