"""Which argument values may stand in the history, and how the others are masked."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

_PLAIN = frozenset(
    {
        "lead_id", "prospect_id", "job_id", "customer_id", "event_id", "status", "job_amount", "state",
        "meeting_scheduled_date", "estimated_project_start_date", "estimated_completion_date", "start_date_tbd",
        "completion_date_tbd", "contact_method", "estimate_type", "lost_reason", "send_gift", "renewal",
        "skip_duplicates", "allow_duplicate", "job_type", "bid_type", "region_id", "rep_id", "rep_2_id",
        "project_manager_id", "marketing_rep_id", "lead_source_id", "notify_rep", "notify_customer",
        "photo_id",
        "note_id",
        "vendor_id", "city_id",
    }
)  # fmt: skip


def masked(arguments: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Arguments for the history: ids, codes, money and dates as they are, everything else as its length only."""
    return {name: value if name in _PLAIN else _mask(value) for name, value in arguments.items() if value is not None}


def _mask(value: JsonValue) -> str:
    if isinstance(value, dict):
        return f"<{len(value)} fields>"
    return f"<{len(str(value))} characters>"
