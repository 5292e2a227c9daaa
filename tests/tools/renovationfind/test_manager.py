"""The Manager API's tools: a vendor is created after a yes, its password is nowhere, and packages go out as numbers."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from typing import Any

import pytest

from leadbridge.server.sandbox import Fault
from tests.support import Person, call, connected, data_of, text_of

CREATE, SUBSCRIBE = "renovationfind_create_vendor", "renovationfind_update_subscription"
ON: dict[str, Any] = {"toolsets": "default,manager"}
PASSWORD = "Tr0ub4dor & 3?é"
VENDOR: dict[str, Any] = {
    "vendor_name": "Alta Roofing",
    "email": "Office@AltaRoofing.ca",
    "password": PASSWORD,
    "sales_email": "sales@altaroofing.ca",
    "city_id": 41,
}
MORE: dict[str, Any] = {
    "vendor_type": "REALTOR", "activated": True, "pq_vendor": False, "address": "17 Elm St", "address_2": "Unit 4",
    "city": "Calgary", "province": "AB", "postal_code": "T2P 1J9", "phone": "(403) 555-0142",
    "description": "Roofs.", "website_url": "https://altaroofing.ca", "bbb_url": "https://bbb.org/alta",
    "name_keywords": "alta, roof", "category_keywords": "roofing", "duns_number": "15-048-3782",
}  # fmt: skip


@pytest.fixture(autouse=True)
def all_logs(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "mcp", "leadbridge", "asyncio", "anyio"):
        caplog.set_level(logging.DEBUG, logger=name)


# Creating a vendor


async def test_a_vendor_is_created_after_a_yes_with_every_field_under_its_documented_name(sandbox, version):
    person = Person()
    async with connected(sandbox, version=version, person=person, **ON) as client:
        result = await call(client, CREATE, **VENDOR, **MORE)
    data = data_of(result)
    assert (data["outcome"], data["record_id"]) == ("done", 5001)
    assert text_of(result).startswith("DONE: The vendor is created, id 5001.\nVendor name: Alta Roofing\n")
    (write,) = sandbox.writes
    assert sandbox.requests[-1].path == "/rest-manager-api-v1/vendors"
    assert write.body == {
        "vendorName": "Alta Roofing", "email": "office@altaroofing.ca", "salesEmail": "sales@altaroofing.ca",
        "cityId": 41, "vendorType": "REALTOR", "activated": True, "pqVendor": False, "contactAddress1": "17 Elm St",
        "contactAddress2": "Unit 4", "contactCity": "Calgary", "contactProvince": "AB",
        "contactPostalCode": "T2P 1J9", "realContactPhoneNumber": "(403) 555-0142", "description": "Roofs.",
        "websiteUrl": "https://altaroofing.ca", "bbbUrl": "https://bbb.org/alta",
        "additionalKeyWordsForNameSearch": "alta, roof", "additionalKeyWordsForCategorySearch": "roofing",
        "dunsNumber": "15-048-3782",
    }  # fmt: skip
    assert sandbox.vendors[5001].password_hash == hashlib.sha256(PASSWORD.encode()).hexdigest()
    (shown,) = person.shown
    for part in (
        "a REALTOR vendor",
        "Vendor name: Alta Roofing",
        "Email: ⟦office@altaroofing.ca⟧",
        "City id: 41",
        "Password: ***",
        "undone",
    ):
        assert part in shown


async def test_what_is_left_out_is_not_sent(sandbox, version):
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        await call(client, CREATE, **VENDOR)
    (write,) = sandbox.writes
    assert set(write.body) == {"vendorName", "email", "salesEmail", "cityId", "vendorType"}


async def test_a_no_creates_nothing(sandbox, version):
    async with connected(sandbox, version=version, person=Person("decline"), **ON) as client:
        result = await call(client, CREATE, **VENDOR)
    assert data_of(result)["outcome"] == "not_approved"
    assert sandbox.writes == []


async def test_the_password_is_in_no_answer_question_log_or_store(sandbox, version, tmp_path, caplog):
    path = tmp_path / "state.db"
    options: dict[str, Any] = {"version": version, "state_url": f"sqlite:///{path}", **ON}
    texts: list[str] = []
    person = Person()
    async with connected(sandbox, person=person, **options) as client:
        texts.append((await call(client, CREATE, **VENDOR, dry_run=True)).model_dump_json())
        texts.append((await call(client, CREATE, **{**VENDOR, "city_id": 0})).model_dump_json())
        texts.append((await call(client, CREATE, **{**VENDOR, "pasword": PASSWORD})).model_dump_json())
        texts.append((await call(client, CREATE, **{**VENDOR, "password": f"{PASSWORD}\n"})).model_dump_json())
        sandbox.faults.add(Fault(kind="drop_after", match="POST /vendors$"))
        texts.append((await call(client, CREATE, **VENDOR)).model_dump_json())
        texts.append((await call(client, CREATE, **VENDOR)).model_dump_json())
        texts.append((await call(client, "write_history")).model_dump_json())
        texts.append((await client.read_resource("leadbridge://history")).model_dump_json())
        other = {**VENDOR, "email": "other@altaroofing.ca"}
        texts.append((await call(client, CREATE, **other)).model_dump_json())
    async with connected(sandbox, **options) as client:
        texts.append((await call(client, CREATE, **{**VENDOR, "email": "third@altaroofing.ca"})).model_dump_json())
    assert '"outcome":"unknown"' in texts[4].replace(" ", "")
    assert len(sandbox.writes) == 2
    secrets = {PASSWORD, json.dumps(PASSWORD)[1:-1], hashlib.sha256(PASSWORD.encode()).hexdigest()}
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir()).decode("utf-8", "replace")
    for text in (*texts, *person.shown, caplog.text, kept):
        assert not [secret for secret in secrets if secret in text]
    assert f"<{len(PASSWORD)} characters>" not in kept.split("password", 1)[1][:40]


async def test_a_dry_run_shows_stars_for_the_password(sandbox, version):
    async with connected(sandbox, version=version, **ON) as client:
        data = data_of(await call(client, CREATE, **VENDOR, dry_run=True))
    assert data["request"]["body"]["password"] == "***"
    assert data["request"]["url"].endswith("/rest-manager-api-v1/vendors")
    assert sandbox.requests == []


@pytest.mark.parametrize("cut", [False, True])
async def test_a_service_that_repeats_the_password_in_its_error_is_not_quoted_with_it(sandbox, version, cut):
    error = f"{'x' * 188 if cut else 'Value'} {PASSWORD} is too weak"
    body = json.dumps({"success": False, "error": error})
    sandbox.faults.add(Fault(kind="status", status=400, body=body))
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        result = await call(client, CREATE, **VENDOR)
        history = text_of(await call(client, "write_history"))
    assert data_of(result)["outcome"] == "refused"
    assert "***" in text_of(result)
    for text in (result.model_dump_json(), history):
        assert PASSWORD[:6] not in text
    assert sandbox.writes == []


async def test_a_token_is_bound_to_the_password_too(sandbox, version):
    async with connected(sandbox, version=version, **ON) as client:
        asked = data_of(await call(client, CREATE, **VENDOR))
        assert asked["outcome"] == "approval_required"
        assert PASSWORD not in json.dumps(asked)
        token = asked["approval_token"]
        other = await call(client, CREATE, **{**VENDOR, "password": "another one"}, approval_token=token)
        assert data_of(other)["reason"] == "token_other_arguments"
        assert sandbox.writes == []
        done = await call(client, CREATE, **VENDOR, approval_token=token)
        replayed = await call(client, CREATE, **VENDOR, approval_token=token)
        again = await call(client, CREATE, **VENDOR)
    assert data_of(replayed)["reason"] == "approval_used"
    assert data_of(done)["outcome"] == "done"
    assert data_of(again)["outcome"] == "already_done"
    assert len(sandbox.writes) == 1


async def test_while_the_outcome_is_unknown_no_vendor_with_that_email_is_created(sandbox, version):
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        sandbox.faults.add(Fault(kind="drop_after", match="POST /vendors$"))
        assert data_of(await call(client, CREATE, **VENDOR))["outcome"] == "unknown"
        again = await call(client, CREATE, **{**VENDOR, "password": "another one", "city_id": 7})
    assert data_of(again)["outcome"] == "refused"
    assert len(sandbox.writes) == 1


async def test_an_email_that_is_taken_is_reported_in_the_service_s_words(sandbox, version):
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        result = await call(client, CREATE, **{**VENDOR, "email": "office@prairieroofing.example"})
    assert data_of(result)["outcome"] == "refused"
    assert "already exists" in text_of(result)
    assert sandbox.writes == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "short"}, "password: must have at least 8 characters"),
        ({"password": 12345678}, "password: must be a text"),
        ({"password": "x" * 201}, "password: must have at most 200 characters"),
        ({"password": " leading space"}, "password: must be printable"),
        ({"email": "office"}, "email: is not a valid e-mail address"),
        ({"sales_email": "x@@y.ca"}, "sales_email: is not a valid e-mail address"),
        ({"phone": "call me"}, "phone: has no digits"),
        ({"city_id": True}, "city_id: must be an integer"),
        ({"city_id": -1}, "city_id: must be at least 1"),
        ({"vendor_type": "PLUMBER"}, "vendor_type: must be one of 'COMPANY' or 'REALTOR'"),
        ({"activated": "yes"}, "activated: must be true or false"),
        ({"description": "x" * 2049}, "description: must have at most 2048 characters"),
        ({"address": "  "}, "address: must not be blank"),
        ({"vendorName": "X"}, "vendorName: is not an argument of this tool; did you mean vendor_name?"),
    ],
)
async def test_a_bad_argument_is_refused_by_name_and_nothing_is_sent(sandbox, version, change, message):
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        result = await call(client, CREATE, **{**VENDOR, **change})
    assert result.is_error
    assert message in text_of(result)
    assert str(change.get("password", "no such")) not in text_of(result)
    assert sandbox.requests == []


async def test_all_violations_are_reported_at_once(sandbox, version):
    async with connected(sandbox, version=version, person=Person(), **ON) as client:
        text = text_of(await call(client, CREATE, email="xyz", phone="y", city_id="z"))
    for name in ("vendor_name: is required", "password: is required", "email: is no", "phone: has no", "city_id: must"):
        assert name in text


# Subscriptions


@pytest.mark.parametrize(
    ("package", "number"), [("NONE", 0), ("BASIC", 1), ("PREMIUM", 2), ("PLATINUM", 3), ("DISCOUNT_PARTNER", 4)]
)
async def test_a_package_goes_out_as_its_number_and_the_day_with_slashes(sandbox, version, package, number):
    async with connected(sandbox, version=version, **ON) as client:
        result = await call(client, SUBSCRIBE, vendor_id=5000, package_type=package, subscription_end_date="2026-12-03")
    assert data_of(result)["outcome"] == "done"
    (write,) = sandbox.writes
    assert write.body == {"packageType": number, "subscriptionEndDate": "03/12/2026"}
    assert sandbox.requests[-1].path == "/rest-manager-api-v1/vendors/5000/subscription-details"


async def test_without_an_end_date_none_is_sent_and_the_receipt_warns(sandbox, version):
    async with connected(sandbox, version=version, **ON) as client:
        result = await call(client, SUBSCRIBE, vendor_id=5000, package_type="BASIC")
    (write,) = sandbox.writes
    assert write.body == {"packageType": 1}
    assert "Warning: No end date is sent" in text_of(result)


async def test_the_same_package_again_is_not_sent_again_until_another_was_set(sandbox, version):
    async with connected(sandbox, version=version, **ON) as client:
        outcomes = [
            data_of(await call(client, SUBSCRIBE, vendor_id=5000, package_type=package))["outcome"]
            for package in ("BASIC", "BASIC", "NONE", "BASIC")
        ]
    assert outcomes == ["done", "already_done", "done", "done"]
    assert len(sandbox.writes) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vendor_id": 5000, "package_type": 2}, "package_type: must be one of 'NONE'"),
        ({"vendor_id": 5000, "package_type": "GOLD"}, "package_type: must be one of 'NONE'"),
        ({"vendor_id": 0, "package_type": "BASIC"}, "vendor_id: must be at least 1"),
        ({"vendor_id": 5000, "package_type": "BASIC", "subscription_end_date": "31/12/2026"}, "must be a date as YYYY"),
        ({"vendor_id": 5000, "package_type": "BASIC", "subscription_end_date": "2026-02-30"}, "is not a day"),
        ({"package_type": "BASIC"}, "vendor_id: is required"),
    ],
)
async def test_a_bad_subscription_is_refused_by_name(sandbox, version, arguments, message):
    async with connected(sandbox, version=version, **ON) as client:
        result = await call(client, SUBSCRIBE, **arguments)
    assert result.is_error
    assert message in text_of(result)
    assert sandbox.requests == []


async def test_an_unknown_vendor_is_refused(sandbox, version):
    async with connected(sandbox, version=version, **ON) as client:
        result = await call(client, SUBSCRIBE, vendor_id=77, package_type="BASIC")
    assert data_of(result)["outcome"] == "refused"
    assert "RenovationFind has no vendor 77 for this key (404)" in text_of(result)
    assert sandbox.writes == []


async def test_a_429_of_five_minutes_is_reported_and_not_slept_through(sandbox, version, time):
    sandbox.faults.add(Fault(kind="rate_limited", seconds=300))
    async with connected(sandbox, version=version, time=time, **ON) as client:
        result = await call(client, SUBSCRIBE, vendor_id=5000, package_type="BASIC")
    assert data_of(result)["outcome"] == "refused"
    assert re.search(r"Try again in 300 s", text_of(result))
    assert sum(time.slept) < 60
    assert sandbox.writes == []


async def test_success_false_with_200_is_a_refusal(sandbox, version):
    sandbox.faults.add(Fault(kind="success_false_200"))
    async with connected(sandbox, version=version, **ON) as client:
        result = await call(client, SUBSCRIBE, vendor_id=5000, package_type="BASIC")
    assert data_of(result)["outcome"] == "refused"
    assert sandbox.writes == []
