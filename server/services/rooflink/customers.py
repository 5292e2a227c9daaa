"""RoofLink's customers: rows of the list as public code received them; the detail is described in prose only."""

from __future__ import annotations

from typing import Annotated

from leadbridge.server.services.rooflink.models import Named, Person
from leadbridge.server.services.values import Answer, Integer, Moment, ObjectOnly, RecordId, Text


class CustomerRecord(Answer):
    """A customer; `user_id` is another number than `id` for the same person. What else there is, is kept."""

    id: RecordId
    user_id: Integer = None
    name: Text = None
    email: Text = None
    cell: Text = None
    phone: Text = None
    phone_ext: Text = None
    region: Annotated[Named | None, ObjectOnly] = None
    rep: Annotated[Person | None, ObjectOnly] = None
    date_created: Moment = None
