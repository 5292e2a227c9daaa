"""Whether RenovationFind answers the paths of its leads, which no page documents: asked once, and remembered.

It is remembered in a small file, because it is read at each start, which must not wait for the store. Nothing here may
stop a start or a call: a file that cannot be used only means that nothing is known.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
from pydantic import BaseModel, TypeAdapter, ValidationError

from leadbridge.server.catalog import Catalog
from leadbridge.server.config.text_files import UnreadableFileError, read_text
from leadbridge.server.errors import (
    LeadBridgeError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Rejected,
    UnexpectedResponse,
)
from leadbridge.server.services.client import in_background
from leadbridge.server.services.renovationfind.api import RenovationFind
from leadbridge.server.services.renovationfind.models import Lead
from leadbridge.server.services.services import Services

logger = logging.getLogger("leadbridge")

LIST, ONE = "renovationfind.list_leads", "renovationfind.get_lead"
LOOK_AFTER = 5.0
"""Seconds between two looks whether a service has answered a call, so that its key and the network are right."""
ASK_AGAIN = 30 * 86_400.0
LARGEST = 100_000
_NO = (NotFound, PermissionDenied, Rejected, UnexpectedResponse)


class Answer(BaseModel):
    """What RenovationFind was seen to do, and when, in seconds since 1970."""

    answers: bool
    asked_at: float


_ANSWERS = TypeAdapter(dict[str, Answer])


@dataclass(slots=True)
class LeadPaths:
    """The inferred paths of RenovationFind's leads, of the list and of one lead, and what is known of them.

    What is remembered belongs to a company's account, a base URL and a path: another one is asked for again.
    """

    services: Services
    catalog: Catalog
    wanted: bool
    """Whether it decides what is offered. Else nobody is asked."""
    file: Path | None
    """Where it is remembered; without one each process asks."""
    clock: Callable[[], float]
    known: dict[str, Answer] = field(init=False, default_factory=dict[str, Answer])
    """By operation."""
    _asking: anyio.Lock = field(init=False, default_factory=anyio.Lock)
    _asked: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if self.wanted and "renovationfind" in self.services.clients:
            self._recall()

    @property
    def due(self) -> bool:
        """Whether it is to be asked: it never was, or a month ago, or before this process, when it had no lead."""
        if not self.wanted or "renovationfind" not in self.services.clients or not self.catalog[LIST].path:
            return False
        listed, now = self.known.get(LIST), self.clock()
        if listed is None or not 0 <= now - listed.asked_at < ASK_AGAIN:
            return True
        return listed.answers and ONE not in self.known and not self._asked

    def answers(self, operation: str) -> bool:
        """Whether it is known to answer an operation's path."""
        return operation in self.known and self.known[operation].answers

    def refuses(self, operation: str) -> str:
        """Why a read of leads is not offered: its path is known not to be answered, or the list's; else empty."""
        return next((self.said(one) for one in (operation, LIST) if one in self.known and not self.answers(one)), "")

    def said(self, operation: str) -> str:
        """What is known of an operation's path."""
        answer, row = self.known[operation], self.catalog[operation]
        path = f"{'' if row.path_is_certain else 'inferred '}path {row.method} {row.path}"
        day = datetime.fromtimestamp(answer.asked_at, UTC)
        return f"RenovationFind {'answers' if answer.answers else 'does not answer'} the {path} ({day:%Y-%m-%d})"

    async def run(self) -> None:
        """Ask once a service has answered a call, in nobody's way. It never raises.

        What says nothing is left to the next start. A second session of this process waits for the first one's answer.
        """
        async with self._asking:
            try:
                while self.due:
                    await anyio.sleep(LOOK_AFTER)
                    if not any(client.observed.worked for client in self.services.clients.values()):
                        continue
                    self._recall()  # another process may have asked meanwhile
                    if self.due and not await self._has_to_wait():
                        return
            except Exception:  # a server whose calls work is not ended by it
                logger.exception("asking whether RenovationFind lists its leads ended")

    async def _has_to_wait(self) -> bool:
        """Ask, unless others need the whole of the rate limit now."""
        in_background.set(True)
        try:
            await self.ask()
        except (LeadBridgeError, TimeoutError) as error:
            logger.info("whether RenovationFind lists its leads is not known yet: %s", error)
            return isinstance(error, RateLimited) and error.status is None
        return False

    async def ask(self) -> bool:
        """Ask for the smallest page, and for its lead in full. Whether a list of leads came. Both are remembered.

        Raises:
            ServiceError: the answer does not say, such as 401, 429, 5xx or none at all.
        """
        client = self.services.client("renovationfind")
        api, answers = RenovationFind(client, self.catalog), {LIST: False}
        leads: list[Lead] = []
        with suppress(*_NO):
            found, leads = await api.list_leads({"page": 1, "page_size": 1})
            answers[LIST] = bool(leads) or not found.rows
        if leads and self.catalog[ONE].path:
            answers[ONE] = False
            with suppress(*_NO):
                await api.get_lead(leads[0].id)
                answers[ONE] = True
        for operation in answers:
            client.observed.missing.pop(operation, None)  # nobody called it: it is no fault to report
        self._asked = True
        self.known = {operation: Answer(answers=each, asked_at=self.clock()) for operation, each in answers.items()}
        if self.file is not None:
            mine = {self._key(operation): answer for operation, answer in self.known.items()}
            self._write(self.file, {**self._read(self.file), **mine})
        return answers[LIST]

    def _recall(self) -> None:
        if self.file is not None:
            stored = self._read(self.file)
            found = {operation: stored.get(self._key(operation)) for operation in (LIST, ONE)}
            self.known |= {operation: answer for operation, answer in found.items() if answer is not None}

    def _key(self, operation: str) -> str:
        client = self.services.client("renovationfind")
        return f"{self.services.accounts['renovationfind']} {client.base_url}{self.catalog[operation].path}"

    @staticmethod
    def _read(file: Path) -> dict[str, Answer]:
        try:
            return _ANSWERS.validate_json(read_text(file, LARGEST))
        except (UnreadableFileError, ValidationError):
            return {}

    @staticmethod
    def _write(file: Path, answers: dict[str, Answer]) -> None:
        text = json.dumps({key: one.model_dump() for key, one in answers.items()}, indent=1)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.touch(mode=0o600)
            part.write_text(text, encoding="utf-8")
            part.replace(file)
        except OSError as error:
            logger.info("whether RenovationFind lists its leads is not remembered: %s", error.strerror)
