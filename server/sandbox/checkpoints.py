"""Checkpoints of a sandbox: save what there is, list what changed since, and go back, to try a day twice."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic_core import to_jsonable_python

from leadbridge.server.sandbox.options import Options
from leadbridge.server.sandbox.state import State

MOST = 20
CLOCK = "give it as in 2026-12-01T09:00:00Z or 2026-12-01T09:00:00-06:00; null follows the machine"
_COUNTERS = "last_id"


class SettableClock:
    """The time of a sandbox: the machine's, until it is set; from then on it goes on from there."""

    def __init__(self, options: Options) -> None:
        self._now = options.now
        self.shift: timedelta | None = None

    def now(self) -> datetime:
        """The sandbox's time."""
        return self._now() + (self.shift or timedelta())

    def set(self, moment: datetime | None) -> None:
        """Set it, or let it follow the machine again.

        Raises:
            ValueError: a moment without a zone.
        """
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"now must have a zone; {CLOCK}")
        self.shift = None if moment is None else moment - self._now()


@dataclass(frozen=True, slots=True)
class _Saved:
    parts: dict[str, Any]
    moment: datetime | None


class Checkpoints:
    """The checkpoints of one sandbox, by name."""

    def __init__(self, state: State, clock: SettableClock) -> None:
        self._state, self._clock = state, clock
        self._saved: dict[str, _Saved] = {}

    @property
    def names(self) -> list[str]:
        """In the order in which they were saved."""
        return list(self._saved)

    def save(self, name: str) -> None:
        """Save all records, writes and requests; the same name again replaces what was saved.

        Raises:
            ValueError: no name, or too many checkpoints.
        """
        if not name or "/" in name:
            raise ValueError("name must be a text without /")
        if len({*self._saved, name}) > MOST:
            raise ValueError(f"there are {MOST} checkpoints already; save one of them anew: {', '.join(self._saved)}")
        moment = None if self._clock.shift is None else self._clock.now()
        self._saved[name] = _Saved(deepcopy(self._state.parts()), moment)

    def go_back(self, name: str) -> None:
        """Everything as it was when it was saved; a clock that was set then shows what it showed.

        Raises:
            ValueError: no such checkpoint.
        """
        saved = self._known(name)
        self._state.replace_parts(deepcopy(saved.parts))
        self._clock.set(saved.moment)

    def changes(self, name: str) -> dict[str, Any]:
        """By kind of record: the ids that came, those that went, and the fields that changed, before and after.

        Of lists, such as writes and mails, what came.

        Raises:
            ValueError: no such checkpoint.
        """
        found: dict[str, Any] = {}
        before = self._known(name).parts
        for kind, now in self._state.parts().items():
            if isinstance(now, list):
                difference: object = cast("list[object]", now)[len(before[kind]) :]
            else:
                difference = {} if kind == _COUNTERS else _difference(before[kind], now)
            if difference:
                found[kind] = difference
        return to_jsonable_python(found, bytes_mode="base64")

    def _known(self, name: str) -> _Saved:
        if name not in self._saved:
            raise ValueError(f"there is no checkpoint {name!r}; there are: {', '.join(self._saved) or 'none'}")
        return self._saved[name]


def _difference(before: dict[int, Any], now: dict[int, Any]) -> dict[str, Any]:
    changed = {key: _changed(before[key], now[key]) for key in now if key in before and now[key] != before[key]}
    came = {key: now[key] for key in now if key not in before}
    went = [key for key in before if key not in now]
    return {word: what for word, what in (("came", came), ("changed", changed), ("went", went)) if what}


def _changed(before: Any, now: Any) -> dict[str, Any]:
    pairs = {field.name: (getattr(before, field.name), getattr(now, field.name)) for field in fields(now)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
