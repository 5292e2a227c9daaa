"""RenovationFind's leads as JSON, field by field in the order of the documentation's sample."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from leadbridge.server.sandbox.options import LeadListShape
from leadbridge.server.sandbox.records import Lead
from leadbridge.server.sandbox.wire import JsonObject, positive_int

_DETAIL_ONLY = ("customerInformationHtml", "postLeadStatusData", "attachments")


def date_time(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, as in the documentation's placeholder."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def _midnight(day: date | None) -> str | None:
    """A day sent as `YYYY-MM-DD` comes back as a date-time."""
    # assumption dates-at-midnight-utc
    return f"{day.isoformat()}T00:00:00Z" if day else None


def _requires_action(lead: Lead) -> bool:
    """Accepted and nothing said since, or won without the attachment that is "soft-required"."""
    # assumption requires-action
    if lead.action != "ACCEPTED":
        return False
    missing_file = lead.status.status == "LEAD_WON" and not lead.attachments
    return missing_file or lead.status.status == "NO_RESPONSE"


def lead_detail(lead: Lead) -> JsonObject:
    """A lead in full; who the homeowner is stays empty until the lead is accepted."""
    # assumption withheld-contact
    shown = lead.action == "ACCEPTED"
    status = lead.status
    return {
        "id": lead.id,
        "dateCreated": date_time(lead.created),
        "dateModified": date_time(lead.modified),
        "actionDate": date_time(lead.action_at),
        "category": lead.category,
        "customerName": lead.customer_name if shown else "",
        "customerPhone": lead.customer_phone if shown else "",
        "customerAddress": lead.customer_address if shown else "",
        "customerEmail": lead.customer_email if shown else "",
        "projectDetailsHtml": lead.project_details_html,
        "originalJobDescription": lead.original_job_description,
        "vendorNotificationViewed": lead.viewed,
        "vendorLeadAction": lead.action,
        "declineReason": lead.decline_reason,
        "postLeadStatus": status.status,
        "postLeadRequiresAction": _requires_action(lead),
        "customerInformationHtml": lead.customer_information_html if shown else "",
        "postLeadStatusData": {
            "status": status.status,
            "statusActionDate": date_time(status.at),
            "reason": status.reason,
            "meetupScheduledDate": _midnight(status.meeting_date),
            "jobAmount": status.job_amount,
            "requiresAction": _requires_action(lead),
            "contactMethod": status.contact_method,
            "estimateType": status.estimate_type,
            "lostReason": status.lost_reason,
            "estimatedProjectStartDate": _midnight(status.start_date),
            "estimatedCompletionDate": _midnight(status.completion_date),
            "startDateTbd": status.start_date_tbd,
            "completionDateTbd": status.completion_date_tbd,
        },
        "attachments": [
            {
                "id": file.id,
                "displayFilename": file.filename,
                "contentType": file.content_type,
                "uploadDate": date_time(file.uploaded),
            }
            for file in lead.attachments
        ],
    }


def lead_lite(lead: Lead) -> JsonObject:
    """The lead as a list would show it."""
    # assumption lite-view
    return {name: value for name, value in lead_detail(lead).items() if name not in _DETAIL_ONLY}


def lead_list(rows: list[JsonObject], shape: LeadListShape, query: Mapping[str, str]) -> object:
    """The rows in one of the envelopes that a list might have."""
    # assumption lead-list-pages
    if shape == "array":
        return rows
    if shape == "data":
        return {"success": True, "data": rows}
    page, size = positive_int(query.get("page", "1")) or 1, positive_int(query.get("pageSize", "20")) or 20
    shown, more = rows[(page - 1) * size : page * size], page * size < len(rows)
    if shape == "pages":
        following = f"https://www.renovationfind.com/rest-api-v1/general-leads?page={page + 1}" if more else None
        return {"count": len(rows), "next": following, "previous": None, "results": shown}
    paging: JsonObject = {"total": len(rows)} if shape == "items" else {"last": not more} if shape == "content" else {}
    return {"success": True, "data": {shape: shown, **paging}}
