"""What can be chosen about a sandbox, mostly where the services' documentation leaves a question open."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType, NoneType
from typing import Literal, TypedDict, cast, get_args

from leadbridge.server.spelling import meant

ROOFLINK_ROOT = "/roof_link_endpoints/api"
RENOVATIONFIND_ROOT = "/rest-api-v1"
UPLOAD_ROOT = "/_uploads"
"""The upload host's; it is not a separate service, and has no key."""

FILTERS = frozenset({
    "status", "rep", "rep_2", "project_manager", "employee", "region", "date_created__gte", "date_created__lte",
    "date_last_edited__gte", "date_last_edited__lte", "city", "state", "zipcode", "search", "latitude", "longitude",
})  # fmt: skip
"""Every filter of the prospect list that can be honoured; `date_deleted__isnull` always is."""

# assumption ignored-filters
IGNORED_FILTERS = frozenset({"state", "project_manager", "search"})

EVENT_FILTERS = frozenset({"users", "job", "start__gte", "start__lte"})
"""Every filter of the calendar that can be honoured."""

CREATE_LEAD_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "external_id": "offline_id",
        "first_name": "first_name",
        "last_name": "last_name",
        "address": "address",
        "city": "city",
        "county": "county",
        "state": "state",
        "postal_code": "zipcode",
        "latitude": "latitude",
        "longitude": "longitude",
        "lead_status": "lead_status",
        "extra_info": "extra_info",
        "cell_phone": "cell",
        "home_phone": "phone",
        "email": "email",
        "lead_source": "lead_source",
    }
)  # assumption create-lead-names
"""The body of a new RoofLink lead: what a field is, and the name under which the sandbox reads it."""

NOTE_NAMES: Mapping[str, str] = MappingProxyType(
    {"job": "job", "message": "message", "notify_rep": "notify_rep", "notify_customer": "notify_customer"}
)
"""The body of a new RoofLink note except for tags and recipients, which are documented."""

StatsShape = Literal["object", "array", "nested"]
ChecklistShape = Literal["object", "array"]
ProspectOrder = Literal["created", "edited"]
LeadListShape = Literal["array", "data", "items", "content", "results", "pages"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True, frozen=True)
class Options:
    """Choices of one sandbox; all have defaults. `MEANINGS` says what each one does.

    `clock` drives the rate limits and the `at` of requests and writes (seconds); `now` the dates of records. Seeded
    records are dated backwards from the `now` of the moment when the sandbox was made or reset.
    """

    seed: int = 1
    prospects: int = 150
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    honoured_filters: frozenset[str] = FILTERS - IGNORED_FILTERS
    max_page_size: int = 100
    page_seconds: float = 0.0
    prospect_order: ProspectOrder = "created"
    next_origin: str = ""
    stats_shape: StatsShape = "object"
    checklist_shape: ChecklistShape = "object"
    # assumption create-lead-path
    create_lead_path: str = "/light/jobs/create_customer_and_job/"
    create_lead_names: Mapping[str, str] = field(default_factory=dict[str, str])
    upload_origin: str = ""
    finished_photo_body: bool = True
    event_filters: frozenset[str] = frozenset({"users", "start__gte", "start__lte"})
    event_date_format: str = "%m/%d/%Y %I:%M%p"
    customer_filters: frozenset[str] = frozenset({"rep"})
    note_tags_required: bool = False
    note_recipients_required: bool = False
    note_names: Mapping[str, str] = field(default_factory=dict[str, str])
    reply_to_note_path: str = ""
    update_customer_email_path: str = ""
    search_jobs_path: str = ""
    unknown_job_fields: frozenset[str] = frozenset()
    rooflink_retry_after: int | None = None
    lead_list_shape: LeadListShape = "data"
    lead_reads: bool = True

    def __post_init__(self) -> None:
        for name, known, given in (
            ("honoured_filters", FILTERS, self.honoured_filters),
            ("event_filters", EVENT_FILTERS, self.event_filters),
            ("create_lead_names", CREATE_LEAD_NAMES.keys(), self.create_lead_names.keys()),
            ("customer_filters", {"rep", "region"}, self.customer_filters),
            ("note_names", NOTE_NAMES.keys(), self.note_names.keys()),
            ("stats_shape", get_args(StatsShape), {self.stats_shape}),
            ("checklist_shape", get_args(ChecklistShape), {self.checklist_shape}),
            ("prospect_order", get_args(ProspectOrder), {self.prospect_order}),
            ("lead_list_shape", get_args(LeadListShape), {self.lead_list_shape}),
        ):
            unknown = sorted(set(given) - set(known))
            if unknown:
                raise ValueError(f"{name}: unknown {unknown[0]!r}; known: {', '.join(sorted(known))}")

    def lead_name(self, field_name: str) -> str:
        """The name on the wire of one of CREATE_LEAD_NAMES."""
        return self.create_lead_names.get(field_name, CREATE_LEAD_NAMES[field_name])

    def note_name(self, field_name: str) -> str:
        """The name on the wire of one of NOTE_NAMES."""
        return self.note_names.get(field_name, NOTE_NAMES[field_name])


