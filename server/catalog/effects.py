"""What an operation does to the world. Hints, gate and retry rule all follow from this one word."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """The effect class of an operation, written once in the catalog."""

    READ = "read"
    REVERSIBLE = "reversible"
    ADDITIVE = "additive"
    IRREVERSIBLE = "irreversible"

    @property
    def writes(self) -> bool:
        """Whether the operation changes anything on the service."""
        return self is not Effect.READ

    @property
    def hints(self) -> Hints:
        """The four MCP tool hints."""
        return _HINTS[self]

    @property
    def gate(self) -> str:
        """When a person's approval is needed, in words for tables."""
        return _GATES[self]

    @property
    def retry(self) -> str:
        """What the client repeats by itself, in words for tables."""
        return _RETRIES[self]

    @property
    def always_needs_approval(self) -> bool:
        """Whether every call needs a person's approval."""
        return self is Effect.IRREVERSIBLE


@dataclass(frozen=True, slots=True)
class Hints:
    """MCP tool annotations as the specification names them."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


_HINTS = {
    Effect.READ: Hints(read_only=True, destructive=False, idempotent=True),
    Effect.REVERSIBLE: Hints(read_only=False, destructive=False, idempotent=True),
    Effect.ADDITIVE: Hints(read_only=False, destructive=False, idempotent=False),
    Effect.IRREVERSIBLE: Hints(read_only=False, destructive=True, idempotent=False),
}

_GATES = {
    Effect.READ: "none",
    Effect.REVERSIBLE: "none",
    Effect.ADDITIVE: "approval to override the duplicate check",
    Effect.IRREVERSIBLE: "approval, always",
}

_RETRIES = {
    Effect.READ: "timeouts, 429, 5xx other than 503, broken connections",
    Effect.REVERSIBLE: "429 and what never reached the service",
    Effect.ADDITIVE: "429 and what never reached the service",
    Effect.IRREVERSIBLE: "429 and what never reached the service",
}
