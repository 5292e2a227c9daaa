"""How a RenovationFind lead is read from an answer, kept, and shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from pydantic import JsonValue

from leadbridge.server.errors import Refused
from leadbridge.server.mcp.context import AppContext
from leadbridge.server.office_time import OfficeTime
from leadbridge.server.services.renovationfind.known_leads import KnownLead
from leadbridge.server.services.renovationfind.models import STATUS_RULES, WON, Envelope, Lead
from leadbridge.server.services.values import moment
from leadbridge.server.text import LABEL_LIMIT, clean, fence, label
from leadbridge.server.writes.model import Done
from leadbridge.server.writes.preview import PreviewLine

ASKED_AGAIN_AFTER = 600.0
"""Seconds after which a person is asked once more for what RenovationFind refused for good."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a refusal says of a lead, by its words, which no page documents; and which writes are then in vain."""

    reason: str
    meaning: str
    words: re.Pattern[str]
    stops: frozenset[str]
    shown: Callable[[KnownLead], bool]
    """Whether the lead, as it was read since, still looks like that."""
    lasts: float = ASKED_AGAIN_AFTER
    """Seconds; for ever where an argument says that it is otherwise now."""


_DECISIONS = frozenset({"renovationfind.accept_lead", "renovationfind.decline_lead"})
MUST_BE_ACCEPTED = Lesson(
    "not_accepted",
    "must be accepted first",
    re.compile(r"\b(?:must|needs? to|has to)\b[^.]*\baccept|\bnot (?:yet |been |yet been )?accepted\b", re.IGNORECASE),
    frozenset({"renovationfind.mark_won"}),
    lambda known: not known.accepted,
    lasts=math.inf,
)
ALREADY_ACCEPTED = Lesson(
    "already_accepted",
    "is accepted already",
    re.compile(r"\balready (?:been )?accepted\b", re.IGNORECASE),
    _DECISIONS,
    lambda known: known.accepted,
)
ALREADY_DECLINED = Lesson(
    "already_declined",
    "is declined already",
    re.compile(r"\balready (?:been )?declined\b", re.IGNORECASE),
    _DECISIONS,
    lambda known: (known.lead.vendorLeadAction or "").strip().upper() in {"DECLINE", "DECLINED"},
)
FINAL = Lesson(
    "final",
    "has a status that cannot be changed",
    re.compile(r"\b(?:cannot|can not|can't|can no longer) be (?:changed|updated|modified)\b", re.IGNORECASE),
    frozenset({"renovationfind.mark_won", *_DECISIONS}),
    lambda known: known.lead.status in WON,
)
_LESSONS = (MUST_BE_ACCEPTED, ALREADY_ACCEPTED, ALREADY_DECLINED, FINAL)


def lesson_in(refusal: str) -> Lesson | None:
    """What RenovationFind's words mean, if that is known."""
    return next((lesson for lesson in _LESSONS if lesson.words.search(refusal)), None)


def lesson_of(known: KnownLead | None) -> Lesson | None:
    """What the last refusal says of a lead, unless it was seen otherwise since."""
    if known is None or known.refused_at is None:
        return None
    lesson = lesson_in(known.refusal)
    return lesson if lesson and (known.seen_at <= known.refused_at or lesson.shown(known)) else None


def in_vain(app: AppContext, known: KnownLead | None, operation: str, advice: Callable[[str], str]) -> Refused | None:
    """Why a person is not asked for what RenovationFind has just refused for a reason that lasts."""
    lesson = lesson_of(known)
    if known is None or known.refused_at is None or lesson is None or operation not in lesson.stops:
        return None
    until = known.refused_at + lesson.lasts
    if app.time.clock() >= until:
        return None
    again = "" if lesson.lasts == math.inf else f"From {app.time.shown(until)}, the user is asked for it all the same."
    why = f"RenovationFind said ({known.refused}) that lead {known.lead.id} {lesson.meaning}."
    return Refused(lesson.reason, why, *filter(None, [advice(known.refusal), again]))


_TIMES = frozenset({"received", "status_set"})
NOT_SEEN = "LeadBridge has not seen this lead before; it cannot tell whether it was accepted."


def receive_lead(
    app: AppContext, lead_id: int, done_of: Callable[[Lead], Done], *, accepted: bool = False
) -> Callable[[JsonValue], Done]:
    """A plan's `receive` for answers that hold the lead, which is kept as last known."""

    def receive(answer: JsonValue) -> Done:
        lead = Lead.model_validate(Envelope.model_validate(answer).data)
        remember = partial(app.leads.remember, lead, accepted_here=accepted)
        return replace(done_of(lead), record_id=lead_id, record=lead_record(lead), remember=remember)

    return receive