class Choices(TypedDict, total=False):
    """The fields of Options as keyword arguments."""

    seed: int
    prospects: int
    clock: Callable[[], float]
    now: Callable[[], datetime]
    honoured_filters: frozenset[str]
    max_page_size: int
    page_seconds: float
    prospect_order: ProspectOrder
    next_origin: str
    stats_shape: StatsShape
    checklist_shape: ChecklistShape
    create_lead_path: str
    create_lead_names: Mapping[str, str]
    upload_origin: str
    finished_photo_body: bool
    event_filters: frozenset[str]
    event_date_format: str
    customer_filters: frozenset[str]
    note_tags_required: bool
    note_recipients_required: bool
    note_names: Mapping[str, str]
    reply_to_note_path: str
    update_customer_email_path: str
    search_jobs_path: str
    unknown_job_fields: frozenset[str]
    rooflink_retry_after: int | None
    lead_list_shape: LeadListShape
    lead_reads: bool


MEANINGS: Mapping[str, str] = {
    "seed": "another number makes other records",
    "prospects": "how many there are",
    "honoured_filters": "filters of the prospect list by their API names; others are ignored, as Django does",
    "max_page_size": "10 is how authors of other clients read the documentation",
    "page_seconds": "how long a page of the prospect list takes, such as 8.0; 8 to 20 were seen in the field",
    "prospect_order": "created or edited: what the prospect list is sorted by, newest first",
    "next_origin": "origin of `next` and `previous`, such as https://api.roof.link; else the request's own",
    "stats_shape": "object, array or nested",
    "checklist_shape": "object or array",
    "create_lead_path": "where a new lead goes",
    "create_lead_names": "other API names of a new lead's fields, such as postal_code",
    "upload_origin": "where files go, such as https://bucket.example.com; else the sandbox's own",
    "finished_photo_body": "whether a complete photo is answered with itself, or with an empty body",
    "event_filters": "filters of the calendar that are honoured; job can be added",
    "event_date_format": "how the calendar reads a start and an end, as strptime takes it",
    "customer_filters": "filters of the list of customers that are honoured; region can be added",
    "note_tags_required": "the company's setting of this name",
    "note_recipients_required": "the company's setting of this name",
    "note_names": "other API names of a note's fields: job, message, notify_rep, notify_customer",
    "reply_to_note_path": "where a reply to a note goes; no page says it",
    "update_customer_email_path": "where a customer's e-mail address goes; no page says it",
    "search_jobs_path": "where a customer's jobs are searched; no page says it",
    "unknown_job_fields": "names that a change of a job ignores, such as rep_2 or customer.cell",
    "rooflink_retry_after": "seconds in the Retry-After header of RoofLink's 429; none is sent without it",
    "lead_list_shape": "array, data, items, content, results or pages; the first two come whole",
    "lead_reads": "whether RenovationFind answers GET /general-leads, which no page documents",
}
"""Each option that plain data can have, and what it does."""


def choices_from(data: Mapping[str, object]) -> Choices:
    """Choices from plain data, as it comes in JSON; a list of filters becomes a set.

    Raises:
        ValueError: an unknown name, or a value of another type than the default has.
    """
    given = dict(data)
    defaults = {known.name: cast("object", getattr(_DEFAULTS, known.name)) for known in fields(_DEFAULTS)}
    for name, value in given.items():
        if name not in MEANINGS:
            raise ValueError(f"unknown option of the sandbox: {name!r}{meant(name, MEANINGS)}")
        allowed: tuple[type, ...] = (int, NoneType) if name == "rooflink_retry_after" else (type(defaults[name]),)
        if isinstance(defaults[name], frozenset) and isinstance(value, list):
            given[name] = frozenset(cast("list[str]", value))
        elif type(value) not in allowed:
            raise ValueError(f"{name} must be of the type {allowed[0].__name__}")
    return cast("Choices", cast("object", given))


_DEFAULTS = Options()
