"""Fills an empty state with invented records, the same for the same seed (dates count backwards from now)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from leadbridge.server.sandbox import people
from leadbridge.server.sandbox.places import CANADIAN_PLACES, US_PLACES, Place
from leadbridge.server.sandbox.records import (
    STAGES,
    Customer,
    Done,
    LeadSource,
    Prospect,
    ReferralRequest,
    Region,
    Stage,
    User,
)
from leadbridge.server.sandbox.seed_events import seed_events
from leadbridge.server.sandbox.seed_leads import seed_leads
from leadbridge.server.sandbox.seed_notes import seed_notes
from leadbridge.server.sandbox.state import State

T = TypeVar("T")

REPS = (
    User(301, "Alex Romero", "alex.romero@example.com", "#1f77b4", "(972) 555-0101"),
    User(302, "Beatrice Chan", "beatrice.chan@example.com", "#ff7f0e", "(972) 555-0102"),
    User(303, "Cole Whitaker", "cole.whitaker@example.com", "#2ca02c", ""),
    User(304, "Désirée Lavoie", "desiree.lavoie@example.com", "#d62728", "(403) 555-0104"),
    User(305, "Eun-ji Park", "eunji.park@example.com", "#9467bd", "(303) 555-0105"),
)
PROJECT_MANAGERS = (
    User(321, "Farid Haddad", "farid.haddad@example.com", "#8c564b", "(972) 555-0121"),
    User(322, "Gwen Sorensen", "gwen.sorensen@example.com", "#e377c2"),
)
REGIONS = (
    Region(11, "North Texas", "#17becf", 32.9, -97.0),
    Region(12, "Mountain & Prairie", "#bcbd22", 44.0, -108.0),
    Region(13, "East", "#7f7f7f", 39.5, -79.0, people.HOSTILE_TEXTS[1]),
)
LEAD_SOURCES = (
    LeadSource(41, "Door Knocking"),
    LeadSource(42, "Referral"),
    LeadSource(43, "RenovationFind"),
    LeadSource(44, "Unknown"),
)

KNOWN_LEAD_ID = 805

_DAY = 86_400
_OLDEST = 200
# Most prospects are at the beginning.
_STAGES: tuple[Stage, ...] = tuple(
    stage for stage, share in zip(STAGES, (30, 26, 20, 14, 10), strict=True) for _ in range(share)
)
_SPECIAL_EVERY = 9
_DELETED_EVERY = 10


def _pick(random: Random, items: Sequence[T]) -> T:
    """`random.choice`, in a fifth of the time: thousands of prospects take tens of thousands of choices."""
    return items[int(random.random() * len(items))]


def _number(random: Random, lowest: int, end: int) -> int:
    return lowest + int(random.random() * (end - lowest))


def region_at(latitude: float, longitude: float) -> Region:
    """The region whose centre is nearest."""
    # assumption region-by-distance
    return min(REGIONS, key=lambda region: (region.latitude - latitude) ** 2 + (region.longitude - longitude) ** 2)


def seed_state(state: State) -> None:
    """Fill `state` with prospects, leads, employees, regions and earlier referral requests."""
    random = Random(state.options.seed)
    now = state.options.now()
    state.users.update((user.id, user) for user in (*REPS, *PROJECT_MANAGERS))
    state.regions.update((region.id, region) for region in REGIONS)
    state.lead_sources.update((source.id, source) for source in LEAD_SOURCES)
    ages = sorted((random.uniform(_DAY, _OLDEST * _DAY) for _ in range(state.options.prospects)), reverse=True)
    for index, age in enumerate(ages):
        prospect = _prospect(state, random, index, now - timedelta(seconds=age), now)
        state.prospects[prospect.id] = prospect
    for lead in seed_leads(Random(state.options.seed + 1), now):
        state.leads[lead.id] = lead
    _make_known(state)
    seed_events(state, Random(state.options.seed + 2), now, REPS)
    seed_notes(state, Random(state.options.seed + 3), now, REPS)
    for first, last, email, phone in (
        ("John", "Doe", "john@example.com", "5551234567"),
        ("Renée", "Gagnon", "renee.gagnon@example.org", "(403) 555-0177"),
    ):
        referral_id = state.next_id("referral")
        state.referrals[referral_id] = ReferralRequest(referral_id, first, last, email, phone)


def _make_known(state: State) -> None:
    """Lead 805 is of a homeowner whom RoofLink has as a prospect already; address and phone are written otherwise."""
    prospects = (row for row in state.prospects.values() if row.deleted is None and row.customer.cell)
    known = next(prospects, None)
    if known is None:
        return
    lead = state.leads[KNOWN_LEAD_ID]
    lead.customer_name = known.customer.name
    lead.customer_phone = "+1 " + known.customer.cell.translate({ord("("): None, ord(")"): None, ord("-"): " "})
    lead.customer_address = f"{known.address.upper()}, {known.city}, {known.state} {known.zipcode}"


def phone_number(random: Random, place: Place) -> str:
    """A number in the place's area from the block kept free for fiction, 555-0100 to 555-0199."""
    return f"({place.area_code}) 555-01{_number(random, 0, 100):02d}"


