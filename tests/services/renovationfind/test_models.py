"""RenovationFind's answers: a lead needs its id, everything else may be anything."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.server.catalog import load
from leadbridge.server.errors import OutcomeUnknown
from leadbridge.server.services.json_body import json_of
from leadbridge.server.services.renovationfind.models import (
    REASON_LIMIT,
    STATUS_RULES,
    WON,
    ChangeableStatus,
    ContactMethod,
    EstimateType,
    Lead,
    LostReason,
    WonStatus,
)
from leadbridge.server.writes.agreement import received
from leadbridge.server.writes.model import Done, HttpWrite

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no failure
CATALOG = load()
SERVICE = CATALOG.services["renovationfind"]
WIN = HttpWrite(
    operation=CATALOG["renovationfind.mark_won"],
    receive=lambda answer: Done("won", record_id=Lead.model_validate(answer["data"]).id),  # type: ignore[index, call-overload]
    path={"lead_id": 7},
    body={"status": "LEAD_WON", "jobAmount": 12.5, "estimatedProjectStartDate": "2023-11-07", "startDateTbd": True},
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**300, 10**310),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["", "\ud83d", "NONE", "ACCEPTED", "SOMETHING_NEW", "2023-11-07T05:31:56Z", "<p>x</p>", "<![x[>", "12.50"]
    ),
)
KEYS = [
    "id", "dateCreated", "actionDate", "category", "customerName", "customerEmail", "customerPhone",
    "customerAddress", "projectDetailsHtml", "customerInformationHtml", "originalJobDescription", "vendorLeadAction",
    "declineReason", "postLeadStatus", "postLeadRequiresAction", "postLeadStatusData", "attachments", "status",
    "jobAmount", "startDateTbd", "meetupScheduledDate", "displayFilename", "uploadDate", "success", "data",
    "message", "error", "brandNew",
]  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)),
    max_leaves=14,
)


@unhurried
@given(st.one_of(ANYTHING, ANYTHING.map(lambda data: {"success": True, "data": data})))
def test_any_json_after_a_write_is_a_lead_or_an_unknown_outcome(answer: Any) -> None:
    try:
        done = received(WIN, answer, SERVICE)
    except OutcomeUnknown as error:
        assert error.may_have_taken_effect  # noqa: PT017  # either way out is right
        assert len(str(error)) < 1_000  # noqa: PT017
    else:
        assert done.record_id == 7


@unhurried
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING), st.integers(1, 2**63 - 1))
def test_a_lead_needs_nothing_but_its_id_and_every_other_field_may_be_anything(
    fields: dict[str, Any], number: int
) -> None:
    lead = Lead.model_validate({**fields, "id": number})
    assert lead.id == number
    assert lead.status is None or isinstance(lead.status, str)
    for attachment in lead.attachments:
        assert attachment.id is None or isinstance(attachment.id, int)


@unhurried
@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING), st.integers(1, 2**63 - 1))
@example({"actionDate": math.inf}, 1)
def test_what_is_kept_of_a_lead_is_read_back_as_the_same(fields: dict[str, Any], number: int) -> None:
    lead = Lead.model_validate(json_of(json.dumps({**fields, "id": number}).encode(), "a lead"))
    kept = lead.model_dump(mode="json", exclude_none=True)
    again = Lead.model_validate(kept)
    assert again.model_dump(mode="json", exclude_none=True) == kept


@pytest.mark.parametrize("data", [None, [], "x", 5, {}, {"id": None}, {"id": "x"}, {"id": {}}])
def test_a_success_without_a_lead_is_an_unknown_outcome(data: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        received(WIN, {"success": True, "data": data}, SERVICE)
    assert caught.value.may_have_taken_effect


@pytest.mark.parametrize("answer", [None, [], "x", 5, True, {}, {"success": True, "message": "ok"}])
def test_an_answer_without_the_envelope_is_an_unknown_outcome(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        received(WIN, answer, SERVICE)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"postLeadStatus": "QUOTE_SENT"}, "QUOTE_SENT"),
        ({"postLeadStatusData": {"status": "QUOTE_SENT"}}, "QUOTE_SENT"),
        ({"postLeadStatus": "", "postLeadStatusData": {"status": "QUOTE_SENT"}}, "QUOTE_SENT"),
        ({"postLeadStatus": "BRAND_NEW_STATUS"}, "BRAND_NEW_STATUS"),
        ({"postLeadStatus": "NO_RESPONSE"}, "NO_RESPONSE"),
        ({"postLeadStatusData": "x"}, None),
        ({}, None),
    ],
)
def test_the_status_is_found_under_either_of_its_names_and_may_be_one_that_nobody_knows(
    fields: dict[str, Any], status: str | None
) -> None:
    assert Lead.model_validate({"id": 1, **fields}).status == status


def test_a_lead_is_read_with_empty_texts_numbers_as_texts_and_plain_dates() -> None:
    lead = Lead.model_validate(
        {
            "id": "812",
            "customerName": "",
            "dateCreated": "2023-11-07T05:31:56Z",
            "postLeadRequiresAction": "true",
            "postLeadStatusData": {"jobAmount": "18500.50", "meetupScheduledDate": "2026-05-04", "startDateTbd": None},
            "attachments": [{"id": "5", "displayFilename": "a.pdf"}, None, "x"],
        }
    )
    assert (lead.id, lead.customerName, lead.postLeadRequiresAction) == (812, None, True)
    assert lead.postLeadStatusData is not None
    assert (lead.postLeadStatusData.jobAmount, lead.postLeadStatusData.meetupScheduledDate) == (18500.5, "2026-05-04")
    assert [attachment.id for attachment in lead.attachments] == [5]


# The documented values

STATUSES = [
    "HOMEOWNER_CONTACTED", "MEETUP_SCHEDULED", "QUOTE_SENT", "JOB_PENDING_DECISION", "JOB_WON", "JOB_LOST",
    "JOB_POSTPONED_OR_CANCELLED", "NO_RESPONSE_FROM_HOMEOWNER", "OTHER", "REACHED_OUT_TO_HOMEOWNER",
    "MULTIPLE_ATTEMPTS_NO_RESPONSE", "CONTACT_MADE", "ESTIMATE_PROVIDED", "LEAD_WON", "LEAD_LOST",
]  # fmt: skip


def test_there_are_the_fifteen_documented_statuses_and_two_of_them_are_final() -> None:
    assert list(STATUS_RULES) == STATUSES
    assert set(get_args(ChangeableStatus)) | set(get_args(WonStatus)) == set(STATUSES)
    assert set(get_args(WonStatus)) == WON == {"JOB_WON", "LEAD_WON"}
    assert {rule.status for rule in STATUS_RULES.values() if rule.final} == WON
    assert "NO_RESPONSE" not in STATUS_RULES


def test_what_each_status_requires_is_what_the_page_says() -> None:
    required = {name: rule.required for name, rule in STATUS_RULES.items() if rule.required}
    assert required == {
        "MEETUP_SCHEDULED": ("meeting_scheduled_date",),
        "JOB_WON": ("job_amount",),
        "JOB_LOST": ("reason",),
        "JOB_POSTPONED_OR_CANCELLED": ("reason",),
        "OTHER": ("reason",),
        "LEAD_WON": ("job_amount",),
        "LEAD_LOST": ("lost_reason",),
    }
    assert REASON_LIMIT == 500


def test_the_other_values_are_the_documented_ones() -> None:
    assert get_args(ContactMethod) == ("PHONE_CALL", "TEXT", "EMAIL", "IN_PERSON_MEETING")
    assert get_args(LostReason) == ("PRICE", "TIMING", "OTHER")
    assert get_args(EstimateType) == (
        "IN_PERSON_ESTIMATE", "EMAILED_ESTIMATE", "VERBAL_ESTIMATE", "PORTAL_ATTACHMENT_ESTIMATE", "OTHER",
    )  # fmt: skip