def lead_record(lead: Lead) -> dict[str, JsonValue]:
    """What is known of a lead, other people's text marked."""
    values: dict[str, JsonValue] = {
        "category": label(lead.category, limit=200),
        "customer": label(lead.customerName, limit=200),
        "phone": label(lead.customerPhone, limit=60),
        "email": label(lead.customerEmail, limit=254),
        "address": label(lead.customerAddress, limit=300),
        "received": moment(lead.dateCreated),
        "action": label(lead.vendorLeadAction, limit=60),
        "status": label(lead.status, limit=60),
        "project": fence(lead.projectDetailsHtml or lead.originalJobDescription, limit=800),
        "customer_information": fence(lead.customerInformationHtml, limit=800),
        "other_name_in_its_text": label(other_name_in_text(lead), limit=LABEL_LIMIT),
    }
    return {name: value for name, value in values.items() if value}


def lead_lines(record: Mapping[str, JsonValue], time: OfficeTime) -> list[str]:
    """A lead as lines for the model, other people's text marked, its times the office's."""
    return [f"{name}: {time.local_text(value) if name in _TIMES else value}" for name, value in record.items()]


def lead_in_a_line(known: KnownLead | None) -> str:
    """What was last seen of a lead, for a prompt: every value of the service between the marks."""
    if known is None:
        return known_line(known)
    lead = known.lead
    values = {
        "name": (lead.customerName, 200),
        "phone": (lead.customerPhone, 60),
        "email": (lead.customerEmail, 254),
        "address": (lead.customerAddress, 300),
    }
    shown = {name: fence(clean(value, limit=limit), limit=limit) for name, (value, limit) in values.items()}
    return " ".join([known_line(known), *(f"{name} {value}" for name, value in shown.items() if value)])


def customer_lines(known: KnownLead | None) -> tuple[PreviewLine, ...]:
    """Whose lead it is, where an earlier answer said so."""
    if known is None:
        return ()
    named = {"Customer": known.lead.customerName, "Another name in its text": other_name_in_text(known.lead)}
    return tuple((title, name) for title, value in named.items() if (name := clean(value, limit=LABEL_LIMIT)))


def known_line(known: KnownLead | None) -> str:
    """What the preview says of our knowledge of a lead, without a word of the service's."""
    if known is None:
        return NOT_SEEN
    if (lesson := lesson_of(known)) and not (lesson is ALREADY_ACCEPTED and known.accepted):
        return f"RenovationFind said ({known.refused}) that this lead {lesson.meaning}."
    if known.unseen:
        return NOT_SEEN
    # A status that is not documented is text of the service.
    status = known.lead.status if known.lead.status in {"NO_RESPONSE", *STATUS_RULES} else "not known"
    if known.accepted:
        return f"When LeadBridge last saw it ({known.seen}), it was accepted, with status {status}."
    return (
        f"As far as LeadBridge knows ({known.seen}, status {status}), this lead has NOT been accepted; "
        "RenovationFind will probably refuse."
    )


def refusal_line(known: KnownLead | None) -> tuple[PreviewLine, ...]:
    """What RenovationFind said when it last refused a write about this lead."""
    return (("RenovationFind's last refusal", known.refusal),) if known is not None and known.refusal else ()


_WORD = r"[A-Z\u00C0-\u00DE][\w'\u2019.-]*"
_NAMED = re.compile(rf"(?i:\b(?:my name is|name\s*:))\s*({_WORD}(?: {_WORD}){{0,3}})")
_PERHAPS = re.compile(
    rf"(?i:\b(?:contact(?: person)?\s*:|(?:home)?owner\s*:|ask for|regards,|this is|i am|i['\u2019]m))\s*"
    rf"({_WORD}(?: {_WORD}){{0,3}})"
)
"""What is a name only if it begins with a given name: an owner may also be "Yes", and this "Urgent"."""
_NAME_ALONE = re.compile(rf"^{_WORD}(?: {_WORD}){{1,3}}$")
_LONGEST = 4_000
"""Characters of each text that are looked at."""


def other_name_in_text(lead: Lead) -> str:
    """The first name in the lead's texts that is not the lead's, or nothing.

    A text names somebody where it says so ("Name: ...", "ask for ..."), or where the customer information begins with a
    line that is a name.
    """
    shown = (lead.customerInformationHtml, lead.projectDetailsHtml, lead.originalJobDescription)
    texts = [clean(text, limit=_LONGEST, lines=True) for text in shown]
    first = _NAME_ALONE.findall(texts[0].partition("\n")[0].strip())
    perhaps = [*first, *(name for text in texts for name in _PERHAPS.findall(text))]
    named = [name for text in texts for name in _NAMED.findall(text)]
    if not (named or perhaps) or not lead.customerName:
        return ""
    # Patterns and tables of names: not at start.
    from leadbridge.server.matching.names import Likeness, compare_names, is_given_name, name_of

    ours = name_of(clean(lead.customerName, limit=LABEL_LIMIT))
    found = [*named, *(name for name in perhaps if is_given_name(name.split()[0]))]
    others_named = (name.rstrip(" .") for name in found)
    return next((name for name in others_named if compare_names(ours, name_of(name)) is Likeness.OTHER), "")
