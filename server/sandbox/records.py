"""What the two simulated services keep: prospects with their customers, leads with their statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Stage = Literal["uv", "v", "i", "si", "su"]
STAGES: tuple[Stage, ...] = ("uv", "v", "i", "si", "su")
"""RoofLink's pipeline, in order: unverified, verified, inspected, signed, submitted."""


@dataclass(frozen=True, slots=True)
class User:
    """A RoofLink employee."""

    id: int
    name: str
    email: str
    color: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """A RoofLink region; the coordinates are its centre."""

    id: int
    name: str
    color: str
    latitude: float
    longitude: float
    notes: str = ""


@dataclass(frozen=True, slots=True)
class LeadSource:
    """Where a RoofLink lead came from."""

    id: int
    name: str


@dataclass(slots=True)
class Customer:
    """A RoofLink customer. `id` and `user_id` are different numbers for one person; an empty text means nothing."""

    id: int
    user_id: int
    first_name: str
    last_name: str
    cell: str
    phone: str
    email: str
    region: Region
    lead_source: LeadSource | None = None
    rep: User | None = None
    rep_2: User | None = None
    marketing_rep: User | None = None
    project_manager: User | None = None
    company_name: str = ""

    @property
    def name(self) -> str:
        """First and last name, or the placeholder that the service shows for nobody."""
        return f"{self.first_name} {self.last_name}".strip() or "Unknown"


@dataclass(frozen=True, slots=True)
class Done:
    """When a step of the checklist was finished, and by whom."""

    at: datetime
    by: User


@dataclass(slots=True)
class Prospect:
    """A RoofLink prospect job."""

    id: int
    customer: Customer
    address: str
    city: str
    county: str
    state: str
    zipcode: str
    latitude: float
    longitude: float
    created: datetime
    edited: datetime
    stage: Stage = "uv"
    lead_status: str = "u"
    job_type: str = "r"
    bid_type: str = ""
    deleted: Done | None = None
    verified: Done | None = None
    meeting: Done | None = None
    submitted: Done | None = None
    marks: frozenset[str] = frozenset()
    """Codes of predefined filters that do not follow from the rest: cf, rla, est, re."""
    photos: int = 0
    description: str = ""
    extra_info: dict[str, object] | None = None
    external_id: str = ""
    title: str = ""
    """A name of its own; without one the address line serves."""

    @property
    def full_address(self) -> str:
        """One line, with the two spaces before the postal code that the service writes."""
        place = f"{self.city}, {self.state}" if self.city else self.state
        return f"{self.address}, {place}  {self.zipcode}"


@dataclass(slots=True)
class Event:
    """An event of RoofLink's calendar; `invitees` are ids of users."""

    id: int
    name: str
    start: datetime
    end: datetime
    created_by: User
    all_day: bool = False
    any_time: bool = False
    on_own_calendar: bool = False
    job_id: int | None = None
    invitees: tuple[int, ...] = ()
    recurrence: str = "never"


@dataclass(frozen=True, slots=True)
class Notice:
    """An e-mail and SMS that an invitee of an event got."""

    event_id: int
    user_id: int
    about: str


@dataclass(slots=True)
class Note:
    """A note on a job; `recipients` are ids of users. A reply has a parent."""

    id: int
    job_id: int
    sender: User
    message: str
    created: datetime
    tags: tuple[str, ...] = ()
    recipients: tuple[int, ...] = ()
    parent_id: int | None = None
    archived: bool = False
    read: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """A note as it was mailed."""

    note_id: int
    to: Literal["customer", "employee"]
    address: str
    message: str


@dataclass(slots=True)
class Photo:
    """A RoofLink photo or document; `form` is what its file has to be uploaded with."""

    id: int
    name: str
    description: str
    job_id: int | None
    tags: tuple[str, ...]
    created: datetime
    form: dict[str, str]
    has_file: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """What arrived at the upload host: the fields in their order, and the file."""

    file_id: int
    fields: tuple[tuple[str, str], ...]
    filename: str
    content_type: str
    content: bytes


@dataclass(slots=True)
class JobStatus:
    """The status of a RenovationFind lead after its acceptance, `NO_RESPONSE` as long as none was set."""

    status: str = "NO_RESPONSE"
    at: datetime | None = None
    reason: str | None = None
    meeting_date: date | None = None
    job_amount: float | None = None
    contact_method: str | None = None
    estimate_type: str | None = None
    lost_reason: str | None = None
    start_date: date | None = None
    completion_date: date | None = None
    start_date_tbd: bool | None = None
    completion_date_tbd: bool | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a RenovationFind lead; the service gives neither its size nor an address."""

    id: int
    filename: str
    content_type: str
    uploaded: datetime


@dataclass(slots=True)
class Lead:
    """A RenovationFind lead. `action` is the vendor's: NONE, ACCEPTED or DECLINED."""

    id: int
    created: datetime
    modified: datetime
    category: str
    customer_name: str
    customer_phone: str
    customer_email: str
    customer_address: str
    project_details_html: str
    original_job_description: str
    customer_information_html: str
    viewed: bool = False
    action: Literal["NONE", "ACCEPTED", "DECLINED"] = "NONE"
    action_at: datetime | None = None
    decline_reason: str | None = None
    status: JobStatus = field(default_factory=JobStatus)
    attachments: list[Attachment] = field(default_factory=list[Attachment])

    @property
    def won(self) -> bool:
        """Whether the status is one that can never be changed."""
        return self.status.status in {"JOB_WON", "LEAD_WON"}


@dataclass(frozen=True, slots=True)
class ReferralRequest:
    """A referral request that the vendor sent."""

    id: int
    first_name: str
    last_name: str
    email: str
    phone: str
    send_gift: bool = False
    renewal: bool = False


@dataclass(slots=True)
class Vendor:
    """A vendor's account; the password is kept as a hash only, as the page says."""

    id: int
    details: dict[str, object] = field(default_factory=dict[str, object])
    password_hash: str = ""
    package_type: int | None = None
    subscription_end: str | None = None
