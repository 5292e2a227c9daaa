"""Where an answer was cut: said by whoever cuts it, shown by the tool that was called."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_MOST = 5
_told: ContextVar[list[str] | None] = ContextVar("told_of_cuts", default=None)


@contextmanager
def noting_cuts() -> Generator[list[str]]:
    """The sentences that are told within it, each once."""
    told: list[str] = []
    token = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(token)


def tell_cut(sentence: str) -> None:
    """Say that only a part of an answer is read."""
    told = _told.get()
    if told is not None and sentence not in told and len(told) < _MOST:
        told.append(sentence)
