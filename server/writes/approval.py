"""A person's yes: how it is asked for, proved, and used once.

A client that can ask is asked, always. One that cannot gets a preview and a token bound to exactly this write; the
token comes back with the same arguments once the person has said yes. What a model writes is never an approval.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import anyio.to_thread

from leadbridge.server.config.settings import ApprovalMode
from leadbridge.server.errors import Refused
from leadbridge.server.state import Store
from leadbridge.server.writes.model import HttpWrite, Write, digest_of

TOKEN_LIFETIME = 600.0
FRESH = 60.0
"""Seconds after a question in which a yes sends what was shown, without a record being read once more."""
CLOCKS_APART = 60.0
"""Seconds that the clocks of two processes may differ: what was made later than that has the clock of another day."""
_PREFIX = "lb1"
_BODY = struct.Struct(">I3s4s3s4s")
"""When it expires, a nonce, and what it is bound to; without padding in base64."""
_AROUND = r"[^A-Za-z0-9_.\-]*"
_CHARACTER = rf"[A-Za-z0-9_-]{_AROUND}"
_TOKEN = re.compile(
    rf"{_PREFIX}{_AROUND}\.{_AROUND}((?:{_CHARACTER})+)\.{_AROUND}((?:{_CHARACTER}){{12}})(?![A-Za-z0-9_-])"
)
"""A token in a text: wrapped, quoted, under its label or at the end of a sentence. Its signature has 12 characters."""
_PIECE = re.compile(r"[A-Za-z0-9_-]{20}")
"""No word that somebody types."""

Way = Literal["not needed", "asked", "token", "unattended"]


@dataclass(frozen=True, slots=True)
class Approval:
    """A yes, or the fact that none is needed. `id` is what is used up by the write; empty where nothing is."""

    way: Way
    id: str = ""
    seen: int | None = None
    """The newest write about the subject when a person was asked."""
    used: bool = False
    """Used up already, by the plan that this write is a step of."""


@dataclass(frozen=True, slots=True)
class TokenNeeded:
    """The client cannot ask: the preview and this token go to the model, nothing is sent."""

    token: str


@dataclass(frozen=True, slots=True)
class OpenedToken:
    """A token that came back: what it is used up as, and what of the preview that it was made for is in it."""

    id: str
    shown: bytes


@dataclass(frozen=True, slots=True)
class DryRun:
    """Nothing is to be sent or asked; the request is shown."""


class OpenQuestions:
    """What people are being asked, by its digest, so that a call that is dispatched twice asks once."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._kept: dict[str, Asked] = {}

    def begin(self, asked: Asked, seconds: float, *, again: bool = False) -> None:
        """A question goes out, and is open for so many seconds at most; or the same one goes out `again`.

        A call of its own may bring the answer, and then sends what was shown. A secret is not kept for it.

        Raises:
            Refused: another call asks exactly this.
        """
        self._until = {shown: until for shown, until in self._until.items() if until > asked.at}
        if asked.shown in self._until and not again:
            raise Refused(
                "being_asked",
                "another call of the same is asking the user about exactly this already.",
                "Wait for the answer to that call.",
            )
        self._until[asked.shown] = asked.at + seconds
        self._kept = {shown: one for shown, one in self._kept.items() if one.is_fresh(asked.at)}
        if not (isinstance(asked.write.action, HttpWrite) and asked.write.action.secrets):
            self._kept[asked.shown] = asked

    def get(self, shown: str, now: float) -> Asked | None:
        """What was shown with a question that this process asked, while it is fresh."""
        asked = self._kept.get(shown)
        return asked if asked is not None and asked.is_fresh(now) else None

    def end(self, asked: Asked) -> None:
        """The question is answered, or nobody waits for its answer any more."""
        self._until.pop(asked.shown, None)
        self._kept.pop(asked.shown, None)


