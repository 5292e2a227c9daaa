"""When a request is sent again, and after how long. A write is repeated only if it provably was not carried out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from leadbridge.server.catalog import Operation, Service
from leadbridge.server.errors import NotReached, RateLimited, ServiceError, Unavailable

MAX_ATTEMPTS = 4
FIRST_DELAY = 0.5
LEAST_COOL_OFF = 2.0
"""Seconds after a 429, even where `Retry-After` asks for fewer."""
LONGEST_COOL_OFF = 3_600
"""Seconds for which a service is left alone, however many `Retry-After` asks for: one answer must not end the work of a
day. After that it is asked again, and may say so again."""
MAX_DELAY = 20.0


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again after `delay` seconds; `everyone` says that the whole service is to be left alone for so long."""

    delay: float
    everyone: bool = False


def decide(error: ServiceError, operation: Operation, service: Service, attempt: int) -> Again | None:
    """Whether attempt number `attempt` (from 1) is followed by another one, and when.

    429: at least the service's cool-off, doubled each time, with jitter, or what `Retry-After` says.
    503: the service-wide limit; never slept through here, because its minimum is longer than a caller's patience.
    """
    if attempt >= MAX_ATTEMPTS:
        return None
    if isinstance(error, RateLimited):
        if not error.sent:  # by our own limiter, which has waited as long as it could
            return None
        least = LEAST_COOL_OFF if error.asked else service.cool_off_429
        own = least * 2 ** (attempt - 1)
        return Again(max(error.retry_after, own) + random.uniform(0.0, 0.25 * own), everyone=True)
    if not isinstance(error, Unavailable) or error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    if (operation.effect.writes and error.may_have_taken_effect) or (isinstance(error, NotReached) and error.lasting):
        return None
    return Again(min(MAX_DELAY, FIRST_DELAY * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """Seconds from a `Retry-After` header, given in seconds or as an HTTP date; 0 where there is none or nonsense.

    At most `LONGEST_COOL_OFF`.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdecimal():
        return float(min(int(text[:7]), LONGEST_COOL_OFF))
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        wait = (moment - (now or datetime.now(UTC))).total_seconds()
    except (TypeError, ValueError, OverflowError, IndexError):
        return 0.0
    return min(max(0.0, wait), float(LONGEST_COOL_OFF))
