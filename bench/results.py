"""Rows of the result: what was measured at each peer, and whether LeadBridge keeps its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.peers import BARE, FASTMCP, LEADBRIDGE


@dataclass(frozen=True)
class Budget:
    """What LeadBridge may cost at most: a number, or so many times what the bare SDK server costs in the same run."""

    limit: float
    times_bare: bool = False

    def __str__(self) -> str:
        """The budget as the table words it."""
        return f"at most {self.limit:g} x bare" if self.times_bare else f"at most {self.limit:,.0f}"


@dataclass(frozen=True)
class Row:
    """One measure: a value for each peer that has it."""

    title: str
    unit: str
    values: Mapping[str, float]
    budget: Budget | None = None
    digits: int = 0

    def ratio(self, peer: str) -> float | None:
        """How many times the reference's value a peer's is; None for the reference itself and where there is none.

        Times and memory are compared with the bare server; what the bare server's one tool says is no measure of what
        many tools say, so counts are compared with FastMCP, and the bare server's stand without a ratio.
        """
        timed = self.budget is not None and self.budget.times_bare
        reference = BARE if timed else FASTMCP
        if peer == reference or (not timed and peer == BARE) or not self.values.get(reference):
            return None
        return self.values[peer] / self.values[reference] if peer in self.values else None

    @property
    def met(self) -> bool | None:
        """Whether LeadBridge keeps the budget; None without one.

        A budget against the bare server is judged on the measured values, not on the rounded ones of the table.
        """
        if self.budget is None:
            return None
        value = self.ratio(LEADBRIDGE) if self.budget.times_bare else self.values[LEADBRIDGE]
        return value is not None and value <= self.budget.limit

    def value(self, peer: str) -> str:
        """A peer's value with its unit, and its ratio where that says something."""
        if peer not in self.values:
            return "-"
        text = f"{self.values[peer]:,.{self.digits}f} {self.unit}".rstrip()
        ratio = self.ratio(peer)
        return text if ratio is None else f"{text} ({ratio:.2f} x)"

    @property
    def verdict(self) -> str:
        """The budget's state in words."""
        return {None: "-", True: "met", False: "NOT MET"}[self.met]
