"""What the answers of one call share: what was cut of them, what their markup may cost, and whether one is large."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import anyio.to_thread

LARGE = 16_384
"""Bytes of an answer from which on nothing is made of it in the event loop, which serves every other call too: a few
milliseconds' work, if all of it is markup. A usual page of ten prospects has 15,000."""
MARKUP = 50_000
"""Characters of markup that are read for one call, which takes some milliseconds; later texts are cut before."""
_MOST_NOTES = 5

T = TypeVar("T")
Args = TypeVarTuple("Args")


@dataclass(slots=True)
class CallScope:
    """One call's."""

    notes: list[str] = field(default_factory=list[str])
    """Where an answer was cut: each sentence once."""
    markup_left: int = MARKUP
    large: bool = False


_scope: ContextVar[CallScope | None] = ContextVar("call_scope", default=None)


@contextmanager
def call_scope() -> Generator[CallScope]:
    """All answers that are read within it share a scope."""
    scope = CallScope()
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def tell_cut(sentence: str) -> None:
    """Say that only a part of an answer is read."""
    scope = _scope.get()
    if scope is not None and sentence not in scope.notes and len(scope.notes) < _MOST_NOTES:
        scope.notes.append(sentence)


def markup_granted(wanted: int, least: int) -> int:
    """How many of the characters of a text with markup may be read: at least `least`, whatever was read before."""
    scope = _scope.get()
    if scope is None:
        return wanted
    granted = min(wanted, max(least, scope.markup_left))
    scope.markup_left = max(0, scope.markup_left - granted)
    return granted


def saw_answer(size: int) -> None:
    """An answer of so many bytes is about to be read."""
    scope = _scope.get()
    if scope is not None and size >= LARGE:
        scope.large = True


async def off_loop(work: Callable[[*Args], T], *args: *Args) -> T:
    """`work(*args)`, in a worker thread if the call has seen a large answer."""
    scope = _scope.get()
    if scope is None or not scope.large:
        return work(*args)
    return await anyio.to_thread.run_sync(work, *args)
