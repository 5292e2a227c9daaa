"""Whether RenovationFind answers the path of its leads, which no page documents: asked once, and remembered.

It is remembered in a small file beside the state store, because it is read at each start, which must not wait for
SQLAlchemy. Nothing here may stop a start or a call: a file that cannot be used only means that nothing is known.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
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
from leadbridge.server.services.services import Services

logger = logging.getLogger("leadbridge")

OPERATION = "renovationfind.list_leads"
LOOK_AFTER = 5.0
"""Seconds between two looks whether a service has answered a call, so that its key and the network are right."""
ASK_AGAIN = 30 * 86_400.0
LARGEST = 100_000


class Answer(BaseModel):
    """What RenovationFind was seen to do, and when, in seconds since 1970."""

    answers: bool
    asked_at: float


_ANSWERS = TypeAdapter(dict[str, Answer])


@dataclass(slots=True)
class LeadPath:
    """The inferred path of RenovationFind's leads, and what is known of it.

    What is remembered belongs to a company's account, a base URL and a path: another one is asked for again.
    """

    services: Services
    catalog: Catalog
    file: Path | None
    """Where it is remembered; without one nothing is known and nobody is asked."""
    clock: Callable[[], float]
    known: Answer | None = field(init=False, default=None)
    _asking: anyio.Lock = field(init=False, default_factory=anyio.Lock)

    def __post_init__(self) -> None:
        if self.file is not None and "renovationfind" in self.services.clients:
            self.known = self._read(self.file).get(self._key)

    @property
    def due(self) -> bool:
        """Whether it is to be asked: it never was, or a month ago."""
        if self.file is None or "renovationfind" not in self.services.clients or not self.catalog[OPERATION].path:
            return False
        return self.known is None or not 0 <= self.clock() - self.known.asked_at < ASK_AGAIN

    def __str__(self) -> str:
        """What is known, as the beginning of a sentence."""
        if self.known is None:
            return "RenovationFind was not asked for its leads"
        operation = self.catalog[OPERATION]
        path = f"{'' if operation.path_is_certain else 'inferred '}path {operation.method} {operation.path}"
        day = datetime.fromtimestamp(self.known.asked_at, UTC)
        return f"RenovationFind {'answers' if self.known.answers else 'does not answer'} the {path} ({day:%Y-%m-%d})"

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
                    if self.file is not None:  # another process may have asked meanwhile
                        self.known = self._read(self.file).get(self._key, self.known)
                    if self.due and not await self._asked():
                        return
            except Exception:  # a server whose calls work is not ended by it
                logger.exception("asking whether RenovationFind lists its leads ended")

    async def _asked(self) -> bool:
        """Whether to go on: it was answered, or others need the whole of the rate limit now."""
        in_background.set(True)
        try:
            await self.ask()
        except (LeadBridgeError, TimeoutError) as error:
            logger.info("whether RenovationFind lists its leads is not known yet: %s", error)
            return isinstance(error, RateLimited) and error.status is None
        return True

    async def ask(self) -> bool:
        """Ask for the smallest page. Whether a list of leads came, which is remembered.

        Raises:
            ServiceError: the answer does not say, such as 401, 429, 5xx or none at all.
        """
        client = self.services.client("renovationfind")
        try:
            found, leads = await RenovationFind(client, self.catalog).list_leads({"page": 1, "page_size": 1})
            answers = bool(leads) or not found.rows
        except (NotFound, PermissionDenied, Rejected, UnexpectedResponse):
            answers = False
            client.observed.missing.pop(OPERATION, None)  # nobody called it: it is no fault to report
        self.known = Answer(answers=answers, asked_at=self.clock())
        if self.file is not None:
            self._write(self.file, {**self._read(self.file), self._key: self.known})
        return answers

    @property
    def _key(self) -> str:
        client = self.services.client("renovationfind")
        return f"{self.services.account('renovationfind')} {client.base_url}{self.catalog[OPERATION].path}"

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
