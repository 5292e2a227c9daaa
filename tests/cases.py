"""Every tool with arguments that are right, and what becomes of them: one row each. The generic tests loop over them.

The arguments fit `make_sandbox(time, prospects=12, **EVERY_PATH_SERVED)` and a server with `**EVERY_TOOL`. A tool that
has no row here fails `tests/tools/test_every_tool.py`; a row is all that a new tool needs to be in every generic test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from leadbridge.server.sandbox import Fault

JOB, CUSTOMER = 7_000_120, 510_002
LEAD: dict[str, Any] = {"address": "4821 Juniper Hollow Dr", "state": "TX", "postal_code": "75024"}
WHEN = {"start": "2030-05-06T09:00", "end": "2030-05-06T10:00"}
VENDOR: dict[str, Any] = {
    "vendor_name": "Byron Roofs", "email": "office@byronroofs.com", "password": "correct horse 7",
    "sales_email": "sales@byronroofs.com", "city_id": 41,
}  # fmt: skip
_JOBS = (
    7_000_104, 7_000_107, 7_000_114, 7_000_120, 7_000_126, 7_000_133, 7_000_140, 7_000_141, 7_000_145, 7_000_151
)  # fmt: skip
_NOTES = range(92_001, 92_011)


@dataclass(frozen=True)
class Case:
    """A tool, right arguments for it, and what it sends."""

    name: str
    ask: str
    """What a user says who wants this; docs/examples.md shows it with the call and the answer."""
    arguments: dict[str, Any]
    sends: tuple[str, ...] = ()
    """All requests in order, below the service's address, the query as it is sent; none where no service is called."""
    effect: Literal["read", "reversible", "additive", "irreversible"] = "read"
    asks: bool = False
    """Whether a person is asked, with these arguments."""
    asks_with: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further arguments with which a person is asked, if it takes them."""
    body: Any = None
    """The body of its first write, but for the mark that LeadBridge leaves in a new lead."""
    another: Callable[[int], dict[str, Any]] | None = None
    """Arguments about other records, one for each number: the same is not sent twice."""
    succeeds_with: int = 200
    shows_record: bool = True
    """Whether an answer without the record is none; else `success: true` is the whole answer."""
    may_be_silent: bool = False
    """Whether no content, and so `null`, is a success."""
    lists: Literal["", "page", "array", "days"] = ""
    """How its service sends the rows that it lists: in an envelope, as they are, by days."""
    finds_its_own: bool = False
    """Whether it looks for the record of a write whose answer was lost."""

    @property
    def writes(self) -> bool:
        return self.effect != "read"

    @property
    def may_ask(self) -> bool:
        return self.asks or bool(self.asks_with)

    @property
    def changes(self) -> list[str]:
        """The requests that change something at the service; bringing a file to another host is none."""
        return [line for line in self.sends if not line.startswith(("GET ", "POST /_uploads/"))]

    @property
    def in_one(self) -> bool:
        """Whether one request is the whole write."""
        return len(self.changes) == 1

    @property
    def service(self) -> str:
        return self.name.partition("_")[0]

    @property
    def has_body(self) -> bool:
        """Whether there is anything in the answer to a success."""
        return self.succeeds_with != 204

    @property
    def method(self) -> str:
        """Of its own request, which is the last."""
        return self.sends[-1].partition(" ")[0]

    @property
    def path(self) -> str:
        """Of its own request, as a regular expression for any record."""
        path = re.escape(self.sends[-1].partition(" ")[2].partition("?")[0])
        return re.sub("[0-9]{2,}", "[0-9]+", path) + "$"

    def about(self, number: int) -> dict[str, Any]:
        """Arguments about the record of this number."""
        return {**self.arguments, **(self.another(number) if self.another else {})}

    def fault(self, kind: Any, **options: Any) -> Fault:
        """A fault that befalls this tool's own requests."""
        return Fault(kind=kind, match=f"{self.method} {self.path}", **options)


_LIST, _CREATE_LEAD = "GET /light/jobs/prospect/?page=1&page_size=100", "POST /light/jobs/create_customer_and_job/"
_NEAR = "GET /light/jobs/prospect/?zipcode={}&page=1&page_size=100"
_PROSPECT = f"GET /light/jobs/prospect/{JOB}/"
_CENTRE = {"latitude": "33.075200", "longitude": "-96.784300", "lead_status": "u"}

