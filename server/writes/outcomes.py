"""What becomes of a write: facts only. The sentences about them are made in `server/mcp/receipts.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leadbridge.server.errors import LeadBridgeError, ServiceError, StateError
from leadbridge.server.writes.approval import DryRun, TokenNeeded
from leadbridge.server.writes.model import Done, Write
from leadbridge.server.writes.recovery import Recorded
from leadbridge.server.writes.repeats import EarlierWrite


@dataclass(frozen=True, slots=True)
class Applied:
    """The write took effect."""

    write_id: int
    done: Done
    recorded: Recorded
    found_after: ServiceError | None = None
    """Its answer was lost in this way, and the record was found on the service."""
    not_kept: StateError | None = None
    """Why what the answer showed could not be kept."""


@dataclass(frozen=True, slots=True)
class NotApplied:
    """The write provably did not take effect."""

    write_id: int
    error: ServiceError
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class MaybeApplied:
    """Nobody knows whether the write took effect."""

    write_id: int
    error: ServiceError
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a write that has several: what came of it, or in what words it was passed without a write."""

    doing: str
    result: Applied | NotApplied | MaybeApplied | EarlierWrite | LeadBridgeError | TimeoutError | str
    write: Write | None = None
    optional: bool = False
    """The whole goes on without it."""


@dataclass(frozen=True, slots=True)
class InSteps:
    """A write of several steps: those that were tried, and what they came to; nothing if the last one ended it."""

    steps: tuple[Step, ...]
    done: Done | None = None


Outcome: TypeAlias = Done | Applied | NotApplied | MaybeApplied | InSteps | EarlierWrite | DryRun | TokenNeeded
