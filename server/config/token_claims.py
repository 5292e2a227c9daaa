"""What a JWT says of itself. Nothing here checks a signature: it is good for a warning, never for a permission."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

JWT_PARTS = 3
COUNT_HOURS = 48
"""From then on an expiry is given in days."""
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token claims: when it expires (UTC), and whose it is; `None` and empty where it says nothing."""

    expires: datetime | None = None
    subject: str = ""

    def expired(self, now: datetime) -> bool:
        """Whether the token says that it is over at `now`."""
        return self.expires is not None and self.expires <= now

    def expires_soon(self, now: datetime) -> bool:
        """Whether it is over within `SOON`, or already."""
        return self.expires is not None and self.expires - now <= SOON

    def expiry(self, now: datetime) -> str:
        """In words: "expired on 2026-11-20", "expires in 3 days (2026-12-04)", or nothing where it says nothing."""
        if self.expires is None:
            return ""
        day = f"{self.expires:%Y-%m-%d}"
        if self.expired(now):
            return f"expired on {day}"
        hours = round((self.expires - now) / timedelta(hours=1))
        count, unit = (hours, "hour") if hours < COUNT_HOURS else (round(hours / 24), "day")
        return f"expires in {count} {unit}{'' if count == 1 else 's'} ({day})" if count else f"expires now ({day})"


NO_CLAIMS = TokenClaims()


def read_claims(token: str) -> TokenClaims | None:
    """The claims `exp` and `sub` of a JWT (RFC 7519), or `None` for a text that cannot be read as one.

    A claim of another type than the standard's counts as missing. Never raises.
    """
    parts = token.split(".")
    if len(parts) != JWT_PARTS:
        return None
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        payload = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    claims = cast("dict[str, object]", payload)
    subject = claims.get("sub")
    readable = isinstance(subject, (str, int)) and not isinstance(subject, bool)
    return TokenClaims(_moment(claims.get("exp")), str(subject) if readable else "")


def _moment(value: object) -> datetime | None:
    """A NumericDate; one of zero or less, or beyond the calendar, says nothing that helps."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
