"""RenovationFind's two final statuses, JOB_WON and LEAD_WON.

Source: https://docs.renovationfind.com/api-reference/general-leads/update-job-status
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from leadbridge.server.mcp.arguments import Amount, Flag, OptionalDay, Remark
from leadbridge.server.mcp.context import Ctx, app_context
from leadbridge.server.mcp.reply import Omitted
from leadbridge.server.mcp.writes import write_tool
from leadbridge.server.services.renovationfind.models import WON, WonStatus, status_problems
from leadbridge.server.writes.model import Write
from leadbridge.tools.renovationfind.leads import LeadId
from leadbridge.tools.renovationfind.update_job_status import status_write


def _only_won(value: object) -> object:
    if isinstance(value, str) and value not in WON:
        raise ValueError("must be JOB_WON or LEAD_WON; every other status is set with renovationfind_update_job_status")
    return value


async def renovationfind_mark_won(
    ctx: Ctx,
    lead_id: LeadId,
    status: Annotated[WonStatus, BeforeValidator(_only_won), Field(description="Final")],
    job_amount: Annotated[Amount, Field(description="Contract amount")],
    estimated_project_start_date: Annotated[OptionalDay, Field(description="YYYY-MM-DD, for LEAD_WON")] = None,
    estimated_completion_date: Annotated[OptionalDay, Field(description="YYYY-MM-DD, for LEAD_WON")] = None,
    start_date_tbd: Annotated[Flag, Field(description="LEAD_WON without a start date")] = False,
    completion_date_tbd: Annotated[Flag, Field(description="LEAD_WON without a completion date")] = False,
    reason: Annotated[Remark | Omitted, Field(description="Notes")] = None,
    already_accepted: Annotated[Flag, Field(description="Accepted in the portal")] = False,
) -> Write:
    """Mark an accepted RenovationFind lead as won, for good: nobody but RenovationFind's support can change it.

    Both take job_amount; LEAD_WON also a start date or start_date_tbd, and a completion date or completion_date_tbd. No
    other difference is documented: the user says which. It needs the user's approval.
    """
    return await status_write(
        app_context(ctx),
        "renovationfind.mark_won",
        lead_id,
        {
            "status": status,
            "job_amount": job_amount,
            "estimated_project_start_date": estimated_project_start_date,
            "estimated_completion_date": estimated_completion_date,
            "start_date_tbd": start_date_tbd or None,
            "completion_date_tbd": completion_date_tbd or None,
            "reason": reason,
        },
        already_accepted=already_accepted,
    )


TOOLS = (
    write_tool(renovationfind_mark_won, "renovationfind.mark_won", title="Mark lead as won", rules=status_problems),
)
