"""The main job as a host does it: a lead comes in, is handed off to RoofLink, reported on, and won."""

from __future__ import annotations

from typing import Any

from mcp import Client

from tests.support import call, data_of, text_of

LEAD = 812
APPROXIMATE = "The coordinates are approximate: the centre of the ZIP code, not the house."
WRITES = [
    "renovationfind.accept_lead",
    "rooflink.create_lead",
    "rooflink.add_note",
    "renovationfind.update_job_status",
    "renovationfind.update_job_status",
    "renovationfind.update_job_status",
    "renovationfind.mark_won",
]


async def _write(client: Client, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """A write, with a token where the client could not be asked."""
    receipt = data_of(await call(client, tool, **arguments))
    if receipt["outcome"] == "approval_required":
        receipt = data_of(await call(client, tool, **arguments, approval_token=receipt["approval_token"]))
    assert receipt["outcome"] == "done", receipt
    return receipt


async def win_lead(client: Client) -> list[str]:
    """Take the lead to won. Answers the approvals of the writes, in order."""
    handed_off = await _write(client, "hand_off_lead", lead_id=LEAD)
    assert handed_off["warnings"] == [APPROXIMATE]
    update = "renovationfind_update_job_status"
    await _write(client, update, lead_id=LEAD, status="CONTACT_MADE", contact_method="PHONE_CALL")
    await _write(client, update, lead_id=LEAD, status="MEETUP_SCHEDULED", meeting_scheduled_date="2030-05-04")
    await _write(client, update, lead_id=LEAD, status="ESTIMATE_PROVIDED", estimate_type="IN_PERSON_ESTIMATE")
    await _write(client, "renovationfind_mark_won", lead_id=LEAD, status="JOB_WON", job_amount=18500)

    refused = await call(client, update, lead_id=LEAD, status="JOB_LOST", reason="They changed their mind")
    assert refused.is_error
    assert "cannot be changed" in text_of(refused)
    rows = data_of(await call(client, "write_history"))["rows"]
    assert [row["operation"] for row in reversed(rows)] == WRITES
    assert {row["outcome"] for row in rows} == {"done"}
    return [row["approval"] for row in reversed(rows)]
