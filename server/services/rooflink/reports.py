"""RoofLink's regions, approved jobs and public jobs; all but `id` may be missing.

Shapes: public client code run against the live API. Regions: their page describes them in prose.
"""

from __future__ import annotations

from typing import Annotated

from leadbridge.server.services.rooflink.models import Customer, Named, Person, Prospect
from leadbridge.server.services.values import Answer, Flag, Integer, Moment, Number, ObjectOnly, RecordId, Text


class Labelled(Answer):
    """A status as the company named it."""

    label: Text = None


class Region(Answer):
    """A region; what else it has is kept as it came."""

    id: RecordId
    name: Text = None
    color: Text = None
    is_active: Flag = None


class ApprovedJob(Prospect):
    """An approved job: a prospect's row with the dates of its approval and closing."""

    date_approved: Moment = None
    date_closed: Moment = None
    job_status: Annotated[Labelled | None, ObjectOnly] = None
    last_note: Text = None


class Estimate(Answer):
    """A job's estimate; `gt_price` is the contract price."""

    gt_price: Number = None
    balance: Number = None


class PublicJob(Answer):
    """A job of `/light/public/jobs/`; persons have a `full_name`, dates are ISO 8601."""

    id: RecordId
    number: Integer = None
    name: Text = None
    job_type: Text = None
    bid_type: Text = None
    full_address: Text = None
    region: Annotated[Named | None, ObjectOnly] = None
    rep: Annotated[Person | None, ObjectOnly] = None
    customer: Annotated[Customer | None, ObjectOnly] = None
    lead_source: Annotated[Named | None, ObjectOnly] = None
    lead_status: Annotated[Labelled | None, ObjectOnly] = None
    date_created: Moment = None
    date_signed: Moment = None
    date_completed: Moment = None
    date_last_edited: Moment = None
    primary_estimate: Annotated[Estimate | None, ObjectOnly] = None