def street_address(random: Random) -> str:
    """A street line, now and then with a unit."""
    line = f"{_number(random, 100, 9900)} {_pick(random, people.STREETS)} {_pick(random, people.SUFFIXES)}"
    return f"{line} {_pick(random, people.UNITS)}" if random.random() < 0.08 else line


def _prospect(state: State, random: Random, index: int, created: datetime, now: datetime) -> Prospect:
    place = _pick(random, CANADIAN_PLACES if random.random() < 0.15 else US_PLACES)
    latitude = round(place.latitude + random.uniform(-0.01, 0.01), 6)
    longitude = round(place.longitude + random.uniform(-0.01, 0.01), 6)
    stage = _pick(random, _STAGES)
    reached = STAGES.index(stage)
    rep = REPS[index % len(REPS)] if random.random() < 0.9 else None
    edited = created + (now - created) * random.random()
    by = rep or PROJECT_MANAGERS[0]
    deleted = Done(edited, by) if index % _DELETED_EVERY == _DELETED_EVERY - 1 else None
    customer = _customer(state, random, index, place)
    customer.region = region_at(latitude, longitude)
    customer.rep = rep
    customer.rep_2 = _pick(random, REPS) if random.random() < 0.2 else None
    customer.project_manager = _pick(random, PROJECT_MANAGERS) if reached else None
    return Prospect(
        id=state.next_id("job", _number(random, 1, 8)),
        customer=customer,
        address=street_address(random),
        city=place.city,
        county=place.county,
        state=place.state,
        zipcode=place.postal_code,
        latitude=latitude,
        longitude=longitude,
        created=created,
        edited=edited,
        stage=stage,
        lead_status=_pick(random, ("u", "pr", "as", "fu", "cb")),
        job_type=_pick(random, "rrrrc"),
        bid_type=_pick(random, ("i", "i", "c", "r", "f", "")),
        deleted=deleted,
        verified=Done(created + (edited - created) / 4, by) if reached else None,
        meeting=Done(created + (edited - created) / 2, by) if reached > 1 else None,
        submitted=Done(edited, by) if stage == "su" else None,
        marks=frozenset(code for code in ("cf", "rla", "est", "re") if random.random() < 0.1),
        photos=_pick(random, (0, 0, 1, 2, 3)),
        description=_description(random, index),
    )


def _customer(state: State, random: Random, index: int, place: Place) -> Customer:
    if index % _SPECIAL_EVERY == _SPECIAL_EVERY - 1:
        first, last = people.UNUSUAL_NAMES[index // _SPECIAL_EVERY % len(people.UNUSUAL_NAMES)]
        local = f"homeowner{index}"
    else:
        first, last = _pick(random, people.FIRST_NAMES), _pick(random, people.LAST_NAMES)
        local = f"{first}.{last}{index}".lower()
    # assumption empty-text-for-null
    return Customer(
        id=state.next_id("customer"),
        user_id=state.next_id("customer_user", _number(random, 1, 4)),
        first_name=first,
        last_name=last,
        cell=phone_number(random, place) if random.random() < 0.8 else "",
        phone=phone_number(random, place) if random.random() < 0.3 else "",
        email=f"{local}@{_pick(random, ('example.com', 'example.org'))}" if random.random() < 0.7 else "",
        region=REGIONS[0],
        lead_source=_pick(random, (*LEAD_SOURCES, None)),
    )


def _description(random: Random, index: int) -> str:
    if index % 7 == 0:
        return people.HOSTILE_TEXTS[index // 7 % len(people.HOSTILE_TEXTS)]
    return _pick(random, (*people.ORDINARY_TEXTS, ""))