CASES: tuple[Case, ...] = (
    # Prospects and jobs of RoofLink
    Case("rooflink_list_prospects", "Show me the three newest prospects.", {"page_size": 3},
         ("GET /light/jobs/prospect/?page=1&page_size=3&date_deleted__isnull=true",), lists="page"),
    Case("rooflink_get_prospect", "Show me prospect 7000120.", {"prospect_id": JOB}, (_PROSPECT,)),
    Case("rooflink_prospect_stats", "How many prospects are verified, inspected and signed?",
         {}, ("GET /light/jobs/prospect/stats/",)),
    Case("rooflink_prospect_checklist", "What comes next for prospect 7000120?",
         {"prospect_id": JOB}, (f"GET /light/jobs/prospect/{JOB}/checklist/",)),
    Case("rooflink_create_lead", "Create a lead for 4821 Juniper Hollow Dr, TX 75024.",
         LEAD, (_NEAR.format(75024), _LIST, _CREATE_LEAD), "additive",
         asks_with={"allow_duplicate": True},
         body={"address": LEAD["address"], "state": "TX", "zipcode": "75024", **_CENTRE},
         another=lambda number: {"address": f"{100 + 7 * number} Juniper Hollow Dr"},
         succeeds_with=201, finds_its_own=True),
    Case("rooflink_update_job", "Call job 7000120 Hail damage.", {"job_id": JOB, "name": "Hail damage"},
         (_PROSPECT, f"PATCH /light/public/jobs/{JOB}/"), "reversible",
         body={"name": "Hail damage"},
         another=lambda number: {"name": f"Roof {number}"},
         may_be_silent=True, finds_its_own=True),
    Case("rooflink_assign_job", "Give job 7000120 to rep 301.", {"job_id": JOB, "rep_id": 301},
         (_PROSPECT, f"PATCH /light/public/jobs/{JOB}/"), "reversible",
         body={"rep": 301},
         another=lambda number: {"job_id": _JOBS[number % 10], "rep_id": 301 + number // 10 % 5,
                                 "rep_2_id": 301 + number // 50},
         may_be_silent=True, finds_its_own=True),
    # Notes and customers
    Case("rooflink_list_notes", "What are the newest notes?",
         {}, ("GET /light/notes/?page=1&page_size=10",), lists="page"),
    Case("rooflink_add_note", "Note on job 7000120: Call me.",
         {"job_id": JOB, "message": "Call me"}, ("POST /light/notes/",), "irreversible",
         asks_with={"notify_customer": True}, body={"job": JOB, "message": "Call me"},
         another=lambda number: {"message": f"Call {number}"}, succeeds_with=201),
    Case("rooflink_reply_to_note", "Reply to note 92001: Called.", {"note_id": 92_001, "message": "Called"},
         ("POST /light/notes/92001/reply/",), "irreversible", asks=True,
         body={"message": "Called"},
         another=lambda number: {"note_id": _NOTES[number % 10], "message": f"Called {number}"}, succeeds_with=201),
    Case("rooflink_list_customers", "Who are our customers?",
         {}, ("GET /light/customers/?page=1&page_size=10",), lists="page"),
    Case("rooflink_get_customer", "Show me customer 510002.",
         {"customer_id": CUSTOMER}, (f"GET /light/customers/{CUSTOMER}/",)),
    Case("rooflink_search_jobs", "Which jobs does customer 510002 have?", {"customer_id": CUSTOMER},
         (f"GET /light/customers/{CUSTOMER}/jobs/?page=1&page_size=10",), lists="page"),
    Case("rooflink_update_customer_email", "Set the customer's e-mail address of job 7000120 to dana@example.com.",
         {"job_id": JOB, "email": "dana@example.com"},
         (_PROSPECT, f"PATCH /light/jobs/{JOB}/customer_email/"), "reversible",
         body={"email": "dana@example.com"},
         another=lambda number: {"job_id": _JOBS[number % 10], "email": f"ada.{number}@byronroofs.com"},
         may_be_silent=True, finds_its_own=True),
    # Photos and documents
    Case("rooflink_list_photos", "Which photos does job 7000120 have?",
         {"job_id": JOB}, (f"GET /light/photos/?page=1&page_size=10&job={JOB}",), lists="page"),
    Case("rooflink_upload_photo", "Put roof.jpg on job 7000120.", {"job_id": JOB, "file_path": "roof.jpg"},
         ("POST /light/photos/", "POST /_uploads/bucket/", "PUT /light/photos/88001/uploaded/"), "additive",
         body={"job": JOB, "name": "roof.jpg"}),
    Case("rooflink_list_documents", "Which documents does job 7000120 have?",
         {"job_id": JOB}, (f"GET /light/documents/?page=1&page_size=10&job={JOB}",),
         lists="page"),
    Case("rooflink_upload_document", "Put contract.pdf on job 7000120.", {"job_id": JOB, "file_path": "contract.pdf"},
         ("POST /light/documents/", "POST /_uploads/bucket/", "PUT /light/documents/96001/uploaded/"), "additive",
         body={"job": JOB, "name": "contract.pdf"}),
    # Calendar, regions, reports
    Case("rooflink_list_events", "What is in the calendar?",
         {}, ("GET /light/events/?page=1&page_size=10",), lists="page"),
    Case("rooflink_calendar_view", "Show me the calendar as it is drawn.",
         {}, ("GET /light/events/cal/",), lists="array"),
    Case("rooflink_next_five_days_events", "What do I have in the next five days?",
         {}, ("GET /light/events/next_five_days_events/?scope=self",), lists="days"),
    Case("rooflink_create_event", "Put an inspection into the calendar, 6 May 2030, nine to ten.",
         {"name": "Inspection", **WHEN}, ("POST /light/events/",), "irreversible", asks=True,
         body={"name": "Inspection", "start": "05/06/2030 09:00AM", "end": "05/06/2030 10:00AM"},
         another=lambda number: {"name": f"Visit {number}"}, succeeds_with=201),
    Case("rooflink_update_event", "Call event 61001 Inspection.", {"event_id": 61_001, "name": "Inspection"},
         ("GET /light/events/61001/", "PATCH /light/events/61001/"), "irreversible", asks=True,
         body={"name": "Inspection"},
         another=lambda number: {"event_id": 62_000 + number, "name": f"Visit {number}"}),
    Case("rooflink_delete_event", "Take event 61002 out of the calendar.", {"event_id": 61_002},
         ("GET /light/events/61002/", "DELETE /light/events/61002/"), "irreversible", asks=True,
         another=lambda number: {"event_id": 62_000 + number}, succeeds_with=204, may_be_silent=True),
    Case("rooflink_list_regions", "Which regions do we have?",
         {}, ("GET /light/regions/?page=1&page_size=10",), lists="page"),
    Case("rooflink_get_region", "Show me region 11.", {"region_id": 11}, ("GET /light/regions/11/",)),
    Case("rooflink_list_approved_jobs", "Which jobs are approved?",
         {}, ("GET /light/jobs/approved/?page=1&page_size=10",), lists="page"),
    Case("rooflink_approved_stats", "How many jobs are approved?", {}, ("GET /light/jobs/approved/stats/",)),
    Case("rooflink_list_public_jobs", "Show me the newest jobs with their contract prices.",
         {}, ("GET /light/public/jobs/?page=1&page_size=10&ordering=-date_created",),
         lists="page"),
    # RenovationFind
    Case("renovationfind_list_leads", "Which leads does RenovationFind have for us?",
         {}, ("GET /general-leads?page=1&pageSize=20",), lists="page"),
    Case("renovationfind_get_lead", "Show me RenovationFind lead 785.", {"lead_id": 785}, ("GET /general-leads/785",)),
    Case("renovationfind_accept_lead", "Accept lead 812.",
         {"lead_id": 812}, ("POST /general-leads/812/accept",), "irreversible",
         asks=True, another=lambda number: {"lead_id": 2_000 + number}),
    Case("renovationfind_decline_lead", "Decline lead 811, it is outside our service area.",
         {"lead_id": 811, "reason": "Outside our service area"},
         ("POST /general-leads/811/decline",), "irreversible", asks=True,
         body={"reason": "Outside our service area"},
         another=lambda number: {"lead_id": 2_000 + number}, shows_record=False),
    Case("renovationfind_update_job_status", "We sent the quote for lead 785.",
         {"lead_id": 785, "status": "QUOTE_SENT"},
         ("PUT /general-leads/785/status",), "reversible",
         body={"status": "QUOTE_SENT"}, another=lambda number: {"lead_id": 1_000 + number}),
    Case("renovationfind_mark_won", "Lead 786 is JOB_WON, for 18,500.",
         {"lead_id": 786, "status": "JOB_WON", "job_amount": 18500},
         ("PUT /general-leads/786/status",), "irreversible", asks=True,
         body={"status": "JOB_WON", "jobAmount": 18500}, another=lambda number: {"lead_id": 1_000 + number}),
    Case("renovationfind_create_referral", "Ask Dana Miller, dana@example.com, for a referral, even if asked before.",
         {"first_name": "Dana", "last_name": "Miller", "email": "dana@example.com", "skip_duplicates": False},
         ("POST /referral-requests?skipDuplicates=false",), "irreversible", asks=True,
         body={"firstName": "Dana", "lastName": "Miller", "emailTo": "dana@example.com", "sendGift": False,
               "renewal": False},
         another=lambda number: {"email": f"ada.{number}@byronroofs.com"}, succeeds_with=201, shows_record=False),
    Case("renovationfind_create_vendor", "Create the vendor Byron Roofs in city 41.",
         VENDOR, ("POST /vendors",), "irreversible", asks=True,
         body={"vendorName": "Byron Roofs", "email": VENDOR["email"], "salesEmail": VENDOR["sales_email"],
               "cityId": 41, "vendorType": "COMPANY"},
         another=lambda number: {"email": f"office.{number}@byronroofs.com"}, succeeds_with=201, shows_record=False),
    Case("renovationfind_update_subscription", "Give vendor 5000 the package BASIC.",
         {"vendor_id": 5_000, "package_type": "BASIC"},
         ("POST /vendors/5000/subscription-details",), "reversible",
         body={"packageType": 1}, another=lambda number: {"vendor_id": 5_000 + number}, shows_record=False),
    # Both services, and LeadBridge itself
    Case("hand_off_lead", "Put lead 813, accepted in the portal, into RoofLink: Zora Quill, 98 Faraway Rd, TX 75034.",
         {"lead_id": 813, "already_accepted": True, "address": "98 Faraway Rd", "state": "TX", "postal_code": "75034",
          "first_name": "Zora", "last_name": "Quill"},
         (_NEAR.format(75034), _LIST, _CREATE_LEAD, "POST /light/notes/"), "irreversible", asks=True,
         body={"address": "98 Faraway Rd", "state": "TX", "zipcode": "75034", "latitude": "33.149900",
               "longitude": "-96.824100", "lead_status": "u", "first_name": "Zora", "last_name": "Quill",
               "extra_info": {"renovationfind_lead_id": 813}},
         another=lambda number: {"lead_id": 2_000 + number, "already_accepted": False}),
    Case("find_matching_prospects", "Do we know anybody at 1 Main St?", {"address": "1 Main St"}, (_LIST,)),
    Case("pipeline_snapshot", "How does our pipeline look?", {}, ("GET /light/jobs/prospect/stats/", _LIST)),
    Case("server_status", "Is LeadBridge all right?", {}),
    Case("write_history", "What did we write?", {}),
    Case("resolve_write", "I looked: write 1 did not go through.",
         {"write_id": 1, "outcome": "failed"}, effect="irreversible", asks=True),
)  # fmt: skip

BY_NAME = {case.name: case for case in CASES}
READS = tuple(case for case in CASES if not case.writes)
WRITES = tuple(case for case in CASES if case.writes)
SENDING = tuple(case for case in WRITES if case.sends)
"""Writes that go to a service; `resolve_write` changes LeadBridge's own record."""
SINGLE = tuple(case for case in SENDING if case.in_one)
"""Writes of one request."""
GATED = {case.name: case.arguments | case.asks_with for case in SINGLE if case.may_ask}
"""Arguments with which a person is asked."""


def taken(tool: str) -> str:
    """What a write of `GATED` comes to that a person approved: no answer shows an e-mail to a customer."""
    return "unconfirmed" if "notify_customer" in GATED[tool] else "done"


FREE = {case.name: case.arguments for case in SINGLE if not case.asks}
"""Arguments with which nobody is asked."""


def by_name(case: Case) -> str:
    """For the ids of parameters."""
    return case.name
