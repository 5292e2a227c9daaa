"""Log lines: plain, to stderr, because stdout belongs to the protocol; never a key."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable


class _Redacting(logging.Formatter):
    """Writes `***` wherever a secret would stand, also inside a traceback."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def set_up(level: str, secrets: Iterable[str]) -> None:
    """Send every log record of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
