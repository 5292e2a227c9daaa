"""Prospects as RoofLink's JSON: the list row, the detail, the checklist, the statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone

from leadbridge.server.sandbox.options import ChecklistShape, StatsShape
from leadbridge.server.sandbox.people import CUSTOM_FILTERS
from leadbridge.server.sandbox.records import Done, Prospect, User
from leadbridge.server.sandbox.wire import JsonObject

# assumption company-time
COMPANY_TIME = timezone(timedelta(hours=-5))


def display_date(at: datetime) -> str:
    """`MM/DD/YYYY h:mmAM` in the company's time, which the text does not name."""
    local = at.astimezone(COMPANY_TIME)
    return f"{local:%m/%d/%Y} {local.hour % 12 or 12}:{local:%M%p}"


def iso_date(at: datetime) -> str:
    """ISO 8601 with microseconds and offset, RoofLink's other format."""
    return at.astimezone(COMPANY_TIME).isoformat(timespec="microseconds")


def _user(user: User | None) -> JsonObject | None:
    if user is None:
        return None
    row: JsonObject = {"id": user.id, "name": user.name, "email": user.email, "color": user.color}
    return {**row, "phone": user.phone} if user.phone else row


def _customer(prospect: Prospect) -> JsonObject:
    customer = prospect.customer
    source, region = customer.lead_source, customer.region
    return {
        "id": customer.id,
        "user_id": customer.user_id,
        "name": customer.name,
        "cell": customer.cell,
        "email": customer.email,
        "lead_source": {"id": source.id, "name": source.name} if source else None,
        "region": {"id": region.id, "name": region.name, "color": region.color},
        "rep": _user(customer.rep),
        "rep_2": _user(customer.rep_2),
        "marketing_rep": _user(customer.marketing_rep),
        "project_manager": _user(customer.project_manager),
        "pre_insurance_reviewer": None,
        "post_insurance_reviewer": None,
    }


def _done(done: Done | None, by: str) -> JsonObject:
    return {"date": display_date(done.at), by: _user(done.by)} if done else {}


def _pipeline(prospect: Prospect) -> dict[str, JsonObject]:
    """The four steps, with the fields that each of them was seen to have."""
    return {
        "verify_lead": {
            "key": "verify_lead",
            "name": "Verify Lead",
            "complete": prospect.verified is not None,
            **_done(prospect.verified, "completed_by"),
        },
        "schedule_adj_mtg": {"key": "schedule_adj_mtg", "complete": prospect.meeting is not None},
        "submit": {
            "key": "submit",
            "complete": prospect.submitted is not None,
            "permissions": {"can_submit": True} if prospect.meeting else {},
        },
        "delete": {
            "key": "delete",
            "name": "Delete",
            "complete": prospect.deleted is not None,
            "permissions": {"can_delete": prospect.deleted is None},
            **_done(prospect.deleted, "deleted_by"),
        },
    }


def photo_row(prospect: Prospect, number: int) -> JsonObject:
    """A photo that a prospect has from the start."""
    photo_id = prospect.id * 10 + number
    base = f"https://photos.example.com/{photo_id}"
    return {
        "id": photo_id,
        "name": f"Front {number}.jpg",
        "is_video": False,
        "url": f"{base}.jpg",
        "thumb_url": f"{base}_thumb.jpg",
        "preview_url": f"{base}_preview.jpg",
    }


def list_row(prospect: Prospect) -> JsonObject:
    """A row of the prospect list."""
    cover = photo_row(prospect, 1) if prospect.photos else {"is_video": False, "name": ""}
    return {
        "id": prospect.id,
        "name": prospect.title or prospect.address,
        "job_number": None,
        "job_type": prospect.job_type,
        "bid_type": prospect.bid_type,
        "color": prospect.customer.rep.color if prospect.customer.rep else None,
        "cover_photo": cover,
        "customer": _customer(prospect),
        "date_created": display_date(prospect.created),
        "date_last_edited": display_date(prospect.edited),
        "date_deleted": display_date(prospect.deleted.at) if prospect.deleted else "",
        "full_address": prospect.full_address,
        "latitude": prospect.latitude,
        "longitude": prospect.longitude,
        "photo_count": prospect.photos,
        "pipeline": _pipeline(prospect),
    }


