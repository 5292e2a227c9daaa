"""What an operation does to the world. Hints, gate and retry rule all follow from this one word."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


@dataclass(frozen=True, slots=True)
class Hints:
    """MCP tool annotations as the specification names them."""

    read_only: bool
    destructive: bool
    idempotent: bool


_AS_A_WRITE = "429 and what never reached the service"


class Effect(StrEnum):
    """The effect class of an operation, written once in the catalog."""

    hints: Hints
    gate: str
    """When a person's approval is needed, in words for tables."""
    retry: str
    """What the client repeats by itself, in words for tables."""
    writes: bool
    """Whether the operation changes anything on the service."""
    always_needs_approval: bool
    """Whether every call needs a person's approval."""

    def __new__(cls, value: str, hints: Hints, gate: str, retry: str) -> Self:
        """A member that is its word; the rest are facts about it."""
        effect = str.__new__(cls, value)
        effect._value_ = value
        effect.hints, effect.gate, effect.retry = hints, gate, retry
        effect.writes = not hints.read_only
        effect.always_needs_approval = hints.destructive
        return effect

    READ = (
        "read",
        Hints(read_only=True, destructive=False, idempotent=True),
        "none",
        "timeouts, 429, 5xx other than 503, broken connections",
    )
    REVERSIBLE = "reversible", Hints(read_only=False, destructive=False, idempotent=True), "none", _AS_A_WRITE
    ADDITIVE = (
        "additive",
        Hints(read_only=False, destructive=False, idempotent=False),
        "approval to override the duplicate check",
        _AS_A_WRITE,
    )
    IRREVERSIBLE = (
        "irreversible",
        Hints(read_only=False, destructive=True, idempotent=False),
        "approval, always",
        _AS_A_WRITE,
    )