@dataclass(frozen=True, slots=True)
class Approvals:
    """Decides how an approval is obtained, and makes and checks tokens."""

    store: Store
    accounts: Mapping[str, str]
    mode: ApprovalMode
    clock: Callable[[], float] = time.time
    questions: OpenQuestions = field(default_factory=OpenQuestions)

    def without_asking(self, write: Write) -> Approval | None:
        """The approval of a write that needs none, or of a server that runs unattended."""
        if not write.needs_approval:
            return Approval("not needed")
        return Approval("unattended") if self.mode == "off" else None

    def refuse_without_tokens(self) -> None:
        """Nothing can be done for a client that cannot ask, where tokens are not accepted.

        Raises:
            Refused: they are not.
        """
        if self.mode == "human":
            raise Refused(
                "cannot_ask",
                "this needs a person's approval, this client cannot ask for one, and "
                "LEADBRIDGE_APPROVALS=human does not accept tokens.",
                "Use a client that supports elicitation.",
            )

    async def by_token(self, write: Write, token: OpenedToken) -> Approval:
        """The approval that a token proves, if the person was shown what would be sent now.

        Raises:
            Refused: the preview is another one by now.
        """
        if self._bound(await self._key(), write)[2] != token.shown:
            raise _token_refused("stale", "what the user was shown has changed since")
        return Approval("token", token.id)

    async def token_needed(self, write: Write) -> TokenNeeded:
        """What a client that cannot ask gets: a token to come back with."""
        key = await self._key()
        until, nonce = int(self.clock() + TOKEN_LIFETIME), secrets.token_bytes(3)
        body = base64.urlsafe_b64encode(_BODY.pack(until, nonce, *self._bound(key, write))).decode()
        return TokenNeeded(f"{_PREFIX}.{body}.{_signature(key, body)}")

    async def opened(self, write: Write, token: str) -> OpenedToken:
        """A token that is genuine, made for exactly these arguments and not expired; the preview is looked at later.

        Raises:
            Refused: it is not; each case has its own reason.
        """
        self.refuse_without_tokens()
        body, signature = _parts_of(token)
        key = await self._key()
        if not hmac.compare_digest(signature.encode(), _signature(key, body).encode()):
            raise _token_refused("forged", "this server made no such approval_token, or it was changed on the way")
        until, _, for_what, for_company, shown = _BODY.unpack(base64.urlsafe_b64decode(body))
        what, company, _ = self._bound(key, write)
        if for_what != what:
            raise _token_refused("other_arguments", "this approval_token was made for other arguments")
        if for_company != company:
            raise _token_refused("other_company", "this approval_token was made for another company")
        if not 0 < until - self.clock() <= TOKEN_LIFETIME + CLOCKS_APART:
            raise _token_refused("expired", "this approval_token has expired (they live 10 minutes)")
        return OpenedToken(f"token-{body}", shown)

    async def _key(self) -> bytes:
        secret = await anyio.to_thread.run_sync(self.store.secret)
        return hmac.new(secret, b"leadbridge approval token", hashlib.sha256).digest()

    def _bound(self, key: bytes, write: Write) -> tuple[bytes, bytes, bytes]:
        """What a token is bound to: operation and arguments, company, preview.

        Each is short, because it is keyed: nobody without the secret can look for other arguments that fit.
        """
        account = self.accounts[write.operation.service]
        arguments = digest_of(write.operation.id, dict(write.arguments))
        parts = (f"arguments {arguments}", f"company {account}", f"preview {write.question}")
        what, company, shown = (hmac.new(key, part.encode(), hashlib.sha256).digest() for part in parts)
        return what[:4], company[:3], shown[:4]


@dataclass(frozen=True, slots=True)
class Asked:
    """A write as a person is shown it."""

    write: Write
    seen: int
    """The newest write about its subject when they were asked."""
    at: float
    question: str = field(init=False)
    shown: str = field(init=False)
    """A digest of the write and of the question, which no other write and no other question has."""

    def __post_init__(self) -> None:
        """The question is made once."""
        object.__setattr__(self, "question", self.write.question)
        object.__setattr__(self, "shown", digest_of(self.write.operation.id, dict(self.write.arguments), self.question))

    def is_fresh(self, now: float) -> bool:
        """Whether the record that it was made from need not be read again."""
        return 0 <= now - self.at <= FRESH


def changed_since_asked() -> Refused:
    """What is reported when a person was shown something else than would be sent."""
    return Refused(
        "changed_since_asked",
        "what the user was shown has changed since.",
        "Call again, so that the user is asked again.",
    )


def _parts_of(text: str) -> tuple[str, str]:
    """Body and signature of the token in a text that a model copied, perhaps with what stood around it.

    Raises:
        Refused: there is none, or not the whole of one.
    """
    at = text.find(_PREFIX)
    found = _TOKEN.match(text, at) if at >= 0 else None
    if found is not None:
        body, signature = (re.sub(_AROUND, "", part) for part in found.groups())
        return body, signature
    if at >= 0 or _PIECE.search(text):
        raise _token_refused(
            "not_whole",
            "this approval_token was not copied whole, or was changed on the way",
            "Call again with the whole token, from lb1 to its end; or without one, for a fresh preview.",
        )
    raise _token_refused("forged", "this is not an approval_token of this server")


def _token_refused(reason: str, why: str, step: str = "") -> Refused:
    step = step or "Call again without approval_token for a fresh preview, and ask the user again."
    return Refused(f"token_{reason}", f"{why}.", step)


def _signature(key: bytes, body: str) -> str:
    return base64.urlsafe_b64encode(hmac.new(key, body.encode(), hashlib.sha256).digest()[:9]).decode()