def detail_row(prospect: Prospect) -> JsonObject:
    """A prospect in full: the list row and more."""
    # assumption detail-fields
    return {
        **list_row(prospect),
        "address": prospect.address,
        "city": prospect.city,
        "county": prospect.county,
        "state": prospect.state,
        "zipcode": prospect.zipcode,
        "lead_status": prospect.lead_status,
        "description": prospect.description,
        "extra_info": prospect.extra_info,
        "offline_id": prospect.external_id or None,
        "photos": [photo_row(prospect, number) for number in range(1, prospect.photos + 1)],
        "timestamps": {
            "created": iso_date(prospect.created),
            "last_edited": iso_date(prospect.edited),
            "deleted": iso_date(prospect.deleted.at) if prospect.deleted else None,
        },
    }


def checklist(prospect: Prospect, shape: ChecklistShape) -> object:
    """The four steps in full: who, when, and what the key's user may do."""
    # assumption checklist-shape
    steps = _pipeline(prospect)
    steps["verify_lead"]["permissions"] = {"can_verify": prospect.verified is None}
    steps["schedule_adj_mtg"].update(
        {"name": "Schedule Adjuster Meeting", "permissions": None, **_done(prospect.meeting, "completed_by")}
    )
    steps["submit"].update({"name": "Submit", **_done(prospect.submitted, "completed_by")})
    return steps if shape == "object" else list(steps.values())


_active: Callable[[Prospect], bool] = lambda prospect: prospect.deleted is None  # noqa: E731  # a table's first column

# assumption stats-codes
PREDEFINED: Mapping[str, tuple[str, Callable[[Prospect], bool]]] = {
    "ad": ("All", lambda _: True),
    "uv": ("Unverified", lambda prospect: _active(prospect) and prospect.stage == "uv"),
    "ua": ("Unassigned", lambda prospect: _active(prospect) and prospect.customer.rep is None),
    "as": ("Assigned", lambda prospect: _active(prospect) and prospect.customer.rep is not None),
    "v": ("Verified", lambda prospect: _active(prospect) and prospect.stage == "v"),
    "i": ("Inspected", lambda prospect: _active(prospect) and prospect.stage == "i"),
    "cf": ("Claim Filed", lambda prospect: _active(prospect) and "cf" in prospect.marks),
    "rla": ("RLA", lambda prospect: _active(prospect) and "rla" in prospect.marks),
    "est": ("Estimate", lambda prospect: _active(prospect) and "est" in prospect.marks),
    "si": ("Signed", lambda prospect: _active(prospect) and prospect.stage == "si"),
    "su": ("Submitted", lambda prospect: _active(prospect) and prospect.stage == "su"),
    "re": ("Rejected", lambda prospect: _active(prospect) and "re" in prospect.marks),
    "d": ("Deleted", lambda prospect: not _active(prospect)),
}
"""Code, label and meaning of each predefined filter, which is also what the `status` filter of the list takes."""


def stats(prospects: Iterable[Prospect], shape: StatsShape) -> object:
    """How many prospects match each predefined filter and each that users made."""
    # assumption stats-shape
    rows = list(prospects)
    predefined = [(label, code, sum(map(test, rows))) for code, (label, test) in PREDEFINED.items()]
    # What a user's filter looks for is not known; a share of the active ones serves.
    active = sum(map(_active, rows))
    custom = [(name, index, active // (index + 2)) for index, name in enumerate(CUSTOM_FILTERS, start=1)]
    if shape == "object":
        return {key: count for _, key, count in predefined} | {name: count for name, _, count in custom}
    if shape == "array":
        return [
            *({"name": label, "key": key, "count": count} for label, key, count in predefined),
            *({"name": name, "key": f"custom_{key}", "count": count} for name, key, count in custom),
        ]
    return {
        "filters": {key: {"name": label, "count": count} for label, key, count in predefined},
        "custom_filters": [{"id": key, "name": name, "count": count} for name, key, count in custom],
    }
