"""The 30 RenovationFind leads of a fresh sandbox, 785 to 814, the oldest first.

785 to 796 are accepted: 785 and 786 without a status yet, 794 is JOB_WON, 795 LEAD_WON, the others in one status each.
797 to 799 are declined. 800 to 814 are new; 812 is the demonstration's, and 805 is of a
homeowner whom RoofLink has already.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from html import escape
from random import Random

from leadbridge.server.sandbox import people
from leadbridge.server.sandbox.places import CANADIAN_PLACES, PLANO, US_PLACES
from leadbridge.server.sandbox.records import Attachment, JobStatus, Lead

FIRST_ID = 785
COUNT = 30
DEMO_ID = 812
_ACCEPTED = range(FIRST_ID, 797)
_DECLINED = range(797, 800)

_CATEGORIES = ("Roof Replacement", "Roof Repair", "Eavestroughs & Gutters", "Siding", "Skylights")


def seed_leads(random: Random, now: datetime) -> Iterator[Lead]:
    """The leads in the order of their ids, which is the order in which they came in."""
    for lead_id in range(FIRST_ID, FIRST_ID + COUNT):
        days = FIRST_ID + COUNT - lead_id
        created = (now - timedelta(days=days, seconds=random.randrange(40_000))).replace(microsecond=0)
        lead = _demo_lead(created) if lead_id == DEMO_ID else _lead(random, lead_id, created)
        if lead_id in _DECLINED:
            lead.action, lead.action_at = "DECLINED", created + timedelta(hours=5)
            lead.decline_reason = "Outside our service area"
        elif lead_id in _ACCEPTED:
            lead.action, lead.action_at, lead.viewed = "ACCEPTED", created + timedelta(hours=3), True
            lead.status = _status(lead_id, created + timedelta(days=2))
            if lead.status.status in {"ESTIMATE_PROVIDED", "LEAD_WON"}:
                lead.attachments.append(
                    Attachment(lead_id * 10, f"Estimate {lead_id}.pdf", "application/pdf", created + timedelta(days=2))
                )
        lead.modified = lead.status.at or lead.action_at or created
        yield lead


def _demo_lead(created: datetime) -> Lead:
    text = "Replacement of an asphalt shingle roof, about 2,300 sq ft, one storey. Hail damage from April."
    return Lead(
        id=DEMO_ID,
        created=created,
        modified=created,
        category="Roof Replacement",
        customer_name="Dana Miller",
        customer_phone="(972) 555-0142",
        customer_email="dana.miller@example.com",
        customer_address=f"4821 Juniper Hollow Dr, {PLANO.city}, {PLANO.state} {PLANO.postal_code}",
        project_details_html=f"<p>{text}</p><ul><li>Timing: within 2 months</li><li>Owner of the house: yes</li></ul>",
        original_job_description=text,
        customer_information_html="<p>Dana Miller<br>Best reached by phone after 4 PM.</p>",
    )


def _lead(random: Random, lead_id: int, created: datetime) -> Lead:
    index = lead_id - FIRST_ID
    place = random.choice(CANADIAN_PLACES if index % 2 else US_PLACES)
    if index % 4 == 3:  # every fourth
        first, last = people.UNUSUAL_NAMES[index // 4 % len(people.UNUSUAL_NAMES)]
    else:
        first, last = random.choice(people.FIRST_NAMES), random.choice(people.LAST_NAMES)
    name = f"{first} {last}".strip() or "Unknown"
    text = (
        people.HOSTILE_TEXTS[index // 3 % len(people.HOSTILE_TEXTS)]
        if index % 3 == 0
        else random.choice(people.ORDINARY_TEXTS)
    )
    # Every other hostile text goes into the HTML unescaped, as a careless form would let it.
    html = text if index % 2 else escape(text)
    street = f"{random.randrange(100, 9900)} {random.choice(people.STREETS)} {random.choice(people.SUFFIXES)}"
    return Lead(
        id=lead_id,
        created=created,
        modified=created,
        category=_CATEGORIES[index % len(_CATEGORIES)],
        customer_name=name,
        customer_phone=f"({place.area_code}) 555-01{random.randrange(100):02d}",
        customer_email=f"homeowner{lead_id}@example.org",
        customer_address=f"{street}, {place.city}, {place.state} {place.postal_code}",
        project_details_html=f"<div><p>{html}</p><br/><b>Category:</b> {_CATEGORIES[index % len(_CATEGORIES)]}</div>",
        original_job_description=text,
        customer_information_html=f"<p><strong>{escape(name)}</strong></p><p>{html}</p>",
        viewed=index % 2 == 0,
    )


def _status(lead_id: int, at: datetime) -> JobStatus:
    day = at.date()
    statuses = [
        JobStatus(),
        JobStatus(),
        JobStatus("HOMEOWNER_CONTACTED", at),
        JobStatus("MEETUP_SCHEDULED", at, meeting_date=day + timedelta(days=6)),
        JobStatus("QUOTE_SENT", at, reason="Quote sent by e-mail"),
        JobStatus("ESTIMATE_PROVIDED", at, estimate_type="PORTAL_ATTACHMENT_ESTIMATE"),
        JobStatus("CONTACT_MADE", at, contact_method="PHONE_CALL"),
        JobStatus("JOB_LOST", at, reason="Went with a neighbour's company"),
        JobStatus("LEAD_LOST", at, lost_reason="PRICE"),
        JobStatus("JOB_WON", at, job_amount=14_250),
        JobStatus(
            "LEAD_WON",
            at,
            job_amount=21_980.5,
            start_date=day + timedelta(days=14),
            start_date_tbd=False,
            completion_date_tbd=True,
        ),
        JobStatus("JOB_POSTPONED_OR_CANCELLED", at, reason="Waiting for the insurance"),
    ]
    return statuses[lead_id - FIRST_ID]
